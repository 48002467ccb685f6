"""What the feed asks of the database: where its rooms stand, and what nobody told it."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from app.chat import Memory, missed
from app.chat.missed import Missed
from app.engineio import Packet
from app.live.broadcaster import packet_of
from app.live.order import RoomOrder
from app.model import Refused
from app.socketio.queue import Tasks

log = logging.getLogger("parlor.feed")

FILLS_AT_ONCE = 2  # rooms whose changes are read at a time, so that others can read

Room = dict[str, Any]


class Store(Memory, Protocol):
    """The database, as the feed knows it."""

    def room_changed(self, room: str) -> None: ...


@dataclass
class Counts:
    """looks: comparisons of all rooms with the database. asked: of some, because there was said to be something. found:
    rooms in which one found what nobody brought. filled: changes that were read."""

    looks: int = 0
    asked: int = 0
    found: int = 0
    filled: int = 0


class Lookup:
    """rooms: those with listeners here, by name. tell: tells the listeners of a room. describe: a stored room as its
    members are told of it. epoch: the name of the history. on_replaced: called with another one's where the database
    holds that now; with the same where it has lost what was told. on_rules: called with a room whose
    rules another process has changed.
    """

    def __init__(
        self,
        store: Store,
        rooms: dict[str, RoomOrder],
        tell: Callable[[str, Packet], None],
        epoch: str,
        on_replaced: Callable[[str], None],
    ) -> None:
        self.counts = Counts()
        self.describe: Callable[[Room], Room] = dict
        self.on_rules: Callable[[str], None] = lambda _room: None
        self._store, self._rooms, self._tell = store, rooms, tell
        self.epoch, self._on_replaced = epoch, on_replaced
        self._turns = asyncio.Semaphore(FILLS_AT_ONCE)
        self._background = Tasks("a room could not be read")
        self._beginning: asyncio.Task[None] | None = None
        self._behind: set[str] = set()  # rooms that were, at the last look

    async def begin(self) -> None:
        """Read where the rooms stand of which that is not known. Raises Refused."""
        if self._beginning is None or self._beginning.done():
            self._beginning = asyncio.create_task(self._begin())
            self._beginning.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._beginning)

    async def _begin(self) -> None:
        await asyncio.sleep(0)  # those that are joined in this tick are read together
        await self._compare(here for here in self._rooms.values() if here.rev is None)

    async def look(self, names: Iterable[str] | None = None) -> None:
        """Compare these rooms with the database, or all. Raises Refused."""
        if names is None:
            self.counts.looks += 1
            self._behind.clear()
            names = self._rooms
        else:
            self.counts.asked += 1
        await self._compare(self._rooms[name] for name in names if name in self._rooms)

    async def _compare(self, some: Iterable[RoomOrder]) -> None:
        rooms, before = [(here, here.rev) for here in some], self.epoch
        if not rooms:
            return
        epoch, found = await missed.standings(self._store, [here.name for here, _ in rooms])
        if before != self.epoch:
            return  # what was read may be of the history before
        if epoch != self.epoch:
            log.warning("the database holds another history now")
            self._on_replaced(epoch)
            return
        for here, known in rooms:
            if self._is_open(here):
                self._note(here, known, *found.get(here.name, (0, "")))

    def _note(self, here: RoomOrder, known: int | None, rev: int, rules_rev: int) -> None:
        """What the database says of a room. known: up to what its listeners had been told when it was asked."""
        if here.rev is None:
            here.begin(rev, rules_rev)
        elif known is not None and rev < known:
            self._go_back(here, rev)
        else:
            if here.expect(rev):
                self._behind.add(here.name)
            if here.rules_rev != rules_rev:
                self._background.begin(self._tell_room(here, rules_rev))

    def _go_back(self, here: RoomOrder, rev: int) -> None:
        """A standby took over that had not got all. What comes next bears revs that were told already, of other
        changes."""
        log.error("the database has lost changes: a room is at rev %d, and was told up to %s", rev, here.rev)
        self._on_replaced(self.epoch)

    async def _tell_room(self, here: RoomOrder, rules_rev: int) -> None:
        """The room's rules are others now, and nobody told."""
        before, here.rules_rev = here.rules_rev, rules_rev
        try:
            about = await missed.about(self._store, here.name)
        except Refused:
            here.rules_rev = before  # the next look finds it again
            return
        self._store.room_changed(here.name)
        if self._is_open(here) and here.rules_rev == rules_rev == about["rules_rev"]:
            self.counts.found += 1
            self.on_rules(here.name)
            self._tell(here.name, packet_of("room", {"room": self.describe(about)}))

    def fill(self, here: RoomOrder) -> None:
        """Read what is missing of a room, and tell it as it looks now."""
        self._background.begin(self._fill(here))

    async def _fill(self, here: RoomOrder) -> None:
        try:
            async with self._turns:
                await self._read_missing(here)
        except Exception as error:
            if self._is_open(here):
                here.filled()
            if not isinstance(error, Refused):
                raise

    def _is_open(self, here: RoomOrder) -> bool:
        """It has listeners, and the history is the same."""
        return self._rooms.get(here.name) is here

    async def _read_missing(self, here: RoomOrder) -> None:
        while self._is_open(here):
            after, early = here.rev or 0, here.early
            page = await missed.after(self._store, here.name, after)
            if not self._is_open(here):
                return
            if page.rev < after:
                self._go_back(here, page.rev)
                return
            self._tell_page(here, page)
            if not page.more:
                here.filled(page.rev, early)
                return

    def _tell_page(self, here: RoomOrder, page: Missed) -> None:
        """Each change in its turn. Where too much was missed, the newest alone: whoever hears it sees the hole, and
        starts over."""
        before = self.counts.filled
        for message in page.messages[-1:] if page.too_much else page.messages:
            self._store.room_changed(here.name)
            packet = packet_of("message", {"room": here.name, "message": message})
            self.counts.filled += here.take(message["rev"], packet)
        if self.counts.filled > before and here.name in self._behind:
            self._behind.remove(here.name)
            self.counts.found += 1

    def stop(self) -> None:
        self._background.cancel()
