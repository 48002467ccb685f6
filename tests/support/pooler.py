"""Between Parlor and PostgreSQL, as a pooler in transaction mode is (PgBouncer's `pool_mode=transaction`): what the
server says to somebody who has asked nothing is lost. Of the protocol (PostgreSQL, "Frontend/Backend Protocol") it
knows no more than where a message of the server ends, and who waits for an answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

NOTIFICATION, READY = b"A", b"Z"  # types of messages


class Pooler:
    def __init__(self, port: int) -> None:
        """port: of the server."""
        self._server = port
        self._tasks: set[asyncio.Task[None]] = set()
        self.dropped = 0  # notifications

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        server, to_server = await asyncio.open_connection("127.0.0.1", self._server)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, to_server))
                group.create_task(self._pass_back(server, writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for one in (writer, to_server):
                one.close()
            self._tasks.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    async def _pass_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            if head[:1] == NOTIFICATION:
                self.dropped += 1
                continue
            writer.write(head + body)
            if head[:1] == READY:
                await writer.drain()

    def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()


@contextlib.asynccontextmanager
async def pooler(port: int) -> AsyncIterator[tuple[Pooler, int]]:
    """In front of the server at this port, and its own port. It speaks no TLS: `sslmode=disable`."""
    one = Pooler(port)
    async with await asyncio.start_server(one.connect, "127.0.0.1", 0) as listening:
        try:
            yield one, listening.sockets[0].getsockname()[1]
        finally:
            one.close()
