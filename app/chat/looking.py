"""Where processes serve one database and do not hear each other, each looks there for what its people are told of
otherwise: how far they have read by another process (`seen`), and that somebody there wrote to them alone (`opened`).
Every 2 s, and when it is said that there is something. Rooms are compared by the feed."""

import asyncio
import logging
import random

from app.chat import Chat, direct, reading
from app.chat.leases import Lease
from app.chat.waiting import wait_within
from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

LOOK_S = 2.0  # between two looks, at most
PAUSE_S = 0.25  # between two, at least

Place = tuple[str, str]  # a person, and a room of theirs or whom it is with


class Looking:
    """What was seen at the last look. lease: which knows whether there are others."""

    def __init__(self, chat: Chat, lease: Lease) -> None:
        self._chat, self._lease = chat, lease
        self._read: dict[Place, int] = {}
        self._said: dict[Place, int] = {}
        self._must_look = asyncio.Event()

    def look_soon(self) -> None:
        """There may be something."""
        self._must_look.set()

    async def run(self) -> None:
        """For as long as the server runs."""
        while True:
            await asyncio.sleep(PAUSE_S)
            pause = LOOK_S * random.uniform(0.8, 1) - PAUSE_S  # noqa: S311 - not all processes at once
            await wait_within(pause, self._must_look)
            is_alone = self._lease.processes < 2 and not self._must_look.is_set()
            self._must_look.clear()
            if is_alone or not len(self._chat.presence.online):
                continue
            try:
                await self.look()
            except Refused as refusal:  # the next look finds it
                log.debug("it could not be seen what is told elsewhere: %s", refusal.text)
            except Exception:
                log.exception("it could not be seen what is told elsewhere")

    async def look(self) -> None:
        """Raises Refused."""
        chat = self._chat
        read = await chat.store.read(queries.read_elsewhere, chat.process)
        said = await chat.store.read(queries.said_elsewhere, chat.process)
        for person, room, seq in read:
            if seq > self._read.get((person, room), 0):
                self._tell_read(person, room, seq)
        for person, other, nickname, seq in said:
            if self._said.get((person, other)) != seq:
                told = {"room": direct.SIGN + other, "person": {"id": other, "nickname": nickname}}
                direct.hear(chat, person, told)
        self._read = {(person, room): seq for person, room, seq in read}
        self._said = {(person, other): seq for person, other, _, seq in said}

    def _tell_read(self, person: str, room: str, seq: int) -> None:
        if direct.is_direct(room) and room not in self._chat.pairs:  # nobody has joined it here
            return
        reading.hear(self._chat, person, {"room": direct.shown(self._chat, room, person), "seq": seq})
