"""Rate limits: a token bucket for each person; for what is counted over all processes, one that they share."""

import time
from dataclasses import dataclass
from typing import Protocol

from app.model import Refused

BURST_S = 10  # seconds' worth of points that may be spent at once, as by an outbox after a reconnect
MIN_BUCKETS = 1_000  # buckets kept before the full ones are removed; then twice as many as are left


@dataclass(slots=True)
class Bucket:
    left: float
    at: float


class SharedBuckets(Protocol):
    """Buckets of all processes."""

    async def spend(self, name: str, cost: float, full: float, per_second: float) -> float | None:
        """The seconds after which there will be enough, 0 where there was; None where nobody can tell in time."""


class Rates:
    """per_second: points that a person regains; None: no limit. shared: None where this process is the only one."""

    def __init__(self, per_second: float | None) -> None:
        self._rate = per_second
        self.shared: SharedBuckets | None = None
        self._buckets: dict[str, Bucket] = {}
        self._forget_at = MIN_BUCKETS

    def spend(self, person: str, cost: float) -> None:
        """Raises `too_fast`, with the seconds after which the same would pass."""
        if self._rate is None:
            return
        now, full = time.monotonic(), self._rate * BURST_S
        cost = min(cost, full)  # what costs more than a bucket holds takes all of it
        bucket = self._buckets.get(person)
        if bucket is None:
            self._forget(now, full)
            bucket = self._buckets[person] = Bucket(full, now)
        bucket.left, bucket.at = min(full, bucket.left + (now - bucket.at) * self._rate), now
        if bucket.left < cost:
            raise _too_fast((cost - bucket.left) / self._rate)
        bucket.left -= cost

    async def spend_everywhere(self, name: str, cost: float) -> None:
        """The same, counted over all processes; by this one alone where that cannot be done in time."""
        self.spend(name, cost)
        if self._rate is None or self.shared is None:
            return
        full = self._rate * BURST_S
        if wait := await self.shared.spend(name, min(cost, full), full, self._rate):
            raise _too_fast(wait)

    def is_spent(self, name: str, cost: float) -> bool:
        """True where `spend` would raise."""
        bucket = self._buckets.get(name)
        if bucket is None or self._rate is None:
            return False
        return bucket.left + (time.monotonic() - bucket.at) * self._rate < min(cost, self._rate * BURST_S)

    def _forget(self, now: float, full: float) -> None:
        if len(self._buckets) >= self._forget_at and self._rate:
            self._buckets = {
                person: bucket
                for person, bucket in self._buckets.items()
                if bucket.left + (now - bucket.at) * self._rate < full
            }
            self._forget_at = max(MIN_BUCKETS, 2 * len(self._buckets))


def _too_fast(seconds: float) -> Refused:
    wait = round(seconds + 0.05, 2)
    return Refused("too_fast", f"That was too much at once. Try again in {wait} s.", retry_after=wait)
