"""Many writes in one transaction, each with its own outcome."""

import contextlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

Ask = Callable[[Connection], Any]

_ITS_OWN_FAULT = (IntegrityError, DataError, ProgrammingError)  # a write's; any other error is the database's


def in_one_transaction(db: Connection, batch: list[Ask]) -> list[Any]:
    """What each of them answers, or the exception it raised. Raises SQLAlchemyError where all failed.

    First without savepoints, which cost as much as a write; only where one is refused, again with them.
    """
    with contextlib.suppress(_OneRefused), db.begin():
        return [_plainly(db, ask) for ask in batch]
    with db.begin():
        return [_apart(db, ask) for ask in batch]


class _OneRefused(Exception):
    """One of a batch raised: the transaction goes, and is tried again with each one apart."""


def _plainly(db: Connection, ask: Ask) -> Any:
    try:
        return ask(db)
    except Exception as error:
        if _of_the_database(error):
            raise
        raise _OneRefused from error


def _apart(db: Connection, ask: Ask) -> Any:
    """One of a batch: what it raises is its own, and its half-done writes go, without touching its neighbours."""
    savepoint = db.begin_nested()
    try:
        answer = ask(db)
    except Exception as error:
        if _of_the_database(error):
            raise
        savepoint.rollback()
        return error
    savepoint.commit()
    return answer


def _of_the_database(error: Exception) -> bool:
    """Full, locked, unreadable: nobody's write will do. Otherwise it is this one that was wrong."""
    return isinstance(error, DBAPIError) and not isinstance(error, _ITS_OWN_FAULT)
