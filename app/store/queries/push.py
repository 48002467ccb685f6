"""Browsers that are woken for somebody, and whom to wake."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, insert, or_, select
from sqlalchemy import delete as remove

from app.store.changes import Changes, changes
from app.store.queries.rows import insert_or_not, now
from app.store.tables import (
    admitted,
    connected,
    ignores,
    messages,
    notify,
    push_subscriptions,
    read_marks,
    roles,
    secrets,
)

VAPID_KEY = "vapid"  # its name among the secrets

_subscriptions = push_subscriptions.c


class Browser(NamedTuple):
    """Where a browser of a person's is reached, and its keys in base64url. fingerprint: of the endpoint."""

    fingerprint: str
    person: str
    endpoint: str
    p256dh: str
    auth: str


def vapid_key(db: Connection) -> str | None:
    found: str | None = db.scalar(select(secrets.c.value).where(secrets.c.name == VAPID_KEY))
    return found


@changes(Changes.PEOPLE)
def keep_vapid_key(db: Connection, key: str) -> str:
    """The one that is kept: this one, unless another process was faster."""
    db.execute(insert_or_not(secrets).values(name=VAPID_KEY, value=key).on_conflict_do_nothing())
    return vapid_key(db) or key


@changes(Changes.PEOPLE)
def subscribe_push(db: Connection, browser: Browser, most: int) -> None:
    """A browser is one person's; of one person's the newest `most` are kept."""
    unsubscribe_push(db, browser.fingerprint)
    db.execute(insert(push_subscriptions).values(**browser._asdict(), created_at=now()))
    mine = _subscriptions.person == browser.person
    newest = select(_subscriptions.fingerprint).where(mine)
    kept = newest.order_by(_subscriptions.created_at.desc(), _subscriptions.fingerprint).limit(most)
    db.execute(remove(push_subscriptions).where(mine, _subscriptions.fingerprint.not_in(kept)))


@changes(Changes.PEOPLE)
def unsubscribe_push(db: Connection, fingerprint: str, person: str | None = None) -> bool:
    """person: only where it is theirs. Whether there was one."""
    gone = remove(push_subscriptions).where(_subscriptions.fingerprint == fingerprint)
    if person is not None:
        gone = gone.where(_subscriptions.person == person)
    return db.execute(gone).rowcount > 0


def to_wake(db: Connection, *, room: str, author: str, persons: Sequence[str], is_direct: bool) -> list[Browser]:
    """The browsers of those of these people who are connected to no process, do not ignore the author, and have not
    chosen to hear nothing of the room; and who know the room, for they have been there. Of everybody (`persons` is
    empty), those who have chosen something else."""
    person = _subscriptions.person
    here = and_(notify.c.person == person, notify.c.room == room)
    chosen = exists().where(here, notify.c.level != "none")
    knows = or_(
        chosen,
        exists().where(messages.c.author == person, messages.c.room == room),
        exists().where(admitted.c.person == person, admitted.c.room == room),
        exists().where(roles.c.person == person, roles.c.room == room),
        exists().where(read_marks.c.person == person, read_marks.c.room == room),
    )
    wanted = select(*(_subscriptions[name] for name in Browser._fields)).where(
        ~exists().where(connected.c.person == person),
        ~exists().where(ignores.c.person == person, ignores.c.ignored == author),
        ~exists().where(here, notify.c.level == "none"),
        person != author,
    )
    if persons:
        wanted = wanted.where(person.in_(persons))
    if not persons:
        wanted = wanted.where(chosen)
    elif not is_direct:
        wanted = wanted.where(knows)
    return [Browser(*row) for row in db.execute(wanted.order_by(person, _subscriptions.created_at))]
