"""Rooms, and the name of their history."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, and_, bindparam, delete, insert, select, text, update

from app.model import Refused
from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries.rows import insert_or_not, now, page_of, plain
from app.store.tables import epochs, messages, rooms

NAMES_PER_STATEMENT = 1_000  # every database takes so many parameters

KEPT = (rooms.c.keep_days, rooms.c.keep_messages, rooms.c.keep_bytes)

_epoch = Prepared(select(epochs.c.epoch))
_used_last = Prepared(  # the constant as the index has it (SQLite, "Partial Indexes", 3)
    select(rooms.c.name, rooms.c.topic, rooms.c.rev)
    .where(rooms.c.active_at > text("0"))
    .order_by(rooms.c.active_at.desc(), rooms.c.name)
    .limit(bindparam("most", type_=Integer))
)
_any_message = Prepared(select(messages.c.room, messages.c.text).limit(1))
_room = Prepared(select(rooms.c.name, rooms.c.topic, rooms.c.rev, *KEPT).where(rooms.c.name == bindparam("called")))


def epoch(db: Connection) -> str:
    """The name of this database's history. Raises TypeError before it has one."""
    name: str = _epoch.first(db)[0]  # type: ignore[index]
    return name


@changes(Changes.ROOMS)
def begin_epoch(db: Connection, name: str) -> str:
    """Name the history of a new database; one that has a name keeps it. That name."""
    if db.execute(select(epochs.c.epoch)).first() is None:
        db.execute(insert(epochs).values(epoch=name))
    return epoch(db)


@changes(Changes.ROOMS)
def rename_epoch(db: Connection, name: str) -> str:
    """From now on it is another history: revs that were told may be claimed by other messages. That name."""
    db.execute(update(epochs).values(epoch=name))
    return name


@changes(Changes.NOTHING)
def probe(db: Connection) -> str:
    """Read the history's name and one of the messages. Returns the name. Raises Refused where there is no history."""
    found = _epoch.first(db)
    if found is None:
        raise Refused("storage", "The database holds no history.")
    _any_message.first(db)
    return str(found[0])


@changes(Changes.ROOM)
def open_room(db: Connection, *, room: str) -> None:
    """Make the room if there is none of that name."""
    row = {"name": room, "topic": "", "seq": 0, "rev": 0, "created_at": now(), "active_at": 0}
    db.execute(insert_or_not(rooms).values(row).on_conflict_do_nothing())


def room_now(db: Connection, name: str) -> dict[str, Any]:
    """`{name, topic, rev, keep_days, keep_messages, keep_bytes}`. Raises `no_such_room`."""
    found = _room.dicts(db, called=name)
    if not found:
        raise Refused("no_such_room", f"There is no room #{name}.")
    return found[0]


@changes(Changes.ROOM)
def set_topic(db: Connection, *, room: str, topic: str) -> dict[str, Any]:
    is_used = bool(topic) or room_now(db, room)["rev"] > 0
    db.execute(update(rooms).where(rooms.c.name == room).values(topic=topic, active_at=now() if is_used else 0))
    return room_now(db, room)


def standings(db: Connection, names: Sequence[str]) -> tuple[str, dict[str, tuple[int, str]]]:
    """The name of the history, and where these rooms stand in it: `{name: (rev, topic)}`, of those that there are."""
    found: dict[str, tuple[int, str]] = {}
    for first in range(0, len(names), NAMES_PER_STATEMENT):
        some = names[first : first + NAMES_PER_STATEMENT]
        wanted = select(rooms.c.name, rooms.c.rev, rooms.c.topic).where(rooms.c.name.in_(some))
        found |= {name: (rev, topic) for name, rev, topic in db.execute(wanted)}
    return epoch(db), found


def lively_rooms(db: Connection, also: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The rooms used last, and those named in `also`: `{name, topic, rev}`."""
    found = {room["name"]: room for room in _used_last.dicts(db, most=limit)}
    if more := [name for name in also if name not in found]:
        wanted = select(rooms.c.name, rooms.c.topic, rooms.c.rev).where(rooms.c.name.in_(more))
        found |= {row.name: plain(row) for row in db.execute(wanted)}
    return list(found.values())


@changes(Changes.ROOM)
def keep(db: Connection, *, room: str, days: float | None, messages: int | None, bytes: int | None = None) -> None:
    """How long the room's messages are kept: None is as the server has it, 0 is for ever."""
    room_now(db, room)
    kept = {"keep_days": days, "keep_messages": messages, "keep_bytes": bytes}
    db.execute(update(rooms).where(rooms.c.name == room).values(kept))


def rooms_with_messages(db: Connection) -> list[dict[str, Any]]:
    """`{name, seq, rev, keep_days, keep_messages, keep_bytes}` of every room in which something was said."""
    wanted = select(rooms.c.name, rooms.c.seq, rooms.c.rev, *KEPT)
    return [plain(row) for row in db.execute(wanted.where(rooms.c.seq > 0).order_by(rooms.c.name))]


def _is_unused(made_before: int) -> ColumnElement[bool]:
    """Nobody ever said anything in it, gave it a topic, or said how long it is kept."""
    return and_(
        rooms.c.rev == 0,
        rooms.c.seq == 0,
        rooms.c.topic == "",
        *(one.is_(None) for one in KEPT),
        rooms.c.created_at < made_before,
    )


def unused_rooms(db: Connection, after: str, made_before: int, limit: int) -> tuple[list[str], str | None]:
    """Of the next `limit` rooms after the one named, those that are unused; and the last one that was looked at, None
    where there are no more."""
    return page_of(db, rooms.c.name, _is_unused(made_before), after, limit)


@changes(Changes.ROOMS)
def forget_rooms(db: Connection, names: Sequence[str], made_before: int) -> int:
    """Those of them that are still unused. How many."""
    return db.execute(delete(rooms).where(rooms.c.name.in_(names), _is_unused(made_before))).rowcount
