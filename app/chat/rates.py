"""Rate limits: a token bucket for each person."""

import time
from dataclasses import dataclass

from app.model import Refused

BURST_S = 10  # seconds' worth of points that may be spent at once, as by an outbox after a reconnect
MIN_BUCKETS = 1_000  # buckets kept before the full ones are removed; then twice as many as are left


@dataclass(slots=True)
class Bucket:
    left: float
    at: float


class Rates:
    """per_second: points that a person regains; None: no limit."""

    def __init__(self, per_second: float | None) -> None:
        self._rate = per_second
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
            wait = round((cost - bucket.left) / self._rate + 0.05, 2)
            raise Refused("too_fast", f"That was too much at once. Try again in {wait} s.", retry_after=wait)
        bucket.left -= cost

    def _forget(self, now: float, full: float) -> None:
        if len(self._buckets) >= self._forget_at and self._rate:
            self._buckets = {
                person: bucket
                for person, bucket in self._buckets.items()
                if bucket.left + (now - bucket.at) * self._rate < full
            }
            self._forget_at = max(MIN_BUCKETS, 2 * len(self._buckets))
