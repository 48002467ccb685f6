"""The memory: what the database itself promises, and what happens when it cannot serve."""

import asyncio
import random
import shutil
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from app.config import BadSetting, load
from app.model import Refused
from app.store import queries
from app.store.database import Database
from app.store.engine import MIGRATIONS
from app.store.tables import metadata
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.talker import Talker, new_id


@pytest.fixture
async def database(database_url: str):
    database = Database(database_url)
    await database.start()
    await database.write(queries.open_room, room="lobby")
    await database.write(
        queries.arrive, token="t", new_id="alice", wish=None, guests=lambda: [("guest-1", ["guest-1"])], held=0
    )
    yield database
    await database.close()


def message(n: int) -> dict[str, object]:
    words = {"room": "lobby", "author": "alice", "nickname": "alice", "kind": "said", "text": "x", "reply_to": None}
    return words | {"id": f"message-{n}"}


def count(db: Connection, most: int) -> object:
    """Takes as long as one likes."""
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :most)"
    return db.scalar(text(f"{numbers} SELECT max(n) FROM numbers"), {"most": most})


async def test_a_question_that_takes_long_is_broken_off_at_the_end(database: Database) -> None:
    def ask(db: Connection) -> object:
        begun.set()
        return count(db, 1_000_000_000)

    begun = threading.Event()
    answers = [asyncio.create_task(database.read(ask)) for _ in range(5)]
    await asyncio.to_thread(begun.wait, PATIENCE)
    async with asyncio.timeout(PATIENCE):
        await database.close()
        ended = await asyncio.gather(*answers, return_exceptions=True)
    assert {type(one) for one in ended} <= {Refused, asyncio.CancelledError}


async def test_migrations_lead_to_the_tables_as_written(database: Database) -> None:
    found = await database.read(lambda db: _shape(inspect(db)))
    wanted = {
        table.name: (
            {column.name: column.nullable for column in table.columns},
            {constraint.name for constraint in table.constraints if type(constraint).__name__ == "UniqueConstraint"},
            {index.name for index in table.indexes},
        )
        for table in metadata.sorted_tables
    }
    assert found == wanted


def _shape(inspector):
    return {
        name: (
            {column["name"]: column["nullable"] for column in inspector.get_columns(name)},
            {constraint["name"] for constraint in inspector.get_unique_constraints(name)},
            {index["name"] for index in inspector.get_indexes(name) if "duplicates_constraint" not in index},
        )
        for name in inspector.get_table_names()
        if name != "alembic_version" and not name.startswith("searched")  # which Core does not know
    }


@pytest.mark.sqlite
async def test_a_database_of_the_version_before_keeps_all_it_holds(tmp_path: Path) -> None:
    """As 0002 left it: a person with a token and a look, and what they said."""
    engine = create_engine(f"sqlite:///{tmp_path / 'parlor.db'}")
    with engine.begin() as db:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = db
        command.upgrade(config, "0002")
        db.execute(text("INSERT INTO epochs VALUES ('e')"))
        db.execute(text("INSERT INTO people VALUES ('alice', 't', 'Alice', 'allce', 1, NULL)"))
        db.execute(text("INSERT INTO people VALUES ('bob', 'u', NULL, NULL, 1, 2)"))
        db.execute(text("INSERT INTO rooms VALUES ('lobby', '', 1, 1, 1, 1)"))
        db.execute(
            text(
                "INSERT INTO messages VALUES"
                " ('lobby',1,1,'message-1','alice','Alice','said','hi',NULL,1,NULL,NULL,NULL)"
            )
        )
    engine.dispose()
    database = Database(f"sqlite:///{tmp_path / 'parlor.db'}")
    await database.start()
    assert await database.read(queries.epoch) == "e"
    known = {"id": "alice", "nickname": "Alice", "reserved": False, "rev": 0}
    assert known.items() <= (await database.read(queries.whose, "t")).items()
    assert (await database.read(queries.whose, "u"))["nickname"] is None
    page, _ = await database.read(queries.said_before, room="lobby", before=None, limit=10)
    assert [(one["author"], one["text"]) for one in page] == [("alice", "hi")]
    assert await database.read(lambda db: db.exec_driver_sql("PRAGMA foreign_key_check").all()) == []
    with pytest.raises(Refused):
        name = ("Alice", ["allce"])
        await database.write(queries.claim, person="bob", name=name, held=60_000, spare=[])
    await database.close()


