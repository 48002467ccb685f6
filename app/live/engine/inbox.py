"""What one connection asked for, in its turn."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from app.live.engine.packets import Packet
from app.live.engine.turns import Turns

log = logging.getLogger("parlor.live")

Work = Callable[[], Coroutine[Any, Any, Any]]

MOST_BESIDE = 100  # of one connection's events at a time
INBOX_LIMIT = 1_000  # events a connection may have waiting before its transport is no longer read


class Inbox:
    """What one connection asked for, done one after the other while its transport goes on being read.

    Work of a kind that keeps its order by itself may be done beside its like: it begins in its turn, and whatever else
    comes waits until it is done.
    """

    __slots__ = ("_beside", "_blocked", "_calm", "_soon", "_turns", "_waiting", "partial", "partial_bytes", "relieved")

    def __init__(self, soon: Callable[[Coroutine[Any, Any, Any]], None], turns: Turns) -> None:
        self._soon, self._turns = soon, turns
        self._waiting: deque[tuple[Work, bool]] | None = None  # None: nothing waits its turn
        self._beside = 0  # begun, not done
        self._calm: asyncio.Future[None] | None = None  # one of those is done
        self._blocked: asyncio.Future[None] | None = None
        self.relieved: Callable[[], None] | None = None  # called once when there is space again
        self.partial: Packet | None = None  # a binary event whose attachments are still on their way
        self.partial_bytes = 0

    def put(self, work: Work, beside: bool = False) -> None:
        if self._waiting is None:
            if beside and self._beside < MOST_BESIDE:
                self._begin(work)
                return
            self._waiting = deque(((work, beside),))
            self._soon(self._work())
        else:
            self._waiting.append((work, beside))

    @property
    def is_full(self) -> bool:
        return self._waiting is not None and len(self._waiting) >= INBOX_LIMIT

    async def space(self) -> None:
        """Wait while too much waits: the sender is slowed down by its own transport, nobody else is."""
        while self.is_full:
            self._blocked = self._blocked or asyncio.get_running_loop().create_future()
            await self._blocked

    async def _work(self) -> None:
        try:
            while self._waiting:
                work, beside = self._waiting.popleft()
                while self._beside >= (MOST_BESIDE if beside else 1):
                    self._calm = asyncio.get_running_loop().create_future()
                    await self._calm
                if beside:
                    self._begin(work)
                else:
                    await _do(work)
                if not self.is_full:
                    self._relieve()
        finally:
            self._waiting = None
            self._relieve()

    def _begin(self, work: Work) -> None:
        self._beside += 1
        self._turns.begin(work(), self._one_is_done)

    def _one_is_done(self) -> None:
        self._beside -= 1
        calm, self._calm = self._calm, None
        if calm and not calm.done():
            calm.set_result(None)

    def _relieve(self) -> None:
        blocked, self._blocked = self._blocked, None
        if blocked and not blocked.done():
            blocked.set_result(None)
        if self.relieved:
            relieved, self.relieved = self.relieved, None
            relieved()


async def _do(work: Work) -> None:
    try:
        await work()
    except Exception:
        log.exception("a packet could not be handled")
