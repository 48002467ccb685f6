"""A web server to which hooks deliver: keeps what it gets, and answers what it is told to."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook

from tests.support import PATIENCE
from tests.support.talker import until


class Receiver:
    """`async with Receiver() as receiver`. status: what it answers from now on; headers: beside that."""

    def __init__(self, port: int = 0) -> None:
        self.port, self.status = port, 200
        self.headers: dict[str, str] = {}
        self.got: list[tuple[dict[str, str], bytes]] = []  # headers and body, also of what it refused
        self.taken: list[dict[str, Any]] = []  # what it answered with 2xx
        self.gate = asyncio.Event()  # nothing is answered while it is clear
        self.gate.set()
        self.follows: list[str] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/here"

    async def takes(self, such: Callable[[], Any]) -> None:
        await until(such, PATIENCE)

    def events(self) -> list[tuple[str, str]]:
        """Kind and text of what it took."""
        return [(one["type"], one["data"]["message"]["text"]) for one in self.taken]

    def verified(self, secret: str) -> list[Any]:
        """Everything that came, if it was signed with this secret."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.follows.append(request.path)
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        await self.gate.wait()
        if 200 <= self.status < 300:
            self.taken.append(json.loads(body))
        return web.Response(status=self.status, headers=self.headers)