@pytest.mark.sqlite
async def test_sqlite_writes_ahead_and_syncs(database: Database) -> None:
    ask = lambda db: [db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]  # noqa: E731
    assert await database.read(ask) == ["wal", 2]


async def test_what_waits_is_committed_together(database: Database) -> None:
    """Counted at the database: far fewer commits than writes, and the places still without gaps."""
    commits = 0

    def counted(batch, commit=database._commits._commit):
        nonlocal commits
        commits += 1
        return commit(batch)

    database._commits._commit = counted
    stored = await asyncio.gather(*(database.write(queries.insert_message, **message(n)) for n in range(300)))
    assert [one["seq"] for one, _ in stored] == list(range(1, 301))
    assert 1 <= commits <= 3


async def test_one_refused_write_does_not_touch_its_neighbours(database: Database) -> None:
    async def refused(n: int) -> str:
        with pytest.raises(Refused):
            await database.write(queries.insert_message, **(message(n) | {"reply_to": 999}))
        return "refused"

    sends = [refused(n) if n % 2 else database.write(queries.insert_message, **message(n)) for n in range(20)]
    await asyncio.gather(*sends)
    page, _ = await database.read(queries.said_before, room="lobby", before=None, limit=100)
    assert [(one["seq"], one["rev"]) for one in page] == [(n, n) for n in range(1, 11)]


@pytest.mark.parametrize("column", ["rev", "id"])
async def test_the_database_itself_refuses_a_second_one(database: Database, column: str) -> None:
    await database.write(queries.insert_message, **message(1))
    await database.write(queries.insert_message, **message(2))
    statement = f"UPDATE messages SET {column} = (SELECT {column} FROM messages WHERE seq = 1) WHERE seq = 2"
    with pytest.raises((IntegrityError, Refused)) as error:
        await database.write(lambda db: db.exec_driver_sql(statement))
    assert "unique" in str(error.value).lower()


