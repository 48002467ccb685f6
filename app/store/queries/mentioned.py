"""The messages in which somebody is called, of all rooms."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, String, bindparam, func, or_, select

from app.store.prepared import Prepared
from app.store.queries.mentions import EVERYONE
from app.store.queries.messages import Message, one
from app.store.queries.rows import end_of_moment
from app.store.tables import ignores, mentions

MAX_ROOMS = 200  # of one person's mentions, the newest first
LARGEST_TIME = 2**53 - 1  # milliseconds since 1970; nothing is said as late

_who, _end = bindparam("who", type_=String), bindparam("end", type_=BigInteger)
_moments = select(mentions.c.at).where(mentions.c.person == _who, mentions.c.at < _end).order_by(mentions.c.at.desc())
_last_moment = _moments.limit(1).offset(bindparam("most", type_=Integer)).scalar_subquery()
_places = Prepared(  # the next `most` and one, and all of the same moment
    select(mentions.c.room, mentions.c.seq, mentions.c.at)
    .where(mentions.c.person == _who, mentions.c.at < _end, mentions.c.at >= func.coalesce(_last_moment, 0))
    .order_by(mentions.c.at.desc())
)


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
    not_from = {person, *db.scalars(select(ignores.c.ignored).where(ignores.c.person == person))}
    called = {person: {*rooms}, EVERYONE: {*rooms} & {*also}}
    found: dict[tuple[str, int], Message] = {}
    for who, where in called.items():
        newest = _calling(db, who, where, not_from, LARGEST_TIME if before is None else before, limit)
        found |= {(message["room"], message["seq"]): message for message in newest}
    page = sorted(found.values(), key=lambda message: (-message["at"], message["room"], -message["seq"]))
    end = end_of_moment(page, limit)
    return page[:end], len(page) > end


def _calling(db: Connection, who: str, where: set[str], not_from: set[str], before: int, limit: int) -> list[Message]:
    """The newest messages of these rooms that call `who`: `limit`, those of the same moment as the last of these, and
    some older ones, where there are any. A few at a time: a room has a million messages, and a person some hundred
    mentions."""
    found: list[Message] = []
    while where and end_of_moment(found, limit) == len(found):
        places = _places.all(db, who=who, end=before, most=limit)
        if not places:
            break
        before = places[-1][2]
        page = [one(db, room, seq) for room, seq, _ in places if room in where]
        found += [message for message in page if message["author"] not in not_from]
    return found


def _of(person: str, also: Sequence[str]) -> ColumnElement[bool]:
    mine = mentions.c.person == person
    return or_(mine, (mentions.c.person == EVERYONE) & mentions.c.room.in_(also)) if also else mine
