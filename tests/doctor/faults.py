"""A proxy with the faults that a doctor must tell apart: those of tests/support/proxy.py, and more."""

import asyncio
import ssl
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

from tests.support.proxy import Proxy, Request, _header, _kind, _switching

KEPT = "GET /socket.io/?EIO=4&transport=polling"  # how a handshake begins; it has no `sid`


class Faulty(Proxy):
    """In front of one server, or of several that take turns. What is set while it runs is in force at once."""

    def __init__(self, *targets: str, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(targets[0])
        self.tls = tls
        self.strips = ""  # the one header that is taken from WebSocket handshakes
        self.refuses: int | None = None  # the status that WebSocket handshakes are answered with
        self.down: int | None = None  # the status that everything is answered with
        self.caches = False  # handshakes of polling, whatever their query says
        self.caches_pages = False
        self.squeezes = ""  # "offered", "taken": a WebSocket dies where permessage-deflate was
        self.squanders = False  # polls are answered at once with nothing
        self.drops_frames = False  # behind a 101 of the server
        self.holds: int | None = None  # WebSockets at once; the next is answered 503
        self.says_proto = ""  # the X-Forwarded-Proto that the server gets to see
        self.renames = ""  # the Host that the server gets to see
        self.adds: tuple[str, ...] = ()  # header lines of every answer
        self.takes: tuple[str, ...] = ()  # names of headers that are taken from every answer
        self._turns = cycle([(urlsplit(target).hostname, urlsplit(target).port) for target in targets])
        self._kept: dict[str, bytes] = {}
        self._standing = 0  # WebSockets
        self._dumb: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def accept(self) -> None:
        if not self.tls:
            return await super().accept()
        listening = await asyncio.start_server(self._take, "127.0.0.1", self.port, ssl=self.tls)
        self._listening, self.port = listening, listening.sockets[0].getsockname()[1]
        return None

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.target = next(self._turns)
        lines = head[:-4].decode("latin-1").split("\r\n")
        opens = _kind(lines) == "websocket"
        if self.says_proto:
            lines.append(f"X-Forwarded-Proto: {self.says_proto}")
        if self.renames:
            lines = [f"Host: {self.renames}" if line.lower().startswith("host:") else line for line in lines]
        self._standing += opens
        try:
            await self._serve(lines, reader, writer)
        finally:
            self._standing -= opens
            self._dumb.discard(writer)

    async def _serve(self, lines: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not (answer := self._own_answer(lines, _kind(lines) == "websocket")):
            return await super()._answer(_joined(lines), reader, writer)
        at, cookie = asyncio.get_running_loop().time(), _header(lines, "cookie")
        self.requests.append(Request(at, _kind(lines), lines[0], cookie))
        if isinstance(answer, bytes):
            writer.write(answer)
            return await writer.drain()
        if answer == "kept":
            return await self._keep(lines, writer)
        return await self._pass_on(_joined(_stripped(lines, self.strips)), reader, writer)

    def _own_answer(self, lines: list[str], opens: bool) -> bytes | str:
        """What the parent does not do: an answer of ours, `kept` for one from the cache, `stripped`, or nothing."""
        if opens and self.holds is not None and self._standing > self.holds:
            return self._page("HTTP/1.1 503 No", "<h1>No</h1>")
        if status := self.down or (self.refuses if opens else None):
            return self._page(f"HTTP/1.1 {status} No", "<h1>No</h1>")
        if self.squanders and lines[0].startswith("GET") and "&sid=" in lines[0] and not opens:
            return self._page("HTTP/1.1 200 OK", "6")
        if opens and self.squeezes == "offered" and "permessage-deflate" in _header(lines, "sec-websocket-extensions"):
            return _switching(_header(lines, "sec-websocket-key"))
        if self.caches and lines[0].startswith(KEPT) and "sid=" not in lines[0]:
            return "kept"
        if self.caches_pages and lines[0].startswith("GET / "):
            return "kept"
        return "stripped" if opens and self.strips else b""

    def _page(self, top: str, body: str) -> bytes:
        lines = [top, *self.adds, "Content-Type: text/html", f"Content-Length: {len(body)}", "Connection: close"]
        return "\r\n".join([*lines, "", body]).encode()

    async def _keep(self, lines: list[str], writer: asyncio.StreamWriter) -> None:
        key = lines[0].partition("?")[0]
        if key not in self._kept:
            near, far = await asyncio.open_connection(*self.target)
            far.write(_joined(_stripped(lines, "connection")))
            self._kept[key] = await near.read()
            far.close()
        writer.write(self._kept[key])
        await writer.drain()

    async def _write(self, data: bytes, sink: asyncio.StreamWriter, way: Any) -> None:
        if sink in self._dumb:
            return None
        top, blank, rest = data.partition(b"\r\n\r\n")
        if way == "up" or not top.startswith(b"HTTP/1."):
            return await super()._write(data, sink, way)
        lines = top.decode("latin-1").split("\r\n")
        lines = [line for line in lines if line.partition(":")[0].lower() not in self.takes]
        top = "\r\n".join([lines[0], *self.adds, *lines[1:]]).encode("latin-1")
        if self.squeezes == "taken" and top.startswith(b"HTTP/1.1 101") and b"permessage-deflate" in top:
            await super()._write(top + blank, sink, way)
            raise ConnectionAbortedError
        if self.drops_frames and top.startswith(b"HTTP/1.1 101"):
            self._dumb.add(sink)
            rest = b""
        return await super()._write(top + blank + rest, sink, way)


def _joined(lines: list[str]) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _stripped(lines: list[str], name: str) -> list[str]:
    """A request's head without one header; where that is Connection, `close` takes its place."""
    rest = [line for line in lines if line.partition(":")[0].lower() != name]
    return [*rest, "Connection: close"] if name == "connection" else rest


@dataclass(frozen=True)
class Case:
    """A fault, and what the doctor must say of it.

    proxy: what is set on it. settings: the server's. check: the line that must name the cause, in which `says` stands;
    `mend` stands in its mend. transports: those a browser can use then; exit_code follows.
    """

    name: str
    check: str
    says: str
    mend: str = ""
    exit_code: int = 1
    transports: tuple[str, ...] = ("polling",)
    proxy: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=lambda: {"idle": 1.0})

    def __str__(self) -> str:
        return self.name
