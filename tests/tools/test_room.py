"""The copy of a room: whatever comes, in whatever order, it is shown once and in order of rev."""

import random
from typing import Any

import pytest

from app.tools.client.copy import Copy


def message(rev: int, seq: int | None = None) -> dict[str, Any]:
    return {"seq": seq or rev, "rev": rev, "id": f"id-{seq or rev}", "text": f"as of {rev}"}


def page(*messages: dict[str, Any], more: bool = False, **other: Any) -> dict[str, Any]:
    return {"messages": list(messages), "more": more, **other}


class Shown:
    """A copy, and what was shown of it."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.copy = Copy("lobby", self._hear)

    def _hear(self, event: str, payload: dict[str, Any]) -> None:
        self.events.append(payload["message"]["rev"] if event == "message" else event)

    def begins(self, *messages: dict[str, Any], rev: int) -> None:
        self.copy.room = {"epoch": "one"}
        assert not self.copy.apply_page(page(*messages), rev)
        self.copy.caught_up()
        self.events.clear()


@pytest.fixture
async def shown() -> Shown:
    return Shown()


async def test_who_never_entered_asks_for_the_last_page_and_then_from_there_in_that_history(shown: Shown) -> None:
    assert shown.copy.cursor() == {"room": "lobby"}
    shown.begins(message(7), message(8), rev=8)
    assert shown.copy.cursor() == {"room": "lobby", "after": 8, "epoch": "one"}
    assert shown.copy.floor == 7


async def test_what_is_said_while_one_enters_was_not_said_before(shown: Shown) -> None:
    """Whoever saw somebody enter may speak to them before they have read the first page, which then ends with that."""
    shown.copy.receive(message(8, seq=6) | {"edited": "2026-01-01T00:00:00.000Z"})
    shown.copy.receive({"seq": 6, "rev": 9, "emoji": "☕", "count": 1})
    for rev in (10, 11):
        shown.copy.receive(message(rev, seq=rev - 3))
    shown.begins(message(5), message(9, seq=6), message(10, seq=7), message(11, seq=8), rev=11)
    assert (shown.copy.said_before, shown.copy.last_seq) == (6, 8)


async def test_what_was_said_before_is_all_of_the_first_page_where_nothing_is_heard_meanwhile(shown: Shown) -> None:
    assert shown.copy.said_before == 0
    shown.begins(message(7), message(8), rev=8)
    assert shown.copy.said_before == 8


async def test_in_whatever_order_and_however_often_they_come_they_are_shown_once_in_order(shown: Shown) -> None:
    shown.begins(rev=0)
    heard = [message(rev) for rev in range(1, 51)] * 3
    random.Random(4).shuffle(heard)
    for one in heard:
        shown.copy.receive(one)
    assert shown.events == list(range(1, 51))
    assert [one["seq"] for one in shown.copy.messages] == list(range(1, 51))
    assert not shown.copy.has_gap


async def test_what_comes_too_early_waits_for_what_is_missing(shown: Shown) -> None:
    shown.begins(message(1), rev=1)
    shown.copy.receive(message(3))
    assert shown.events == []
    assert shown.copy.gap.is_set()
    assert shown.copy.has_gap
    shown.copy.receive(message(2))
    assert shown.events == [2, 3]
    assert not shown.copy.has_gap


async def test_a_page_mends_a_gap_and_repeats_nothing(shown: Shown) -> None:
    shown.begins(message(1), rev=1)
    shown.copy.receive(message(4))
    assert shown.copy.apply_page(page(message(2), more=True), 9)
    assert not shown.copy.apply_page(page(message(3), message(4)), 4)
    shown.copy.caught_up()
    assert shown.events == [2, 3, 4]


async def test_what_is_told_while_it_catches_up_is_shown_after_it(shown: Shown) -> None:
    shown.copy.receive(message(3))
    shown.copy.apply_page(page(message(1), message(2)), 2)
    assert shown.events == ["reset", 1, 2]
    shown.copy.caught_up()
    assert shown.events == ["reset", 1, 2, 3]


async def test_a_change_takes_the_place_of_the_message(shown: Shown) -> None:
    shown.begins(message(1), message(2), rev=2)
    shown.copy.receive(message(3, seq=1))
    assert [(one["seq"], one["rev"]) for one in shown.copy.messages] == [(1, 3), (2, 2)]


async def test_a_change_before_the_floor_is_told_and_not_held(shown: Shown) -> None:
    shown.begins(message(11), rev=11)
    shown.copy.receive(message(12, seq=3))
    assert shown.events == [12]
    assert [one["seq"] for one in shown.copy.messages] == [11]
    assert shown.copy.rev == 12


async def test_a_reset_starts_over_even_backwards(shown: Shown) -> None:
    shown.begins(message(1), message(2), message(3), rev=3)
    shown.copy.disconnected()
    assert not shown.copy.apply_page(page(message(1), reset=True), 1)
    shown.copy.caught_up()
    assert (shown.copy.rev, len(shown.copy.messages)) == (1, 1)
    assert shown.events == ["reset", 1]


async def test_what_came_too_early_on_a_lost_connection_is_dropped(shown: Shown) -> None:
    shown.begins(rev=0)
    shown.copy.receive(message(5))
    shown.copy.disconnected()
    assert not shown.copy.has_gap
    assert not shown.copy.live


def reaction(rev: int, count: int, **more: Any) -> dict[str, Any]:
    return {"room": "lobby", "seq": 1, "rev": rev, "emoji": "👍", "on": True, "count": count} | more


async def test_a_reaction_changes_the_message_that_is_held_and_is_told_as_it_looks_then(shown: Shown) -> None:
    shown.begins(message(1), rev=1)
    shown.copy.receive(reaction(3, 9))
    shown.copy.receive(reaction(2, 8, names=["bob"]))
    [held] = shown.copy.messages
    assert (held["rev"], held["reactions"], held["reaction_counts"]) == (3, {"👍": ["bob"]}, {"👍": 9})
    assert shown.events == [2, 3]
    shown.copy.receive(reaction(4, 0, names=[]))
    assert shown.copy.messages == [message(1) | {"rev": 4}]


async def test_a_reaction_to_what_is_not_held_only_counts(shown: Shown) -> None:
    shown.begins(message(7), rev=8)
    shown.copy.receive(reaction(9, 1, names=["bob"]))
    assert (shown.copy.rev, shown.events, shown.copy.messages) == (9, [], [message(7)])
