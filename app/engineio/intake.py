"""Whether a client is read: not while its queue is full, nor for a while after it has asked for too much.

Everything that a client sends costs points, what it is refused costs more. Whoever has spent all of them is not read
until they are regained, which slows it down by its own transport. One that goes on so, time after time, is sent away.
"""

import asyncio
from typing import Protocol

BURST_S = 10.0  # seconds' worth of points that may be spent at once: what waited on a slow network comes in one go
BYTES_PER_POINT = 10_000  # beyond the first point of a packet
HOLD_S, MAX_HOLD_S = 0.1, 2.0  # the first time that a client is not read, and the longest; each is twice the one before
MAX_HOLDS = 20  # in a row; then it is sent away
ROUNDING_S = 1e-6  # what many small sums are off by: nobody owes so little
FORGIVEN_S = 10.0  # after which a client that asked for no more than it may is as good as new


class Pausable(Protocol):
    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Receiver(Protocol):
    """What an intake needs of its session."""

    @property
    def transport(self) -> Pausable: ...

    def fail(self, why: str = "") -> None: ...


class Intake:
    """Of one session. `rate` is the points a second that it regains; None: it may send as much as it likes."""

    __slots__ = ("_due", "_holds", "_is_full", "_rate", "_released", "_session", "_timer", "_until", "_warned_until")

    def __init__(self, session: Receiver, rate: float | None) -> None:
        self._session, self._rate = session, rate
        self._is_full = False  # whoever receives takes no more for now
        self._due = 0.0  # when nothing is owed any more
        self._until = self._released = 0.0  # the end of the hold that runs, and of the one before
        self._warned_until = 0.0  # as the client was told
        self._holds = 0  # in a row
        self._timer: asyncio.TimerHandle | None = None  # runs while the client is held

    def packet(self, size: int) -> None:
        """A packet of so many bytes has come."""
        if self._rate is not None:
            self.charge(1 + size // BYTES_PER_POINT)

    def charge(self, points: float) -> None:
        if self._rate is None:
            return
        now = asyncio.get_running_loop().time()
        self._due = min(max(self._due, now - BURST_S) + points / self._rate, now + MAX_HOLD_S)
        if self._due - now > ROUNDING_S:
            self.hold(self._due - now)

    def warn(self, seconds: float) -> None:
        """The client is told to ask again after so long. If it was told before, and went on, it is held."""
        if self._rate is None:
            return
        now = asyncio.get_running_loop().time()
        if now < self._warned_until:
            self.hold(seconds)
        self._warned_until = now + seconds

    def hold(self, seconds: float) -> None:
        """Do not read for so long, or longer. What was read before goes on costing, and lengthens it."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is not None:
            self._until = max(self._until, now + min(seconds, MAX_HOLD_S))
            return
        if now - self._released > FORGIVEN_S:
            self._holds = 0
        self._holds += 1
        if self._holds > MAX_HOLDS:
            self._session.fail(f"it sends more than it may, and went on after {MAX_HOLDS} pauses")
            return
        self._until = now + min(max(seconds, HOLD_S * 2 ** (self._holds - 1)), MAX_HOLD_S)
        self._timer = loop.call_at(self._until, self._release)
        self._session.transport.pause()

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if self._until > loop.time():  # was lengthened
            self._timer = loop.call_at(self._until, self._release)
            return
        self._released = loop.time()
        if not self._is_full:
            self._session.transport.resume()

    def pause(self) -> None:
        """Whoever receives takes no more until `resume`."""
        self._is_full = True
        self._session.transport.pause()

    def resume(self) -> None:
        self._is_full = False
        if self._timer is None:
            self._session.transport.resume()

    def transport_changed(self) -> None:
        """What holds for the one before holds for the new one, which reads by now."""
        if self._is_full or self._timer is not None:
            self._session.transport.pause()

    def close(self) -> None:
        """The session has ended: a POST that waits is answered, a close frame is read."""
        self._rate = None
        if self._timer:
            self._timer.cancel()
            self._timer = None
            if not self._is_full:
                self._session.transport.resume()
