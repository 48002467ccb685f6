"""The heartbeats of all, and what is waited for: one timer, on either loop."""

import asyncio

import pytest

from app.engineio.heartbeat import Deadlines, Heartbeats
from app.server import uvloop

LOOPS = [asyncio.new_event_loop, *([uvloop.new_event_loop] if uvloop else [])]


class Listener:
    """Hears nothing but its own pings."""

    def __init__(self) -> None:
        self.epoch, self.is_closed, self.pings = 0, False, 0

    def ping(self) -> None:
        self.pings += 1

    def time_out(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("loop", LOOPS)
def test_beats_that_are_due_at_once_are_all_heard(loop: object) -> None:
    """uvloop has no timer for less than half a millisecond: what it gives instead does not know when it is due."""
    listeners = [Listener() for _ in range(10)]

    async def beat() -> None:
        heart = Heartbeats(interval_s=0.0002, timeout_s=0.0003)
        for one in listeners:
            heart.schedule_ping(one)
        async with asyncio.timeout(5):
            while not all(one.is_closed for one in listeners):
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        runner.run(beat())
    assert [one.pings for one in listeners] == [1] * 10


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_late_is_told_of_once_and_who_came_in_time_is_not(loop: object) -> None:
    late: list[int] = []

    async def wait() -> None:
        waiting = Deadlines(0.002, late.append)
        for n in range(10):
            waiting.add(n)
        for n in range(0, 10, 2):
            waiting.discard(n)
        async with asyncio.timeout(5):
            while len(late) < 5:
                await asyncio.sleep(0)
            waiting.add(10)
            while len(late) < 6:
                await asyncio.sleep(0)
        waiting.discard(10)
        assert (waiting._due, waiting._timer) == ({}, None)

    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        runner.run(wait())
    assert late == [1, 3, 5, 7, 9, 10]
