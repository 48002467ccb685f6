"""What a database holds, whole: to see that something that was refused has changed nothing."""

from typing import Any

from sqlalchemy import Connection, select

from app.store.tables import metadata

CLOCKS = ("processes", "read_marks", "search_rooms")  # change by themselves, or a moment later

Rows = list[tuple[Any, ...]]


def dump(db: Connection) -> dict[str, Rows]:
    """All rows of all tables, by the table's name."""
    tables = [table for table in metadata.sorted_tables if table.name not in CLOCKS]
    return {table.name: sorted(map(tuple, db.execute(select(table))), key=repr) for table in tables}


def differences(before: dict[str, Rows], after: dict[str, Rows]) -> dict[str, Rows]:
    """By table, the rows that are in one of the two alone."""
    found = {
        name: [one for one in after[name] + before[name] if (one in before[name]) != (one in after[name])]
        for name in before
    }
    return {name: rows for name, rows in found.items() if rows}
