"""What somebody weighs who is in a room and says nothing: bytes of memory that our own code asked for."""

import asyncio
import gc
import tracemalloc
from pathlib import Path

import pytest

import app
from app.server import Running
from tests.bench.member import HANDSHAKE, masked
from tests.support import PATIENCE
from tests.support.raw import Line

FIRST, MORE = 50, 200  # people; of the first it is not counted what all have in common
HERE = str(Path(app.__file__).parent / "*")
MOST = 3_600  # bytes; 3,000 on Python 3.13, whose objects are larger or smaller than those of another one


async def comes(url: str, room: str) -> Line:
    """By a WebSocket, into the room."""
    line = await Line.to(url)
    async with asyncio.timeout(PATIENCE):
        for said, answered in (
            (f"{HANDSHAKE}\r\n".encode(), b"}"),
            (masked("40"), b"40{"),
            (masked(f'420["join",{{"room":"{room}"}}]'), b"430["),
        ):
            await line.write(said)
            await line.reader.readuntil(answered)
    return line


@pytest.mark.alone
async def test_somebody_who_says_nothing_weighs_little(server: Running) -> None:
    lines = [await comes(server.url, "lobby") for _ in range(FIRST)]
    tracemalloc.start()
    try:
        lines += [await comes(server.url, f"room-{n % 4}") for n in range(MORE)]
        await server.chat.marks.save()
        gc.collect()
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, HERE)])
    finally:
        tracemalloc.stop()
    assert len(server.chat.presence.online) == FIRST + MORE
    weights = ours.statistics("lineno")
    told = [f"{one.size / MORE:.0f} at {one.traceback[0].filename}:{one.traceback[0].lineno}" for one in weights[:20]]
    assert sum(one.size for one in weights) / MORE < MOST, told
    for line in lines:
        line.writer.transport.abort()
