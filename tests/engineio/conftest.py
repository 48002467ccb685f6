"""An Engine.IO server and an aiohttp application behind one listener, without the chat."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from app.engineio import EngineServer, Listener, Session, Settings, attach, listen
from tests.support.raw import Line


@dataclass
class Site:
    """`url` is where `engine` serves at /engine.io/ and `app` everything else. What `app` was asked is in `asked`, what
    a request of it waits for in `gate`."""

    engine: EngineServer
    app: web.Application = field(default_factory=web.Application)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    cancelled: int = 0

    def __post_init__(self) -> None:
        self.gate = asyncio.Event()
        attach(self.engine, self.app, "/engine.io/")
        self.app.router.add_route("*", "/app", self._answer)
        self.app.router.add_route("*", "/wait", self._wait)
        self.app.router.add_get("/ws", self._echo)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append((request.method, request.path_qs, body))
        return web.Response(body=b"app:" + body)

    async def _wait(self, request: web.Request) -> web.Response:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return web.Response(text="waited")

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        if not ws.can_prepare(request):
            return web.Response(status=426)
        await ws.prepare(request)
        async for message in ws:
            await ws.send_str(message.data)
        return ws

    async def start(self, **options: Any) -> None:
        how = {"handler_cancellation": True, "access_log": None, "shutdown_timeout": 0.5} | options
        self.runner = web.AppRunner(self.app, **how)
        await self.runner.setup()
        self.listener: Listener = await listen(self.runner, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.listener.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self.listener.close()
        for session in list(self.engine.sessions.values()):
            session.abort()
        await self.runner.cleanup()

    async def line(self) -> Line:
        return await Line.to(self.url)

    async def session(self, http: aiohttp.ClientSession) -> Session:
        """A polling session."""
        async with http.get(f"{self.url}/engine.io/?EIO=4&transport=polling") as response:
            sid = (await response.json(content_type=None, loads=lambda text: __import__("json").loads(text[1:])))["sid"]
        return self.engine.sessions[sid]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    engine = EngineServer(Settings())
    engine.on_message = Session.send
    one = Site(engine)
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as one:
        yield one
