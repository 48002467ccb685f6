"""What leaves the rooms of a process that is not alone: everything once, in the order of rev, whoever brings it.

A message of this process, one that the bus brings and one that is read from the database take the same way (order.py).
A bus that brings nothing (notified.py) says that there is something to read.
Every 2 s, and at once after any trouble, all rooms with listeners are compared with the database in one query
(lookup.py): so nothing is lost, whatever the bus does, or where there is none. A process that serves alone has no feed:
its events go straight to the broadcaster.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from app.chat.counts import Reading
from app.chat.waiting import wait_within
from app.engineio import Packet
from app.live.broadcaster import Broadcaster, packet_of
from app.live.lookup import Lookup, Store
from app.live.order import HOLE_S, Held, RoomOrder
from app.model import Refused

log = logging.getLogger("parlor.feed")

LOOK_S = 2.0  # between two comparisons with the database, at most
PAUSE_S = 0.05  # between two of any rooms, at least
SHARED = ("message", "react", "typing", "room")  # events that other processes hear; each makes its own `people`


class Bus(Protocol):
    """Brings news of rooms to other processes, quickly, and perhaps not at all. What it hears itself it hands to
    `Feed.hear`; where it may have missed something, or hears only that there is something, it calls `Feed.look`.

    hole: seconds for which a change that is missing may still be brought."""

    hole: float

    def publish(self, room: str, rev: int | None, packet: Packet) -> None: ...

    def listen(self, room: str) -> None: ...

    def ignore(self, room: str) -> None: ...


class Feed:
    """The chat's broadcaster where several processes serve the same rooms. on_replaced: called with the name of the
    history where that is another one now, or has lost what was told, so that everybody has to start over. on_rules:
    called with a room whose rules another process has changed."""

    def __init__(self, local: Broadcaster, store: Store, epoch: str) -> None:
        self.bus: Bus | None = None
        self.on_replaced: Callable[[str], None] = self.start_over
        self.send_to, self.has_gone = local.send_to, local.has_gone
        self._local, self._store = local, store
        self._rooms: dict[str, RoomOrder] = {}  # with listeners here
        self._held = Held()
        self.lookup = Lookup(store, self._rooms, local.send, epoch, lambda epoch: self.on_replaced(epoch))
        self._look_at = 0.0  # on the loop's clock
        self._doubtful: set[str] = set()  # rooms that are compared before that
        self._must_look = asyncio.Event()

    # --- as the chat knows it ---

    def disconnect(self, socket: str) -> None:
        self._local.disconnect(socket)

    def subscribe(self, socket: str, room: str, shown: str = "") -> None:
        self._local.subscribe(socket, room, shown)
        if room not in self._rooms and self._local.has_listeners(room):
            self._store.room_changed(room)  # what is remembered may be older than what was published until now
            self._open(room)
            if self.bus:
                self.bus.listen(room)

    def unsubscribe(self, socket: str, room: str) -> None:
        self._local.unsubscribe(socket, room)
        if room in self._rooms and not self._local.has_listeners(room):
            self._rooms.pop(room).close()
            if self.bus:
                self.bus.ignore(room)

    async def follow(self, room: str) -> None:
        """Know from which rev on the listeners of the room are told what happens: what any of them reads from now on is
        no older. Raises Refused where the database cannot be read."""
        while (here := self._rooms.get(room)) and here.rev is None:
            await self.lookup.begin()

    def broadcast(self, room: str, event: str, payload: dict[str, Any], rev: int | None = None) -> None:
        packet = packet_of(event, payload)
        here = self._rooms.get(room)
        if event == "room" and here:
            here.rules_rev = payload["room"]["rules_rev"]
        if here and rev is not None:
            here.receive(rev, packet)
        else:
            self._local.send(room, packet)
        if self.bus and event in SHARED:
            self.bus.publish(room, rev, packet)

    # --- as the bus knows it ---

    def hear(self, room: str, rev: int | None, packet: Packet, rules_rev: int | None = None) -> None:
        """News of another process. rules_rev: the new one, where that is what they are about."""
        here = self._rooms.get(room)
        if here is None:
            return
        if rev is not None:
            self._store.room_changed(room)
            here.receive(rev, packet)
            return
        if rules_rev is not None:
            self._store.room_changed(room)
            here.rules_rev = rules_rev
            self.lookup.on_rules(room)
        self._local.send(room, packet)

    def look(self, room: str | None = None) -> None:
        """Compare this room with the database soon, or all: something may have been missed. However often it is called,
        one look is under way and one is to come, PAUSE_S after it."""
        if room is None:
            self._look_at = -math.inf
        else:
            self._doubtful.add(room)
        self._must_look.set()

    # --- for as long as the server runs ---

    async def run(self) -> None:
        """Compare at intervals, and soon where that is asked for."""
        now = asyncio.get_running_loop().time
        while True:
            await wait_within(max(0.0, self._look_at - now()), self._must_look)
            self._must_look.clear()
            is_due = now() >= self._look_at
            if is_due:
                self._look_at = now() + LOOK_S * random.uniform(0.8, 1)  # noqa: S311 - not all processes at once
            doubtful, self._doubtful = self._doubtful, set()
            try:
                await self.lookup.look(None if is_due else doubtful)
            except Refused:
                pass  # the database cannot be read now: the next look finds what was missed
            except Exception:
                log.exception("the rooms could not be compared with the database")
            await asyncio.sleep(PAUSE_S)

    def start_over(self, epoch: str) -> None:
        """The history is another one, or has lost something: what is known of its rooms says nothing."""
        self.lookup.epoch = epoch
        for here in tuple(self._rooms.values()):
            here.close()
            self._store.room_changed(here.name)
            self._open(here.name)
        self.look()

    def stop(self) -> None:
        self.lookup.stop()
        for here in self._rooms.values():
            here.close()

    def readings(self) -> Iterator[Reading]:
        counts, held = self.lookup.counts, self._held
        yield Reading("parlor_feed_looks", "Comparisons of all rooms with the database.", counts.looks)
        text = "Comparisons of those rooms in which there was said to be something."
        yield Reading("parlor_feed_looks_asked", text, counts.asked)
        yield Reading("parlor_feed_looks_found", "Rooms in which a look found what nobody had told.", counts.found)
        yield Reading("parlor_feed_filled", "Changes read from the database because nobody told them.", counts.filled)
        yield Reading("parlor_feed_doubled", "Changes that came twice, and were dropped.", held.doubled)
        yield Reading("parlor_feed_false", "News that are in no database, and were dropped.", held.false)
        yield Reading("parlor_feed_held_bytes", "News held back for their turn.", held.bytes, is_counter=False)

    def _open(self, room: str) -> None:
        def send(packet: Packet) -> None:
            self._local.send(room, packet)

        hole = self.bus.hole if self.bus else HOLE_S
        self._rooms[room] = RoomOrder(room, send, self.lookup.fill, self._held, hole)
