"""Rooms, and the name of their history."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from app.model import Refused
from app.store.prepared import Prepared
from app.store.queries.rows import now, plain
from app.store.tables import epochs, rooms

_epoch = Prepared(select(epochs.c.epoch))
_room = Prepared(
    select(rooms.c.name, rooms.c.topic, rooms.c.rev, rooms.c.keep_days, rooms.c.keep_messages).where(
        rooms.c.name == bindparam("called")
    )
)


def epoch(db: Connection) -> str:
    """The name of this database's history. Raises TypeError before it has one."""
    name: str = _epoch.first(db)[0]  # type: ignore[index]
    return name


def begin_epoch(db: Connection, name: str) -> str:
    """Name the history of a new database; one that has a name keeps it. That name."""
    if db.execute(select(epochs.c.epoch)).first() is None:
        db.execute(insert(epochs).values(epoch=name))
    return epoch(db)


def open_room(db: Connection, *, room: str) -> None:
    """Make the room if there is none of that name."""
    if db.execute(select(rooms.c.name).where(rooms.c.name == room)).first() is None:
        db.execute(insert(rooms).values(name=room, topic="", seq=0, rev=0, created_at=now(), active_at=now()))


def room_now(db: Connection, name: str) -> dict[str, Any]:
    """`{name, topic, rev, keep_days, keep_messages}`. Raises `no_such_room`."""
    found = _room.dicts(db, called=name)
    if not found:
        raise Refused("no_such_room", f"There is no room #{name}.")
    return found[0]


def set_topic(db: Connection, *, room: str, topic: str) -> dict[str, Any]:
    db.execute(update(rooms).where(rooms.c.name == room).values(topic=topic))
    return room_now(db, room)


def lively_rooms(db: Connection, *, also: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The rooms used last, and those named in `also`: `{name, topic, rev}`."""
    used = or_(rooms.c.rev > 0, rooms.c.topic != "")  # a name that somebody mistyped is no room to show
    recent = select(rooms.c.name).where(used).order_by(rooms.c.active_at.desc(), rooms.c.name).limit(limit)
    wanted = select(rooms.c.name, rooms.c.topic, rooms.c.rev).where(
        or_(rooms.c.name.in_(recent), rooms.c.name.in_(also))
    )
    return [plain(row) for row in db.execute(wanted)]


def keep(db: Connection, *, room: str, days: float | None, messages: int | None) -> None:
    """How long the room's messages are kept: None is as the server has it, 0 is for ever."""
    room_now(db, room)
    db.execute(update(rooms).where(rooms.c.name == room).values(keep_days=days, keep_messages=messages))


def all_rooms(db: Connection) -> list[dict[str, Any]]:
    """`{name, seq, keep_days, keep_messages}` of every room there is."""
    wanted = select(rooms.c.name, rooms.c.seq, rooms.c.keep_days, rooms.c.keep_messages).order_by(rooms.c.name)
    return [plain(row) for row in db.execute(wanted)]
