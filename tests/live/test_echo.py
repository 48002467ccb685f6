"""The plain WebSocket that says back what it hears: let in, counted and slowed down as any other."""

import asyncio
import logging

import aiohttp
import pytest

from app.engineio import intake, plain
from app.routes import ECHOES
from app.server import Running
from tests.conftest import Start
from tests.support.raw import UPGRADE, Line, head
from tests.support.talker import until

PATH = "/ws/echo"


async def status(server: Running, method: str = "GET", **headers: str) -> int:
    async with await Line.to(server.url) as line:
        await line.write(head(method, PATH, UPGRADE | headers))
        return int((await line.reader.readline()).split()[1])


async def test_pages_of_other_sites_may_not_speak_with_it(start_server: Start) -> None:
    server = await start_server(origins="https://friend.test")
    own = server.url.removeprefix("http://")
    assert await status(server, Origin="https://elsewhere.test", Host=own) == 403
    assert await status(server, Origin=f"http://{own}", Host=own) == 101
    assert await status(server, Origin="https://friend.test", Host=own) == 101
    assert await status(server, Host=own) == 101


async def test_of_hosts_that_are_not_served_it_is_not_either(start_server: Start) -> None:
    server = await start_server(hosts="chat.test")
    assert await status(server, Host="elsewhere.test") == 421
    assert await status(server, Host="chat.test") == 101


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("POST", {}, 405),
        ("OPTIONS", {}, 204),
        ("GET", {"Sec-WebSocket-Version": "99"}, 400),
        ("GET", {"Sec-WebSocket-Key": "short"}, 400),
        ("GET", {"Upgrade": "h2c"}, 426),
    ],
)
async def test_what_is_no_handshake_is_refused(
    server: Running, method: str, headers: dict[str, str], expected: int
) -> None:
    assert await status(server, method, **headers) == expected


async def test_it_counts_as_a_websocket(start_server: Start) -> None:
    server = await start_server(max_websockets=2, max_per_address=5)
    async with aiohttp.ClientSession(server.url) as http:
        async with http.ws_connect(PATH), http.ws_connect(PATH):
            async with http.get("/metrics") as response:
                assert 'parlor_sockets{transport="websocket"} 2.0' in await response.text()
            assert await status(server) == 503
            assert server.sockets.engine.settings.addresses._open["127.0.0.1", "session"] == 2
        await until(lambda: server.sockets.engine.websockets == 0)
        assert server.sockets.engine.settings.addresses._open["127.0.0.1", "session"] == 0
        async with http.ws_connect(PATH) as ws:
            await ws.send_str("room")
            assert await ws.receive_str() == "room"
    await until(lambda: not server.runner.app[ECHOES]._sockets)


async def test_one_too_many_of_an_address_is_told_so(start_server: Start) -> None:
    server = await start_server(max_per_address=1, trust_proxies=1)
    async with aiohttp.ClientSession(server.url) as http, http.ws_connect(PATH):
        assert await status(server) == 429
        assert await status(server, **{"X-Forwarded-For": "192.0.2.7"}) == 101


async def test_it_has_a_rate(start_server: Start) -> None:
    """Nothing is lost, it only takes its time. All is sent at once: however slow the machine is, the client is not."""
    server = await start_server(rate_limit=1)
    texts = [b"%d" % n for n in range(int(200 * intake.BURST_S) + 300)]
    async with await Line.to(server.url) as line:
        await line.write(head("GET", PATH, UPGRADE))
        await line.reader.readuntil(b"\r\n\r\n")
        await line.write(b"".join(b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text for text in texts))
        for text in texts:
            assert await line.reader.readexactly(2 + len(text)) == b"\x81" + bytes([len(text)]) + text
        assert all(one.intake._holds for one in server.runner.app[ECHOES]._sockets), "it was held"


async def test_who_never_ends_is_sent_away(
    start_server: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "parlor.engineio")
    monkeypatch.setattr(intake, "HOLD_S", 0.001)
    monkeypatch.setattr(intake, "MAX_HOLD_S", 0.01)
    server = await start_server(rate_limit=1)
    async with await Line.to(server.url) as line:
        await line.write(head("GET", PATH, UPGRADE))

        async def flood() -> None:
            while True:
                await line.write((b"\x89\x80" + bytes(4)) * 1_000)

        flooding = asyncio.create_task(flood())
        await line.ends()
        flooding.cancel()
        await asyncio.wait([flooding])
    assert "of 127.0.0.1 was closed: it sends more than it may" in caplog.text


async def test_who_answers_no_ping_is_let_go(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "PING_S", 0.5)
    async with aiohttp.ClientSession(server.url) as http, http.ws_connect(PATH) as living:
        reading = asyncio.create_task(living.receive_str())  # which answers pings
        async with await Line.to(server.url) as line:
            await line.write(head("GET", PATH, UPGRADE))
            await line.ends()
        await living.send_str("alive")
        assert await reading == "alive"


async def test_the_end_of_the_server_is_told(start_server: Start) -> None:
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as http, http.ws_connect(PATH, autoclose=False) as ws:
        stopping = asyncio.create_task(server.stop())
        assert (await ws.receive()).data == 1001
        await ws.close()
        await stopping
