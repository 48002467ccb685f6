"""Writing: everything that one loop tick has for one socket leaves in one call, straight to the descriptor.

What the kernel does not take waits in the transport's buffer, whose size is the measure of a slow reader.
"""

import asyncio
import logging
from collections.abc import Callable
from socket import AF_INET, SOCK_STREAM, SocketType
from typing import Protocol

log = logging.getLogger("parlor.engineio")


def waiting_bytes(transport: asyncio.Transport) -> int:
    """That were written and not taken; none where it is closed, of which uvloop's transports do not tell any more."""
    return 0 if transport.is_closing() else transport.get_write_buffer_size()


class Flushable(Protocol):
    def flush(self) -> None: ...

    def abort(self) -> None: ...


class TickWriter:
    """Everything that has something to write in this tick."""

    def __init__(self) -> None:
        self._dirty: list[Flushable] = []

    def schedule(self, one: Flushable) -> None:
        """Flush it at the end of the tick. To be called once a tick for each."""
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.append(one)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for one in dirty:
            try:
                one.flush()
            except Exception:  # one must not silence the others of its tick
                log.exception("a socket could not be written to")
                one.abort()


class FastPath(Protocol):
    """Writes to the sockets of idle connections by itself."""

    def demote(self, writer: "SocketWriter") -> None:
        """Something else is about to be written to this socket: leave it alone from now on, and hand over what this
        tick has had for it by `send_all`."""


class SocketWriter:
    """The outgoing half of one connection. `on_drain` is called when nothing waits any more, `on_too_slow` before a
    reader that leaves more than the limit waiting is cut off, or told so by `last_words`."""

    __slots__ = (
        "_has_backlog",
        "_out",
        "_ticks",
        "fast_path",
        "is_closed",
        "last_words",
        "limit",
        "on_drain",
        "on_too_slow",
        "on_writable",
        "socket",
        "transport",
    )

    def __init__(self, ticks: TickWriter, transport: asyncio.Transport, limit: int) -> None:
        """limit: bytes that may wait for a slow reader."""
        self._ticks, self.limit = ticks, limit
        self.transport = transport
        self.socket = _raw_socket(transport)  # to write past the transport
        self._out: list[bytes] | None = None  # for the end of this tick; None where there is nothing, as nearly always
        self._has_backlog = True  # something may wait in the transport
        self.is_closed = False  # nothing is written any more
        self.fast_path: FastPath | None = None  # that writes to this socket, too
        self.on_drain: Callable[[], None] | None = None
        self.on_too_slow: Callable[[], None] | None = None
        self.on_writable: Callable[[], None] | None = None  # the peer of a stream has taken most of what waited
        self.last_words = b""  # for a reader that is too slow, behind what waits; without any it is cut off

    @property
    def is_drained(self) -> bool:
        """True while nothing waits that another write would overtake."""
        return not (self._has_backlog or self._out or self.is_closed)

    @property
    def has_backlog(self) -> bool:
        """True where the kernel may not have taken all that was written."""
        return self._has_backlog

    @property
    def buffered(self) -> int:
        """Bytes that wait for the reader."""
        return sum(map(len, self._out or ())) + waiting_bytes(self.transport)

    def send(self, data: bytes) -> None:
        """Write this at the end of the tick."""
        if self.fast_path:
            self.fast_path.demote(self)
        if self.is_closed:
            return
        if not self._out:
            self._out = []
            self._ticks.schedule(self)
        self._out.append(data)

    def send_all(self, told: list[bytes]) -> None:
        """What its fast path had for it in this tick; it has been demoted."""
        if not self._out:
            self._out = []
            self._ticks.schedule(self)
        self._out.extend(told)

    def write(self, data: bytes) -> None:
        """Write this now, behind whatever this tick has for it."""
        if self._out or self.fast_path:
            self.send(data)
            self.flush()
        elif not self.is_closed:
            self._write(data, is_single=True)

    def flush(self) -> None:
        """One write of what this tick has for it."""
        out = self._out
        if not out or (self.socket is None and self.is_closed):
            return
        self._out = None
        is_single = len(out) == 1
        data = out[0] if is_single else b"".join(out)
        self._write(data, is_single)

    def _write(self, data: bytes, is_single: bool) -> None:
        """A reader that leaves more than the limit waiting is cut off, unless that is one message alone."""
        if self.transport.is_closing():
            return
        if self._has_backlog:
            waiting = self.transport.get_write_buffer_size()
            if waiting or self.socket is None:
                self._keep(data, waiting + len(data) > self.limit and (waiting > 0 or not is_single))
                return
            self._has_backlog = False
        assert self.socket
        try:
            written = self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            written = 0
        except OSError:
            self.abort()
            return
        if written < len(data):
            self.keep(memoryview(data)[written:], is_single)
        elif self.on_drain:
            self.on_drain()

    def keep(self, data: memoryview, is_single: bool) -> None:
        """What the kernel did not take, of one message alone or of more."""
        self._keep(data, len(data) > self.limit and not is_single, is_begun=True)

    def _keep(self, data: bytes | memoryview, too_much: bool, is_begun: bool = False) -> None:
        """is_begun: the kernel took what is before it, so that it cannot be left out."""
        if not too_much:
            self._has_backlog = True
            self.transport.write(data)
            return
        if self.on_too_slow:
            self.on_too_slow()
        if not self.last_words:
            self.abort()
            return
        self.is_closed = True
        if is_begun:
            self.transport.write(data)
        self.transport.write(self.last_words)
        self.transport.close()  # when all of it was taken

    def release(self) -> None:
        """The connection is lost, or somebody else's: the descriptor is not this writer's any more."""
        if self.fast_path:
            self.fast_path.demote(self)
        self.is_closed = True
        self._out = None
        self.on_drain = self.on_too_slow = self.on_writable = None
        if self.socket:
            self.socket.detach()
            self.socket = None

    def abort(self) -> None:
        """Cut the connection now."""
        if self.fast_path:
            self.fast_path.demote(self)
        self.is_closed = True
        self._out = None
        self.transport.abort()


def _raw_socket(transport: asyncio.Transport) -> SocketType | None:
    """The socket itself; None over TLS, where what is written to it would go out in the clear."""
    if transport.get_extra_info("ssl_object") is not None:
        return None
    fd = transport.get_extra_info("socket").fileno()
    return SocketType(AF_INET, SOCK_STREAM, 0, fd)  # the family does not matter to a socket that only sends
