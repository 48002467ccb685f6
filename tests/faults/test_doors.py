"""One room and every kind of client, over two workers of which each is killed: all of them end with the same log."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from tests.faults import doors
from tests.faults.doors import FIRST_WORDS, ROOM, Door, Log
from tests.faults.test_workers import RESTARTS_WITHIN, children, has_restarted
from tests.support.browser import chromium
from tests.support.look import Look
from tests.support.postgres import Cluster, cluster
from tests.support.process import Standing
from tests.support.redis import redis_server
from tests.support.talker import until
from tests.support.thorough import IS_THOROUGH
from tests.tools.terminal import Shell

KILLS = 2 if IS_THOROUGH else 1
WORDS = 4  # that each says while nothing is broken, and again while a worker is
ENTERS_WITHIN_S, TALKS_WITHIN_S, SAME_WITHIN_S = 60.0, 60.0, 60.0


async def talk_through_kills(
    folder: Path, primary: Cluster, kills: int = KILLS
) -> tuple[list[str], dict[str, Log], Log]:
    """What was said, what each client holds in the end, and what the database does."""
    said: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        database = primary.database()
        redis = await stack.enter_async_context(redis_server(folder / "redis"))
        settings = {"DATABASE_URL": database, "REDIS_URL": redis.url}
        flags = ("--rate-limit", "off", "--workers", "2", "--transports", "websocket,polling,sse")
        server = await stack.enter_async_context(Standing(folder / "data", *flags, **settings))
        clients = await everybody(stack, server.url, Shell(folder))

        async def talk(one: Door, part: str) -> None:
            for n in range(WORDS):
                said.append(f"{one.name}, {part}, {n}")
                await one.say(said[-1])

        async def all_talk(part: str) -> None:
            async with asyncio.timeout(TALKS_WITHIN_S):
                await asyncio.gather(*(talk(one, part) for one in clients if one.speaks))

        await all_talk("before")
        for kill in range(kills):
            victim = children(server.pid)[0]
            os.kill(victim, signal.SIGKILL)
            await all_talk(f"kill {kill}")
            await until(lambda victim=victim: has_restarted(server.pid, victim, 2), RESTARTS_WITHIN)
        await all_talk("after")
        stored = await same_everywhere(database, clients, len(said))
        held = {one.name: log for one in clients if (log := await one.log()) is not None}
        assert server.faults() == []
        return said, held, stored


async def everybody(stack: contextlib.AsyncExitStack, url: str, shell: Shell) -> list[Door]:
    """The first one owns the room, and lets the bot and the hook in."""
    browser = await stack.enter_async_context(chromium())
    async with asyncio.timeout(ENTERS_WITHIN_S):
        first = await stack.enter_async_context(doors.by_library(url, "library by websocket", "websocket"))
        others = (
            doors.by_scripts(url, shell),
            doors.by_library(url, "library by polling", "polling"),
            *(doors.in_browser(browser, url, f"browser by {one}", one) for one in ("websocket", "polling", "sse")),
            doors.by_plain_websocket(url, "plain websocket"),
            doors.by_events(url, "event source"),
            doors.by_curl(url),
            doors.by_http(url, "bot", first.client),
            doors.by_hook(url, "hook", first.client),
            doors.in_terminal(url, shell),
        )
        return [first, *[await stack.enter_async_context(one) for one in others]]


def read(database: str) -> Log:
    with Look(database) as look:
        rows = look.rows("SELECT seq, text FROM messages WHERE room = ? ORDER BY seq", ROOM)
    return {row["seq"]: row["text"] for row in rows}


async def same_everywhere(database: str, clients: list[Door], said: int) -> Log:
    """Wait until everything is stored and everybody has it; what is stored."""
    stored: Log = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SAME_WITHIN_S):
            while True:
                stored = await asyncio.to_thread(read, database)
                if len(stored) > said and all([await one.log() in (stored, None) for one in clients]):
                    break
                await asyncio.sleep(0.1)
    return stored


async def test_every_kind_of_client_ends_with_the_same_log_through_kills_of_workers(tmp_path: Path) -> None:
    with cluster() as primary:
        said, held, stored = await talk_through_kills(tmp_path, primary)
    assert sorted(stored.values()) == sorted([*said, FIRST_WORDS]), "each once"
    for name, log in held.items():
        assert log == stored, name
    for name in {text.partition(",")[0] for text in said}:
        own = [text for text in said if text.startswith(f"{name},")]
        assert [text for text in stored.values() if text in own] == own, "in the order in which it was said"
