"""Keeps the index of words up to date: what was said lately is taken into it, many messages at a time. What is not in
it yet is found all the same (store/queries/search.py): nobody waits for this, and it may be late.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

INTERVAL_S = 30.0
MANY = 1_000  # changes, of all rooms together, with which the interval is not waited for
# Changes that are taken in one transaction. Whoever says something meanwhile waits for it: 50 take a millisecond or
# two, each half as much again as one of many. Where more waits it is taken in larger parts, to keep up: 250 take 5 to
# 10 milliseconds, 1,000 three times as long, for an eighth less in all.
MIN_AT_ONCE, MAX_AT_ONCE = 50, 250
PARTS = 20  # in which all is taken that waits
PAUSE = 2  # after each, so many times as long as it took, for others who write
RETRY_S = 5.0
WORTH_TELLING = 5_000  # changes that were left at the start


class Store(Protocol):
    async def read(self, ask: Callable[..., Any], *args: Any) -> Any: ...

    async def write(self, ask: Callable[..., Any], *args: Any) -> Any: ...


class Indexing:
    """Of the rooms in which something is said here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed: set[str] = set()
        self._count = 0  # changes of these rooms
        self._has_many = asyncio.Event()

    def note(self, room: str) -> None:
        """A message of the room is new, or has changed."""
        self._changed.add(room)
        self._count += 1
        if self._count >= MANY:
            self._has_many.set()

    async def run(self) -> None:
        """For as long as the server runs. First what was left before it began: after an update that is everything."""
        await self._retried(self._take_what_was_left)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._has_many.wait()
            self._has_many.clear()
            await self._retried(self.take_new)

    async def take_new(self) -> None:
        """Raises Refused where nothing can be stored; then it is taken the next time."""
        changed, self._changed = self._changed, set()
        count, self._count = self._count, 0
        try:
            await self._take(sorted(changed), count)
        except Refused:
            self._changed |= changed
            self._count += count
            raise

    async def _take_what_was_left(self) -> None:
        await self._store.write(queries.begin_index)
        left = await self._store.read(queries.unindexed_rooms)
        total, began = sum(count for _, count in left), time.monotonic()
        if total >= WORTH_TELLING:
            log.warning("%d messages are taken into the index of words while the server runs", total)
        await self._take([room for room, _ in left], total)
        if total >= WORTH_TELLING:
            log.warning("the index of words is complete, after %.0f s", time.monotonic() - began)

    async def _take(self, rooms: Sequence[str], count: int) -> None:
        """count: how many changes of the rooms there are, about."""
        most = min(max(count // PARTS, MIN_AT_ONCE), MAX_AT_ONCE)
        taken = most
        while rooms and taken == most:
            began = time.monotonic()
            taken, rooms = await self._store.write(queries.index_some, rooms, most)
            await asyncio.sleep(PAUSE * (time.monotonic() - began))

    async def _retried(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
                return
            except Refused as refusal:  # the store has logged why
                log.debug("the index of words waits: %s", refusal.text)
                await asyncio.sleep(RETRY_S)
