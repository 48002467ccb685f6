"""What of a test takes long and says little more than what runs each time: `make thorough` runs it all.

A value of a parametrized test that is left for then carries the marker `thorough`; a test that tries many values of
one kind tries a `share` of them.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pytest

IS_THOROUGH = bool(os.environ.get("THOROUGH"))
FEWER = 6

One = TypeVar("One")


def first(values: Iterable[Any], *chosen: Any) -> list[Any]:
    """For `parametrize`: those that are chosen run each time, the others when it is to be thorough."""
    listed = list(values)
    assert set(chosen) <= set(listed), f"{chosen} are not among {listed}"
    return [one if one in chosen else _left(one) for one in listed]


def _left(one: Any) -> Any:
    return pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=pytest.mark.thorough)


def share(count: int) -> int:
    """Of so many values of one kind, how many to try."""
    return count if IS_THOROUGH else max(1, count // FEWER)


def some(values: Sequence[One]) -> Sequence[One]:
    """Every third of these, which one test tries side by side."""
    return values if IS_THOROUGH else values[::3]
