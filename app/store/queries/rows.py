"""What all questions share."""

import time
from typing import Any

from sqlalchemy import Row


def now() -> int:
    return time.time_ns() // 1_000_000


def plain(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """A row as a dict of plain strings: the column names of a row are a subclass that JSON writers refuse."""
    return {str(name): value for name, value in row._mapping.items()}
