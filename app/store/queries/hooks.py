"""Hooks: addresses at which other programs say something in a room, and those to which its messages are delivered.

What is to be delivered is queued in the transaction that stores the message, so that neither is there without the
other. The events of one hook are numbered; `last` is the newest, `done` the last one that was delivered. One process at
a time works on a hook: `worker`, for as long as that has a lease (leases.py), and no clocks are compared.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from app.model import Refused
from app.store.changes import Changes, changes
from app.store.queries import bots
from app.store.queries.audit import Actor, note
from app.store.queries.people import Name, first_free
from app.store.queries.rooms import change_rules
from app.store.queries.rows import now, plain
from app.store.tables import deliveries, hooks, people, processes

Row = dict[str, Any]

MAX_QUEUED = 5_000  # events of one hook; then it is given up


@changes(Changes.ROOM)
def add_hook(
    db: Connection,
    *,
    room: str,
    by: Actor,
    rules_rev: int | None,
    hook: str,
    person: str,
    wishes: Sequence[Name],
    is_wish: bool,
    held: int,
    fingerprint: str,
    url: str | None,
    host: str,
    most: int,
) -> str:
    """Its nickname: the first of `wishes` that is free; is_wish: only the first one will do, else `nickname_taken`.
    fingerprint: of its secret. host: of `url`, for the audit."""
    change_rules(db, room, rules_rev)
    name = wishes[0] if is_wish else first_free(db, person, wishes, held) or wishes[0]
    bots.let_in(db, room, by, person, name, list(wishes[1:]), held, most)
    row = {"id": hook, "room": room, "person": person, "fingerprint": fingerprint, "url": url, "at": now(), "by": by.id}
    db.execute(insert(hooks).values(**row))
    note(db, room, by, "hook", whom=(person, name[0]), reason=host)
    return name[0]


@changes(Changes.ROOM)
def remove_hook(db: Connection, *, room: str, by: Actor, rules_rev: int | None, hook: str) -> None:
    """Nothing is delivered to it any more, and nobody says anything by it. Raises `no_such_hook`."""
    change_rules(db, room, rules_rev)
    person = db.scalar(select(hooks.c.person).where(hooks.c.id == hook, hooks.c.room == room))
    if person is None:
        raise Refused("no_such_hook", "There is no such hook in this room.")
    db.execute(delete(deliveries).where(deliveries.c.hook == hook))
    db.execute(delete(hooks).where(hooks.c.id == hook))
    nickname, _ = bots.send_away(db, room, person)
    note(db, room, by, "unhook", whom=(person, nickname))


def hooks_of(db: Connection, room: str) -> list[Row]:
    """`[{id, person, nickname, url, at, given_up_at, trouble, last, done}]`, the eldest first."""
    wanted = (
        select(hooks, people.c.nickname)
        .join_from(hooks, people, hooks.c.person == people.c.id)
        .where(hooks.c.room == room)
        .order_by(hooks.c.at, hooks.c.id)
    )
    return [plain(row) for row in db.execute(wanted)]


def hook_with(db: Connection, fingerprint: str) -> Row | None:
    """The one whose secret has this fingerprint: `{id, room, person, nickname, created_at}`."""
    wanted = (
        select(hooks.c.id, hooks.c.room, hooks.c.person, people.c.nickname, people.c.created_at)
        .join_from(hooks, people, hooks.c.person == people.c.id)
        .where(hooks.c.fingerprint == fingerprint)
    )
    found = db.execute(wanted).first()
    return plain(found) if found else None


# --- what is to be delivered ---


@changes(Changes.ROOM)
def and_queue(
    db: Connection,
    /,
    *,
    query: Callable[..., Any],
    event: str,
    room: str,
    hooks: Sequence[str] | None = None,
    **asked: Any,
) -> Any:
    """What `query` does and answers; the message, where something is new, is queued for these hooks; without them for
    those of the room but its author's own."""
    answer = query(db, room=room, **asked)
    if answer[1]:
        message = orjson.dumps(answer[0], option=orjson.OPT_NON_STR_KEYS).decode()
        for hook in sorted(_hooks_for(db, room, answer[0]["author"]) if hooks is None else hooks):
            _queue(db, hook, event, message)
    return answer


def _hooks_for(db: Connection, room: str, author: str) -> Sequence[str]:
    here = and_(hooks.c.room == room, hooks.c.url.is_not(None), hooks.c.given_up_at.is_(None))
    return db.scalars(select(hooks.c.id).where(here, hooks.c.person != author)).all()


