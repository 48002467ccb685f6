"""Peers that speak over real sockets, each in its own way, and never politely.

A peer does acts. Each act takes a Random and a count and raises Fault where the server fails: a status of 5xx, a
request or session that is neither answered nor closed in time.
"""

import asyncio
import contextlib
import gzip
import zlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self
from urllib.parse import quote, urlsplit

import orjson

from tests.fuzz import grammar
from tests.fuzz.grammar import SEPARATOR, Encoded, in_payload, speech
from tests.fuzz.patience import Patience, within
from tests.support.raw import UPGRADE, head

SOON = 5.0  # seconds in which whoever is owed an answer gets it
WILD = (*[0] * 10, 0.001, 0.01, 0.1, 0.5)  # how often a packet is one that ends the session, in one act
BRIEFLY = 0.01  # seconds for an answer that need not come
LOST = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


class Fault(AssertionError):
    """The server failed."""


class Over(Exception):
    """The session is over: the peer comes back with another."""


@dataclass
class World:
    """What the peers of one server share."""

    url: str
    ask: grammar.Ask
    pid: int  # of the server
    pages: tuple[str, ...] = ()
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    sids: deque[str] = field(default_factory=lambda: deque(["none"], maxlen=20))

    def speech(self, r: Random, count: int) -> list[Encoded]:
        wild = r.choice(WILD)
        count = min(count, int(2 / wild)) if wild else count
        packets: list[Encoded] = []
        while len(packets) < count:
            packets += speech(r, self.ask, wild)
        self.sent += len(packets)
        return packets


