"""Peers who want a site to be of no use to others, from a few addresses, and honest people who talk beside them: in two
processes, so that what is measured is the server and not the one who asks.

`python -m tests.faults.hostile peers PORT` attacks until it is killed. `python -m tests.faults.hostile honest PORT
SECONDS` lets people talk, and prints what they met as JSON. Both name their addresses as a trusted proxy would.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from tests.faults.flood import ENGINE, masked
from tests.support.raw import UPGRADE, head

PEERS = 200
ADDRESSES = [f"203.0.113.{n}" for n in range(1, 6)]  # of the peers
NEIGHBOURS, OTHERS = 10, 60  # honest people at the first of these addresses, and at another
ELSEWHERE = "198.51.100.7"
EVERY_S = 3.0  # that somebody says something, as people do who talk
ROOM = "lobby"
LONG = "x" * 3_900


class Refused(Exception):
    """A handshake was refused, or the server has hung up."""


class Peer:
    """One WebSocket, by the letter: an event is one write, an ack is waited for or not."""

    def __init__(self, port: int, address: str) -> None:
        self.port, self.address = port, address
        self.acks: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Peer":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        headers = UPGRADE | {"X-Forwarded-For": self.address}
        self.writer.write(head("GET", f"{ENGINE}&transport=websocket", headers))
        answer = await self.reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 101"):
            self.writer.transport.abort()
            raise Refused(answer)
        self.write("40")
        while True:
            packet = await self._packet()
            if packet.startswith(b"44"):
                self.writer.transport.abort()
                raise Refused(packet)
            if packet.startswith(b'42["welcome"'):
                break
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading:
            self._reading.cancel()
        self.writer.transport.abort()

    def write(self, packet: str) -> None:
        self.writer.write(masked(packet.encode()))

    def tell(self, verb: str, **payload: Any) -> asyncio.Future[Any]:
        """The ack to come."""
        number = next(self._numbers)
        ack = self.acks[number] = asyncio.get_running_loop().create_future()
        self.write(f"42{number}{json.dumps([verb, payload])}")
        return ack

    async def ask(self, verb: str, **payload: Any) -> Any:
        """Raises Refused where the connection ends before the ack."""
        assert self._reading
        ack = self.tell(verb, **payload)
        await asyncio.wait([ack, self._reading], return_when=asyncio.FIRST_COMPLETED)
        if not ack.done():
            raise Refused("gone")
        return ack.result()

    async def _read(self) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                packet = await self._packet()
                if packet == b"2":
                    self.write("3")
                elif packet.startswith(b"43"):
                    number, _, rest = packet[2:].partition(b"[")
                    if ack := self.acks.pop(int(number), None):
                        ack.set_result(json.loads(b"[" + rest)[0])

    async def _packet(self) -> bytes:
        """The next text; b"" for what is none."""
        first, size = await self.reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2))
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8))
        data = await self.reader.readexactly(size)
        return data if first == 0x81 else b""


def message(text: str, room: str = ROOM) -> dict[str, Any]:
    return {"room": room, "text": text, "id": uuid4().hex}


# --- what peers do, again and again ---


async def writes_much(port: int, address: str) -> None:
    """The longest texts, into a room of its own, whatever is answered."""
    async with Peer(port, address) as peer:
        room = f"r-{uuid4().hex[:8]}"
        await peer.ask("join", room=room)
        while True:
            for _ in range(10):
                peer.tell("send", **message(f"{uuid4().hex} {LONG}", room))
            await peer.writer.drain()
            await peer.ask("echo")


async def shouts(port: int, address: str) -> None:
    """The same again and again where everybody is, with mentions of many."""
    async with Peer(port, address) as peer:
        await peer.ask("join", room=ROOM)
        everybody = " ".join(f"@person-{n}" for n in range(60))
        while True:
            for _ in range(10):
                peer.tell("send", **message(f"read this {everybody}"))
            peer.tell("typing", room=ROOM)
            await peer.writer.drain()
            await peer.ask("echo")


async def comes_and_goes(port: int, address: str) -> None:
    """A new person each time, who says one thing in the room of the others."""
    async with Peer(port, address) as peer:
        await peer.ask("join", room=ROOM)
        await peer.ask("send", **message(f"{uuid4().hex} {LONG}"))


async def makes_rooms(port: int, address: str) -> None:
    async with Peer(port, address) as peer:
        for _ in range(50):
            answer = await peer.ask("join", room=f"r-{uuid4().hex[:12]}")
            if answer["ok"]:
                await peer.ask("topic", room=answer["room"]["name"], topic="x" * 200)


async def changes_words(port: int, address: str) -> None:
    """One message, edited and reacted to as often as it goes."""
    async with Peer(port, address) as peer:
        room = f"r-{uuid4().hex[:8]}"
        await peer.ask("join", room=room)
        said = await peer.ask("send", **message("hello", room))
        for n in itertools.count():
            if not said["ok"]:
                return
            peer.tell("edit", room=room, seq=said["message"]["seq"], text=f"{n} {LONG}")
            peer.tell("react", room=room, seq=said["message"]["seq"], emoji="👍", on=n % 2 == 0)
            peer.tell("rename", nickname=f"n{uuid4().hex[:12]}")
            await peer.ask("history", room=room)


async def opens_sessions(port: int, address: str) -> None:
    """Handshakes of polling sessions that nobody uses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = {"X-Forwarded-For": address}
    with contextlib.closing(writer):
        while True:
            writer.write(head("GET", f"{ENGINE}&transport=polling", headers) * 5)
            if not await reader.read(65_536):
                return


