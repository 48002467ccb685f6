"""Rooms, and the name of their history."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, and_, bindparam, delete, func, insert, or_, select, update

from app.model import Refused, Sentence
from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries.rows import insert_or_not, now, page_of, plain
from app.store.tables import LISTED, admitted, directs, epochs, keys, messages, notify, people, read_marks, roles, rooms

NAMES_PER_STATEMENT = 1_000  # every database takes so many parameters
FEW = 3  # names that are asked for one by one: a statement for several is compiled each time, which takes as long

KEPT = (rooms.c.keep_days, rooms.c.keep_messages, rooms.c.keep_bytes)

_epoch = Prepared(select(epochs.c.epoch))
_used_last = Prepared(  # the condition as the index has it (SQLite, "Partial Indexes", 3)
    select(rooms.c.name, rooms.c.topic, rooms.c.rev)
    .where(LISTED)
    .order_by(rooms.c.active_at.desc(), rooms.c.name)
    .limit(bindparam("most", type_=Integer))
)
_make = Prepared(
    insert_or_not(rooms).on_conflict_do_nothing().returning(rooms.c.name),
    sets=("name", "topic", "seq", "rev", "created_at", "active_at", "listed"),
)
_person = Prepared(select(people.c.id).where(people.c.id == bindparam("who")))
_own = Prepared(insert(roles).inline(), sets=("room", "person", "role", "since"))
_standing = Prepared(select(rooms.c.name, rooms.c.rev, rooms.c.rules_rev).where(rooms.c.name == bindparam("called")))
_any_message = Prepared(select(messages.c.room, messages.c.text).limit(1))
TOLD = ("name", "topic", "rev", "listed", "locked", "slow", "welcome", "topic_by", "topic_set_by", "topic_set_at")
_room = Prepared(
    select(*(rooms.c[name] for name in TOLD), *KEPT, rooms.c.passphrase, rooms.c.rules_rev, rooms.c.seq).where(
        rooms.c.name == bindparam("called")
    )
)


class StaleRules(Exception):
    """The room's rules have changed since the gate has looked at them: it has to look again."""


def epoch(db: Connection) -> str:
    """The name of this database's history. Raises TypeError before it has one."""
    name: str = _epoch.first(db)[0]  # type: ignore[index]
    return name


@changes(Changes.ROOMS)
def begin_epoch(db: Connection, name: str) -> str:
    """Name the history of a new database; one that has a name keeps it. That name."""
    if db.execute(select(epochs.c.epoch)).first() is None:
        db.execute(insert(epochs).values(epoch=name))
    return epoch(db)


@changes(Changes.ROOMS)
def rename_epoch(db: Connection, name: str) -> str:
    """From now on it is another history: revs that were told may be claimed by other messages. That name."""
    db.execute(update(epochs).values(epoch=name))
    return name


@changes(Changes.NOTHING)
def probe(db: Connection) -> str:
    """Read the history's name and one of the messages. Returns the name. Raises Refused where there is no history."""
    found = _epoch.first(db)
    if found is None:
        raise Refused("storage", "The database holds no history.")
    _any_message.first(db)
    return str(found[0])


@changes(Changes.NOTHING)
def data_version(db: Connection) -> int:
    """Of a file: another number where another process has written to it. Asked on the writer's connection alone, whose
    own writes it does not count (SQLite, "PRAGMA data_version"). 0 of other databases."""
    if db.dialect.name != "sqlite":
        return 0
    version: int = db.exec_driver_sql("PRAGMA data_version").scalar_one()
    return version


@changes(Changes.ROOM)
def open_room(db: Connection, *, room: str, owner: str | None = None, listed: bool = True) -> None:
    """Make the room if there is none of that name. It belongs to `owner`."""
    row = {"name": room, "topic": "", "seq": 0, "rev": 0, "created_at": now(), "active_at": 0, "listed": listed}
    is_new = _make.first(db, **row) is not None  # of an insert psycopg tells no rowcount
    if is_new and owner and _person.first(db, who=owner):
        _own.run(db, room=room, person=owner, role="owner", since=now())


def no_such_room(name: str) -> Refused:
    if name[0] == "@":
        return Refused("no_such_room", "There is no such conversation.")
    return Refused("no_such_room", Sentence("There is no room #{room}.", room=name))


def room_now(db: Connection, name: str) -> dict[str, Any]:
    """The columns of TOLD and KEPT, `passphrase`, `rules_rev` and `seq`. Raises `no_such_room`."""
    found = _room.dicts(db, called=name)
    if not found:
        raise no_such_room(name)
    return found[0] | {name: bool(found[0][name]) for name in ("listed", "locked")}  # SQLite has numbers


def change_rules(db: Connection, room: str, rules_rev: int | None, **values: Any) -> None:
    """Claim the next `rules_rev` of the room, and set these columns. Raises StaleRules where it is not the one that the
    gate has looked at; None: whatever it is."""
    change = update(rooms).where(rooms.c.name == room).values(rules_rev=rooms.c.rules_rev + 1, **values)
    found = db.execute(change.returning(rooms.c.rules_rev)).scalar()
    if found is None:
        raise no_such_room(room)
    check_rules(found - 1, rules_rev)


