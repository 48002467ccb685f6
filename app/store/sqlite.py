"""One SQLite file, and what may happen to it while it is open: it is gone, locked, full, overwritten or another one, or
its journal is. Used by threads; the event loop never touches the file.
"""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.model import Refused, Sentence
from app.store import queries
from app.store.batch import Write
from app.store.connections import READERS, Connections, migrate, transaction
from app.store.engine import RETRY_AFTER, CannotUpgrade, unavailable
from app.store.files import DatabaseFile, next_mark
from app.store.journal import Journal
from app.store.lock import ServingLock
from app.store.storage import Replaced

log = logging.getLogger("parlor.store")

T = TypeVar("T")

ALL_EVERY_S = 0.5  # from one look at all the files to the next; in between, at those that hold what is confirmed
GONE = Sentence("The database file is gone from its place. Put it back, or restart Parlor to begin a new one.")
REMOVED = (
    "The database file was removed. What it held was saved as {}: give it its name back, or restart Parlor to begin a "
    "new one."
)


class SQLite:
    """One database, opened to serve from it or to read it beside a server. `replaced` is called with the epoch when
    another history took the place of ours: everybody has to come again."""

    readers = READERS
    notifications = None

    def __init__(self, url: URL, replaced: Callable[[str], None]) -> None:
        path = str(url.database)
        self.file: str | None = path
        self.place = str(Path(path).resolve())
        self._replaced = replaced
        self._file, self._journal, self._connections = DatabaseFile(path), Journal(path), Connections(url)
        self._all_due = 0.0
        self._serves = False  # False: only reads beside a server
        self._epoch = ""
        self._saved: str | None = None  # the copy of a file that was removed
        self.set_lock_deadline = self._connections.set_lock_deadline
        self.trouble: Refused | None = None  # why nothing could be stored at the last try

    # --- opened and closed ---

    def start(self, alone: bool = True) -> None:
        """Open the file to serve from it, made if there is none; not `alone`: another server does so, too, whose people
        are still here. Raises DBAPIError, CannotUpgrade, OSError."""
        self._serves = True
        self._file.create()
        if alone:
            self._journal.adopt(self._file.path)
        try:
            self._epoch = self._prepare(alone)
        except BaseException:
            self._dispose()
            raise

    def open_existing(self) -> None:
        """Open the file as it is. Raises Refused where there is none."""
        if self._journal.has_spare:  # a crash, perhaps, and a journal that was removed: as a server would do
            with contextlib.suppress(OSError), ServingLock(self._file.path) as lock:
                if lock.is_held:
                    self._journal.adopt(self._file.path)
        self._file.open = self._file.place
        if self._file.open is None:
            raise Refused("storage", f"There is no database at {self.file}.")

    def close(self) -> None:
        if self._serves and not self._journal.is_in_place():
            self._journal.give_back()
        self._dispose()
        if self._serves:
            self._journal.remove_spares()

    def _prepare(self, alone: bool = True) -> str:
        migrate(self._connections.url)
        epoch = transaction(self._connections.writer, _begin, alone)
        self._open()
        return epoch

    def _open(self) -> None:
        self._connections.open()
        self._journal.hold()
        self._journal.belongs_to(self._file.hold())

    def _dispose(self) -> None:
        """SQLite first, whose locks go with any descriptor of the file."""
        self._connections.close()
        self._journal.let_go()
        self._file.let_go()

    # --- questions ---

    def ask(self, question: Callable[[Connection], T]) -> T:
        """Raises Refused."""
        try:
            with self._connections.reading():
                place = self._file.place
                if self._file.open is None or place not in (self._file.open, None):
                    raise Replaced("storage", "The database was replaced by one that cannot be opened.")
                if place is None and not self._connections.has_idle:  # SQLite would make an empty one
                    raise Refused("storage", GONE, retry_after=RETRY_AFTER)
                with self._connections.reader() as db:
                    return question(db)
        except DBAPIError as error:
            raise unavailable(error.orig) from error

    def commit(self, batch: list[Write], busy: float) -> list[Any]:
        """What each of them answers, in one transaction; for another process's lock it waits `busy` seconds. The files
        are looked at before, and again before anybody is told: what was committed is where the next start finds it.
        Raises Refused where all failed, or may have."""
        try:
            self._stay_whole()
            outcomes = self._connections.commit(batch, busy)
            self._stay_whole(after_commit=True)
        except Refused as refusal:
            if self.trouble is None or self.trouble.text != refusal.text:
                log.warning("nothing can be stored: %s", refusal.text)
            self.trouble = refusal
            raise
        except DBAPIError as error:
            log.error("could not commit %d writes: %s", len(batch), error.orig)
            self.trouble = unavailable(error.orig)
            raise self.trouble from error
        if self.trouble:
            log.warning("messages are stored again")
            self.trouble = None
        return outcomes

    # --- its files ---

    def _stay_whole(self, after_commit: bool = False) -> None:
        """Go on with the files that are open, mended where that can be done without losing anything; otherwise refuse.
        Only a server does so; a reader beside it leaves that to the server."""
        found = self._file.stat()
        if not self._serves:
            if found is None:
                raise Refused("storage", GONE, retry_after=RETRY_AFTER)
            return
        if found is None:
            self._stay_or_follow()
        if found and self._file.has_changed(found):
            if not after_commit and self._file.is_overwritten(found):
                self._start_over_in_place(found)
            self._file.saw(found)
            self._journal.belongs_to(found)
            if after_commit:  # it ended with a checkpoint
                transaction(self._connections.writer, _count_mark)
        is_due = time.monotonic() > self._all_due
        if not self._journal.is_in_place(and_index=is_due) and not self._journal.give_back():
            self._save_journal()
        if (lost := self._journal.lost_frames()) is not None:
            self._start_over_without_journal(lost)
        if is_due:  # the spares may have been removed, too
            self._journal.keep_spares()
            self._all_due = time.monotonic() + ALL_EVERY_S

    def _stay_or_follow(self) -> None:
        """An open file lives on when it is moved away, and what is written to it is gone with it. Raises Refused where
        there is none under our name; one that was put there is opened, and everybody has to come again."""
        place = self._file.place
        if self._file.open:  # what is in the journal goes home to the file that was moved away; the journal keeps its
            # name: SQLite would take it for the other file's, and write pages of the one into the other
            with self._connections.alone():
                self._connections.checkpoint("The database file was moved")
        if place is None:
            if self._file.open and not self._saved:  # one that was removed would be gone for ever when we end
                with contextlib.suppress(OSError):
                    self._saved = self._file.save_copy_if_removed()
            text = REMOVED.format(self._saved) if self._saved else GONE
            raise Refused("storage", text, retry_after=RETRY_AFTER)
        log.warning("another database file is in place of the one that was open: it is opened, everybody comes again")
        with self._connections.alone():
            self._dispose()
            self._begin_another_history()
        raise Refused("storage", "The database was replaced by another one just now.", retry_after=RETRY_AFTER)

    def _save_journal(self) -> None:
        """The journal has no name any more, and cannot be given one: all that is in it goes into the database file,
        which then gets a new one."""
        with self._connections.alone():
            self._connections.checkpoint("The journal of the database was removed")
            log.warning("the journal of the database was removed; what was in it is saved, and it has a new one")
            self._dispose()
            self._reopen(self._open)

    def _start_over_without_journal(self, lost: int) -> None:
        """It was cut. What the database file holds is whole by itself, as of the last checkpoint."""
        log.error("the journal of the database was cut, and with it %d pages of what was said last", lost)
        with self._connections.alone():
            self._journal.empty()
            self._dispose()
            self._journal.remove()
            if lost:
                self._begin_another_history()
            else:
                self._reopen(self._open)
        text = Sentence("The journal of the database was cut just now.")
        raise Refused("storage", text, retry_after=RETRY_AFTER)

    def _start_over_in_place(self, found: os.stat_result) -> None:
        """The open file was overwritten, by a backup say; the journal is not that one's."""
        if not self._file.is_settled(found):
            text = Sentence(
                "The database file is being overwritten, or was cut. Once a whole one is in its place, it is opened."
            )
            raise Refused("storage", text, retry_after=RETRY_AFTER)
        with self._connections.alone():
            name = self._journal.save_copy()
            log.warning("the database file was overwritten: it is opened anew, everybody comes again; see %s", name)
            self._journal.empty()
            self._dispose()
            self._journal.remove()
            self._begin_another_history()
        raise Refused("storage", "The database was overwritten by another one just now.", retry_after=RETRY_AFTER)

    def _begin_another_history(self) -> None:
        """Of the same name as the one before (it is a backup) it gets another: revs that were told mean other messages
        from now on."""
        epoch = self._reopen(self._prepare)
        if epoch == self._epoch:
            epoch = transaction(self._connections.writer, queries.rename_epoch, uuid4().hex)
        self._epoch, self._saved = epoch, None
        self._replaced(epoch)

    def _reopen(self, open_again: Callable[[], T]) -> T:
        try:
            return open_again()
        except (SQLAlchemyError, CannotUpgrade, sqlite3.Error, OSError) as error:
            self._dispose()
            text = Sentence("The database file that is in place now cannot be opened ({error}).", error=error)
            raise Refused("storage", text, retry_after=RETRY_AFTER) from error


def _begin(db: Connection, alone: bool) -> str:
    """The epoch of this history. A stop that was none leaves people who seem to be here."""
    if alone and queries.unfinished(db) is None:
        queries.mark_all_departed(db)
    _count_mark(db)
    return queries.begin_epoch(db, uuid4().hex)


def _count_mark(db: Connection) -> None:
    """In the header of the file, by which a backup is known that was copied over it (DatabaseFile.is_overwritten)."""
    driver: Any = db.connection.dbapi_connection
    mark = driver.execute("PRAGMA user_version").fetchone()[0]
    driver.execute(f"PRAGMA user_version={next_mark(mark)}").close()
