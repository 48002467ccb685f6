"""A client of the plain doors: a WebSocket of lines or of JSON, and a reader of server-sent events."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
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
        try:
            self.ws = await self.http.ws_connect(self.path, protocols=self.protocols, headers=self.headers)
        except BaseException:
            await self.http.close()
            raise
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


@dataclass
class Told:
    """One server-sent event."""

    name: str
    data: Any
    id: str = ""


class EventReader:
    """`async with EventReader(url, "lobby") as reader`: reads a room as `curl -N` does, or, with `again`, as an
    EventSource: whenever the stream ends it comes again, with the id of the last event. `told` is what came."""

    def __init__(
        self, url: str, room: str, *, again: bool = False, headers: dict[str, str] | None = None, **query: str | int
    ) -> None:
        asked = "&".join(f"{one}={quote(str(value))}" for one, value in query.items())
        self.path = f"{url}/r/{quote(room)}/events{f'?{asked}' if asked else ''}"
        self.headers, self._again = headers or {}, again
        self.told: list[Told] = []
        self.comments = self.retries = 0
        self.last_id = ""
        self.status: int | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        self._reading = asyncio.create_task(self._read_on())
        async with asyncio.timeout(PATIENCE):
            while not self.comments and self.status in (None, 200) and not self._reading.done():
                self._news.clear()
                await self._news.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self.http.close()

    async def _read_on(self) -> None:
        while True:
            try:
                await self._read()
            except aiohttp.ClientError:
                self._news.set()
            if not self._again:
                self._news.set()
                return
            self.retries += 1
            await asyncio.sleep(0.05)

    async def _read(self) -> None:
        headers = self.headers | ({"Last-Event-ID": self.last_id} if self.last_id else {})
        async with self.http.get(self.path, headers=headers) as answer:
            self.status, self.answer = answer.status, answer
            if answer.status != 200:
                self.body = await answer.text()
                return
            fields: dict[str, str] = {}
            async for raw in answer.content:
                line = raw.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                else:
                    self._dispatch(fields)
                    fields = {}
                self._news.set()

    def _dispatch(self, fields: dict[str, str]) -> None:
        self.last_id = fields.get("id", self.last_id)
        if "data" in fields:
            self.told.append(Told(fields["event"], orjson.loads(fields["data"]), fields.get("id", "")))

    @property
    def texts(self) -> list[str]:
        return [one.data["text"] for one in self.told if one.name == "message"]

    async def hears(self, such: Callable[[Told], Any]) -> Told:
        async with asyncio.timeout(PATIENCE):
            while True:
                self._news.clear()
                for one in self.told:
                    if such(one):
                        return one
                await self._news.wait()

    async def hears_text(self, text: str) -> Told:
        return await self.hears(lambda one: one.name == "message" and one.data["text"] == text)

    async def ended(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self._reading])
