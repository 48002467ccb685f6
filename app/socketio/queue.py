"""What one connection asked for, in its turn."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from app.engineio.ticks import Share, Ticks

log = logging.getLogger("parlor.socketio")

Work = Coroutine[Any, Any, Any]

MAX_CONCURRENT = 100  # events of one connection that run at a time
MAX_WAITING = 1_000  # events that wait before the transport is no longer read
START_BUDGET = 50  # events of one connection that are begun in one tick


class Message:
    """One Socket.IO packet as it came: its text, and its attachments."""

    __slots__ = ("attachments", "size", "text")

    def __init__(self, text: str) -> None:
        self.text, self.size = text, len(text)
        self.attachments: list[bytes] = []

    def attach(self, data: bytes) -> None:
        self.attachments.append(data)
        self.size += len(data)


class Reader(Protocol):
    def read(self, message: Message) -> tuple[Work, bool] | None:
        """A message in its turn, to the work it asks for and whether that may be concurrent; None for nothing."""


class Sender(Protocol):
    """Whoever the messages come from."""

    def resume(self) -> None:
        """There is space again in a queue that was full."""


class EventQueue(Share):
    """The messages of one connection, handled one after the other while its transport goes on being read. What waits
    is bounded in number and size, and is parsed in its turn.

    Events of a kind that keeps its order by itself may be concurrent: each begins in its turn, and whatever else comes
    waits until they are done.
    """

    __slots__ = (
        "_is_exclusive",
        "_is_full",
        "_is_pumping",
        "_max_size",
        "_next",
        "_reader",
        "_running",
        "_sender",
        "_size",
        "_tasks",
        "_waiting",
    )

    def __init__(self, reader: Reader, tasks: "Tasks", sender: Sender, max_size: int, ticks: Ticks) -> None:
        """tasks: in which the work is done. max_size: characters and bytes that may wait."""
        super().__init__(ticks, START_BUDGET)
        self._reader, self._tasks, self._sender, self._max_size = reader, tasks, sender, max_size
        # Work is behind everything else. None while nothing waits: an empty list takes 70 bytes of each connection.
        self._waiting: list[Message | Work] | None = None
        self._size = 0  # characters and bytes that wait
        self._next: tuple[Work, bool] | None = None  # parsed, waits for what runs
        self._running = 0
        self._is_exclusive = False  # what runs tolerates nothing beside it
        self._is_full = self._is_pumping = False

    def put(self, message: Message) -> bool:
        """False once the queue is full: its sender has to be slowed down until `resume`."""
        self._append(message)
        self._size += message.size
        self._pump()
        waiting = len(self._waiting) if self._waiting else 0
        self._is_full = self._is_full or waiting >= MAX_WAITING or self._size > self._max_size
        return not self._is_full

    def _append(self, one: Message | Work) -> None:
        if self._waiting is None:
            self._waiting = [one]
        else:
            self._waiting.append(one)

    def _pump(self) -> None:
        """Begin whatever may begin now; the rest of many in the next tick, behind what others want."""
        if self._is_pumping:
            return
        self._is_pumping = True
        has_turn = True
        while self._may_begin() and (has_turn := self.spend()):
            work, is_concurrent = self._take()
            self._running += 1
            self._is_exclusive = not is_concurrent
            self._tasks.begin(work, self._ended)
        self._is_pumping = not has_turn
        if not has_turn:
            asyncio.get_running_loop().call_soon(self._pump_on)
        if self._is_full and not self._waiting:
            self._is_full = False
            self._sender.resume()

    def _pump_on(self) -> None:
        self._is_pumping = False
        self._pump()

    def _may_begin(self) -> bool:
        while self._next is None and self._waiting:
            message = self._waiting.pop(0)
            self._waiting = self._waiting or None
            if isinstance(message, Message):
                self._size -= message.size
                self._next = self._reader.read(message)
            else:
                self._next = message, False
        if self._next is None:
            return False
        return self._running == 0 or (self._next[1] and not self._is_exclusive and self._running < MAX_CONCURRENT)

    def _take(self) -> tuple[Work, bool]:
        taken, self._next = self._next, None
        assert taken
        return taken

    def _ended(self) -> None:
        self._running -= 1
        self._pump()

    def put_work(self, work: Work) -> None:
        """Do this when everything before it is done, and nothing beside it."""
        self._append(work)
        self._pump()


class Tasks:
    """What runs, kept until it is done: the loop itself keeps tasks weakly. on_failure: what the log says then."""

    def __init__(self, on_failure: str = "a packet could not be handled") -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Work, ended: Callable[[], None] = lambda: None) -> None:
        """Run it, at once as far as it goes without waiting (from Python 3.12 on). `ended` is called once."""
        loop = asyncio.get_running_loop()
        if sys.version_info >= (3, 12):
            task = asyncio.Task(work, loop=loop, eager_start=True)
            if task.done():
                self._log_failure(task)
                ended()
                return
        else:
            task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._end(done, ended))

    def _end(self, task: "asyncio.Task[Any]", ended: Callable[[], None]) -> None:
        self._tasks.discard(task)
        self._log_failure(task)
        ended()

    def _log_failure(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error(self._on_failure, exc_info=error)

    def cancel(self) -> None:
        """What still runs is not needed any more."""
        for task in tuple(self._tasks):
            task.cancel()

    def __len__(self) -> int:
        return len(self._tasks)

    async def wait(self) -> None:
        """Until nothing runs, what that begins included."""
        while self._tasks:
            await asyncio.wait(self._tasks)
