"""Who is called in messages. The names are found by chat/mentions.py; whose they are is read in the transaction that
stores the message, so that one person's messages keep their order."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select
from sqlalchemy import delete as remove

from app.store.prepared import Prepared
from app.store.queries.rows import insert_or_not
from app.store.tables import mentions, people, skeletons

Mentions = dict[str, str]  # name as typed, without @ -> person's id, or EVERYONE

EVERYONE = "everyone"


class Called(NamedTuple):
    """What may be a name, behind an @. person: whose it is, where that is known already. looks: its skeletons. exact:
    only a nickname that is written like this, in capitals or small, is meant. nickname: folded."""

    typed: str
    person: str | None
    looks: Sequence[str]
    exact: bool
    nickname: str


Calls = Sequence[Sequence[Called]]  # for each @ what may be the name, the longest first

_store = Prepared(
    insert_or_not(mentions).on_conflict_do_nothing(index_elements=("room", "seq", "person")),
    sets=("room", "seq", "person", "at"),
)


def resolve(db: Connection, calls: Calls) -> Mentions:
    """Whose names these are; what is nobody's is left out."""
    looks = {look for call in calls for one in call if one.person is None for look in one.looks}
    bearers: dict[str, list[tuple[str, str]]] = {}
    if looks:
        wanted = select(skeletons.c.skeleton, people.c.id, people.c.nickname).join_from(people, skeletons)
        for look, person, nickname in db.execute(wanted.where(skeletons.c.skeleton.in_(looks))):
            bearers.setdefault(look, []).append((person, nickname or ""))
    found: Mentions = {}
    for call in calls:
        if one := next((one for one in ((called, _whose(called, bearers)) for called in call) if one[1]), None):
            found[one[0].typed] = one[1]
    return found


def _whose(called: Called, bearers: dict[str, list[tuple[str, str]]]) -> str:
    if called.person is not None:
        return called.person
    bearing = [(person, fold(nickname)) for look in called.looks for person, nickname in bearers.get(look, ())]
    for person, nickname in bearing:
        if nickname == called.nickname:
            return person
    for person, nickname in () if called.exact else bearing:
        if called.nickname.count(" ") in (0, nickname.count(" ")):
            return person
    return ""


def fold(name: str) -> str:
    """A nickname in small letters, with single blanks."""
    return " ".join(name.split()).casefold()


def note_mentions(db: Connection, said: Iterable[dict[str, Any]]) -> None:
    """The rows of what these messages call; nobody calls themselves, and of two people alone neither is called."""
    rows = [
        {"room": one["room"], "seq": one["seq"], "person": person, "at": one["at"]}
        for one in said
        if not one["room"].startswith("@")
        for person in set((one["mentions"] or {}).values()) - {one["author"]}
    ]
    if rows:
        _store.run_each(db, rows)


def forget_mentions(db: Connection, room: str, seq: int) -> None:
    """Of one message."""
    db.execute(remove(mentions).where(mentions.c.room == room, mentions.c.seq == seq))


def written(found: Mentions | None) -> str | None:
    """As the column has it."""
    return orjson.dumps(found).decode() if found else None


def read(stored: str | None) -> Mentions | None:
    found: Mentions | None = orjson.loads(stored) if stored else None
    return found
