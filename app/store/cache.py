"""Answers to questions about rooms, kept until the room changes: identical questions share one answer.

Nobody is shown less than what was broadcast: a room's answers are dropped when a change of it is committed, before
anybody is told of the change. So an answer found here, finished or still being read, is of a moment at which the room
was as it is now. What another process writes is seen MAX_AGE_S later at most.

An answer that grew too old, or of which nobody knows whether it still holds, is set aside: while the database cannot be
reached, it is better than none.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

from app.model import Refused

T = TypeVar("T")

MAX_AGE_S = 1.0  # another process may have written to the database
MAX_CACHED_PAGES = 32  # a page may weigh a megabyte

Answers = dict[Hashable, asyncio.Future[Any]]  # by question


class RoomCache:
    """Used on the loop's thread alone. Answers are shared by all who ask: nobody may change one."""

    def __init__(self) -> None:
        self._rooms: dict[str, Answers] = {}
        self._aside: dict[str, dict[Hashable, Any]] = {}  # by room and question

    async def get_or_load(self, room: str, question: Hashable, load: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The cached answer, finished or not; `load` is called only where there is none."""
        answer: asyncio.Future[T] | None = self._rooms.get(room, {}).get(question)
        if answer is None:
            answer = asyncio.ensure_future(load())
            if len(self) < MAX_CACHED_PAGES:
                self._keep(room, question, answer)
        return answer.result() if answer.done() else await asyncio.shield(answer)

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def _keep(self, room: str, question: Hashable, answer: asyncio.Future[Any]) -> None:
        """For MAX_AGE_S. An error is for those who wait for it, and for nobody later."""
        answers = self._rooms.setdefault(room, {})
        answers[question] = answer
        expiry = asyncio.get_running_loop().call_later(MAX_AGE_S, self._expire, room, answers, question)

        def drop_failed(answer: asyncio.Future[Any]) -> None:
            if answer.cancelled() or answer.exception():
                expiry.cancel()
                self._take(room, answers, question)

        answer.add_done_callback(drop_failed)

    def _take(self, room: str, answers: Answers, question: Hashable) -> asyncio.Future[Any] | None:
        """With its last answer a room goes, too: rooms are counted with each answer that is kept."""
        answer = answers.pop(question, None)
        if not answers and self._rooms.get(room) is answers:
            del self._rooms[room]
        return answer

    def _expire(self, room: str, answers: Answers, question: Hashable) -> None:
        answer = self._take(room, answers, question)
        if answer is None or not answer.done() or answer.cancelled() or answer.exception():
            return
        while sum(map(len, self._aside.values())) >= MAX_CACHED_PAGES:
            oldest = next(iter(self._aside))
            del self._aside[oldest]
        self._aside.setdefault(room, {})[question] = answer.result()

    def last_known(self, room: str, question: Hashable, refusal: Refused) -> Any:
        """The answer that was set aside, where the refusal says that the database cannot be reached. Raises it where
        there is none."""
        if refusal.code != "storage" or question not in self._aside.get(room, {}):
            raise refusal
        return self._aside[room][question]

    def set_aside(self, room: str | None) -> None:
        """Something of the room may have changed; nobody was told. None: of any room."""
        for name in (room,) if room is not None else tuple(self._rooms):
            answers = self._rooms.pop(name, {})
            for question in tuple(answers):
                self._expire(name, answers, question)

    def invalidate(self, room: str | None = None) -> None:
        """Something of the room has changed; None: of any room."""
        if room is None:
            self._aside.clear()
        else:
            self._aside.pop(room, None)
        for name in (room,) if room is not None else tuple(self._rooms):
            self._rooms.pop(name, {}).clear()
