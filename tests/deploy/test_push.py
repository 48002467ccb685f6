"""`git push`, twice, in the middle of a conversation; and pushes that come to nothing."""

import asyncio
import signal
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
from tests.support.talker import Talker

HALL = "hall"  # where the browser is; the crowd talks in another room
MAY_END = {"beside": {0}, "instead": {0, -signal.SIGKILL}}  # Piku gives it 3 s, which a busy machine may not
BACK_WITHIN = 40.0  # seconds: a page that met no server for its WebSocket, but one for its poll, looks again after 20
PAUSE = 0.25  # seconds from line to line
QUICK = (0.05, 0.5)  # seconds between attempts to come back


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


@pytest.mark.parametrize("order", ["beside", "instead"])
async def test_two_pushes_in_the_middle_of_a_conversation_lose_nothing(
    tmp_path: Path, builds: Builds, visit: Visit, order: Order
) -> None:
    """Everybody is let go by SIGTERM, comes back to the new version by themselves, and has missed nothing."""
    project = Project(tmp_path / "project")
    async with Host(tmp_path / "host", builds, order, PARLOR_RATE_LIMIT="off") as host:
        await pushed(project, host, "1.0.0")
        alice = await visit(host.url, "alice")
        await alice.enters(HALL)
        async with (
            Client(host.url, "bob", transports=("polling",), pauses=QUICK) as bob,
            Conversation(host.database, [host.url]) as crowd,
        ):
            await bob.enter(HALL)
            crowd.begins()
            hall = Hall(alice, bob, crowd)
            host.meanwhile = lambda: hall.newcomer(host.url)
            for version in ("1.0.1", "1.0.2"):
                await crowd.goes_on(50)
                await hall.talk_until(asyncio.create_task(pushed(project, host, version)))
                await crowd.goes_on(50)
                await hall.talk_until(asyncio.create_task(alice.is_in("websocket", BACK_WITHIN)))
            assert await crowd.violations() == []
            await hall.remembers(host.database)
    assert len(host.past) == 3
    assert {release.code for release in host.past} <= MAY_END[order]
    assert [fault for release in host.past for fault in release.faults()] == []


class Hall:
    """A room in which a browser and a client talk, each a few lines a second, whatever happens to the server."""

    def __init__(self, alice: Visitor, bob: Client, crowd: Conversation) -> None:
        self.alice, self.bob, self.crowd = alice, bob, crowd
        self.said: dict[str, list[str]] = {"alice": [], "bob": [], "carol": []}

    def words(self, name: str) -> str:
        self.said[name].append(f"{name} {len(self.said[name]) + 1}")
        return self.said[name][-1]

    async def talk_until(self, end: asyncio.Task[None]) -> None:
        """At least a line each."""
        while True:
            await self.alice.says(self.words("alice"))
            self.bob.say(HALL, self.words("bob"))
            if (await asyncio.wait([end], timeout=PAUSE))[0]:
                return end.result()

    async def newcomer(self, url: str) -> None:
        """Comes to the new version while the others still talk on the old one: both write the same database."""
        async with Client(url, "carol", pauses=QUICK) as carol:
            await carol.enter(HALL)
            for _ in range(10):
                await carol.say(HALL, self.words("carol"))
            await self.crowd.goes_on(20)

    async def remembers(self, database: Where) -> None:
        """All that anybody said is stored, once and in their order, and the page shows just that."""
        await self.alice.says(self.words("alice"))
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
            for name, text, why in (
                ("Pipfile.lock", "{}", "Exactly one package file"),
                ("runtime.txt", "python-3.13.0\n", "runtime.txt: Heroku"),
                ("requirements.txt", "parlor==\n", "no pinned package"),
                ("requirements.txt", "pip==0.0.0\n", "No matching distribution"),
                ("app/config.py", "raise SystemExit('nothing works')\n", "nothing works"),
            ):
                project.write(name, text)
                code, said = await project.push(host.remote)
                assert code != 0 and why in said, said
                await project.take_back()
                await alice.say(HALL, f"{name} was refused")
            assert await serves(host) == "1.0.0"
            assert [release.code for release in host.past] == [1], "the one that could be built, and did not start"
            await pushed(project, host, "1.0.1")
