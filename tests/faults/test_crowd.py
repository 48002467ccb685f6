"""Everybody at once: after a kill a whole crowd comes back, each at its own moment, and has all that was said."""

import asyncio
import contextlib
from bisect import bisect_right
from pathlib import Path

import pytest

from app.tools.client import Client
from tests.faults import checker
from tests.faults.conversation import ROOM
from tests.support.process import Standing
from tests.support.proxy import Proxy
from tests.support.talker import until

pytestmark = pytest.mark.alone

MISSED = 40  # words that are said before most of them are back
WAVE = 0.2  # seconds
# Of all attempts, at least two of each. The first, in vain, come 0.25 to 1 s after the fall, the next 0.5 to 2 s later:
# no fifth of a second has more than a quarter of all to expect. That one has half of 200 by chance has a probability
# below 200 * exp(-200 * KL(1/2 || 1/4)) < 1e-10 (Chernoff's bound, for each of 200 beginnings of such a fifth).
ONE_WAVE = 0.5


async def return_at_once(folder: Path, crowd: int, within: float) -> tuple[float, float]:
    """Seconds from the server's return until everybody has caught up; and how evenly they came (see `busiest`)."""
    clock = asyncio.get_running_loop().time
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(Standing(folder, "--rate-limit", "off"))
        proxy = await stack.enter_async_context(Proxy(server.url))
        clients = [Client(proxy.url, f"fellow {n}") for n in range(crowd)]
        turns = asyncio.Semaphore(20)

        async def sit(client: Client) -> None:
            async with turns:
                await stack.enter_async_context(client)
                await client.enter(ROOM)

        await asyncio.gather(*map(sit, clients))
        await clients[0].say(ROOM, "before")
        await server.kill()
        await until(lambda: not any(one.transport for one in clients), within)
        gone = clock()
        await until(lambda: len(attempts(proxy, gone)) >= crowd, within)  # in vain, once each
        said = [clients[n % 5].say(ROOM, f"word {n}") for n in range(MISSED)]
        await server.begin()
        began = clock()
        await asyncio.wait_for(asyncio.gather(*said), within)
        stored = checker.read(server.database, ROOM)
        copies = [one.rooms[ROOM] for one in clients]
        await until(lambda: all(copy.live and copy.rev == stored.rev for copy in copies), within)
        took = clock() - began
        told = [[message["id"] for message in copy.messages] for copy in copies]
        assert told == [[message["id"] for message in stored.messages]] * crowd
        assert stored.rev == MISSED + 1
        tried = attempts(proxy, gone)  # from the fall on: a machine that starts slowly leaves few for afterwards
        closing = asyncio.gather(*(one.close() for one in clients))
        await asyncio.wait_for(closing, within)
    return took, busiest(tried)


def attempts(proxy: Proxy, since: float) -> list[float]:
    """The moments at which somebody tried to come back."""
    return [one.at for one in proxy.requests if one.at >= since and one.kind == "websocket"]


def busiest(moments: list[float]) -> float:
    """The share of all attempts in the busiest fifth of a second: 1 where they come in one wave."""
    moments = sorted(moments)
    return max(bisect_right(moments, moment + WAVE) - nth for nth, moment in enumerate(moments)) / len(moments)


async def test_200_come_back_after_a_kill_and_have_everything(tmp_path: Path) -> None:
    took, share = await return_at_once(tmp_path / "data", 200, 60)
    assert took < 30
    assert share < ONE_WAVE, "the attempts are spread, they do not come in one wave"
