"""How an Engine.IO server is reached: mounted in an aiohttp application, and by a listener in front of one."""

import asyncio
import contextlib
import socket
from typing import Any

from aiohttp import web

from app.engineio.addresses import AddressLimit
from app.engineio.http import Access, Front, Gateway, HttpConnection, Service, Services
from app.engineio.request import Request

BODY_TIMEOUT_S = 45.0

SERVICES = web.AppKey("engineio services", Services)
FRONT = web.AppKey("engineio front", list[Front])


class Taken(web.Response):
    """What the handler of a request returns whose connection is another's by now: nothing is left to write."""

    async def prepare(self, _request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, _data: Any = b"") -> None:
        self._eof_sent = True

    @property
    def keep_alive(self) -> bool:
        return False


def attach(service: Service, app: web.Application, path: str) -> None:
    """Serve `service` at `path` of an aiohttp application; `{name}` in it stands for any one part. A request that comes
    there by aiohttp takes its connection along: the next ones are parsed here first."""
    path = f"/{path.strip('/')}/"
    if SERVICES not in app:
        app[SERVICES], app[FRONT] = Services(), []
        app.on_shutdown.append(_stop)
        app.on_cleanup.append(_abort)

    async def detach(request: web.Request) -> web.StreamResponse:
        return await _detach(request, service)

    for one in (path, path.rstrip("/")):
        app[SERVICES].add(one, service)
        app.router.add_route("*", one, detach)


async def _stop(app: web.Application) -> None:
    for front in app[FRONT]:
        front.stop()


async def _abort(app: web.Application) -> None:
    """aiohttp has given its requests their time."""
    for front in app[FRONT]:
        front.abort()


async def _detach(request: web.Request, service: Service) -> web.StreamResponse:
    if "Content-Encoding" in request.headers:
        return web.Response(status=415, text="Compressed bodies are not read here")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _body(request, service.max_body)
    except (TimeoutError, web.RequestPayloadError):
        return web.Response(status=400, text="The body did not come to its end")
    transport = request.transport
    if transport is None or transport.is_closing():
        return web.Response(status=400)
    ours = _as_parsed(request, body)
    if request.protocol._messages:  # pipelined ones, which only aiohttp can read: their client has to ask again
        ours.keep_alive = False
    manager, tail = _let_go(request)
    if isinstance(transport, Gateway):
        connection = transport.give_back()
    else:
        connection = HttpConnection(_front(request.app, manager))
        transport.set_protocol(connection)
        connection.connection_made(transport)
        connection.reader.rest, connection.reader.is_stopped = tail, ours.is_upgrade
    connection.serve(ours, service)
    return Taken(status=101)


async def _body(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise web.HTTPRequestEntityTooLarge(limit, len(body))
    return bytes(body)


def _as_parsed(request: web.Request, body: bytes) -> Request:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    ours = Request(
        request.method,
        f"{request.path}?{request.rel_url.raw_query_string}".rstrip("?").encode(),
        f"{request.version.major}.{request.version.minor}",
        peer=str(peer[0]) if isinstance(peer, tuple) else "",
        scheme=request.url.scheme,
        keep_alive=request.keep_alive,
        is_upgrade="Upgrade" in request.headers and "upgrade" in request.headers.get("Connection", "").lower(),
        has_head=True,
        is_complete=True,
        body=bytearray(body),
    )
    for name, value in request.raw_headers:
        ours.add(name, value)
    return ours


def _let_go(request: web.Request) -> tuple[Any, bytes]:
    """Take the connection from aiohttp's handler. Its server, and what came behind the request."""
    handler = request.protocol
    manager, tail = handler._manager, handler._message_tail
    handler._message_tail = b""
    assert manager is not None
    manager.connection_lost(handler, None)
    handler.keep_alive(False)
    handler._force_close = True
    handler.transport = None
    return manager, tail


def _front(app: web.Application, manager: Any) -> Front:
    """What the connections have in common that came by this server of aiohttp's."""
    for front in app[FRONT]:
        if front.handler is manager:
            return front
    front = Front(app[SERVICES], manager)
    app[FRONT].append(front)
    return front


class Listener:
    """Sockets that are listened on, in front of an aiohttp application."""

    def __init__(self, server: asyncio.Server, front: Front) -> None:
        self._server, self._front = server, front
        self.sockets = server.sockets

    @property
    def connections(self) -> list[HttpConnection]:
        """Those that speak HTTP."""
        return list(self._front.connections)

    def close(self) -> None:
        """Accept no more; idle connections are closed, the others once they have answered."""
        self._server.close()
        self._front.stop()


async def listen(
    runner: web.AppRunner,
    host: str | None = None,
    port: int | None = None,
    *,
    sock: socket.socket | None = None,
    access: Access | None = None,
    addresses: AddressLimit | None = None,
    max_silent: int | None = None,
    backlog: int = 1024,
) -> Listener:
    """Serve what `runner` was set up for, on a host and port, or on `sock`, which is bound already: the services that
    are attached to its application are reached without aiohttp, everything else goes to it. access: is told of every
    request that was answered so: the request, the status, the bytes of the body. addresses, max_silent: as in Front.
    Raises OSError."""
    assert runner.server is not None
    front = Front(runner.app.get(SERVICES, Services()), runner.server, access, addresses, max_silent)
    runner.app[FRONT].append(front)
    where: dict[str, Any] = {"sock": sock} if sock else {"host": host, "port": port}
    server = await asyncio.get_running_loop().create_server(lambda: HttpConnection(front), **where, backlog=backlog)
    for one in server.sockets:  # as aiohttp has it; a connection that is accepted inherits it
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        with contextlib.suppress(OSError):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listener(server, front)
