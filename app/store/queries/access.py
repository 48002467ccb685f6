"""The rules of a room: who owns and moderates it, who is kept out or muted, who was let in, and the keys that do it.

Whoever changes them claims the room's next `rules_rev` (`rooms.change_rules`), and every query that writes on
somebody's behalf compares it in its transaction: so nothing is stored of a person who was banned a moment before, by
whatever process.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, insert, or_, select, true, update

from app.model import Refused, is_bot
from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries.audit import Actor, note
from app.store.queries.rooms import change_rules, room_now
from app.store.queries.rows import insert_or_not, now, plain
from app.store.tables import admitted, hooks, keys, messages, people, roles, sanctions

Row = dict[str, Any]

_roles = Prepared(select(roles.c.person, roles.c.role).where(roles.c.room == bindparam("room")))
_sanctions = Prepared(
    select(sanctions)
    .where(sanctions.c.room == bindparam("room"))
    .where(or_(sanctions.c.until.is_(None), sanctions.c.until > bindparam("at")))
    .order_by(sanctions.c.at)
)
_hooks = Prepared(
    select(hooks.c.id, hooks.c.person, people.c.nickname, hooks.c.given_up_at, hooks.c.trouble)
    .join_from(hooks, people, hooks.c.person == people.c.id)
    .where(hooks.c.room == bindparam("room"), hooks.c.url.is_not(None))
)

_let_in = Prepared(
    select(admitted.c.at).where(admitted.c.room == bindparam("room"), admitted.c.person == bindparam("person"))
)
_spoke = Prepared(
    select(messages.c.seq)
    .where(messages.c.author == bindparam("person"), messages.c.room == bindparam("room"))
    .order_by(messages.c.id)  # by the author's own index: SQLite would read the whole room
    .limit(1)
)

FORBIDDEN_KEY = "This key opens no room. Perhaps it was replaced, used up, or has run out: ask for a new one."


def room_rules(db: Connection, room: str) -> Row:
    """`{room, roles: {person: role}, sanctions: [row], hooks: [row]}`: those that hold, and to which something is
    delivered. Raises `no_such_room`."""
    about = room_now(db, room)
    return {
        "room": about,
        "roles": dict(_roles.all(db, room=room)),
        "sanctions": _sanctions.dicts(db, room=room, at=now()),
        "hooks": _hooks.dicts(db, room=room),
    }


def _holds() -> ColumnElement[bool]:
    return or_(sanctions.c.until.is_(None), sanctions.c.until > now())


def _called(db: Connection, person: str) -> tuple[str, str]:
    """Id and nickname. Raises `no_such_person`."""
    found = db.execute(select(people.c.nickname).where(people.c.id == person)).first()
    if found is None:
        raise Refused("no_such_person", "Nobody with this id is known.")
    return person, found[0] or "somebody"


@changes(Changes.ROOM)
def settle_rules(db: Connection, *, room: str, by: Actor, rules_rev: int | None, values: Row) -> None:
    """Set columns of the room."""
    is_used = values.get("topic") or room_now(db, room)["rev"]
    used: Row = {"active_at": now() if is_used else 0} if "topic" in values else {}
    if used:
        used |= {"topic_set_by": by.nickname, "topic_set_at": now()}
    change_rules(db, room, rules_rev, **values, **used)
    note(db, room, by, "settings", reason=", ".join(sorted(values)))


@changes(Changes.ROOM)
def appoint(db: Connection, *, room: str, by: Actor, rules_rev: int | None, person: str, role: str | None) -> None:
    """Give a person a role, or take theirs. Raises `not_allowed` where nobody would own the room any more."""
    change_rules(db, room, rules_rev)
    whom = _called(db, person)
    before = db.scalar(select(roles.c.role).where(roles.c.room == room, roles.c.person == person))
    if before == "bot":
        raise Refused("not_allowed", "A bot has no other role in the room.")
    _give(db, room, person, role, by.id)
    if before == "owner" != role:  # they may have kept the key
        db.execute(delete(keys).where(keys.c.room == room, keys.c.kind == "owner"))
    if role != "owner" and not db.scalar(_owners(room)):
        raise Refused("not_allowed", "A room has an owner: appoint another one first.")
    note(db, room, by, "appoint", whom=whom, reason=role or "member")


def _owners(room: str) -> Any:
    return select(roles.c.person).where(roles.c.room == room, roles.c.role == "owner").limit(1)


def _give(db: Connection, room: str, person: str, role: str | None, by: str | None) -> None:
    db.execute(delete(roles).where(roles.c.room == room, roles.c.person == person))
    if role is not None:
        db.execute(insert(roles).values(room=room, person=person, role=role, since=now(), by=by))


@changes(Changes.ROOM)
def own(db: Connection, *, room: str, by: Actor, person: str) -> None:
    """The operator makes somebody an owner. Raises `no_such_person`, `no_such_room`."""
    change_rules(db, room, None)
    whom = _called(db, person)
    if is_bot(person):
        raise Refused("not_allowed", "A bot owns no room.")
    _give(db, room, person, "owner", None)
    note(db, room, by, "appoint", whom=whom, reason="owner")


@changes(Changes.ROOM)
def sanction(
    db: Connection,
    *,
    room: str,
    by: Actor,
    rules_rev: int | None,
    person: str,
    kind: str,
    until: int | None,
    reason: str,
    address: str | bool | None = None,
) -> None:
    """Ban, mute or kick somebody; what was decided before is replaced. address: the network from which nobody new may
    come in either; true: the one from which they came last, where it is known."""
    change_rules(db, room, rules_rev)
    whom = _called(db, person)
    if address is True:
        address = db.scalar(select(people.c.address).where(people.c.id == person))
    db.execute(delete(sanctions).where(*_of(room, person), sanctions.c.kind == kind))
    row = {"room": room, "person": person, "kind": kind, "nickname": whom[1], "at": now(), "until": until}
    row |= {"reason": reason, "by": by.id, "by_name": by.nickname, "address": address or None}
    db.execute(insert(sanctions).values(**row))
    if kind == "ban":  # nor does anybody come in by an invite of theirs
        db.execute(delete(admitted).where(admitted.c.room == room, admitted.c.person == person))
        db.execute(delete(keys).where(keys.c.room == room, keys.c.kind == "invite", keys.c.by == person))
    note(db, room, by, kind, whom=whom, reason=reason)


@changes(Changes.ROOM)
def lift(db: Connection, *, room: str, by: Actor, rules_rev: int | None, person: str, kinds: Sequence[str]) -> bool:
    """Whether there was anything to lift."""
    change_rules(db, room, rules_rev)
    found = db.execute(select(sanctions.c.nickname, sanctions.c.kind).where(*_of(room, person), _holds())).all()
    lifted = [(nickname, kind) for nickname, kind in found if kind in kinds]
    db.execute(delete(sanctions).where(*_of(room, person), sanctions.c.kind.in_(kinds)))
    for nickname, kind in lifted:
        note(db, room, by, f"un{kind}", whom=(person, nickname))
    return bool(lifted)


def _of(room: str, person: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return sanctions.c.room == room, sanctions.c.person == person


def take_along(db: Connection, former: str, person: str) -> list[str]:
    """Whoever identifies takes along what was decided against them, but where they have a role. What was decided
    against the other one stays where it lasts longer. The rooms."""
    spared = select(roles.c.room).where(roles.c.person == person)
    found = db.execute(select(sanctions).where(sanctions.c.person == former, _holds(), sanctions.c.room.not_in(spared)))
    rooms = []
    for row in sorted(map(plain, found), key=lambda row: str(row["room"])):
        change_rules(db, row["room"], None)
        same = (*_of(row["room"], person), sanctions.c.kind == row["kind"])
        ends = true() if row["until"] is None else sanctions.c.until < row["until"]
        db.execute(delete(sanctions).where(*same, sanctions.c.until.is_not(None), ends))
        db.execute(insert_or_not(sanctions).values(row | {"person": person}).on_conflict_do_nothing())
        rooms.append(row["room"])
    return rooms


def forget_lapsed(db: Connection) -> int:
    """Sanctions that hold no more, and keys that have run out. How many."""
    lapsed = db.execute(delete(sanctions).where(sanctions.c.until < now())).rowcount
    return lapsed + db.execute(delete(keys).where(keys.c.until < now())).rowcount


# --- who is let in where not everybody is ---


def is_admitted(db: Connection, room: str, person: str) -> bool:
    """Let in before, or has said something in the room."""
    return bool(_let_in.first(db, room=room, person=person) or _spoke.first(db, room=room, person=person))


@changes(Changes.PEOPLE)
def admit(db: Connection, *, room: str, persons: Sequence[str]) -> None:
    for person in persons:
        db.execute(insert_or_not(admitted).values(room=room, person=person, at=now()).on_conflict_do_nothing())


# --- keys ---


@changes(Changes.ROOM)
def make_key(
    db: Connection,
    *,
    room: str,
    by: Actor,
    rules_rev: int | None,
    fingerprint: str,
    kind: str,
    uses: int | None,
    until: int | None,
) -> None:
    """A new owner key takes the place of the one before."""
    change_rules(db, room, rules_rev)
    if kind == "owner":
        db.execute(delete(keys).where(keys.c.room == room, keys.c.kind == kind))
    row = {"fingerprint": fingerprint, "room": room, "kind": kind, "uses": uses, "until": until}
    db.execute(insert(keys).values(**row, at=now(), by=by.id))
    note(db, room, by, "owner_key" if kind == "owner" else "invite")


def _use(db: Connection, room: str, fingerprint: str, kind: str, *more: ColumnElement[bool]) -> None:
    """Raises `not_allowed` where it is none, or one of another room, or used up: always in the same words."""
    wanted = (keys.c.fingerprint == fingerprint, keys.c.room == room, keys.c.kind == kind, *more)
    left = or_(keys.c.uses.is_(None), keys.c.uses > 0)
    lasts = or_(keys.c.until.is_(None), keys.c.until > now())
    if not db.execute(update(keys).where(*wanted, left, lasts).values(uses=keys.c.uses - 1)).rowcount:
        raise Refused("not_allowed", FORBIDDEN_KEY)


@changes(Changes.ROOM)
def claim_room(db: Connection, *, room: str, by: Actor, fingerprint: str) -> None:
    """Own the room by its owner key."""
    _use(db, room, fingerprint, "owner")
    change_rules(db, room, None)
    _give(db, room, by.id, "owner", by.id)
    note(db, room, by, "claim")


@changes(Changes.ROOM)
def use_invite(db: Connection, *, room: str, person: str, fingerprint: str) -> None:
    """Be let in by an invite; into a locked room by one of its owners' alone. Whoever was let in before uses none
    up."""
    if not db.scalar(select(exists().where(admitted.c.room == room, admitted.c.person == person))):
        owners = select(roles.c.person).where(roles.c.room == room, roles.c.role == "owner")
        is_locked = room_now(db, room)["locked"]
        _use(db, room, fingerprint, "invite", *([keys.c.by.in_(owners)] if is_locked else []))
        db.execute(insert(admitted).values(room=room, person=person, at=now()))


# --- owners who are away ---


def rooms_without_owner(db: Connection, left_before: int, room: str | None = None) -> list[str]:
    """Rooms all of whose owners have been away since before that, without a reserved name, and that have a moderator.
    room: this one alone."""
    gone = select(people.c.id).where(people.c.left_at < left_before, people.c.passphrase.is_(None))
    other = roles.alias()
    present = exists().where(other.c.room == roles.c.room, other.c.role == "owner", other.c.person.not_in(gone))
    wanted = select(roles.c.room).where(roles.c.role == "moderator", ~present).distinct().order_by(roles.c.room)
    return list(db.execute(wanted if room is None else wanted.where(roles.c.room == room)).scalars())


@changes(Changes.ROOM)
def pass_on(db: Connection, *, room: str, left_before: int) -> tuple[str, str] | None:
    """The eldest moderator owns the room from now on, and its owners do no more: id and nickname. None where it is no
    such room any more."""
    if room not in rooms_without_owner(db, left_before, room=room):
        return None
    change_rules(db, room, None)
    here = roles.c.room == room
    heir: str = db.execute(
        select(roles.c.person).where(here, roles.c.role == "moderator").order_by(roles.c.since, roles.c.person).limit(1)
    ).scalar_one()
    db.execute(delete(roles).where(here, roles.c.role == "owner"))
    _give(db, room, heir, "owner", None)
    whom = _called(db, heir)
    note(db, room, Actor("", "Parlor"), "appoint", whom=whom, reason="owner: those before have been away")
    return whom
