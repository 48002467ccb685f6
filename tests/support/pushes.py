"""A push service of the tests' own, and browsers that are woken by it: they decrypt what comes, with keys of theirs."""

import asyncio
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support import PATIENCE


def base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(authorization: str) -> dict[str, Any]:
    """Of a VAPID header, without a look at its signature."""
    token = authorization.partition("t=")[2].partition(",")[0].split(".")[1]
    claims: dict[str, Any] = orjson.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return claims


@dataclass
class WokenBrowser:
    """What it got: decrypted, and the headers by which it came. answers: statuses for what comes next; then 201."""

    endpoint: str
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    asked: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def subscription(self) -> dict[str, str]:
        """As the verb `push` takes it."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "p256dh": base64(point), "auth": base64(self.secret)}

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        self.asked += 1
        status = self.answers.pop(0) if self.answers else 201
        if status < 300:
            plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
            self.got.append(orjson.loads(plain))
            self.headers.append(headers)
        self.news.set()
        return status

    async def is_asked(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.asked < times:
                self.news.clear()
                await self.news.wait()

    async def gets(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()
        return self.got


@dataclass
class PushService:
    url: str
    browsers: dict[str, WokenBrowser] = field(default_factory=dict)

    def browser(self, name: str) -> WokenBrowser:
        return self.browsers.setdefault(name, WokenBrowser(f"{self.url}/{name}"))

    async def handle(self, request: web.Request) -> web.Response:
        browser = self.browsers[request.match_info["name"]]
        return web.Response(status=browser.take(await request.read(), dict(request.headers)))


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    service = PushService("")
    app = web.Application()
    app.add_routes([web.post("/{name}", service.handle)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()
