"""One client of each kind in a room: what it says it says until it is stored, and what it holds can be asked for."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from playwright.async_api import Browser

from app.tools.client import Client
from tests.support import need
from tests.support.browser import Visitor
from tests.support.http import Asker
from tests.support.plain import EventReader, PlainTalker
from tests.support.talker import until
from tests.tools.pty_terminal import ENTER, Pty
from tests.tools.terminal import Process, Shell

ROOM = "lobby"
FIRST_WORDS = "the script is here"
PAUSE_S = 0.1  # before somebody comes again
LOST = (OSError, aiohttp.ClientError, TimeoutError, ConnectionError)

Log = dict[int, str]  # texts by seq


class Door(Protocol):
    """A client that says things, or is silent (`speaks`)."""

    name: str
    speaks: bool

    async def say(self, text: str) -> None:
        """Returns when it is stored, or at once where the client looks after that by itself."""
        ...

    async def log(self) -> Log | None:
        """What it holds of the room; None where it reads nothing."""
        ...


class InBrowser:
    speaks = True

    def __init__(self, visitor: Visitor, name: str) -> None:
        self.visitor, self.name = visitor, name

    async def say(self, text: str) -> None:
        await self.visitor.types(text)

    async def log(self) -> Log:
        return dict(enumerate(await self.visitor.said.all_text_contents(), 1))


@asynccontextmanager
async def in_browser(browser: Browser, url: str, name: str, transport: str) -> AsyncIterator[Door]:
    visitor = await Visitor.arrive(browser, url, name)
    visitor.forgives_network = True
    if transport != "websocket":
        await visitor.page.route_web_socket("**/socket.io/**", lambda ws: ws.close())
    if transport == "sse":
        await visitor.page.route(re.compile("transport=polling"), lambda route: route.abort())
    await visitor.enters(ROOM)
    await visitor.is_in(transport)
    yield InBrowser(visitor, name)
    assert visitor.troubles() == []
    await visitor.context.close()


class ByLibrary:
    speaks = True

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name

    async def say(self, text: str) -> None:
        self.client.rooms[ROOM].say(text)

    async def log(self) -> Log:
        return {one["seq"]: one["text"] for one in self.client.rooms[ROOM].messages}


@asynccontextmanager
async def by_library(url: str, name: str, transport: str) -> AsyncIterator[ByLibrary]:
    async with Client(url, name, transports=(transport,), pauses=(0.05, 0.5)) as client:
        await client.enter(ROOM)
        yield ByLibrary(client, name)


class ByPlainWebSocket:
    """JSON over `/ws/r/`: comes again with its token and the rev that it has."""

    speaks = True

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.texts: Log = {}
        self.is_in = asyncio.Event()
        self._told: dict[str, Any] = {}
        self._rev = 0
        self._talker: PlainTalker | None = None

    async def run(self) -> None:
        while True:
            with contextlib.suppress(*LOST):
                async with PlainTalker(self.url, ROOM, self.name, speaks_json=True, **self._told) as talker:
                    await self._read(talker)
            self._talker = None
            await asyncio.sleep(PAUSE_S)

    async def _read(self, talker: PlainTalker) -> None:
        seen = 0
        while not talker._reading.done():
            talker._news.clear()
            for frame in talker.heard[seen:]:
                await self._take(frame, talker)
                seen += 1
            await talker._news.wait()

    async def _take(self, frame: dict[str, Any], talker: PlainTalker) -> None:
        event, payload = frame.get("event"), frame.get("payload", {})
        if event == "welcome" and "token" in payload:
            self._told["token"] = payload["token"]
        if event == "joined":
            assert payload["ok"] and not payload["more"], payload
            self._told["epoch"] = payload["room"]["epoch"]
            self._show(payload["messages"], payload["rev"])
            self._talker = talker
            self.is_in.set()
        if event == "message" and payload["message"]["rev"] == self._rev + 1:
            self._show([payload["message"]], self._rev + 1)
        elif event == "message" and payload["message"]["rev"] > self._rev:  # a worker died before it told of one
            missed = await talker.ask("sync", room=ROOM, after=self._rev)
            self._show(missed["messages"], missed["rev"])

    def _show(self, messages: list[dict[str, Any]], rev: int) -> None:
        self.texts |= {message["seq"]: message["text"] for message in messages}
        self._rev = self._told["after"] = rev

    async def say(self, text: str) -> None:
        id = uuid4().hex
        while True:
            with contextlib.suppress(*LOST):
                if self._talker and (await self._talker.ask("send", room=ROOM, text=text, id=id))["ok"]:
                    return
            await asyncio.sleep(PAUSE_S)

    async def log(self) -> Log:
        return self.texts


@asynccontextmanager
async def by_plain_websocket(url: str, name: str) -> AsyncIterator[Door]:
    door = ByPlainWebSocket(url, name)
    running = asyncio.create_task(door.run())
    await door.is_in.wait()
    yield door
    assert not running.done(), running.exception()
    running.cancel()
    await asyncio.wait([running])


class ByEvents:
    """Reads as an EventSource does."""

    speaks = False

    def __init__(self, reader: EventReader, name: str) -> None:
        self.reader, self.name = reader, name

    async def say(self, text: str) -> None:
        raise NotImplementedError

    async def log(self) -> Log:
        told = [one.data for one in self.reader.told if one.name == "message"]
        revs = [one["rev"] for one in told]
        assert revs == sorted(set(revs)), "each once and in order"
        return {one["seq"]: one["text"] for one in told}


@asynccontextmanager
async def by_events(url: str, name: str) -> AsyncIterator[Door]:
    async with EventReader(url, ROOM, again=True, after=0) as reader:
        yield ByEvents(reader, name)


class ByCurl:
    """`curl -N`, begun again with the last id whenever its line is cut."""

    name, speaks = "curl", False

    def __init__(self, url: str) -> None:
        self._curl, self._url = need.program(["curl"], "a room read by curl"), f"{url}/r/{ROOM}/events"
        self.texts: Log = {}
        self._last_id = "0"

    async def run(self) -> None:
        while True:
            command = (self._curl, "-sN", "-H", f"Last-Event-ID: {self._last_id}", self._url)
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            try:
                assert process.stdout
                id = ""
                async for line in process.stdout:
                    field, _, value = line.decode().rstrip("\n").partition(": ")
                    id = value if field == "id" else id
                    if field == "data" and "text" in value:
                        self.texts[json.loads(value)["seq"]] = json.loads(value)["text"]
                    elif not line.strip():
                        self._last_id = id or self._last_id
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
            await asyncio.sleep(PAUSE_S)

    async def say(self, text: str) -> None:
        raise NotImplementedError

    async def log(self) -> Log:
        return self.texts


@asynccontextmanager
async def by_curl(url: str) -> AsyncIterator[Door]:
    door = ByCurl(url)
    running = asyncio.create_task(door.run())
    yield door
    assert not running.done(), running.exception()
    running.cancel()
    await asyncio.wait([running])


class ByHTTP:
    """A bot that holds nothing, and asks anew each time."""

    speaks = True

    def __init__(self, asker: Asker, name: str) -> None:
        self.asker, self.name = asker, name

    async def _ask(self, verb: str, payload: dict[str, Any]) -> dict[str, Any]:
        while True:
            with contextlib.suppress(*LOST):
                answer = await self.asker.post(verb, payload)
                if answer.status == 200:
                    return answer.body
            await asyncio.sleep(PAUSE_S)

    async def say(self, text: str) -> None:
        await self._ask("send", {"room": ROOM, "text": text, "id": uuid4().hex})

    async def log(self) -> Log:
        found: Log = {}
        before: dict[str, Any] = {}
        while True:
            page = await self._ask("history", {"room": ROOM} | before)
            found |= {one["seq"]: one["text"] for one in page["messages"]}
            if not page["more"]:
                return found
            before = {"before": page["messages"][0]["seq"]}


@asynccontextmanager
async def by_http(url: str, name: str, owner: Client) -> AsyncIterator[Door]:
    """With the token that the room's owner has given it."""
    bot = (await owner.rooms[ROOM].do("bot", nickname=name))["bot"]
    async with Asker(url, bot["token"]) as asker:
        yield ByHTTP(asker, name)


