"""`git push`, in the middle of a conversation; and pushes that come to nothing."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import expect

from app.tools.client import Client
from tests.deploy.builds import Builds
from tests.deploy.conftest import Visit
from tests.deploy.host import Host, Order
from tests.deploy.project import Project
from tests.faults.conversation import Conversation
from tests.support.browser import Visitor
from tests.support.look import Look, Where
from tests.support.postgres import Cluster
from tests.support.redis import redis_server
from tests.support.talker import Talker, until
from tests.support.thorough import IS_THOROUGH, first, some

HALL = "hall"  # where the browser is; the crowd talks in another room
REFUSED = (  # what is pushed, and what the host says
    ("requirements.txt", "pip==0.0.0\n", "No matching distribution"),
    ("requirements.txt", "parlor==\n", "no pinned package"),
    ("Pipfile.lock", "{}", "Exactly one package file"),
    ("app/config.py", "raise SystemExit('nothing works')\n", "nothing works"),
    ("runtime.txt", "python-3.13.0\n", "runtime.txt: Heroku"),
)
MAY_END = {"beside": {0}, "instead": {0, -signal.SIGKILL}}  # Piku gives it 3 s, which a busy machine may not
BACK_WITHIN = 40.0  # seconds: a page that met no server for its WebSocket, but one for its poll, looks again after 20
VERSIONS = ("1.0.0", "1.0.1", "1.0.2") if IS_THOROUGH else ("1.0.0", "1.0.1")  # one after the other
PAUSE = 0.25  # seconds from line to line
QUICK = (0.05, 0.5)  # seconds between attempts to come back
# Seconds that the old version and the new one both serve, at least; `make drill` 10.
SIDE_BY_SIDE = float(os.environ.get("SIDE_BY_SIDE_S", "2"))
NEWS_WITHIN = 3.0  # seconds from process to process, without Redis as well


async def pushed(project: Project, host: Host, version: str) -> None:
    """Pushed, built, run, and answering."""
    project.name_version(version)
    code, said = await project.push(host.remote)
    assert code == 0, said
    assert await serves(host) == version


async def serves(host: Host) -> str:
    """The version that runs."""
    assert host.running
    answer = await host.running.health("/healthz", 5)
    assert answer
    return str(answer["version"])


def on_record(database: Where, room: str) -> list[str]:
    with Look(database) as look:
        return [row["text"] for row in look.rows("SELECT text FROM messages WHERE room = ? ORDER BY seq", room)]


@asynccontextmanager
async def services(store: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[dict[str, str]]:
    """What the host's add-ons put into the environment."""
    if store == "a disk":
        yield {}
        return
    postgres: Cluster = request.getfixturevalue("postgres")
    found = {"DATABASE_URL": postgres.database()}
    if store == "PostgreSQL":
        yield found
    else:
        async with redis_server(folder) as redis:
            yield found | {"REDIS_URL": redis.url}


@pytest.mark.parametrize(
    ("order", "store"),
    first(
        [
            ("beside", "a disk"),
            ("instead", "a disk"),
            ("beside", "PostgreSQL and Redis"),
            ("beside", "PostgreSQL"),
        ],
        ("beside", "PostgreSQL and Redis"),
    ),
    ids=["beside, a disk", "instead, a disk", "beside, PostgreSQL and Redis", "beside, PostgreSQL"],
)
async def test_pushes_in_the_middle_of_a_conversation_lose_nothing(
    tmp_path: Path, builds: Builds, visit: Visit, request: pytest.FixtureRequest, order: Order, store: str
) -> None:
    """Everybody is let go by SIGTERM, comes back to the new version by themselves, and has missed nothing."""
    project = Project(tmp_path / "project")
    async with (
        services(store, tmp_path / "redis", request) as found,
        Host(tmp_path / "host", builds, order, PARLOR_RATE_LIMIT="off", **found) as host,
    ):
        await pushed(project, host, VERSIONS[0])
        alice = await visit(host.url, "alice")
        await alice.enters(HALL)
        async with (
            Client(host.url, "bob", transports=("polling",), pauses=QUICK) as bob,
            Conversation(host.database, [host.url]) as crowd,
        ):
            await bob.enter(HALL)
            crowd.begins()
            hall = Hall(alice, bob, crowd)
            host.meanwhile = lambda: hall.newcomers(host)
            for version in VERSIONS[1:]:
                await crowd.goes_on(50)
                await hall.talk_until(asyncio.create_task(pushed(project, host, version)))
                await crowd.goes_on(50)
                await hall.talk_until(asyncio.create_task(alice.is_in("websocket", BACK_WITHIN)))
            assert await crowd.violations() == []
            await hall.remembers(host.database)
    assert len(host.past) == len(VERSIONS)
    assert {release.code for release in host.past} <= MAY_END[order]
    assert [fault for release in host.past for fault in release.faults()] == []
    greetings = [line for line in host.past[0].log.read_text().splitlines() if "Parlor 1.0.0 serves" in line]
    assert [one.endswith(" - 2 workers") for one in greetings] == [store == "PostgreSQL and Redis"]


