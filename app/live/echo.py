"""A plain WebSocket that says back what it hears: the simplest proof that WebSockets come through."""

from collections.abc import Callable

from app.engineio.plain import PlainSocket, PlainWebSockets
from app.engineio.request import Request
from app.socketio import Server

SUBPROTOCOLS = ("echo.parlor", "chat")


def echoes(server: Server, asked: Callable[[Request, bool], None]) -> PlainWebSockets:
    """Text comes back as text, bytes as bytes. asked: is told of every request, and whether there is no room for it."""
    return PlainWebSockets(server.engine, _echo, SUBPROTOCOLS, asked)


def _echo(socket: PlainSocket, _request: Request) -> None:
    socket.on_message = socket.send