@pytest.mark.sqlite
async def test_a_locked_database_is_waited_for_and_nothing_stalls(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "parlor.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(database.write(queries.insert_message, **message(1)))
    epoch = await asyncio.wait_for(database.read(queries.epoch), 1)
    assert epoch and not write.done()
    other.execute("ROLLBACK")
    other.close()
    stored, new = await write
    assert (stored["seq"], new) == (1, True)


@pytest.mark.sqlite
async def test_a_database_that_stays_locked_is_a_refusal_with_a_time(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.database.LOCK_TIMEOUT_S", 0.1)
    other = sqlite3.connect(tmp_path / "parlor.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused) as refusal:
        await database.write(queries.insert_message, **message(1))
    assert (refusal.value.code, refusal.value.extra["retry_after"]) == ("storage", 2.0)
    other.execute("ROLLBACK")
    other.close()
    assert (await database.write(queries.insert_message, **message(1)))[1] is True, "writing resumes by itself"


async def test_a_write_that_is_wrong_by_itself_does_not_touch_its_neighbours(database: Database) -> None:
    """A message of nobody the database knows: its foreign key fails, the others are stored."""
    wrong = message(1) | {"author": "nobody"}
    sends = [database.write(queries.insert_message, **(wrong if n == 1 else message(n))) for n in range(3)]
    first, second, third = await asyncio.gather(*sends, return_exceptions=True)
    assert isinstance(second, IntegrityError)
    assert [one[0]["seq"] for one in (first, third)] == [1, 2]


async def put_in_place(folder: Path, other: Path) -> None:
    """Another server's database, closed and whole, takes the name of the one that is open."""
    shutil.copy(other / "parlor.db", folder / "new.db")
    (folder / "new.db").replace(folder / "parlor.db")


@pytest.mark.sqlite
async def test_another_file_in_place_of_the_open_one_is_another_epoch_and_everybody_starts_over(
    start_server: Start, tmp_path: Path
) -> None:
    other = await start_server(data=tmp_path / "other")
    async with Talker(other.url, "carol") as carol:
        await carol.join("lobby")
        told = await carol.say("lobby", "from another time")
    await other.stop()
    server = await start_server(data=tmp_path / "data")
    async with Talker(server.url, "alice") as alice:
        first = await alice.join("lobby")
        await alice.say("lobby", "one")
        await put_in_place(tmp_path / "data", tmp_path / "other")
        gone = asyncio.Event()
        alice.client.on("disconnect", lambda *_: gone.set())
        refusal = await alice.ask("send", {"room": "lobby", "text": "two", "id": new_id()})
        assert (refusal["error"], refusal["retry_after"]) == ("storage", 2.0)
        await asyncio.wait_for(gone.wait(), 5)
    assert server.chat.epoch == other.chat.epoch != first["room"]["epoch"]
    async with Talker(server.url, "alice", token=alice.token) as alice:
        assert alice.me["nickname"] == "alice"
        joined = await alice.join("lobby", after=1, epoch=first["room"]["epoch"])
        assert (joined["reset"], joined["messages"]) == (True, [told])
        assert (await alice.say("lobby", "two"))["seq"] == 2
        assert (await alice.join("lobby", after=1, epoch=joined["room"]["epoch"])).get("reset") is None


@pytest.mark.sqlite
async def test_who_only_reads_follows_to_the_other_file_too(start_server: Start, tmp_path: Path) -> None:
    other = await start_server(data=tmp_path / "other")
    await other.stop()
    server = await start_server(data=tmp_path / "data")
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await put_in_place(tmp_path / "data", tmp_path / "other")
        gone = asyncio.Event()
        alice.client.on("disconnect", lambda *_: gone.set())
        assert (await alice.ask("history", {"room": "lobby"}))["messages"] == []
        await asyncio.wait_for(gone.wait(), 5)
    assert server.chat.epoch == other.chat.epoch


@pytest.mark.sqlite
async def test_in_a_silent_room_it_is_noticed_too(
    start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.takeover.WATCH_INTERVAL_S", 0.05)
    await (await start_server(data=tmp_path / "other")).stop()
    server = await start_server(data=tmp_path / "data")
    async with Talker(server.url, "alice") as alice:
        gone = asyncio.Event()
        alice.client.on("disconnect", lambda *_: gone.set())
        await alice.join("lobby")
        await put_in_place(tmp_path / "data", tmp_path / "other")
        await asyncio.wait_for(gone.wait(), 5)


@pytest.mark.sqlite
async def test_while_the_file_is_gone_nothing_is_written_into_the_void(start_server: Start, tmp_path: Path) -> None:
    server = await start_server(data=tmp_path)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "one")
        (tmp_path / "parlor.db").rename(tmp_path / "elsewhere.db")
        refusal = await alice.ask("send", {"room": "lobby", "text": "two", "id": new_id()})
        assert (refusal["error"], "gone from its place" in refusal["text"]) == ("storage", True)
        assert [one["text"] for one in (await alice.ask("history", {"room": "lobby"}))["messages"]] == ["one"]
        (tmp_path / "elsewhere.db").rename(tmp_path / "parlor.db")
        assert (await alice.say("lobby", "two"))["seq"] == 2, "it goes on by itself"


@pytest.mark.sqlite
async def test_a_file_in_its_place_that_is_no_database_is_a_refusal_and_the_server_lives(
    start_server: Start, tmp_path: Path
) -> None:
    server = await start_server(data=tmp_path)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        (tmp_path / "nonsense").write_bytes(b"this is no database\n" * 500)
        (tmp_path / "nonsense").replace(tmp_path / "parlor.db")
        for _ in range(2):
            assert (await alice.ask("send", {"room": "lobby", "text": "x", "id": new_id()}))["error"] == "storage"
            assert (await alice.ask("history", {"room": "lobby"}))["error"] == "storage"
        assert (await alice.ask("echo", {}))["ok"]


async def test_the_epoch_outlives_a_restart(start_server: Start) -> None:
    first = await start_server()
    await first.stop()
    assert (await start_server()).chat.epoch == first.chat.epoch


@pytest.mark.sqlite
async def test_another_database_is_another_epoch(start_server: Start, tmp_path: Path) -> None:
    first, second = await start_server(data=tmp_path / "a"), await start_server(data=tmp_path / "b")
    assert first.chat.epoch != second.chat.epoch


@pytest.mark.sqlite
async def test_after_its_end_nothing_is_stored_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'parlor.db'}")
    await database.start()
    writes = [asyncio.create_task(database.write(queries.open_room, room=str(n))) for n in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(database.close(), database.close(), *writes)
        with pytest.raises(Refused, match="stores nothing any more"):
            await database.write(queries.open_room, room="late")
        await database.close()


async def test_an_id_that_comes_again_costs_its_commit_no_savepoints(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart every outbox says its last words again."""
    await database.write(queries.insert_message, **message(1))
    monkeypatch.setattr("app.store.batch._apart", None)
    said = await asyncio.gather(*(database.write(queries.insert_message, **message(n)) for n in (2, 1, 3, 3)))
    assert [(one["seq"], new) for one, new in said] == [(2, True), (1, False), (3, True), (3, False)]


@pytest.mark.sqlite
async def test_a_join_that_finds_another_history_starts_over(start_server: Start, tmp_path: Path) -> None:
    """It is the first to notice that the file was replaced: what it asked is not answered from both histories."""
    other = await start_server(data=tmp_path / "other")
    async with Talker(other.url, "zoe") as zoe:
        await zoe.join("lobby")
        for n in range(8):
            await zoe.say("lobby", f"another history {n}")
    await other.stop()
    server = await start_server(data=tmp_path / "data")
    async with Talker(server.url, "alice") as alice:
        before = (await alice.join("lobby"))["room"]["epoch"]
        for n in range(5):
            await alice.say("lobby", f"{n}")
        (tmp_path / "other" / "parlor.db").replace(tmp_path / "data" / "parlor.db")
        joined = await alice.join("lobby", after=5, epoch=before)
    assert (joined["room"]["epoch"], joined["reset"]) == (other.chat.epoch, True)
    assert [one["text"] for one in joined["messages"]] == [f"another history {n}" for n in range(8)]


@pytest.mark.sqlite
async def test_stopping_does_not_wait_for_another_process_s_lock(start_server: Start, tmp_path: Path) -> None:
    server = await start_server(data=tmp_path)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        other = sqlite3.connect(tmp_path / "parlor.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(5):
            await server.stop()
        other.close()


@pytest.mark.parametrize(
    ("environment", "reason"),
    [("sqlite:", "names no file"), ("sqlite:///:memory:", "names no file"), ("sqlite:parlor.db", "names no file")],
)
def test_a_database_without_a_file_is_told_in_a_sentence(environment: str, reason: str) -> None:
    with pytest.raises(BadSetting) as problem:
        load({}, {"DATABASE_URL": environment})
    assert reason in str(problem.value)


@pytest.mark.sqlite
async def test_a_database_of_a_newer_parlor_is_told_in_a_sentence(start_server: Start, tmp_path: Path) -> None:
    await (await start_server(data=tmp_path)).stop()
    with sqlite3.connect(tmp_path / "parlor.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BadSetting) as problem:
        await start_server(data=tmp_path)
    assert "9999" in str(problem.value) and "\n" not in str(problem.value)


@pytest.mark.sqlite
async def test_a_file_that_is_away_is_not_made_anew_by_who_reads(database: Database, tmp_path: Path) -> None:
    """SQLite makes an empty file for whoever opens one that is not there; as the next one it would be followed."""
    place, epoch = tmp_path / "parlor.db", await database.read(queries.epoch)
    place.rename(tmp_path / "away.db")

    def slowly(db: Connection) -> str:
        meet.wait()
        return queries.epoch(db)

    meet = threading.Barrier(2)
    assert await asyncio.gather(*(database.read(slowly) for _ in range(2))) == [epoch, epoch]
    assert not place.exists()
    with pytest.raises(Refused, match="gone from its place"):
        await database.write(queries.open_room, room="another")
    (tmp_path / "away.db").rename(place)
    await database.write(queries.open_room, room="another")
    assert await database.read(queries.epoch) == epoch


async def test_who_lost_their_name_while_away_bears_the_next_one_alone(database: Database) -> None:
    async def arrives(token: str, name: str) -> str:
        found = await database.write(
            queries.arrive, token=token, new_id=token * 8, wish=(name, [name]), guests=list, held=0
        )
        return found["nickname"]

    assert await arrives("a", "ann") == "ann"
    await database.write(queries.depart, "a" * 8)
    assert await arrives("b", "ann") == "ann"
    assert await arrives("a", "zoe") == "zoe"
    with pytest.raises(Refused, match="Somebody here is called"):
        await database.write(queries.claim, person="b" * 8, name=("zoe", ["zoe"]), held=0, spare=[])


@pytest.mark.parametrize("seed", range(5))
async def test_what_a_message_shows_of_its_reactions_is_what_was_done(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Many people react and take it back, all in one millisecond: counts and the first names are those of the table, at
    every page."""
    monkeypatch.setattr("app.store.queries.messages.now", partial(int, queries.now()))
    r, people, emojis = random.Random(seed), [f"p{n}" for n in range(9)], ("👍", "🎉", "☕")
    for n in range(2):
        await database.write(queries.insert_message, **message(n))
    for person in people:
        await database.write(
            queries.arrive, token=person, new_id=person, wish=None, guests=lambda p=person: [(p, [p])], held=0
        )
    for _ in range(200):
        person, seq, emoji, on = r.choice(people), r.choice((1, 2)), r.choice(emojis), r.random() < 0.6
        await database.write(
            queries.react,
            room="lobby",
            seq=seq,
            person=person,
            nickname=r.choice((person, "zoe")),
            emoji=emoji,
            on=on,
            max_emojis=9,
            max_names=4,
        )
    page, _ = await database.read(queries.said_before, room="lobby", before=None, limit=9)
    assert all(one["reactions"] for one in page)
    for one in page:
        table = await database.read(_reactions_of, one["seq"])
        assert one["reactions"] == {emoji: [len(names), names[:4]] for emoji, names in table.items()}
    mine, rev = await database.read(queries.reacted, room="lobby", person="p1", seqs=[1, 2, 99])
    assert {seq: set(some) for seq, some in mine.items()} == await database.read(_of_person, "p1")
    assert rev == (await database.read(queries.room, "lobby"))["rev"]


async def test_reactions_of_an_older_version_beside_this_one_are_counted_with_the_next(database: Database) -> None:
    """While two versions change over, the older one stores reactions and does not note them at the message."""
    await database.write(queries.insert_message, **message(1))
    for nth, person in enumerate(("ann", "bob", "cid")):
        await database.write(
            queries.arrive, token=person, new_id=person, wish=None, guests=lambda p=person: [(p, [p])], held=0
        )
        await database.write(_reacts_as_before_0008, person, nth)
    how = {"room": "lobby", "seq": 1, "person": "bob", "nickname": "bob", "max_emojis": 9, "max_names": 4}
    less, changed, _ = await database.write(queries.react, **how, emoji="👍", on=False)
    assert (less["reactions"], changed) == ({"👍": [2, ["ann", "cid"]]}, True)


def _reacts_as_before_0008(db: Connection, person: str, at: int) -> None:
    row = {"person": person, "at": at}
    db.execute(text("INSERT INTO reactions VALUES ('lobby', 1, '👍', :person, :person, :at)"), row)


def _reactions_of(db: Connection, seq: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for emoji, name in db.execute(
        text("SELECT emoji, nickname FROM reactions WHERE seq = :seq ORDER BY at, person"), {"seq": seq}
    ):
        found.setdefault(emoji, []).append(name)
    return found


def _of_person(db: Connection, person: str) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for seq, emoji in db.execute(text("SELECT seq, emoji FROM reactions WHERE person = :p"), {"p": person}):
        found.setdefault(seq, set()).add(emoji)
    return found


async def test_an_id_that_comes_again_leaves_no_gap_and_is_answered_with_the_first(database: Database) -> None:
    """In one commit with others, and answering a message: what is counted is what is stored."""
    first, again, other = await asyncio.gather(
        *(database.write(queries.insert_message, **message(n)) for n in (1, 1, 2)),
    )
    assert (first[1], again[1], other[1]) == (True, False, True)
    assert again[0] | {"deleted_by": None} == first[0] | {"deleted_by": None}
    answer = message(3) | {"reply_to": 1}
    stored, _ = await database.write(queries.insert_message, **answer)
    assert (await database.write(queries.insert_message, **answer))[0]["seq"] == stored["seq"] == 3
    assert (await database.read(queries.room, "lobby"))["rev"] == 3


async def test_what_is_said_together_is_told_and_stored_as_if_one_after_the_other(database: Database) -> None:
    """In several rooms, and an answer to what is in the same commit: what is returned is what is read again."""
    await database.write(queries.open_room, room="attic")
    places = ["lobby", "attic", "lobby", "lobby", "attic"]
    said = [message(n) | {"room": room} for n, room in enumerate(places)]
    said[3] |= {"reply_to": 2}
    answers = await asyncio.gather(*(database.write(queries.insert_message, **one) for one in said))
    assert [(one["room"], one["seq"], one["rev"]) for one, _ in answers] == [
        ("lobby", 1, 1),
        ("attic", 1, 1),
        ("lobby", 2, 2),
        ("lobby", 3, 3),
        ("attic", 2, 2),
    ]
    for room in ("lobby", "attic"):
        page, _ = await database.read(queries.said_before, room=room, before=None, limit=9)
        stored = [{name: value for name, value in one.items() if name != "deleted_by"} for one in page]
        assert stored == [one for one, _ in answers if one["room"] == room]
        assert (await database.read(queries.room, room))["rev"] == len(page)
    assert (await database.write(queries.insert_message, **message(9)))[0]["seq"] == 4
