"""Whom somebody ignores: rows of the person, so that they are the same on every device."""

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import delete as remove

from app.model import Refused, Sentence
from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries.rows import insert_or_not, now
from app.store.tables import ignores, people

_lock = Prepared(select(people.c.id).where(people.c.id == bindparam("who")).with_for_update(key_share=True))
_exists = Prepared(select(people.c.id).where(people.c.id == bindparam("who")))
_ignored = Prepared(
    select(ignores.c.ignored).where(ignores.c.person == bindparam("who")).order_by(ignores.c.at, ignores.c.ignored)
)
_add = Prepared(
    insert_or_not(ignores).on_conflict_do_nothing(index_elements=("person", "ignored")),
    sets=("person", "ignored", "at"),
)


def ignored_by(db: Connection, person: str) -> list[str]:
    """The ids of those whom this person ignores, the first one first."""
    return [one for (one,) in _ignored.all(db, who=person)]


@changes(Changes.PEOPLE)
def ignore(db: Connection, *, person: str, other: str, on: bool, most: int) -> list[str]:
    """Ignore somebody from now on, or no longer. Returns all of them. Raises `no_such_person`, `too_many`."""
    _lock.first(db, who=person)  # of two tabs that add one each, the later one sees both
    if not on:
        db.execute(remove(ignores).where(ignores.c.person == person, ignores.c.ignored == other))
        return ignored_by(db, person)
    if _exists.first(db, who=other) is None:
        raise Refused("no_such_person", "There is no such person.")
    known = ignored_by(db, person)
    if other in known:
        return known
    if len(known) >= most:
        raise Refused(
            "too_many", Sentence("One ignores {most} people at most. Stop ignoring one of them first.", most=most)
        )
    _add.run(db, person=person, ignored=other, at=now())
    return [*known, other]
