"""Group commit, and the file that may be gone, locked, full or another one.

One thread writes, and takes everything that waits into one transaction: under load a commit is shared by many senders,
at rest a sender waits for nobody. Other threads read. The event loop never touches the file.
"""

import asyncio
import contextlib
import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import uuid4

from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.model import Refused
from app.store import queries
from app.store.batch import Write, in_one_transaction
from app.store.engine import RETRY_AFTER, migrate, open_engine, transaction, unavailable
from app.store.recent import Recent
from app.store.worker import Worker

log = logging.getLogger("parlor.store")

S = TypeVar("S")
T = TypeVar("T")

BUSY = 5.0  # seconds to wait for another process's lock
READERS = 2  # threads
MOST_AT_ONCE = 500  # writes in one transaction
# Seconds from one commit to the next under load: more of them share one, and what is then told leaves in one write.
PACE = 0.04
AT_ONCE = 10  # commits that wait for nobody, after a rest
GONE = "The database file is gone from its place. Put it back, or restart Parlor to begin a new one."


class Database:
    """The memory of one server. Raises Refused("storage") where the database cannot serve."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._reading = open_engine(self.url, "BEGIN")
        self._writing = open_engine(self.url, None)
        self._reader = ThreadPoolExecutor(READERS, "parlor-read")
        self._writer = Worker("parlor-write")
        self._waiting: list[Write] = []
        self._recent = Recent()
        self._committing = False  # or about to
        self._at_rest: asyncio.Future[None] | None = None  # for who waits until nothing is being committed
        self._closing = self._closed = False
        self._due = 0.0  # when the next commit may begin, on the loop's clock
        self._hurry = math.inf  # from when on another process's lock is not waited for, on the monotonic clock
        self._open: Connection | None = None  # the writer's, kept
        self._idle: list[Connection] = []  # the readers', kept
        self._file: tuple[int, int] | None = None  # the one that is open
        self._readers = threading.Semaphore(READERS)
        self.replaced: Callable[[str], None] = lambda _epoch: None  # hears the epoch of a file that took the place

    async def start(self) -> None:
        """Bring the schema up to date, forget who was here. Raises DBAPIError or OSError where that cannot be done."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._prepare)

    def look(self) -> None:
        """Open the file as it is, beside a server that may be running. Raises Refused where there is none."""
        self._loop = asyncio.get_running_loop()
        self._file = self._place()
        if self._file is None:
            raise Refused("storage", f"There is no database at {self.url.database}.")

    def _prepare(self) -> str:
        migrate(self.url)
        with self._writing.connect() as db:
            epoch = transaction(db, _begin_anew)
        # now: once the file is moved away, none can be opened
        self._idle = [self._reading.connect() for _ in range(READERS)]
        self._file = self._place()
        return epoch

    # --- its file ---

    def _place(self) -> tuple[int, int] | None:
        """The file under our name as the file system knows it; None where there is none."""
        try:
            found = os.stat(str(self.url.database))  # noqa: PTH116 - a thousand times a second
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _stay_or_follow(self) -> None:
        """An open file lives on when it is moved away, and what is written to it is gone with it. Raises Refused where
        there is none under our name; one that was put there is opened, and everybody has to come again."""
        place = self._place()
        if self._file and place == self._file:
            return
        if self._file:
            self._empty_journal()
        if place is None:
            raise Refused("storage", GONE, retry_after=RETRY_AFTER)
        log.warning("another database file is in place of the one that was open: it is opened, everybody comes again")
        epoch = self._follow()
        self._loop.call_soon_threadsafe(self._begin_again, epoch)
        raise Refused("storage", "The database was replaced by another one just now.", retry_after=RETRY_AFTER)

    def _begin_again(self, epoch: str) -> None:
        self._recent.forget()
        self.replaced(epoch)

    def _follow(self) -> str:
        for _ in range(READERS):
            self._readers.acquire()
        try:
            self._dispose()
            self._file = None
            return self._prepare()
        except (SQLAlchemyError, CommandError, sqlite3.Error) as error:
            text = f"The database file that is in place now cannot be opened ({error})."
            raise Refused("storage", text, retry_after=RETRY_AFTER) from error
        finally:
            self._readers.release(READERS)

    def _empty_journal(self) -> None:
        """Bring what is still in the journal home to the file that was moved away. The journal keeps its name: SQLite
        would take it for the other file's, and write pages of the one into the other."""
        self._let_go()  # to the pool, which hands it out again: a new one would open the other file
        pooled = self._writing.raw_connection()
        try:
            busy, *_ = pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            text = f"The database file was moved, and its journal cannot be brought home ({error})."
            raise Refused("storage", text, retry_after=RETRY_AFTER) from error
        finally:
            pooled.close()
        if busy:
            raise Refused("storage", "The database is being read just now.", retry_after=RETRY_AFTER)

    # --- its end ---

    def hurry(self, seconds: float) -> None:
        """Wait for another process's lock that much longer, and no more: who then asks is told at once."""
        self._hurry = time.monotonic() + seconds

    async def close(self) -> None:
        """Commit what waits. What another process's lock keeps from being stored now is refused, not waited for."""
        self._closing = True
        self.hurry(0)
        while self._committing:
            self._at_rest = self._at_rest or self._loop.create_future()
            await asyncio.shield(self._at_rest)
        self._closed = True
        for end in (self._reader.shutdown, self._writer.finish):
            await asyncio.to_thread(end)
        self._dispose()

    # --- questions ---

    async def read(self, ask: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Ask a question that changes nothing, as of one moment."""

        def question(db: Connection) -> T:
            return ask(db, *args, **kwargs)

        try:
            return await self._loop.run_in_executor(self._reader, self._ask, question)
        except _Replaced:
            with contextlib.suppress(Refused):
                await self.write(lambda _db: None)  # who writes follows to the other file
            return await self._loop.run_in_executor(self._reader, self._ask, question)

    async def recall(self, room: str, shape: Callable[[T], S], ask: Callable[..., T], *args: Hashable) -> S:
        """`read` of a question about this room alone, in the shape that it is wanted in; from memory where nothing of
        the room has changed since the same was asked. The answer is others', too: nobody may change it."""

        async def asked() -> S:
            return shape(await self.read(ask, room, *args))

        return await self._recent.share(room, (ask, shape, args), asked)

    def _ask(self, ask: Callable[..., T]) -> T:
        try:
            with self._readers:
                if self._file is None or self._place() not in (self._file, None):
                    raise _Replaced("storage", "The database was replaced by one that cannot be opened.")
                with self._lent() as db:
                    return ask(db)
        except DBAPIError as error:
            raise unavailable(error) from error

    @contextlib.contextmanager
    def _lent(self) -> Iterator[Connection]:
        """A reader's connection, in a transaction; kept for the next one unless it failed."""
        if not self._idle and self._place() != self._file:
            raise Refused("storage", GONE, retry_after=RETRY_AFTER)  # SQLite would make an empty one
        try:
            db = self._idle.pop()
        except IndexError:
            db = self._reading.connect()
        try:
            with db.begin():
                yield db
        except DBAPIError:
            db.close()
            raise
        finally:
            if not db.closed:
                self._idle.append(db)

    async def write(self, ask: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Ask a question that changes something; returns once it is committed.

        Writers of one commit go on in the order in which they were committed, without a pause between them: what they
        then tell a room is told in the order of its revs.
        """
        if self._closed:
            raise Refused("storage", "The server stops, and stores nothing any more.", retry_after=RETRY_AFTER)
        room, no_room = kwargs.get("room"), ask in queries.OF_PEOPLE
        waiting = Write(ask, args, kwargs, self._loop.create_future(), room, no_room)
        self._waiting.append(waiting)
        if not self._committing:
            self._committing = True
            self._loop.call_soon(self._in_pace)
        answer: T = await waiting.done
        return answer

    def _in_pace(self) -> None:
        """Whoever asks now and then is served at once; where it goes on and on, a commit waits for company."""
        if self._due > self._loop.time() and len(self._waiting) < MOST_AT_ONCE and not self._closing:
            self._loop.call_later(PACE, self._after_a_pause)
        else:
            self._hand_over()

    def _after_a_pause(self) -> None:
        if len(self._waiting) == 1:  # nobody came: who asks one after the other would only be slowed down
            self._due = 0.0
        self._hand_over()

    def _hand_over(self) -> None:
        self._due = max(self._due, self._loop.time() - AT_ONCE * PACE) + PACE
        batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        self._writer.hand(self._commit_and_report, batch)

    def _commit_and_report(self, batch: list[Write]) -> None:
        outcomes = self._commit(batch)
        self._loop.call_soon_threadsafe(self._settle, batch, outcomes)

    def _settle(self, batch: list[Write], outcomes: list[Any]) -> None:
        for one in batch:  # before anybody is told
            if not one.no_room:
                self._recent.forget(one.room)
        for one, outcome in zip(batch, outcomes, strict=True):
            one.settle(outcome)
        if self._waiting:
            self._in_pace()
            return
        self._committing = False
        if self._at_rest:
            self._at_rest.set_result(None)
            self._at_rest = None

    def _commit(self, batch: list[Write]) -> list[Any]:
        """All of the batch in one transaction; an error instead of a result where one was refused or all failed."""
        try:
            self._stay_or_follow()
            return self._while_locked(batch)
        except Refused as refusal:
            return [refusal] * len(batch)
        except DBAPIError as error:
            log.error("could not commit %d writes: %s", len(batch), error.orig)
            return [unavailable(error)] * len(batch)
        except Exception as error:
            log.exception("could not commit %d writes", len(batch))
            return [error] * len(batch)

    def _while_locked(self, batch: list[Write]) -> list[Any]:
        """Try again while another process holds the lock: BEGIN IMMEDIATE fails before anything is written."""
        until = time.monotonic() + BUSY
        while True:
            try:
                self._open = self._open or self._writing.connect()
                return in_one_transaction(self._open, batch)
            except SQLAlchemyError as error:
                self._let_go()
                is_locked = isinstance(error, DBAPIError) and "locked" in str(error.orig)
                if not is_locked or time.monotonic() > min(until, self._hurry):
                    raise

    def _let_go(self) -> None:
        """The writer's connection: of one that failed nobody knows in which state it is."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _dispose(self) -> None:
        self._let_go()
        while self._idle:
            self._idle.pop().close()
        self._reading.dispose()
        self._writing.dispose()


class _Replaced(Refused):
    """Another file is under our name than the one that is open."""


def _begin_anew(db: Connection) -> str:
    """The epoch of this history. A stop that was none leaves people who seem to be here."""
    queries.nobody_is_here(db)
    return queries.begin_epoch(db, uuid4().hex)