def _queue(db: Connection, hook: str, event: str, message: str) -> None:
    here = and_(hooks.c.id == hook, hooks.c.given_up_at.is_(None), ~hooks.c.is_full)
    claim = update(hooks).where(here, hooks.c.last - hooks.c.done < MAX_QUEUED).values(last=hooks.c.last + 1)
    number = db.execute(claim.returning(hooks.c.last)).scalar()
    if number is None:  # from now on something is missing: it is given up soon, or was
        db.execute(update(hooks).where(here).values(is_full=True))
        return
    db.execute(insert(deliveries).values(hook=hook, number=number, event=event, at=now(), message=message))


def due_hooks(db: Connection, process: str) -> list[str]:
    """Those that this process may work on, and that have something to be delivered now, or are full."""
    waits = and_(hooks.c.last > hooks.c.done, hooks.c.retry_at <= now())
    wanted = select(hooks.c.id).where(
        hooks.c.url.is_not(None), hooks.c.given_up_at.is_(None), or_(hooks.c.is_full, waits), _is_free(process)
    )
    return list(db.execute(wanted.order_by(hooks.c.retry_at, hooks.c.id)).scalars())


def _is_free(process: str) -> ColumnElement[bool]:
    worker = hooks.c.worker
    return or_(worker.is_(None), worker == process, worker.not_in(select(processes.c.id)))


@changes(Changes.PEOPLE)
def claim_hook(db: Connection, *, hook: str, process: str) -> bool:
    """Work on it, until `delivered` or `failed` release it. False where another process does."""
    claim = update(hooks).where(hooks.c.id == hook, hooks.c.given_up_at.is_(None), _is_free(process))
    return bool(db.execute(claim.values(worker=process)).rowcount)


def next_delivery(db: Connection, hook: str, process: str) -> Row | None:
    """The next event of a hook on which this process works: `{room, url, person, is_full, tries, number, event, at,
    message}`; None where there is none. number is null where it has none and is full."""
    wanted = (
        select(
            *(hooks.c.room, hooks.c.url, hooks.c.person, hooks.c.is_full, hooks.c.tries),
            *(deliveries.c.number, deliveries.c.event, deliveries.c.at, deliveries.c.message),
        )
        .outerjoin_from(
            hooks, deliveries, and_(deliveries.c.hook == hooks.c.id, deliveries.c.number == hooks.c.done + 1)
        )
        .where(hooks.c.id == hook, hooks.c.worker == process, hooks.c.given_up_at.is_(None))
    )
    found = db.execute(wanted).first()
    return plain(found) if found and (found.is_full or found.number is not None) else None


@changes(Changes.PEOPLE)
def release_hook(db: Connection, *, hook: str, process: str) -> None:
    db.execute(update(hooks).where(hooks.c.id == hook, hooks.c.worker == process).values(worker=None))


@changes(Changes.PEOPLE)
def delivered(db: Connection, *, hook: str, process: str, number: int) -> bool:
    """The event of this number was. True where this process still works on it, and there is another one; else it is
    released."""
    here = and_(hooks.c.id == hook, hooks.c.worker == process, hooks.c.done == number - 1)
    done = update(hooks).where(here).values(done=number, tries=0, retry_at=0, trouble=None)
    last = db.execute(done.returning(hooks.c.last)).scalar()
    if last is None:
        return False
    db.execute(delete(deliveries).where(deliveries.c.hook == hook, deliveries.c.number <= number))
    if last == number:
        release_hook(db, hook=hook, process=process)
    return bool(last > number)


@changes(Changes.PEOPLE)
def failed(db: Connection, *, hook: str, process: str, after: int, trouble: str) -> None:
    """Try again after so many milliseconds, by whatever process."""
    values = {"tries": hooks.c.tries + 1, "retry_at": now() + after, "trouble": trouble[:200], "worker": None}
    db.execute(update(hooks).where(hooks.c.id == hook, hooks.c.worker == process).values(values))


@changes(Changes.ROOM)
def give_up(db: Connection, *, room: str, hook: str, trouble: str) -> bool:
    """Nothing is delivered to it any more. False where that was so before."""
    change_rules(db, room, None)
    here = and_(hooks.c.id == hook, hooks.c.given_up_at.is_(None))
    values = {"given_up_at": now(), "trouble": trouble[:200], "worker": None}
    person = db.execute(update(hooks).where(here).values(values).returning(hooks.c.person)).scalar()
    if person is None:
        return False
    db.execute(delete(deliveries).where(deliveries.c.hook == hook))
    nickname = db.scalar(select(people.c.nickname).where(people.c.id == person)) or "a hook"
    note(db, room, Actor("", "Parlor"), "hook_failed", whom=(person, nickname), reason=trouble[:200])
    return True
