"""A whole history, table by table, on its way into another database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text, tuple_, update
from sqlalchemy import delete as remove

from app.model import Refused
from app.store.changes import Changes, changes
from app.store.queries.rows import insert_or_not, plain
from app.store.tables import epochs, metadata, people, rooms, rules, secrets

Row = dict[str, Any]
Key = tuple[Any, ...]

UNFINISHED = "copy"  # the rule that says of which history this is an unfinished copy, and how far it has come
NOT_COPIED = ("epochs", "processes", "connected", "search_rooms")  # no part of a history, or made from it


def transferred() -> list[str]:
    """The names of the tables that make a history, in the order in which they refer to each other."""
    return [table.name for table in metadata.sorted_tables if table.name not in NOT_COPIED]


def schema(db: Connection) -> str:
    """The version of the tables."""
    return str(db.scalar(text("SELECT version_num FROM alembic_version")))


def servers(db: Connection) -> int:
    """How many connections of servers of ours this PostgreSQL database has."""
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parlor'"
    return int(db.scalar(text(ours)) or 0)


def count_rows(db: Connection, table: str) -> int:
    wanted = select(func.count()).select_from(metadata.tables[table])
    return int(db.scalar(_without_ours(wanted, table)) or 0)


def rows_after(db: Connection, table: str, after: Key | None, offset: int, limit: int) -> list[Row]:
    """The next rows behind this key, in the order of keys as this database has it; `offset` of them left out."""
    key = _key(table)
    wanted = _without_ours(select(metadata.tables[table]), table).order_by(*key).limit(limit).offset(offset)
    return [plain(row) for row in db.execute(wanted if after is None else wanted.where(tuple_(*key) > after))]


def rows_of(db: Connection, table: str, keys: Sequence[Key]) -> dict[Key, Row]:
    """The rows that have these keys."""
    wanted = select(metadata.tables[table]).where(tuple_(*_key(table)).in_(keys))
    return {key_of(table, row): row for row in map(plain, db.execute(wanted))}


def key_of(table: str, row: Row) -> Key:
    return tuple(row[column.name] for column in _key(table))


def _key(table: str) -> list[Any]:
    return list(metadata.tables[table].primary_key.columns)


def _without_ours(wanted: Any, table: str) -> Any:
    return wanted.where(rules.c.name != UNFINISHED) if table == rules.name else wanted


def unfinished(db: Connection) -> str | None:
    """The history of which this is an unfinished copy."""
    found = _progress(db)
    return found[0] if found else None


def _progress(db: Connection) -> list[str] | None:
    found: str | None = db.scalar(select(rules.c.version).where(rules.c.name == UNFINISHED))
    return found.split() if found else None


@changes(Changes.ROOMS)
def begin_copy(db: Connection, epoch: str) -> tuple[str, int]:
    """The table at which the copy of this history goes on, and how many rows of it are here. Raises Refused where
    something else is."""
    if found := _progress(db):
        if found[0] == epoch:
            return found[1], int(found[2])
        raise Refused("storage", "The target holds an unfinished copy of another history; empty it first.")
    if db.execute(select(people.c.id).limit(1)).first() or db.execute(select(rooms.c.name).limit(1)).first():
        raise Refused("storage", "The target holds a history already; nothing was copied into it.")
    first = transferred()[0]
    for table in (rules, secrets):  # its own, if a server began there once
        db.execute(remove(table))
    db.execute(insert(rules).values(name=UNFINISHED, version=f"{epoch} {first} 0"))
    return first, 0


@changes(Changes.ROOMS)
def add_rows(db: Connection, epoch: str, table: str, rows: Sequence[Row], done: int) -> None:
    """done: how many of this table are here then."""
    into: Table = metadata.tables[table]
    if rows:
        db.execute(insert_or_not(into).on_conflict_do_nothing(), list(rows))
    db.execute(update(rules).where(rules.c.name == UNFINISHED).values(version=f"{epoch} {table} {done}"))


@changes(Changes.ROOMS)
def finish_copy(db: Connection, epoch: str) -> None:
    """From now on this is that history."""
    db.execute(remove(rules).where(rules.c.name == UNFINISHED))
    db.execute(update(epochs).values(epoch=epoch))