KINDS: tuple[Callable[[int, str], Awaitable[None]], ...] = (
    writes_much,
    shouts,
    comes_and_goes,
    makes_rooms,
    changes_words,
    opens_sessions,
)


async def attack(port: int) -> None:
    """Whoever is refused or sent away comes again at once."""

    async def again_and_again(number: int) -> None:
        act, address = KINDS[number // len(ADDRESSES) % len(KINDS)], ADDRESSES[number % len(ADDRESSES)]
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, Refused):
                await act(port, address)
            await asyncio.sleep(0.05)

    os.nice(10)  # honest people have machines of their own, for which this one has no processor left
    await asyncio.gather(*(again_and_again(number) for number in range(PEERS)))


# --- honest people ---


async def talk(port: int, seconds: float) -> dict[str, Any]:
    """Everybody comes, and says something every few seconds; once all are here a line is printed."""
    met: dict[str, Any] = {"acks": [], "refused": [], "gone": 0}
    here = asyncio.Semaphore(0)
    begin = asyncio.Event()

    async def person(number: int) -> None:
        address = ADDRESSES[0] if number < NEIGHBOURS else ELSEWHERE
        async with Peer(port, address) as peer:
            joined = await peer.ask("join", room=ROOM, nickname=f"person-{number}")
            assert joined["ok"], joined
            here.release()
            await begin.wait()
            end = time.monotonic() + seconds
            await asyncio.sleep(random.uniform(0, EVERY_S))
            for n in itertools.count():
                if time.monotonic() > end:
                    return
                began = time.perf_counter()
                try:
                    answer = await peer.ask("send", **message(f"person {number} says {n} to everybody"))
                except Refused:
                    met["gone"] += 1
                    return
                met["acks"].append((time.perf_counter() - began) * 1000)
                if not answer["ok"]:
                    met["refused"].append([number, answer["error"], answer["text"]])
                await asyncio.sleep(random.uniform(0.5, 1.5) * EVERY_S)

    async with asyncio.TaskGroup() as people:
        for number in range(NEIGHBOURS + OTHERS):
            people.create_task(person(number))
        for _ in range(NEIGHBOURS + OTHERS):
            await here.acquire()
        print("here", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        begin.set()
    return met


if __name__ == "__main__":
    if sys.argv[1] == "honest":
        print(json.dumps(asyncio.run(talk(int(sys.argv[2]), float(sys.argv[3])))))
    else:
        asyncio.run(attack(int(sys.argv[2])))
