"""PostgreSQL's notifications (LISTEN, NOTIFY): a process that has committed something lets the others know that it is
time to look. Nothing depends on it: what no notification tells of is found by looking all the same.

A notification says who sent it and which rooms are others now, as short digests of their names: hundreds fit into a
payload (8,000 bytes), and whoever else may listen in that database learns no name of a room. Anybody may send one who
may connect there. So it is worth a look at rooms that are followed here, and nothing else.

It is sent after the commit, by a transaction of its own on a connection of its own. Inside the one that stores it would
cost what it is to save: before such a commit PostgreSQL takes a lock of which there is one in a whole server, and
keeps it while the disk is waited for, so that all processes would commit one after the other; and where its queue is
full the commit itself would fail. A transaction that notifies and does nothing else waits for no disk, and neither the
writer's thread nor anybody's ack waits for it.

Behind a pooler that gives each transaction another of its connections, LISTEN succeeds and nothing is ever heard. So a
connection first has to hear a notification that another one sends; where it does not, it only sends.
"""

import asyncio
import logging
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any

import psycopg

from app.model import Refused
from app.store import queries
from app.store.address import reason
from app.store.batch import Write
from app.store.notified import Bell, Notification, NotifiedConnection

log = logging.getLogger("parlor.store")

CHANNEL = "parlor"
AWAY, POOLED, HEARD = "away", "kept by a pooler", "heard"  # states
PERSONS = "@"  # in place of a digest: something was said to one alone, or read; the names of rooms of two begin so
MAX_DIGESTS = 700  # in one payload
SEND_PAUSE_S = 0.02  # between two notifications of a process: commits meanwhile share the next
READ_PAUSE_S = 0.005  # after some have come, so that a flood costs little
PROBE_S = 2.0  # for the one that shows whether any are heard
PROBE_AGAIN_S = 60.0  # after one that was not
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0  # between attempts to connect; the first one comes at once
QUIET_S = 60.0  # between two lines in the log

_payload = re.compile(rb"([a-z0-9]{8})((?: (?:[0-9a-f]{10}|@))+)")

Connect = Callable[[], "psycopg.Connection[Any]"]
Hear = Callable[[frozenset[str] | None, bool], None]


@lru_cache(10_000)
def digest(room: str) -> str:
    return blake2b(room.encode(), digest_size=5).hexdigest()


@dataclass
class Counts:
    """sent: notifications of this process. heard: of others. garbage: of nobody who speaks like a process.
    interruptions: times that the connection was lost."""

    sent: int = 0
    heard: int = 0
    garbage: int = 0
    interruptions: int = 0


class Notifications:
    """Those of others, and of this process. connect(): opens one more connection of the driver's; raises psycopg.Error,
    Refused. probe(channel): notifies on it by another connection; raises Refused."""

    def __init__(self, connect: Connect, probe: Callable[[str], object]) -> None:
        self.counts = Counts()
        self._connect, self._probe = connect, probe
        self._followed: dict[str, str] = {}  # rooms by their digests
        self._listening: Listening | None = None

    @property
    def state(self) -> str:
        return self._listening.state if self._listening else AWAY

    def start(self, process: str, hear: Hear) -> None:
        """Listen, as this process. hear: called on this loop with the followed rooms that others have changed (None:
        perhaps any), and whether something was said to one alone, or read."""
        loop = asyncio.get_running_loop()

        def tell(rooms: frozenset[str] | None, is_personal: bool) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(hear, rooms, is_personal)

        self._listening = Listening(self._connect, self._probe, self._followed, self.counts, process, tell)
        threading.Thread(target=self._listening.run, name="parlor-listen", daemon=True).start()

    def follow(self, room: str) -> None:
        """Hear of this room."""
        self._followed[digest(room)] = room

    def unfollow(self, room: str) -> None:
        self._followed.pop(digest(room), None)

    def committed(self, batch: Iterable[Write]) -> None:
        """Let others know, soon; on the writer's thread. Never waits, and never raises."""
        if self._listening and self._listening.state != AWAY:
            self._listening.unsent.add(_digests(batch))

    def stop(self) -> None:
        if self._listening:
            self._listening.stop()