class Line:
    """A TCP connection that is cut in the end, whatever is still to come on it."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __aenter__(self) -> Self:
        where = urlsplit(self.world.url)
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", where.port, limit=2**24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self, seconds: float = SOON, must: bool = True) -> tuple[int, bytes]:
        """Status and body; 0 where the connection was closed, or where no answer came and none must."""
        limit = within(seconds, self.world.pid) if must else asyncio.timeout(seconds)
        try:
            async with limit:
                top = await self.reader.readuntil(b"\r\n\r\n")
                status = int(top.split(b" ", 2)[1])
                length = top.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                body = await self.reader.readexactly(int(length)) if length and status != 101 else b""
        except TimeoutError:
            if must:
                raise Fault(f"no answer within {seconds} s") from None
            return 0, b""
        except LOST:
            return 0, b""
        self.world.statuses[status] += 1
        if status >= 500:
            raise Fault(f"status {status}: {body[:500]!r}")
        return status, body


# --- WebSocket ---


def frame(opcode: int, payload: bytes, fin: bool = True, reserved: int = 0, masked: bool = True, lie: int = 0) -> bytes:
    """RFC 6455, 5.2. Masked with zeros, which leaves the payload as it is. `lie` adds to the length it announces."""
    length = len(payload) + lie
    top, mask = (fin << 7) | (reserved << 4) | opcode, 0x80 * masked
    if length < 126:
        start = bytes((top, mask | length))
    elif length < 65_536:
        start = bytes((top, mask | 126)) + length.to_bytes(2, "big")
    else:
        start = bytes((top, mask | 127)) + length.to_bytes(8, "big")
    return start + (bytes(4) if masked else b"") + payload


def framed(packet: Encoded) -> bytes:
    return frame(BINARY, packet) if isinstance(packet, bytes) else frame(TEXT, packet.encode("utf-8", "replace"))


class Talks:
    """Speaks through a WebSocket, from the start or as the upgrade of `of`."""

    def __init__(self, world: World, of: str | None = None) -> None:
        self.world, self.of = world, of
        self.line = Line(world)
        self.gone = asyncio.Event()
        self.awaited: dict[bytes, asyncio.Future[None]] = {}
        self.asked = self.frames = 0

    async def __aenter__(self) -> Self:
        await self.line.__aenter__()
        await self.line.write(self.request())
        status, _ = await self.line.answer()
        if status != 101:
            self.line.writer.transport.abort()
            raise Over
        self.listening = asyncio.create_task(self._listen())
        return self

    def request(self) -> bytes:
        sid = f"&sid={self.of}" if self.of else ""
        return head("GET", f"/socket.io/?EIO=4&transport=websocket{sid}", UPGRADE)

    async def __aexit__(self, *_: object) -> None:
        self.line.writer.transport.abort()
        self.listening.cancel()
        await asyncio.wait([self.listening])

    async def say(self, *packets: Encoded) -> None:
        with contextlib.suppress(*LOST):
            await self.line.write(b"".join(map(framed, packets)))

    async def hears(self, start: bytes) -> None:
        """Wait for a packet that begins so, or for the end."""
        heard = self.awaited[start] = asyncio.get_running_loop().create_future()
        gone = asyncio.ensure_future(self.gone.wait())
        frames = -1
        try:
            while not heard.done():
                if gone.done():
                    raise Over
                if self.frames == frames:
                    raise Fault(f"a WebSocket neither closed nor heard {start!r}")
                frames = self.frames
                with contextlib.suppress(TimeoutError):
                    async with within(SOON, self.world.pid):
                        await asyncio.wait([heard, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            self.awaited.pop(start, None)

    async def echo(self) -> None:
        """Everything said so far was taken, or the session is over."""
        self.asked += 1
        number = 7_000_000 + self.asked
        heard = asyncio.ensure_future(self.hears(f"43{number}[".encode()))
        await asyncio.sleep(0)
        await self.say(f'42{number}["echo",{{}}]')
        await heard

    async def join(self) -> None:
        heard = asyncio.ensure_future(self.hears(b"40{"))
        await asyncio.sleep(0)
        await self.say("40")
        await heard

    async def _listen(self) -> None:
        try:
            while True:
                opcode, payload = await self._frame()
                if opcode == CLOSE:
                    return
                if opcode == TEXT and payload == b"2":
                    await self.say("3")
                else:
                    self.frames += 1
                if opcode == TEXT and payload.startswith(b"0{"):
                    self.world.sids.append(orjson.loads(payload[1:])["sid"])
                for start, heard in self.awaited.items():
                    if payload.startswith(start) and not heard.done():
                        heard.set_result(None)
        except LOST:
            pass
        finally:
            self.gone.set()

    async def _frame(self) -> tuple[int, bytes]:
        reader = self.line.reader
        first, length = await reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await reader.readexactly(8), "big")
        return first & 15, await reader.readexactly(length)


class Socket:
    """Acts of a session that is a WebSocket."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.talks: Talks | None = None

    async def leave(self) -> None:
        if self.talks:
            await self.talks.__aexit__()
            self.talks = None

    async def act(self, name: str, r: Random, count: int) -> None:
        """Do it; a session that ends over it is the server's right."""
        try:
            if self.talks is None:
                self.talks = await Talks(self.world).__aenter__()
                if r.random() < 0.97:
                    await self.talks.join()
            await ACTS["socket"][name](self, r, count)
            await self.talks.echo()
        except Over:
            await self.leave()

    async def speak(self, r: Random, count: int) -> None:
        assert self.talks
        for start in range(0, count, 10):
            await self.talks.say(*self.world.speech(r, min(10, count - start)))
            if self.talks.gone.is_set():
                raise Over
            if r.random() < 0.5:
                await self.talks.echo()

    async def flood(self, r: Random, count: int) -> None:
        """Without waiting for anything."""
        assert self.talks
        await self.talks.say(*self.world.speech(r, count))

    async def bend_frames(self, r: Random, count: int) -> None:
        """Frames as RFC 6455 has and has not got them."""
        assert self.talks
        for _ in range(min(count, 8)):
            (packet, *_) = self.world.speech(r, 1)
            data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
            with contextlib.suppress(*LOST):
                await self.talks.line.write(self._bent(r, TEXT if isinstance(packet, str) else BINARY, data))
            await asyncio.sleep(0)

    def _bent(self, r: Random, kind: int, data: bytes) -> bytes:
        half = len(data) // 2
        return r.choice(
            [
                lambda: frame(kind, data[:half], fin=False) + frame(0, data[half:]),
                lambda: (
                    frame(kind, data[:half], fin=False) + frame(PING, b"?") + frame(10, b"") + frame(0, data[half:])
                ),
                lambda: frame(kind, b"", fin=False) + frame(0, b"", fin=False) * 50 + frame(0, data),
                lambda: (
                    b"".join(frame(0 if n else kind, data[n : n + 1], fin=False) for n in range(40)) + frame(0, b"")
                ),
                lambda: frame(PING, data[:125]) + frame(10, data[:125]) + frame(kind, data),
                lambda: frame(PING, data[:125]) * 60,
                *[
                    lambda: frame(kind, data[:half], fin=False) + frame(kind, data),
                    lambda: frame(0, data),
                    lambda: frame(kind, data, masked=False),
                    lambda: frame(kind, data, reserved=r.choice([1, 2, 4, 7])),
                    lambda: frame(r.choice([3, 7, 11, 15]), data),
                    lambda: frame(PING, b"x" * 126),
                    lambda: frame(PING, b"x", fin=False),
                    lambda: frame(
                        CLOSE, r.choice([b"", b"\x03", b"\x03\xe8bye", b"\x03\xed", b"\0\0", b"\x0f\xa0\xff\xfe"])
                    ),
                    lambda: frame(TEXT, r.choice([b"4\xff", b"\xed\xa0\x80", b"4\xc0\x80", b"\xf4\x90\x80\x80"])),
                    lambda: frame(TEXT, b"4\xe6", fin=False) + frame(0, b"\x97\xa5"),
                    lambda: frame(kind, data, lie=r.choice([1, 2_000_000, 2**40, 2**62])),
                    lambda: frame(kind, b"4" + b"x" * 1_000_001),
                    lambda: r.randbytes(r.randrange(1, 60)),
                ],
            ]
        )()

    async def cut(self, r: Random, count: int) -> None:
        """Say something and be gone, with or without a close frame."""
        assert self.talks
        await self.talks.say(*self.world.speech(r, min(count, 5)))
        if r.random() < 0.3:
            await self.talks.line.write(frame(CLOSE, b"\x03\xe8"))
        raise Over


