"""Servers as processes of their own that need not import the project: to do so takes a second of the processor, and the
tests begin some hundred of them.

One process for each worker of the tests (this module, run as a program) has imported all of it and forks, whenever it
is asked, one that goes on as `python -m app serve` does: with arguments, environment and pipes of its own, and without
anything of the tests in it. It is the child of who asked, as if that had begun it (PR_SET_CHILD_SUBREAPER), to be
waited for and killed.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

PROJECT = Path(__file__).parents[2]
LARGEST = 1 << 20  # bytes of a request
PR_SET_CHILD_SUBREAPER = 36

_asking = threading.Lock()


class Child:
    """A process that was forked, with what tests use of asyncio's. Its end is known by a descriptor of it (pidfd)."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader | None) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._reap)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """All that it says from now on, once it has ended."""
        out, errors = await asyncio.gather(self.stdout.read(), self.stderr.read() if self.stderr else _nothing())
        await self.wait()
        return out, errors

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


async def _nothing() -> bytes:
    return b""


async def fork(words: list[str], environment: dict[str, str], errors: int | IO[bytes]) -> Child:
    """`python -m app WORDS` with this environment. errors: subprocess.PIPE, or where it writes them."""
    out, into = os.pipe()
    failed, failing = os.pipe() if errors == subprocess.PIPE else (None, None)
    to = failing if failing is not None else errors if isinstance(errors, int) else errors.fileno()
    try:
        pid = await asyncio.to_thread(_ask, json.dumps([words, environment]).encode(), [into, to])
    finally:
        os.close(into)
        if failing is not None:
            os.close(failing)
    return Child(pid, await _reader(out), await _reader(failed) if failed is not None else None)


def _ask(request: bytes, descriptors: list[int]) -> int:
    """The pid of the new process. One after the other: who asks at the same time would get the other's."""
    with _asking:
        server = _server()
        socket.send_fds(server, [request], descriptors)
        return int(server.recv(32))


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0))
    return reader


@cache
def _server() -> socket.socket:
    """To the one of this process, which ends with it."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    subprocess.Popen(
        [sys.executable, "-m", __name__, str(theirs.fileno())],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    return ours


def main() -> None:
    """Fork for each request; the child comes out of this with the request in `sys.argv` and `os.environ`."""
    import_module("app.server")
    command_line = import_module("app.__main__")
    asked = socket.socket(fileno=int(sys.argv[1]))
    while True:
        request, descriptors, _, _ = socket.recv_fds(asked, LARGEST, 2)
        if not request:
            break
        pid = _forked(asked, descriptors)
        if pid:
            asked.send(str(pid).encode())
            continue
        words, environment = json.loads(request)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [str(PROJECT / "app" / "__main__.py"), *words]
        _open_streams()
        command_line.main()
        break


def _open_streams() -> None:
    """Those of Python, on the pipes."""
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)


def _forked(asked: socket.socket, descriptors: list[int]) -> int:
    """The pid of the new process, in the old one; 0 in the new one. One between the two ends at once, so that the new
    one is given to who asked."""
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid:
            os.write(writing, str(pid).encode())
            os._exit(0)
        for place, descriptor in enumerate(descriptors, start=1):
            os.dup2(descriptor, place)
        for descriptor in (reading, writing, *descriptors):
            os.close(descriptor)
        asked.close()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        return 0
    os.waitpid(between, 0)
    pid = int(os.read(reading, 32))
    for descriptor in (reading, writing, *descriptors):
        os.close(descriptor)
    return pid


if __name__ == "__main__":
    main()
