"""What one connection may take of one tick of the loop, so that a busy peer does not keep the loop from the others."""

import asyncio
from time import monotonic

TICK_S = 0.005  # a tick that has lasted so long is over: whoever had something of it goes on in the next one


class Ticks:
    """Counts the ticks of the loop in which somebody asked, and knows how long this one has lasted."""

    def __init__(self) -> None:
        self._count = 0
        self._is_scheduled = False
        self._ends = 0.0

    def current(self) -> int:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._ends = monotonic() + TICK_S
            asyncio.get_running_loop().call_soon(self._next)
        return self._count

    def _next(self) -> None:
        self._is_scheduled = False
        self._count += 1

    @property
    def is_over(self) -> bool:
        return monotonic() > self._ends


class Share:
    """A connection's steps of this tick: `budget` of them, fewer where the tick lasts long already, one at least."""

    __slots__ = ("_budget", "_left", "_tick", "_ticks")

    def __init__(self, ticks: Ticks, budget: int) -> None:
        self._ticks, self._budget = ticks, budget
        self._tick, self._left = -1, 0

    def spend(self, steps: int = 1) -> bool:
        """False where the rest has to wait for the next tick."""
        tick = self._ticks.current()
        if tick != self._tick:
            self._tick, self._left = tick, self._budget
        elif self._left <= 0 or self._ticks.is_over:
            return False
        self._left -= steps
        return True
