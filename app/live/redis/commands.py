"""The connection on which this process speaks: what waits leaves in one pipeline, and its answers are read before the
next one leaves."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ReadOnlyError, ResponseError

from app.live.redis.address import Unusable, check
from app.live.redis.counts import Counts
from app.live.waiting import wait_within

CHECK_INTERVAL_S = 1.0  # of silence, after which the connection is checked
ANSWER_TIMEOUT_S = 3.0  # for the answers to one pipeline
MAX_WAITING_BYTES = 8_000_000

Command = tuple[Any, ...]
Asked = tuple[Command, asyncio.Future[Any] | None]  # and the future of its answer, where somebody waits for it


class Commands:
    """What waits for Redis, and what is done with its answers."""

    def __init__(self, counts: Counts) -> None:
        self.is_open = False
        self._counts = counts
        self._waiting: deque[Asked] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

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

    def _add(self, command: Command, answer: asyncio.Future[Any] | None, size: int) -> None:
        self._waiting.append((command, answer))
        self._bytes += size
        self._wake.set()

    async def serve(self, connection: AbstractConnection, on_open: Callable[[], None]) -> None:
        """Until the connection breaks: raises RedisError, OSError, TimeoutError or Unusable."""
        self.is_open = True
        on_open()
        batch: deque[Asked] = deque()
        try:
            while True:
                await wait_within(CHECK_INTERVAL_S, self._wake)
                self._wake.clear()
                batch, self._waiting, self._bytes = self._waiting, deque(), 0
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await (self._exchange(connection, batch) if batch else check(connection))
        finally:
            self.is_open = False
            self._fail(chain(batch, self._waiting))
            self._waiting, self._bytes = deque(), 0

    async def _exchange(self, connection: AbstractConnection, batch: deque[Asked]) -> None:
        """Whatever was answered is taken out of the batch."""
        await connection.send_packed_command(connection.pack_commands([command for command, _ in batch]))
        while batch:
            command, answer = batch[0]
            try:
                said = await connection.read_response(disconnect_on_error=False)
            except ReadOnlyError:  # it has become a replica: the next connection goes to the primary, or to nobody
                raise
            except ResponseError as error:
                _settle(answer, Unusable(f"Redis refuses {command[0]} ({error})"))
                self._counts.dropped += answer is None
            else:
                _settle(answer, said)
                self._counts.published += answer is None
            batch.popleft()

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
