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
MOST = 32  # answers kept; each is a page, and may weigh a megabyte

Answers = dict[Hashable, asyncio.Future[Any]]  # by question


class Recent:
    """On the loop's thread alone. Answers are shared by all who ask: nobody may change one."""

    def __init__(self) -> None:
        self._rooms: dict[str, Answers] = {}

    async def share(self, room: str, question: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer that somebody has, or waits for; only where there is none, `ask` for it."""
        answer: asyncio.Future[T] | None = self._rooms.get(room, {}).get(question)
        if answer is None:
            answer = asyncio.ensure_future(ask())
            if len(self) < MOST:
                self._keep(self._rooms.setdefault(room, {}), question, answer)
        return answer.result() if answer.done() else await asyncio.shield(answer)

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def _keep(self, answers: Answers, question: Hashable, answer: asyncio.Future[Any]) -> None:
        """For a moment. A refusal is for those who wait for it, and for nobody later."""
        answers[question] = answer
        over = asyncio.get_running_loop().call_later(MOMENT, answers.pop, question, None)

        def answered(answer: asyncio.Future[Any]) -> None:
            if answer.cancelled() or answer.exception():
                over.cancel()
                answers.pop(question, None)

        answer.add_done_callback(answered)

    def forget(self, room: str | None = None) -> None:
        """Something of the room has changed; None: of any."""
        for name in (room,) if room is not None else tuple(self._rooms):
            self._rooms.pop(name, {}).clear()
