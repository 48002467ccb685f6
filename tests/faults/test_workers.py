"""SIGKILL of single workers under load: their clients come back at once, to whichever lives, and nothing is lost."""

import os
import random
import signal
from pathlib import Path

from tests.faults.friends import FullConversation
from tests.support.process import Standing
from tests.support.redis import redis_server
from tests.support.talker import until

KILLS = 3  # `make drill` kills 20 times
RESTARTS_WITHIN = 20.0  # seconds


async def kill_workers(folder: Path, kills: int, workers: int = 2) -> tuple[int, list[str]]:
    """How many words were acked, and the violations. Polls come to whichever worker the kernel gives them."""
    flags = ("--rate-limit", "off", "--workers", str(workers))
    async with (
        redis_server(folder / "redis") as redis,
        Standing(folder / "data", *flags, REDIS_URL=redis.url) as server,
        FullConversation(server.database, [server.url]) as talk,
    ):
        talk.begins()
        for _ in range(kills):
            await talk.goes_on(25)
            killed = random.choice(children(server.pid))
            os.kill(killed, signal.SIGKILL)
            await talk.goes_on(25)
            await until(lambda killed=killed: has_restarted(server.pid, killed, workers), RESTARTS_WITHIN)
        await talk.goes_on(25)
        return talk.acked, await talk.violations() + server.faults()


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_restarted(parent: int, killed: int, workers: int) -> bool:
    now = children(parent)
    return killed not in now and len(now) == workers


async def test_workers_killed_again_and_again_lose_double_and_disorder_nothing(tmp_path: Path) -> None:
    acked, violations = await kill_workers(tmp_path, KILLS)
    assert violations == []
    assert acked > KILLS * 50