# --- polling ---


class Polling:
    """Acts of a session that polls."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sid = ""
        self.asked = 0
        self.lines: list[Line] = []

    async def leave(self) -> None:
        self.sid = ""
        for line in self.lines:
            line.writer.transport.abort()
        self.lines.clear()

    async def act(self, name: str, r: Random, count: int) -> None:
        try:
            if not self.sid:
                await self._open()
                if r.random() < 0.97:
                    await self._post(b"40")
            await getattr(self, name)(r, count)
            await self._echo()
        except Over:
            await self.leave()

    async def speak(self, r: Random, count: int) -> None:
        """In one POST, encoded in one of the ways that HTTP has."""
        body = self._body(r, count)
        way = r.randrange(8)
        if way == 0:
            pieces = [body[n : n + 300] for n in range(0, len(body), 300)]
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            await self._post(chunks + b"0\r\n\r\n", length=False, Transfer_Encoding="chunked")
        elif way == 1:
            await self._post(gzip.compress(body), Content_Encoding="gzip")
        elif way == 2:
            await self._post(zlib.compress(body), Content_Encoding="deflate")
        else:
            await self._post(body, Content_Type="text/plain;charset=UTF-8")

    async def drip(self, r: Random, count: int) -> None:
        """In many segments."""
        body = self._body(r, count)
        line = await self._line()
        await line.write(head("POST", self._path(), {"Content-Length": str(len(body))}))
        for start in range(0, len(body), max(1, len(body) // 15)):
            await line.write(body[start : start + max(1, len(body) // 15)])
            await asyncio.sleep(0)
        await self._took(line)

    async def abort_post(self, r: Random, count: int) -> None:
        body = self._body(r, count)
        line = await self._line()
        await line.write(head("POST", self._path(), {"Content-Length": str(len(body) + r.choice([0, 1, 100]))}) + body)
        if r.random() < 0.5:
            await asyncio.sleep(0)
        line.writer.transport.abort()

    async def wrong_body(self, r: Random, count: int) -> None:
        """Lengths and encodings that lie."""
        body = self._body(r, count)
        line = await self._line()
        wrong = r.choice(
            [
                head("POST", self._path(), {"Content-Length": str(max(0, len(body) - 3))}),
                head("POST", self._path(), {"Content-Length": "-1"}),
                head("POST", self._path(), {"Content-Length": "x"}),
                head("POST", self._path(), {"Content-Length": "9" * 30}),
                head("POST", self._path(), {"Content-Length": str(len(body)), "content-length": "1"}),
                head("POST", self._path(), {"Content-Length": str(len(body)), "Transfer-Encoding": "chunked"}),
                head("POST", self._path(), {"Transfer-Encoding": "chunked"}),
                head("POST", self._path(), {"Transfer-Encoding": "chunked"}) + b"5\r\n40\r\n",
                head("POST", self._path(), {"Transfer-Encoding": "chunked, gzip"}),
                head("POST", self._path(), {"Content-Length": str(len(body)), "Content-Encoding": "gzip"}),
                head("POST", self._path(), {"Content-Length": str(len(body)), "Content-Encoding": "deflate"}),
                head("POST", self._path(), {"Content-Length": str(len(body)), "Content-Encoding": "br"}),
                head("POST", self._path(), {"Content-Length": str(len(body)), "Expect": "100-continue"}),
                head("POST", self._path(), {}),
                head("GET", self._path(), {"Content-Length": str(len(body))}),
            ]
        )
        await line.write(wrong + body)
        await line.answer(BRIEFLY, must=False)
        line.writer.transport.abort()

    async def huge(self, r: Random, count: int) -> None:
        """More than is taken; compressed, it looks small."""
        body = b"4" * r.choice([1_000_000, 1_000_001, 3_000_000])
        how = {"Content_Encoding": "gzip"} if r.random() < 0.5 else {}
        await self._post(gzip.compress(body, 1) if how else body, **how)

    async def poll(self, r: Random, count: int) -> None:
        await self._poll()

    async def abort_poll(self, r: Random, count: int) -> None:
        line = await self._line()
        await line.write(head("GET", self._path(), {}))
        for _ in range(r.randrange(4)):
            await asyncio.sleep(0)
        line.writer.transport.abort()

    async def two_polls(self, r: Random, count: int) -> None:
        await self._beside(r, head("GET", self._path(), {}))

    async def two_posts(self, r: Random, count: int) -> None:
        body = self._body(r, 2)
        await self._beside(r, head("POST", self._path(), {"Content-Length": str(len(body))}) + body)

    async def pipelined(self, r: Random, count: int) -> None:
        """Many requests on one connection, none waiting for the one before."""
        line = await self._line()
        bodies = [self._body(r, 2) for _ in range(min(count, 12))]
        posts = [head("POST", self._path(), {"Content-Length": str(len(body))}) + body for body in bodies]
        with contextlib.suppress(*LOST):
            await line.write(b"".join(posts))
        for _ in bodies:
            if not (await line.answer())[0]:
                return

    async def upgrade(self, r: Random, count: int) -> None:
        """As it should be, or in one of the many ways it should not."""
        plan = r.randrange(9)
        poll = asyncio.create_task(self._poll()) if r.random() < 0.5 else None
        try:
            async with Talks(self.world, self.sid) as talks:
                if plan == 0:
                    await talks.say(*self.world.speech(r, 5))
                elif plan == 1:
                    await talks.say("5", "2probe", "5")
                elif plan == 2:
                    await talks.say("2probe", *self.world.speech(r, 5), "5")
                elif plan == 3:
                    async with Talks(self.world, self.sid) as other:
                        await asyncio.gather(talks.say("2probe"), other.say("2probe"))
                        await asyncio.gather(talks.say("5"), other.say("5"), self._post(self._body(r, 3)))
                else:
                    heard = asyncio.create_task(talks.hears(b"3probe"))
                    await asyncio.sleep(0)
                    await talks.say("2probe")
                    await heard
                    if plan == 4:
                        return
                    await self._post(self._body(r, count) if plan == 5 else b"3")
                    await talks.say("5", *self.world.speech(r, count))
                    await talks.echo()
                    raise Over
        finally:
            if poll:
                await asyncio.wait([poll])
                if isinstance(poll.exception(), Fault):
                    await poll

    async def be_another(self, r: Random, count: int) -> None:
        """Speak under the sid of somebody else."""
        own, self.sid = self.sid, r.choice(self.world.sids)
        try:
            await r.choice([self.speak, self.abort_poll, self.upgrade])(r, min(count, 3))
        except Over:
            pass
        finally:
            self.sid = own

    # what it needs

    async def _open(self) -> None:
        line = await self._line()
        await line.write(head("GET", "/socket.io/?EIO=4&transport=polling", {}))
        status, body = await line.answer()
        if status != 200:
            raise Fault(f"a handshake was answered {status}")
        self.sid = orjson.loads(body[1:])["sid"]
        self.world.sids.append(self.sid)

    async def _line(self) -> Line:
        line = await Line(self.world).__aenter__()
        if len(self.lines) > 50:
            self.lines.pop(0).writer.transport.abort()
        self.lines.append(line)
        return line

    def _path(self) -> str:
        return f"/socket.io/?EIO=4&transport=polling&sid={self.sid}"

    def _body(self, r: Random, count: int) -> bytes:
        return SEPARATOR.join(map(in_payload, self.world.speech(r, count))).encode("utf-8", "replace")

    async def _post(self, body: bytes, length: bool = True, **headers: str) -> None:
        line = await self._line()
        with contextlib.suppress(*LOST):
            await line.write(
                head("POST", self._path(), headers | ({"Content-Length": str(len(body))} if length else {}))
            )
            await line.write(body)
        await self._took(line)

    async def _took(self, line: Line) -> None:
        if (await line.answer())[0] != 200:
            raise Over

    async def _poll(self) -> list[bytes]:
        line = await self._line()
        await line.write(head("GET", self._path(), {}))
        status, body = await line.answer()
        if status != 200 or body in (b"1", b""):
            raise Over
        packets = body.split(SEPARATOR.encode())
        if b"2" in packets:
            await self._post(b"3")
        return packets

    async def _echo(self) -> None:
        """Asked again where no answer comes: one may have gone to a stranger who polled under this sid."""
        for _ in range(3):
            if await self._is_answered():
                break
        else:
            raise Fault("a polling session neither ended nor answered")
        for line in self.lines:
            line.writer.transport.abort()
        self.lines.clear()

    async def _is_answered(self) -> bool:
        """Is an echo answered, before nothing but heartbeats came for long?"""
        self.asked += 1
        number = 8_000_000 + self.asked
        await self._post(f'42{number}["echo",{{}}]'.encode())
        patience = Patience(SOON, self.world.pid)
        while patience.left > 0:
            packets = await self._poll()
            if any(packet.startswith(b"43%d[" % number) for packet in packets):
                return True
            if packets not in ([b"2"], [b"6"]):
                patience = Patience(SOON, self.world.pid)
        return False

    async def _beside(self, r: Random, request: bytes) -> None:
        """The same request on two connections, cut at odd places."""
        one, two = await self._line(), await self._line()
        at = r.randrange(len(request) + 1)
        await one.write(request[:at])
        await two.write(request)
        await one.write(request[at:])
        await asyncio.gather(one.answer(), two.answer())


# --- server-sent events ---


class Streaming(Polling):
    """Acts of a session whose packets come by a stream."""

    stream: Line | None = None

    async def leave(self) -> None:
        if self.stream:
            self.stream.writer.transport.abort()
            self.stream = None
        await super().leave()

    async def poll(self, r: Random, count: int) -> None:
        """Again, which no session has."""
        line = await self._line()
        await line.write(head("GET", self._path(), {}))
        await line.answer()

    async def _open(self) -> None:
        self.stream = await Line(self.world).__aenter__()
        await self.stream.write(head("GET", "/socket.io/?EIO=4&transport=sse", {}))
        try:
            async with within(SOON, self.world.pid):
                top = await self.stream.reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise Fault("a stream does not begin") from None
        except LOST:
            raise Over from None
        self.world.statuses[int(top.split(b" ", 2)[1])] += 1
        (first,) = await self._poll()
        self.sid = orjson.loads(first[1:])["sid"]
        self.world.sids.append(self.sid)

    def _path(self) -> str:
        return f"/socket.io/?EIO=4&transport=sse&sid={self.sid}"

    async def _poll(self) -> list[bytes]:
        assert self.stream
        try:
            async with within(SOON, self.world.pid):
                packet = await self.stream.reader.readuntil(b"\n\n")
        except TimeoutError:
            raise Fault("a stream neither brings anything nor ends") from None
        except LOST:
            raise Over from None
        packet = packet.strip().removeprefix(b"data: ")
        if packet == b"1":
            raise Over
        if packet == b"2":
            await self._post(b"3")
        return [packet]


# --- HTTP ---


class Stranger:
    """Acts of who does not even speak Engine.IO."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def leave(self) -> None:
        pass

    async def act(self, name: str, r: Random, count: int) -> None:
        self.world.sent += min(count, 8)
        await asyncio.gather(*(self._once(name, Random(r.random())) for _ in range(min(count, 8))))

    async def _once(self, name: str, r: Random) -> None:
        async with Line(self.world) as line:
            with contextlib.suppress(*LOST):
                await line.write(*ACTS["stranger"][name](self, r))
            await line.answer(BRIEFLY, must=False)

    def ask(self, r: Random) -> list[bytes]:
        """A request that HTTP allows, to the engine with another query, or to another page."""
        method = r.choice(["GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW"])
        body = r.choice([b"", b"", b"4", b"40", b"x" * 500])
        headers = {"Content-Length": str(len(body))} if body else {}
        for name, values in HEADERS.items():
            if r.random() < 0.15:
                headers[name] = r.choice(values)
        if r.random() < 0.3:
            headers |= UPGRADE
            if r.random() < 0.5:
                headers.pop(r.choice([name for name in UPGRADE if name in headers]), None)
        return [head(method, self._path(r), headers) + body]

    def garble(self, r: Random) -> list[bytes]:
        """Bytes that are hardly HTTP. Without `Expect`: where no route fits, aiohttp itself answers 500 to one that is
        not UTF-8 (3.14.5), and no application can prevent it."""
        (request,) = self.ask(r)
        request = request.replace(b"Expect", b"X-Expect")
        at = r.randrange(len(request) + 1)
        return [
            r.choice(
                [
                    request[:at] + r.randbytes(3) + request[at:],
                    request[:at],
                    request[:at] + b"\r\n" + request[at:],
                    request.replace(b"\r\n", b"\n"),
                    request.replace(b"HTTP/1.1", r.choice([b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"", b"ICY"])),
                    request.replace(b"Host", b"Host: a\r\nHost"),
                    request.replace(b": ", b":\x00 "),
                    request.replace(b"\r\n", b"\r\nX: " + b"y" * 9_000 + b"\r\n", 1),
                    request.replace(b"\r\n", b"\r\n" + b"X: y\r\n" * 200, 1),
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + r.randbytes(40),
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    r.randbytes(r.randrange(200)),
                ]
            )
        ]

    def stop_halfway(self, r: Random) -> list[bytes]:
        (request,) = self.ask(r)
        cuts = sorted(r.randrange(len(request)) for _ in range(3))
        return [request[: cuts[0]], request[cuts[0] : cuts[1]], request[cuts[1] : cuts[2]]]

    def _path(self, r: Random) -> str:
        if r.random() < 0.2:
            return r.choice(
                (*self.world.pages, "/", "/socket.io", "/socket.io/x", "/%00", "/../..", "*", "//a//b", "/%zz")
            )
        query = {"EIO": "4", "transport": r.choice(["polling", "websocket", "sse"])}
        if r.random() < 0.5:
            query["sid"] = r.choice(self.world.sids)
        for name in r.sample(["EIO", "transport", "sid", "j", "t", "b64"], r.randrange(3)):
            query[name] = r.choice(
                ["", "0", "3", "4", "5", "44", "polling", "WebSocket", "%00", "%ff", "%zz", "x" * 3_000]
            )
        if r.random() < 0.1:
            query[quote(grammar.text(r), errors="replace")] = quote(grammar.text(r), errors="replace")
        items = [f"{name}={value}" for name, value in query.items()]
        if r.random() < 0.1:
            items.append(r.choice(items))
        return f"/socket.io/?{'&'.join(items)}"


