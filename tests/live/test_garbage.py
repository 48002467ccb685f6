"""What people leave when they go is gone at once: a full garbage collection, for which everybody would wait, finds
nothing."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from app.engineio.group import Group
from app.process import FULL_COLLECTION_AFTER, collect_seldom
from app.server import Running
from tests.bench.member import HANDSHAKE, masked
from tests.support import PATIENCE
from tests.support.raw import Line
from tests.support.talker import until

VISITS = 50


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    """Where `gc.collect` puts what it finds; nothing is collected by itself."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def visits(server: Running, goodbye: bytes) -> None:
    """Somebody comes by a WebSocket, joins, says something and goes."""
    async with await Line.to(server.url) as line, asyncio.timeout(PATIENCE):
        for said, answered in (
            (f"{HANDSHAKE}\r\n".encode(), b"}"),
            (masked("40"), b"40{"),
            (masked('420["join",{"room":"lobby"}]'), b"430["),
            (masked('421["send",{"room":"lobby","text":"a word","id":"0123456789abcdef"}]'), b"431["),
        ):
            await line.write(said)
            await line.reader.readuntil(answered)
        await line.write(goodbye)


@pytest.mark.parametrize("goodbye", [masked("41"), b"\x88\x82\0\0\0\0\x03\xe9", b""], ids=["told", "closed", "cut"])
async def test_a_visit_leaves_nothing_to_be_collected(server: Running, goodbye: bytes, garbage: list[object]) -> None:
    """Nothing of ours; transports of asyncio's own loop leave something, those of uvloop do not."""
    for _ in range(VISITS):
        await visits(server, goodbye)
    await until(lambda: not server.sockets.engine.sessions)
    gc.collect()
    ours = Counter(type(one) for one in garbage if type(one).__module__.startswith("app."))
    del ours[Group]  # one for each time that a room fills and empties
    assert all(count < VISITS for count in ours.values()), ours


def test_full_collections_are_seldom_where_it_serves() -> None:
    before = gc.get_threshold()
    try:
        collect_seldom()
        assert gc.get_threshold() == (*before[:2], FULL_COLLECTION_AFTER)
    finally:
        gc.set_threshold(*before)
