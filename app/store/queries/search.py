"""Finding what was said: by the index of words (search_index.py), and by reading what is not in it yet.

The answer is that of one moment, whatever is indexed by then: a message that was edited since it was indexed is
compared, not found.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Integer, bindparam, exists, or_, select, text, union
from sqlalchemy.exc import DBAPIError

from app.model import Refused
from app.store.prepared import Prepared
from app.store.queries.access import is_admitted
from app.store.queries.days import first_since
from app.store.queries.messages import LARGEST_SEQ, Message
from app.store.queries.rows import end_of_moment, now, plain
from app.store.queries.search_index import ID_BITS, file_name, has_index, on, place_of
from app.store.queries.terms import Question
from app.store.tables import admitted, directs, messages, roles, rooms, sanctions

MAX_OF_A_MOMENT = 2_000  # messages of one room and one millisecond that are found together
MAX_UNINDEXED = 2_000  # newest changes of a room that are compared one by one; older ones have to wait for the index
TIME_LIMIT_S = 2.0
CHECK_EVERY = 5_000  # steps of SQLite between two looks at the clock
QUERY_CANCELED = "57014"  # PostgreSQL, appendix A
ROOMS_AT_ONCE = 500  # in one statement

_changed_last = Prepared(
    select(messages)
    .where(messages.c.room == bindparam("room"), messages.c.rev > bindparam("start"), messages.c.deleted.is_(None))
    .order_by(messages.c.rev.desc())
    .limit(bindparam("most", type_=Integer))
)

_FIND = {
    "sqlite": text(
        "SELECT rowid FROM searched WHERE searched MATCH :asked AND rowid BETWEEN :first AND :last"
        " ORDER BY rowid DESC LIMIT :most"
    ),
    "postgresql": text(
        "SELECT id FROM searched WHERE terms @@ CAST(:asked AS tsquery) AND id BETWEEN :first AND :last"
        " ORDER BY id DESC LIMIT :most"
    ),
}


# --- who may look where ---


def readable_rooms(
    db: Connection, person: str, joined: Sequence[str], been: Sequence[str], only: str | None = None
) -> list[str]:
    """Rooms that the person may read and has been in; of `only`, that one or none. joined: those they are in now. been:
    those of which it is known that they have been there."""
    let_in = union(
        select(admitted.c.room).where(admitted.c.person == person),
        select(directs.c.room).where(or_(directs.c.one == person, directs.c.other == person)),
    ).subquery()
    names = {*joined, *been, *db.scalars(select(let_in.c.room))}
    names &= {only} if only is not None else names
    lasts = or_(sanctions.c.until.is_(None), sanctions.c.until > now())
    barred = exists().where(
        sanctions.c.room == rooms.c.name, sanctions.c.person == person, sanctions.c.kind.in_(("ban", "kick")), lasts
    )
    has_role = exists().where(roles.c.room == rooms.c.name, roles.c.person == person)
    is_closed = or_(rooms.c.locked, rooms.c.passphrase.is_not(None)) & ~has_role
    found: list[str] = []
    ordered = sorted(names)
    for first in range(0, len(ordered), ROOMS_AT_ONCE):
        wanted = select(rooms.c.name, is_closed).where(
            rooms.c.name.in_(ordered[first : first + ROOMS_AT_ONCE]), ~barred
        )
        found += [
            name for name, closed in db.execute(wanted) if not closed or name in joined or is_admitted(db, name, person)
        ]
    return found


# --- finding ---


def find(
    db: Connection,
    person: str,
    joined: Sequence[str],
    been: Sequence[str],
    question: Question,
    limit: int,
    room: str | None = None,
    before: int | None = None,
) -> tuple[list[Message], bool]:
    """The last messages that answer the question, newest first, `limit` at most (more where they were said in one
    millisecond); and whether there are older ones. room: in that one alone, before seq `before`; else in all rooms that
    the person may read and has been in. Raises `not_member`, `too_slow`."""
    names = readable_rooms(db, person, joined, been, room)
    if room is not None and not names:
        raise Refused("not_member", "Join this room first: one searches rooms in which one has been.")
    found: list[Message] = []
    if not question.is_empty:
        with _time_limit(db) as check:
            for name in names:
                check()
                if room is None:
                    found += _found_by_moment(db, name, question, limit)
                else:
                    found += _found_in(db, name, question, before, limit + 1)
    found.sort(key=lambda one: (-one["at"], one["room"], -one["seq"]) if room is None else -one["seq"])
    end = end_of_moment(found, limit) if room is None else limit
    return found[:end], len(found) > end


def _found_by_moment(db: Connection, room: str, question: Question, limit: int) -> list[Message]:
    """The last messages of one room, one more than `limit`, and all that were said in the millisecond of the last of
    these: the next page begins before it. What is stored together has mostly one."""
    most = limit + 1
    while True:
        found = _found_in(db, room, question, None, most)
        if len(found) < most or found[-1]["at"] != found[limit - 1]["at"] or most > MAX_OF_A_MOMENT:
            return found
        most *= 2


def _found_in(db: Connection, room: str, question: Question, before: int | None, limit: int) -> list[Message]:
    """The last messages of one room, newest first."""
    first = first_since(db, room, question.since) if question.since is not None else 1
    end = first_since(db, room, question.until) if question.until is not None else LARGEST_SEQ
    end = min(end, before or LARGEST_SEQ)
    number, rev = place_of(db, room) or (None, 0)
    late = [
        _read(one)
        for one in _changed_last.dicts(db, room=room, start=rev, most=MAX_UNINDEXED)
        if one["seq"] < end
        and question.matches(one["text"], file_name(one["file"]), one["author"], one["nickname"], one["at"])
    ]
    if number is not None and has_index(db):
        late += _indexed(db, room, question, limit, (number << ID_BITS, first, min(end, 1 << ID_BITS), rev))
    return sorted(late, key=lambda one: -one["seq"])[:limit]


def _indexed(
    db: Connection, room: str, question: Question, limit: int, where: tuple[int, int, int, int]
) -> list[Message]:
    """where: the room's first place, the seqs between which to look (the second is not part of it), and the rev up to
    which the index is true."""
    base, first, end, rev = where
    asked = question.fts5() if db.dialect.name == "sqlite" else question.tsquery()
    found: list[Message] = []
    while len(found) < limit and end > first:
        values = {"asked": asked, "first": base | first, "last": base | (end - 1), "most": limit}
        seqs = [place - base for place in db.scalars(on(_FIND, db), values)]
        if not seqs:
            break
        wanted = select(messages).where(messages.c.room == room, messages.c.seq.in_(seqs))
        page = [_read(plain(row)) for row in db.execute(wanted.order_by(messages.c.seq.desc()))]
        true = [one for one in page if one["rev"] <= rev and one["deleted"] is None]  # in SQL it read the whole room
        found += [one for one in true if question.is_in_time(one["at"])]
        end = seqs[-1] if len(seqs) == limit else first
    return found[:limit]


def _read(row: Message) -> Message:
    return row | {"reactions": orjson.loads(row["reactions"])} if row["reactions"] else row


@contextlib.contextmanager
def _time_limit(db: Connection) -> Iterator[Callable[[], None]]:
    """For all that is asked within; the function that it gives looks at the clock. Raises `too_slow`."""
    until = time.monotonic() + TIME_LIMIT_S
    driver: Any = db.connection.dbapi_connection
    too_slow = Refused("too_slow", "That would take too long. Look for more words, or rarer ones, or in one room.")

    def is_over() -> bool:
        return time.monotonic() > until

    def check() -> None:
        if is_over():
            raise too_slow

    is_sqlite = db.dialect.name == "sqlite"
    if is_sqlite:
        driver.set_progress_handler(is_over, CHECK_EVERY)
    else:
        db.execute(text(f"SET LOCAL statement_timeout = {max(1, int(TIME_LIMIT_S * 1000))}"))
    try:
        yield check
    except DBAPIError as error:
        if is_over() or getattr(error.orig, "sqlstate", None) == QUERY_CANCELED:
            raise too_slow from error
        raise
    finally:
        if is_sqlite:
            driver.set_progress_handler(None, 0)
