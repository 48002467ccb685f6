"""The journal of an open database (`-wal`) and its index (`-shm`): are they in their places, and whole.

A committed word is in the journal until a checkpoint copies it into the database file. Whoever takes the journal's name
away takes those words along when the process ends, and SQLite does not notice. So a second name of both is kept, a hard
link that begins with a dot: from it the first one is given back, at once while the server runs, or by the next start
after a crash.
"""

import contextlib
import logging
import os
import struct
from pathlib import Path

from app.store.files import CAN_HOLD, Identity, aside, identify, save_copy

log = logging.getLogger("parlor.store")


class Journal:
    """`hold` it once the database is open, `let_go` once that is closed; in between, the questions."""

    def __init__(self, database: str) -> None:
        folder, name = os.path.split(database)
        self.path, self._index = f"{database}-wal", f"{database}-shm"
        self._spares = {one: os.path.join(folder, f".{name}{one[-4:]}") for one in (self.path, self._index)}
        self._base = os.path.join(folder, f".{name}-base")  # the state of the database to which the journal belongs
        self._parts: dict[str, Identity] = {}
        self._fds: dict[str, int] = {}  # closed after SQLite's own (files.py)
        self._size, self._has_shrunk = 0, False

    def hold(self) -> None:
        self._size, self._has_shrunk = 0, False
        if not CAN_HOLD:
            return
        for path in self._spares:
            self._fds[path] = os.open(path, os.O_RDWR)
            found = os.fstat(self._fds[path])
            self._parts[path] = found.st_dev, found.st_ino
        self.keep_spares()
        self._fds[self._base] = os.open(self._base, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)

    def let_go(self) -> None:
        while self._fds:
            os.close(self._fds.popitem()[1])
        self._parts.clear()

    def keep_spares(self) -> None:
        """A second name for the journal and for its index; where the file system has none, do without."""
        for path, identity in self._parts.items():
            spare = self._spares[path]
            with contextlib.suppress(OSError):
                if identify(spare) != identity and identify(path) == identity:
                    _remove(spare)
                    os.link(path, spare)

    def belongs_to(self, database: os.stat_result) -> None:
        """For the next start: only to this state of the database file the journal belongs."""
        if self._base in self._fds:
            with contextlib.suppress(OSError):  # a full disk: after a crash the journal is where it is
                os.pwrite(self._fds[self._base], _base(database), 0)

    def is_in_place(self, and_index: bool = True) -> bool:
        """The index matters to other processes, which could not come beside us without it."""
        if not self._parts:
            return True
        try:
            found = os.stat(self.path)
        except OSError:
            return False
        if found.st_size < self._size:
            self._has_shrunk = True
        self._size = found.st_size
        is_here = (found.st_dev, found.st_ino) == self._parts[self.path]
        return is_here and (not and_index or identify(self._index) == self._parts[self._index])

    def give_back(self) -> bool:
        """Give the journal and its index the names that somebody took; what took their place is put aside. False where
        that cannot be done."""
        try:
            for path, identity in self._parts.items():
                if identify(path) == identity:
                    continue
                if identify(self._spares[path]) != identity:
                    return False
                _put_aside(path)
                os.link(self._spares[path], path)
                log.warning("%s was removed or replaced while it was open: it is back in its place", path)
        except OSError as error:
            log.warning("the journal cannot be put back in its place: %s", error)
            return False
        return True

    def lost_frames(self) -> int | None:
        """How many pages that are only in the journal were cut off; None where it is whole. It is smaller after that,
        or when another process emptied it properly."""
        if not self._has_shrunk:
            return None
        self._has_shrunk = False
        while True:
            before = _read_index(self._fds[self._index])
            size = os.fstat(self._fds[self.path]).st_size
            if _read_index(self._fds[self._index]) == before:
                break
        frames, copied, page = before
        return frames - copied if frames and size < 32 + frames * (page + 24) else None

    def save_copy(self) -> str:
        """Its name. Raises OSError."""
        return save_copy(self._fds[self.path], self.path)

    def empty(self) -> None:
        """What is in it does not belong to the database file any more, and closing must not copy it there."""
        os.ftruncate(self._fds[self.path], 0)

    def remove(self) -> None:
        """The journal, its index and their spares, of a database that is closed."""
        for path in (self.path, self._index):
            _remove(path)
        self.remove_spares()

    def remove_spares(self) -> None:
        for path in (*self._spares.values(), self._base):
            _remove(path)

    @property
    def has_spare(self) -> bool:
        return identify(self._spares[self.path]) is not None

    def adopt(self, database: str) -> None:
        """Before the database is opened, after a crash: where the journal's name was taken away meanwhile, give it
        back, if the database file is still the one, and as it was, to which the journal belongs."""
        spare = self._spares[self.path]
        kept, named = identify(spare), identify(self.path)
        if kept is None or kept == named or not os.stat(spare).st_size:
            return
        is_as_it_was = False
        with contextlib.suppress(OSError):
            is_as_it_was = Path(self._base).read_bytes() == _base(os.stat(database))
        if is_as_it_was and (named is None or os.stat(self.path).st_size == 0):
            _remove(self.path)
            os.link(spare, self.path)
            log.warning("%s was removed, and what was said last was in it: it is back in its place", self.path)
        else:
            name = aside(self.path)
            os.rename(spare, name)
            log.warning("a journal of another state of the database was found: it is put aside as %s", name)


def _base(found: os.stat_result) -> bytes:
    return b"%20d %20d %20d\n" % (found.st_ino, found.st_size, found.st_mtime_ns)


def _read_index(fd: int) -> tuple[int, int, int]:
    """Frames in the journal, those of them that are in the database file, too, and the size of a page (SQLite,
    "WAL-mode File Format", 2.1)."""
    head = os.pread(fd, 100, 0).ljust(100, b"\x00")
    page: int
    frames: int
    copied: int
    (page, frames), (copied,) = struct.unpack_from("=HI", head, 14), struct.unpack_from("=I", head, 96)
    return frames, copied, 65_536 if page == 1 else page


def _put_aside(path: str) -> None:
    """What took the place of ours may be somebody's; an empty file is nobody's loss."""
    with contextlib.suppress(FileNotFoundError):
        if os.lstat(path).st_size or not os.path.isfile(path):
            os.rename(path, aside(path))
        else:
            os.unlink(path)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
