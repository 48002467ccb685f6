"""Many writes in one transaction, each with its own outcome."""

import asyncio
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from app.store import queries
from app.store.engine import transaction

_AT_ONCE: dict[Callable[..., Any], Callable[..., list[Any]]] = {
    queries.insert_message: queries.insert_messages
}  # the keywords of each

_ITS_OWN_FAULT = (IntegrityError, DataError, ProgrammingError)  # a write's; any other error is the database's


class Write:
    """One question that waits for its turn in a transaction, and who waits for its answer."""

    __slots__ = ("args", "ask", "done", "kwargs", "no_room", "room")

    def __init__(
        self,
        ask: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        done: asyncio.Future[Any],
        room: str | None,
        no_room: bool,
    ) -> None:
        """room: of which alone something changes; None: of any, unless `no_room`."""
        self.ask, self.args, self.kwargs, self.done = ask, args, kwargs, done
        self.room, self.no_room = room, no_room

    def settle(self, outcome: Any) -> None:
        if self.done.done():  # whoever asked has gone
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


def in_one_transaction(db: Connection, batch: list[Write]) -> list[Any]:
    """What each of them answers, or the exception it raised. Raises SQLAlchemyError where all failed.

    First those that are alike together; where one of them was said before, each by itself. And without savepoints,
    which cost as much as a write; only where one is refused, again with them.
    """
    for write in (_together, _in_turn):
        try:
            return transaction(db, write, batch)
        except queries.NotAllNew:  # the transaction is gone, as with every exception
            continue
        except Exception as error:
            if _of_the_database(error):
                raise
            break
    return transaction(db, _each_apart, batch)


def _in_turn(db: Connection, batch: list[Write]) -> list[Any]:
    return [one.ask(db, *one.args, **one.kwargs) for one in batch]


def _together(db: Connection, batch: list[Write]) -> list[Any]:
    """In their order; of those that follow their like, all at once where there is a way to."""
    outcomes: list[Any] = []
    for ask, run in groupby(batch, attrgetter("ask")):
        alike = list(run)
        if len(alike) > 1 and ask in _AT_ONCE:
            outcomes += _AT_ONCE[ask](db, [one.kwargs for one in alike])
        else:
            outcomes += _in_turn(db, alike)
    return outcomes


def _each_apart(db: Connection, batch: list[Write]) -> list[Any]:
    return [_apart(db, one) for one in batch]


def _apart(db: Connection, one: Write) -> Any:
    """One of a batch: what it raises is its own, and its half-done writes go, without touching its neighbours."""
    savepoint = db.begin_nested()
    try:
        answer = one.ask(db, *one.args, **one.kwargs)
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
