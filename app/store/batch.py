"""Many writes in one transaction, each with its own outcome."""

import asyncio
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from app.store import queries
from app.store.changes import Changes, changes_of

# A question -> the one that asks many of its kind by a few statements, given the keywords of each.
_COMBINED: dict[Callable[..., Any], Callable[..., list[Any]]] = {
    queries.insert_message: queries.insert_messages,
    queries.arrive: queries.arrive_together,
}

# The same for one that is alone, by the database that can do it in fewer round trips.
_AT_ONCE: dict[tuple[str, Callable[..., Any]], Callable[..., Any]] = {
    ("postgresql", queries.insert_message): queries.insert_at_once,
}

_FAULTS_OF_THE_WRITE = (IntegrityError, DataError, ProgrammingError)  # any other error is the database's

UNIQUE_VIOLATION = "23505"  # PostgreSQL, appendix A
PREPARED_BEFORE = "42P05"  # of a statement's name: a pooler handed us another one's connection


class Write:
    """A question that waits to be asked in a transaction, and the future of its answer."""

    __slots__ = ("args", "ask", "changes", "done", "kwargs")

    def __init__(
        self, ask: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], done: asyncio.Future[Any]
    ) -> None:
        self.ask, self.args, self.kwargs, self.done = ask, args, kwargs, done
        self.changes = changes_of(ask)

    @property
    def room(self) -> str | None:
        """The one of which alone something changes."""
        return self.kwargs["room"] if self.changes is Changes.ROOM else None

    def settle(self, outcome: Any) -> None:
        if self.done.done():  # the caller was cancelled
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


Transaction = Callable[[Connection, Callable[..., list[Any]], list[Write]], list[Any]]


def in_one_transaction(db: Connection, batch: list[Write], transaction: Transaction) -> list[Any]:
    """What each of them answers, or the exception it raised. Raises SQLAlchemyError where all failed.

    First with questions of one kind combined; where one of those was stored before, each by itself. Both
    without savepoints, which cost as much as a write; where one is refused, all again with a savepoint for each.
    transaction: the database's own, which calls its second argument with the connection and the batch.
    """
    for ask_all in (_combined, _in_turn):
        try:
            return transaction(db, ask_all, batch)
        except queries.NotAllNew:  # the transaction is gone, as with every exception
            continue
        except Exception as error:
            if _of_the_database(error):
                raise
            break
    return transaction(db, _each_apart, batch)


def _in_turn(db: Connection, batch: list[Write]) -> list[Any]:
    return [one.ask(db, *one.args, **one.kwargs) for one in batch]


def _combined(db: Connection, batch: list[Write]) -> list[Any]:
    """In their order; neighbours of one kind by one combined question, where there is one."""
    outcomes: list[Any] = []
    for ask, run in groupby(batch, attrgetter("ask")):
        alike = list(run)
        if len(alike) > 1 and ask in _COMBINED:
            outcomes += _COMBINED[ask](db, [one.kwargs for one in alike])
        elif at_once := _AT_ONCE.get((db.dialect.name, ask)):
            outcomes += [at_once(db, **one.kwargs) for one in alike]
        else:
            outcomes += _in_turn(db, alike)
    return outcomes


def _each_apart(db: Connection, batch: list[Write]) -> list[Any]:
    return [_apart(db, one) for one in batch]


def _apart(db: Connection, one: Write) -> Any:
    """One of a batch. If it raises, what it wrote is rolled back, and its neighbours are not touched. Where another
    process was faster by a moment, it is asked again, and finds what that one wrote."""
    for last in (False, False, True):
        savepoint = db.begin_nested()
        try:
            answer = one.ask(db, *one.args, **one.kwargs)
        except Exception as error:
            if _of_the_database(error):
                raise
            savepoint.rollback()
            if last or not _lost_a_race(error):
                return error
        else:
            savepoint.commit()
            return answer
    raise AssertionError


def _lost_a_race(error: Exception) -> bool:
    """True where a row came to be between a look and a write: with several writers only, so never on SQLite."""
    return isinstance(error, IntegrityError) and getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION


def _of_the_database(error: Exception) -> bool:
    """True where the database is full, locked or unreadable; False where this write was wrong by itself."""
    if not isinstance(error, DBAPIError):
        return False
    return not isinstance(error, _FAULTS_OF_THE_WRITE) or getattr(error.orig, "sqlstate", None) == PREPARED_BEFORE
