"""The one port that the world knows, in front of processes that come and go: what a host's router does."""

import asyncio
import contextlib
from typing import Self

AT_ONCE = 65_536  # bytes
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Front:
    """`async with Front() as front`, then `front.leads_to = port`. Connections that stand stay with their process."""

    def __init__(self) -> None:
        self.leads_to = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.leads_to)
        except OSError:
            with contextlib.suppress(OSError):
                await reader.read(AT_ONCE)  # what was asked; unread, the answer would be lost in a reset
                writer.write(BAD_GATEWAY)
                await writer.drain()
            return writer.close()
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
        finally:
            self._open -= {writer, far_writer}


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Until one end closes; then the other is closed too."""
    with contextlib.suppress(OSError):
        while data := await source.read(AT_ONCE):
            sink.write(data)
            await sink.drain()
    sink.close()
