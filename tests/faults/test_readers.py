"""Who never reads is dropped at the byte limit, whether it answers pings or not; everybody else goes on as before."""

import asyncio
import contextlib
import socket
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.faults.conversation import ROOM
from tests.faults.fellow import Fellow, gathering, sit_down
from tests.support.process import Standing
from tests.support.raw import UPGRADE, Line, Polls, head
from tests.support.talker import until

MEGABYTE = 1_000_000
FLAGS = ("--rate-limit", "off", "--grace", "0")
TALL = "x" * 3_900  # of a message; the kernel takes some megabytes before the server notices anything
GONE_WITHIN = 30.0  # seconds


def frame(text: str) -> bytes:
    """A masked text frame of up to 125 bytes (RFC 6455, 5.2)."""
    data = text.encode()
    return bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data


@contextlib.asynccontextmanager
async def never_reading(server: Standing, answers: bool) -> AsyncIterator[Line]:
    """A WebSocket that sits in the room and reads nothing; it `answers` pings that it cannot have seen."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", server.port))
    line = Line(*await asyncio.open_connection(sock=narrow, limit=1))
    line.writer.transport.pause_reading()  # type: ignore[attr-defined]
    line.writer.write(head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE))
    line.writer.write(frame("40") + frame(f'420["join",{{"room":"{ROOM}"}}]'))
    pinging = asyncio.create_task(pong(line)) if answers else None
    try:
        async with line:
            yield line
    finally:
        if pinging:
            pinging.cancel()


async def pong(line: Line) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            line.writer.write(frame("3"))
            await line.writer.drain()
            await asyncio.sleep(0.3)


@contextlib.asynccontextmanager
async def never_polling(http: aiohttp.ClientSession, server: Standing) -> AsyncIterator[Polls]:
    async with Polls(http, server.url) as polls:
        await polls.join()
        await polls.send(f'420["join",{{"room":"{ROOM}"}}]')
        yield polls


async def shout(speaker: Fellow, count: int, name: str, text: str = TALL) -> None:
    """So many messages, a few at a time, each with the moment at which it was said."""
    for n in range(0, count, 10):
        await asyncio.gather(
            *(
                speaker.ask("send", {"room": ROOM, "text": f"{text}@{time.monotonic_ns()}", "id": f"{name}-{n + m:06}"})
                for m in range(10)
            )
        )


async def drop_deaf(folder: Path, deaf: int, shouts: int) -> tuple[int, float]:
    """How many of the deaf (a third each: answering pings, not answering, never polling) are still in the room when all
    is said, and by how many megabytes the server has grown at most."""
    async with (
        Standing(folder, *FLAGS) as server,
        gathering() as http,
        contextlib.AsyncExitStack() as stack,
    ):
        fellows = await sit_down(stack, http, server.url, 5)
        await shout(
            fellows[0], shouts // 30 * 10, "kept"
        )  # what a server keeps of a room's last messages is not the question
        for _ in range(deaf // 3):
            for one in (never_reading(server, True), never_reading(server, False), never_polling(http, server)):
                await stack.enter_async_context(one)
        count = deaf // 3 * 3 + len(fellows)
        await counted(fellows[0], count)
        await shout(fellows[0], 50, "warm")
        before = most = server.memory()
        for n in range(shouts // 100):
            await shout(fellows[0], 100, f"shout-{n}")
            most = max(most, server.memory())
        await until(
            lambda: all(one.heard == shouts // 30 * 10 + shouts // 100 * 100 + 50 for one in fellows), GONE_WITHIN
        )
        left = (await fellows[0].ask("people", {"room": ROOM}))["count"] - len(fellows)
        assert not server.faults(), server.faults()
        return left, (most - before) / MEGABYTE


async def counted(fellow: Fellow, count: int) -> None:
    async with asyncio.timeout(GONE_WITHIN):
        while (await fellow.ask("people", {"room": ROOM}))["count"] < count:
            pass


async def test_who_never_reads_is_dropped_and_costs_little_memory(tmp_path: Path) -> None:
    left, grown = await drop_deaf(tmp_path / "data", 30, 2_500)
    assert left == 0
    assert grown < 40


async def compare_delays(folder: Path, deaf: int, rounds: int) -> tuple[float, float]:
    """The 99th percentile of the milliseconds from saying to hearing, without and with so many who never read, all of
    whom are dropped in the course of it; in the quietest round, for other programs want the processor too."""
    both = []
    async with Standing(folder, *FLAGS) as server, gathering() as http, contextlib.AsyncExitStack() as stack:
        fellows = await sit_down(stack, http, server.url, 20)
        for n in range(rounds):
            alone = await percentile(fellows, f"alone-{n}")
            async with contextlib.AsyncExitStack() as more:
                for m in range(deaf):
                    await more.enter_async_context(never_reading(server, m % 2 == 0))
                await counted(fellows[0], deaf + len(fellows))
                both.append((alone, await percentile(fellows, f"beside-{n}")))
                assert (await fellows[0].ask("people", {"room": ROOM}))["count"] == len(fellows)
    return min(both, key=sum)


async def percentile(fellows: list[Fellow], name: str, count: int = 1_500, pace: float = 0.01) -> float:
    """At a steady pace that leaves the server room, so that nothing but waiting for somebody can make it slow."""
    clock = asyncio.get_running_loop().time
    for one in fellows:
        one.delays.clear()
    began = clock()
    for n in range(count):
        await fellows[0].begin("send", {"room": ROOM, "text": f"{TALL}@{time.monotonic_ns()}", "id": f"{name}-{n:06}"})
        await asyncio.sleep(max(0, began + n * pace - clock()))
    await until(lambda: all(len(one.delays) == count for one in fellows), GONE_WITHIN)
    return statistics.quantiles((delay for one in fellows for delay in one.delays), n=100)[98] * 1000
