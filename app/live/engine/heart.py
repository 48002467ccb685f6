"""The heartbeats of all sessions: one timer, however many there are.

Every session waits equally long for its next ping, and equally long with an answer, so two queues in the order of time
do: what is put in last is due last. A session that was heard of counts its beat on, which makes its older entries void.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

LATE = 1.0  # seconds by which a deadline may be looked at late before we take it that we ourselves stood still
CATCH_BREATH = 5.0  # seconds to read what came meanwhile


class Beating(Protocol):
    """What has a heartbeat."""

    beat: int
    closed: bool

    def ping(self) -> None: ...

    def time_out(self) -> None: ...


T = TypeVar("T")


class Waiting(Generic[T]):
    """Those who have equally long for something, and what becomes of who is late: one timer, however many there are."""

    def __init__(self, late: Callable[[T], object]) -> None:
        self._late = late
        self._due: dict[T, float] = {}  # in the order of time
        self._timer: asyncio.TimerHandle | None = None

    def add(self, one: T, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._due[one] = loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_later(seconds, self._look)

    def discard(self, one: T) -> None:
        """It has come to its end in time."""
        self._due.pop(one, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        late = list(takewhile(lambda one: self._due[one] <= now, self._due))
        for one in late:
            del self._due[one]
        if self._due:
            self._timer = loop.call_at(next(iter(self._due.values())), self._look)
        for one in late:
            loop.call_soon(self._late, one)  # each by itself: what one raises is nobody else's


Entry = tuple[float, Beating, int]  # due at, who, and the beat that it is for


class Heart:
    """interval, timeout: seconds from a sign of life to the ping, and from the ping to the end."""

    def __init__(self, interval: float, timeout: float) -> None:
        self.interval, self.timeout = interval, timeout
        self._pings: deque[Entry] = deque()
        self._deadlines: deque[Entry] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0.0  # for when; uvloop's handle of what is due within half a millisecond cannot say

    def wait(self, one: Beating) -> None:
        """A sign of life: the next ping is due after the interval."""
        self._put(self._pings, self.interval, one)

    def _put(self, queue: deque[Entry], seconds: float, one: Beating) -> None:
        due = asyncio.get_running_loop().time() + seconds
        one.beat += 1
        queue.append((due, one, one.beat))
        if self._timer is None or self._armed > due:
            self._arm(due)

    def _arm(self, due: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._armed = due
        self._timer = asyncio.get_running_loop().call_at(due, self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        for _, one in _due(self._pings, now):
            self._put(self._deadlines, self.timeout, one)
            loop.call_soon(one.ping)
        for due, one in _due(self._deadlines, now):
            if now - due > LATE:
                # The answer may have come while this process stood still (SIGSTOP, a suspended machine): then it is
                # read now, and nobody has to go for it.
                loop.call_later(min(self.timeout, CATCH_BREATH), _give_up, one, one.beat)
            else:
                loop.call_soon(_give_up, one, one.beat)
        heads = [queue[0][0] for queue in (self._pings, self._deadlines) if queue]
        if heads:
            self._arm(min(heads))


def _due(queue: deque[Entry], now: float) -> "list[tuple[float, Beating]]":
    found = []
    while queue and queue[0][0] <= now:
        due, one, beat = queue.popleft()
        if one.beat == beat and not one.closed:
            found.append((due, one))
    return found


def _give_up(one: Beating, beat: int) -> None:
    if one.beat == beat and not one.closed:
        one.time_out()
