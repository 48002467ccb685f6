"""Identical questions about a room that has not changed share one answer; nobody is shown less than was told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from app.model import Refused
from app.store import cache, queries
from app.store.database import Database
from tests.support.talker import until


class Asked:
    """A question that counts how often it reaches the database."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, db: Connection, room: str, *_: Any) -> int:
        self.times += 1
        rev: int = queries.room(db, room)["rev"]
        return rev


def plain(found: int) -> int:
    return found


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'parlor.db'}")
    await database.start()
    for room in ("lobby", "attic"):
        await database.write(queries.open_room, room=room)
    await arrives(database, "alice")
    yield database
    await database.close()


async def arrives(database: Database, name: str) -> None:
    guests = [(name, [name])]
    await database.write(queries.arrive, token=name, new_id=name, wish=None, guests=lambda: guests, held=0)


async def says(database: Database, room: str, n: int) -> int:
    words = {"author": "alice", "nickname": "alice", "kind": "said", "text": "x", "reply_to": None}
    message, _ = await database.write(queries.insert_message, room=room, id=f"message-{room}-{n}", **words)
    rev: int = message["rev"]
    return rev


async def test_many_who_ask_at_once_or_later_share_one_answer(database: Database) -> None:
    ask = Asked()
    assert await asyncio.gather(*(database.read_cached("lobby", plain, ask) for _ in range(20))) == [0] * 20
    assert await database.read_cached("lobby", plain, ask) == 0
    assert ask.times == 1
    await database.read_cached("attic", plain, ask)
    await database.read_cached("lobby", plain, ask, "something else")
    assert ask.times == 3


async def test_only_what_changes_the_room_makes_it_be_asked_again(database: Database) -> None:
    ask = Asked()
    await database.read_cached("lobby", plain, ask)
    await says(database, "attic", 1)
    await arrives(database, "bob")
    await database.write(queries.depart, "bob")
    assert (await database.read_cached("lobby", plain, ask), ask.times) == (0, 1)
    await says(database, "lobby", 1)
    assert (await database.read_cached("lobby", plain, ask), ask.times) == (1, 2)
    await database.write(queries.set_topic, room="lobby", topic="tea")
    await database.write(lambda _db: None)  # nobody knows what that changes
    assert (await database.read_cached("lobby", plain, ask), ask.times) == (1, 3)


async def test_nobody_is_shown_less_than_was_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks after a message was stored finds it, however many ask and speak at the time."""
    monkeypatch.setattr("app.store.pace.MAX_INTERVAL_S", 0.0)
    ask, told = Asked(), 0

    async def speak() -> None:
        nonlocal told
        for n in range(200):
            told = max(told, await says(database, "lobby", n))

    async def look() -> None:
        while told < 200:
            before = told
            assert await database.read_cached("lobby", plain, ask) >= before
            await asyncio.sleep(0.001)  # or the writer would wait for the interpreter

    await asyncio.gather(speak(), *(look() for _ in range(20)))


async def test_a_refusal_is_not_kept_and_who_waits_for_it_is_refused_too(database: Database) -> None:
    ask = Asked()
    answers = await asyncio.gather(
        *(database.read_cached("cellar", plain, ask) for _ in range(5)), return_exceptions=True
    )
    assert [type(one) for one in answers] == [Refused] * 5
    await database.write(queries.open_room, room="cellar")
    assert (await database.read_cached("cellar", plain, ask), ask.times) == (0, 2)


async def test_who_goes_does_not_take_the_answer_along(database: Database) -> None:
    ask = Asked()
    first, second = (asyncio.create_task(database.read_cached("lobby", plain, ask)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second, ask.times) == (0, 1)


async def test_what_another_process_writes_is_seen_a_moment_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is kept for longer: a page may weigh a megabyte."""
    monkeypatch.setattr(cache, "MAX_AGE_S", 0.01)
    ask = Asked()
    await database.read_cached("lobby", plain, ask)
    await until(lambda: not len(database._cache))
    await database.read_cached("lobby", plain, ask)
    assert ask.times == 2


async def test_of_a_room_of_which_nothing_is_kept_nothing_is_left(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rooms are counted through with each answer that is kept: those that anybody ever was in would make it dear."""
    monkeypatch.setattr(cache, "MAX_AGE_S", 0.01)
    await database.read_cached("lobby", plain, Asked())
    with pytest.raises(Refused, match="There is no room"):
        await database.read_cached("cellar", plain, Asked())
    await until(lambda: not len(database._cache))
    assert database._cache._rooms == {}


async def test_only_so_much_is_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_CACHED_PAGES", 2)
    ask = Asked()
    for what in (1, 2, 1, 3, 1, 3):
        await database.read_cached("lobby", plain, ask, what)
    assert (ask.times, len(database._cache)) == (4, 2)


async def test_another_room_s_change_leaves_the_answers_of_this_one(database: Database) -> None:
    ask = Asked()
    for change in (
        database.write(queries.open_room, room="cellar"),
        database.write(queries.set_topic, room="attic", topic="dust"),
        database.write(queries.keep, room="attic", days=None, messages=9),
    ):
        await database.read_cached("lobby", plain, ask)
        await change
    await database.read_cached("lobby", plain, ask)
    assert ask.times == 1


async def test_while_the_database_is_away_the_last_answer_is_given_and_no_older_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_AGE_S", 0.01)
    ask, other = Asked(), Asked()
    await database.read_cached("attic", plain, other)
    await database.read_cached("lobby", plain, ask)
    await until(lambda: not len(database._cache))
    await says(database, "attic", 1)
    place = tmp_path / "parlor.db"
    place.rename(tmp_path / "away.db")
    for n in range(3):  # readers that have the file open still answer
        await until(lambda: not len(database._cache))
        with pytest.raises(Refused, match="gone from its place"):
            await says(database, "lobby", n)
    monkeypatch.setattr(database, "read", refuse)
    assert await database.read_cached("lobby", plain, ask) == 0
    with pytest.raises(Refused, match="away"):
        await database.read_cached("attic", plain, other)


async def refuse(*_: Any) -> Any:
    raise Refused("storage", "The database is away.")
