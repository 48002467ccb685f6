"""Guesses at a passphrase or a key: slower and slower, without locking its owner out.

They are counted for each pair of what is guessed at and the network from which it is done, so that whoever guesses
slows down their own network alone. A cap over all networks stops those who have many. A device that has known the
answer before passes by both, and is counted for itself.
"""

import time
from dataclasses import dataclass
from typing import Protocol

from app.model import Connection, Refused, Sentence, span

FREE = 5  # guesses before the first pause; people mistype
FIRST_PAUSE_S, MAX_PAUSE_S = 2.0, 900.0  # each pause is twice the one before
FORGET_S = 86_400.0  # after which nothing is known of guesses any more
CAP, CAP_REGAIN_S = 100, 60.0  # guesses at one thing from everywhere; one of them comes back in so many seconds
MIN_PAIRS = 1_000  # kept before old ones are removed; then twice as many as are left


@dataclass(slots=True)
class Tries:
    count: float
    at: float


class SharedGuesses(Protocol):
    """What is counted over all processes."""

    async def spend(self, name: str, is_capped: bool, counts: bool = True) -> float | None:
        """Count one more guess: the seconds to wait for it, 0 where it may be made now; None where nobody can tell in
        time. is_capped: by the cap, else by growing pauses. counts: else it is only asked."""

    async def forget(self, name: str) -> None: ...


class Guesses:
    """is_limited: False where the operator wants no limits. shared: None where this process is the only one."""

    def __init__(self, is_limited: bool = True) -> None:
        self.shared: SharedGuesses | None = None
        self._is_limited = is_limited
        self._tries: dict[str, Tries] = {}
        self._prune_at = MIN_PAIRS

    async def spend(self, what: str, connection: Connection, knows: bool = False) -> None:
        """Count a guess before it is looked at. Raises `too_fast`.

        what: is guessed at, of whom: `passphrase of 0123`. knows: the device of this connection had it right before.
        """
        if not self._is_limited:
            return
        await self._spend(_pair(what, connection, knows), is_capped=False)
        if not knows:
            await self._spend(what, is_capped=True)

    async def check(self, what: str, connection: Connection) -> None:
        """Raises `too_fast` where a guess would have to wait; counts nothing. For what many people know, of whom only
        the wrong guesses are counted (`spend`, afterwards)."""
        if not self._is_limited:
            return
        for name, is_capped in ((_pair(what, connection, False), False), (what, True)):
            await self._spend(name, is_capped, counts=False)

    async def passed(self, what: str, connection: Connection) -> None:
        """It was right: the next mistake from there is the first again."""
        for knows in (True, False):
            name = _pair(what, connection, knows)
            self._tries.pop(name, None)
            if self.shared:
                await self.shared.forget(name)

    async def _spend(self, name: str, is_capped: bool, counts: bool = True) -> None:
        wait = self._spend_here(name, is_capped, counts)
        if not wait and self.shared:
            wait = await self.shared.spend(name, is_capped, counts) or 0
        if wait:
            raise _too_fast(wait)

    def _spend_here(self, name: str, is_capped: bool, counts: bool) -> float:
        now = time.monotonic()
        self._prune(now)
        tries = self._tries.get(name) or Tries(0, now)
        wait = _wait(tries, now, is_capped)
        if counts and not wait:
            self._tries[name] = Tries((_left(tries, now) if is_capped else tries.count) + 1, now)
        return wait

    def _prune(self, now: float) -> None:
        if len(self._tries) >= self._prune_at:
            self._tries = {name: tries for name, tries in self._tries.items() if now - tries.at < FORGET_S}
            self._prune_at = max(MIN_PAIRS, 2 * len(self._tries))


def _left(tries: Tries, now: float) -> float:
    """What still counts of guesses that come back one by one."""
    return max(0, tries.count - (now - tries.at) / CAP_REGAIN_S)


def _wait(tries: Tries, now: float, is_capped: bool) -> float:
    """Seconds to wait for one more guess."""
    if is_capped:
        return max(0, _left(tries, now) + 1 - CAP) * CAP_REGAIN_S
    return max(0, tries.at + pause(int(tries.count)) - now)


def pause(count: int) -> float:
    """Seconds to wait after so many guesses."""
    return 0 if count < FREE else min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(count - FREE, 20))


def _pair(what: str, connection: Connection, knows: bool) -> str:
    return f"{what} by {connection.token}" if knows else f"{what} from {connection.address}"


def _too_fast(seconds: float) -> Refused:
    wait = round(seconds + 0.05, 1)
    text = Sentence("That was guessed at too often. Try again in {time}.", time=span(seconds))
    return Refused("too_fast", text, limit="guesses", retry_after=wait)
