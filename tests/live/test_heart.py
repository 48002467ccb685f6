"""The heartbeats of all: one timer, on either loop."""

import asyncio

import pytest

from app.live.engine.heart import Heart
from app.server import uvloop

LOOPS = [asyncio.new_event_loop, *([uvloop.new_event_loop] if uvloop else [])]


class Listener:
    """Hears nothing but its own pings."""

    def __init__(self) -> None:
        self.beat, self.closed, self.pings = 0, False, 0

    def ping(self) -> None:
        self.pings += 1

    def time_out(self) -> None:
        self.closed = True


@pytest.mark.parametrize("loop", LOOPS)
def test_beats_that_are_due_at_once_are_all_heard(loop: object) -> None:
    """uvloop has no timer for less than half a millisecond: what it gives instead does not know when it is due."""
    listeners = [Listener() for _ in range(10)]

    async def beat() -> None:
        heart = Heart(interval=0.0002, timeout=0.0003)
        for one in listeners:
            heart.wait(one)
        async with asyncio.timeout(5):
            while not all(one.closed for one in listeners):
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        runner.run(beat())
    assert [one.pings for one in listeners] == [1] * 10
