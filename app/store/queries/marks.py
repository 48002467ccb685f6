"""How far somebody has read each room, and how much is unread there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, case, func, literal, select

from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries.rows import insert_or_not
from app.store.tables import ignores, messages, read_marks, rooms

MOST_UNREAD = 100  # are counted in a room

_marks = Prepared(select(read_marks.c.room, read_marks.c.seq).where(read_marks.c.person == bindparam("who")))
_wanted = bindparam("seq", type_=BigInteger)
_reached = select(
    bindparam("person"),
    rooms.c.name,
    case((_wanted > rooms.c.seq, rooms.c.seq), else_=_wanted),
    bindparam("at", type_=BigInteger),
).where(rooms.c.name == bindparam("room"))
_into = insert_or_not(read_marks).from_select(["person", "room", "seq", "at"], _reached)
_mark = Prepared(
    _into.on_conflict_do_update(
        index_elements=("person", "room"),
        set_={"seq": _into.excluded.seq, "at": _into.excluded.at},
        where=read_marks.c.seq < _into.excluded.seq,
    )
)
_news = (
    select(literal(1))
    .where(
        messages.c.room == bindparam("room"),
        messages.c.seq > bindparam("after", type_=BigInteger),
        messages.c.author != bindparam("who"),
        messages.c.deleted.is_(None),
        messages.c.kind != "notice",
        messages.c.author.not_in(select(ignores.c.ignored).where(ignores.c.person == bindparam("who"))),
    )
    .limit(MOST_UNREAD)
)
_unread = Prepared(select(func.count()).select_from(_news.subquery()))


def read_marks_of(db: Connection, persons: Sequence[str]) -> dict[str, dict[str, int]]:
    """By person and room, the last message that they have read there."""
    return {person: dict(_marks.all(db, who=person)) for person in persons}


@changes(Changes.PEOPLE)
def mark_read(db: Connection, marks: Sequence[dict[str, Any]]) -> None:
    """`{person, room, seq, at}` of each; a mark never goes back, nor past the end of its room."""
    _mark.run_each(db, marks)


def unread(db: Connection, person: str, after: Sequence[tuple[str, int]]) -> dict[str, int]:
    """How many messages of others, whom the person does not ignore, come after this one in each of these rooms:
    MOST_UNREAD at most."""
    return {room: _unread.all(db, room=room, after=seq, who=person)[0][0] for room, seq in after}
