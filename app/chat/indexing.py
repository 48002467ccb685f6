"""Keeps the index of words up to date: what was said lately is taken into it, many messages at a time. What is not in
it yet is found all the same (store/queries/search.py): nobody waits for this, and it may be late.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

INTERVAL_S = 30.0
AT_ONCE = 1_000  # changes that are taken in one transaction; so many of all rooms are not waited with
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
        self._changed: Counter[str] = Counter()
        self._has_many = asyncio.Event()

    def note(self, room: str) -> None:
        """A message of the room is new, or has changed."""
        self._changed[room] += 1
        if self._changed.total() >= AT_ONCE:
            self._has_many.set()

    async def run(self) -> None:
        """For as long as the server runs. First what was left before it began: after an update that is everything."""
        await self._retried(self._take_what_was_left)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_many.wait(), INTERVAL_S)
            self._has_many.clear()
            await self._retried(self.take_new)

    async def take_new(self) -> None:
        """Raises Refused where nothing can be stored; then it is taken the next time."""
        changed, self._changed = self._changed, Counter()
        try:
            await self._take(sorted(changed))
        except Refused:
            self._changed += changed
            raise

    async def _take_what_was_left(self) -> None:
        await self._store.write(queries.begin_index)
        left = await self._store.read(queries.unindexed_rooms)
        total, began = sum(count for _, count in left), time.monotonic()
        if total >= WORTH_TELLING:
            log.warning("%d messages are taken into the index of words while the server runs", total)
        await self._take([room for room, _ in left])
        if total >= WORTH_TELLING:
            log.warning("the index of words is complete, after %.0f s", time.monotonic() - began)

    async def _take(self, rooms: Sequence[str]) -> None:
        taken = AT_ONCE
        while rooms and taken == AT_ONCE:
            began = time.monotonic()
            taken, rooms = await self._store.write(queries.index_some, rooms, AT_ONCE)
            await asyncio.sleep(PAUSE * (time.monotonic() - began))

    async def _retried(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
                return
            except Refused as refusal:  # the store has logged why
                log.debug("the index of words waits: %s", refusal.text)
                await asyncio.sleep(RETRY_S)
