"""One room's changes leave in the order of rev, whatever order they came in."""

import asyncio
import itertools
import random

import pytest

from app.engineio import Packet
from app.live import order
from app.live.order import Held, RoomOrder


class Room:
    """A room of ten changes, and what its listeners were told."""

    def __init__(self, rev: int | None = 0) -> None:
        self.told: list[str] = []
        self.missing = asyncio.Event()
        self.held = Held()
        self.order = RoomOrder("lobby", lambda packet: self.told.append(str(packet.data)), self._missing, self.held)
        if rev is not None:
            self.order.begin(rev, "")

    def _missing(self, _: RoomOrder) -> None:
        self.missing.set()

    def hears(self, *revs: int) -> None:
        for rev in revs:
            self.order.receive(rev, Packet(str(rev)))


async def a_hole_is_due() -> None:
    """Returns when a hole that began now is to be read: one that began before would have been."""
    later = Room()
    later.hears(2)
    await later.missing.wait()


def told(first: int, last: int) -> list[str]:
    return [str(rev) for rev in range(first, last + 1)]


async def test_any_order_becomes_one() -> None:
    for revs in itertools.permutations(range(1, 6)):
        room = Room()
        room.hears(*revs)
        assert room.told == told(1, 5)
        assert room.held.bytes == 0 and not room.missing.is_set()
        room.order.close()


async def test_a_change_that_comes_again_is_told_once() -> None:
    room = Room()
    revs = [*range(1, 51), *range(1, 51)]
    random.Random(7).shuffle(revs)
    room.hears(*revs)
    assert room.told == told(1, 50)
    assert room.held.doubled == 50
    room.order.close()


async def test_nothing_is_told_before_it_is_known_where_the_room_stands() -> None:
    room = Room(rev=None)
    room.hears(5, 3, 4)
    assert room.told == []
    room.order.begin(3, "")
    assert room.told == told(4, 5)
    assert room.held.bytes == 0


async def test_a_hole_that_stays_is_read() -> None:
    room = Room()
    room.hears(1, 3, 4)
    assert room.told == told(1, 1)
    await room.missing.wait()
    early = room.order.early
    assert room.order.take(2, Packet("2"))
    assert room.told == told(1, 4), "what was held back follows at once"
    room.order.filled(4, early)
    room.hears(5)
    assert room.told == told(1, 5)


async def test_a_hole_that_closes_by_itself_is_not_read() -> None:
    room = Room()
    room.hears(2)
    room.hears(1)
    await a_hole_is_due()
    assert not room.missing.is_set()


async def test_what_only_the_database_knows_of_is_awaited_and_then_read() -> None:
    room = Room()
    assert room.order.expect(2)
    assert not room.order.expect(2), "known"
    await room.missing.wait()


async def test_a_change_that_is_nobody_s_any_more_is_passed_over() -> None:
    """A message changed twice is read once, at the later rev."""
    room = Room()
    room.hears(3)
    await room.missing.wait()
    assert room.order.take(2, Packet("2"))
    room.order.filled(3)
    assert room.told == ["2", "3"] and room.order.rev == 3


async def test_news_that_are_in_no_database_are_dropped() -> None:
    room = Room()
    room.hears(1, 1_000_000)
    await room.missing.wait()
    room.hears(3)
    room.order.filled(2, early=(1_000_000,))
    assert room.told == ["1", "3"], "the third came after the database was asked"
    assert room.held.false == 1 and room.held.bytes == 0
    assert not room.order.expect(3)


async def test_a_database_that_cannot_be_read_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "RETRY_S", 0.01)
    room = Room()
    room.hears(2)
    await room.missing.wait()
    room.missing.clear()
    room.order.filled()
    await room.missing.wait()


async def test_what_is_held_back_is_bounded_and_read_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "MAX_HELD_BYTES", 10)
    room = Room()
    room.hears(*range(2, 100))
    assert room.held.bytes <= 10
    await room.missing.wait()
    for rev in range(1, 100):
        room.order.take(rev, Packet(str(rev)))
    room.order.filled(99)
    assert room.told == told(1, 99) and room.held.bytes == 0


async def test_a_room_that_nobody_listens_to_any_more_asks_for_nothing() -> None:
    room = Room()
    room.hears(2)
    room.order.close()
    await a_hole_is_due()
    assert not room.missing.is_set() and room.held.bytes == 0
