"""Rooms of two people."""

from typing import Any

from sqlalchemy import Connection, case, exists, or_, select

from app.model import Refused
from app.store.changes import Changes, changes
from app.store.queries.rooms import open_room
from app.store.queries.rows import insert_or_not, now, plain
from app.store.tables import directs, ignores, people, rooms

MOST = 200  # that one person is told of


def known_person(db: Connection, person: str) -> dict[str, Any]:
    """`{id, nickname}`. Raises `no_such_person`."""
    found = db.execute(select(people.c.id, people.c.nickname).where(people.c.id == person)).first()
    if found is None:
        raise Refused("no_such_person", "Nobody with this id is known.")
    return plain(found)


@changes(Changes.ROOM)
def open_direct(db: Connection, *, room: str, by: str, to: str) -> None:
    """Make the room of these two, in no list and nobody's. Raises `no_such_person`."""
    known_person(db, to)
    open_room(db, room=room, listed=False)
    one, other = sorted((by, to))
    row = {"room": room, "one": one, "other": other, "opened_by": by, "at": now()}
    db.execute(insert_or_not(directs).values(**row).on_conflict_do_nothing())


def is_ignored_by(db: Connection, person: str, by: str) -> bool:
    ignored = exists().where(ignores.c.person == by, ignores.c.ignored == person)
    return bool(db.scalar(select(ignored)))


def others_of(db: Connection, person: str) -> dict[str, str]:
    """As the person calls their rooms of two, by the stored names."""
    other = case((directs.c.one == person, directs.c.other), else_=directs.c.one)
    mine = or_(directs.c.one == person, directs.c.other == person)
    return {room: f"@{id}" for room, id in db.execute(select(directs.c.room, other).where(mine))}


def directs_of(db: Connection, person: str) -> list[dict[str, Any]]:
    """Of those in which something was said, or which the person opened, the ones used last: `{room, other, nickname,
    seq, at}`. Not those with somebody whom they ignore."""
    other = case((directs.c.one == person, directs.c.other), else_=directs.c.one)
    ignored = exists().where(ignores.c.person == person, ignores.c.ignored == other)
    at = case((rooms.c.active_at > directs.c.at, rooms.c.active_at), else_=directs.c.at)
    wanted = (
        select(directs.c.room, other.label("other"), people.c.nickname, rooms.c.seq, at.label("at"))
        .join_from(directs, rooms)
        .outerjoin(people, people.c.id == other)
        .where(
            or_(directs.c.one == person, directs.c.other == person),
            or_(rooms.c.seq > 0, directs.c.opened_by == person),
            ~ignored,
        )
        .order_by(at.desc(), directs.c.room)
        .limit(MOST)
    )
    return [plain(row) for row in db.execute(wanted)]
