"""How the database is opened, and brought up to date. The few true differences between databases live here."""

import contextlib
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from app.model import Refused

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_STEP = 0.2  # seconds to wait for another process's lock at a time, so that who stops need not wait for all of it
RETRY_AFTER = 2.0  # seconds, told to who could not be served
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # an ack means committed, and survives the power cord
    f"PRAGMA busy_timeout={int(BUSY_STEP * 1000)}",
)

_alembic = threading.Lock()  # its context is one for the whole process


def migrate(url: URL) -> None:
    """Bring the schema up to date; with foreign keys off, for SQLite changes a table by making it anew (ALTER TABLE,
    section 7). Raises DBAPIError, CommandError."""
    engine = open_engine(url, "BEGIN IMMEDIATE", foreign_keys=False)
    try:
        with engine.begin() as db:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = db
            with _alembic:
                command.upgrade(config, "head")
    finally:
        engine.dispose()


def open_engine(url: URL, begin: str | None, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions open with `begin`: SQLite's deferred one fails at once when it turns to writing.
    None: who uses it begins and ends its transactions (`transaction` below)."""
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver opens no transactions of its own
        for pragma in PRAGMAS:
            connection.execute(pragma).close()
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}").close()

    if begin:
        event.listen(engine, "begin", partial(_begin, begin))
    return engine


def _begin(begin: str, connection: Connection) -> None:
    """By the driver itself: Core's own way costs as much as a statement's work."""
    error_kind = connection.dialect.loaded_dbapi.Error
    try:
        connection.connection.dbapi_connection.execute(begin).close()  # type: ignore[union-attr]
    except error_kind as error:
        raise DBAPIError.instance(begin, None, error, error_kind, dialect=connection.dialect) from error


def transaction(db: Connection, ask: Callable[..., T], *args: Any) -> T:
    """What `ask` answers, from BEGIN IMMEDIATE to COMMIT by the driver itself; rolled back where it raises. For an
    engine without a `begin`: in Core's eyes its connection is in one transaction for as long as it lives, and Core's
    own way to a real one takes as long again as a message's work. Raises DBAPIError."""
    driver: Any = db.connection.dbapi_connection
    error_kind = db.dialect.loaded_dbapi.Error
    doing = "BEGIN IMMEDIATE"
    try:
        driver.execute(doing)
        answer = ask(db, *args)
        doing = "COMMIT"
        driver.commit()
    except BaseException as error:
        with contextlib.suppress(error_kind):  # it failed already, and says why below
            driver.rollback()
        if isinstance(error, error_kind):
            raise DBAPIError.instance(doing, None, error, error_kind, dialect=db.dialect) from error
        raise
    return answer


def unavailable(error: DBAPIError) -> Refused:
    """The database's own reason, as a sentence that says that nothing acked is lost."""
    text = f"The message store cannot be reached just now ({error.orig}). Nothing that was confirmed is lost."
    return Refused("storage", text, retry_after=RETRY_AFTER)
