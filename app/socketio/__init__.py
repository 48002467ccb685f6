"""A Socket.IO 5 server: python-socketio's API on our own Engine.IO.

Mount it in any aiohttp application: `server = create_server(...)`, `@server.on(...)`, `attach(server, app)`. Served by
`await listen(runner, host, port)` in place of a site of aiohttp's, its requests are answered without aiohttp.
"""

import logging
from typing import Any

from aiohttp import web

from app import engineio
from app.engineio import AddressLimit, EngineServer, Listener, Reason, Settings, listen
from app.socketio.adapter import check
from app.socketio.manager import Manager
from app.socketio.server import REQUEST, Server

__all__ = ["REQUEST", "AddressLimit", "Listener", "Reason", "Server", "Settings", "attach", "create_server", "listen"]

library_log = logging.getLogger("parlor.library")
library_log.setLevel(logging.WARNING)  # at `info` the library logs every packet


def create_server(*, namespaces: Any = None, **settings: Any) -> Server:
    """A server, ready for handlers. settings: those of `engineio.Settings`. Raises UnfitLibrary for a release of
    python-socketio that our repairs do not fit."""
    check()
    engine = EngineServer(Settings(**settings))
    return Server(engine=engine, client_manager=Manager(), namespaces=namespaces, logger=library_log)


CLOSE_TIMEOUT_S = 1.0  # for WebSockets, when the application ends


def attach(server: Server, app: web.Application, path: str = "/socket.io/") -> None:
    """Serve `server` at `path` of an aiohttp application, and close every connection when that ends."""

    async def begin_closing(_: web.Application) -> None:
        server.close_all()

    async def wait_closed(_: web.Application) -> None:
        await server.wait_closed(CLOSE_TIMEOUT_S)

    engineio.attach(server.engine, app, path)
    app.on_shutdown.append(begin_closing)
    app.on_cleanup.append(wait_closed)  # aiohttp has waited for its own requests meanwhile
