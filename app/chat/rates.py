"""Token buckets: so many points may be spent at once, and are regained with time. Rates: those of each person.

What is counted over all processes is spent from a bucket that they share; where that cannot be asked in time, from this
process's own alone.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.model import Refused, Sentence

BURST_S = 10  # seconds' worth of points that may be spent at once, as by an outbox after a reconnect
MIN_BUCKETS = 1_000  # buckets kept before the full ones are removed; then twice as many as are left


@dataclass(slots=True)
class Bucket:
    """low_since: when it fell low, in milliseconds since 1970; 0 while it is not."""

    left: float
    at: float
    low_since: int = 0


class SharedBuckets(Protocol):
    """Buckets of all processes."""

    async def spend(self, name: str, cost: float, full: float, per_second: float) -> float | None:
        """The seconds after which there will be enough, 0 where there was; None
        where nobody can tell in time."""

    async def charge(self, name: str, points: float, full: float, per_second: float) -> float | None:
        """Takes so many, whether there are or not: they were spent. What is left; None where nobody can tell."""


class Buckets:
    """One for each name, in this process. full: points that may be spent at once. per_second: that are regained. clock:
    in seconds."""

    def __init__(self, full: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.full, self.per_second, self._clock = full, per_second, clock
        self._by_name: dict[str, Bucket] = {}
        self._forget_at = MIN_BUCKETS

    def now(self, name: str) -> Bucket:
        """With what it holds at this moment."""
        now = self._clock()
        bucket = self._by_name.get(name)
        if bucket is None:
            self._forget(now)
            bucket = self._by_name[name] = Bucket(self.full, now)
        bucket.left, bucket.at = min(self.full, bucket.left + (now - bucket.at) * self.per_second), now
        return bucket

    def spend(self, name: str, cost: float) -> float:
        """The seconds after which there will be enough; 0 where there was, and it is spent. What costs more than a
        bucket holds takes all of it."""
        return self.spend_from(self.now(name), cost)

    def spend_from(self, bucket: Bucket, cost: float, floor: float = 0) -> float:
        """The same, where at least `floor` is to stay."""
        cost = min(cost, self.full - floor)
        if bucket.left - floor < cost:
            return (cost + floor - bucket.left) / self.per_second
        bucket.left -= cost
        return 0

    def give_back(self, name: str, points: float) -> None:
        """What was spent for nothing."""
        bucket = self.now(name)
        bucket.left = min(self.full, bucket.left + points)

    def is_spent(self, name: str, cost: float) -> bool:
        """True where `spend` would find too little."""
        bucket = self._by_name.get(name)
        if bucket is None:
            return False
        return bucket.left + (self._clock() - bucket.at) * self.per_second < min(cost, self.full)

    def _forget(self, now: float) -> None:
        if len(self._by_name) < self._forget_at:
            return
        self._by_name = {
            name: bucket
            for name, bucket in self._by_name.items()
            if bucket.left + (now - bucket.at) * self.per_second < self.full
        }
        self._forget_at = max(MIN_BUCKETS, 2 * len(self._by_name))


class Rates:
    """per_second: points that a person regains; None: no limit. shared: None where this process is the only one."""

    def __init__(self, per_second: float | None) -> None:
        self._buckets = Buckets(per_second * BURST_S, per_second) if per_second else None
        self.shared: SharedBuckets | None = None

    @property
    def is_off(self) -> bool:
        """Nothing that one person does is limited."""
        return self._buckets is None

    def spend(self, person: str, cost: float) -> None:
        """Raises `too_fast`, with the seconds after which the same would pass."""
        if self._buckets is not None and (wait := self._buckets.spend(person, cost)):
            raise _too_fast(wait)

    async def spend_everywhere(self, name: str, cost: float) -> None:
        """The same, counted over all processes; by this one alone where that cannot be done in time."""
        self.spend(name, cost)
        if self._buckets is None or self.shared is None:
            return
        full = self._buckets.full
        if wait := await self.shared.spend(name, min(cost, full), full, self._buckets.per_second):
            raise _too_fast(wait)

    def left(self, person: str) -> tuple[int, int, int] | None:
        """`(how many points there may be, how many are left, seconds until all are)`; None without a limit."""
        if self._buckets is None:
            return None
        full, bucket = self._buckets.full, self._buckets.now(person)
        return int(full), max(0, int(bucket.left)), math.ceil((full - bucket.left) / self._buckets.per_second)

    def is_spent(self, name: str, cost: float) -> bool:
        """True where `spend` would raise."""
        return self._buckets is not None and self._buckets.is_spent(name, cost)


def _too_fast(seconds: float) -> Refused:
    wait = round(seconds + 0.05, 2)
    text = Sentence("That was too much at once. Try again in {seconds} s.", seconds=wait)
    return Refused("too_fast", text, retry_after=wait, limit="actions")
