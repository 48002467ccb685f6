"""A WebSocket handshake that is like an earlier one is answered below HTTP: the same request but for its key and the
values of its cookies, byte for byte, the first of its connection and all that came of it. Every other request goes
through aiohttp, and so does the first of its kind: that one was let in, so the next one is.

Only where `listen` was told so, for the application's middlewares do not see these. A door stands where a connection
begins; what is no such handshake it hands to a line, with aiohttp's handler behind it.
"""

import asyncio
import re
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aiohttp import HttpVersion11, web
from aiohttp.web_server import Server
from engineio.async_drivers.aiohttp import translate_request

from app.live.engine import line
from app.live.engine.heads import END
from app.live.engine.heart import Waiting
from app.live.engine.wire import Wire, switching

if TYPE_CHECKING:
    from app.live.engine.requests import Engine

SILENT = 1.0  # seconds in which a connection may bring its first bytes before aiohttp's handler waits for them
MOST = 100  # patterns kept; then the one that was of no use for longest goes
REQUEST = "aiohttp.request"

_KEY = re.compile(rb"\r\nsec-websocket-key: ([A-Za-z0-9+/]{22}==)(?=\r\n)", re.IGNORECASE)
_COOKIES = re.compile(rb"\r\ncookie: ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)(?=\r\n)", re.IGNORECASE)
_WITH_A_BODY = (b"\r\ncontent-length", b"\r\ntransfer-encoding", b"\r\nexpect")

Pattern = tuple[bytes, ...]  # the pieces of a head around its key and, where it has them, its cookies


class Handshakes:
    """Those that were let in, as patterns, with the request and its environ, less its key and cookies."""

    def __init__(self) -> None:
        self._known: dict[Pattern, tuple[web.Request, dict[str, Any]]] = {}

    def find(self, head: bytes) -> "Environ | None":
        """What a connect handler is to know of a handshake; None for one that has to be judged."""
        key = _KEY.search(head) if may_be_one(head) else None
        if key is None:
            return None
        cookies = _COOKIES.search(head)
        pattern = _pattern(head, key, cookies)
        known = self._known.pop(pattern, None)
        if known is None:
            return None
        self._known[pattern] = known  # the last to go
        request, environ = known
        return Environ(environ, request, key[1].decode(), cookies[1].decode() if cookies else None)

    def learn(self, head: bytes, peer: str, request: web.Request) -> None:
        """It was let in as it came. One that comes only once (with a session's id, or with a cache-busting `t`) is no
        pattern, nor is one of which a middleware made another."""
        key = _KEY.search(head)
        if key is None or not may_be_one(head) or not _is_whole(head) or request.version != HttpVersion11:
            return
        if "sid" in request.query or "t" in request.query or request.protocol.access_logger:
            return
        if (request.remote, request.host, request.scheme) != (peer, request.headers.get("Host"), "http"):
            return
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        environ = translate_request(request)
        for own in (REQUEST, "HTTP_SEC_WEBSOCKET_KEY", "HTTP_COOKIE"):
            environ.pop(own, None)
        self._known[_pattern(head, key, _COOKIES.search(head))] = request, environ


def may_be_one(data: bytes) -> bool:
    return len(data) <= line.LONGEST and data.startswith(b"GET ") and data.endswith(END)


def _pattern(head: bytes, key: re.Match[bytes], cookies: re.Match[bytes] | None) -> Pattern:
    """Pieces, not what they come to together: a head with an empty hole is not one with that hole."""
    pieces, begin = [], 0
    for start, end in sorted(hole.span(1) for hole in (key, cookies) if hole):
        pieces.append(head[begin:start])
        begin = end
    return (*pieces, head[begin:])


def _is_whole(head: bytes) -> bool:
    """One head, plain, with nothing behind it, and what may differ in it once at the most, where we look for it."""
    folded = head.lower()
    plain = folded.count(b"\n") == folded.count(b"\r") == folded.count(b"\r\n")
    alone = folded.endswith(END) and folded.count(END) == 1 and not any(name in folded for name in _WITH_A_BODY)
    cookies = folded.count(b"\r\ncookie")
    return plain and alone and folded.count(b"sec-websocket-key") == 1 and cookies == len(_COOKIES.findall(head)) <= 1


