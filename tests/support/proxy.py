"""A TCP proxy in front of a server that fails in the ways real ones do, switchable while it runs.

Its ways are `up` (to the server) and `down` (to the client). Every connection carries one request (keep-alive is taken
away), so that each can be told by its kind and counted: `websocket` (asks for an upgrade), `polling` (other requests to
/socket.io/), `page` (all else).
"""

import asyncio
import base64
import contextlib
import hashlib
import itertools
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Self
from urllib.parse import urlsplit

RFC6455 = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
LARGEST_HEAD = 65_536  # bytes

Way = Literal["up", "down"]
Ends = tuple[asyncio.StreamWriter, asyncio.StreamWriter]  # to the client, to the server


class Fault(Enum):
    """What happens to a WebSocket handshake."""

    NONE = "it passes"
    STRIPPED = "its Upgrade and Connection headers are stripped"
    UNAVAILABLE = "it is answered 503"
    HANGS = "it is never answered"
    CLOSED = "it is answered 101, then closed"
    SILENT = "it is answered 101, then nothing passes"


class PollFault(Enum):
    """What happens to a long poll: a GET of a session that is there."""

    NONE = "it passes"
    KEPT = "its answer is kept back"
    EMPTY = "it is answered 200 at once, with nothing"


@dataclass(frozen=True)
class Request:
    """One request that arrived. `at` is the loop's time; `client` the browser's cookie."""

    at: float
    kind: str
    line: str
    client: str


