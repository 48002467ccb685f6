"""What the process asks of its machine: standard streams that cannot hurt it, descriptors, addresses to listen on."""

import contextlib
import errno
import io
import os
import select
import socket
import sys
from typing import Any, TextIO

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

STUCK_AFTER = 50  # ms that a reader of ours may take to make room for a line; then lines are dropped until it has
MANY = (1_048_576, 10_240)  # descriptors to ask for where there is no limit: what Linux gives by default, and macOS
TRIES = 20  # to find a port that is free for every address

_PIECE = 4096  # bytes (PIPE_BUF): a pipe that is ready takes so many without making us wait
_NO_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def open_streams() -> None:
    """/dev/null in the place of each standard stream that is closed: else the next socket or file would take its
    number, and be written to by whoever means the stream."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - for as long as we live


def courtesy(stream: TextIO) -> TextIO:
    """The same stream for words that are a courtesy: whatever it cannot take, or cannot take now, is dropped."""
    try:
        raw = _Courtesy(stream.fileno())
    except (OSError, ValueError):  # none of the system's, as in tests
        return stream
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors="backslashreplace", write_through=True)  # type: ignore[type-var]


class _Courtesy(io.RawIOBase):
    """Never raises, never waits for longer than a moment: the disk may be full, the reader gone or asleep."""

    def __init__(self, number: int) -> None:
        self._number, self._stuck = number, False
        self._poll: Any = select.poll() if hasattr(select, "poll") else None
        if self._poll:
            self._poll.register(number, select.POLLOUT)

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        with contextlib.suppress(OSError):
            while rest and self._is_ready():
                rest = rest[os.write(self._number, rest[:_PIECE]) :]
        return len(data)

    def _is_ready(self) -> bool:
        if self._poll is None:
            return True
        self._stuck = not self._poll.poll(0 if self._stuck else STUCK_AFTER)
        return not self._stuck


def silence(stream: TextIO) -> None:
    """What it still holds goes nowhere: it cannot be written, and the end of the process must not try again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def raise_descriptor_limit() -> None:
    """As many descriptors as may be had: each connection takes one, and 1,024 is what most systems begin with."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in MANY if hard == resource.RLIM_INFINITY else (hard,):
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return


def descriptor_limit() -> int | None:
    """How many descriptors the process may have; None where there is no limit, or none to be known."""
    if resource is None:
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def bind(addresses: tuple[str, ...], port: int) -> list[socket.socket]:
    """A socket for each address, all with one port. `::` is every address there is, of IPv6 and of IPv4; a name is all
    that it stands for. Raises OSError."""
    for _ in range(TRIES - 1):
        try:
            return _bind(addresses, port)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:  # a free port of one address may be taken on the next
                raise
    return _bind(addresses, port)


def _bind(addresses: tuple[str, ...], port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for address in addresses:
            port = _bind_one(address, port, bound)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound


def _bind_one(address: str, port: int, bound: list[socket.socket]) -> int:
    """Adds to `bound` all that the address stands for; families that this machine lacks are left out while another one
    is there. The port, which is now known."""
    before, lacking = len(bound), None
    for family, where in _found(address):
        if any(one.family == family and one.getsockname()[:2] == (where[0], port) for one in bound):
            continue  # the same by another name
        try:
            one = _listening(family, (where[0], port, *where[2:]))
        except OSError as error:
            if error.errno not in _NO_FAMILY:
                raise
            lacking = error
        else:
            bound.append(one)
            port = one.getsockname()[1]
    if lacking and len(bound) == before:
        raise lacking
    return port


def _found(address: str) -> list[tuple[int, tuple[Any, ...]]]:
    if address == "::":
        return [(socket.AF_INET6, ("::", 0)), (socket.AF_INET, ("0.0.0.0", 0))]  # noqa: S104
    found = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))


class _Listening(socket.socket):
    """Says once that no descriptor is left, and then that nobody waits: asyncio accepts a thousand times in a row, and
    for each failure tells of it and plans to try again."""

    _was_out = False

    def accept(self) -> tuple[socket.socket, Any]:
        if self._was_out:
            self._was_out = False
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as error:
            self._was_out = error.errno in (errno.EMFILE, errno.ENFILE)
            raise


def _listening(family: int, where: tuple[Any, ...]) -> socket.socket:
    one = _Listening(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows it would share the port with another program
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # IPv4 has a socket of its own, so that nobody comes from ::ffff:192.0.2.1
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(where)
    except OSError:
        one.close()
        raise
    return one
