"""How the database is opened, and brought up to date. The few true differences between databases live here."""

import threading
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_STEP = 0.2  # seconds to wait for another process's lock at a time, so that who stops need not wait for all of it
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


def open_engine(url: URL, begin: str, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions open with `begin`: SQLite's deferred one fails at once when it turns to writing."""
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver opens no transactions of its own
        for pragma in PRAGMAS:
            connection.execute(pragma).close()
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}").close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        """By the driver itself: Core's own way costs as much as a statement's work."""
        error_kind = connection.dialect.loaded_dbapi.Error
        try:
            connection.connection.dbapi_connection.execute(begin).close()  # type: ignore[union-attr]
        except error_kind as error:
            raise DBAPIError.instance(begin, None, error, error_kind, dialect=connection.dialect) from error

    return engine