class Proxy:
    """`async with Proxy(server.url) as proxy`, then `proxy.url` in place of the server's."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).hostname, urlsplit(target).port
        self.websocket = Fault.NONE
        self.polls = PollFault.NONE
        self.without: tuple[str, ...] = ()  # headers that no request keeps, in small letters
        self.delay = 0.0  # seconds that every piece takes, in both directions
        self.segment: int | None = None  # bytes; 1,460 is what Ethernet leaves of a TCP segment
        self.bandwidth: float | None = None  # bytes a second, each way of each connection
        self.idle: float | None = None  # seconds without a byte after which a connection is cut
        self.age: float | None = None  # seconds after which any connection is cut
        self.break_off: Counter[str] = Counter()  # how many next POSTs, and answers to GETs, break off half-way
        self.requests: list[Request] = []
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._flows = {"up": asyncio.Event(), "down": asyncio.Event()}
        self.flow()

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        for task in self._tasks:
            task.cancel()  # some may wait for a stalled way
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def counts(self) -> Counter[str]:
        """How many requests of each kind have arrived."""
        return Counter(request.kind for request in self.requests)

    def per_second(self, since: float) -> dict[str, float]:
        """How often each client has asked /socket.io/ since that moment of the loop's time."""
        seconds = asyncio.get_running_loop().time() - since
        asked = Counter(one.client for one in self.requests if one.at >= since and one.kind != "page")
        return {client: count / seconds for client, count in asked.items()}

    async def accept(self) -> None:
        """Listen (again), on the same port as before."""
        listening = await asyncio.start_server(self._take, "127.0.0.1", self.port, limit=LARGEST_HEAD)
        self._listening, self.port = listening, listening.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close the port and every connection: whoever comes is refused."""
        if self._listening:
            self._listening.close()
            self._listening = None
        self.cut()

    def cut(self) -> None:
        """Abort every connection that stands, as a pulled cable or a restarted router does."""
        for writer in tuple(self._open):
            writer.transport.abort()

    def stall(self, *ways: Way) -> None:
        """Forward nothing any more, not even that an end has closed, as a cable cut somewhere between does. With no
        way named, neither way."""
        for way in ways or ("up", "down"):
            self._flows[way].clear()

    def flow(self) -> None:
        """Forward what has piled up, and what comes."""
        for event in self._flows.values():
            event.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
                await self._answer(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = head[:-4].decode("latin-1").split("\r\n")
        kind = _kind(lines)
        cookie = _header(lines, "cookie")
        lines = _without(lines, *self.without)
        self.requests.append(Request(asyncio.get_running_loop().time(), kind, lines[0], cookie))
        fault = self.websocket if kind == "websocket" else Fault.NONE
        if self.polls is not PollFault.NONE and lines[0].startswith("GET ") and "polling&sid=" in _sorted(lines[0]):
            await self._break_poll(reader, writer)
            return
        if fault is Fault.UNAVAILABLE:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        elif fault in (Fault.HANGS, Fault.SILENT, Fault.CLOSED):
            if fault is not Fault.HANGS:
                writer.write(_switching(_header(lines, "sec-websocket-key")))
                await writer.drain()
            while fault is not Fault.CLOSED and await reader.read(LARGEST_HEAD):
                pass
        else:
            if kind != "websocket" or fault is Fault.STRIPPED:
                lines = [*_without(lines, "connection", "upgrade"), "Connection: close"]
            await self._pass_on("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n", reader, writer)

    async def _break_poll(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.polls is PollFault.KEPT:
            while await reader.read(LARGEST_HEAD):
                pass
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        self._open.add(far_writer)
        ends = writer, far_writer
        broken = self._to_break(head)
        try:
            async with asyncio.timeout(self.age), asyncio.timeout(self.idle) as silence:
                await self._write(head, far_writer, "up")
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pipe(reader, ends, "up", silence, broken == "POST"))
                    both.create_task(self._pipe(far_reader, ends, "down", silence, broken == "GET"))
        except TimeoutError:
            _abort(ends)
        finally:
            self._open.discard(far_writer)
            far_writer.close()

    async def _pipe(
        self, source: asyncio.StreamReader, ends: Ends, way: Way, silence: asyncio.Timeout, breaks: bool
    ) -> None:
        """Until one end closes; then the other end is closed too."""
        sink = ends[way == "up"]
        with contextlib.suppress(OSError):
            while data := await source.read(LARGEST_HEAD):
                if self.idle and not silence.expired():
                    silence.reschedule(asyncio.get_running_loop().time() + self.idle)
                if breaks and not data.endswith(b"\r\n\r\n"):
                    top, blank, body = data.rpartition(b"\r\n\r\n")
                    await self._write(top + blank + body[: len(body) // 2], sink, way)
                    return _abort(ends)
                await self._write(data, sink, way)
        await self._flows[way].wait()
        return sink.close()

    async def _write(self, data: bytes, sink: asyncio.StreamWriter, way: Way) -> None:
        size = self.segment or len(data)
        for start in range(0, len(data), size):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._flows[way].wait()
            sink.write(data[start : start + size])
            await sink.drain()
            if self.bandwidth:
                await asyncio.sleep(min(size, len(data) - start) / self.bandwidth)
            elif self.segment:
                await asyncio.sleep(0.001)  # so that the kernel does not join them again

    def _to_break(self, head: bytes) -> str:
        """The method of this request, if it is one that is to break off."""
        method = head.split(b" ", 1)[0].decode()
        if b"&sid=" not in head.split(b"\r\n", 1)[0] or not self.break_off[method]:
            return ""
        self.break_off[method] -= 1
        return method


class RoundRobin(Proxy):
    """Sends each connection, with its one request, to the next of several servers, as a balancer without sticky
    sessions does. `statuses` counts those of their answers."""

    def __init__(self, *targets: str) -> None:
        super().__init__(targets[0])
        self.statuses: Counter[int] = Counter()
        self.targets = [(urlsplit(one).hostname, urlsplit(one).port) for one in targets]
        self._turn = itertools.count()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.target = self.targets[next(self._turn) % len(self.targets)]
        await super()._pass_on(head, reader, writer)

    async def _write(self, data: bytes, sink: asyncio.StreamWriter, way: Way) -> None:
        if way == "down" and data.startswith(b"HTTP/1.1 "):
            self.statuses[int(data[9:12])] += 1
        await super()._write(data, sink, way)


def _abort(ends: Ends) -> None:
    for end in ends:
        end.transport.abort()


def _kind(lines: list[str]) -> str:
    if _header(lines, "upgrade").lower() == "websocket":
        return "websocket"
    return "polling" if " /socket.io/" in lines[0] else "page"


def _sorted(line: str) -> str:
    """The request line with transport and sid side by side, wherever they stood."""
    query = dict(one.partition("=")[::2] for one in line.split(" ")[1].partition("?")[2].split("&"))
    return f"{query.get('transport', '')}&sid={query['sid']}" if "sid" in query else ""


def _header(lines: list[str], name: str) -> str:
    values = (line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith(f"{name}:"))
    return next(values, "")


def _without(lines: list[str], *names: str) -> list[str]:
    return [line for line in lines if line.partition(":")[0].lower() not in names]


def _switching(key: str) -> bytes:
    accept = base64.b64encode(hashlib.sha1(key.encode() + RFC6455).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()
