"""Several processes on one PostgreSQL, and whatever befalls it or one of them: nobody misses a word."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conversation import Conversation
from tests.faults.fellow import gathering, sit_down
from tests.faults.friends import FullConversation
from tests.faults.test_redis import NEWS_WITHIN_S, measured
from tests.support.look import Look
from tests.support.postgres import Cluster, cluster
from tests.support.process import Standing
from tests.support.redis import redis_server
from tests.support.thorough import first

ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
TO_BOTH = {"synchronous_commit": "remote_apply", "synchronous_standby_names": "*"}  # what is acked is on the standby


@dataclass
class Scene:
    """A conversation, and what may be broken under it."""

    talk: Conversation
    servers: list[Standing]
    primary: Cluster
    standby: Cluster | None = None


Trouble = Callable[[Scene], Awaitable[None]]


async def talk_through(
    folder: Path, trouble: Trouble, *, processes: int = 2, redis: bool = True, standby: bool = False, look: bool = True
) -> tuple[int, float, list[str]]:
    """How many words were acked, the longest that anybody was without news, and the violations. redis: there is one;
    else news come by looking. standby: a second PostgreSQL follows the first. look: into the database at each word that
    is heard; not where it hangs, for whoever asks it then waits, and all of the test with it."""
    with cluster() as primary, contextlib.ExitStack() as clusters:
        url, twin = primary.database(), None
        if standby:
            twin = primary.copy(primary.folder.parent / "standby")
            await asyncio.to_thread(twin.begin)
            clusters.callback(twin.kill)
            for name, value in TO_BOTH.items():
                primary.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            primary.execute("SELECT pg_reload_conf()")
            url = _either(url, primary, twin)
        async with contextlib.AsyncExitStack() as stack:
            settings = {"DATABASE_URL": url, "PARLOR_FILES": str(folder / "files")}
            if redis:
                settings["REDIS_URL"] = (await stack.enter_async_context(redis_server(folder / "redis"))).url
            servers = [Standing(folder / f"disk-{n}", "--rate-limit", "off", **settings) for n in range(processes)]
            for server in servers:
                await stack.enter_async_context(server)
            talk = await stack.enter_async_context(FullConversation(url, [one.url for one in servers], look=look))
            return await measured(talk, lambda: trouble(Scene(talk, servers, primary, twin)))


def _either(url: str, primary: Cluster, standby: Cluster) -> str:
    """The address of whichever takes writes."""
    here = f"127.0.0.1:{primary.port}"
    return url.replace(here, f"{here},127.0.0.1:{standby.port}") + "?target_session_attrs=read-write&connect_timeout=2"


def is_killed(times: int) -> Trouble:
    async def trouble(scene: Scene) -> None:
        for _ in range(times):
            await asyncio.to_thread(scene.primary.kill)
            await asyncio.to_thread(scene.primary.begin)
            await scene.talk.goes_on(15)

    return trouble


def hangs(seconds: float) -> Trouble:
    async def trouble(scene: Scene) -> None:
        scene.primary.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        scene.primary.send_signal(signal.SIGCONT)

    return trouble


def ends_everybody(times: int) -> Trouble:
    async def trouble(scene: Scene) -> None:
        for _ in range(times):
            await asyncio.to_thread(scene.primary.execute, ENDED)
            await scene.talk.goes_on(15)

    return trouble


def loses_a_process(times: int) -> Trouble:
    async def trouble(scene: Scene) -> None:
        for nth in range(times):
            server = scene.servers[nth % len(scene.servers)]
            await server.kill()
            await scene.talk.goes_on(15)
            await server.begin()
            await scene.talk.goes_on(15)

    return trouble


def stops_a_process(seconds: float) -> Trouble:
    async def trouble(scene: Scene) -> None:
        scene.servers[0].signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        scene.servers[0].signal(signal.SIGCONT)

    return trouble


async def fails_over(scene: Scene) -> None:
    """The first one is gone for good, the second one takes its place."""
    assert scene.standby
    await asyncio.to_thread(scene.primary.kill)
    scene.standby.options |= {"synchronous_standby_names": ""}
    await asyncio.to_thread(scene.standby.promote)
    await asyncio.to_thread(scene.standby.execute, "ALTER SYSTEM RESET synchronous_standby_names")
    await asyncio.to_thread(scene.standby.execute, "SELECT pg_reload_conf()")


def claims(count: int, name: str = "Zoe") -> Trouble:
    """So many want one name at the same moment, through all processes: one gets it, whoever else is told."""

    async def trouble(scene: Scene) -> None:
        async with gathering() as http, contextlib.AsyncExitStack() as stack:
            urls = [one.url for one in scene.servers]
            shares = [len(range(nth, count, len(urls))) for nth in range(len(urls))]
            seated = [await sit_down(stack, http, url, share) for url, share in zip(urls, shares, strict=True)]
            answers = await asyncio.gather(
                *(one.ask("rename", {"nickname": name}) for fellows in seated for one in fellows)
            )
            outcomes = Counter(answer.get("error", "won") for answer in answers)
            assert outcomes == {"won": 1, "nickname_taken": count - 1}
            (winner,) = [answer["me"]["id"] for answer in answers if answer["ok"]]
            with Look(scene.talk.database) as look:
                rows = look.rows("SELECT id FROM people WHERE nickname = ?", name)
            assert [row["id"] for row in rows] == [winner]
        await scene.talk.goes_on(50)

    return trouble


CASES = {
    "killed": (is_killed(2), {}),
    "hung": (hangs(1.5), {"look": False}),
    "ended": (ends_everybody(2), {}),
    "a process killed": (loses_a_process(2), {"processes": 3}),
    "a process hung": (stops_a_process(1.5), {"processes": 3}),
    "failed over": (fails_over, {"standby": True}),
}


@pytest.mark.parametrize("case", first(CASES, "killed", "failed over"))
async def test_whatever_becomes_of_postgresql_or_a_process_nobody_misses_a_word(tmp_path: Path, case: str) -> None:
    trouble, how = CASES[case]
    acked, _, violations = await talk_through(tmp_path, trouble, **how)
    assert violations == []
    assert acked >= 40


async def test_without_redis_nobody_is_without_news_for_three_seconds(tmp_path: Path) -> None:
    acked, worst, violations = await talk_through(tmp_path, claims(30), processes=3, redis=False)
    assert violations == []
    assert acked >= 90
    assert worst < NEWS_WITHIN_S
