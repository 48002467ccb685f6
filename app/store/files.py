"""The database file, as the file system knows it: is it the one that is open, and did nobody else write to it.

SQLite's locks are those of fcntl(2), which are lost when the process closes any descriptor of the file: one that is
opened here is closed after SQLite's own.
"""

import contextlib
import os
import secrets
import time

Identity = tuple[int, int]  # device, inode

CAN_HOLD = os.name != "nt"  # there, nobody can remove or replace a file that is open
HEADER = 100  # bytes of a database file's header (SQLite, "Database File Format", 1.3)
MAGIC = b"SQLite format 3\x00"
SETTLED_S = 1.0  # a file that was overwritten is whole when it has not changed for so long
COUNTED = 2**20  # marks of one history
CHECKPOINT_S = 1.0  # for another process's checkpoint to let the file grow


class DatabaseFile:
    """`hold` it once it is open, `let_go` once it is closed; in between, the questions."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.open: Identity | None = None  # the file that is open
        self._fd: int | None = None
        self._seen: tuple[int, int] | None = None  # size and mtime, as we left it
        self._mark = 0  # that its header had then
        self._strange: tuple[tuple[int, int], float] | None = None  # as it was found overwritten, and since when

    def create(self) -> None:
        """One that only its owner can read, where there is none; the journal takes its mode from it."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def hold(self) -> os.stat_result:
        found = os.stat(self.path)
        self.open, self._strange = _identity(found), None
        if CAN_HOLD:
            self._fd = os.open(self.path, os.O_RDWR)
            self.saw(found)
        return found

    def let_go(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self.open = self._seen = self._fd = None

    @property
    def place(self) -> Identity | None:
        """The file under our name; None where there is none."""
        return identify(self.path)

    def stat(self) -> os.stat_result | None:
        """The file under our name, if it is the one that is open."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found if _identity(found) == self.open else None

    def has_changed(self, found: os.stat_result) -> bool:
        """Was it written to since we saw it last? Only checkpoints do that, or a stranger."""
        return self._seen is not None and _state(found) != self._seen

    def saw(self, found: os.stat_result) -> None:
        """Remember it as it is now."""
        if self._fd is not None:
            self._seen, self._mark = _state(found), _mark(self._header())

    def is_overwritten(self, found: os.stat_result) -> bool:
        """Did a stranger write to it, and not as SQLite does? After a checkpoint by another process its header has the
        same mark or a later one; that of a backup which was copied over it has an earlier one. A checkpoint writes the
        header first, and the file grows behind it: a file that is too short is looked at for a while."""
        is_known = self._strange is not None and self._strange[0] == _state(found)
        until = time.monotonic() + (0 if is_known else CHECKPOINT_S)
        while not self._is_whole(found):
            if time.monotonic() > until or not _follows(_mark(self._header()), self._mark):
                return True
            time.sleep(CHECKPOINT_S / 500)
            assert self._fd is not None
            found = os.fstat(self._fd)
        return not _follows(_mark(self._header()), self._mark)

    def is_settled(self, found: os.stat_result) -> bool:
        """Is what was written over it whole, and no longer being written?"""
        now = time.monotonic()
        if self._strange is None or self._strange[0] != _state(found):
            self._strange = _state(found), now
        return self._is_whole(found) and now - self._strange[1] >= SETTLED_S

    def _is_whole(self, found: os.stat_result) -> bool:
        header = self._header()
        return header.startswith(MAGIC) and found.st_size >= _size(header)

    def _header(self) -> bytes:
        assert self._fd is not None
        return os.pread(self._fd, HEADER, 0).ljust(HEADER, b"\x00")

    def save_copy_if_removed(self) -> str | None:
        """The name of a copy, where the open file has no name any more. Raises OSError."""
        if self._fd is None or os.fstat(self._fd).st_nlink:
            return None
        return save_copy(self._fd, self.path)


def next_mark(mark: int) -> int:
    """Of a history of its own in the upper bits, chosen once, and counted in the lower ones."""
    if mark < COUNTED:
        return (secrets.randbelow(2**10) + 1) * COUNTED
    return mark if mark % COUNTED == COUNTED - 1 else mark + 1


def _follows(mark: int, earlier: int) -> bool:
    return earlier < COUNTED or (mark // COUNTED == earlier // COUNTED and mark >= earlier)


def _mark(header: bytes) -> int:
    """The user version, which is ours to use."""
    return int.from_bytes(header[60:64])


def _size(header: bytes) -> int:
    """Bytes that the file has to have, by its own header."""
    page, pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
    return pages * (65_536 if page == 1 else page)


def identify(path: str) -> Identity | None:
    try:
        return _identity(os.stat(path))
    except OSError:
        return None


def save_copy(fd: int, path: str) -> str:
    """A copy of an open file, beside where it is or was. Its name. Raises OSError."""
    name, at = aside(path), 0
    with open(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as copy:
        while some := os.pread(fd, 1 << 20, at):
            at += copy.write(some)
        copy.flush()
        os.fsync(copy.fileno())
    return name


def aside(path: str) -> str:
    return f"{path}.aside-{time.time_ns() // 1_000_000}"


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns
