"""One room by every door at once, over two workers of which one is killed: all of them end with the same log."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.browser.conftest import Between, Visit
from tests.support import PATIENCE
from tests.support.plain import EventReader, PlainTalker
from tests.support.process import serving
from tests.support.proxy import Fault, PollFault
from tests.support.redis import redis_server
from tests.support.talker import Talker, new_id, until
from tests.test_workers import children
from tests.tools.terminal import ENDS_WITHIN, Shell

ROOM = "lobby"


class Script:
    """A program that asks over HTTP, again until it is answered."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}

    async def post(self, path: str, **payload: Any) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with (
                        aiohttp.ClientSession(headers=self._headers) as http,
                        http.post(f"{self._url}{path}", json=payload) as answer,
                    ):
                        told: dict[str, Any] = await answer.json()
                        assert told["ok"], told
                        return told


class PlainReader:
    """A plain WebSocket of JSON that comes again when its line breaks, and catches up."""

    def __init__(self, url: str) -> None:
        self._url, self.messages, self._rev = url, list[dict[str, Any]](), 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with PlainTalker(self._url, ROOM, "reader", speaks_json=True, after=self._rev) as one:
                    seen = 0
                    while not one.ws.closed:
                        await asyncio.sleep(0.02)
                        for frame in one.heard[seen:]:
                            self._take(frame)
                        seen = len(one.heard)

    def _take(self, frame: dict[str, Any]) -> None:
        payload = frame.get("payload", {})
        told = {"joined": lambda: payload["messages"], "message": lambda: [payload["message"]]}
        for message in told.get(frame.get("event", ""), list)():
            if message["rev"] > self._rev:
                self._rev = message["rev"]
                self.messages.append(message)


@contextlib.asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.thorough  # without the kills of faults/test_doors.py
async def test_all_doors_of_a_room_end_with_the_same_log(tmp_path: Path, visit: Visit, between: Between) -> None:
    flags = ("--workers", "2", "--transports", "websocket,polling,sse", "--rate-limit", "off")
    async with (
        redis_server(tmp_path / "redis") as redis,
        serving(tmp_path / "data", *flags, REDIS_URL=redis.url) as server,
        AsyncExitStack() as stack,
    ):
        url = server.url
        owner = await stack.enter_async_context(Talker(url, "owner"))
        await owner.join(ROOM)
        hook = (await owner.ask("hook", {"room": ROOM}))["hook"]["secret"]
        assert owner.token
        script = Script(url, owner.token)
        polls, streams = await between(url), await between(url)
        polls.websocket = streams.websocket = Fault.UNAVAILABLE
        streams.polls = PollFault.EMPTY
        browsers = [await visit(at, name) for at, name in ((url, "alice"), (polls.url, "bob"), (streams.url, "carol"))]
        for one in browsers:
            one.forgives_network = True
        await asyncio.gather(*(one.enters(ROOM) for one in browsers))
        for one, transport in zip(browsers, ("websocket", "polling", "sse"), strict=True):
            await one.is_in(transport)
        reader, plain = EventReader(url, ROOM, again=True, after=0), PlainReader(url)
        await stack.enter_async_context(reader)
        await stack.enter_async_context(running(plain.run()))
        shell = Shell(tmp_path)
        terminal = await stack.enter_async_context(shell.begin("read", url, "--room", ROOM, "--follow", "--json"))
        said: set[str] = set()

        async def everybody_says(what: str) -> None:
            lines = await stack.enter_async_context(PlainTalker(url, ROOM, f"lines {what}"))
            texts = [f"{one.nickname} {what}" for one in browsers]
            await asyncio.gather(*(one.says(text) for one, text in zip(browsers, texts, strict=True)))
            await lines.say(f"plain {what}")
            await script.post("/api/send", room=ROOM, text=f"http {what}", id=new_id())
            await script.post(f"/hooks/{hook}", text=f"hook {what}")
            assert (await shell.run("say", f"{url}/r/{ROOM}", f"terminal {what}", "--nickname", "sayer")).code == 0
            await lines.hears(lambda line: line.endswith(f"terminal {what}"))
            said.update(texts, (f"{one} {what}" for one in ("plain", "http", "hook", "terminal")))

        await everybody_says("before")
        os.kill(children(server)[0], signal.SIGKILL)
        await everybody_says("after")
        history: list[dict[str, Any]] = []

        async def is_all_there() -> bool:
            history[:] = (await script.post("/api/history", room=ROOM))["messages"]
            return {one["text"] for one in history} == said

        async with asyncio.timeout(ENDS_WITHIN):
            while not await is_all_there():
                await asyncio.sleep(0.1)
        texts = [one["text"] for one in history]
        await asyncio.gather(*(one.reads(texts) for one in browsers))
        await reader.hears_text(texts[-1])
        assert [one.data for one in reader.told] == history
        await until(lambda: len(plain.messages) == len(history))
        assert plain.messages == history
        assert terminal.stdout
        async with asyncio.timeout(ENDS_WITHIN):
            read = [json.loads(await terminal.stdout.readline()) for _ in history]
        assert [(one["seq"], one["text"]) for one in read] == [(one["seq"], one["text"]) for one in history]