class ByHook:
    """A build server, say: it posts, and knows nothing of the room."""

    def __init__(self, asker: Asker, path: str, name: str) -> None:
        self._asker, self._path, self.name = asker, path, name

    speaks = True

    async def say(self, text: str) -> None:
        key = uuid4().hex
        while True:
            with contextlib.suppress(*LOST):
                answer = await self._asker.send("POST", self._path, {"Idempotency_Key": key}, json={"text": text})
                if answer.status == 200:
                    return
            await asyncio.sleep(PAUSE_S)

    async def log(self) -> Log | None:
        return None


@asynccontextmanager
async def by_hook(url: str, name: str, owner: Client) -> AsyncIterator[Door]:
    hook = (await owner.rooms[ROOM].do("hook", nickname=name))["hook"]
    async with Asker(url) as asker:
        yield ByHook(asker, urlsplit(hook["post"]).path, name)


class InTerminal:
    """`chat`, typed into."""

    name, speaks = "terminal", True
    _LINE = re.compile(r"\[(\d+)\] \d\d:\d\d [^:\n]+: ([^\n]*)")

    def __init__(self, pty: Pty) -> None:
        self._pty = pty

    async def say(self, text: str) -> None:
        self._pty.types(text + ENTER)

    async def log(self) -> Log:
        return {int(seq): text.rstrip() for seq, text in self._LINE.findall(self._pty.text)}


@asynccontextmanager
async def in_terminal(url: str, shell: Shell) -> AsyncIterator[Door]:
    async with Pty(shell, "chat", url, "--room", ROOM, "--nickname", InTerminal.name, size=(50, 200)) as pty:
        await pty.shows(" here: ")
        yield InTerminal(pty)


class ByScripts:
    """`say` and `read --follow`."""

    name, speaks = "script", True

    def __init__(self, saying: Process, reading: Process) -> None:
        self._saying, self._reading = saying, reading
        self.texts: Log = {}

    async def run(self) -> None:
        assert self._reading.stdout
        async for line in self._reading.stdout:
            message = json.loads(line)
            assert message["seq"] == max(self.texts, default=0) + 1, "each once and in order"
            self.texts[message["seq"]] = message["text"]

    async def say(self, text: str) -> None:
        assert self._saying.stdin
        self._saying.stdin.write(f"{text}\n".encode())

    async def log(self) -> Log:
        return self.texts


@asynccontextmanager
async def by_scripts(url: str, shell: Shell) -> AsyncIterator[Door]:
    where = (url, "--room", ROOM)
    async with (
        shell.begin("say", *where, "--nickname", ByScripts.name) as saying,
        shell.begin("read", *where, "--nickname", "reader", "--follow", "--json", "--after", "0") as reading,
    ):
        door = ByScripts(saying, reading)
        running = asyncio.create_task(door.run())
        await door.say(FIRST_WORDS)
        await until(lambda: FIRST_WORDS in door.texts.values(), 30)
        yield door
        assert saying.returncode is None and not running.done(), running
        running.cancel()
