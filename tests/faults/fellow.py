"""A person so cheap that there can be a thousand: one WebSocket, read and answered, and nothing kept but numbers."""

import asyncio
import contextlib
import itertools
import time
from typing import Any, Self

import aiohttp
import orjson

from tests.faults.conversation import ROOM
from tests.support.raw import Gone, Socket

ACKED_WITHIN = 20.0  # seconds; a crowd on a small machine takes its time


class Fellow:
    """`async with Fellow(http, url) as fellow`: sits in the room, and answers pings."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.socket = Socket(http, url)
        self.heard = 0  # messages
        self.delays: list[float] = []  # seconds from the saying to the hearing, where the text tells when
        self._acks: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.socket.open()
        await self.socket.join()
        self._reading = asyncio.create_task(self._read())
        assert (await self.ask("join", {"room": ROOM}))["ok"]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading and not self._reading.done():
            self._reading.cancel()
            self.socket.cut()

    @property
    def is_gone(self) -> bool:
        return self._reading is None or self._reading.done()

    async def ask(self, verb: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Raises Gone where the connection ends before the ack."""
        ack = await self.begin(verb, payload)
        assert self._reading
        async with asyncio.timeout(ACKED_WITHIN):
            await asyncio.wait([ack, self._reading], return_when=asyncio.FIRST_COMPLETED)
        if not ack.done():
            raise Gone(f"no ack of {verb}")
        return ack.result()

    async def begin(self, verb: str, payload: dict[str, Any]) -> "asyncio.Future[dict[str, Any]]":
        """Ask, and do not wait: the ack to come."""
        number = next(self._numbers)
        ack = self._acks[number] = asyncio.get_running_loop().create_future()
        await self.socket.send(f"42{number}{orjson.dumps([verb, payload]).decode()}")
        return ack

    async def _read(self) -> None:
        with contextlib.suppress(Gone):
            while True:
                while not self.socket.come:
                    await self.socket.fetch()
                await self._take(str(self.socket.come.popleft()))

    async def _take(self, packet: str) -> None:
        if packet == "2":
            await self.socket.send("3")
        elif packet.startswith("43"):
            number, bracket, rest = packet[2:].partition("[")
            self._acks.pop(int(number)).set_result(orjson.loads(bracket + rest)[0])
        elif packet.startswith('42["message"'):
            self.heard += 1
            said = orjson.loads(packet[2:])[1]["message"]["text"].rpartition("@")[2]
            if said.isdigit():
                self.delays.append((time.monotonic_ns() - int(said)) / 1e9)


@contextlib.asynccontextmanager
async def gathering() -> Any:
    """The HTTP session of a crowd."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        yield http


async def sit_down(stack: contextlib.AsyncExitStack, http: aiohttp.ClientSession, url: str, count: int) -> list[Fellow]:
    """So many of them, twenty at a time."""
    fellows = [Fellow(http, url) for _ in range(count)]
    turns = asyncio.Semaphore(20)

    async def sit(fellow: Fellow) -> None:
        async with turns:
            await stack.enter_async_context(fellow)

    await asyncio.gather(*map(sit, fellows))
    return fellows
