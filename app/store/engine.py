"""What all databases share: the schema brought up to date, one transaction, the refusal where it cannot be."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from app.model import Refused, Sentence

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))  # revision
RETRY_AFTER = 2.0  # seconds, told to who could not be served

_alembic = threading.Lock()  # its context is one for the whole process


class CannotUpgrade(Exception):
    """Why the schema cannot be brought up to date, in one line."""


def upgrade(db: Connection) -> None:
    """Bring the schema up to date, in the transaction that is open. Raises DBAPIError, CannotUpgrade."""
    if _revision(db) != NEWEST:
        migrate(db, NEWEST)


def _revision(db: Connection) -> str | None:
    """None where there is no schema yet."""
    if not inspect(db).has_table("alembic_version"):
        return None
    found: str | None = db.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def migrate(db: Connection, revision: str) -> None:
    """Bring the schema to this revision. Raises DBAPIError, CannotUpgrade."""
    from alembic import command  # here: to import it takes a tenth of a start, and most starts find nothing to do
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = db
    try:
        with _alembic:
            command.upgrade(config, revision)
    except CommandError as error:
        raise CannotUpgrade(str(error)) from error


def transaction(db: Connection, begin: str, ask: Callable[..., T], *args: Any) -> T:
    """What `ask` answers, from `begin` to COMMIT by the driver itself; rolled back where it raises. In Core's eyes its
    connection is in one transaction for as long as it lives, and Core's own way to a real one takes as long again as a
    message's work. Raises DBAPIError; its statement is COMMIT where nobody knows whether all is stored."""
    driver: Any = db.connection.dbapi_connection
    error_kind = db.dialect.loaded_dbapi.Error
    doing = begin
    try:
        driver.execute(begin)
        answer = ask(db, *args)
        doing = COMMIT
        driver.commit()
    except BaseException as error:
        with contextlib.suppress(error_kind):  # it failed already, and says why below
            driver.rollback()
        if isinstance(error, error_kind):
            raise DBAPIError.instance(doing, None, error, error_kind, dialect=db.dialect) from error
        raise
    return answer


COMMIT = "COMMIT"


def unavailable(reason: object) -> Refused:
    """The database's own reason, as a sentence that says that nothing acked is lost."""
    text = Sentence(
        "The message store cannot be reached just now ({reason}). Nothing that was confirmed is lost.", reason=reason
    )
    return Refused("storage", text, retry_after=RETRY_AFTER)
