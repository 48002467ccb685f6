"""One line in the log when Redis goes, and one when it is back."""

import asyncio
import logging
import time

log = logging.getLogger("parlor.redis")

QUIET_S = 60.0  # after one that was told, in which
SHORT_S = 1.0  # shorter ones are only counted: Redis may cut off a subscriber that reads too slowly again and again


class Outages:
    def __init__(self) -> None:
        self.count = 0
        self._since: float | None = None
        self._told_at: float | None = None
        self._is_told = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, why: str) -> None:
        """Redis cannot be used, perhaps since before."""
        if self._since is not None:
            return
        self._since = time.monotonic()
        self.count += 1
        is_soon = self._told_at is not None and self._since < self._told_at + QUIET_S
        self._timer = asyncio.get_running_loop().call_later(SHORT_S if is_soon else 0, self._tell, why.rstrip("."))

    def end(self) -> None:
        """It can be used, perhaps as before."""
        if self._timer:
            self._timer.cancel()
        if self._since is not None and self._is_told:
            log.warning("Redis is back after %.1f s", time.monotonic() - self._since)
        self._since, self._is_told = None, False

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _tell(self, why: str) -> None:
        self._told_at, self._is_told = time.monotonic(), True
        log.warning("Redis is away (%s): what other processes tell is found by looking, within 2 s", why)
