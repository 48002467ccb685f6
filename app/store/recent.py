"""What was asked about rooms lately: who asks the same before anything of the room has changed shares the answer.

Never less than what was told: the answers of a room go when a change of it is committed, before anybody hears of the
change; so whoever finds a question here, answered or not yet, asks at a moment at which the room is as it was when the
question was asked. What another process writes is seen a moment later.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

MOMENT = 1.0  # seconds after which the database is asked again, whoever may have written to it
MOST = 200  # questions kept in all; then all go

Page = dict[Hashable, tuple[float, asyncio.Future[Any]]]  # question -> when it was asked, the answer


class Recent:
    """On the loop's thread alone. Answers are shared by all who ask: nobody may change one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pages: dict[str, Page] = {}  # by room
        self._size = 0  # at the most

    async def share(self, room: str, question: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer that somebody has, or waits for; only where there is none, `ask` for it."""
        kept = self._pages.get(room, {}).get(question)
        if kept and self._clock() - kept[0] < MOMENT:
            answer: asyncio.Future[T] = kept[1]
        else:
            answer = asyncio.ensure_future(ask())
            self._keep(room, question, answer)
        return answer.result() if answer.done() else await asyncio.shield(answer)

    def _keep(self, room: str, question: Hashable, answer: asyncio.Future[Any]) -> None:
        """A refusal is for those who wait for it, and for nobody later."""
        self._size += 1
        if self._size > MOST:
            self.forget()
        page = self._pages.setdefault(room, {})
        page[question] = self._clock(), answer

        def answered(answer: asyncio.Future[Any]) -> None:
            if (answer.cancelled() or answer.exception()) and page.get(question, (0, None))[1] is answer:
                del page[question]

        answer.add_done_callback(answered)

    def forget(self, room: str | None = None) -> None:
        """Something of the room has changed; None: of any."""
        if room is not None:
            self._pages.pop(room, None)
        else:
            self._pages.clear()
            self._size = 0
