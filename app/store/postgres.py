"""A PostgreSQL database: what is different there. Many processes may use one at a time, so whoever changes a room locks
its row first; it may go away, hang, be read-only for a while, or be another history when it is back.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
from sqlalchemy import (
    ARRAY,
    Connection,
    NullPool,
    String,
    any_,
    bindparam,
    create_engine,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.model import Refused
from app.store import address, queries
from app.store.address import reason
from app.store.batch import Write, in_one_transaction
from app.store.engine import COMMIT, CannotUpgrade, transaction, unavailable, upgrade
from app.store.notifications import Notifications
from app.store.pool import Pool
from app.store.prepared import Prepared
from app.store.tables import epochs, rooms

log = logging.getLogger("parlor.store")

T = TypeVar("T")

READERS = 3  # threads
CONNECTIONS = READERS + 1
ATTEMPTS = CONNECTIONS + 1  # at a question
OLDEST = 13  # version
READ_LIMIT_S, WRITE_LIMIT_S = 10.0, 6.0  # for a whole transaction, before its connection is cut off
MIGRATION_KEY = 0x5061726C6F72  # of the advisory lock: "Parlor"

# By SET LOCAL, which poolers between us and the server let through. A process that stands still in the middle of a
# transaction holds rooms locked: the server ends it.
_LIMITS = "SET LOCAL statement_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = 3000"
# An ack means committed, and survives the power cord, whatever the server does for others.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
READING = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_LIMITS.format(8000)}"
WRITING = f"BEGIN ISOLATION LEVEL READ COMMITTED; {_LIMITS.format(4000)}; {_DURABLE}"
MIGRATING = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 60000"

# SQLSTATEs (PostgreSQL, appendix A)
AGAIN = ("40001", "40P01", "0A000")  # serialization failure, deadlock, a plan of before a table was changed
LOST = ("57P01", "57P02", "57P03", "57P05", "25P03")  # shut down, crashed, starting, idle too long
NOT_PREPARED = ("26000", "42P05")  # behind a pooler that gives each transaction another server (PgBouncer before 1.21)
READ_ONLY = "25006"

_locked = Prepared(
    select(rooms.c.name)
    .where(rooms.c.name == any_(bindparam("names", type_=ARRAY(String))))
    .order_by(rooms.c.name)
    .with_for_update(key_share=True)
)
_notify = text("SELECT pg_notify(:channel, '')")
_touch = update(epochs).values(epoch=epochs.c.epoch)


class PostgreSQL:
    """One database, opened to serve from it or to read it beside a server. `replaced` is called with the epoch when
    another history took the place of ours: everybody has to come again."""

    readers = READERS

    def __init__(self, url: str, replaced: Callable[[str], None]) -> None:
        """Raises Refused where the address is none."""
        self._parameters = address.parameters(url)
        self.place = address.place(self._parameters)
        self.file: str | None = None
        self._replaced = replaced
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=NullPool,
            pool_reset_on_return=None,
            paramstyle="format",
            use_native_hstore=False,
        )
        self._pool = Pool(self._open, CONNECTIONS)
        self._prepare_threshold: int | None = 5  # uses of a statement before it is prepared
        self._epoch = ""
        self.set_lock_deadline = self._pool.set_deadline
        self.notifications = Notifications(self._connect, self._notify)
        self.trouble: Refused | None = None  # why nothing could be stored at the last try

    # --- opened ---

    def start(self, alone: bool = True) -> None:
        """Bring the schema up to date, one process after the other. Raises Refused."""
        try:
            with self._engine.connect() as db:
                self._epoch = transaction(db, MIGRATING, _prepare)
        except CannotUpgrade as error:
            raise self._unusable(f"it was made by a newer Parlor ({error})") from None
        except SQLAlchemyError as error:
            raise self._unusable(reason(getattr(error, "orig", error))) from None

    def open_existing(self) -> None:
        """Raises Refused."""
        try:
            with self._engine.connect() as db:
                self._epoch = transaction(db, READING, _epoch_of)
        except DBAPIError as error:
            raise self._unusable(reason(error.orig)) from None

    def close(self) -> None:
        self.notifications.stop()
        self._pool.close()

    def _unusable(self, why: str) -> Refused:
        return Refused("storage", f"Messages cannot be stored in DATABASE_URL ({self.place}): {why}.")

    def _connect(self) -> psycopg.Connection[Any]:
        """The driver's. Transactions are ours to begin. Raises psycopg.Error, Refused."""
        driver: psycopg.Connection[Any] = psycopg.connect(
            **self._parameters, autocommit=True, prepare_threshold=self._prepare_threshold
        )
        version, encoding = driver.info.server_version // 10_000, driver.info.parameter_status("server_encoding")
        if version < OLDEST:
            driver.close()
            raise self._unusable(f"its server is PostgreSQL {version}, and {OLDEST} or later is needed")
        if encoding not in (None, "UTF8"):
            driver.close()
            raise self._unusable(f"its encoding is {encoding}, which cannot hold all that people say; UTF8 is needed")
        return driver

    def _open(self) -> Connection:
        """One more for the pool. Raises Refused."""
        try:
            db = self._engine.connect()
            try:
                self._follow(transaction(db, READING, _epoch_of))
            except BaseException:
                db.invalidate()
                raise
        except DBAPIError as error:
            raise unavailable(reason(error.orig)) from error
        return db

    def _follow(self, epoch: str) -> None:
        """The database may have been replaced since we looked last."""
        if epoch == self._epoch:
            return
        log.warning("another history is in the database now: everybody comes again")
        self._epoch = epoch
        self._pool.renew()
        self._replaced(epoch)

    # --- questions ---

    def ask(self, question: Callable[[Connection], T]) -> T:
        """Raises Refused. Where the connection turns out to be lost, again on another: each that the pool holds may
        have been lost in the same moment, one that was being opened just then, too; the next is new."""
        for attempt in range(ATTEMPTS):
            try:
                with self._pool.connection(READ_LIMIT_S) as db:
                    return transaction(db, READING, question)
            except DBAPIError as error:
                if attempt == ATTEMPTS - 1 or not (_is_lost(error) or self._may_ask_again(error)):
                    raise unavailable(reason(error.orig)) from error
        raise AssertionError

    def _notify(self, channel: str) -> None:
        """With nothing to say. Raises Refused."""
        self.ask(lambda db: db.execute(_notify, {"channel": channel}))

    def commit(self, batch: list[Write], busy: float) -> list[Any]:
        """Tried again where nothing can have been stored, for `busy` seconds. Raises Refused."""
        try:
            outcomes = self._commit(batch, time.monotonic() + busy)
        except Refused as refusal:
            self._note(refusal)
            raise
        except DBAPIError as error:
            if _state(error) == READ_ONLY:  # another server may be the one that takes writes now
                self._pool.renew()
            raise self._note(unavailable(reason(error.orig))) from error
        if self.trouble:
            log.warning("messages are stored again")
            self.trouble = None
        self.notifications.committed(
            write for write, one in zip(batch, outcomes, strict=True) if not isinstance(one, Exception)
        )
        for write, outcome in zip(batch, outcomes, strict=True):
            if write.ask is queries.probe and isinstance(outcome, str):
                self._follow(outcome)
        return outcomes

    def _commit(self, batch: list[Write], until: float) -> list[Any]:
        while True:
            try:
                with self._pool.connection(WRITE_LIMIT_S) as db:
                    return in_one_transaction(db, batch, self._write)
            except DBAPIError as error:
                is_lost = _is_lost(error) and error.statement != COMMIT  # there, it may be stored
                if not (is_lost or self._may_ask_again(error)) or time.monotonic() > until:
                    raise
                time.sleep(random.uniform(0, 0.02))  # noqa: S311 - two that met do not meet again

    def _may_ask_again(self, error: DBAPIError) -> bool:
        """The server has rolled it back for a reason that will not be there the next time."""
        state = _state(error)
        if state in NOT_PREPARED and self._prepare_threshold is not None:
            log.warning("a pooler in front of the database knows no prepared statements: we do without")
            self._prepare_threshold = None
            self._pool.renew()
            return True
        return state in AGAIN or state in NOT_PREPARED

    def _write(self, db: Connection, ask_all: Callable[..., list[Any]], batch: list[Write]) -> list[Any]:
        def locked(db: Connection) -> list[Any]:
            if self.trouble:  # a question that writes nothing would succeed on a full disk, or a standby
                db.execute(_touch)
            _lock_rooms(db, batch)
            return ask_all(db, batch)

        return transaction(db, WRITING, locked)

    def _note(self, refusal: Refused) -> Refused:
        if self.trouble is None or self.trouble.text != refusal.text:
            log.warning("nothing can be stored: %s", refusal.text)
        self.trouble = refusal
        return refusal


