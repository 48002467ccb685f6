"""Two people in two browsers, each on another process of one Parlor, with PostgreSQL and Redis: for them it is one."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_changes import press, row
from tests.browser.test_conversation import ROOM, reload, talk
from tests.browser.test_identity import renames
from tests.support.browser import Visitor
from tests.support.postgres import Cluster
from tests.support.process import Process, serving
from tests.support.redis import redis_server
from tests.test_workers import asked_until, children, healths, samples


@pytest_asyncio.fixture(loop_scope="session")
async def services(tmp_path: Path, postgres: Cluster) -> AsyncIterator[dict[str, str]]:
    async with redis_server(tmp_path / "redis") as redis:
        yield {"DATABASE_URL": postgres.database(), "REDIS_URL": redis.url}


@pytest.mark.thorough  # what two workers are, too
async def test_two_people_on_two_processes_are_in_one_room(
    tmp_path: Path, services: dict[str, str], visit: Visit
) -> None:
    async with serving(tmp_path / "a", **services) as one, serving(tmp_path / "b", **services) as other:
        alice, bob = await asyncio.gather(visit(one.url, "alice"), visit(other.url, "bob"))
        await asyncio.gather(alice.enters(ROOM), bob.enters(ROOM))
        for visitor in (alice, bob):
            await expect(visitor.people).to_have_text(["alice", "bob"])
        texts = await talk(alice, bob, [], about="at first")
        await bob.box.press_sequentially("I am")
        await expect(alice.page.locator("#typing")).to_have_text("bob is typing")
        await bob.says("I am bob")
        texts.append("I am bob")
        await expect(alice.page.locator("#typing")).to_have_text("")
        await react_and_edit(alice, bob)
        texts[-1] = "I am Bob"
        await asyncio.gather(alice.reads(texts), bob.reads(texts))
        texts = await reload(alice, bob, texts, "websocket")
        await renames(bob, "Robert")
        await expect(alice.people).to_have_text(["alice", "Robert"])
        await talk(alice, bob, texts, about="after the rename")
        await bob.page.close()
        await expect(alice.people).to_have_text(["alice"])


async def react_and_edit(alice: Visitor, bob: Visitor) -> None:
    await press(alice, "I am bob", "React")
    await row(alice, "I am bob").get_by_role("group", name="Reactions").get_by_role("button", name="👍").click()
    reaction = row(bob, "I am bob").locator(".reactions").get_by_role("button", name="👍 1")
    await expect(reaction).to_have_attribute("title", "alice")
    await bob.box.press("ArrowUp")
    await expect(bob.box).to_have_value("I am bob")
    await bob.says("I am Bob")


async def test_two_people_on_two_workers_go_on_when_one_is_killed(
    tmp_path: Path, services: dict[str, str], visit: Visit
) -> None:
    async with serving(tmp_path, "--workers", "2", **services) as server:
        alice, bob = await asyncio.gather(visit(server.url, "alice"), visit(server.url, "bob"))
        alice.forgives_network = bob.forgives_network = True
        await asyncio.gather(alice.enters(ROOM), bob.enters(ROOM))
        await asyncio.gather(alice.is_in("websocket"), bob.is_in("websocket"))
        while await fullest(server) > 1:
            await bob.page.reload()
            await bob.is_in("websocket")
        texts = await talk(alice, bob, [], about="on two workers")
        os.kill(children(server)[0], signal.SIGKILL)
        for visitor, text in ((alice, "who was killed?"), (bob, "one of us")):
            await visitor.types(text)
        await expect(alice.said).to_have_count(4)
        await expect(bob.said).to_have_count(4)
        said = await alice.said.all_inner_texts()
        assert (said[:2], set(said[2:])) == (texts, {"who was killed?", "one of us"})
        await talk(alice, bob, said, about="afterwards")
        await healths(server.url, 2)
        for visitor in (alice, bob):
            await expect(visitor.people).to_have_text(["alice", "bob"])


async def fullest(server: Process) -> int:
    """How many people are on the worker that has most of them, once both are told of."""
    people: dict[str, float] = {}

    def told(text: str) -> bool:
        found = samples(text)
        people.update({number: found.get(("parlor_people", number), 0) for number in ("1", "2")})
        return sum(people.values()) == 2

    await asked_until(server.url, "/metrics", told)
    return int(max(people.values()))
