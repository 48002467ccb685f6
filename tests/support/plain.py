"""A client of the plain doors: a WebSocket of lines or of JSON, and a reader of server-sent events."""

import asyncio
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson

from tests.support import PATIENCE

JSON = "parlor.v1"


class PlainTalker:
    """`async with PlainTalker(url, "lobby", "ann") as ann`: lines as they come; with `token` or `speaks_json`, frames.
    `heard` is what came, read as JSON there."""

    def __init__(
        self,
        url: str,
        room: str,
        name: str | None = None,
        *,
        speaks_json: bool = False,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **query: str | int,
    ) -> None:
        asked = {**({} if name is None else {"name": name}), **query}
        self.path = f"{url}/ws/r/{quote(room)}?" + "&".join(
            f"{one}={quote(str(value))}" for one, value in asked.items()
        )
        self.speaks_json, self.headers = speaks_json or token is not None, headers or {}
        self.protocols = [*([JSON] if self.speaks_json else []), *([f"parlor.token.{token}"] if token else [])]
        self.heard: list[Any] = []
        self._news = asyncio.Event()
        self._asked = 0

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession()
        self.ws = await self.http.ws_connect(self.path, protocols=self.protocols, headers=self.headers)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.close()
        self._reading.cancel()
        await self.http.close()

    async def _read(self) -> None:
        async for frame in self.ws:
            self.heard.append(orjson.loads(frame.data) if self.speaks_json else frame.data)
            self._news.set()
        self._news.set()

    async def say(self, text: str) -> None:
        await self.ws.send_str(text)

    async def ask(self, verb: str, **payload: Any) -> dict[str, Any]:
        self._asked += 1
        ref = self._asked
        await self.ws.send_str(orjson.dumps({"verb": verb, "payload": payload, "ref": ref}).decode())
        answer: dict[str, Any] = (await self.hears(lambda frame: frame.get("ref") == ref))["answer"]
        return answer

    async def hears(self, such: Callable[[Any], Any] | str) -> Any:
        """The first that came, or is to come, of which this is true, or that is this line."""
        is_it = (lambda one: one == such) if isinstance(such, str) else such
        async with asyncio.timeout(PATIENCE):
            while True:
                self._news.clear()
                for one in self.heard:
                    if is_it(one):
                        return one
                await self._news.wait()

    async def hears_event(self, name: str, such: Callable[[dict[str, Any]], Any] = lambda _: True) -> dict[str, Any]:
        frame = await self.hears(lambda frame: frame.get("event") == name and such(frame["payload"]))
        payload: dict[str, Any] = frame["payload"]
        return payload

    async def closed(self) -> int:
        """The code, once the server has closed it."""
        async with asyncio.timeout(PATIENCE):
            await self._reading
        assert self.ws.close_code is not None
        return self.ws.close_code