HEADERS = {
    "Origin": [
        "http://parlor.test",
        "https://evil.test",
        "null",
        "",
        "http://[",
        "http://[::1",
        "x" * 2_000,
        "\xe9",
        "http://a:b",
    ],
    "Host": ["", "a:b", "[", "[::1]:x", "a b", "parlor.test:80", "é"],
    "Cookie": [
        "parlor_token=x",
        "parlor_token=",
        ";;;",
        "=",
        'a="',
        "parlor_token=" + "A" * 43,
        "a[]=1; parlor_token=\xff",
    ],
    "Connection": ["close", "upgrade", "keep-alive, Upgrade", ""],
    "Upgrade": ["websocket", "WebSocket", "h2c", "websocket, h2c"],
    "Sec-WebSocket-Version": ["13", "8", "x", ""],
    "Sec-WebSocket-Key": ["", "x", "AAAA", "\xff" * 20],
    "Sec-WebSocket-Extensions": [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits=99",
        ";;",
        "x" * 500,
    ],
    "Sec-WebSocket-Protocol": ["chat", ",", "echo.parlor, chat"],
    "X-Forwarded-For": ["1.2.3.4", "x", ""],
    "X-Forwarded-Proto": ["https", "https, http", "x"],
    "Content-Type": ["application/json", "multipart/form-data", "x/y;;;", "text/plain; charset=x"],
    "Accept-Encoding": ["gzip", "*;q=0", "x"],
    "Range": ["bytes=0-1", "bytes=9-1", "bytes=-", "x"],
    "If-None-Match": ["*", '"x"', "x", ","],
    "If-Modified-Since": ["x", "Thu, 01 Jan 1970 00:00:00 GMT", "99999999999"],
    "Expect": ["100-continue", "x"],
}

