"""Peers of the plain doors: WebSockets of lines and of JSON, and readers of server-sent events."""

import asyncio
import contextlib
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

from tests.fuzz import grammar
from tests.fuzz.grammar import REFUSED, Encoded
from tests.fuzz.patience import within
from tests.fuzz.peers import BRIEFLY, CLOSE, HEADERS, LOST, SOON, Fault, Line, Over, Socket, Talks, World, frame
from tests.support.raw import UPGRADE, head

JSON = "parlor.v1"
OFFERED = [JSON, JSON, "", "", f"{JSON}, parlor.token.x", f"chat, {JSON}", "parlor.token." + "A" * 64, f"{JSON},{JSON}"]
NUMBERS = ["0", "1", "7", "1000", "-1", "x", "9" * 30, "", "٤", "%00"]


def room(r: Random) -> str:
    return r.choice(grammar.ROOMS) if r.random() < 0.9 else quote(grammar.text(r), safe="", errors="replace") or "x"


def query(r: Random, *names: str) -> str:
    """Some of these, with values that fit or do not."""
    asked = [f"{name}={quote(grammar.text(r), errors='replace')}" for name in ("name", "token") if r.random() < 0.3]
    asked += [f"{name}={r.choice(NUMBERS)}" for name in names if r.random() < 0.3]
    return f"?{'&'.join(asked)}" if asked else ""


class PlainTalks(Talks):
    """Speaks lines, or JSON where that was chosen."""

    def __init__(self, world: World, r: Random) -> None:
        super().__init__(world)
        self.offered = r.choice(OFFERED)
        self.speaks_json = JSON in self.offered
        self.path = f"/ws/r/{room(r)}{query(r, 'after', 'history', 'epoch')}"

    def request(self) -> bytes:
        return head("GET", self.path, UPGRADE | ({"Sec-WebSocket-Protocol": self.offered} if self.offered else {}))

    async def echo(self) -> None:
        self.asked += 1
        asked, told = "\0", b"! "  # nobody can say that
        if self.speaks_json:
            asked, told = f'{{"verb":"echo","ref":{self.asked}}}', b'{"ref":%d,' % self.asked
        heard = asyncio.ensure_future(self.hears(told))
        await asyncio.sleep(0)
        await self.say(asked)
        await heard

    def speech(self, r: Random, count: int) -> list[Encoded]:
        self.world.sent += count
        return [self._frame_of(r) for _ in range(count)]

    def _frame_of(self, r: Random) -> Encoded:
        chance = r.random()
        if chance < 0.03:
            return r.randbytes(r.randrange(50))
        if not self.speaks_json:
            return grammar.text(r)
        name, payload = grammar.verb(r)
        asked: dict[str, Any] = {"verb": name, "payload": payload, "ref": r.choice([1, "x", 0.5, None, True])}
        if chance < 0.1:
            asked[r.choice(["verb", "payload", "ref"])] = grammar.value(r)
        if chance > 0.95:
            asked.pop(r.choice(list(asked)))
        written = grammar.written(r, asked, REFUSED)
        return grammar.bend(r, written) if r.random() < 0.05 else written


class PlainSocket(Socket):
    """Acts of a plain WebSocket."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.talks: PlainTalks | None = None

    async def act(self, name: str, r: Random, count: int) -> None:
        try:
            if self.talks is None:
                self.talks = PlainTalks(self.world, r)
                try:
                    await self.talks.__aenter__()
                except Over:
                    self.talks = None
                    return
            await ACTS["plain"][name](self, r, count)
            await self.talks.echo()
        except Over:
            await self.leave()

    async def speak(self, r: Random, count: int) -> None:
        assert self.talks
        await self.talks.say(*self.talks.speech(r, count))

    async def bend_frames(self, r: Random, count: int) -> None:
        assert self.talks
        for packet in self.talks.speech(r, min(count, 8)):
            data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
            with contextlib.suppress(*LOST):
                await self.talks.line.write(self._bent(r, 1 if isinstance(packet, str) else 2, data))
            await asyncio.sleep(0)

    async def cut(self, r: Random, count: int) -> None:
        assert self.talks
        await self.talks.say(*self.talks.speech(r, min(count, 5)))
        if r.random() < 0.3:
            await self.talks.line.write(frame(CLOSE, b"\x03\xe8"))
        raise Over


class Reader:
    """Acts of somebody who reads rooms as server-sent events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lines: list[Line] = []

    async def leave(self) -> None:
        for line in self.lines:
            line.writer.transport.abort()
        self.lines.clear()

    async def act(self, name: str, r: Random, count: int) -> None:
        self.world.sent += 1
        await ACTS["reader"][name](self, r, count)

    async def read(self, r: Random, _count: int) -> None:
        """Until the end of the script, unless it is refused."""
        line = await Line(self.world).__aenter__()
        self.lines.append(line)
        await line.write(self._request(r, "GET"))
        try:
            async with within(SOON, self.world.pid):
                top = await line.reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise Fault(f"a reader of events was not answered within {SOON} s") from None
        except LOST:
            return
        status = int(top.split(b" ", 2)[1])
        self.world.statuses[status] += 1
        if status >= 500:
            raise Fault(f"status {status}")

    async def abort(self, r: Random, _count: int) -> None:
        async with Line(self.world) as line:
            await line.write(self._request(r, "GET"))
            for _ in range(r.randrange(4)):
                await asyncio.sleep(0)

    async def ask(self, r: Random, _count: int) -> None:
        async with Line(self.world) as line:
            with contextlib.suppress(*LOST):
                await line.write(self._request(r, r.choice(["HEAD", "OPTIONS", "POST", "PUT", "BREW"])))
            await line.answer(BRIEFLY, must=False)

    def _request(self, r: Random, method: str) -> bytes:
        headers = {"Last-Event-ID": r.choice([*NUMBERS, f"1:{'0' * 32}", "1:x"])} if r.random() < 0.4 else {}
        for name in ("Origin", "Cookie", "Host", "X-Forwarded-For"):
            if r.random() < 0.1:
                headers[name] = r.choice(HEADERS[name])
        if r.random() < 0.2:
            headers["Authorization"] = r.choice(["Bearer x", "Bearer ", "Basic eA==", "Bearer " + "A" * 64, "\xff"])
        return head(method, f"/r/{room(r)}/events{query(r, 'after', 'epoch')}", headers)


ACTS: dict[str, dict[str, Callable[..., Any]]] = {
    "plain": {name: getattr(PlainSocket, name) for name in ("speak", "bend_frames", "cut")},
    "reader": {name: getattr(Reader, name) for name in ("read", "abort", "ask")},
}
PEERS: dict[str, Callable[[World], Any]] = {"plain": PlainSocket, "reader": Reader}
