"""What Redis says on a connection, as it comes.

redis-py opens a connection and introduces us. From then on its transport is ours: to await each answer by itself, as
redis-py has it, takes a timer and several tasks' steps for each, which costs more than what the answer is about.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError

CHECKED = "8.1.0"  # the redis-py that this was written with
WRITER = "_writer"  # of its connections: an asyncio.StreamWriter, None before they are open. No public name leads there

Command = tuple[Any, ...]

_NOTHING = object()


class UnfitLibrary(RuntimeError):
    """A redis-py whose connections do not hold what is taken from them here."""


def check(connection: object) -> None:
    """connection: one that is not open yet. Raises UnfitLibrary, naming what is missing and the version that fits."""
    if getattr(connection, WRITER, _NOTHING) is not None:
        kind = type(connection)
        raise UnfitLibrary(
            f"{kind.__module__}.{kind.__qualname__} has no {WRITER}, or another one: this release of redis-py does not "
            f"fit. Parlor was made for redis-py {CHECKED}."
        )


class Replies(asyncio.Protocol):
    """on_reply: called with each answer, bytes, int, list or None, or an error of Redis's; it may raise RedisError,
    which ends this. on_end: called when nothing more will come; `fault` says why. Nothing is sent then."""

    def __init__(
        self, connection: AbstractConnection, on_reply: Callable[[Any], None], on_end: Callable[[], None]
    ) -> None:
        """Nothing may be on its way on this connection. Raises RedisError where it is lost already."""
        self._on_reply, self._on_end = on_reply, on_end
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self.fault: BaseException | None = None
        writer: asyncio.StreamWriter | None = getattr(connection, WRITER)
        if writer is None or writer.transport.is_closing():
            raise RedisConnectionError("Connection closed by server.")
        self._transport = writer.transport
        self._transport.set_protocol(self)

    def send(self, commands: Iterable[Command]) -> None:
        """In one go, in their order."""
        if self.fault is None:
            self._transport.write(b"".join(map(hiredis.pack_command, commands)))

    def end(self, fault: BaseException) -> None:
        """Hear no more."""
        if self.fault is None:
            self.fault = fault
            self._on_end()

    # --- asyncio's side ---

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while self.fault is None and (said := self._reader.gets()) is not _NOTHING:
                self._on_reply(said)
        except hiredis.ProtocolError as error:
            self.end(InvalidResponse(str(error)))
        except RedisError as error:
            self.end(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.end(error or RedisConnectionError("Connection closed by server."))
