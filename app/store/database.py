"""The memory of one server: questions are read by reader threads, changes are committed in groups by one writer thread.
The event loop never touches the file."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar, TypeVarTuple

from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from app.model import Refused
from app.store import queries
from app.store.batch import Write
from app.store.cache import RoomCache
from app.store.changes import Changes
from app.store.commits import CommitQueue
from app.store.engine import RETRY_AFTER
from app.store.sqlite import SQLite
from app.store.storage import Notifications, Replaced, Storage

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LOCK_TIMEOUT_S = 5.0  # to wait for another process's lock
BREAK_OFF_S = 0.05  # at the end, between two times that questions are broken off: the next part of one may have begun
POSTGRES = ("postgres://", "postgresql://")
ALL_ROOMS = ""  # the name of no room, for questions about all of them


class Database:
    """Raises Refused("storage") where the database cannot serve."""

    def __init__(self, url: str) -> None:
        """Raises Refused where the URL cannot be understood."""
        self._storage = _storage_of(url, self._on_replaced)
        self.place, self.file = self._storage.place, self._storage.file
        self._reader = ThreadPoolExecutor(self._storage.readers, "parlor-read")
        self._cache = RoomCache()
        self._commits = CommitQueue(partial(self._storage.commit, busy=LOCK_TIMEOUT_S), self._invalidate)
        self._closing: asyncio.Future[None] | None = None
        self._closed = False
        self._data_version: int | None = None
        self.on_foreign_write: Callable[[], None] = lambda: None  # called where another process wrote into the file
        self.replaced: Callable[[str], None] = lambda _epoch: None  # called with the epoch of a history that took over

    async def start(self, alone: bool = True, unfinished: bool = False) -> None:
        """Bring the schema up to date, and open the database. alone: no other server has it open, so whoever seems to
        be here has left. unfinished: it may be a copy that is not whole yet (app/copy.py). Raises Refused,
        SQLAlchemyError, CannotUpgrade or OSError where that cannot be done."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._storage.start, alone)
        if not unfinished and await self.read(queries.unfinished) is not None:
            await self.close()
            raise Refused("storage", f"The copy into {self.place} is not finished: run `python -m app copy` again.")
        self._data_version = await self.write(queries.data_version)

    def open_existing(self) -> None:
        """Open the database as it is, beside a server that may be running. Raises Refused where there is none."""
        self._loop = asyncio.get_running_loop()
        self._storage.open_existing()

    def _on_replaced(self, epoch: str) -> None:
        """On the writer's thread."""

        def start_over() -> None:
            self._cache.invalidate()
            self.replaced(epoch)

        self._loop.call_soon_threadsafe(start_over)

    async def ready(self) -> None:
        """Read a row. Raises Refused where that cannot be done, or where nothing can be stored just now."""
        await self.read(queries.probe)
        if self._storage.trouble:
            raise self._storage.trouble

    async def watch(self) -> None:
        """Check whether the files are what they were, and who writes to them, though nobody asks for anything."""
        with contextlib.suppress(Refused):
            _, version = await asyncio.gather(self.write(queries.probe), self.write(queries.data_version))
            before, self._data_version = self._data_version, version
            if before not in (None, self._data_version):
                self._cache.set_aside(None)
                self.on_foreign_write()

    def room_changed(self, room: str) -> None:
        """Another process has changed something of this room: what is remembered of it is not as it is now."""
        self._cache.invalidate(room)
        self._cache.invalidate(ALL_ROOMS)

    @property
    def notifications(self) -> Notifications | None:
        """Where the database itself can tell other processes that something was committed."""
        return self._storage.notifications

    # --- closing ---

    def set_lock_deadline(self, seconds: float) -> None:
        """From now on wait at most `seconds` for another process's lock; later writes fail at once."""
        self._storage.set_lock_deadline(seconds)

    async def close(self) -> None:
        """Commit what waits; what another process's lock keeps from being stored now is refused. A second call waits
        for the end of the first: two would close each other's descriptors."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.set_lock_deadline(0)
        await self._commits.drain()
        self._closed = True
        await self._commits.finish()
        await _end_questions(self._reader, self._storage)
        await asyncio.to_thread(self._storage.close)

    # --- questions ---

    async def read(self, ask: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question that changes nothing, as of one moment."""

        def question(db: Connection) -> T:
            return ask(db, *args, **kwargs)

        try:
            return await self._loop.run_in_executor(self._reader, self._storage.ask, question)
        except Replaced:
            with contextlib.suppress(Refused):
                await self.write(queries.probe)  # the writer opens the other file
            return await self._loop.run_in_executor(self._reader, self._storage.ask, question)

    async def read_cached(
        self, room: str, shape: Callable[[T], S], ask: Callable[[Connection, str, *Ts], T], *args: *Ts
    ) -> S:
        """`read` of a question about this room alone, in the shape that it is wanted in; from memory where nothing of
        the room has changed since the same was asked. The answer is shared: nobody may change it."""

        question = (ask, shape, args)

        async def load() -> S:
            try:
                return shape(await self.read(ask, room, *args))
            except Refused as refusal:
                known: S = self._cache.last_known(room, question, refusal)
                return known

        return await self._cache.get_or_load(room, question, load)

    async def read_cached_rooms(self, ask: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
        """`read` of a question about all rooms; from memory where nothing of any room has changed since. The answer is
        shared: nobody may change it."""

        question = (ask, args)

        async def load() -> T:
            try:
                return await self.read(ask, *args)
            except Refused as refusal:
                known: T = self._cache.last_known(ALL_ROOMS, question, refusal)
                return known

        return await self._cache.get_or_load(ALL_ROOMS, question, load)

    async def write(self, ask: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question that changes something; returns once it is committed.

        Writers of one commit go on in the order in which they were committed, without a pause between them: what they
        then tell a room is told in the order of its revs.
        """
        if self._closed:
            raise Refused("storage", "The server stops, and stores nothing any more.", retry_after=RETRY_AFTER)
        write = Write(ask, args, kwargs, self._loop.create_future())
        self._commits.add(write)
        answer: T = await write.done
        return answer

    def _invalidate(self, batch: list[Write]) -> None:
        """The batch was tried. Where it failed, part of it may be stored; nobody is told of that."""
        drop = self._cache.set_aside if self._storage.trouble else self._cache.invalidate
        for write in batch:
            if write.changes not in (Changes.NOTHING, Changes.PEOPLE):
                drop(write.room)
                drop(ALL_ROOMS)


async def _end_questions(reader: ThreadPoolExecutor, storage: Storage) -> None:
    """Nobody waits for the answers any more, and with a large history one may take long."""
    ended = asyncio.ensure_future(asyncio.to_thread(reader.shutdown, cancel_futures=True))
    while not ended.done():
        storage.set_lock_deadline(0)
        await asyncio.wait([ended], timeout=BREAK_OFF_S)
    await ended


def _storage_of(url: str, replaced: Callable[[str], None]) -> Storage:
    if not url.startswith(POSTGRES):
        return SQLite(make_url(url), replaced)
    from app.store.postgres import PostgreSQL  # here: its driver takes a tenth of a start

    return PostgreSQL(url, replaced)
