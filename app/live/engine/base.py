"""What we lean on of python-engineio and python-socketio that they do not promise: named here, checked at start.

A release that renames one of these would not fail loudly, it would quietly bring back what we repaired. So a version
that does not fit is refused with a sentence. docs/engine.md tells the repairs.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import engineio
import socketio
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server as WebServer
from engineio import async_socket, packet
from engineio.async_drivers import aiohttp as driver
from socketio import async_manager
from socketio import packet as socketio_packet

log = logging.getLogger("parlor.live")

CHECKED = {"python-engineio": "4.15.1", "python-socketio": "5.18.1"}  # the versions that docs/engine.md speaks of

# What we override or call -> the names of its parameters, in order.
LEANS_ON: dict[Callable[..., Any], tuple[str, ...]] = {
    engineio.AsyncServer.handle_request: ("self", "args", "kwargs"),
    engineio.AsyncServer._trigger_event: ("self", "event", "args", "kwargs"),
    engineio.AsyncServer.send_packet: ("self", "sid", "pkt"),
    engineio.AsyncServer._get_socket: ("self", "sid"),
    engineio.AsyncServer.generate_id: ("self",),
    async_socket.AsyncSocket.send: ("self", "pkt"),
    async_socket.AsyncSocket.close: ("self", "wait", "abort", "reason"),
    async_socket.AsyncSocket.check_ping_timeout: ("self",),
    packet.Packet.__init__: ("self", "packet_type", "data", "encoded_packet"),
    packet.Packet.encode: ("self", "b64"),
    driver.translate_request: ("request",),
    socketio.AsyncServer._engineio_server_class: ("self",),
    socketio.AsyncServer._get_event_handler: ("self", "event", "namespace", "args"),
    socketio.AsyncServer._trigger_event: ("self", "event", "namespace", "args"),
    socketio.AsyncServer._handle_eio_connect: ("self", "eio_sid", "environ"),
    socketio.AsyncServer._handle_eio_message: ("self", "eio_sid", "data"),
    socketio.AsyncServer._handle_eio_disconnect: ("self", "eio_sid", "reason"),
    socketio.AsyncServer._handle_connect: ("self", "eio_sid", "namespace", "data"),
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


# What the wire takes from aiohttp when it takes a socket over. Without them the library's own path is taken, loudly.
HANDED_OVER: dict[type, tuple[str, ...]] = {
    RequestHandler: (
        *("_force_close", "_manager", "_message_tail", "connected", "keep_alive", "transport"),
        *("_current_request", "_messages", "_next_keepalive_close_time", "_waiter", "writing_paused"),
        *("access_logger", "keepalive_timeout"),
    ),
    WebServer: ("connection_lost", "connection_made"),
}


class UnfitLibrary(RuntimeError):
    """A library whose insides are not the ones that our repairs were made for."""


def check(leans_on: dict[Callable[..., Any], tuple[str, ...]] | None = None) -> None:
    """Raises UnfitLibrary, naming the part that has changed and the versions that fit."""
    for part, wanted in (leans_on or LEANS_ON).items():
        found = tuple(inspect.signature(part).parameters)
        if found != wanted:
            versions = " and ".join(f"{name} {version}" for name, version in CHECKED.items())
            raise UnfitLibrary(
                f"{part.__module__}.{part.__qualname__} takes ({', '.join(found)}), not ({', '.join(wanted)}): "
                f"this release does not fit. Parlor's engine was made for {versions}."
            )


def may_take_over(handed_over: dict[type, tuple[str, ...]] | None = None) -> bool:
    """Has this release of aiohttp what the wire needs? Says so in the log where it has not."""
    for part, names in (handed_over or HANDED_OVER).items():
        known = {name for kind in part.__mro__ for name in (*vars(kind), *getattr(kind, "__slots__", ()))}
        if missing := [name for name in names if name not in known]:
            log.warning(
                "aiohttp %s has no %s.%s: WebSockets go the library's own way, at several times the cost",
                aiohttp.__version__,
                part.__name__,
                missing[0],
            )
            return False
    return True
