"""The journal of the running server is taken away at any moment, and the server killed at any moment after it."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults.conversation import ROOM, Conversation
from tests.support.process import Standing
from tests.support.talker import Talker, until

ROUNDS = 4  # one of each way; 200 in `make drill`
KILLED_WITHIN = 0.1  # seconds; a look at the files is due before each commit; under load they are 0.04 s apart at most

Take = Callable[[Path], None]


def unlinked(journal: Path) -> None:
    journal.unlink(missing_ok=True)


def with_its_index(journal: Path) -> None:
    unlinked(journal)
    journal.with_name("parlor.db-shm").unlink(missing_ok=True)


def replaced(journal: Path) -> None:
    other = journal.with_name("other")
    other.write_bytes(b"")
    other.replace(journal)


def moved(journal: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        journal.rename(journal.with_name("moved-away"))


WAYS: tuple[Take, ...] = (unlinked, with_its_index, replaced, moved)


async def take_the_journal_and_kill(folder: Path, rounds: int) -> tuple[int, list[str]]:
    """How many words were acked, and the violations."""
    async with (
        Standing(folder / "data", "--rate-limit", "off") as server,
        Conversation(server.database, [server.url], look=False) as talk,
    ):
        talk.begins()
        for n in range(rounds):
            await talk.goes_on(random.randrange(10, 40))
            WAYS[n % len(WAYS)](server.data / "parlor.db-wal")
            await asyncio.sleep(random.uniform(0, KILLED_WITHIN) * (n % 3))  # every third is killed at once
            await server.kill()
            await server.begin()
        await talk.goes_on(25)
        return talk.acked, await talk.violations()


async def test_whoever_takes_the_journal_away_and_kills_it_takes_no_acked_word_along(tmp_path: Path) -> None:
    acked, violations = await take_the_journal_and_kill(tmp_path, ROUNDS)
    assert violations == []
    assert acked > ROUNDS * 10


async def test_a_journal_taken_from_a_silent_server_is_back_within_a_moment(tmp_path: Path) -> None:
    async with Standing(tmp_path / "data") as server, Talker(server.url, "alice") as alice:
        await alice.join(ROOM)
        await alice.say(ROOM, "hello")
        with_its_index(server.data / "parlor.db-wal")
        await until((server.data / "parlor.db-wal").exists)
        await until(lambda: "back in its place" in server.log.read_text())


async def test_a_probe_is_told_when_nothing_can_be_stored(tmp_path: Path) -> None:
    async with (
        Standing(tmp_path / "data") as server,
        Talker(server.url, "alice") as alice,
        aiohttp.ClientSession() as http,
    ):
        await alice.join(ROOM)

        async def ready() -> tuple[int, dict[str, Any]]:
            async with http.get(f"{server.url}/readyz") as answer:
                return answer.status, await answer.json()

        async def becomes(status: int) -> dict[str, Any]:
            async with asyncio.timeout(10):
                while (found := await ready())[0] != status:
                    await asyncio.sleep(0.05)
            return found[1]

        assert await ready() == (200, {"ok": True})
        server.database.rename(server.data / "away")
        assert "gone from its place" in (await becomes(503))["text"]
        assert "gone from its place" in server.log.read_text()
        (server.data / "away").rename(server.database)
        await becomes(200)
        await alice.say(ROOM, "on we go")
