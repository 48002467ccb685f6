"""How far people have read: kept here for a moment, and stored for many at a time."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

SAVE_INTERVAL_S = 2.0
SHARED_S = 1.0  # for which one look at somebody's marks answers all who ask, as a page does that joins its rooms

READ_AT_ONCE = 500  # people

Marks = dict[str, int]  # the seq of the last message that was read, by room


class Store(Protocol):
    async def read(self, ask: Callable[..., Any], *args: Any) -> Any: ...

    async def write(self, ask: Callable[..., Any], *args: Any) -> Any: ...


class ReadMarks:
    """Of everybody who is here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, asyncio.Future[Marks]] = {}  # by person
        self._wanted: dict[str, asyncio.Future[Marks]] = {}  # those that are not being read yet
        self._new: dict[str, float] = {}  # who was stored a moment ago, in the order of that, and when
        self._reading: asyncio.Task[None] | None = None
        self._unsaved: dict[str, Marks] = {}
        self._has_some = asyncio.Event()

    async def of(self, person: str) -> Marks:
        """Raises Refused where they cannot be read."""
        if self._is_new(person):
            return self._unsaved.get(person, {}).copy()
        reading = self._read.get(person)
        if reading is None:
            loop = asyncio.get_running_loop()
            reading = self._wanted[person] = self._share(person)
            if self._reading is None or self._reading.done():
                self._reading = loop.create_task(self._read_wanted())
        return await asyncio.shield(reading) | self._unsaved.get(person, {})

    def begin(self, person: str) -> None:
        """The person was stored just now, and has read nothing: nobody need look."""
        self._new.pop(person, None)
        self._new[person] = asyncio.get_running_loop().time()
        while not self._is_new(eldest := next(iter(self._new))):
            del self._new[eldest]

    def _is_new(self, person: str) -> bool:
        """Were they stored within SHARED_S, and nothing of what they have read?"""
        since = self._new.get(person)
        return since is not None and asyncio.get_running_loop().time() - since < SHARED_S

    def _share(self, person: str) -> asyncio.Future[Marks]:
        loop = asyncio.get_running_loop()
        reading = self._read[person] = loop.create_future()
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        loop.call_later(SHARED_S, self._forget, person, reading)
        return reading

    async def _read_wanted(self) -> None:
        """Of all who ask meanwhile at once: many come when a server has started."""
        while self._wanted:
            some = {person: self._wanted.pop(person) for person in list(self._wanted)[:READ_AT_ONCE]}
            try:
                found = await self._store.read(queries.read_marks_of, list(some))
                for person, reading in some.items():
                    reading.set_result(found[person])
            except Exception as error:
                for reading in some.values():
                    reading.set_exception(error)

    def _forget(self, person: str, reading: asyncio.Future[Marks]) -> None:
        if self._read.get(person) is reading:
            del self._read[person]

    def note(self, person: str, room: str, seq: int) -> None:
        mine = self._unsaved.setdefault(person, {})
        mine[room] = max(seq, mine.get(room, 0))
        self._has_some.set()

    async def save(self) -> None:
        """Raises Refused where nothing can be stored; then they are kept."""
        now, unsaved = queries.now(), {person: dict(marks) for person, marks in self._unsaved.items()}
        rows = [
            {"person": person, "room": room, "seq": seq, "at": now}
            for person, marks in sorted(unsaved.items())
            for room, seq in sorted(marks.items())
        ]
        if not rows:
            return
        await self._store.write(queries.mark_read, rows)
        for person, marks in unsaved.items():
            self._read.pop(person, None)
            self._new.pop(person, None)
            later = {room: seq for room, seq in self._unsaved[person].items() if seq != marks.get(room)}
            if later:
                self._unsaved[person] = later
            else:
                del self._unsaved[person]

    async def run(self) -> None:
        """Saves at intervals for as long as the server runs."""
        while True:
            await self._has_some.wait()
            await asyncio.sleep(SAVE_INTERVAL_S)
            self._has_some.clear()
            try:
                await self.save()
            except Refused as refusal:
                log.debug("how far people have read could not be stored: %s", refusal.text)
                self._has_some.set()
