"""What a database holds, whole: to see that something that was refused has changed nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from app.store.tables import metadata

CLOCKS = ("processes", "read_marks", "search_rooms")  # change by themselves, or a moment later

TABLES = [table for table in metadata.sorted_tables if table.name not in CLOCKS]

Rows = list[tuple[Any, ...]]


def dump(db: Connection) -> dict[str, Rows]:
    """All rows of all tables, by the table's name."""
    return {table.name: sorted(map(tuple, db.execute(select(table))), key=repr) for table in TABLES}


class Watch:
    """Sees what has changed in a file of SQLite's since it looked last."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._version, self._rows = self._look()

    def changes(self) -> dict[str, Rows]:
        """By table, the rows that were not there, or are not any more."""
        if self._db.execute("PRAGMA data_version").fetchone() == self._version:  # nobody has committed anything
            return {}
        before = self._rows
        self._version, self._rows = self._look()
        return differences(before, self._rows)

    def _look(self) -> tuple[Any, dict[str, Rows]]:
        version = self._db.execute("PRAGMA data_version").fetchone()  # before, so that nothing is passed over
        return version, {table.name: self._db.execute(f"SELECT * FROM {table.name}").fetchall() for table in TABLES}


@contextmanager
def watched(path: Path) -> Iterator[Watch]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        yield Watch(db)


def differences(before: dict[str, Rows], after: dict[str, Rows]) -> dict[str, Rows]:
    """By table, the rows that are in one of the two alone."""
    found = {name: set(before[name]) ^ set(after[name]) for name in before}
    return {name: sorted(rows, key=repr) for name, rows in found.items() if rows}
