"""The messages in which somebody is called, of all rooms."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, or_, select

from app.store.queries.mentions import EVERYONE
from app.store.queries.messages import Message, read
from app.store.queries.rows import plain
from app.store.tables import ignores, mentions, messages

MAX_ROOMS = 200  # of one person's mentions, the newest first


def rooms_that_mention(db: Connection, person: str, also: Sequence[str]) -> list[str]:
    """Rooms in which this person was called, the newest calls first. also: rooms in which they are part of
    everybody."""
    wanted = select(mentions.c.room).where(_of(person, also)).group_by(mentions.c.room)
    return list(db.scalars(wanted.order_by(func.max(mentions.c.at).desc()).limit(MAX_ROOMS)))


def mentioning(
    db: Connection, *, person: str, rooms: Sequence[str], also: Sequence[str], before: int | None, limit: int
) -> tuple[list[Message], bool]:
    """The newest `limit` messages of these rooms that call this person, and are not from somebody whom they ignore,
    said before that time; and whether there are older ones. Those of one moment come together."""
    ignored = select(ignores.c.ignored).where(ignores.c.person == person)
    found = (
        select(messages)
        .distinct()
        .join(mentions, (mentions.c.room == messages.c.room) & (mentions.c.seq == messages.c.seq))
        .where(_of(person, also), mentions.c.room.in_(rooms), messages.c.author != person)
        .where(messages.c.author.not_in(ignored))
        .order_by(messages.c.at.desc(), messages.c.room, messages.c.seq.desc())
    )
    if before is not None:
        found = found.where(messages.c.at < before)
    page = [read(plain(row)) for row in db.execute(found.limit(limit + 1))]
    if len(page) <= limit:
        return page, False
    last = page[limit - 1]["at"]
    if page[limit]["at"] != last:
        return page[:limit], True
    page = [one for one in page if one["at"] > last]
    page += [read(plain(row)) for row in db.execute(found.where(messages.c.at == last))]
    return page, db.execute(found.where(messages.c.at < last).limit(1)).first() is not None


def _of(person: str, also: Sequence[str]) -> ColumnElement[bool]:
    mine = mentions.c.person == person
    return or_(mine, (mentions.c.person == EVERYONE) & mentions.c.room.in_(also)) if also else mine
