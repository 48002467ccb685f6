"""The people of this process, as others find them: in Redis, by room, and who comes and leaves on the room's channel.

In Redis a room is a hash `here:{process}:{room}`: of each person, how they are called; under the empty name, the number
of the last frame. Whoever begins to listen to the room reads it. `alive:{process}` says that all of them are written.
All of this expires by itself when the process has died.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from app.chat.presence import Presence
from app.chat.presence.state import OnlinePerson
from app.chat.waiting import wait_within
from app.live.redis import shapes
from app.live.redis.bus import channel
from app.live.redis.connection import RedisConnection, Unusable

log = logging.getLogger("parlor.directory")

GATHER_S = 0.005  # over which changes are gathered; the first one after a pause waits for nothing
EXPIRE_S, REFRESH_S = 120, 40.0  # of what is written; whoever died is noticed long before
FIELDS = 500  # in one command
COMMANDS = 500  # in one pipeline

Changed = dict[str, float | None]  # by person: for how long the room waits, of those who have left


class OwnPeople:
    """on_rewritten: called when all rooms have been written anew, and others are to read them again."""

    def __init__(self, redis: RedisConnection, presence: Presence, on_rewritten: Callable[[], None]) -> None:
        self._on_rewritten = on_rewritten
        self._redis, self._presence = redis, presence
        self._told: dict[str, set[str]] = {}  # by room: the people, as others know them
        self._numbers: dict[str, int] = {}  # of the last frame, by room
        self._number = 0
        self._changes: dict[str, Changed] = {}  # by room, not told yet
        self._must_rewrite = True  # what is in Redis is not what is so
        self._wake = asyncio.Event()
        self._telling: asyncio.Future[None] | None = None  # done when what has changed is told
        self._being_told: asyncio.Future[None] | None = None  # the same of what is on its way

    def note(self, room: str, person: OnlinePerson, grace: float | None) -> None:
        """As Presence.on_change."""
        if not self._must_rewrite:
            self._changes.setdefault(room, {})[person.id] = grace
        if self._redis.is_connected:
            self._telling = self._telling or asyncio.get_running_loop().create_future()
            self._wake.set()

    def note_about(self, person: OnlinePerson) -> None:
        """As Presence.on_about."""
        for room in person.rooms:
            if person.is_here_in(room):
                self.note(room, person, None)

    async def wait_told(self) -> None:
        """Until others can find whoever has come or left here until now; at once where Redis is away."""
        if telling := self._telling or self._being_told:
            await asyncio.shield(telling)

    def rewrite(self) -> None:
        """Redis is back, perhaps empty."""
        self._must_rewrite = True
        self._changes.clear()
        self._wake.set()

    async def run(self) -> None:
        refresh_at = told_at = 0.0
        now = asyncio.get_running_loop().time
        while True:
            await wait_within(REFRESH_S, self._wake)
            await asyncio.sleep(told_at + GATHER_S - now())
            self._wake.clear()
            told_at = now()
            try:
                await self.tell()
                if now() > refresh_at:
                    refresh_at = now() + REFRESH_S
                    await self._refresh()
            except Unusable as error:
                self._must_rewrite = True
                log.debug("other processes do not know who is here: %s", error)

    async def tell(self) -> None:
        """Write what has changed, and tell. Raises Unusable."""
        self._being_told, self._telling = self._telling, None
        try:
            if not self._must_rewrite:
                changes, self._changes = self._changes, {}
                await self._tell(changes)
            elif self._redis.is_connected:
                await self._write_anew()
        except Unusable:
            self._must_rewrite = True
            raise
        finally:
            if self._being_told:
                self._being_told.set_result(None)
                self._being_told = None

    async def _tell(self, changes: dict[str, Changed]) -> None:
        commands: list[tuple[Any, ...]] = []
        frames: list[tuple[str, bytes]] = []
        for room, people in changes.items():
            for some in shapes.some_at_a_time(people.items(), shapes.MAX_CHANGES):
                frames.append((room, self._frame(room, dict(some), commands)))
        await self._call(commands)
        for room, frame in frames:
            self._redis.publish(channel(room), shapes.CAME, frame)

    def _frame(self, room: str, changed: Changed, commands: list[tuple[Any, ...]]) -> bytes:
        """One frame about the room, and the commands by which it is written. Who has left is removed before the number
        is written: whoever reads in between reads once too often, and not once too little."""
        told, before = self._told.setdefault(room, set()), self._numbers.get(room, 0)
        self._number += 1
        came: dict[str, OnlinePerson] = {}
        body: list[list[Any]] = []
        for id, grace in changed.items():
            person = self._presence.online.get(id)
            if person and person.is_here_in(room):
                came[id] = person
                told.add(id)
                body.append([*_entry(id, person), None, *_about(person)])
            else:
                told.discard(id)
                body.append([*_entry(id, person), grace or 0])
        key = key_of(self._redis, self._redis.process, room)
        if not told:
            del self._told[room]
            self._numbers.pop(room, None)
            commands.append(("DEL", key))
        else:
            self._numbers[room] = self._number
            if left := [id for id in changed if id not in came]:
                commands.append(("HDEL", key, *left))
            commands.append(("HSET", key, "", self._number, *_fields(came.items())))
            commands.append(("EXPIRE", key, EXPIRE_S))
        return shapes.write([before, self._number, body])

    async def _write_anew(self) -> None:
        """All rooms; others read them again when they hear of another generation."""
        self._must_rewrite, self._changes = False, {}
        self._told, self._numbers = {}, {}
        alive = self._redis.key(f"alive:{self._redis.process}")
        commands: list[tuple[Any, ...]] = [("DEL", alive)]
        for room, people in self._presence.online.here_by_room().items():
            commands += self._room_anew(room, people)
            if len(commands) > COMMANDS:
                await self._call(commands)
                commands = []
        await self._call([*commands, ("SET", alive, self._number, "EX", EXPIRE_S)])
        self._on_rewritten()

    def _room_anew(self, room: str, people: dict[str, OnlinePerson]) -> list[tuple[Any, ...]]:
        here = {id: person for id, person in people.items() if person.is_here_in(room)}
        key = key_of(self._redis, self._redis.process, room)
        commands: list[tuple[Any, ...]] = [("DEL", key)]
        if here:
            self._number += 1
            self._told[room], self._numbers[room] = set(here), self._number
            for some in shapes.some_at_a_time(here.items(), FIELDS):
                commands.append(("HSET", key, "", self._number, *_fields(some)))
            commands.append(("EXPIRE", key, EXPIRE_S))
        return commands

    async def _refresh(self) -> None:
        """What is in Redis expires later; where it is gone, all is written anew. Raises Unusable."""
        keys = [key_of(self._redis, self._redis.process, room) for room in self._told]
        keys.append(self._redis.key(f"alive:{self._redis.process}"))
        if 0 in await self._call([("EXPIRE", key, EXPIRE_S) for key in keys]):
            self.rewrite()

    async def _call(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """In this order. Raises Unusable."""
        answers: list[Any] = []
        for some in shapes.some_at_a_time(commands, COMMANDS):
            answers += await asyncio.gather(*(self._redis.call(*command) for command in some))
        return answers


def key_of(redis: RedisConnection, process: str, room: str) -> str:
    return redis.key(f"here:{process}:{room}")


def _entry(id: str, person: OnlinePerson | None) -> list[Any]:
    """Of one who is not online any more, nothing is known but the id."""
    return [id, person.nickname, person.reserved, person.rev] if person else [id, id, False, 0]


def _about(person: OnlinePerson) -> list[Any]:
    """Left out where it is empty: older versions know no such thing."""
    about = shapes.about_there(person.about, person.away_here)
    return [about] if about else []


def _fields(people: Iterable[tuple[str, OnlinePerson]]) -> Iterable[Any]:
    return chain.from_iterable((id, shapes.write([*_entry(id, person)[1:], *_about(person)])) for id, person in people)
