"""Workers of one parent ask each other over sockets in a folder of theirs, which nobody else can open."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

TIMEOUT_S = 1.0  # for all answers: a worker that hangs does not keep the others' numbers from being told


class Siblings:
    """Worker `number` of `of`. tell(): what it answers to each of the others, whoever asks."""

    def __init__(self, number: int, of: int, folder: str, tell: Callable[[], bytes]) -> None:
        self.number, self.of, self._folder, self._tell = number, of, Path(folder), tell
        self._server: asyncio.Server | None = None

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.sock"

    async def start(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._path(self.number).unlink(missing_ok=True)  # of the one before, which has died
        self._server = await asyncio.start_unix_server(self._answer, self._path(self.number))

    async def close(self) -> None:
        if self._server:
            self._server.close()
            self._path(self.number).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # others are there; the last one clears up for a parent that is gone
                self._folder.rmdir()

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._tell())
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async def ask_others(self) -> dict[int, bytes | None]:
        """By number; None for those that are dead, or do not answer in time."""
        others = [number for number in range(1, self.of + 1) if number != self.number]
        return dict(zip(others, await asyncio.gather(*map(self._ask, others)), strict=True))

    async def _ask(self, number: int) -> bytes | None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._path(number))
                try:
                    return await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return None


SIBLINGS = web.AppKey("siblings", Siblings)  # in the application of a worker
