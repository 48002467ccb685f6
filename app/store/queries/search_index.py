"""The index of words: made from the messages, a while after they were said and many at a time.

SQLite's FTS5 takes for one message as long as the rest of its commit, and a sixth of that for one of many. So a room
has two parts: what changed up to rev `rev` of its row in `search_rooms` is in the index, what changed later is not
(search.py).

The place of a message in the index is a number made of its room's and its own (`ID_BITS`): so a room is a range, and
the newest of it come first.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Integer, TextClause, bindparam, delete, func, insert, select, text, update

from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries.rooms import epoch
from app.store.queries.terms import of_author, of_nickname, terms
from app.store.tables import messages, rooms, rules, search_rooms

RULE = "3"  # by which terms are made: with another one everything is indexed anew
ID_BITS = 32  # of a message's seq in its place

_row = select(search_rooms.c.number, search_rooms.c.rev).where(search_rooms.c.room == bindparam("room"))
_place, _place_locked = Prepared(_row), Prepared(_row.with_for_update())
_note = Prepared(update(search_rooms).where(search_rooms.c.room == bindparam("here")).values(rev=bindparam("up_to")))
_changed = Prepared(
    select(*(messages.c[name] for name in ("seq", "rev", "author", "nickname", "text", "deleted", "file")))
    .where(messages.c.room == bindparam("room"), messages.c.rev > bindparam("start"))
    .order_by(messages.c.rev)
    .limit(bindparam("most", type_=Integer))
)

_KNOWN = {  # is there an index? SQLite may be built without FTS5
    "sqlite": Prepared(
        text("SELECT 1 FROM sqlite_master AS m, pragma_module_list AS p WHERE m.name = 'searched' AND p.name = 'fts5'")
    ),
    "postgresql": Prepared(text("SELECT 1")),
}
_PUT = {
    "sqlite": Prepared(text("INSERT OR REPLACE INTO searched (rowid, terms) VALUES (:place, :terms)")),
    "postgresql": Prepared(
        text(
            "INSERT INTO searched (id, terms) VALUES (:place, CAST(:terms AS tsvector))"
            " ON CONFLICT (id) DO UPDATE SET terms = excluded.terms"
        )
    ),
}
_DROP = {
    "sqlite": text("DELETE FROM searched WHERE rowid BETWEEN :first AND :last"),
    "postgresql": text("DELETE FROM searched WHERE id BETWEEN :first AND :last"),
}


def on(statements: dict[str, TextClause], db: Connection) -> TextClause:
    return statements[db.dialect.name]


def place_of(db: Connection, room: str) -> tuple[int, int] | None:
    """The number of the room, and the rev up to which it is in the index; None where nothing of it is."""
    return _place.first(db, room=room)


def unindexed_rooms(db: Connection) -> list[tuple[str, int]]:
    """Rooms of which not everything is in the index, and how many of their changes about are not."""
    behind = rooms.c.rev - func.coalesce(search_rooms.c.rev, 0)
    joined = rooms.outerjoin(search_rooms, search_rooms.c.room == rooms.c.name)
    wanted = select(rooms.c.name, behind).select_from(joined).where(behind > 0).order_by(rooms.c.name)
    return [(name, count) for name, count in db.execute(wanted)] if has_index(db) else []


def has_index(db: Connection) -> bool:
    return _KNOWN[db.dialect.name].first(db) is not None


@changes(Changes.PEOPLE)
def begin_index(db: Connection) -> None:
    """Begin anew where it was made by another rule, or of another history."""
    wanted = f"{RULE} {epoch(db)}"
    if db.scalar(select(rules.c.version).where(rules.c.name == "search")) == wanted:
        return
    db.execute(delete(search_rooms))
    db.execute(delete(rules).where(rules.c.name == "search"))
    db.execute(insert(rules).values(name="search", version=wanted))


@changes(Changes.PEOPLE)
def index_some(db: Connection, names: Sequence[str], limit: int) -> tuple[int, list[str]]:
    """Take the next `limit` changes of these rooms into the index. How many it took, and of which rooms there may be
    more."""
    taken, left = 0, list(names) if has_index(db) else []
    while left and taken < limit:
        taken += _index(db, left[0], limit - taken)
        left = left if taken == limit else left[1:]
    return taken, left


def _index(db: Connection, room: str, limit: int) -> int:
    number, rev = _place_locked.first(db, room=room) or (None, 0)
    changed = _changed.dicts(db, room=room, start=rev, most=limit)
    if not changed:
        return 0
    if number is None:
        number = (db.scalar(select(func.max(search_rooms.c.number))) or 0) + 1
        db.execute(insert(search_rooms).values(room=room, number=number, rev=0))
    base = number << ID_BITS
    if rows := [{"place": base | one["seq"], "terms": _stored(db, one)} for one in changed if one["deleted"] is None]:
        _PUT[db.dialect.name].run_each(db, rows)
    if gone := [{"first": base | one["seq"], "last": base | one["seq"]} for one in changed if one["deleted"]]:
        db.execute(on(_DROP, db), gone)
    _note.run(db, here=room, up_to=changed[-1]["rev"])
    return len(changed)


def _stored(db: Connection, message: dict[str, Any]) -> str:
    """What the index holds of a message. Between its text and the name of its file stands something else, so that no
    phrase reaches from the one into the other."""
    author = of_author(message["author"]), of_nickname(message["nickname"])
    found = [*terms(message["text"]), *author, *terms(file_name(message["file"]))]
    if db.dialect.name == "sqlite":
        return " ".join(found)
    return " ".join(f"'{term}':{at}" for at, term in enumerate(found, 1))


def file_name(stored: str | None) -> str:
    """Of the file that a message carries, as its row has it; empty where it carries none."""
    return str(orjson.loads(stored)["name"]) if stored else ""


def forget_indexed(db: Connection, room: str, last: int) -> None:
    """The room's messages up to this one are no longer kept."""
    if (row := place_of(db, room)) and has_index(db):
        db.execute(on(_DROP, db), {"first": row[0] << ID_BITS, "last": row[0] << ID_BITS | last})
