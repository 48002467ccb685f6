"""The plain doors over the workers of one server: the one that accepts a connection has it, and hears the others."""

import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.plain import EventReader, PlainTalker
from tests.support.redis import RedisServer
from tests.support.talker import Talker
from tests.test_workers import children, two

pytestmark = pytest.mark.slow

EACH = 6  # of them all on one worker: once in a thousand times for each kind


async def test_plain_doors_of_all_workers_hear_each_other_and_a_killed_one_is_missed_by_no_reader(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with two(redis, tmp_path / "data") as server, AsyncExitStack() as stack:
        alice = await stack.enter_async_context(Talker(server.url, "alice"))
        await alice.join("lobby")
        lines: list[PlainTalker] = []
        for n in range(EACH):  # whoever comes hears from then on
            lines.append(await stack.enter_async_context(PlainTalker(server.url, "lobby", f"ann {n}")))
            await lines[-1].hears(f"ann {n} has connected.")
        readers = [
            await stack.enter_async_context(EventReader(server.url, "lobby", again=True, after=0)) for _ in range(EACH)
        ]
        for n, one in enumerate(lines):
            await lines[0].hears(f"ann {n} has connected.")
            await one.say(f"of {n}")
        for one in lines:
            for n in range(EACH):
                await one.hears(f"ann {n} said: of {n}")
        os.kill(children(server)[0], signal.SIGKILL)
        back = await stack.enter_async_context(Talker(server.url, token=alice.token))
        await back.join("lobby")
        for n in range(20):
            await back.say("lobby", str(n))
        history = (await back.ask("history", {"room": "lobby"}))["messages"]
        for reader in readers:
            await reader.hears_text("19")
            assert [one.data for one in reader.told] == history
