"""Group commit: all writes that wait go into one transaction of one thread, and are answered in its order."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from app.model import Refused
from app.store.batch import Write
from app.store.worker import Worker

log = logging.getLogger("parlor.store")

Commit = Callable[[list[Write]], list[Any]]  # in one transaction: the outcome of each; Refused where all failed

MAX_BATCH = 500  # writes in one transaction
COMMIT_INTERVAL_S = 0.04  # from one commit to the next under load: more writes share one
BURST = 10  # commits after a rest that do not wait for company


class CommitQueue:
    """Writes that wait for the next commit. Used on the loop's thread alone; `commit` runs on a thread of its own.

    on_committed: called with each batch that was tried, before any writer of it goes on.
    """

    def __init__(self, commit: Commit, on_committed: Callable[[list[Write]], None]) -> None:
        self._commit, self._on_committed = commit, on_committed
        self._worker = Worker("parlor-write")
        self._waiting: list[Write] = []
        self._running = False  # a commit is scheduled or under way
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

    async def drain(self) -> None:
        """Commit all that waits, without a pause."""
        self._draining = True
        while self._running:
            self._idle = self._idle or self._loop.create_future()
            await asyncio.shield(self._idle)

    async def finish(self) -> None:
        """End the thread. Nothing may be added any more."""
        await asyncio.to_thread(self._worker.finish)

    def _begin_or_wait(self) -> None:
        """An occasional write is committed at once; in a steady stream of them a commit waits for company."""
        if self._due > self._loop.time() and len(self._waiting) < MAX_BATCH and not self._draining:
            self._loop.call_later(COMMIT_INTERVAL_S, self._end_of_pause)
        else:
            self._begin()

    def _end_of_pause(self) -> None:
        if len(self._waiting) == 1:  # no company came: waiting would only slow down whoever asks one after the other
            self._due = 0.0
        self._begin()

    def _begin(self) -> None:
        self._due = max(self._due, self._loop.time() - BURST * COMMIT_INTERVAL_S) + COMMIT_INTERVAL_S
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
