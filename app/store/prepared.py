"""Statements of the busiest path: written in Core, compiled once, run on the driver's own cursor.

Executing one through Core costs five times what SQLite itself takes for it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ClauseElement


class Prepared:
    """One statement. sets: the columns of an insert that are given."""

    def __init__(self, statement: ClauseElement, sets: Iterable[str] = ()) -> None:
        self._statement, self._sets = statement, list(sets) or None
        self._compiled: dict[str, tuple[str, list[tuple[str, Any]]]] = {}  # by dialect

    def __call__(self, db: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row as the driver has it; None where there is none. Raises DBAPIError, as Core does."""
        dialect = db.dialect
        found = self._compiled.get(dialect.name)
        sql, names = found or self._compile(db)
        given = tuple([values.get(name, default) for name, default in names])
        try:
            cursor = db.connection.driver_connection.execute(sql, given)  # type: ignore[union-attr]
            row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
            cursor.close()
        except dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(sql, dict(values), error, dialect.loaded_dbapi.Error, dialect=dialect) from error
        return row

    def _compile(self, db: Connection) -> tuple[str, list[tuple[str, Any]]]:
        compiled = self._statement.compile(dialect=db.dialect, column_keys=self._sets)
        found = str(compiled), [(name, compiled.params[name]) for name in compiled.positiontup]  # type: ignore[attr-defined]
        self._compiled[db.dialect.name] = found
        return found
