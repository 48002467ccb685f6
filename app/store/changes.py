"""What a query changes, said beside the query. By that answers in memory are dropped, and rooms are locked."""

import enum
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Changes(enum.Enum):
    NOTHING = enum.auto()
    PEOPLE = enum.auto()  # and nothing of any room
    ROOM = enum.auto()  # that of the keyword `room` alone
    ROOMS = enum.auto()  # any of them


_known: dict[Callable[..., Any], Changes] = {}


def changes(what: Changes) -> Callable[[F], F]:
    """Decorator of a query."""

    def note(query: F) -> F:
        _known[query] = what
        return query

    return note


def changes_of(query: Callable[..., Any]) -> Changes:
    """Of a query that says nothing, nobody knows: any room."""
    return _known.get(query, Changes.ROOMS)
