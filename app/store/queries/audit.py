"""What moderators did, and what was reported to them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from app.store.changes import Changes, changes
from app.store.queries.rooms import check_rules, room_now
from app.store.queries.rows import now, plain
from app.store.tables import audit

MAX_ENTRIES = 5_000  # of a room; the oldest go


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, under the nickname of that moment."""

    id: str
    nickname: str


def note(
    db: Connection,
    room: str,
    by: Actor,
    what: str,
    *,
    whom: tuple[str, str] | None = None,
    reason: str | None = None,
    seq: int | None = None,
) -> None:
    """whom: id and nickname. The caller has changed the room's row in this transaction, so that nobody else numbers
    entries now."""
    last = db.scalar(select(func.max(audit.c.number)).where(audit.c.room == room)) or 0
    person, nickname = whom or (None, None)
    entry = {"room": room, "number": last + 1, "at": now(), "who": by.id, "who_name": by.nickname, "what": what}
    db.execute(insert(audit).values(**entry, whom=person, whom_name=nickname, reason=reason or None, seq=seq))
    db.execute(audit.delete().where(audit.c.room == room, audit.c.number <= last + 1 - MAX_ENTRIES))


def noted(db: Connection, room: str, before: int | None, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The last entries before the one of that number, newest first; and whether there are older ones."""
    wanted = select(audit).where(audit.c.room == room).order_by(audit.c.number.desc()).limit(limit + 1)
    found = db.execute(wanted if before is None else wanted.where(audit.c.number < before)).all()
    return [plain(row) for row in found[:limit]], len(found) > limit


@changes(Changes.ROOM)
def report(
    db: Connection, *, room: str, by: Actor, rules_rev: int | None, whom: tuple[str, str], seq: int, text: str
) -> None:
    """A member reports a message to the moderators. Raises StaleRules."""
    check_rules(room_now(db, room)["rules_rev"], rules_rev)
    note(db, room, by, "report", whom=whom, reason=text, seq=seq)
