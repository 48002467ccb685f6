"""Statements of the busiest paths: written in Core, compiled once, run on the driver's own cursor.

Building and executing one through Core costs five to ten times what SQLite itself takes for it.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ClauseElement

Row = tuple[Any, ...]


class Prepared:
    """One statement, asked with the values of its parameters. sets: the columns of an insert that are given.

    Rows are as the driver has them. Raises DBAPIError, as Core does.
    """

    def __init__(self, statement: ClauseElement, sets: Iterable[str] = ()) -> None:
        self._statement, self._sets = statement, list(sets) or None
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._columns = [str(column.key) for column in columns]
        self._compiled: dict[str, tuple[str, list[tuple[str, Any]]]] = {}  # by dialect

    def run(self, db: Connection, **values: Any) -> None:
        self.all(db, **values)

    def first(self, db: Connection, **values: Any) -> Row | None:
        """The first row, of a statement that gives one at most; None where there is none."""
        return next(iter(self.all(db, **values)), None)

    def all(self, db: Connection, **values: Any) -> list[Row]:
        dialect = db.dialect
        sql, names = self._compiled.get(dialect.name) or self._compile(db)
        given = tuple([values.get(name, default) for name, default in names])
        try:
            cursor = db.connection.driver_connection.execute(sql, given)  # type: ignore[union-attr]
            rows: list[Row] = cursor.fetchall()
            cursor.close()
        except dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(sql, values, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
        return rows

    def dicts(self, db: Connection, **values: Any) -> list[dict[str, Any]]:
        """The rows of a select, by the names of its columns."""
        return [dict(zip(self._columns, row, strict=True)) for row in self.all(db, **values)]

    def _compile(self, db: Connection) -> tuple[str, list[tuple[str, Any]]]:
        compiled = self._statement.compile(dialect=db.dialect, column_keys=self._sets)
        names = compiled.positiontup  # type: ignore[attr-defined]
        found = str(compiled), [(name, compiled.params[name]) for name in names]
        self._compiled[db.dialect.name] = found
        return found
