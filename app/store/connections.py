"""The connections to one SQLite file: one writes, the others read. Used by threads alone."""

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.model import Refused
from app.store import engine
from app.store.batch import Write, in_one_transaction
from app.store.engine import RETRY_AFTER

T = TypeVar("T")

READERS = 2  # threads
WRITING = "BEGIN IMMEDIATE"  # a deferred one fails at once when it turns to writing
BUSY_STEP = 0.2  # seconds to wait for another process's lock at a time, so that who stops need not wait for all of it
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # an ack means committed, and survives the power cord
    f"PRAGMA busy_timeout={int(BUSY_STEP * 1000)}",
)


def migrate(url: URL) -> None:
    """Bring the schema up to date; with foreign keys off, for SQLite changes a table by making it anew (ALTER TABLE,
    section 7). Raises DBAPIError, CannotUpgrade."""
    opened = open_engine(url, WRITING, foreign_keys=False)
    try:
        with opened.begin() as db:
            engine.upgrade(db)
    finally:
        opened.dispose()


def open_engine(url: URL, begin: str | None, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions open with `begin`. None: who uses it begins and ends its transactions
    (`transaction` below)."""
    opened = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(opened, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver opens no transactions of its own
        for pragma in PRAGMAS:
            connection.execute(pragma).close()
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}").close()

    if begin:
        event.listen(opened, "begin", partial(_begin, begin))
    return opened


def _begin(begin: str, connection: Connection) -> None:
    """By the driver itself: Core's own way costs as much as a statement's work."""
    error_kind = connection.dialect.loaded_dbapi.Error
    try:
        connection.connection.dbapi_connection.execute(begin).close()  # type: ignore[union-attr]
    except error_kind as error:
        raise DBAPIError.instance(begin, None, error, error_kind, dialect=connection.dialect) from error


def transaction(db: Connection, ask: Callable[..., T], *args: Any) -> T:
    return engine.transaction(db, WRITING, ask, *args)


class Connections:
    """Kept while they are open: once the file is moved away, none can be opened."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._reading = open_engine(url, "BEGIN")
        self._writing = open_engine(url, None)
        self._writer: Connection | None = None
        self._idle: list[Connection] = []  # the readers'
        self._asked: set[Connection] = set()  # that are read from now
        self._readers = threading.Semaphore(READERS)
        self._lock_deadline = math.inf  # of waiting for another process's lock, on the monotonic clock

    def open(self) -> None:
        self._idle = [self._reading.connect() for _ in range(READERS)]
        for db in (self.writer, *self._idle):
            db.connection.dbapi_connection.execute("SELECT 1 FROM epochs").close()  # type: ignore[union-attr]

    def close(self) -> None:
        self._drop_writer()
        while self._idle:
            self._idle.pop().close()
        self._reading.dispose()
        self._writing.dispose()

    def set_lock_deadline(self, seconds: float) -> None:
        """From now on wait at most `seconds` for another process's lock; later writes fail at once. 0: what is being
        read at this moment fails, too. From any thread."""
        self._lock_deadline = time.monotonic() + seconds
        for db in tuple(self._asked) if seconds <= 0 else ():
            with contextlib.suppress(SQLAlchemyError, sqlite3.Error):  # it has just been closed
                db.connection.dbapi_connection.interrupt()  # type: ignore[union-attr]

    @property
    def writer(self) -> Connection:
        self._writer = self._writer or self._writing.connect()
        return self._writer

    def _drop_writer(self) -> None:
        """Of a connection that failed nobody knows in which state it is."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @property
    def has_idle(self) -> bool:
        return bool(self._idle)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """As one of the readers."""
        with self._readers:
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Without readers, whose connections are closed meanwhile."""
        for _ in range(READERS):
            self._readers.acquire()
        try:
            yield
        finally:
            self._readers.release(READERS)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Connection]:
        """A reader's connection, in a transaction; kept for the next one unless it failed."""
        try:
            db = self._idle.pop()
        except IndexError:
            db = self._reading.connect()
        self._asked.add(db)
        try:
            with db.begin():
                yield db
        except DBAPIError:
            db.close()
            raise
        finally:
            self._asked.discard(db)
            if not db.closed:
                self._idle.append(db)

    def commit(self, batch: list[Write], busy: float) -> list[Any]:
        """Try again while another process holds the lock: BEGIN IMMEDIATE fails before anything is written."""
        until = time.monotonic() + busy
        while True:
            try:
                return in_one_transaction(self.writer, batch, transaction)
            except SQLAlchemyError as error:
                self._drop_writer()
                is_locked = isinstance(error, DBAPIError) and "locked" in str(error.orig)
                if not is_locked or time.monotonic() > min(until, self._lock_deadline):
                    raise

    def checkpoint(self, what_happened: str) -> None:
        """By a connection that has the journal open, for it need not have a name. Raises Refused."""
        self._drop_writer()  # to the pool, which hands it out again: a new one would open the other file
        pooled = self._writing.raw_connection()
        try:
            busy, *_ = pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            text = f"{what_happened}, and its journal cannot be brought home ({error})."
            raise Refused("storage", text, retry_after=RETRY_AFTER) from error
        finally:
            pooled.close()
        if busy:
            raise Refused("storage", "The database is being read just now.", retry_after=RETRY_AFTER)
