"""Where the bytes are kept: a folder, or a store of objects. obstore speaks all of them by one interface.

What is put under a key is there in full, or not at all. Keys are ours (letters and digits), so no name of anybody's
reaches a file system.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from app.model import Refused, Sentence

log = logging.getLogger("parlor.files")

T = TypeVar("T")

PIECE = 131_072  # bytes that are read at once
PART = 5_242_880  # bytes of a part of an object; the least that S3 takes
REQUEST_TIMEOUT = "60s"
RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
RETRY_AFTER_S = 10


class UnusablePlace(Exception):
    """One sentence: why nothing can be kept there."""


class Blobs:
    """place: a folder, made if there is none, or a URL. is_late: a folder is made with the first file, so that a server
    by which nobody sends any leaves nothing on a disk. Raises UnusablePlace."""

    def __init__(self, place: str, is_late: bool = False) -> None:
        self.place = place
        self.folder: Path | None = None if "://" in place else Path(place)
        self._store: Any = None
        try:
            if self.folder is None:
                options: Any = {"timeout": REQUEST_TIMEOUT, "allow_http": True}
                url = "memory:///" if place.startswith("memory://") else place
                known = {} if url.startswith("memory") else {"client_options": options, "retry_config": RETRIES}
                self._store = from_url(url, **known)
            elif not is_late:
                self.make()
        except (OSError, BaseError, ValueError) as error:
            raise UnusablePlace(_first_line(error)) from None

    def make(self) -> None:
        """The folder, where it is not made yet. Raises OSError."""
        if self._store is None and self.folder is not None:
            make_folder(self.folder)
            self._store = LocalStore(prefix=self.folder)

    @property
    def _is_made(self) -> bool:
        """By another process, perhaps."""
        if self._store is None and self.folder is not None and self.folder.is_dir():
            self.make()
        return self._store is not None

    async def put(self, key: str, source: Path) -> None:
        """The bytes of a file. Raises Refused."""
        how: dict[str, Any] = {"chunk_size": PART, "max_concurrency": 1}
        try:
            await asyncio.to_thread(self.make)
        except OSError as error:
            raise _refusal(error) from None
        await _asked(obstore.put_async(self._store, _path(key), source, **how))
        if self.folder is not None:
            await asyncio.to_thread(_sync, self.folder / _path(key))

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in pieces. Raises Refused; FileNotFoundError where there are none."""
        if not self._is_made:
            raise FileNotFoundError(key)
        found = await _asked(obstore.get_async(self._store, _path(key), options={"range": (start, end)}))
        try:
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)
        except (OSError, BaseError) as error:
            raise _refusal(error) from None

    async def remove(self, keys: Iterable[str]) -> None:
        """What is not there is removed already. Raises Refused."""
        for key in keys if self._is_made else ():
            if self.folder is not None:
                await asyncio.to_thread(_remove_begun, self.folder / _path(key))
            with suppress(FileNotFoundError):
                await _asked(obstore.delete_async(self._store, _path(key)))

    async def has(self, key: str) -> bool:
        """Raises Refused."""
        if not self._is_made:
            return False
        try:
            await _asked(obstore.head_async(self._store, _path(key)))
        except FileNotFoundError:
            return False
        return True


def make_folder(folder: Path) -> None:
    """With those above it that are missing: each its owner's alone. Raises OSError."""
    for one in (*reversed(folder.parents), folder):
        one.mkdir(mode=0o700, exist_ok=True)


def _path(key: str) -> str:
    """In folders of a few thousand at most."""
    return f"{key[:2]}/{key}"


async def _asked(question: Awaitable[T]) -> T:
    try:
        return await question
    except FileNotFoundError:
        raise
    except (OSError, BaseError) as error:
        raise _refusal(error) from None


def _refusal(error: Exception) -> Refused:
    log.error("files cannot be stored or read: %s", _first_line(error))
    text = Sentence("Files cannot be stored or read at present. Try again in a moment.")
    return Refused("storage", text, retry_after=RETRY_AFTER_S)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [repr(error)])[0][:300]


def _remove_begun(path: Path) -> None:
    """obstore writes `key#1` first, and gives it its name when it is whole; a killed process leaves it so."""
    for one in path.parent.glob(f"{path.name}#*"):
        with suppress(OSError):
            one.unlink()


def _sync(path: Path) -> None:
    """On the disk, before anybody is told that it is stored; as far as the disk can do that."""
    with suppress(OSError):
        for one in (path, path.parent):
            number = os.open(one, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)
