"""Group commit: all writes that wait go into one transaction of one thread, and are answered in its order."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from app.model import Refused
from app.store.batch import Write
from app.store.pace import Pace, usable
from app.store.worker import Worker

log = logging.getLogger("parlor.store")

Commit = Callable[[list[Write]], list[Any]]  # in one transaction: the outcome of each; Refused where all failed

MAX_BATCH = 500  # writes in one transaction
NEGLIGIBLE_S = 0.0005  # a pause that no timer can measure


class CommitQueue:
    """Writes that wait for the next commit. Used on the loop's thread alone; `commit` runs on a thread of its own.

    on_committed: called with each batch that was tried, before any writer of it goes on.
    """

    def __init__(self, commit: Commit, on_committed: Callable[[list[Write]], None]) -> None:
        self._commit, self._on_committed = commit, on_committed
        self._worker, self._pace = Worker("parlor-write"), Pace(usable())
        self._waiting: list[Write] = []
        self._running = False  # a commit is to begin, or under way
        self._pause: asyncio.TimerHandle | None = None  # until the next commit begins
        self._idle: asyncio.Future[None] | None = None
        self._draining = False
        self._due = 0.0  # when the next commit may begin, on the loop's clock

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, write: Write) -> None:
        self._waiting.append(write)
        if not self._running:
            self._running = True
            self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._begin_or_wait)
        elif self._pause and len(self._waiting) >= MAX_BATCH:
            self._begin()

    async def drain(self) -> None:
        """Commit all that waits, without a pause."""
        self._draining = True
        if self._pause:
            self._begin()
        while self._running:
            self._idle = self._idle or self._loop.create_future()
            await asyncio.shield(self._idle)

    async def finish(self) -> None:
        """End the thread. Nothing may be added any more."""
        await asyncio.to_thread(self._worker.finish)

    def _begin_or_wait(self) -> None:
        """Wait until the interval since the last commit began is over; a full batch waits for nothing."""
        pause = self._due - self._loop.time()
        if pause > NEGLIGIBLE_S and len(self._waiting) < MAX_BATCH and not self._draining:
            self._pause = self._loop.call_later(pause, self._end_of_pause)
        else:
            self._begin()

    def _end_of_pause(self) -> None:
        has_company = len(self._waiting) > 1
        self._begin()
        if not has_company:  # waiting would only slow down a client that sends one message after the other's ack
            self._due = 0.0

    def _begin(self) -> None:
        if self._pause:
            self._pause.cancel()
            self._pause = None
        self._pace.update()
        self._due = self._loop.time() + self._pace.interval
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        self._worker.submit(self._commit_and_report, batch)

    def _commit_and_report(self, batch: list[Write]) -> None:
        """On the worker's thread."""
        try:
            outcomes = self._commit(batch)
        except Refused as refusal:
            outcomes = [refusal] * len(batch)
        except Exception as error:
            log.exception("could not commit %d writes", len(batch))
            outcomes = [error] * len(batch)
        self._loop.call_soon_threadsafe(self._settle, batch, outcomes)

    def _settle(self, batch: list[Write], outcomes: list[Any]) -> None:
        self._on_committed(batch)
        for write, outcome in zip(batch, outcomes, strict=True):
            write.settle(outcome)
        if self._waiting:
            self._begin_or_wait()
            return
        self._running = False
        if self._idle:
            self._idle.set_result(None)
            self._idle = None
