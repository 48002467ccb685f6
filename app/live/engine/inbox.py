"""What one connection asked for, in its turn."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from app.live.engine.packets import Packet

log = logging.getLogger("parlor.live")

INBOX_LIMIT = 1_000  # events a connection may have waiting before its transport is no longer read


class Inbox:
    """What one connection asked for, done one after the other while its transport goes on being read."""

    __slots__ = ("_blocked", "_soon", "_waiting", "partial", "partial_bytes", "relieved")

    def __init__(self, soon: Callable[[Coroutine[Any, Any, Any]], None]) -> None:
        self._soon = soon
        self._waiting: deque[Callable[[], Awaitable[Any]]] | None = None  # None: nothing is being done
        self._blocked: asyncio.Future[None] | None = None
        self.relieved: Callable[[], None] | None = None  # called once when there is space again
        self.partial: Packet | None = None  # a binary event whose attachments are still on their way
        self.partial_bytes = 0

    def put(self, work: Callable[[], Awaitable[Any]]) -> None:
        if self._waiting is None:
            self._waiting = deque()
            self._soon(self._work())
        self._waiting.append(work)

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
                try:
                    await self._waiting.popleft()()
                except Exception:
                    log.exception("a packet could not be handled")
                if not self.is_full:
                    self._relieve()
        finally:
            self._waiting = None
            self._relieve()

    def _relieve(self) -> None:
        blocked, self._blocked = self._blocked, None
        if blocked and not blocked.done():
            blocked.set_result(None)
        if self.relieved:
            relieved, self.relieved = self.relieved, None
            relieved()
