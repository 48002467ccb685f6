"""Server-sent events, where the operator offers them: the doctor sees whether they come through."""

import asyncio

import pytest

from app.tools.doctor import examine
from tests.browser.conftest import Start
from tests.doctor.test_faults import line
from tests.support.proxy import Proxy
from tests.support.together import at_once

pytestmark = pytest.mark.slow

NAME, LOOK = "server-sent events", 0.3
ALL = ("websocket", "polling", "sse")


class Buffering(Proxy):
    """Collects the answer before it passes it on, which for a stream is never."""

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"GET " in head and b"transport=sse" in head:
            while await reader.read(65_536):
                pass
            return
        await super()._pass_on(head, reader, writer)


class Cutting(Proxy):
    """Cuts what lasts: streams, after a moment."""

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.age = 0.5 if b"transport=sse" in head and b"GET " in head else None
        await super()._pass_on(head, reader, writer)


async def test_they_are_looked_at_where_they_are_offered(start_server: Start) -> None:
    server = await start_server(transports=ALL)

    async def trial(proxy: type[Proxy] | None) -> None:
        if proxy is None:
            report = await examine(server.url, idle=LOOK)
            assert line(report, NAME)[0].verdict == "ok" and report.exit_code == 0, line(report, NAME)
            assert report.usable == list(ALL)
            assert report.sentence() == "Healthy: people talk by WebSocket, polling and server-sent events."
            return
        async with proxy(server.url) as between:
            report = await examine(between.url, idle=1.0)
        [finding] = line(report, NAME)
        assert finding.verdict == "bad" and finding.mend
        assert ("buffering" in finding.mend) == (proxy is Buffering), finding
        assert report.usable == ["websocket", "polling"] and report.exit_code == 1

    await at_once([None, Buffering, Cutting], trial)


async def test_alone_they_are_a_choice(start_server: Start) -> None:
    server = await start_server(transports=("sse",))
    report = await examine(server.url, idle=LOOK)
    assert report.usable == ["sse"] and report.exit_code == 0, report.findings


async def test_where_they_are_not_offered_there_is_no_line(start_server: Start) -> None:
    server = await start_server()
    report = await examine(server.url, idle=LOOK)
    assert line(report, NAME) == []