class Listening:
    """A thread, and the connection that it has."""

    def __init__(
        self,
        connect: Connect,
        probe: Callable[[str], object],
        followed: dict[str, str],
        counts: Counts,
        process: str,
        tell: Hear,
    ) -> None:
        self.state, self.unsent = AWAY, Unsent()
        self._connect, self._probe = connect, probe
        self._followed, self._counts = followed, counts
        self._process, self._tell = process, tell
        self._stopped = threading.Event()
        self._is_told, self._told_at = False, -math.inf  # that they are away, when last, on the monotonic clock

    def stop(self) -> None:
        self._stopped.set()
        self.unsent.bell.ring()

    def run(self) -> None:
        failures = 0  # since all was well
        while not self._stopped.wait(_pause(failures)):
            try:
                with closing(NotifiedConnection(self._connect(), self.unsent.bell)) as connection:
                    while not self._stopped.is_set():
                        self._begin(connection)
                        failures = 0
                        self._serve(connection)
            except Exception as error:
                if not isinstance(error, psycopg.Error | OSError | Refused):
                    log.exception("notifications cannot be heard")
                failures += 1
                self._lost(reason(error), failures)
        self.unsent.bell.close()

    def _begin(self, connection: NotifiedConnection) -> None:
        """On a channel that nobody else uses, so that a pooler's connection that hears it is not woken again."""
        own = f"{CHANNEL}_{self._process}"
        connection.ask(f"LISTEN {own}")
        self._probe(own)
        is_heard = connection.hears(own, PROBE_S)
        connection.ask(f"UNLISTEN {own}")
        if is_heard:
            connection.ask(f"LISTEN {CHANNEL}")
        self._found(HEARD if is_heard else POOLED)
        self._tell(None, True)  # of what happened until now nobody may have told

    def _serve(self, connection: NotifiedConnection) -> None:
        """Until it is time to see whether a pooler lets them through now, or all ends."""
        until = math.inf if self.state == HEARD else time.monotonic() + PROBE_AGAIN_S
        next_at = 0.0
        while not self._stopped.is_set() and (now := time.monotonic()) < until:
            if self.unsent and now >= next_at:
                connection.ask("SELECT pg_notify($1, $2)", CHANNEL, f"{self._process} {self.unsent.take()}")
                self._counts.sent += 1
                next_at = time.monotonic() + SEND_PAUSE_S
            if come := connection.come():
                self._hear(come)
                self._stopped.wait(READ_PAUSE_S)
            else:
                connection.wait((next_at if self.unsent else until) - time.monotonic())

    def _hear(self, come: Iterable[Notification]) -> None:
        rooms: set[str] = set()
        is_personal = False
        for _, payload in come:
            found = _payload.fullmatch(payload)
            if found is None:
                self._counts.garbage += 1
            elif found[1].decode() != self._process:
                self._counts.heard += 1
                words = found[2].decode().split()
                is_personal |= PERSONS in words
                rooms.update(room for word in words if (room := self._followed.get(word)) is not None)
        if rooms or is_personal:
            self._tell(frozenset(rooms), is_personal)

    def _found(self, state: str) -> None:
        if state == POOLED != self.state:
            log.warning(
                "a pooler in front of the database keeps notifications to itself (LISTEN): people on different "
                "processes hear each other up to 2 s later, unless it pools sessions, or REDIS_URL is set"
            )
        elif state == HEARD and self._is_told:
            log.warning("other processes are heard at once again: PostgreSQL notifies")
        self.state, self._is_told = state, False

    def _lost(self, why: str, failures: int) -> None:
        """Told from the second failure on: the first one may be chance."""
        self._counts.interruptions += self.state != AWAY
        self.state = AWAY
        self.unsent.clear()
        if failures > 1 and not self._is_told and time.monotonic() >= self._told_at + QUIET_S:
            self._is_told, self._told_at = True, time.monotonic()
            log.warning("PostgreSQL notifies nobody (%s): what others store is found by looking, within 2 s", why)


class Unsent:
    """Digests of rooms that are to be told, and a bell for the thread that tells them."""

    def __init__(self) -> None:
        self.bell = Bell()
        self._lock = threading.Lock()
        self._words: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._words)

    def add(self, words: set[str]) -> None:
        with self._lock:
            is_first = not self._words
            self._words |= words
        if is_first and words:
            self.bell.ring()

    def take(self) -> str:
        """As many as a payload holds; the others wait for the next one."""
        with self._lock:
            some = list(islice(self._words, MAX_DIGESTS))
            self._words.difference_update(some)
        return " ".join(some)

    def clear(self) -> None:
        with self._lock:
            self._words.clear()


def _digests(batch: Iterable[Write]) -> set[str]:
    """Of what these writes have changed: rooms, and what persons are told alone. What may have changed any room
    (`Changes.ROOMS`) is rare, and left to the look."""
    rooms: set[str] = set()
    is_personal = False
    for write in batch:
        if room := write.room:
            rooms.add(room)
        is_personal |= write.ask is queries.mark_read
    words = {digest(room) for room in rooms}
    if is_personal or any(room.startswith(PERSONS) for room in rooms):
        words.add(PERSONS)
    return words


def _pause(failures: int) -> float:
    """Seconds; none after the first."""
    if failures < 2:
        return 0.0
    return min(FIRST_PAUSE_S * 2.0 ** min(failures, 20), LONGEST_PAUSE_S) * random.uniform(0.5, 1)  # noqa: S311
