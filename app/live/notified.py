"""What other processes have committed, where the database says so by itself and there is no Redis: time to look.

Where Redis is, nobody listens or notifies here: the news come whole, and while it is away everybody looks every 2 s as
ever. A notification would not be worth one more connection of each process to the database, for the sake of outages
in which nothing is lost.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from app.chat.counts import Reading
from app.engineio import Packet


class Counts(Protocol):
    sent: int
    heard: int
    garbage: int
    interruptions: int


class Notifications(Protocol):
    """Of the database (app/store/notifications.py)."""

    @property
    def state(self) -> str: ...

    @property
    def counts(self) -> Counts: ...

    def start(self, process: str, hear: Callable[[frozenset[str] | None, bool], None]) -> None: ...

    def follow(self, room: str) -> None: ...

    def unfollow(self, room: str) -> None: ...


class Feed(Protocol):
    def look(self, room: str | None = None) -> None: ...


class NotifiedBus:
    """What the feed calls (`Bus`), and what calls it when there is something to look for. look: looks for what is told
    to persons alone."""

    hole = 0.0  # what is missing is in the database, and nobody else brings it

    def __init__(self, notifications: Notifications, feed: Feed, look: Callable[[], None]) -> None:
        self._notifications, self._feed, self._look = notifications, feed, look

    @property
    def is_heard(self) -> bool:
        return self._notifications.state == "heard"

    def start(self, process: str) -> None:
        self._notifications.start(process, self._hear)

    def publish(self, room: str, rev: int | None, packet: Packet) -> None:
        """Whoever commits has let the others know."""

    def listen(self, room: str) -> None:
        self._notifications.follow(room)

    def ignore(self, room: str) -> None:
        self._notifications.unfollow(room)

    def readings(self) -> Iterator[Reading]:
        counts = self._notifications.counts
        text = "1 while notifications of other processes are heard."
        yield Reading("parlor_notify_heard", text, self.is_heard, is_counter=False)
        yield Reading("parlor_notify_sent", "Notifications that the database took.", counts.sent)
        yield Reading("parlor_notify_received", "Notifications of other processes.", counts.heard)
        yield Reading("parlor_notify_garbage", "Notifications that were none of ours.", counts.garbage)
        text = "Times that the connection for notifications was lost."
        yield Reading("parlor_notify_interruptions", text, counts.interruptions)

    def _hear(self, rooms: frozenset[str] | None, is_personal: bool) -> None:
        if rooms is None:
            self._feed.look()
        else:
            for room in rooms:
                self._feed.look(room)
        if is_personal:
            self._look()
