"""What `socketio.AsyncServer` asks of its Engine.IO server, and the check that this release of it fits.

A release that renames what we override would not fail loudly, it would quietly bring back what we repaired. So a
version that does not fit is refused with a sentence. docs/engine.md tells the repairs.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import socketio
from socketio import async_manager
from socketio import packet as socketio_packet

from app.engineio import EngineServer, Reason, message
from app.engineio.server import new_sid

CHECKED = "5.18.1"  # the python-socketio that docs/engine.md speaks of

# What we override or call -> the names of its parameters, in order.
LEANS_ON: dict[Callable[..., Any], tuple[str, ...]] = {
    socketio.AsyncServer._engineio_server_class: ("self",),
    socketio.AsyncServer._get_event_handler: ("self", "event", "namespace", "args"),
    socketio.AsyncServer._trigger_event: ("self", "event", "namespace", "args"),
    socketio.AsyncServer._handle_eio_disconnect: ("self", "eio_sid", "reason"),
    socketio.AsyncServer._handle_disconnect: ("self", "eio_sid", "namespace", "reason"),
    socketio.AsyncServer._handle_ack: ("self", "eio_sid", "namespace", "id", "data"),
    socketio.AsyncServer._send_packet: ("self", "eio_sid", "pkt"),
    socketio.AsyncServer.disconnect: ("self", "sid", "namespace", "ignore_queue"),
    async_manager.AsyncManager.get_participants: ("self", "namespace", "room"),
    async_manager.AsyncManager.is_connected: ("self", "sid", "namespace"),
    async_manager.AsyncManager.pre_connect: ("self", "eio_sid", "namespace"),
    async_manager.AsyncManager.connect: ("self", "sid", "namespace"),
    async_manager.AsyncManager.disconnect: ("self", "sid", "namespace", "kwargs"),
    async_manager.AsyncManager.basic_enter_room: ("self", "sid", "namespace", "room", "eio_sid"),
    async_manager.AsyncManager.basic_leave_room: ("self", "sid", "namespace", "room"),
    async_manager.AsyncManager.basic_disconnect: ("self", "sid", "namespace", "kwargs"),
    async_manager.AsyncManager.get_rooms: ("self", "sid", "namespace"),
    async_manager.AsyncManager.is_sid_room: ("self", "namespace", "room"),
    async_manager.AsyncManager.trigger_callback: ("self", "sid", "id", "data"),
    async_manager.AsyncManager.sid_from_eio_sid: ("self", "eio_sid", "namespace"),
    async_manager.AsyncManager.eio_sid_from_sid: ("self", "sid", "namespace"),
    socketio_packet.Packet.decode: ("self", "encoded_packet"),
    socketio_packet.Packet.encode: ("self",),
    socketio_packet.Packet.add_attachment: ("self", "attachment"),
    socketio_packet.Packet.reconstruct_binary: ("data", "attachments"),
    socketio_packet.Packet.data_is_binary: ("data",),
}


class UnfitLibrary(RuntimeError):
    """A python-socketio whose insides are not the ones that our repairs were made for."""


def check(leans_on: dict[Callable[..., Any], tuple[str, ...]] | None = None) -> None:
    """Raises UnfitLibrary, naming the part that has changed and the version that fits."""
    for part, wanted in (leans_on or LEANS_ON).items():
        found = tuple(inspect.signature(part).parameters)
        if found != wanted:
            raise UnfitLibrary(
                f"{part.__module__}.{part.__qualname__} takes ({', '.join(found)}), not ({', '.join(wanted)}): "
                f"this release does not fit. Parlor's engine was made for python-socketio {CHECKED}."
            )


class EngineAdapter:
    """An `EngineServer` as `socketio.AsyncServer` wants to see it."""

    async_mode = "aiohttp"

    def __init__(self, *, engine: EngineServer, **_: Any) -> None:
        self.engine = engine
        self._user_sessions: dict[str, dict[str, Any]] = {}

    def on(self, event: str, handler: Any = None) -> None:
        """Its events reach our server by callbacks of the engine's."""

    def generate_id(self) -> str:
        return new_sid()

    async def send(self, sid: str, data: str | bytes) -> None:
        if session := self.engine.sessions.get(sid):
            session.send_packet(message(data))

    async def send_packet(self, sid: str, packet: Any) -> None:
        """A MESSAGE of python-engineio's, as `emit` makes one for all who are to hear it."""
        await self.send(sid, packet.data)

    async def disconnect(self, sid: str) -> None:
        if session := self.engine.sessions.get(sid):
            session.end(Reason.SERVER_DISCONNECT)

    def transport(self, sid: str) -> str:
        """The transport that a session speaks now. Raises KeyError."""
        return self.engine.sessions[sid].transport.name

    async def get_session(self, sid: str) -> dict[str, Any]:
        """What the application keeps with a session. Raises KeyError."""
        return self._user_sessions.setdefault(self.engine.sessions[sid].sid, {})

    def forget(self, sid: str) -> None:
        self._user_sessions.pop(sid, None)

    def start_background_task(self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **more: Any) -> Any:
        return asyncio.ensure_future(target(*args, **more))

    async def sleep(self, seconds: float = 0) -> None:
        await asyncio.sleep(seconds)

    def create_event(self) -> asyncio.Event:
        return asyncio.Event()

    async def shutdown(self) -> None:
        """Its sessions are closed by `close_all`."""
