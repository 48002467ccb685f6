"""The names by which others mount the engine without the chat: a factory that takes its settings, and the calls that
attach it to an aiohttp application and serve that. What they stand for is in app/socketio/."""

from app.socketio import attach, create_server, listen

__all__ = ["attach", "create_server", "listen"]
