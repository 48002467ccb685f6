"""The connection on which this process speaks: what waits leaves in one pipeline, and its answers are read before the
next one leaves."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import InvalidResponse, ReadOnlyError

from app.chat.waiting import wait_within
from app.live.redis.address import WHO_IS_THERE, Unusable, judge
from app.live.redis.counts import Counts
from app.live.redis.replies import Command, Replies

CHECK_INTERVAL_S = 1.0  # between two looks whether the connection works, where nothing is on its way
ANSWER_TIMEOUT_S = 3.0  # for the answers to one pipeline
MAX_WAITING_BYTES = 8_000_000

Asked = tuple[Command, asyncio.Future[Any] | None]  # and the future of its answer, where somebody waits for it


class Commands:
    """What waits for Redis, and what is done with its answers."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._replies: Replies | None = None  # of the connection, while there is one
        self._asked: deque[Asked] = deque()  # is on its way
        self._asked_at = 0.0  # on the loop's clock
        self._waiting: deque[Asked] = deque()
        self._bytes = 0  # of what waits
        self._deadline: asyncio.TimerHandle | None = None  # of what is on its way, or was lately
        self._wake = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._replies is not None

    def publish(self, channel: str, frame: bytes) -> None:
        if not self.is_open or self._bytes + len(frame) > MAX_WAITING_BYTES:
            self._counts.dropped += 1
            return
        self._add(("PUBLISH", channel, frame), None, len(frame))

    async def call(self, command: Command) -> Any:
        """Raises Unusable."""
        size = sum(len(part) for part in command if isinstance(part, str | bytes))
        if not self.is_open or self._bytes + size > MAX_WAITING_BYTES:
            raise Unusable("Redis is away, or does not keep up")
        answer = asyncio.get_running_loop().create_future()
        self._add(command, answer, size)
        return await answer

    def check(self) -> None:
        """See soon whether the connection still works."""
        self._wake.set()

    async def serve(self, connection: AbstractConnection, on_open: Callable[[], None]) -> None:
        """Until the connection breaks: raises RedisError, OSError, TimeoutError or Unusable."""
        replies = self._replies = Replies(connection, self._on_reply, self._wake.set)
        try:
            on_open()
            while True:
                await wait_within(CHECK_INTERVAL_S, self._wake)
                self._wake.clear()
                if replies.fault:
                    raise replies.fault
                if not self._asked:
                    self._look(replies)
        finally:
            self._replies = None
            replies.end(Unusable("Redis is away"))
            self._fail(chain(self._asked, self._waiting))
            self._asked, self._waiting, self._bytes = deque(), deque(), 0

    def _look(self, replies: Replies) -> None:
        """Whether it still is a Redis that takes writes."""

        def on_answer(answer: asyncio.Future[Any]) -> None:
            try:
                judge(answer.result())
            except Unusable as error:
                replies.end(error)

        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(on_answer)
        self._add(WHO_IS_THERE, answer, 0)

    # --- out ---

    def _add(self, command: Command, answer: asyncio.Future[Any] | None, size: int) -> None:
        if not self._waiting and not self._asked:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting.append((command, answer))
        self._bytes += size

    def _send(self) -> None:
        """All that waits, unless something is on its way."""
        if self._replies is None or self._asked or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        self._asked, self._waiting, self._bytes = self._waiting, deque(), 0
        self._asked_at = loop.time()
        if self._deadline is None:
            self._deadline = loop.call_later(ANSWER_TIMEOUT_S, self._check_deadline)
        self._replies.send(command for command, _ in self._asked)

    def _check_deadline(self) -> None:
        """One timer for many pipelines: it looks whether the one on its way has had its time."""
        loop = asyncio.get_running_loop()
        self._deadline = None
        if self._replies is None or not self._asked:
            return
        due = self._asked_at + ANSWER_TIMEOUT_S
        if loop.time() >= due:
            self._replies.end(TimeoutError())
        else:
            self._deadline = loop.call_at(due, self._check_deadline)

    # --- in ---

    def _on_reply(self, said: Any) -> None:
        """The answer to the first that is on its way. Raises RedisError where the connection cannot go on."""
        if not self._asked:
            raise InvalidResponse("an answer to nothing")
        command, answer = self._asked[0]
        if isinstance(said, hiredis.ReplyError):
            text = str(said)
            if text.startswith("READONLY"):  # it has become a replica: the next connection goes to the primary
                raise ReadOnlyError(text)
            _settle(answer, Unusable(f"Redis refuses {command[0]} ({text.removeprefix('ERR ')})"))
            self._counts.dropped += answer is None
        else:
            _settle(answer, said)
            self._counts.published += answer is None
        self._asked.popleft()
        if not self._asked:
            self._send()

    def _fail(self, left: Iterable[Asked]) -> None:
        for _, answer in left:
            _settle(answer, Unusable("Redis is away"))
            self._counts.dropped += answer is None


def _settle(answer: asyncio.Future[Any] | None, outcome: Any) -> None:
    if answer is None or answer.done():  # the caller was cancelled
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
