"""Work that is done one at a time, because each takes much time and memory on purpose."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from app.model import Refused, Sentence

MAX_WAITING = 32
RETRY_AFTER_S = 2.0  # by then those who wait have been served

T = TypeVar("T")


class Queue:
    """has_gone: whether a socket's connection has ended. Then nobody waits for the answer, and nothing is done."""

    def __init__(self, has_gone: Callable[[str], bool]) -> None:
        self._has_gone = has_gone
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._is_busy = False

    async def run(self, socket: str, work: Callable[..., T], *args: Any) -> T:
        """Do this for a socket, off the loop, when its turn has come. Raises `too_fast` where too many wait."""
        await self._wait_turn(socket)
        try:
            return await asyncio.to_thread(work, *args)
        finally:
            self._next()

    async def _wait_turn(self, socket: str) -> None:
        if self._has_gone(socket):
            raise _gone()
        if not self._is_busy:
            self._is_busy = True
            return
        if len(self._waiting) >= MAX_WAITING:
            self._drop_gone()
        if len(self._waiting) >= MAX_WAITING:
            text = Sentence(
                "Too many passphrases are being checked. Try again in {seconds} s.", seconds=f"{RETRY_AFTER_S:g}"
            )
            raise Refused("too_fast", text, retry_after=RETRY_AFTER_S)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((socket, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn had come
                self._next()
            raise

    def _next(self) -> None:
        self._drop_gone()
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._is_busy = False

    def _drop_gone(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for socket, turn in waiting:
            if turn.done():
                continue
            if self._has_gone(socket):
                turn.set_exception(_gone())
            else:
                self._waiting.append((socket, turn))


def _gone() -> Refused:
    """Nobody hears it."""
    return Refused("too_fast", "The connection has ended.", retry_after=0)
