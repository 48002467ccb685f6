"""A look into the database beside the server that uses it: SQLite's file, or PostgreSQL by its URL."""

import sqlite3
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

Where = Path | str


class Look:
    """`with Look(where) as look: look.rows("SELECT ... WHERE room = ?", room)`. Each question is as of its own moment.
    Raises OSError, sqlite3.Error or psycopg.Error where the database is away."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._sqlite: sqlite3.Connection | None = None
        self._postgres: psycopg.Connection[dict[str, Any]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for one in (self._sqlite, self._postgres):
            if one is not None:
                one.close()
        self._sqlite = self._postgres = None

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        if isinstance(self._where, Path):
            if self._sqlite is None:
                self._sqlite = sqlite3.connect(f"file:{self._where}?mode=ro", uri=True, isolation_level=None)
                self._sqlite.row_factory = sqlite3.Row
            return [dict(row) for row in self._sqlite.execute(sql, values)]
        if self._postgres is None or self._postgres.closed:
            self._postgres = psycopg.connect(self._where, autocommit=True, row_factory=dict_row, connect_timeout=2)
        return self._postgres.execute(sql.replace("?", "%s"), values).fetchall()