ACTS: dict[str, dict[str, Callable[..., Any]]] = {
    "socket": {name: getattr(Socket, name) for name in ("speak", "flood", "bend_frames", "cut")},
    "polling": {
        name: getattr(Polling, name)
        for name in (
            "speak", "drip", "abort_post", "wrong_body", "huge", "poll", "abort_poll", "two_polls", "two_posts",
            "pipelined", "upgrade", "be_another",
        )
    },
    "stream": {
        name: getattr(Streaming, name)
        for name in ("speak", "drip", "abort_post", "wrong_body", "huge", "poll", "two_posts", "pipelined")
    },
    "stranger": {name: getattr(Stranger, name) for name in ("ask", "garble", "stop_halfway")},
}  # fmt: skip
PEERS: dict[str, Callable[[World], Any]] = {
    "socket": Socket,
    "polling": Polling,
    "stream": Streaming,
    "stranger": Stranger,
}

Act = Callable[[Random, int], Awaitable[None]]


async def is_served(world: World, transport: str) -> None:
    """Somebody new is let in and answered at once."""
    try:
        async with within(SOON, world.pid):
            if transport == "polling":
                polling = Polling(world)
                try:
                    await polling._open()
                    await polling._post(b"40")
                    await polling._echo()
                finally:
                    await polling.leave()
            else:
                async with Talks(world) as talks:
                    await talks.join()
                    await talks.echo()
    except (Over, TimeoutError):
        raise Fault(f"somebody new is not served over {transport}") from None
