"""A person with a Python client: asks verbs, keeps what is heard, waits for conditions."""

import asyncio
from collections.abc import Callable
from typing import Any, Self
from uuid import uuid4

import socketio
from socketio.packet import DISCONNECT, Packet

from tests.support import PATIENCE

Event = tuple[str, dict[str, Any]]


def new_id() -> str:
    return uuid4().hex


class Talker:
    """`async with Talker(url, "alice") as alice`: connected and welcomed, on the transport asked for."""

    def __init__(
        self,
        url: str,
        nickname: str | None = None,
        *,
        transport: str = "websocket",
        token: str | None = None,
        tab: bool = False,
        address: str | None = None,
        language: object = None,
    ):
        """address: from which a trusted proxy says they come. language: in which they are told what is refused."""
        self.url, self.transport, self.nickname, self.token, self.tab = url, transport, nickname, token, tab
        self.language = language
        self.headers = {"X-Forwarded-For": address} if address else {}
        # The library gives up a request after 5 s, with its session: on a busy machine an answer may take longer.
        within = {"request_timeout": PATIENCE} if transport == "polling" else {}
        self.client = socketio.AsyncClient(reconnection=False, **within)
        self.heard: list[Event] = []
        self._news = asyncio.Event()
        self.client.on("*", self._hear)

    async def __aenter__(self) -> Self:
        auth = {"nickname": self.nickname, "token": self.token, "tab": self.tab, "language": self.language}
        auth = {key: value for key, value in auth.items() if value}
        how: dict[str, Any] = {"transports": [self.transport], "auth": auth, "headers": self.headers}
        await self.client.connect(self.url, **how, wait_timeout=PATIENCE)
        self.welcome = await self.hears("welcome")
        self.me = self.welcome["me"]
        self.token = self.welcome.get("token", self.token)
        return self

    async def __aexit__(self, *_: object) -> None:
        await hang_up(self.client)

    async def ask(self, verb: str, payload: Any = None) -> dict[str, Any]:
        """The ack of a verb."""
        return await self.client.call(verb, {} if payload is None else payload, timeout=PATIENCE)

    async def join(self, room: str, **more: Any) -> dict[str, Any]:
        answer = await self.ask("join", {"room": room, **more})
        assert answer["ok"], answer
        return answer

    async def say(self, room: str, text: str, id: str | None = None) -> dict[str, Any]:
        """The stored message."""
        answer = await self.ask("send", {"room": room, "text": text, "id": id or new_id()})
        assert answer["ok"], answer
        return answer["message"]

    async def hears(self, event: str, such: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The first event of that name of which `such` is true, among what was heard and what will be."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._news.clear()
                for name, payload in self.heard:
                    if name == event and such(payload):
                        return payload
                await self._news.wait()

    def texts(self, room: str) -> list[str]:
        """The texts of the messages heard in a room, in the order of hearing."""
        return [p["message"]["text"] for name, p in self.heard if name == "message" and p["room"] == room]

    async def hears_texts(self, room: str, count: int) -> list[str]:
        async with asyncio.timeout(PATIENCE):
            while len(self.texts(room)) < count:
                self._news.clear()
                await self._news.wait()
        return self.texts(room)

    async def _hear(self, event: str, payload: dict[str, Any] | None = None) -> None:
        self.heard.append((event, payload or {}))
        self._news.set()


async def hang_up(client: socketio.AsyncClient) -> None:
    """Say goodbye, and disconnect without waiting for a long poll that nobody will answer (FACTS: 30 s). The client may
    close its socket before its own queue is written, and does so on Python 3.11: the goodbye goes first. Where the
    server has hung up already, nobody writes the queue any more."""
    try:
        async with asyncio.timeout(PATIENCE):
            writing = client.eio.write_loop_task
            if client.connected and client.transport() == "websocket" and writing:
                await client._send_packet(Packet(DISCONNECT))
                written = asyncio.create_task(client.eio.queue.join())
                await asyncio.wait([written, writing], return_when=asyncio.FIRST_COMPLETED)
                written.cancel()
            await client.disconnect()
    except TimeoutError:
        await client.eio.disconnect(abort=True)


async def until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait for a condition that no event announces; its value."""
    async with asyncio.timeout(patience):
        while not (value := condition()):
            await asyncio.sleep(0.01)
    return value