class Environ(dict[str, Any]):
    """The environ of a handshake that is like an earlier one. Its request is made when somebody asks for it."""

    __slots__ = ("_first", "remote")

    def __init__(self, like: dict[str, Any], first: web.Request, key: str, cookies: str | None) -> None:
        super().__init__(like)
        self._first, self.remote = first, ""
        self["HTTP_SEC_WEBSOCKET_KEY"] = key
        if cookies is not None:
            self["HTTP_COOKIE"] = cookies

    def __missing__(self, name: str) -> Any:
        if name != REQUEST:
            raise KeyError(name)
        headers = self._first.headers.copy()
        headers["Sec-WebSocket-Key"] = self["HTTP_SEC_WEBSOCKET_KEY"]
        if "HTTP_COOKIE" in self:
            headers["Cookie"] = self["HTTP_COOKIE"]
        else:
            headers.popall("Cookie", None)
        self[REQUEST] = request = self._first.clone(headers=headers, remote=self.remote)
        for held in list(request):  # what a middleware put there is the first one's
            del request[held]
        return request

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self or name == REQUEST else default


class Door(asyncio.Protocol):
    """A connection that has brought nothing yet. To aiohttp's server it is a handler that waits."""

    __slots__ = ("_engine", "_handshakes", "_server", "_silent", "_transport")

    _task_handler = None

    def __init__(self, engine: "Engine", server: Server, handshakes: Handshakes, silent: "Waiting[Door]") -> None:
        self._engine, self._server, self._handshakes, self._silent = engine, server, handshakes, silent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connection_made(self, self._transport)  # type: ignore[arg-type]
        self._silent.add(self, SILENT)

    def data_received(self, data: bytes) -> None:
        environ = self._handshakes.find(data)
        if environ is None or not self._engine.opens_at_once or self._engine.is_full:
            learn = partial(self._handshakes.learn, data, self._peer) if may_be_one(data) else None
            self.hand_over().hear_first(data, learn)
        else:
            self._leave()
            self._let_in(environ)

    @property
    def _peer(self) -> str:
        return str((self._transport.get_extra_info("peername") or ("",))[0])

    def _let_in(self, environ: Environ) -> None:
        engine, transport = self._engine, self._transport
        environ.remote = self._peer
        wire = Wire(engine.flush, engine.outbox_limit, engine.max_http_buffer_size)
        transport.set_protocol(wire)
        wire.connection_made(transport)
        wire.send(switching(environ["HTTP_SEC_WEBSOCKET_KEY"]))
        session = engine.begin("websocket")
        engine.short_handshakes += 1
        engine.websockets += 1
        session.connected = True
        session.speak_over(wire)
        engine.opened(session, environ)

    def hand_over(self) -> "line.Line":
        """From now on it is aiohttp's, but for the polls."""
        self._leave()
        other = line.Line(self._engine, self._server())
        self._transport.set_protocol(other)
        other.connection_made(self._transport)
        return other

    def _leave(self) -> None:
        self._silent.discard(self)
        self._server.connection_lost(self)  # type: ignore[arg-type]

    def eof_received(self) -> None:
        """Who says nothing and no more: the transport is closed."""

    def connection_lost(self, _error: Exception | None) -> None:
        self._leave()

    # --- as aiohttp's server has it at its end ---

    def close(self) -> None:
        self._transport.close()

    async def shutdown(self, _timeout: float | None = None) -> None:
        self._transport.abort()


async def listen(
    runner: web.AppRunner,
    engine: "Engine",
    host: str | None = None,
    port: int | None = None,
    *,
    sock: socket.socket | None = None,
    short_handshakes: bool = False,
    backlog: int = 1024,
) -> asyncio.Server:
    """Serve what `runner` was set up for, the polls of `engine` by the short way: on a host and port, or on `sock`,
    which is bound already. Raises OSError.

    short_handshakes: WebSocket handshakes, too. For an application whose middlewares, and whose `own_host`, let a
    handshake in whatever its cookies are, and after it every one that is like it.
    """
    server, loop = runner.server, asyncio.get_running_loop()
    assert server is not None
    where: dict[str, Any] = {"sock": sock} if sock else {"host": host, "port": port}
    if not engine.takes_over:
        return await loop.create_server(server, **where, backlog=backlog)
    if not short_handshakes or engine.compression:
        return await loop.create_server(lambda: line.Line(engine, server()), **where, backlog=backlog)
    known, silent = Handshakes(), Waiting[Door](Door.hand_over)
    door = partial(Door, engine, server, known, silent)
    listener = await loop.create_server(door, **where, backlog=backlog)
    for one in listener.sockets:  # as aiohttp has it; who is accepted inherits it
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
