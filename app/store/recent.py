"""What was answered about rooms lately, for who asks the same before anything of it has changed.

Never less than what was told: an answer is kept only if nothing of its room was committed from the moment it was asked
for, and it goes before anybody hears of the next change. What another process writes is seen a moment later.
"""

from collections.abc import Callable, Hashable
from typing import Any

MOMENT = 1.0  # seconds after which the database is asked again, whoever may have written to it
MOST = 200  # answers kept in all; then all go

Page = dict[Hashable, tuple[float, Any]]  # question -> when it was asked, the answer


class Recent:
    """On the loop's thread alone. Answers are shared by all who ask: nobody may change one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pages: dict[str, Page] = {}  # by room
        self._size = 0

    def open(self, room: str) -> Page:
        """Where answers about the room are kept until it changes."""
        page = self._pages.get(room)
        if page is None:
            self._count()
            page = self._pages[room] = {}
        return page

    def find(self, page: Page, question: Hashable) -> Any:
        """The answer; None where the database has to be asked."""
        kept = page.get(question)
        return kept[1] if kept and self._clock() - kept[0] < MOMENT else None

    def keep(self, room: str, page: Page, question: Hashable, asked: float, answer: Any) -> None:
        """`page` is the one that was open when the question was asked: of another one nobody will be answered."""
        if self._pages.get(room) is page:
            page[question] = asked, answer
            self._count()

    def _count(self) -> None:
        self._size += 1
        if self._size > MOST:
            self.forget()

    def forget(self, room: str | None = None) -> None:
        """Something of the room has changed; None: of any."""
        if room is not None:
            self._pages.pop(room, None)
        else:
            self._pages.clear()
            self._size = 0
