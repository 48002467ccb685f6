"""Heartbeats of processes: every 2 s each tells that it lives, and how many are in its fullest rooms.

One that is silent for 6 s has died, or is suspended: its people are awaited, and leave if they do not come back. While
Redis is away nobody can be heard, and nobody is taken for dead.
"""

import asyncio
import heapq
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sized

from app.chat.waiting import wait_within
from app.live.redis import shapes
from app.live.redis.connection import RedisConnection

log = logging.getLogger("parlor.directory")

BEAT_S = 2.0
SILENCE_S = 6.0
PROCESSES = "processes"  # the channel


class Heartbeats:
    """Own ones, and those of others. elsewhere: kept as the sum of what others tell of their rooms. here: the people of
    this process, by room.

    on_appeared: called when a process has begun, or has written all its people anew; on_gone: when it has ended.
    """

    def __init__(self, redis: RedisConnection, elsewhere: Counter[str], here: Mapping[str, Sized]) -> None:
        self.on_appeared: Callable[[str], None] = lambda _process: None
        self.on_gone: Callable[[str], None] = lambda _process: None
        self._redis, self._elsewhere, self._here = redis, elsewhere, here
        self._interval, self._silence = BEAT_S, SILENCE_S
        self._generation = 0  # of what this process has written
        self._heard: dict[str, tuple[float, int]] = {}  # by process: when, on the loop's clock; its generation
        self._counts: dict[str, dict[str, int]] = {}  # by process: people, by room
        self._must_beat = asyncio.Event()
        redis.subscribe(PROCESSES, shapes.BEAT, self._on_beat)

    def __len__(self) -> int:
        """Other processes that are heard."""
        return len(self._heard)

    def next_generation(self) -> None:
        """This process has written all its people anew."""
        self._generation += 1
        self._must_beat.set()

    def forgive(self) -> None:
        """Nobody could be heard until now."""
        now = asyncio.get_running_loop().time()
        self._heard = {process: (now, generation) for process, (_, generation) in self._heard.items()}
        self._must_beat.set()

    async def run(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            await wait_within(self._interval, self._must_beat)
            self._must_beat.clear()
            if now() > began + 2 * self._interval:  # suspended, and what came meanwhile is not read yet
                self.forgive()
            self.tell()
            self._end_silent(now())

    def tell(self, stops: bool = False) -> None:
        fullest = heapq.nlargest(shapes.MAX_ROOMS, self._here, key=lambda room: len(self._here[room]))
        counts = {room: len(self._here[room]) for room in fullest}
        self._redis.publish(PROCESSES, shapes.BEAT, shapes.write([self._generation, stops, counts]))

    def _on_beat(self, process: str, body: bytes) -> None:
        """Raises BadFrame."""
        generation, stops, counts = shapes.read_beat(body)
        if stops:
            self._end(process)
            return
        before = self._heard.get(process)
        self._heard[process] = asyncio.get_running_loop().time(), generation
        self._count(process, counts)
        if before is None:
            self._must_beat.set()  # it may have begun just now, and know of nobody
        if before is None or before[1] != generation:
            self.on_appeared(process)

    def _end_silent(self, now: float) -> None:
        if not self._redis.is_connected:
            return
        for process, (at, _) in tuple(self._heard.items()):
            if now > at + self._silence:
                log.warning("process %s has been silent for %.0f s: its people are awaited", process, now - at)
                self._end(process)

    def _end(self, process: str) -> None:
        self._heard.pop(process, None)
        self._count(process, {})
        self.on_gone(process)

    def _count(self, process: str, counts: dict[str, int]) -> None:
        before = self._counts.pop(process, {})
        self._elsewhere.subtract(before)
        self._elsewhere.update(counts)
        for room in before:
            if self._elsewhere[room] <= 0:
                del self._elsewhere[room]
        if counts:
            self._counts[process] = counts
