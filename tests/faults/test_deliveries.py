"""Hooks through SIGKILLs: every event is delivered, in order, at least once."""

import asyncio
import os
import signal
from pathlib import Path

from tests.support.process import Standing, serving
from tests.support.receiver import Receiver
from tests.support.redis import RedisServer
from tests.support.talker import Talker, until
from tests.test_workers import children
from tests.web.test_hooks import hook_of

TAKEN_FOR_DEAD_S = 40.0  # a process is, after 15 to 20 s (chat/leases.py)


def first_times(receiver: Receiver) -> list[int]:
    """The seq of each event when it came first."""
    return list(dict.fromkeys(one["data"]["message"]["seq"] for one in receiver.taken))


async def test_a_server_that_is_killed_again_and_again_delivers_all_of_it(tmp_path: Path) -> None:
    kills, count = 2, 40
    async with Receiver() as receiver, Standing(tmp_path / "data", PARLOR_HOOK_PRIVATE="on") as server:
        token, said = None, 0
        for attempt in range(kills + 1):
            async with Talker(server.url, token=token) as owner:
                token = owner.token
                await owner.join("lobby")
                if attempt == 0:
                    await hook_of(owner, url=receiver.url)
                for _ in range(count):
                    await owner.say("lobby", "x")
                    said += 1
                if attempt < kills:
                    await server.kill()
            if attempt < kills:
                await server.begin()
        await receiver.takes(lambda: len(first_times(receiver)) >= said)
        assert first_times(receiver) == list(range(1, said + 1))
        ids = {headers["webhook-id"] for headers, _ in receiver.got}
        assert len(ids) == said, "what comes twice has one id"


async def test_when_workers_are_killed_those_that_come_after_go_on(tmp_path: Path, redis: RedisServer) -> None:
    flags, environment = ("--workers", "2"), {"REDIS_URL": redis.url, "PARLOR_HOOK_PRIVATE": "on"}
    async with Receiver() as receiver, serving(tmp_path / "data", *flags, **environment) as server:
        async with Talker(server.url, "owner") as owner:
            token = owner.token
            await owner.join("lobby")
            await hook_of(owner, url=receiver.url)
            receiver.gate.clear()  # the worker that delivers waits for an answer
            await owner.say("lobby", "first")
            await receiver.takes(lambda: receiver.got)
            for pid in children(server):
                os.kill(pid, signal.SIGKILL)
        receiver.gate.set()
        async with asyncio.timeout(TAKEN_FOR_DEAD_S):
            while True:
                try:
                    async with Talker(server.url, token=token) as owner:
                        await owner.join("lobby")
                        await owner.say("lobby", "second")
                        break
                except Exception:  # the workers come again
                    await asyncio.sleep(0.1)
        await until(lambda: len(first_times(receiver)) >= 2, TAKEN_FOR_DEAD_S)
        assert first_times(receiver) == [1, 2]
