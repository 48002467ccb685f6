"""The engine, group commit, and the few true differences between databases.

One thread writes, and takes everything that waits into one transaction: under load a commit is shared by many senders,
at rest a sender waits for nobody. Other threads read. The event loop never touches the file.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.store")

T = TypeVar("T")
Ask = Callable[[Connection], Any]
Attempt = Callable[[Connection, Ask], Any]

BUSY = 5.0  # seconds to wait for another process's lock
BUSY_STEP = 0.2  # seconds of it at a time, so that a server that stops need not wait for all of it
READERS = 2  # threads
MOST_AT_ONCE = 500  # writes in one transaction
RETRY_AFTER = 2.0  # seconds, told to who could not be served
MIGRATIONS = Path(__file__).parent / "migrations"

_alembic = threading.Lock()  # its context is one for the whole process

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # an ack means committed, and survives the power cord
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={int(BUSY_STEP * 1000)}",
)


@dataclass(slots=True)
class Write:
    """One question that waits for its turn in a transaction."""

    ask: Ask
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Database:
    """The memory of one server. Raises Refused("storage") where the database cannot serve."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._reading = _engine(self.url, "BEGIN")
        self._writing = _engine(self.url, "BEGIN IMMEDIATE")
        self._reader = ThreadPoolExecutor(READERS, "parlor-read")
        self._writer = ThreadPoolExecutor(1, "parlor-write")
        self._waiting: list[Write] = []
        self._committing: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Bring the schema up to date, forget who was here. Raises DBAPIError or OSError where that cannot be done."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._prepare)

    def _prepare(self) -> None:
        with self._writing.begin() as db:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = db
            with _alembic:
                command.upgrade(config, "head")
            queries.begin_epoch(db, uuid4().hex)
            queries.nobody_is_here(db)

    async def close(self) -> None:
        """Commit what waits. What another process's lock keeps from being stored now is refused, not waited for."""
        self._closing = True
        while self._committing:
            await asyncio.wait([self._committing])
        for pool in (self._reader, self._writer):
            await asyncio.to_thread(pool.shutdown)
        self._reading.dispose()
        self._writing.dispose()

    async def read(self, ask: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Ask a question that changes nothing, as of one moment."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._ask, partial(ask, *args, **kwargs))

    def _ask(self, ask: Callable[..., T]) -> T:
        try:
            with self._reading.begin() as db:
                return ask(db)
        except DBAPIError as error:
            raise unavailable(error) from error

    async def write(self, ask: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Ask a question that changes something; returns once it is committed.

        Writers of one commit go on in the order in which they were committed, without a pause between them: what they
        then tell a room is told in the order of its revs.
        """
        waiting = Write(lambda db: ask(db, *args, **kwargs))
        self._waiting.append(waiting)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        answer: T = await waiting.done
        return answer

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                outcomes = await loop.run_in_executor(self._writer, self._commit, [one.ask for one in batch])
                for one, outcome in zip(batch, outcomes, strict=True):
                    _settle(one.done, outcome)
        finally:
            self._committing = None

    def _commit(self, batch: list[Ask]) -> list[Any]:
        """All of the batch in one transaction; an error instead of a result where one was refused or all failed.

        First without savepoints, which cost as much as a write; only where one is refused, again with them.
        """
        try:
            return self._while_locked(lambda: self._commit_once(batch))
        except DBAPIError as error:
            log.error("could not commit %d writes: %s", len(batch), error.orig)
            return [unavailable(error)] * len(batch)
        except Exception as error:
            log.exception("could not commit %d writes", len(batch))
            return [error] * len(batch)

    def _commit_once(self, batch: list[Ask]) -> list[Any]:
        with contextlib.suppress(_OneRefused):
            return self._commit_with(_plainly, batch)
        return self._commit_with(_apart, batch)

    def _while_locked(self, commit: Callable[[], T]) -> T:
        """Try again while another process holds the lock: BEGIN IMMEDIATE fails before anything is written."""
        until = time.monotonic() + BUSY
        while True:
            try:
                return commit()
            except DBAPIError as error:
                if "locked" not in str(error.orig) or self._closing or time.monotonic() > until:
                    raise

    def _commit_with(self, attempt: Attempt, batch: list[Ask]) -> list[Any]:
        with self._writing.begin() as db:
            return [attempt(db, ask) for ask in batch]


class _OneRefused(Exception):
    """One of a batch raised: the transaction goes, and is tried again with each one apart."""


def _plainly(db: Connection, ask: Ask) -> Any:
    try:
        return ask(db)
    except DBAPIError:
        raise
    except Exception as error:
        raise _OneRefused from error


def _apart(db: Connection, ask: Ask) -> Any:
    """One of a batch: what it raises is its own, and its half-done writes go, without touching its neighbours."""
    savepoint = db.begin_nested()
    try:
        answer = ask(db)
    except DBAPIError:
        raise
    except Exception as error:
        savepoint.rollback()
        return error
    savepoint.commit()
    return answer


def _settle(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.done():  # whoever asked has gone
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def unavailable(error: DBAPIError) -> Refused:
    """The database's own reason, as a sentence that says that nothing acked is lost."""
    text = f"The message store cannot be reached just now ({error.orig}). Nothing that was confirmed is lost."
    return Refused("storage", text, retry_after=RETRY_AFTER)


def _engine(url: URL, begin: str) -> Engine:
    """An engine whose transactions open with `begin`: SQLite's deferred one fails at once when it turns to writing."""
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver opens no transactions of its own
        for pragma in PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
