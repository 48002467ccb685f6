"""The way to other processes: `publish`, `subscribe`, `call`. Nobody waits for it, and nobody relies on it.

Two connections, each opened anew with back-off whenever it breaks: Redis cuts subscribers that read too slowly, and
what this process has to say is not to be cut off with them. What is published in one tick of the loop leaves in one
pipeline, in its order.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Any, Protocol

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from app.live.redis.address import Address, Unusable, close
from app.live.redis.commands import Commands
from app.live.redis.counts import Counts
from app.live.redis.frames import Seal
from app.live.redis.outages import Outages
from app.live.redis.subscriptions import OnBody, OnReady, Reopen, Subscriptions

__all__ = ["RedisConnection", "Unusable"]

CLOSE_TIMEOUT_S = 0.3
FIRST_DELAY_S, MAX_DELAY_S = 0.05, 1.0  # before the next attempt to connect


class _Link(Protocol):
    """What is done on one connection to Redis for as long as it lives."""

    @property
    def is_open(self) -> bool: ...

    async def serve(self, connection: AbstractConnection, on_open: Callable[[], None]) -> None: ...


class RedisConnection:
    """process: this process's id. epoch: the name of the history; another one's processes are not heard.

    on_connected: called whenever both connections serve again, all channels being subscribed to; on_trouble: whenever
    one is lost, and nobody knows what was missed.
    """

    def __init__(self, url: str, process: str, epoch: str, secret: str = "", verify: bool = True) -> None:
        self.process, self._secret = process, secret
        self.address = Address(url, f"parlor-{process}", verify)
        self.counts = Counts()
        self.on_connected: list[Callable[[], None]] = []
        self.on_trouble: list[Callable[[], None]] = []
        self._commands, self._subscriptions = Commands(self.counts), Subscriptions(self.counts)
        self._tasks: list[asyncio.Task[None]] = []
        self.outages = Outages()
        self.change_epoch(epoch)

    async def start(self, required: bool = True) -> None:
        """Connect. required: raises Unusable where that cannot be done; else Redis is away until it can."""
        if required:
            await self.address.try_out(self.key("start"))
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not opened.done():
                opened.set_result(None)

        self.on_connected.append(done)
        self._tasks = [asyncio.create_task(self._keep(link)) for link in (self._commands, self._subscriptions)]
        if required:
            await opened
        self.on_connected.remove(done)

    async def close(self) -> None:
        """What was published before is on its way, where Redis answers within CLOSE_TIMEOUT_S."""
        with contextlib.suppress(Unusable, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.call("PING")
        self.outages.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_connected(self) -> bool:
        return self._commands.is_open and self._subscriptions.is_open

    @property
    def subscribed(self) -> int:
        """How many channels."""
        return len(self._subscriptions)

    def change_epoch(self, epoch: str) -> None:
        """From now on, another history: its channels, its keys. Opens the subscriptions anew."""
        self._prefix = f"parlor:{epoch[:8]}:"
        self._seal = Seal(self.process, epoch, self._secret)
        self._subscriptions.rename(self._prefix, self._seal)

    def key(self, name: str) -> str:
        """The key of this name, or the channel, as Redis has it: two Parlors may share one Redis."""
        return self._prefix + name

    def publish(self, channel: str, kind: bytes, *bodies: bytes) -> None:
        """To every other process that is subscribed to `channel` for this kind (one small letter), in the order of the
        calls. Dropped, and counted, where Redis is away or does not keep up."""
        now = time.monotonic_ns() // 1_000
        for body in bodies:
            self._commands.publish(self.key(channel), self._seal.close(kind, now, body))

    def subscribe(self, channel: str, kind: bytes, on_body: OnBody, on_ready: OnReady | None = None) -> None:
        """From now on `on_body(process, body)` is called with what other processes publish there of this kind.
        `on_ready()` is called once Redis has confirmed it, and again after each interruption: what was published before
        was missed. One for each channel and kind. `on_body` may raise BadFrame: then it was garbage."""
        self._subscriptions.add(channel, kind, on_body, on_ready)

    def unsubscribe(self, channel: str, kind: bytes) -> None:
        self._subscriptions.discard(channel, kind)

    async def call(self, *command: str | bytes | int | float) -> Any:
        """The answer to one command (`call("GET", connection.key("name"))`), as bytes, int, list or None. Not one that
        blocks: others wait behind it. Raises Unusable where it is refused, or cannot be asked in time."""
        return await self._commands.call(command)

    async def _keep(self, link: _Link) -> None:
        """Serve on a connection, and on the next one when it breaks."""
        delay = 0.0
        while True:
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - not all processes at once
            delay = min(MAX_DELAY_S, delay * 2 or FIRST_DELAY_S)
            connection = None
            began = time.monotonic()
            try:
                connection = await self.address.open()
                await link.serve(connection, self._opened)
            except Reopen:
                delay = 0.0
            except (RedisError, OSError, TimeoutError, Unusable) as error:
                self._lost(error, connection is not None)
            finally:
                if connection:
                    with contextlib.suppress(RedisError, OSError):
                        await close(connection)
            if time.monotonic() - began > MAX_DELAY_S:
                delay = 0.0

    def _opened(self) -> None:
        if not self.is_connected:
            return
        self.outages.end()
        for call in tuple(self.on_connected):
            call()

    def _lost(self, error: BaseException, had_served: bool) -> None:
        self._commands.check()  # the other connection may be gone as well
        self.outages.begin(str(error) or f"no answer from {self.address.where}")
        if had_served:
            for call in tuple(self.on_trouble):
                call()
