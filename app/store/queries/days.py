"""A room's messages by day (UTC, counted from 1970), for pages that are read without a connection."""

from typing import Any

from sqlalchemy import Connection, Integer, bindparam, select

from app.store.prepared import Prepared
from app.store.queries.messages import LARGEST_SEQ, one, said_after, said_before
from app.store.queries.rooms import room_now
from app.store.tables import messages

MS_A_DAY = 24 * 60 * 60 * 1000
FIRST_DAY, LAST_DAY = 0, 2_932_896  # 1970-01-01, 9999-12-31

_here = messages.c.room == bindparam("room")
_from = Prepared(
    select(messages.c.seq, messages.c.at)
    .where(_here, messages.c.seq >= bindparam("start"))
    .order_by(messages.c.seq)
    .limit(1)
)
_before = Prepared(
    select(messages.c.seq, messages.c.at)
    .where(_here, messages.c.seq < bindparam("end"))
    .order_by(messages.c.seq.desc())
    .limit(bindparam("most", type_=Integer))
)


def said_on(db: Connection, *, room: str, day: int | None, start: int | None, limit: int) -> dict[str, Any]:
    """A page of one day: `{room, day, messages, earlier, later, previous, next}`.

    day: None is the newest day with messages. start: the seq the page begins with; without it the page holds the first
    messages of a named day, and the last ones of the newest. earlier, later: the seqs with which the neighbouring pages
    of this day begin. previous, next: the neighbouring days with messages. What there is none of is None.
    """
    about = room_now(db, room)
    newest = _before.first(db, room=room, end=LARGEST_SEQ, most=1)
    if newest is None:
        return _page(about, day)
    wanted = newest[1] // MS_A_DAY if day is None else day
    first, end = (_first_since(db, room, newest[0], midnight * MS_A_DAY) for midnight in (wanted, wanted + 1))
    if day is None and start is None:
        page = said_before(db, room=room, before=end, limit=limit)[0]
    else:
        page = said_after(db, room=room, after=max(start or first, first) - 1, limit=limit)
    page = [message for message in page if first <= message["seq"] < end]
    before, behind = _before.first(db, room=room, end=first, most=1), _from.first(db, room=room, start=end)
    last = newest[0]
    return _page(
        about,
        wanted,
        messages=page,
        earlier=_page_before(db, room, first, page[0]["seq"], limit) if page else None,
        later=_seq_from(db, room, page[-1]["seq"] + 1, end) if page else None,
        previous=before and _day_with(db, room, last, *before),
        next=behind and _day_with(db, room, last, *behind),
    )


def day_of(db: Connection, *, room: str, seq: int) -> int:
    """The day on whose pages a message is. Raises `no_such_message`."""
    found = one(db, room, seq)
    newest = _before.first(db, room=room, end=LARGEST_SEQ, most=1)
    return _day_with(db, room, newest[0] if newest else seq, seq, found["at"])


def _page(room: dict[str, Any], day: int | None, **found: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"messages": [], "earlier": None, "later": None, "previous": None, "next": None}
    return {"room": room, "day": day} | empty | found


def first_since(db: Connection, room: str, at: int) -> int:
    """The seq from which on messages were said at that time or later."""
    newest = _before.first(db, room=room, end=LARGEST_SEQ, most=1)
    return _first_since(db, room, newest[0], at) if newest else 1


def _first_since(db: Connection, room: str, last: int, at: int) -> int:
    """The seq from which on messages were said at that time or later; `last` + 1 where there are none.

    By bisection, for times grow with the seqs (and need no index of their own). Where a clock was set back they do not
    quite; then each message still belongs to exactly one day.
    """
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        seq, said_at = _from.first(db, room=room, start=middle) or (last, at)
        if said_at >= at:
            high = middle
        else:
            low = seq + 1
    return low


def _day_with(db: Connection, room: str, last: int, seq: int, at: int) -> int:
    """The day on whose pages a message is: that of its time, unless a clock was set back around it."""
    day = at // MS_A_DAY
    if _first_since(db, room, last, day * MS_A_DAY) <= seq < _first_since(db, room, last, (day + 1) * MS_A_DAY):
        return day
    low, high = FIRST_DAY, LAST_DAY
    while low < high:
        middle = (low + high + 1) // 2
        if _first_since(db, room, last, middle * MS_A_DAY) <= seq:
            low = middle
        else:
            high = middle - 1
    return low


def _page_before(db: Connection, room: str, first: int, seq: int, limit: int) -> int | None:
    found = [row[0] for row in _before.all(db, room=room, end=seq, most=limit) if row[0] >= first]
    return found[-1] if found else None


def _seq_from(db: Connection, room: str, start: int, end: int) -> int | None:
    found = _from.first(db, room=room, start=start)
    return found[0] if found and found[0] < end else None