def check_rules(found: int, rules_rev: int | None) -> None:
    """Raises StaleRules."""
    if rules_rev not in (None, found):
        raise StaleRules


@changes(Changes.ROOM)
def set_topic(
    db: Connection, *, room: str, topic: str, rules_rev: int | None = None, nickname: str | None = None
) -> dict[str, Any]:
    """nickname: of whoever sets it."""
    is_used = bool(topic) or room_now(db, room)["rev"] > 0
    used = {"active_at": now() if is_used else 0, "topic_set_by": nickname, "topic_set_at": now()}
    change_rules(db, room, rules_rev, topic=topic, **used)
    return room_now(db, room)


def standings(db: Connection, names: Sequence[str]) -> tuple[str, dict[str, tuple[int, int]]]:
    """The name of the history, and where these rooms stand in it: `{name: (rev, rules_rev)}`, of those that there
    are."""
    if len(names) <= FEW:
        rows = [row for name in names for row in _standing.all(db, called=name)]
        return epoch(db), {name: (rev, rules_rev) for name, rev, rules_rev in rows}
    found: dict[str, tuple[int, int]] = {}
    for first in range(0, len(names), NAMES_PER_STATEMENT):
        some = names[first : first + NAMES_PER_STATEMENT]
        wanted = select(rooms.c.name, rooms.c.rev, rooms.c.rules_rev).where(rooms.c.name.in_(some))
        found |= {name: (rev, rules_rev) for name, rev, rules_rev in db.execute(wanted)}
    return epoch(db), found


def lively_rooms(db: Connection, also: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """Of the listed rooms those used last, and those named in `also`: `{name, topic, rev}`."""
    found = {room["name"]: room for room in _used_last.dicts(db, most=limit)}
    if more := [name for name in also if name not in found]:
        wanted = select(rooms.c.name, rooms.c.topic, rooms.c.rev).where(rooms.c.name.in_(more), rooms.c.listed)
        found |= {row.name: plain(row) for row in db.execute(wanted)}
    return list(found.values())


def rooms_named(db: Connection, text: str, limit: int) -> list[dict[str, Any]]:
    """Of the listed rooms in which something was said or that have a topic, those used last with this text (in small
    letters) in their name or topic: `{name, topic, rev}`."""
    has_text = or_(
        rooms.c.name.contains(text, autoescape=True), func.lower(rooms.c.topic).contains(text, autoescape=True)
    )
    wanted = select(rooms.c.name, rooms.c.topic, rooms.c.rev).where(LISTED, has_text)
    return [plain(row) for row in db.execute(wanted.order_by(rooms.c.active_at.desc(), rooms.c.name).limit(limit))]


@changes(Changes.ROOM)
def keep(db: Connection, *, room: str, days: float | None, messages: int | None, bytes: int | None = None) -> None:
    """How long the room's messages are kept: None is as the server has it, 0 is for ever."""
    room_now(db, room)
    kept = {"keep_days": days, "keep_messages": messages, "keep_bytes": bytes}
    db.execute(update(rooms).where(rooms.c.name == room).values(kept))


def rooms_with_messages(db: Connection) -> list[dict[str, Any]]:
    """`{name, seq, rev, keep_days, keep_messages, keep_bytes}` of every room in which something was said."""
    wanted = select(rooms.c.name, rooms.c.seq, rooms.c.rev, *KEPT)
    return [plain(row) for row in db.execute(wanted.where(rooms.c.seq > 0).order_by(rooms.c.name))]


def _is_unused(made_before: int) -> ColumnElement[bool]:
    """Nobody ever said anything in it, gave it a topic or a rule."""
    return and_(
        rooms.c.rev == 0,
        rooms.c.seq == 0,
        rooms.c.topic == "",
        rooms.c.rules_rev == 0,
        *(one.is_(None) for one in KEPT),
        rooms.c.created_at < made_before,
    )


def unused_rooms(db: Connection, after: str, made_before: int, limit: int) -> tuple[list[str], str | None]:
    """Of the next `limit` rooms after the one named, those that are unused; and the last one that was looked at, None
    where there are no more."""
    return page_of(db, rooms.c.name, _is_unused(made_before), after, limit)


@changes(Changes.ROOMS)
def forget_rooms(db: Connection, names: Sequence[str], made_before: int) -> int:
    """Those of them that are still unused, and the roles there. How many."""
    unused = select(rooms.c.name).where(rooms.c.name.in_(names), _is_unused(made_before)).with_for_update()
    gone = db.execute(unused).scalars().all()
    for table in (roles, admitted, keys, notify, directs, read_marks):
        db.execute(delete(table).where(table.c.room.in_(gone)))
    return db.execute(delete(rooms).where(rooms.c.name.in_(gone))).rowcount
