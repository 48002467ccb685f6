"""Heartbeats and deadlines of many sessions with one timer each, however many there are.

Every session waits equally long for its next ping, and equally long with an answer, so two queues in the order of time
do: what is put in last is due last. A session that gave a sign of life counts its epoch up, which makes its older
entries void.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

LATE_S = 1.0  # a deadline that is looked at later than this: the process itself stood still
CATCH_UP_S = 5.0  # to read what arrived meanwhile


class HasHeartbeat(Protocol):
    epoch: int

    @property
    def is_closed(self) -> bool: ...

    def ping(self) -> None: ...

    def time_out(self) -> None: ...


T = TypeVar("T")


class Deadlines(Generic[T]):
    """Things that all have the same number of seconds for something. `expired` is called for each that took longer."""

    def __init__(self, seconds: float, expired: Callable[[T], object]) -> None:
        self._seconds, self._expired = seconds, expired
        self._due: dict[T, float] = {}  # in the order of time
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._due)

    def add(self, one: T) -> None:
        """Start its time, anew where it runs already."""
        loop = asyncio.get_running_loop()
        self._due.pop(one, None)
        self._due[one] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._check)

    def discard(self, one: T) -> None:
        """It was done in time."""
        self._due.pop(one, None)

    def oldest(self, left_s: float) -> T | None:
        """The one that was added first, if it has less than so many seconds left."""
        for one, due in self._due.items():
            return one if due - asyncio.get_running_loop().time() < left_s else None
        return None

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        late = list(takewhile(lambda one: self._due[one] <= now, self._due))
        for one in late:
            del self._due[one]
        if self._due:
            self._timer = loop.call_at(next(iter(self._due.values())), self._check)
        for one in late:
            loop.call_soon(self._expired, one)  # each by itself: what one raises does not stop the others


Entry = tuple[float, HasHeartbeat, int]  # due at, whose, and the epoch that it is for


class Heartbeats:
    """interval_s, timeout_s: from a sign of life to the ping, and from the ping to the end of the session."""

    def __init__(self, interval_s: float, timeout_s: float) -> None:
        self._interval_s, self._timeout_s = interval_s, timeout_s
        self._pings: deque[Entry] = deque()
        self._deadlines: deque[Entry] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0  # uvloop's handle of what is due within half a millisecond cannot say

    def schedule_ping(self, one: HasHeartbeat) -> None:
        """A sign of life: the next ping is due after the interval."""
        self._put(self._pings, self._interval_s, one)

    def _put(self, queue: deque[Entry], seconds: float, one: HasHeartbeat) -> None:
        due = asyncio.get_running_loop().time() + seconds
        one.epoch += 1
        queue.append((due, one, one.epoch))
        if self._timer is None or self._armed_for > due:
            self._arm(due)

    def _arm(self, due: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._armed_for = due
        self._timer = asyncio.get_running_loop().call_at(due, self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        for _, one in _pop_due(self._pings, now):
            self._put(self._deadlines, self._timeout_s, one)
            loop.call_soon(one.ping)
        for due, one in _pop_due(self._deadlines, now):
            if now - due > LATE_S:
                # The answer may have arrived while this process stood still (SIGSTOP, a suspended machine): then it is
                # read first.
                loop.call_later(min(self._timeout_s, CATCH_UP_S), _time_out, one, one.epoch)
            else:
                loop.call_soon(_time_out, one, one.epoch)
        heads = [queue[0][0] for queue in (self._pings, self._deadlines) if queue]
        if heads:
            self._arm(min(heads))


def _pop_due(queue: deque[Entry], now: float) -> list[tuple[float, HasHeartbeat]]:
    found = []
    while queue and queue[0][0] <= now:
        due, one, epoch = queue.popleft()
        if one.epoch == epoch and not one.is_closed:
            found.append((due, one))
    return found


def _time_out(one: HasHeartbeat, epoch: int) -> None:
    if one.epoch == epoch and not one.is_closed:
        one.time_out()
