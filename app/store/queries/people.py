"""People: their tokens, their nicknames, where they are connected, when they left.

Arriving at one process and departing from another may be committed at once: each locks the person's row first, so that
the later one sees what the earlier one wrote (SQLite has one writer, and needs no such lock).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, bindparam, exists, func, insert, select, update
from sqlalchemy import delete as remove
from sqlalchemy.exc import IntegrityError

from app.model import Refused, Sentence, is_bot, joined, span
from app.store.changes import Changes, changes
from app.store.prepared import Prepared, Row
from app.store.queries.rows import NotAllNew, insert_or_not, now, page_of, plain
from app.store.queries.tokens import confirm
from app.store.tables import (
    connected,
    directs,
    ignores,
    mentions,
    messages,
    notify,
    people,
    push_subscriptions,
    reactions,
    read_marks,
    roles,
    rules,
    sanctions,
    skeletons,
    tokens,
)

Name = tuple[str, Sequence[str]]  # a nickname, and the skeletons of its looks

ABOUT = ("status", "status_until", "shows_last_seen")
NOTHING_SAID: dict[str, Any] = dict.fromkeys(ABOUT)

MINUTE = 60_000  # milliseconds
LAST_SECOND = 253_402_300_799  # of the year 9999
NAMES_AT_ONCE = 500  # whose skeletons are made anew in one transaction

_ABOUT = (people.c.status, people.c.status_until, people.c.shows_last_seen)

# The statements of coming and going.
_one = people.c.id == bindparam("who")
_by_token = (
    select(
        *(people.c.id, people.c.nickname, people.c.passphrase.is_not(None), people.c.rev, people.c.created_at),
        *_ABOUT,
        *(tokens.c.replaces, tokens.c.confirmed_at, tokens.c.revoked_at, people.c.left_at),
    )
    .join_from(people, tokens)
    .where(tokens.c.fingerprint == bindparam("token"))
)
_whose = Prepared(_by_token)
_whose_locked = Prepared(_by_token.with_for_update(of=people, key_share=True))
_lock = Prepared(select(people.c.id).where(_one).with_for_update(key_share=True))
_make = Prepared(insert(people), sets=("id", "nickname", "created_at", "held", "address"))
_admit = Prepared(insert(tokens), sets=("fingerprint", "person", "created_at"))
_by_look = (
    select(people.c.id, people.c.left_at, people.c.held, people.c.passphrase, people.c.nickname)
    .join_from(people, skeletons)
    .where(skeletons.c.skeleton == bindparam("look"), people.c.id != bindparam("who"))
)
_bearing = Prepared(_by_look)
_holding = Prepared(  # one who comes back now keeps the name, or comes after it was taken
    _by_look.with_for_update(of=people, key_share=True)
)
_unlook = Prepared(remove(skeletons).where(skeletons.c.person == bindparam("who")))
_look = Prepared(insert(skeletons).inline(), sets=("skeleton", "person"))
_new_look = Prepared(  # the key alone would not do: of two who share a look by another rule, the first may have gone
    insert(skeletons)
    .from_select(
        ("skeleton", "person"),
        select(bindparam("look", type_=String), bindparam("who", type_=String)).where(
            ~exists().where(skeletons.c.skeleton == bindparam("look", type_=String))
        ),
    )
    .inline()
)
_call = Prepared(
    update(people).where(_one).values(nickname=bindparam("name"), rev=people.c.rev + 1).returning(people.c.rev)
)
_connect = Prepared(
    insert_or_not(connected).on_conflict_do_nothing(index_elements=("person", "process")), sets=("person", "process")
)
_disconnect = Prepared(
    remove(connected).where(connected.c.person == bindparam("who"), connected.c.process == bindparam("process"))
)
is_connected = exists().where(connected.c.person == people.c.id)
_leave = Prepared(update(people).where(_one, ~is_connected).values(left_at=bindparam("at"), held=bindparam("held")))
_come_from = Prepared(
    update(people)
    .where(_one, people.c.address.is_distinct_from(bindparam("address")))
    .values(address=bindparam("address"))
)
_stay = Prepared(update(people).where(_one, people.c.left_at.is_not(None)).values(left_at=None))


@changes(Changes.PEOPLE)
def arrive(
    db: Connection,
    *,
    token: str,
    wish: Name | None,
    guests: Callable[[], Iterable[Name]],
    held: int,
    new_id: str | None = None,
    keeps_name: bool = False,
    process: str = "",
    brief: int | None = None,
    address: str = "",
) -> dict[str, Any] | None:
    """The person whose token has this fingerprint, connected to `process` from now on: `{id, nickname, reserved, rev,
    created_at, is_renamed?, replaces?}`; `{is_revoked}` where the token is good no longer. Of somebody unknown nothing
    is written, and None is the answer, unless there is a `new_id`: then they are made.

    A wish that is taken is passed over: a known person keeps their name, a new one gets the first of `guests` that is
    free. keeps_name: the wish is that of a new one alone. held: milliseconds that a name stays its owner's after they
    left. brief: that time where nobody is known to keep the token. address: fingerprint of the network from which they
    come, where that is known. replaces: the token in whose place this one was given, and which is revoked by this
    first visit.
    """
    found = _person(_whose_locked.first(db, token=token))
    if found is None:
        if new_id is None:
            return None
        nickname, looks = next(
            (one for one in chain([wish] if wish else [], guests()) if _free(db, new_id, one[1], held)), (None, ())
        )
        newcomer = {"token": token, "new_id": new_id, "process": process, "brief": brief, "address": address}
        [made] = _insert_newcomers(db, [newcomer | {"wish": (nickname, looks)}])
        for look in looks:
            _look.run(db, skeleton=look, person=new_id)
        return made
    if "is_revoked" in found:
        return found
    person, nickname = found["id"], found["nickname"]
    for name, looks in (*([wish] if wish and not keeps_name else ()), *(() if nickname else guests())):
        if name != nickname and not is_bot(person) and _free(db, person, looks, held):
            found |= {"nickname": name, "rev": _bear(db, person, name, looks), "is_renamed": True}
            break
    if former := found.get("replaces"):
        confirm(db, token, former, person)
    stay(db, person, process)  # whoever is known has left, even where their name went to somebody else meanwhile
    if address:
        _come_from.run(db, who=person, address=address)
    return found


def arrive_together(db: Connection, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """What `arrive` does, for several; for newcomers with a few statements for all, of which the database refuses those
    that are not. Raises NotAllNew then; the caller asks for each by itself."""
    if not all(one.get("new_id") and one["wish"] for one in asked):
        return [arrive(db, **one) for one in asked]
    looks = sorted((look, one["new_id"]) for one in asked for look in one["wish"][1])  # in one order: no deadlock
    try:
        made = _insert_newcomers(db, asked)
        if _new_look.run_each(db, [{"look": look, "who": who} for look, who in looks]) != len(looks):
            raise NotAllNew
    except IntegrityError:
        raise NotAllNew from None
    return list(made)


def _insert_newcomers(db: Connection, newcomers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A new person has no previous name to release and no departure to clear. Each is as `arrive` is asked, under a
    `wish` that is free, whose looks the caller inserts."""
    at = now()
    in_order = sorted(newcomers, key=itemgetter("new_id"))
    _make.run_each(
        db,
        [
            {"id": one["new_id"], "nickname": one["wish"][0], "created_at": at}
            | {"held": one.get("brief"), "address": one.get("address") or None}
            for one in in_order
        ],
    )
    _admit.run_each(db, [{"fingerprint": one["token"], "person": one["new_id"], "created_at": at} for one in in_order])
    _connect.run_each(db, [{"person": one["new_id"], "process": one.get("process", "")} for one in in_order])
    told = {"reserved": False, "rev": 0, "created_at": at} | NOTHING_SAID
    return [{"id": one["new_id"], "nickname": one["wish"][0]} | told for one in newcomers]


