"""Answers to questions about rooms, kept until the room changes: identical questions share one answer.

Nobody is shown less than what was broadcast: a room's answers are dropped when a change of it is committed, before
anybody is told of the change. So an answer found here, finished or still being read, is of a moment at which the room
was as it is now. What another process writes is seen MAX_AGE_S later at most.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

MAX_AGE_S = 1.0  # another process may have written to the database
MAX_CACHED_PAGES = 32  # a page may weigh a megabyte

Answers = dict[Hashable, asyncio.Future[Any]]  # by question


class RoomCache:
    """Used on the loop's thread alone. Answers are shared by all who ask: nobody may change one."""

    def __init__(self) -> None:
        self._rooms: dict[str, Answers] = {}

    async def get_or_load(self, room: str, question: Hashable, load: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The cached answer, finished or not; `load` is called only where there is none."""
        answer: asyncio.Future[T] | None = self._rooms.get(room, {}).get(question)
        if answer is None:
            answer = asyncio.ensure_future(load())
            if len(self) < MAX_CACHED_PAGES:
                self._keep(self._rooms.setdefault(room, {}), question, answer)
        return answer.result() if answer.done() else await asyncio.shield(answer)

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def _keep(self, answers: Answers, question: Hashable, answer: asyncio.Future[Any]) -> None:
        """For MAX_AGE_S. An error is for those who wait for it, and for nobody later."""
        answers[question] = answer
        expiry = asyncio.get_running_loop().call_later(MAX_AGE_S, answers.pop, question, None)

        def drop_failed(answer: asyncio.Future[Any]) -> None:
            if answer.cancelled() or answer.exception():
                expiry.cancel()
                answers.pop(question, None)

        answer.add_done_callback(drop_failed)

    def invalidate(self, room: str | None = None) -> None:
        """Something of the room has changed; None: of any room."""
        for name in (room,) if room is not None else tuple(self._rooms):
            self._rooms.pop(name, {}).clear()
