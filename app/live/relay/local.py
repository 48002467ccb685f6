"""The relay's frames between workers of one parent: by sockets in a folder of theirs, which nobody else can open. So
polls that come to the wrong worker need no Redis, and when a worker dies the others know at once."""

import asyncio
import contextlib
import struct
from collections.abc import Callable
from pathlib import Path

from app.live.relay.carriers import OnBody

MAX_WAITING_BYTES = 8_000_000  # for one worker that does not read; what is beyond is lost

_HEAD = struct.Struct(">Ic8s")  # bytes of the body, kind, the sender


class LocalCarrier:
    """A Carrier. folder: that of the workers."""

    def __init__(self, folder: str, process: str) -> None:
        self._folder, self._process = Path(folder), process
        self.on_body: dict[bytes, OnBody] = {}
        self.on_dead: Callable[[str], None] = lambda _: None
        self.on_trouble: Callable[[], None] = lambda: None
        self._links: dict[str, _Link] = {}
        self._incoming: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def _path(self, process: str) -> Path:
        return self._folder / f"{process}.relay"

    async def start(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._server = await asyncio.start_unix_server(self._hear, self._path(self._process))

    def close(self) -> None:
        if self._server:
            self._server.close()
        for link in self._links.values():
            link.task.cancel()
        for writer in self._incoming:
            writer.close()
        self._path(self._process).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others are there; the last one clears up for a parent that is gone
            self._folder.rmdir()

    def reaches(self, process: str) -> bool:
        return process in self._links or self._path(process).exists()

    def send(self, process: str, kind: bytes, body: bytes) -> None:
        link = self._links.get(process)
        if link is None:
            link = self._links[process] = _Link(self._path(process), lambda: self._lost(process))
        link.send(_HEAD.pack(len(body), kind, self._process.encode()) + body)

    def check(self, processes: set[str]) -> None:
        """Nothing is to be asked: the link of one that has ended breaks."""

    def _lost(self, process: str) -> None:
        del self._links[process]
        self._path(process).unlink(missing_ok=True)  # of one that was killed
        self.on_dead(process)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._incoming.add(writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    size, kind, process = _HEAD.unpack(await reader.readexactly(_HEAD.size))
                    body = await reader.readexactly(size)
                    self.on_body[kind](process.decode(), body)
        finally:
            self._incoming.discard(writer)
            writer.close()


class _Link:
    """The way to one other worker. on_lost: called once, when it has ended."""

    def __init__(self, path: Path, on_lost: Callable[[], None]) -> None:
        self._path, self._on_lost = path, on_lost
        self._writer: asyncio.StreamWriter | None = None
        self._early: list[bytes] = []  # before it is open
        self.task = asyncio.create_task(self._keep())

    def send(self, frame: bytes) -> None:
        if self._writer is None:
            self._early.append(frame)
        elif not (way := self._writer.transport).is_closing() and way.get_write_buffer_size() < MAX_WAITING_BYTES:
            self._writer.write(frame)

    async def _keep(self) -> None:
        try:
            reader, self._writer = await asyncio.open_unix_connection(self._path)
            self._writer.writelines(self._early)
            self._early.clear()
            await reader.read()  # nothing comes this way: until its end
        except OSError:
            pass
        finally:
            if self._writer:
                self._writer.close()
        self._on_lost()