def _prepare(db: Connection) -> str:
    """The epoch of this history; made where the database is empty. Raises Refused where it is another program's."""
    db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_KEY})
    tables = set(inspect(db).get_table_names())
    is_ours = {"alembic_version", "epochs"} <= tables
    if not is_ours and (others := sorted(tables - set(db.scalars(_of_extensions)))):
        some = ", ".join(others[:3]) + ("..." if len(others) > 3 else "")
        why = f"DATABASE_URL names a database of another program, with tables {some}: give Parlor one of its own."
        raise Refused("storage", why)
    upgrade(db)
    return queries.begin_epoch(db, uuid4().hex)


_of_extensions = text(
    "SELECT relname FROM pg_class JOIN pg_depend ON objid = pg_class.oid AND deptype = 'e'"
    " WHERE classid = 'pg_class'::regclass"
)


def _epoch_of(db: Connection) -> str:
    """Raises Refused where there is no history."""
    if db.scalar(text("SELECT to_regclass('epochs')")) is None or (found := db.scalar(select(epochs.c.epoch))) is None:
        raise Refused("storage", "The database holds no history. Bring it back, or restart Parlor to begin a new one.")
    return str(found)


def _lock_rooms(db: Connection, batch: list[Write]) -> None:
    """Whoever changes a room reads it first. In the order of names, so that no two processes wait for each other."""
    names = sorted({room for write in batch if (room := write.room) is not None})
    claim_first = len(names) == 1 and all(write.ask is queries.insert_message for write in batch)
    if names and not claim_first:  # which locks the row as well
        _locked.all(db, names=names)


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _is_lost(error: DBAPIError) -> bool:
    """The connection is gone, and with it whatever was not committed."""
    state = _state(error)
    if state:
        return state.startswith("08") or state in LOST
    return isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError)