def whose(db: Connection, token: str) -> dict[str, Any] | None:
    """The person whose token has this fingerprint: `{id, nickname, reserved, rev, created_at, left_at, replaces?}`, or
    `{is_revoked}`."""
    return _person(_whose.first(db, token=token))


def _person(found: Row | None) -> dict[str, Any] | None:
    if found is None:
        return None
    id, nickname, reserved, rev, created_at, *about, replaces, confirmed_at, revoked_at, left_at = found
    if revoked_at is not None:
        return {"is_revoked": True}
    person = {"id": id, "nickname": nickname, "reserved": bool(reserved), "rev": rev, "created_at": created_at}
    person |= dict(zip(ABOUT, about, strict=True))
    person["left_at"] = left_at
    return person | {"replaces": replaces} if replaces and confirmed_at is None else person


@changes(Changes.PEOPLE)
def confirm_token(db: Connection, token: str) -> str | None:
    """Somebody holds this token. The one that it replaces, where it was good until now."""
    found = whose(db, token)
    former: str | None = found.get("replaces") if found else None
    if found and former:
        confirm(db, token, former, found["id"])
    return former


def first_free(db: Connection, person: str, names: Sequence[Name], held: int) -> Name | None:
    """The first of these names that this person, of whom nothing is stored, could bear now."""
    at = now()
    return next((one for one in names if _is_free(db, person, one, held, at)), None)


