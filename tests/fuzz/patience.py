"""Limits of time as the server has it: what it and this process waited for the processor does not count. Beside other
programs whoever is slow is starved, and not at fault."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator

from tests.support.process import starved

SHORTEST = 0.01  # seconds between two looks


class Patience:
    """seconds: for a process to do something."""

    def __init__(self, seconds: float, pid: int) -> None:
        self._seconds, self._pid = seconds, pid
        self._began, self._starved = time.monotonic(), self._starved_by_now()

    def _starved_by_now(self) -> float:
        with contextlib.suppress(OSError):  # it has ended
            return starved(self._pid) + starved(os.getpid())
        return starved(os.getpid())

    @property
    def left(self) -> float:
        """Seconds; none, or fewer, once it is over."""
        return self._seconds - (time.monotonic() - self._began) + max(0.0, self._starved_by_now() - self._starved)


@contextlib.asynccontextmanager
async def within(seconds: float, pid: int) -> AsyncIterator[None]:
    """As `asyncio.timeout`."""
    patience, loop = Patience(seconds, pid), asyncio.get_running_loop()

    def look() -> None:
        nonlocal timer
        if (left := patience.left) > 0:
            timer = loop.call_later(max(left, SHORTEST), look)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(seconds, look)
        try:
            yield
        finally:
            timer.cancel()
