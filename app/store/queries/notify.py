"""Of what in a room somebody wants to be told."""

from sqlalchemy import Connection, insert, select
from sqlalchemy import delete as remove

from app.model import Refused, Sentence
from app.store.changes import Changes, changes
from app.store.tables import notify

Levels = dict[str, str]  # by room: `all`, `mentions` or `none`


def notify_levels(db: Connection, person: str) -> Levels:
    wanted = select(notify.c.room, notify.c.level).where(notify.c.person == person).order_by(notify.c.room)
    return {room: level for room, level in db.execute(wanted)}  # noqa: C416 - rows are no pairs to mypy


@changes(Changes.PEOPLE)
def set_notify_level(db: Connection, *, person: str, room: str, level: str, most: int) -> Levels:
    """Returns all of them. Raises `too_many`."""
    db.execute(remove(notify).where(notify.c.person == person, notify.c.room == room))
    known = notify_levels(db, person)
    if len(known) >= most:
        raise Refused("too_many", Sentence("One chooses for {most} rooms at most.", most=most))
    db.execute(insert(notify).values(person=person, room=room, level=level))
    return {**known, room: level}