def _has(client: Client, rev: int) -> bool:
    return (client.rooms[HALL].rev or 0) >= rev


class Hall:
    """A room in which a browser and a client talk, each a few lines a second, whatever happens to the server."""

    def __init__(self, alice: Visitor, bob: Client, crowd: Conversation) -> None:
        self.alice, self.bob, self.crowd = alice, bob, crowd
        self.said: dict[str, list[str]] = {"alice": [], "bob": [], "carol": [], "dora": []}

    def words(self, name: str) -> str:
        self.said[name].append(f"{name} {len(self.said[name]) + 1}")
        return self.said[name][-1]

    async def talk_until(self, end: asyncio.Task[None]) -> None:
        """At least a line each."""
        while True:
            await self.alice.types(self.words("alice"))
            self.bob.say(HALL, self.words("bob"))
            if (await asyncio.wait([end], timeout=PAUSE))[0]:
                return end.result()

    async def newcomers(self, host: Host) -> None:
        """Carol comes to the new version and dora to the old one, while both serve the same database. Where that is a
        PostgreSQL, each hears the other; on one disk the old version is expected to end at once."""
        old, new = host.alive
        is_shared = isinstance(host.database, str)
        loop = asyncio.get_running_loop()
        async with Client(new.url, "carol", pauses=QUICK) as carol, Client(old.url, "dora", pauses=QUICK) as dora:
            for one in (carol, dora):
                await one.enter(HALL)
            end = loop.time() + (SIDE_BY_SIDE if is_shared else 0)
            while not self.said["dora"] or loop.time() < end:
                for name, speaker, listener in (("carol", carol, dora), ("dora", dora, carol)):
                    said = await speaker.say(HALL, self.words(name))
                    if is_shared:
                        await until(partial(_has, listener, said["rev"]), NEWS_WITHIN)
                await asyncio.sleep(PAUSE)  # people's own pace
            await self.crowd.goes_on(20)
        assert {old.process.returncode, new.process.returncode} == {None}

    async def remembers(self, database: Where) -> None:
        """All that anybody said is stored, once and in their order, and the page shows just that."""
        await self.alice.types(self.words("alice"))
        await self.bob.say(HALL, self.words("bob"))  # goes out behind all that he said before
        await expect(self.alice.said.filter(has_text=self.said["alice"][-1])).to_have_count(1)
        stored = on_record(database, HALL)
        by_name = {name: [text for text in stored if text.startswith(name)] for name in self.said}
        assert by_name == self.said
        await self.alice.reads(stored)


async def test_a_push_that_comes_to_nothing_leaves_the_version_before_running(tmp_path: Path, builds: Builds) -> None:
    """The host says why, git says that it was refused, and who talks notices nothing: no connection is lost."""
    project = Project(tmp_path / "project")
    async with Host(tmp_path / "host", builds, "beside") as host:
        await pushed(project, host, "1.0.0")
        async with Talker(host.url, "alice") as alice:
            await alice.join(HALL)
            for name, text, why in some(REFUSED):
                project.write(name, text)
                code, said = await project.push(host.remote)
                assert code != 0 and why in said, said
                await project.take_back()
                await alice.say(HALL, f"{name} was refused")
            assert await serves(host) == "1.0.0"
            assert [release.code for release in host.past] == [1], "the one that could be built, and did not start"
            await pushed(project, host, "1.0.1")


async def test_a_release_on_an_empty_disk_keeps_its_history_over_a_restart(
    tmp_path: Path, builds: Builds, postgres: Cluster
) -> None:
    """As the daily restart of a dyno: with DATABASE_URL nothing has to lie on its disk."""
    project = Project(tmp_path / "project")
    async with Host(tmp_path / "host", builds, "beside", DATABASE_URL=postgres.database()) as host:
        await pushed(project, host, "1.0.0")
        async with Talker(host.url, "alice") as alice:
            await alice.join(HALL)
            await alice.say(HALL, "before the restart")
        await host.restart()
        async with Talker(host.url, "alice", token=alice.token) as again:
            assert again.me == alice.me
            assert [one["text"] for one in (await again.join(HALL))["messages"]] == ["before the restart"]
    assert [release.disk.exists() for release in host.past] == [False, False]
    assert [fault for release in host.past for fault in release.faults()] == []
