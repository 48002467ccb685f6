"""Polls by the letter over one TCP connection, and doors to the same server with other settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from app.live.engine import Server, listen
from tests.support.mounted import Mounted
from tests.support.raw import Answer, Line, Polls, head
from tests.support.talker import until


@asynccontextmanager
async def door(mounted: Mounted, plain: bool = False, **how: Any) -> AsyncIterator[str]:
    """Another door to the same server, with settings of aiohttp's own; a plain one has aiohttp alone behind it."""
    how = {"access_log": None, "shutdown_timeout": 0.1, "handler_cancellation": True} | how
    runner = web.AppRunner(mounted.runner.app, **how)
    await runner.setup()
    if plain:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    else:
        listener = await listen(runner, mounted.server.eio, "127.0.0.1", 0, short_handshakes=True)
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        listener.close()
    await runner.cleanup()


class Known:
    """A session that has polled over `line` once: its next poll of the same form goes the short way."""

    def __init__(self, server: Server, polls: Polls, line: Line, headers: dict[str, str]) -> None:
        self.engine, self.polls, self.line, self.headers = server.eio, polls, line, headers
        self.session = server.eio.sockets[polls.sid]

    def get(self, t: str = "1", **headers: str) -> bytes:
        return self.to("GET", t, **headers)

    def post(self, body: bytes, **headers: str) -> bytes:
        return self.to("POST", "1", Content_Length=str(len(body)), **headers) + body

    def to(self, method: str, t: str, **headers: str) -> bytes:
        return head(method, f"{self.polls.address.removeprefix(self.polls.url)}&t={t}", self.headers | headers)

    async def says(self, text: str) -> None:
        await self.engine.send(self.polls.sid, text)

    async def waits(self, t: str = "2") -> None:
        """A poll that waits, the short way."""
        before = self.engine.short_polls
        await self.line.write(self.get(t))
        await until(lambda: self.engine.short_polls > before)

    async def hears(self, request: bytes) -> Answer:
        """The answer to a poll that has something to take."""
        await self.says("news")
        await self.line.write(request)
        return await self.line.answer()


@asynccontextmanager
async def known(server: Server, polls: Polls, url: str = "", **headers: str) -> AsyncIterator[Known]:
    async with await Line.to(url or polls.url) as line:
        one = Known(server, polls, line, headers)
        assert (await one.hears(one.get())).body == b"4news"
        yield one
