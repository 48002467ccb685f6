"""Work that is done without a Task: from where it is begun to its first pause at once, then on as what it waits for
comes. A Task is begun a tick later, is kept in a set of all tasks, and costs as much as all that a short event does.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger("parlor.live")

Work = Coroutine[Any, Any, Any]


class Turns:
    """Those of one server. What is begun here may wait for futures and for nothing that asks for the current task:
    `asyncio.timeout` does, and says so."""

    def __init__(self) -> None:
        self._under_way = 0
        self._none: asyncio.Future[None] | None = None  # somebody waits until nothing is under way

    def begin(self, work: Work, over: Callable[[], None]) -> None:
        """`over` is called once, when the work has ended in whatever way."""
        self._under_way += 1
        Turn(self, work, over).go_on()

    def ended(self) -> None:
        self._under_way -= 1
        if not self._under_way and self._none:
            self._none.set_result(None)
            self._none = None

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            self._none = self._none or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._none)


class Turn:
    """One of them. It does what asyncio.Task does with a coroutine (tasks.py, `__step`), less what nobody asks for."""

    __slots__ = ("_over", "_turns", "_work")

    def __init__(self, turns: Turns, work: Work, over: Callable[[], None]) -> None:
        self._turns, self._work, self._over = turns, work, over

    def go_on(self, _come: Any = None) -> None:
        try:
            awaited = self._work.send(None)  # which looks itself at what has become of what it waited for
            if awaited is None:  # a bare yield: sleep(0)
                asyncio.get_running_loop().call_soon(self.go_on)
            else:
                awaited._asyncio_future_blocking = False
                awaited.add_done_callback(self.go_on)
        except StopIteration:
            self._end()
        except (Exception, asyncio.CancelledError):
            log.exception("a packet could not be handled")
            self._end()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        self._work.close()  # of one that waited for what is no future
        self._turns.ended()
        self._over()
