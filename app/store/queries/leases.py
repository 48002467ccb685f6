"""Leases: which processes serve this database, and who was connected to one that is gone.

What several processes may find at once (another one is gone) is done by the one that removes its row.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, select, update
from sqlalchemy import delete as remove

from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries.people import is_connected
from app.store.queries.rows import insert_or_not, now
from app.store.tables import connected, people, processes

_processes = Prepared(select(processes))
_renew = Prepared(update(processes).where(processes.c.id == bindparam("process")).values(seen_at=bindparam("at")))


@changes(Changes.PEOPLE)
def begin_lease(db: Connection, *, process: str, host: str, pid: int, version: str) -> None:
    """The process serves from now on. Whoever seems to be here, and is connected to no process that has a lease, has
    left."""
    at = now()
    row = {"id": process, "host": host[:255], "pid": pid, "version": version[:32], "started_at": at, "seen_at": at}
    db.execute(insert_or_not(processes).values(row).on_conflict_do_nothing(index_elements=("id",)))
    _note_departures(db)


def all_leases(db: Connection) -> list[dict[str, Any]]:
    """The processes: `[{id, host, pid, version, started_at, seen_at}]`."""
    return _processes.dicts(db)


@changes(Changes.PEOPLE)
def renew_lease(db: Connection, *, process: str) -> None:
    _renew.run(db, process=process, at=now())


@changes(Changes.PEOPLE)
def end_lease(db: Connection, *, process: str, seen_at: int | None = None) -> bool:
    """The process is gone: those who were connected to it alone have left. seen_at: of the lease that ran out; False
    where it was renewed since, or another process has done this already."""
    mine = processes.c.id == process
    which = mine if seen_at is None else and_(mine, processes.c.seen_at == seen_at)
    if not db.execute(remove(processes).where(which)).rowcount:
        return False
    theirs = people.c.id.in_(select(connected.c.person).where(connected.c.process == process))
    elsewhere = exists().where(connected.c.person == people.c.id, connected.c.process != process)
    _mark_departed(db, and_(theirs, people.c.left_at.is_(None), ~elsewhere))
    db.execute(remove(connected).where(connected.c.process == process))
    return True


@changes(Changes.PEOPLE)
def end_other_leases(db: Connection, *, process: str) -> None:
    """All processes but this one are gone."""
    db.execute(remove(processes).where(processes.c.id != process))
    _note_departures(db)


def connected_to(db: Connection, process: str) -> list[str]:
    """The people who are connected to it."""
    return list(db.execute(select(connected.c.person).where(connected.c.process == process)).scalars())


@changes(Changes.PEOPLE)
def mark_all_departed(db: Connection) -> None:
    """No process serves: whoever a crash left behind as present has left."""
    db.execute(remove(processes))
    _note_departures(db)


def _note_departures(db: Connection) -> None:
    """Those who are connected to no process that has a lease have left."""
    db.execute(remove(connected).where(connected.c.process.not_in(select(processes.c.id))))
    _mark_departed(db, and_(people.c.left_at.is_(None), ~is_connected))


def _mark_departed(db: Connection, gone: ColumnElement[bool]) -> None:
    """For how long their names are held stays as it is. Their rows are locked first, and judged once more by what
    others have committed until then."""
    db.execute(select(people.c.id).where(gone).order_by(people.c.id).with_for_update(key_share=True)).all()
    db.execute(update(people).where(gone).values(left_at=now()))