def free_names(db: Connection, names: Sequence[Name], held: int) -> list[Name]:
    """Those of these names that somebody of whom nothing is stored could bear now."""
    at = now()
    return [one for one in names if _is_free(db, "", one, held, at)]


def _is_free(db: Connection, person: str, name: Name, held: int, at: int) -> bool:
    return not any(_is_held(row, held, at) for row in _bearers(db, person, name[1]))


@changes(Changes.PEOPLE)
def claim(db: Connection, *, person: str, name: Name, held: int, spare: Sequence[Name]) -> int:
    """Give `person` the nickname. Returns their rev. Raises `nickname_taken`, with the first of `spare` that is free as
    `suggestion`."""
    nickname, looks = name
    _lock.first(db, who=person)
    if not _free(db, person, looks, held):
        free = next((other for other, shapes in spare if _free(db, person, shapes, held)), None)
        raise taken(nickname, _holders(db, person, looks), held, free)
    return _bear(db, person, nickname, looks)


def taken(wish: str, holders: set[Row], held: int, free: str | None) -> Refused:
    """Whose the name is, and until when: reserved, borne by somebody who is here, or kept for somebody who left.
    holders: as `_holders`."""
    reserved = [name for *_, passphrase, name in holders if passphrase]
    here = [name for id, left_at, *_, name in holders if left_at is None or is_bot(id)]
    name = (reserved or here or [max(holders, key=lambda one: one[1])[-1]])[0]
    is_like, borne = name != wish, {"wish": wish, "name": name}
    extra: dict[str, Any] = {"suggestion": free} if free else {}
    if reserved:
        text = Sentence("“{name}” is reserved.", name=name)
        if is_like:
            text = Sentence("“{wish}” looks like “{name}”, which is reserved.", **borne)
        text = joined(text, _identify_or_choose(free))
        return Refused("nickname_taken", text, holder="reserved", reserved=True, **extra)
    if here:
        text = Sentence("Somebody here is called “{name}”.", name=name)
        if is_like:
            text = Sentence("Somebody here is called “{name}”, and “{wish}” looks like it.", **borne)
        return Refused("nickname_taken", joined(text, _choose(free)), holder="here", **extra)
    left_at, until = max(one[1] for one in holders), max(_until(one, held) for one in holders)
    times = {"ago": _ago(now() - left_at), "time": span((until - now()) / 1000)}
    text = Sentence("“{name}” is kept for somebody who left {ago}, for {time} more.", name=name, **times)
    if is_like:
        text = Sentence(
            "“{wish}” looks like “{name}”, which is kept for somebody who left {ago}, for {time} more.",
            **borne,
            **times,
        )
    text = joined(text, _come_back_or_choose(free))
    return Refused("nickname_taken", text, holder="away", until=_iso(until), **extra)


def _identify_or_choose(free: str | None) -> Sentence:
    if free is None:
        return Sentence("If it is yours, identify yourself with its passphrase; otherwise choose another name.")
    return Sentence(
        "If it is yours, identify yourself with its passphrase; otherwise choose another name, for example {free}.",
        free=free,
    )


def _choose(free: str | None) -> Sentence:
    if free is None:
        return Sentence("Please choose another name.")
    return Sentence("Please choose another name, for example {free}.", free=free)


def _come_back_or_choose(free: str | None) -> Sentence:
    if free is None:
        return Sentence("If that was you, come back in the browser that you used; otherwise choose another name.")
    return Sentence(
        "If that was you, come back in the browser that you used; otherwise choose another name, for example {free}.",
        free=free,
    )


def _until(holder: Row, held: int) -> int:
    """When the name of somebody who left is free."""
    _, left_at, brief, *_ = holder
    return int(left_at + (held if brief is None else min(brief, held)))


