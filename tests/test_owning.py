"""The operator's `own`, beside a running server; and what can be found of a room that is not everybody's."""

import asyncio
import logging

import aiohttp
import pytest
import socketio

from app.config import Settings
from app.export import own
from app.model import COOKIE
from app.server import Running
from tests.conftest import Start
from tests.support.talker import new_id

ASK = {"timeout": 10}


async def client(server: Running, name: str) -> socketio.AsyncClient:
    one = socketio.AsyncClient(reconnection=False)
    await one.connect(server.url, auth={"nickname": name, "token": server.chat.tokens.new()}, transports=["websocket"])
    return one


async def test_the_operator_makes_an_owner_while_the_server_runs(server: Running, settings: Settings) -> None:
    alice, bob = await client(server, "alice"), await client(server, "bob")
    standing: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    bob.on("standing", standing.put)
    await alice.call("join", {"room": "lobby"}, **ASK)
    await bob.call("join", {"room": "lobby"}, **ASK)
    await own(settings, "lobby", "bob")
    async with asyncio.timeout(10):
        assert await standing.get() == {"room": "lobby", "role": "owner"}
    assert (await bob.call("owner_key", {"room": "lobby"}, **ASK))["ok"]
    for one in (alice, bob):
        await one.disconnect()


@pytest.fixture
def settings(server: Running) -> Settings:
    return server.settings


async def test_the_log_of_a_closed_or_unlisted_room_is_for_those_who_were_let_in(server: Running) -> None:
    token = server.chat.tokens.new()
    alice = socketio.AsyncClient(reconnection=False)
    await alice.connect(server.url, auth={"nickname": "alice", "token": token}, transports=["websocket"])
    async with aiohttp.ClientSession(server.url) as http:

        async def status(token: str | None) -> tuple[int, str]:
            async with http.get("/r/secret/log", cookies={COOKIE: token} if token else {}) as answer:
                text = await answer.text()
                return answer.status, text.replace("secret", "nowhere")

        async def nowhere() -> tuple[int, str]:
            async with http.get("/r/nowhere/log") as answer:
                return answer.status, await answer.text()

        for settings in ({"listed": False}, {"listed": True, "locked": True}, {"locked": False, "passphrase": "x" * 8}):
            assert (await alice.call("join", {"room": "secret"}, **ASK))["ok"]
            await alice.call("send", {"room": "secret", "text": "hush", "id": new_id()}, **ASK)
            assert (await alice.call("settings", {"room": "secret", **settings}, **ASK))["ok"]
            assert (await status(token))[0] == 200
            assert await status(None) == await status(server.chat.tokens.new()) == await nowhere(), settings
    await alice.disconnect()


async def test_no_log_line_names_a_room(start_server: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = await start_server(access_log=True)
    caplog.set_level(logging.INFO)
    async with aiohttp.ClientSession(server.url) as http:
        for path in ("/r/hidden-room", "/r/hidden-room/log", "/r/hidden-room/log/2026-01-01"):
            async with http.get(path):
                pass
    assert "/r/-/log/2026-01-01" in caplog.text and "hidden-room" not in caplog.text
