"""Group commit.

One thread writes, and takes everything that waits into one transaction: under load a commit is shared by many senders,
at rest a sender waits for nobody. Other threads read. The event loop never touches the file.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from app.model import Refused
from app.store import queries
from app.store.batch import Write
from app.store.connections import READERS
from app.store.engine import RETRY_AFTER
from app.store.recent import Recent
from app.store.sqlite import Replaced, SQLite
from app.store.worker import Worker

log = logging.getLogger("parlor.store")

S = TypeVar("S")
T = TypeVar("T")

BUSY = 5.0  # seconds to wait for another process's lock
MOST_AT_ONCE = 500  # writes in one transaction
# Seconds from one commit to the next under load: more of them share one, and what is then told leaves in one write.
PACE = 0.04
ALL_ROOMS = ""  # the name of no room, for what is asked about all of them
AT_ONCE = 10  # commits that wait for nobody, after a rest


class Database:
    """The memory of one server. Raises Refused("storage") where the database cannot serve."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._sqlite = SQLite(self.url, self._replaced)
        self._reader = ThreadPoolExecutor(READERS, "parlor-read")
        self._writer = Worker("parlor-write")
        self._waiting: list[Write] = []
        self._recent = Recent()
        self._committing = False  # or about to
        self._at_rest: asyncio.Future[None] | None = None  # for who waits until nothing is being committed
        self._closing = self._closed = False
        self._end: asyncio.Future[None] | None = None
        self._due = 0.0  # when the next commit may begin, on the loop's clock
        self.replaced: Callable[[str], None] = lambda _epoch: None  # hears the epoch of a history that took the place

    async def start(self, alone: bool = True) -> None:
        """Bring the schema up to date, and open the file. alone: no other server has it open, so whoever seems to be
        here has left. Raises DBAPIError or OSError where that cannot be done."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._sqlite.start, alone)

    def look(self) -> None:
        """Open the file as it is, beside a server that may be running. Raises Refused where there is none."""
        self._loop = asyncio.get_running_loop()
        self._sqlite.look()

    def _replaced(self, epoch: str) -> None:
        self._loop.call_soon_threadsafe(self._begin_again, epoch)

    def _begin_again(self, epoch: str) -> None:
        self._recent.forget()
        self.replaced(epoch)

    async def ready(self) -> None:
        """Read a row. Raises Refused where that cannot be done, or where nothing can be stored just now."""
        await self.read(queries.probe)
        if self._sqlite.trouble:
            raise self._sqlite.trouble

    async def watch(self) -> None:
        """Look whether the files are what they were, though nobody asks for anything."""
        with contextlib.suppress(Refused):
            await self.write(queries.probe)

    # --- its end ---

    def hurry(self, seconds: float) -> None:
        """Wait for another process's lock that much longer, and no more: who then asks is told at once."""
        self._sqlite.hurry(seconds)

    async def close(self) -> None:
        """Commit what waits. What another process's lock keeps from being stored now is refused, not waited for.
        Whoever closes it again waits for the same end: two would close each other's descriptors."""
        if self._end is None:
            self._end = asyncio.ensure_future(self._close())
        await asyncio.shield(self._end)

    async def _close(self) -> None:
        self._closing = True
        self.hurry(0)
        while self._committing:
            self._at_rest = self._at_rest or self._loop.create_future()
            await asyncio.shield(self._at_rest)
        self._closed = True
        for end in (self._reader.shutdown, self._writer.finish):
            await asyncio.to_thread(end)
        await asyncio.to_thread(self._sqlite.close)

    # --- questions ---

    async def read(self, ask: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Ask a question that changes nothing, as of one moment."""

        def question(db: Connection) -> T:
            return ask(db, *args, **kwargs)

        try:
            return await self._loop.run_in_executor(self._reader, self._sqlite.ask, question)
        except Replaced:
            with contextlib.suppress(Refused):
                await self.write(queries.probe)  # who writes follows to the other file
            return await self._loop.run_in_executor(self._reader, self._sqlite.ask, question)

    async def recall(self, room: str, shape: Callable[[T], S], ask: Callable[..., T], *args: Hashable) -> S:
        """`read` of a question about this room alone, in the shape that it is wanted in; from memory where nothing of
        the room has changed since the same was asked. The answer is others', too: nobody may change it."""

        async def asked() -> S:
            return shape(await self.read(ask, room, *args))

        return await self._recent.share(room, (ask, shape, args), asked)

    async def recall_rooms(self, ask: Callable[..., T], *args: Hashable) -> T:
        """`read` of a question about all rooms; from memory where nothing of any room has changed since. The answer is
        others', too: nobody may change it."""

        async def asked() -> T:
            return await self.read(ask, *args)

        return await self._recent.share(ALL_ROOMS, (ask, args), asked)

    async def write(self, ask: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Ask a question that changes something; returns once it is committed.

        Writers of one commit go on in the order in which they were committed, without a pause between them: what they
        then tell a room is told in the order of its revs.
        """
        if self._closed:
            raise Refused("storage", "The server stops, and stores nothing any more.", retry_after=RETRY_AFTER)
        room, no_room = kwargs.get("room"), ask in queries.OF_PEOPLE
        waiting = Write(ask, args, kwargs, self._loop.create_future(), room, no_room)
        self._waiting.append(waiting)
        if not self._committing:
            self._committing = True
            self._loop.call_soon(self._in_pace)
        answer: T = await waiting.done
        return answer

    def _in_pace(self) -> None:
        """Whoever asks now and then is served at once; where it goes on and on, a commit waits for company."""
        if self._due > self._loop.time() and len(self._waiting) < MOST_AT_ONCE and not self._closing:
            self._loop.call_later(PACE, self._after_a_pause)
        else:
            self._hand_over()

    def _after_a_pause(self) -> None:
        if len(self._waiting) == 1:  # nobody came: who asks one after the other would only be slowed down
            self._due = 0.0
        self._hand_over()

    def _hand_over(self) -> None:
        self._due = max(self._due, self._loop.time() - AT_ONCE * PACE) + PACE
        batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        self._writer.hand(self._commit_and_report, batch)

    def _commit_and_report(self, batch: list[Write]) -> None:
        outcomes = self._commit(batch)
        self._loop.call_soon_threadsafe(self._settle, batch, outcomes)

    def _settle(self, batch: list[Write], outcomes: list[Any]) -> None:
        for one in batch:  # before anybody is told
            if not one.no_room:
                self._recent.forget(one.room)
                self._recent.forget(ALL_ROOMS)
        for one, outcome in zip(batch, outcomes, strict=True):
            one.settle(outcome)
        if self._waiting:
            self._in_pace()
            return
        self._committing = False
        if self._at_rest:
            self._at_rest.set_result(None)
            self._at_rest = None

    def _commit(self, batch: list[Write]) -> list[Any]:
        """All of the batch in one transaction; an error instead of a result where one was refused or all failed."""
        try:
            return self._sqlite.commit(batch, BUSY)
        except Refused as refusal:
            return [refusal] * len(batch)
        except Exception as error:
            log.exception("could not commit %d writes", len(batch))
            return [error] * len(batch)
