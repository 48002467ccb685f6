"""Grace: how long a room waits for a person whose connection broke."""

import asyncio
from collections.abc import Callable


class Grace:
    """One timer for each person and room."""

    def __init__(self) -> None:
        self._timers: dict[str, dict[str, asyncio.TimerHandle]] = {}  # person -> room

    def start(self, person: str, room: str, seconds: float, expired: Callable[[], None]) -> None:
        """Calls `expired` after so many seconds, unless the timer is cancelled."""

        def expire() -> None:
            self._remove(person, room)
            expired()

        timer = asyncio.get_running_loop().call_later(seconds, expire)
        self._timers.setdefault(person, {})[room] = timer

    def cancel(self, person: str, room: str) -> None:
        """The person is back."""
        if timer := self._remove(person, room):
            timer.cancel()

    def rooms(self, person: str) -> tuple[str, ...]:
        """The rooms that wait for this person."""
        return tuple(self._timers.get(person, ()))

    def stop(self) -> None:
        for timers in self._timers.values():
            for timer in timers.values():
                timer.cancel()

    def _remove(self, person: str, room: str) -> asyncio.TimerHandle | None:
        timers = self._timers.get(person, {})
        timer = timers.pop(room, None)
        if timer and not timers:
            del self._timers[person]
        return timer
