"""What the process needs from the system: standard streams that cannot block it, descriptors, addresses to listen
on."""

import contextlib
import errno
import gc
import io
import os
import secrets
import select
import socket
import sys
from collections.abc import Iterator
from string import ascii_lowercase, digits
from typing import Any, TextIO

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

WRITE_TIMEOUT_MS = 50  # for the reader of a stream to make room; then lines are dropped until it has
DESCRIPTORS_WANTED = (1_048_576, 10_240)  # where the hard limit is infinite: the defaults of Linux and macOS
BIND_ATTEMPTS = 20  # to find a port that is free on every address
CAN_SHARE_PORT = os.name == "posix" and hasattr(socket, "SO_REUSEPORT")  # several processes may listen on one

FULL_COLLECTION_AFTER = 25  # collections of the middle generation (Python: 10): half a million new objects

_CHUNK = 4096  # bytes (PIPE_BUF): a pipe that is ready takes so many without blocking
_FAMILY_MISSING = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_ADDRESS_IN_USE = (48, 98, 10048)  # EADDRINUSE on macOS, Linux, Windows


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """What is imported stays: to look through it again and again while it grows takes a tenth of the start, and later
    each full collection would take 40 ms, in which nobody is answered."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def collect_seldom() -> None:
    """Let a full garbage collection come seldom: it looks through all that everybody who is here holds, 0.2 s for 8,000
    people, in which nobody is answered. While they come it did so with each quarter more of them, and found nothing:
    what a connection leaves goes with its last reference, or is found young (tests/live/test_garbage.py)."""
    gc.set_threshold(*gc.get_threshold()[:2], FULL_COLLECTION_AFTER)


def new_process_id() -> str:
    """The name of a process among those that serve one database: 8 of a-z and 0-9."""
    return "".join(secrets.choice(ascii_lowercase + digits) for _ in range(8))


def ensure_standard_streams() -> None:
    """Open /dev/null for each standard stream that is closed: else the next socket or file would get its number, and be
    written to in its place."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - open until the end


def best_effort(stream: TextIO) -> TextIO:
    """The same stream, without errors and without blocking: what cannot be written at once is dropped."""
    try:
        raw = _BestEffort(stream.fileno())
    except (OSError, ValueError):  # no stream of the system's, as in tests
        return stream
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors="backslashreplace", write_through=True)  # type: ignore[type-var]


class _BestEffort(io.RawIOBase):
    """Never raises, never blocks for long: the disk may be full, the reader gone or suspended."""

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
                rest = rest[os.write(self._number, rest[:_CHUNK]) :]
        return len(data)

    def _is_ready(self) -> bool:
        if self._poll is None:
            return True
        self._stuck = not self._poll.poll(0 if self._stuck else WRITE_TIMEOUT_MS)
        return not self._stuck


def discard(stream: TextIO) -> None:
    """Drop what is still buffered: it cannot be written, and the end of the process must not try again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def raise_descriptor_limit() -> None:
    """Raise the limit of descriptors as far as possible: each connection takes one, and most systems begin with
    1,024."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else (hard,):
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return


def descriptor_limit() -> int | None:
    """How many descriptors the process may have; None where there is no limit, or it is not known."""
    if resource is None:
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def bind(addresses: tuple[str, ...], port: int, shared: bool = False) -> list[socket.socket]:
    """A socket for each address, all on one port. `::` means every address of IPv6 and of IPv4; a name means all the
    addresses that it resolves to. shared: other processes of ours may listen there, too; the kernel spreads what comes
    over all that do. Raises OSError."""
    for _ in range(BIND_ATTEMPTS - 1):
        try:
            return _bind(addresses, port, shared)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:  # a free port of one address may be taken on the next
                raise
    return _bind(addresses, port, shared)


def why_not_bound(host: str, port: int, error: OSError) -> str:
    """What `bind` raised, as a sentence."""
    if error.errno in _ADDRESS_IN_USE:
        return f"Port {port} on {host} is taken by another program. Choose another with PORT or --port."
    return f"Port {port} on {host} cannot be listened on ({error.strerror}). Look at HOST and PORT."


def _bind(addresses: tuple[str, ...], port: int, shared: bool) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for address in addresses:
            port = _bind_one(address, port, bound, shared)
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound


def _bind_one(address: str, port: int, bound: list[socket.socket], shared: bool) -> int:
    """Add sockets for all that the address resolves to, and return the port. A family that this machine lacks is
    skipped if another one works."""
    before, missing = len(bound), None
    for family, where in _resolve(address):
        if any(one.family == family and one.getsockname()[:2] == (where[0], port) for one in bound):
            continue  # the same address again
        try:
            one = _listening_socket(family, (where[0], port, *where[2:]), shared)
        except OSError as error:
            if error.errno not in _FAMILY_MISSING:
                raise
            missing = error
        else:
            bound.append(one)
            port = one.getsockname()[1]
    if missing and len(bound) == before:
        raise missing
    return port


def _resolve(address: str) -> list[tuple[int, tuple[Any, ...]]]:
    if address == "::":
        return [(socket.AF_INET6, ("::", 0)), (socket.AF_INET, ("0.0.0.0", 0))]  # noqa: S104
    found = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))


class _ListeningSocket(socket.socket):
    """Raises the lack of descriptors once, then BlockingIOError: asyncio accepts up to a thousand times in a row, and
    reports and schedules a retry for each failure."""

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


def _listening_socket(family: int, where: tuple[Any, ...], shared: bool) -> socket.socket:
    one = _ListeningSocket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows it would share the port with another program
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:  # IPv4 has a socket of its own, so that no peer is called ::ffff:192.0.2.1
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(where)
    except OSError:
        one.close()
        raise
    return one
