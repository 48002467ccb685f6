"""Leases: no process marks another's people as gone while it lives, and somebody does when it has died.

Each process has a row in the database, which changes every five seconds. Whoever has found it unchanged four times in
a row, which takes 15 to 20 s, removes it and notes the departures of its people. Nobody compares clocks: those of the
processes may differ by hours. Nor do looks that could not be made count, so that a database that was away for a while
kills nobody when it is back. A process that was taken for dead and goes on (it was suspended, say) writes its row and
its people anew.

A process that is alone renews nothing: an idle server writes nothing to the disk.
"""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from app.chat import Chat, people
from app.chat.counts import Reading
from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

INTERVAL_S = 5.0  # between two looks
LOOKS = 4  # that find a row unchanged: the process is dead
PEOPLE_AT_ONCE = 500
END_TIMEOUT_S = 0.5  # for the database to take the lease back, when the server stops


class Lease:
    """This process's own, and what it has seen of those of others."""

    def __init__(self, chat: Chat, interval: float | None = None) -> None:
        """interval: seconds between two looks."""
        self._chat, self._interval = chat, interval or INTERVAL_S
        self.processes = 1  # that serve the database
        self._seen_at: float | None = None  # when this process saw or wrote its lease last, on the monotonic clock
        self._seen: dict[str, tuple[int, int]] = {}  # by process: `seen_at`, and how often that was found

    async def begin(self) -> None:
        """Raises Refused."""
        chat = self._chat
        host, pid = socket.gethostname(), os.getpid()
        await chat.store.write(queries.begin_lease, process=chat.process, host=host, pid=pid, version=chat.version)
        self._seen_at = time.monotonic()

    async def run(self) -> None:
        """Looks and renews for as long as the server runs."""
        while True:
            await asyncio.sleep(self._interval * random.uniform(0.9, 1))  # noqa: S311 - not all processes at once
            try:
                await self.look()
            except Refused as refusal:  # the store has logged why
                log.debug("leases could not be seen: %s", refusal.text)

    async def look(self) -> None:
        """Renews this process's lease, and ends those that have run out. Raises Refused."""
        chat = self._chat
        leases = {one["id"]: one for one in await chat.store.read(queries.all_leases)}
        if leases.pop(chat.process, None) is None:
            log.warning("this process was taken for dead, or the database is another one: it says who is here anew")
            chat.has_unrecorded = True
            await self.begin()
        elif leases:
            await chat.store.write(queries.renew_lease, process=chat.process)
        self._seen_at, self.processes = time.monotonic(), 1 + len(leases)
        if chat.has_unrecorded:
            await self._record()
        self._seen = {id: self._count(one) for id, one in leases.items()}
        for id, (seen_at, times) in self._seen.items():
            if times >= LOOKS and await chat.store.write(queries.end_lease, process=id, seen_at=seen_at):
                text = "process %(id)s (%(pid)d on %(host)s) is gone: the people who were connected to it have left"
                log.warning(text, leases[id])

    async def end(self) -> None:
        """The server stops. Whoever is still here has left, and nobody has to wait for the lease to run out."""
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await self._chat.store.write(queries.end_lease, process=self._chat.process)
        except (Refused, TimeoutError):
            log.warning("the lease could not be given back: it runs out by itself")

    async def end_others(self) -> None:
        """This process serves alone from now on: those with other ones, who have not come here, have left. Raises
        Refused."""
        await self._chat.store.write(queries.end_other_leases, process=self._chat.process)

    def readings(self) -> Iterator[Reading]:
        yield Reading("parlor_processes", "Processes that serve this database.", self.processes, is_counter=False)
        if self._seen_at is not None:
            text = "Seconds since this process last saw its lease in the database."
            yield Reading("parlor_lease_age_seconds", text, time.monotonic() - self._seen_at, is_counter=False)

    def _count(self, lease: dict[str, Any]) -> tuple[int, int]:
        before, times = self._seen.get(lease["id"], (None, 0))
        return lease["seen_at"], times + 1 if before == lease["seen_at"] else 1

    async def _record(self) -> None:
        """Some came or left while nothing could be stored. Raises Refused."""
        chat = self._chat
        chat.has_unrecorded = False
        try:
            recorded = set(await chat.store.read(queries.connected_to, chat.process))
            here = {one for one in chat.presence.online.ids() if one not in chat.newcomers}
            for some in _batched(here - recorded):
                stayed = [one for one in some if chat.presence.online.is_here(one)]
                await asyncio.gather(*(chat.store.write(queries.stay, one, chat.process) for one in stayed))
            for some in _batched(recorded - here):
                await asyncio.gather(*(people.note_departure(chat, one, True) for one in some))
        except Refused:
            chat.has_unrecorded = True
            raise


def _batched(ids: Iterable[str]) -> Iterator[list[str]]:
    """Some hundred at a time."""
    rest = iter(ids)
    while some := list(islice(rest, PEOPLE_AT_ONCE)):
        yield some
