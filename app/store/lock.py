"""Who serves a database: one process, or several that hear each other, by a lock that the system takes back when its
process ends.

The lock is flock(2) on a file beside the database: one that ended by SIGKILL, or whose machine lost its power, leaves
none behind. On a network share it is as good as the share's own locks, on which SQLite depends as well.
"""

import contextlib
import errno
import json
import logging
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, Self

from app.store.files import identify

log = logging.getLogger("parlor.store")

BEYOND = 1 << 30  # the byte that is locked on Windows, where a locked one cannot be read
CAN_SHARE = sys.platform != "win32"
HELD_BY_ANOTHER = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


class ServingLock:
    """`take` it to serve; `holder` says who has it otherwise. shared: with others that do so, too. Of a database that
    is no file (None) everybody has it: it serves many at once."""

    def __init__(self, database: str | None, shared: bool = False) -> None:
        self.path = Path(f"{database}.lock")
        self._shared = shared and CAN_SHARE
        self._fd: int | None = None
        self._is_shared = False  # as it is held
        self._without = database is None  # nothing can be locked here

    @property
    def is_held(self) -> bool:
        return self._fd is not None or self._without

    def take(self, alone: bool = False) -> bool:
        """False where another process has it. alone: as if it were not shared, until it is taken once more. A file
        system that has no locks has none to say no."""
        if self._without:
            return True
        shared = self._shared and not alone
        if self._fd is not None and identify(str(self.path)) == identify_open(self._fd):
            return self._is_shared == shared or self._convert(shared)
        self.release()  # of a file that was removed: nobody would look at it
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            log.warning("%s cannot be made (%s): a second server would not be noticed", self.path, error)
            self._without = True
            return True
        try:
            _lock(fd, shared)
        except OSError as error:
            if error.errno in HELD_BY_ANOTHER:
                os.close(fd)
                return False
            log.warning("there are no locks on %s (%s): a second server would not be noticed", self.path, error)
        self._fd, self._is_shared = fd, shared
        me = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
        }
        with contextlib.suppress(OSError):  # a full disk: it is held all the same
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(me).encode())
        return True

    def _convert(self, shared: bool) -> bool:
        """flock(2) gives the one up before it takes the other."""
        assert self._fd is not None
        try:
            _lock(self._fd, shared)
        except OSError:
            self.release()
            return False
        self._is_shared = shared
        return True

    def holder(self) -> dict[str, Any]:
        """`{pid, host, since}` as the one who has it wrote them; empty where that cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            found: object = json.loads(self.path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
        return {}

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def identify_open(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, _shared: bool) -> None:
        os.lseek(fd, BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(fd, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(fd: int, shared: bool) -> None:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
