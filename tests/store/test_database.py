"""The memory: what the database itself promises, and what happens when it cannot serve."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from app.config import BadSetting, load
from app.model import Refused
from app.store import queries
from app.store.database import Database
from app.store.tables import metadata
from tests.conftest import Start
from tests.support.talker import Talker


@pytest.fixture
async def database(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'parlor.db'}")
    await database.start()
    await database.write(queries.open_room, "lobby")
    await database.write(queries.arrive, token="t", new_id="alice", wish=None, guest=("guest-1", "guest-1"), held=0)
    yield database
    await database.close()


def message(n: int) -> dict[str, object]:
    words = {"room": "lobby", "author": "alice", "nickname": "alice", "kind": "said", "text": "x", "reply_to": None}
    return words | {"id": f"message-{n}"}


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
            {index["name"] for index in inspector.get_indexes(name)},
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


async def test_sqlite_writes_ahead_and_syncs(database: Database) -> None:
    ask = lambda db: [db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]  # noqa: E731
    assert await database.read(ask) == ["wal", 2]


async def test_what_waits_is_committed_together(database: Database) -> None:
    """Counted at the database: far fewer commits than writes, and the places still without gaps."""
    commits = 0

    def counted(batch, commit=database._commit):
        nonlocal commits
        commits += 1
        return commit(batch)

    database._commit = counted
    stored = await asyncio.gather(*(database.write(queries.say, **message(n)) for n in range(300)))
    assert [one["seq"] for one, _ in stored] == list(range(1, 301))
    assert commits <= 3


async def test_one_refused_write_does_not_touch_its_neighbours(database: Database) -> None:
    async def refused(n: int) -> str:
        with pytest.raises(Refused):
            await database.write(queries.say, **(message(n) | {"reply_to": 999}))
        return "refused"

    sends = [refused(n) if n % 2 else database.write(queries.say, **message(n)) for n in range(20)]
    await asyncio.gather(*sends)
    page, _ = await database.read(queries.said_before, room="lobby", before=None, limit=100)
    assert [(one["seq"], one["rev"]) for one in page] == [(n, n) for n in range(1, 11)]


@pytest.mark.parametrize("column", ["rev", "id"])
async def test_the_database_itself_refuses_a_second_one(database: Database, column: str) -> None:
    await database.write(queries.say, **message(1))
    await database.write(queries.say, **message(2))
    statement = f"UPDATE messages SET {column} = (SELECT {column} FROM messages WHERE seq = 1) WHERE seq = 2"
    with pytest.raises((IntegrityError, Refused)) as error:
        await database.write(lambda db: db.exec_driver_sql(statement))
    assert "UNIQUE" in str(error.value)


async def test_a_locked_database_is_waited_for_and_nothing_stalls(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "parlor.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(database.write(queries.say, **message(1)))
    epoch = await asyncio.wait_for(database.read(queries.epoch), 1)
    assert epoch and not write.done()
    other.execute("ROLLBACK")
    other.close()
    stored, new = await write
    assert (stored["seq"], new) == (1, True)


async def test_a_database_that_stays_locked_is_a_refusal_with_a_time(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.database.BUSY", 0.1)
    other = sqlite3.connect(tmp_path / "parlor.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused) as refusal:
        await database.write(queries.say, **message(1))
    assert (refusal.value.code, refusal.value.extra["retry_after"]) == ("storage", 2.0)
    other.execute("ROLLBACK")
    other.close()
    assert (await database.write(queries.say, **message(1)))[1] is True, "writing resumes by itself"


async def test_the_epoch_outlives_a_restart(start_server: Start) -> None:
    first = await start_server()
    await first.stop()
    assert (await start_server()).chat.epoch == first.chat.epoch


async def test_another_database_is_another_epoch(start_server: Start, tmp_path: Path) -> None:
    first, second = await start_server(data=tmp_path / "a"), await start_server(data=tmp_path / "b")
    assert first.chat.epoch != second.chat.epoch


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


async def test_a_database_of_a_newer_parlor_is_told_in_a_sentence(start_server: Start, tmp_path: Path) -> None:
    await (await start_server(data=tmp_path)).stop()
    with sqlite3.connect(tmp_path / "parlor.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BadSetting) as problem:
        await start_server(data=tmp_path)
    assert "9999" in str(problem.value) and "\n" not in str(problem.value)
