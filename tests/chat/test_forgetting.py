"""Guests who never said anything, and rooms in which nobody did: forgotten after a while, and nobody else is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from app.chat import retention
from app.server import Running
from app.store import queries
from app.store.engine import MIGRATIONS
from tests.conftest import Start
from tests.support.talker import Talker, new_id

DAY = 86_400_000
TABLES = ("people", "tokens", "skeletons", "rooms")


async def rows(server: Running) -> dict[str, int]:
    counts = [text(f"SELECT count(*) FROM {table}") for table in TABLES]
    found = await server.database.read(lambda db: [db.scalar(count) for count in counts])
    return dict(zip(TABLES, found, strict=True))


async def age(server: Running, days: float = 8) -> None:
    """Everybody left, and every room was made, so many days earlier."""

    def make_older(db: Connection) -> None:
        db.execute(text("UPDATE people SET left_at = left_at - :ms"), {"ms": int(days * DAY)})
        db.execute(text("UPDATE rooms SET created_at = created_at - :ms"), {"ms": int(days * DAY)})

    await server.database.write(make_older)


async def came_and_went(server: Running, nickname: str, *does: tuple[str, dict[str, Any]]) -> str:
    """Their token."""
    async with Talker(server.url, nickname) as somebody:
        for verb, payload in does:
            answer = await somebody.ask(verb, payload)
            assert answer["ok"], answer
        token = somebody.token
    while server.chat.presence.online.is_here(somebody.me["id"]):
        await asyncio.sleep(0.01)
    await server.database.write(queries.probe)  # behind the note of their departure
    assert token
    return token


LOBBY = {"room": "lobby"}


async def test_who_said_nothing_is_forgotten_and_comes_back_as_somebody_new(server: Running) -> None:
    token = await came_and_went(server, "ann", ("join", LOBBY))
    await age(server)
    assert await retention.forget_unused(server.chat) == (1, 1)
    assert await rows(server) == dict.fromkeys(TABLES, 0)
    async with Talker(server.url, "ann", token=token) as ann:
        assert ann.me["nickname"] == "ann"
        await ann.join("lobby")
        await ann.say("lobby", "hello")


async def test_who_said_something_reacted_or_reserved_a_name_is_kept(server: Running) -> None:
    said = {**LOBBY, "text": "hello", "id": "an-id-of-a-message"}
    await came_and_went(server, "ann", ("join", LOBBY), ("send", said))
    await came_and_went(server, "bob", ("join", LOBBY), ("react", {**LOBBY, "seq": 1, "emoji": "👍", "on": True}))
    await came_and_went(server, "cat", ("reserve", {"passphrase": "a passphrase that is long"}))
    async with Talker(server.url, "dan") as dan:
        await dan.join("attic")
        await age(server)
        assert await retention.forget_unused(server.chat) == (0, 0)
        assert (await rows(server))["people"] == 4


async def test_who_left_lately_is_kept_and_so_is_a_name_that_is_held_longer(start_server: Start) -> None:
    server = await start_server(nickname_hold=20 * 86_400)
    await came_and_went(server, "ann", ("join", LOBBY))
    await age(server, 8)
    assert (await retention.forget_unused(server.chat))[0] == 0
    await age(server, 13)
    assert (await retention.forget_unused(server.chat))[0] == 1


async def test_nobody_is_forgotten_where_the_operator_says_so(start_server: Start) -> None:
    server = await start_server(guest_days=0)
    await came_and_went(server, "ann", ("join", LOBBY))
    await age(server, 1_000)
    assert await retention.forget_unused(server.chat) == (0, 0)
    assert await rows(server) == dict.fromkeys(TABLES, 1)


async def test_a_room_with_a_topic_a_rule_or_a_word_is_kept(server: Running) -> None:
    said = {"room": "said", "text": "hello", "id": "an-id-of-a-message"}
    joins = (("join", {"room": name}) for name in ("topic", "rule", "said", "empty"))
    await came_and_went(server, "ann", *joins, ("topic", {"room": "topic", "topic": "tea"}), ("send", said))
    await server.database.write(queries.keep, room="rule", days=None, messages=9)
    await age(server)
    await retention.forget_unused(server.chat)
    assert (await rows(server))["rooms"] == 3


async def test_more_than_fit_into_one_transaction_all_go(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_WRITE", 2)
    monkeypatch.setattr(retention, "PAUSE_S", 0)
    for name in ("ann", "bob", "cat", "dan", "eve"):
        await came_and_went(server, name, ("join", {"room": f"room-of-{name}"}))
    await age(server)
    assert await retention.forget_unused(server.chat) == (5, 5)


async def test_who_enters_a_room_that_is_being_forgotten_can_talk_there(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0)
    async with Talker(server.url, "ann") as ann:
        for n in range(20):
            await ann.join("lobby")
            await ann.ask("leave", LOBBY)
            await age(server)
            _, joined = await asyncio.gather(retention.forget_unused(server.chat), ann.join("lobby"))
            assert joined["rev"] == 0
            answer = await ann.ask("topic", {"room": "lobby", "topic": f"{n}"})
            assert answer["ok"], answer
            await ann.ask("topic", {"room": "lobby", "topic": ""})
            await ann.ask("leave", LOBBY)


async def test_two_looks_that_find_the_same_unused_room_forget_it_once(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, both, asked = server.chat.store.write, asyncio.Barrier(2), []

    async def together(ask: Any, *args: Any, **more: Any) -> Any:
        if ask is queries.forget_rooms:
            asked.append(args)
            if len(asked) <= 2:  # the server's own look, as it begins, may come third
                await both.wait()
        return await write(ask, *args, **more)

    async with Talker(server.url, "ann") as ann:
        await ann.join("lobby")
        await ann.ask("leave", LOBBY)
        await age(server)
        monkeypatch.setattr(server.chat.store, "write", together)
        forgotten = await asyncio.gather(*(retention.forget_unused(server.chat) for _ in range(2)))
    assert sum(rooms for _, rooms in forgotten) == 1 or len(asked) > 2
    assert not server.chat.forgetting


async def test_who_sits_in_a_room_that_another_process_forgot_can_talk_there(server: Running) -> None:
    """Another process need not know who is here."""
    async with Talker(server.url, "ann") as ann, Talker(server.url, "bob") as bob:
        for one in (ann, bob):
            await one.join("lobby")
        for ask in (
            lambda: ann.ask("sync", {"room": "lobby", "after": 0}),
            lambda: ann.ask("topic", {"room": "lobby", "topic": "tea"}),
            lambda: ann.ask("send", {"room": "lobby", "id": new_id(), "text": "is anybody here?"}),
        ):
            for table in ("roles", "rooms"):
                await server.database.write(lambda db, table=table: db.execute(text(f"DELETE FROM {table}")))
            answer = await ask()
            assert answer["ok"], answer
        assert await bob.hears_texts("lobby", 1) == ["is anybody here?"]


# --- what it costs, by what the database does ---


async def plan(server: Running, ask: Any, *args: Any) -> list[str]:
    """How SQLite goes about every statement of a question."""

    def asked(db: Connection) -> list[str]:
        driver: Any = db.connection.dbapi_connection
        heard: list[str] = []
        driver.set_trace_callback(heard.append)
        ask(db, *args)
        driver.set_trace_callback(None)
        return [row[3] for sql in heard for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")]

    return await server.database.read(asked)


@pytest.mark.sqlite
async def test_rooms_that_nobody_used_cost_the_landing_page_nothing(server: Running) -> None:
    steps = await plan(server, queries.lively_rooms, ("lobby", "attic"), 100)
    assert "SEARCH rooms USING INDEX ix_rooms_active_at (active_at>?)" in steps
    assert [step for step in steps if step.startswith("SCAN")] == []


@pytest.mark.sqlite
async def test_looking_for_the_unused_costs_a_page_at_a_time(server: Running) -> None:
    guests = await plan(server, queries.unused_guests, "", 0, 100)
    found = await plan(server, queries.unused_rooms, "", 0, 100)
    assert [step for step in guests + found if step.startswith(("SCAN", "USE TEMP"))] == []
    assert any("ix_reactions_person" in step for step in guests)


async def test_a_room_is_listed_from_its_first_word_or_topic_on(server: Running) -> None:
    async def listed(somebody: Talker) -> set[str]:
        return {room["name"] for room in (await somebody.ask("rooms"))["rooms"]}

    async with Talker(server.url, "ann") as ann, Talker(server.url, "bob") as bob:
        for name in ("said", "topic", "empty"):
            await ann.join(name)
        await ann.say("said", "hello")
        await ann.ask("topic", {"room": "topic", "topic": "tea"})
        for name in ("said", "topic", "empty"):
            await ann.ask("leave", {"room": name})
        assert await listed(bob) == {"said", "topic"}
        await ann.join("topic")
        await ann.ask("topic", {"room": "topic", "topic": ""})
        await ann.ask("leave", {"room": "topic"})
        assert await listed(bob) == {"said"}


async def test_many_who_ask_for_the_rooms_share_one_answer(server: Running) -> None:
    asked = 0

    def lively(db: Connection, also: tuple[str, ...], limit: int) -> list[dict[str, Any]]:
        nonlocal asked
        asked += 1
        return queries.lively_rooms(db, also, limit)

    await asyncio.gather(*(server.database.read_cached_rooms(lively, (), 100) for _ in range(50)))
    assert asked == 1
    await server.database.write(queries.open_room, room="attic")
    await server.database.read_cached_rooms(lively, (), 100)
    assert asked == 2


@pytest.mark.sqlite
async def test_a_database_of_the_version_before_lists_the_rooms_that_were_used(
    start_server: Start, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'parlor.db'}")
    with engine.begin() as db:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = db
        command.upgrade(config, "0005")
        for name, topic, rev in (("said", "", 7), ("topic", "tea", 0), ("empty", "", 0)):
            db.exec_driver_sql(
                "INSERT INTO rooms (name, topic, seq, rev, created_at, active_at) VALUES (?, ?, ?, ?, 5, 5)",
                (name, topic, rev, rev),
            )
    engine.dispose()
    server = await start_server()
    found = await server.database.read(queries.lively_rooms, (), 100)
    assert {room["name"] for room in found} == {"said", "topic"}
