"""Names for guests, looked up for several at once where many come: most of a look is the way to the database."""

import asyncio
from typing import Any, Protocol

from app.chat import names
from app.store import queries
from app.store.queries import Name

MAX_AGE_S = 1.0  # after which a name is looked up again
MAX_NAMES = 100  # of one look


class Store(Protocol):
    async def read(self, ask: Any, *args: Any) -> Any: ...


class GuestNames:
    """Names that were free in the database a moment ago. Whether somebody who is here bears one meanwhile, the caller
    has to see.

    held: milliseconds for which a name is kept, usually.
    """

    def __init__(self, store: Store, held: int) -> None:
        self._store, self._held = store, held
        self._free: list[Name] = []
        self._good_until = 0.0  # on the loop's clock
        self._size = 1  # of the last look
        self._looking: asyncio.Task[None] | None = None

    async def take(self) -> Name:
        """One that nobody else is given. Raises Refused where the database cannot be read."""
        loop = asyncio.get_running_loop()
        while not self._free or loop.time() > self._good_until:
            if self._looking is None or self._looking.done():
                self._looking = loop.create_task(self._look())
                self._looking.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(self._looking)
        return self._free.pop()

    async def _look(self) -> None:
        """For twice as many as before, where these were gone within their time."""
        loop = asyncio.get_running_loop()
        self._size = min(2 * self._size, MAX_NAMES) if loop.time() <= self._good_until else 1
        wanted = [names.guest() for _ in range(self._size)]
        free = await self._store.read(queries.free_names, wanted, self._held)
        if not free:  # all of them are borne: a longer one
            free = (await self._store.read(queries.free_names, list(names.guests()), self._held))[:1]
        self._free, self._good_until = free, loop.time() + MAX_AGE_S
