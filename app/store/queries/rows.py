"""What all questions share."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select
from sqlalchemy.dialects.postgresql import insert as insert_or_not  # SQLite says the same in the same words

__all__ = ["NotAllNew", "end_of_moment", "insert_or_not", "now", "page_of", "plain"]


class NotAllNew(Exception):
    """Of several that were to be inserted by a few statements, one is known, or cannot be inserted so."""


def now() -> int:
    return time.time_ns() // 1_000_000


def plain(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """A row as a dict of plain strings: the column names of a row are a subclass that JSON writers refuse."""
    return {str(name): value for name, value in row._mapping.items()}


def end_of_moment(found: Sequence[dict[str, Any]], limit: int) -> int:
    """How many of these messages, the newest first, make a page of `limit`: with all of the moment in which the last of
    them was said, for the next page begins before it."""
    end = min(limit, len(found))
    while 0 < end < len(found) and found[end]["at"] == found[end - 1]["at"]:
        end += 1
    return end


def page_of(
    db: Connection, key: ColumnElement[str], wanted: ColumnElement[bool], after: str, limit: int
) -> tuple[list[str], str | None]:
    """Of the next `limit` rows behind this key, the keys of those that are wanted; and the last key that was looked at,
    None where there are no more."""
    found = db.execute(select(key, wanted).where(key > after).order_by(key).limit(limit)).all()
    return [one for one, is_wanted in found if is_wanted], found[-1][0] if len(found) == limit else None