def _ago(milliseconds: int) -> Sentence:
    """How long something is past: in whole minutes."""
    minutes = milliseconds // MINUTE
    return Sentence("{time} ago", time=span(minutes * 60)) if minutes else Sentence("a moment ago")


def _iso(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(min(milliseconds / 1000, LAST_SECOND), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _bear(db: Connection, person: str, nickname: str, looks: Sequence[str]) -> int:
    """Returns the person's rev."""
    _unlook.run(db, who=person)
    for look in looks:
        _look.run(db, skeleton=look, person=person)
    return _call.first(db, who=person, name=nickname)[0]  # type: ignore[index, no-any-return]


def _free(db: Connection, person: str, looks: Sequence[str], held: int) -> bool:
    """Is the name free for this person? One whose owner has been away too long is taken from them."""
    holders = _holders(db, person, looks)
    at = now()
    if any(_is_held(holder, held, at) for holder in holders):
        return False
    for holder, *_ in holders:
        _unlook.run(db, who=holder)
        _call.first(db, who=holder, name=None)
    return True


def _is_held(holder: Row, held: int, at: int) -> bool:
    id, left_at, _, passphrase, _ = holder
    return bool(passphrase) or is_bot(id) or left_at is None or _until(holder, held) > at


def _bearers(db: Connection, person: str, looks: Sequence[str]) -> set[Row]:
    """As `_holders`, and nothing is locked."""
    return {holder for look in looks for holder in _bearing.all(db, look=look, who=person)}


def _holders(db: Connection, person: str, looks: Sequence[str]) -> set[Row]:
    """The others who bear a name that looks like this in one way or the other: (id, left_at, held, passphrase,
    nickname)."""
    return {holder for look in looks for holder in _holding.all(db, look=look, who=person)}


@changes(Changes.PEOPLE)
def reserve(db: Connection, *, person: str, passphrase: str | None) -> int:
    """Keep the person's nickname for them, for ever; None: no longer. `passphrase` is its argon2 hash. Returns the
    person's rev."""
    since = now() if passphrase else None
    values = {"passphrase": passphrase, "reserved_at": since, "rev": people.c.rev + 1}
    rev: int = db.execute(
        update(people).where(people.c.id == person).values(values).returning(people.c.rev)
    ).scalar_one()
    return rev


def reserved(db: Connection, nickname: str, looks: Sequence[str]) -> dict[str, Any] | None:
    """Who reserved this name, or else one that looks like it: `{id, nickname, passphrase, rev}`."""
    wanted = (
        select(people.c.id, people.c.nickname, people.c.passphrase, people.c.rev, people.c.created_at, *_ABOUT)
        .join_from(people, skeletons)
        .where(skeletons.c.skeleton.in_(looks), people.c.passphrase.is_not(None))
        .order_by(people.c.nickname != nickname, people.c.id)
    )
    found = db.execute(wanted).first()
    return plain(found) if found else None


@changes(Changes.PEOPLE)
def set_about(db: Connection, *, person: str, status: str, until: int | None, shows_last_seen: bool) -> int:
    """What somebody says of themselves. Returns the person's rev."""
    values = {"status": status or None, "status_until": until, "shows_last_seen": shows_last_seen}
    change = update(people).where(people.c.id == person).values(values | {"rev": people.c.rev + 1})
    rev: int = db.execute(change.returning(people.c.rev)).scalar_one()
    return rev


def about_person(db: Connection, person: str) -> dict[str, Any] | None:
    """`{id, nickname, reserved, created_at, left_at, status, status_until, shows_last_seen}`"""
    known = (people.c.id, people.c.nickname, people.c.passphrase.is_not(None).label("reserved"))
    found = db.execute(select(*known, people.c.created_at, people.c.left_at, *_ABOUT).where(people.c.id == person))
    row = found.first()
    return plain(row) if row else None


def bearer(db: Connection, nickname: str, looks: Sequence[str]) -> str | None:
    """Who bears this name, or else one that looks like it."""
    wanted = select(people.c.id).join_from(people, skeletons).where(skeletons.c.skeleton.in_(looks))
    found: str | None = db.scalar(wanted.order_by(people.c.nickname != nickname, people.c.id).limit(1))
    return found


def rule(db: Connection, name: str) -> str | None:
    """By which version of the rule what is stored was made."""
    found: str | None = db.scalar(select(rules.c.version).where(rules.c.name == name))
    return found


@changes(Changes.PEOPLE)
def set_rule(db: Connection, name: str, version: str) -> None:
    db.execute(remove(rules).where(rules.c.name == name))
    db.execute(insert(rules).values(name=name, version=version))


@changes(Changes.PEOPLE)
def look_anew(db: Connection, *, after: str, looks_of: Callable[[str], Sequence[str]]) -> str | None:
    """Make the skeletons of some hundred names anew, from the person behind `after` on; the last one of them, or None
    where there are no more. Of two names that look the same now, both stay."""
    wanted = select(people.c.id, people.c.nickname).where(people.c.id > after, people.c.nickname.is_not(None))
    locked = wanted.order_by(people.c.id).limit(NAMES_AT_ONCE).with_for_update(key_share=True)
    found = db.execute(locked).all()
    stored: dict[str, set[str]] = {person: set() for person, _ in found}
    for skeleton, person in db.execute(
        select(skeletons.c.skeleton, skeletons.c.person).where(skeletons.c.person.in_(stored))
    ):
        stored[person].add(skeleton)
    for person, nickname in found:
        looks = {look for look in looks_of(nickname) if look}
        if looks != stored[person]:
            _unlook.run(db, who=person)
            db.execute(insert(skeletons), [{"skeleton": one, "nth": _next(db, one), "person": person} for one in looks])
    return found[-1][0] if found else None


def _next(db: Connection, skeleton: str) -> int:
    last: int | None = db.scalar(select(func.max(skeletons.c.nth)).where(skeletons.c.skeleton == skeleton))
    return 0 if last is None else last + 1


@changes(Changes.PEOPLE)
def renew_token(db: Connection, *, token: str, replaces: str, person: str, process: str) -> None:
    """A token for this person, who is connected to `process` with it. The one in whose place it is given stays as it is
    until somebody comes with the new one."""
    db.execute(insert(tokens).values(fingerprint=token, person=person, created_at=now(), replaces=replaces))
    stay(db, person, process)


@changes(Changes.PEOPLE)
def depart(db: Connection, person: str, process: str = "", brief: int | None = None) -> None:
    """Nobody of this person is connected to `process` any more. With the last process, the time begins after which the
    name is free for others. brief: milliseconds of it, where it is not the usual."""
    _lock.first(db, who=person)
    _disconnect.run(db, who=person, process=process)
    _leave.run(db, who=person, at=now(), held=brief)


@changes(Changes.PEOPLE)
def stay(db: Connection, person: str, process: str) -> None:
    """The person is connected to `process`; of another history's nothing is known here."""
    if _lock.first(db, who=person) is None:
        return
    _connect.run(db, person=person, process=process)
    _stay.run(db, who=person)


def _is_unused(left_before: int) -> ColumnElement[bool]:
    """A guest who never said anything, reacted to nothing, has no role and no room of two, against whom nothing was
    decided, and who holds no name: the time for which it was held is over with `left_before`."""
    return and_(
        people.c.left_at < left_before,
        people.c.passphrase.is_(None),
        ~exists().where(messages.c.author == people.c.id),
        ~exists().where(reactions.c.person == people.c.id),
        ~exists().where(roles.c.person == people.c.id),
        ~exists().where(sanctions.c.person == people.c.id),
        ~exists().where(directs.c.one == people.c.id),
        ~exists().where(directs.c.other == people.c.id),
    )


def unused_guests(db: Connection, after: str, left_before: int, limit: int) -> tuple[list[str], str | None]:
    """Of the next `limit` people after this one, the guests that are unused; and the last one who was looked at, None
    where there are no more."""
    return page_of(db, people.c.id, _is_unused(left_before), after, limit)


@changes(Changes.PEOPLE)
def forget_guests(db: Connection, ids: Sequence[str], left_before: int) -> int:
    """Those of them who are still unused; their tokens name nobody any more. How many."""
    still = select(people.c.id).where(people.c.id.in_(ids), _is_unused(left_before)).with_for_update(of=people)
    gone = db.execute(still).scalars().all()
    for of_them in (
        *(tokens.c.person, skeletons.c.person, ignores.c.person, ignores.c.ignored),
        *(mentions.c.person, push_subscriptions.c.person, notify.c.person, read_marks.c.person),
    ):
        db.execute(remove(of_them.table).where(of_them.in_(gone)))
    return db.execute(remove(people).where(people.c.id.in_(gone))).rowcount
