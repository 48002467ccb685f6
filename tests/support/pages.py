"""A web server with pages of the tests' own, to which people link."""

import gzip
from typing import Any, Self

from aiohttp import web

HTML = "text/html; charset=utf-8"


def page(title: str, description: str = "", head: str = "") -> bytes:
    more = f'<meta name="description" content="{description}">' if description else ""
    return f"<!doctype html><html><head><title>{title}</title>{more}{head}</head><body>hello</body>".encode()


class Pages:
    """`async with Pages() as pages`. at: what is there, by path: bytes, a handler, or the address to which it leads."""

    def __init__(self) -> None:
        self.at: dict[str, Any] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        found = self.at.get(request.path)
        if found is None:
            raise web.HTTPNotFound
        if isinstance(found, str):
            return web.Response(status=302, headers={"Location": found})
        if isinstance(found, bytes):
            return web.Response(body=found, headers={"Content-Type": HTML})
        answer: web.StreamResponse = await found(request)
        return answer


def packed(content: bytes) -> web.Response:
    return web.Response(body=gzip.compress(content), headers={"Content-Type": HTML, "Content-Encoding": "gzip"})
