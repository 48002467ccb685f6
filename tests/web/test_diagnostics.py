"""/diagnostics/seen over HTTP: what arrived of a WebSocket handshake, asked for by the name that the page gave it."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from app.web.diagnostics import MAX_TRIES, TRIES
from tests.conftest import Start
from tests.support.raw import UPGRADE, Line

NAME = "0123456789abcdef"
STRIPPED = {name: value for name, value in UPGRADE.items() if name not in ("Upgrade", "Connection")}


@pytest.fixture
async def browser(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url) as session:
        yield session


async def knock(url: str, name: str, headers: dict[str, str]) -> int:
    """A handshake as it arrives behind some proxy; the status it is answered with."""
    async with await Line.to(url) as line:
        return (await line.ask("GET", f"/ws/echo?try={name}", **headers)).status


async def seen(browser: aiohttp.ClientSession, name: str = "", **headers: str) -> dict[str, Any]:
    async with browser.get("/diagnostics/seen", params={"try": name}, headers=headers) as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        told: dict[str, Any] = await answer.json()
        return told


async def test_a_half_stripped_upgrade_is_remembered_with_what_arrived(
    url: str, browser: aiohttp.ClientSession
) -> None:
    assert await knock(url, NAME, STRIPPED) == 426
    assert (await seen(browser, NAME))["try"] == {"headers": STRIPPED, "full": False}


async def test_a_whole_handshake_is_remembered_too(url: str, browser: aiohttp.ClientSession) -> None:
    async with browser.ws_connect(f"/ws/echo?try={NAME}"):
        headers = (await seen(browser, NAME))["try"]["headers"]
    assert (headers["Upgrade"].lower(), headers["Connection"].lower()) == ("websocket", "upgrade")


async def test_a_handshake_that_is_refused_for_want_of_room_is_known_to_have_arrived(start_server: Start) -> None:
    server = await start_server(max_websockets=0)
    assert await knock(server.url, NAME, UPGRADE) == 503
    async with aiohttp.ClientSession(server.url) as browser:
        assert (await seen(browser, NAME))["try"]["headers"] == UPGRADE


async def test_what_never_arrived_is_null(browser: aiohttp.ClientSession) -> None:
    assert (await seen(browser, NAME))["try"] is None
    assert (await seen(browser))["try"] is None


@pytest.mark.parametrize("name", ["", "seven77", "x" * 65])
async def test_a_name_too_short_or_too_long_is_not_remembered(
    url: str, browser: aiohttp.ClientSession, name: str
) -> None:
    await knock(url, name, STRIPPED)
    assert (await seen(browser, name))["try"] is None


async def test_the_oldest_of_too_many_tries_is_forgotten(start_server: Start) -> None:
    server = await start_server()
    names = [f"try-{number:05}" for number in range(MAX_TRIES + 1)]
    async with aiohttp.ClientSession(server.url) as browser:
        for name in names:
            async with browser.get("/ws/echo", params={"try": name}) as answer:
                assert answer.status == 426
        assert [(await seen(browser, name))["try"] is None for name in names[:2]] == [True, False]
    assert list(server.runner.app[TRIES].seen) == names[1:]  # type: ignore[index]


async def test_no_secret_is_shown_and_nothing_long(url: str, browser: aiohttp.ClientSession) -> None:
    secret = {"Cookie": "parlor=hush", "Authorization": "Bearer hush"}
    await knock(url, NAME, STRIPPED | secret | {"Sec-WebSocket-Extensions": "x" * 1_000})
    told = await seen(browser, NAME, Via="y" * 1_000, **secret)
    assert "hush" not in str(told)
    assert told["try"]["headers"]["Sec-WebSocket-Extensions"] == "x" * 100
    assert told["proxies"] == {"Via": "y" * 200}


async def test_the_way_is_told_as_the_server_believes_it(start_server: Start) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.org"}
    for proxies, believed in ((0, "http"), (1, "https")):
        server = await start_server(trust_proxies=proxies)
        async with aiohttp.ClientSession(server.url) as browser:
            told = await seen(browser, **forwarded)
        assert (told["scheme"], told["trusted"], told["proxies"]) == (believed, proxies, forwarded)
        assert (told["host"] == "chat.example.org") is bool(proxies)
