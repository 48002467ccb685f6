"""Statements of the busiest paths: written in Core, compiled once, run on the driver's own cursor.

Building and executing one through Core costs five to ten times what SQLite itself takes for it.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ClauseElement

T = TypeVar("T")

Row = tuple[Any, ...]
Compiled = tuple[str, Callable[[dict[str, Any]], tuple[Any, ...]], dict[str, Any]]  # SQL, its values in order, defaults


class Prepared:
    """One statement, asked with the values of its parameters. sets: the columns of an insert that are given.

    Rows are as the driver has them. Raises DBAPIError, as Core does.
    """

    def __init__(self, statement: ClauseElement, sets: Iterable[str] = ()) -> None:
        self._statement, self._sets = statement, list(sets) or None
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._columns = [str(column.key) for column in columns]
        self._compiled: dict[str, Compiled] = {}  # by dialect

    def run(self, db: Connection, **values: Any) -> int:
        """How many rows it made, changed or took away."""
        return self._ask(db, values, _count)

    def run_each(self, db: Connection, rows: Iterable[dict[str, Any]]) -> int:
        """Once for each; how many rows all of them made, changed or took away."""
        dialect = db.dialect
        sql, given, defaults = self._compiled.get(dialect.name) or self._compile(db)
        try:
            each = [given(defaults | row if defaults else row) for row in rows]
            cursor = db.connection.cursor()
            cursor.executemany(sql, each)
            count = _count(cursor)
            cursor.close()
        except dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(sql, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
        return count

    def first(self, db: Connection, **values: Any) -> Row | None:
        """The first row, of a statement that gives one at most; None where there is none."""
        return next(iter(self._ask(db, values, _rows)), None)

    def all(self, db: Connection, **values: Any) -> list[Row]:
        return self._ask(db, values, _rows)

    def dicts(self, db: Connection, **values: Any) -> list[dict[str, Any]]:
        """The rows of a select, by the names of its columns."""
        return [dict(zip(self._columns, row, strict=True)) for row in self._ask(db, values, _rows)]

    def _ask(self, db: Connection, values: dict[str, Any], take: Callable[[Any], T]) -> T:
        dialect = db.dialect
        sql, given, defaults = self._compiled.get(dialect.name) or self._compile(db)
        try:
            cursor = db.connection.dbapi_connection.execute(sql, given(defaults | values if defaults else values))  # type: ignore[union-attr]
            found = take(cursor)
            cursor.close()
        except dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(sql, values, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
        return found

    def _compile(self, db: Connection) -> "Compiled":
        compiled = self._statement.compile(dialect=db.dialect, column_keys=self._sets)
        names, binds = compiled.positiontup, compiled.binds  # type: ignore[attr-defined]
        defaults = {name: compiled.params[name] for name in names if not binds[name].required}
        given = itemgetter(*names) if len(names) > 1 else lambda values: tuple(map(values.__getitem__, names))
        self._compiled[db.dialect.name] = found = str(compiled), given, defaults
        return found


def _rows(cursor: Any) -> list[Row]:
    rows: list[Row] = cursor.fetchall()
    return rows


def _count(cursor: Any) -> int:
    count: int = cursor.rowcount
    return count
