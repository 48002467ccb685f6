"""The directory of people over all processes: each tells the others by Redis who is with it, and that it lives.

Every 2 s a process tells that it lives, and how many are in its fullest rooms. One that is silent for 6 s has died, or
is suspended: its people are shown as reconnecting, and leave if they do not come back. While Redis is away, what was
known stays.
"""

import asyncio
import heapq
import logging
from collections.abc import Coroutine, Iterator
from typing import Any

from app.chat import Chat, people
from app.chat.counts import Reading
from app.chat.presence.state import OnlinePerson
from app.live.redis import shapes
from app.live.redis.connection import RedisConnection, Unusable
from app.live.redis.other_people import OtherPeople
from app.live.redis.own_people import OwnPeople
from app.model import Profile

log = logging.getLogger("parlor.directory")

BEAT_S = 2.0
SILENCE_S = 6.0  # of a process, after which it is taken for dead
CLOSE_TIMEOUT_S = 0.3  # for Redis to take the last words
PEOPLE, PROCESSES = "people", "processes"  # channels


class RedisDirectory:
    """The chat's Directory where there is a Redis."""

    def __init__(self, redis: RedisConnection, chat: Chat) -> None:
        self._redis, self._chat, self._beat_s, self._silence_s = redis, chat, BEAT_S, SILENCE_S
        self._must_beat = asyncio.Event()
        self._own = OwnPeople(redis, chat.presence, self._must_beat.set)
        self._others = OtherPeople(redis, chat)
        self._here: dict[str, set[str]] = {}  # by room: the people of this process
        self._heard: dict[str, tuple[float, int]] = {}  # by process: when, on the loop's clock; its generation
        self._counts: dict[str, dict[str, int]] = {}  # by process: people, by room
        self._tasks: set[asyncio.Task[None]] = set()
        chat.presence.on_change = self._on_change
        redis.on_connected.append(self._on_connected)
        redis.subscribe(PEOPLE, shapes.PROFILE, self._on_profile)
        redis.subscribe(PEOPLE, shapes.IDENTIFIED, self._on_identified)
        redis.subscribe(PROCESSES, shapes.BEAT, self._on_beat)

    # --- as the chat knows it ---

    def tell_profile(self, profile: Profile) -> None:
        self._redis.publish(PEOPLE, shapes.PROFILE, shapes.write(shapes.called(profile)))

    def tell_identified(self, token: str, former: str, owner: Profile) -> None:
        self._redis.publish(PEOPLE, shapes.IDENTIFIED, shapes.write([token, former, shapes.called(owner)]))

    async def wait_known(self, room: str) -> None:
        await self._others.wait_known(room)

    # --- for as long as the server runs ---

    async def run(self) -> None:
        self._on_connected()
        await asyncio.gather(self._own.run(), self._beat())

    async def close(self) -> None:
        """The last words of this process: its people are expected elsewhere."""
        self._chat.presence.on_change = lambda _room, _person, _grace: None
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._own.tell()
                self._tell_beat(stops=True)
                await self._redis.call("PING")
        except (Unusable, TimeoutError):
            log.debug("other processes find out by themselves that this one has ended")
        self._others.stop()
        for task in self._tasks:
            task.cancel()

    def readings(self) -> Iterator[Reading]:
        yield Reading("parlor_directory_processes", "Other processes that are heard.", len(self._heard), False)
        text = "People of other processes, in rooms to which somebody of this one listens."
        yield Reading("parlor_people_elsewhere", text, len(self._others.elsewhere), False)

    # --- what happens here ---

    def _on_change(self, room: str, person: OnlinePerson, grace: float | None) -> None:
        here = self._here.setdefault(room, set())
        if grace is None:
            here.add(person.id)
            if len(here) == 1:
                self._others.follow(room)
        else:
            here.discard(person.id)
            if not here:
                del self._here[room]
                self._others.unfollow(room)
        self._own.note(room, person, grace)

    def _on_connected(self) -> None:
        """Redis is back, and nobody could be heard meanwhile."""
        self._forgive()
        self._own.rewrite()
        self._others.read_again()
        self._must_beat.set()

    async def _beat(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            try:
                async with asyncio.timeout(self._beat_s):
                    await self._must_beat.wait()
            except TimeoutError:
                pass
            self._must_beat.clear()
            if now() > began + 2 * self._beat_s:  # this process was suspended, and has not read yet what came meanwhile
                self._forgive()
            self._tell_beat()
            self._end_silent(now())

    def _forgive(self) -> None:
        """Nobody could be heard until now."""
        now = asyncio.get_running_loop().time()
        self._heard = {process: (now, generation) for process, (_, generation) in self._heard.items()}

    def _tell_beat(self, stops: bool = False) -> None:
        fullest = heapq.nlargest(shapes.MAX_ROOMS, self._here, key=lambda room: len(self._here[room]))
        counts = {room: len(self._here[room]) for room in fullest}
        self._redis.publish(PROCESSES, shapes.BEAT, shapes.write([self._own.generation, stops, counts]))

    # --- what others tell ---

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
            self._others.appeared(process)

    def _end_silent(self, now: float) -> None:
        """While Redis is away nobody can be heard."""
        if self._redis.is_connected:
            for process, (at, _) in tuple(self._heard.items()):
                if now > at + self._silence_s:
                    log.warning("process %s has not been heard of for %g s: its people are awaited", process, now - at)
                    self._end(process)

    def _end(self, process: str) -> None:
        self._heard.pop(process, None)
        self._count(process, {})
        self._others.gone(process, self._chat.grace)

    def _count(self, process: str, counts: dict[str, int]) -> None:
        elsewhere = self._chat.presence.rooms.elsewhere
        elsewhere.subtract(self._counts.pop(process, {}))
        elsewhere.update(counts)
        for room in [room for room, count in elsewhere.items() if count <= 0]:
            del elsewhere[room]
        if counts:
            self._counts[process] = counts

    def _on_profile(self, _process: str, body: bytes) -> None:
        """Raises BadFrame."""
        people.hear_profile(self._chat, Profile(*shapes.read_called(body)))

    def _on_identified(self, _process: str, body: bytes) -> None:
        """Raises BadFrame."""
        token, former, owner = shapes.read_identified(body)
        self._start(people.hear_identified(self._chat, token, former, Profile(*owner)))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
