"""The connection on which this process hears others. Redis cuts it where it reads too slowly: it is opened anew."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from app.chat.waiting import wait_within
from app.live.redis.counts import Counts
from app.live.redis.frames import BadFrame, Seal
from app.live.redis.replies import Replies

log = logging.getLogger("parlor.redis")

PING_INTERVAL_S = 1.0
SILENCE_TIMEOUT_S = 3.0  # in which not even a ping was answered
GARBAGE_INTERVAL_S = 60.0  # between two log lines about it

OnBody = Callable[[str, bytes], None]
OnReady = Callable[[], None]


class Reopen(Exception):
    """Nothing is wrong: all subscriptions are to be made anew."""


@dataclass
class _Channel:
    """Whom to call with what comes there, by kind."""

    on_body: dict[bytes, OnBody] = field(default_factory=dict)
    on_ready: dict[bytes, OnReady] = field(default_factory=dict)
    is_confirmed: bool = False


class Subscriptions:
    """What is wanted, by channel; on a connection, what comes there."""

    def __init__(self, counts: Counts) -> None:
        self.is_open = False
        self._counts = counts
        self._channels: dict[str, _Channel] = {}
        self._is_listening = False
        self._changes: list[tuple[str, str]] = []  # (UN)SUBSCRIBE, and the channel
        self._awaited: set[str] = set()  # that were to be confirmed since the connection was opened
        self._wake = asyncio.Event()
        self._must_reopen = False
        self._heard_at = self._complained_at = -math.inf

    def __len__(self) -> int:
        return len(self._channels)

    def rename(self, prefix: str, seal: Seal) -> None:
        """From now on channels have this prefix, and frames this seal."""
        self._prefix, self._seal = prefix, seal
        self._must_reopen, self.is_open = self._is_listening, False
        self._wake.set()

    def add(self, name: str, kind: bytes, on_body: OnBody, on_ready: OnReady | None) -> None:
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = _Channel()
            self._change("SUBSCRIBE", name)
        channel.on_body[kind] = on_body
        if on_ready:
            channel.on_ready[kind] = on_ready
            if channel.is_confirmed:
                asyncio.get_running_loop().call_soon(_ready_if, channel, kind, on_ready)

    def discard(self, name: str, kind: bytes) -> None:
        channel = self._channels.get(name)
        if channel is None:
            return
        channel.on_body.pop(kind, None)
        channel.on_ready.pop(kind, None)
        if not channel.on_body:
            del self._channels[name]
            self._awaited.discard(name)
            self._change("UNSUBSCRIBE", name)

    def _change(self, command: str, name: str) -> None:
        if self._is_listening:
            self._changes.append((command, name))
            self._wake.set()

    async def serve(self, connection: AbstractConnection, on_open: Callable[[], None]) -> None:
        """Until the connection breaks: raises RedisError, OSError, TimeoutError or Reopen."""
        replies = Replies(connection, partial(self._on_reply, on_open), self._wake.set)
        self._changes = [("SUBSCRIBE", name) for name in self._channels]
        self._awaited = set(self._channels)
        self._must_reopen = False
        self._heard_at = time.monotonic()
        self._wake.set()
        self._is_listening = True
        try:
            self._open_if_confirmed(on_open)
            await self._write(replies)
        finally:
            self.is_open = self._is_listening = False
            replies.end(Reopen())
            for channel in self._channels.values():
                channel.is_confirmed = False

    async def _write(self, replies: Replies) -> None:
        """Ask for what is wanted; where nothing is, a ping, so that silence means something."""
        while True:
            await wait_within(PING_INTERVAL_S, self._wake)
            self._wake.clear()
            if replies.fault:
                raise replies.fault
            if self._must_reopen:
                raise Reopen
            if time.monotonic() > self._heard_at + SILENCE_TIMEOUT_S:
                raise TimeoutError
            changes, self._changes = self._changes, []
            commands: list[tuple[str, ...]] = [(command, self._prefix + name) for command, name in changes]
            replies.send(commands or [("PING",)])

    def _open_if_confirmed(self, on_open: Callable[[], None]) -> None:
        if not (self.is_open or self._awaited or self._must_reopen):
            self.is_open = True
            on_open()

    def _on_reply(self, on_open: Callable[[], None], said: Any) -> None:
        """Raises RedisError where the connection cannot go on."""
        self._heard_at = time.monotonic()
        if isinstance(said, hiredis.ReplyError):
            raise ResponseError(str(said))
        if not isinstance(said, list):
            return  # the answer to a ping
        if said[0] == b"message":
            self._on_message(said[1], said[2])
        elif said[0] == b"subscribe":
            self._on_confirmed(said[1].decode().removeprefix(self._prefix))
            self._open_if_confirmed(on_open)

    def _on_confirmed(self, name: str) -> None:
        self._awaited.discard(name)
        channel = self._channels.get(name)
        if channel is None:
            return
        channel.is_confirmed = True
        for call in tuple(channel.on_ready.values()):
            _guarded(call)

    def _on_message(self, name: bytes, data: bytes) -> None:
        try:
            frame = self._seal.open(data)
        except BadFrame as error:
            self._on_garbage(name, len(data), str(error))
            return
        if frame.process == self._seal.process:
            self._counts.lag = time.monotonic() - frame.sent / 1e6
            return
        self._counts.received += 1
        channel = self._channels.get(name.decode(errors="replace").removeprefix(self._prefix))
        on_body = channel.on_body.get(frame.kind) if channel else None
        if on_body is None:
            return
        try:
            _guarded(on_body, frame.process, frame.body)
        except BadFrame as error:
            self._on_garbage(name, len(data), str(error))

    def _on_garbage(self, name: bytes, size: int, why: str) -> None:
        self._counts.garbage += 1
        if time.monotonic() > self._complained_at + GARBAGE_INTERVAL_S:
            self._complained_at = time.monotonic()
            log.warning(
                "Redis brought %d bytes on %.100r that are no news: %s. Dropped, and more like it", size, name, why
            )


def _guarded(call: Callable[..., None], *args: Any) -> None:
    """A fault in what is called must not end the connection."""
    try:
        call(*args)
    except BadFrame:
        raise
    except Exception:
        log.exception("what came from Redis could not be used")


def _ready_if(channel: _Channel, kind: bytes, call: OnReady) -> None:
    """Unless it has been unsubscribed, or asked anew, meanwhile."""
    if channel.on_ready.get(kind) is call:
        _guarded(call)
