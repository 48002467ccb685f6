"""Our Engine.IO and Socket.IO server: python-engineio and python-socketio with what they lose repaired.

In short: bodies are read to their end, a payload is taken whole or refused with a 400, an upgrade holds nothing back
and times out, each connection has one inbox worked off in order while its transport goes on being read, every answer is
written, memory per reader is bounded in bytes, and a transport that is closed is really closed.

Mount it without the chat: `server = create_server(...)`, `@server.on(...)`, `attach(server, app, "/socket.io/")`. Or
the Engine.IO half alone: `engine = create_engine(...)`, `@engine.on("message")`, `attach(engine, app, "/engine.io/")`.
Served by `listen(runner, server.eio, host, port)` instead of a site of aiohttp's, polls cost a fraction.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypedDict, Unpack

from aiohttp import web

from app.live.engine.base import check
from app.live.engine.events import Server
from app.live.engine.handshake import listen
from app.live.engine.library import GOING_AWAY
from app.live.engine.manager import Manager
from app.live.engine.packets import Packet
from app.live.engine.requests import Engine, expect
from app.live.engine.session import OUTBOX_LIMIT, Session

__all__ = [
    "GOING_AWAY",
    "Engine",
    "EngineSettings",
    "Server",
    "Session",
    "attach",
    "create_engine",
    "create_server",
    "listen",
]

library_log = logging.getLogger("parlor.library")
library_log.setLevel(logging.WARNING)  # at `info` the libraries log every packet


class EngineSettings(TypedDict, total=False):
    """What both halves may be told.

    ping_interval, ping_timeout: seconds, fractions allowed. max_payload: bytes of one POST or one WebSocket message.
    transports: of `websocket`, `polling`. origins: allowed besides the page's own host; `*` allows all.
    outbox_limit: bytes that may wait for one slow reader. max_websockets: the next one is answered 503.
    max_age: seconds after which a session is closed, give or take, so that its client comes back on a new one.
    own_host: the host the page is served on, as a trusted proxy names it; the Host header where it is not given.
    own_scheme: `http` or `https`, as a trusted proxy names it; empty where nobody does.
    """

    ping_interval: float
    ping_timeout: float
    max_payload: int
    transports: Iterable[str]
    origins: Iterable[str]
    compression: bool
    outbox_limit: int
    max_websockets: int | None
    max_age: float | None
    own_host: Callable[[web.Request], str] | None
    own_scheme: Callable[[web.Request], str] | None


def create_server(*, namespaces: Any = None, **settings: Unpack[EngineSettings]) -> Server:
    """A python-socketio server, ready for handlers. Raises UnfitLibrary for a release that our repairs do not fit."""
    check()
    return Server(
        serializer=Packet,
        client_manager=Manager(),
        namespaces=namespaces,
        engineio_logger=library_log,
        **_options(**settings),
    )


def create_engine(**settings: Unpack[EngineSettings]) -> Engine:
    """A python-engineio server alone, ready for the coroutines `connect(sid, environ)`, `message(sid, data)` and
    `disconnect(sid, reason)`. Data comes as it was sent, str or bytes: nothing is read into it."""
    return Engine(**_options(**settings))


def _options(
    *,
    ping_interval: float = 25,
    ping_timeout: float = 20,
    max_payload: int = 1_000_000,
    transports: Iterable[str] = ("websocket", "polling"),
    origins: Iterable[str] = (),
    compression: bool = False,
    outbox_limit: int = OUTBOX_LIMIT,
    max_websockets: int | None = None,
    max_age: float | None = None,
    own_host: Callable[[web.Request], str] | None = None,
    own_scheme: Callable[[web.Request], str] | None = None,
) -> dict[str, Any]:
    return {
        "ping_interval": ping_interval,
        "ping_timeout": ping_timeout,
        "max_http_buffer_size": max_payload,
        "transports": list(transports),
        "origins": frozenset(origins),
        "compression": compression,
        "outbox_limit": outbox_limit,
        "max_websockets": max_websockets,
        "max_age": max_age,
        "own_host": own_host or (lambda request: request.headers.get("Host", "")),
        "own_scheme": own_scheme or (lambda _: ""),
        "http_compression": False,
        "monitor_clients": False,
        "logger": library_log,
    }


def attach(server: Server | Engine, app: web.Application, path: str = "/socket.io/") -> None:
    """Serve `server` at `path` of an aiohttp application, with a slash at its end or without."""
    engine = server if isinstance(server, Engine) else server.eio
    for address in (f"/{path.strip('/')}/", f"/{path.strip('/')}"):
        app.router.add_route("*", address, engine.handle_request, expect_handler=expect)
