"""Who is where, over real workers of one server: seen by everybody, and taken along by a worker that is killed."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.redis import RedisServer
from tests.support.talker import Talker
from tests.test_workers import children, two

pytestmark = pytest.mark.slow

ROOM, CROWD = "lobby", 16  # of whom one worker has none once in 30,000 times
AWAITED_WITHIN = 20.0  # seconds; a silence of 6, and then those who are shown as reconnecting leave after 10


async def list_of(one: Talker) -> dict[str, bool]:
    """Who is in the room by what one is answered, and whether they are reconnecting."""
    people: list[dict[str, Any]] = (await one.ask("people", {"room": ROOM}))["people"]
    return {entry["nickname"]: entry.get("reconnecting", False) for entry in people}


def here(crowd: list[Talker]) -> list[Talker]:
    return [one for one in crowd if one.client.connected]


def truth(crowd: list[Talker]) -> dict[str, bool]:
    """What the list is to be: whoever has lost their line is awaited."""
    return {one.me["nickname"]: not one.client.connected for one in crowd}


async def test_everybody_is_seen_over_two_workers_and_a_killed_one_takes_its_people_along(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with two(redis, tmp_path / "data") as server, AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(Talker(server.url, f"guest {n}")) for n in range(CROWD)]
        for one in crowd:
            await one.join(ROOM)
        everybody = {f"guest {n}": False for n in range(CROWD)}
        async with asyncio.timeout(AWAITED_WITHIN):
            while any([await list_of(one) != everybody for one in crowd]):
                await asyncio.sleep(0.05)
        os.kill(children(server)[0], signal.SIGKILL)
        async with asyncio.timeout(AWAITED_WITHIN):
            while all(one.client.connected for one in crowd) or await list_of(here(crowd)[0]) != truth(crowd):
                await asyncio.sleep(0.05)
        gone = [one for one in crowd if not one.client.connected]
        back = await stack.enter_async_context(Talker(server.url, token=gone[0].token))
        await back.join(ROOM)
        async with asyncio.timeout(AWAITED_WITHIN):
            while (await list_of(here(crowd)[0]))[gone[0].me["nickname"]]:
                await asyncio.sleep(0.05)
