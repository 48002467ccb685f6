"""No sticky sessions: several processes behind a proxy that sends every request to the next one."""

import asyncio
import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.need import require
from tests.support.process import PROJECT, serving
from tests.support.proxy import RoundRobin
from tests.support.redis import redis_server
from tests.support.talker import Talker

POLLS_FOR = 4  # seconds; `make drill` a minute


async def polls(url: str, seconds: float, nickname: str) -> dict[str, Any]:
    """What the official JavaScript client tells of so long a conversation by polling."""
    node = shutil.which("node")
    require(node and (PROJECT / "tests/js/node_modules/socket.io-client").exists(), "there is no node with its modules")
    client = await asyncio.create_subprocess_exec(
        *(str(node), "tests/js/client/polls.mjs", url, str(seconds), nickname),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    out, errors = await client.communicate()
    assert client.returncode == 0, errors.decode()
    return dict(json.loads(out))


async def polls_for(seconds: float, folder: Path, processes: int = 3) -> tuple[list[dict[str, Any]], RoundRobin]:
    """What two clients tell, and the proxy."""
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(folder / "redis"))
        more: dict[str, str] = {"REDIS_URL": redis.url, "PARLOR_RATE_LIMIT": "off"}
        servers = [await stack.enter_async_context(serving(folder / "data", **more)) for _ in range(processes)]
        proxy = await stack.enter_async_context(RoundRobin(*(one.url for one in servers)))
        told = await asyncio.gather(*(polls(proxy.url, seconds, name) for name in ("alice", "bob")))
        return list(told), proxy


async def test_the_official_client_polls_without_affinity_and_never_hears_that_it_is_unknown(tmp_path: Path) -> None:
    told, proxy = await polls_for(POLLS_FOR, tmp_path)
    for one in told:
        assert (one["connects"], one["disconnects"], one["errors"]) == (1, 0, 0)
        assert one["revs"] == list(range(one["revs"][0], one["revs"][0] + len(one["revs"])))
        assert len(one["said"]) > 3
    assert proxy.statuses.keys() == {200}
    assert proxy.statuses[200] > 20


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_people_on_two_processes_without_affinity_hear_each_other(tmp_path: Path, transport: str) -> None:
    async with (
        redis_server(tmp_path / "redis") as redis,
        serving(tmp_path / "data", REDIS_URL=redis.url) as one,
        serving(tmp_path / "data", REDIS_URL=redis.url) as two,
        RoundRobin(one.url, two.url) as proxy,
        Talker(proxy.url, "alice", transport=transport) as alice,
        Talker(proxy.url, "bob", transport=transport) as bob,
    ):
        for talker in (alice, bob):
            await talker.join("lobby")
        for n in range(5):
            await (alice, bob)[n % 2].say("lobby", f"word {n}")
        for talker in (alice, bob):
            assert await talker.hears_texts("lobby", 5) == [f"word {n}" for n in range(5)]
