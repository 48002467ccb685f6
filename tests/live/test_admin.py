"""The Socket.IO Admin UI: closed unless the operator opens it, and numbers only."""

import asyncio

import pytest
import socketio

from app.server import Running
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.talker import Talker, hang_up

RIGHT = {"username": "admin", "password": "open sesame"}


async def stats(server: Running, auth: dict[str, str]) -> dict[str, object]:
    """What the Admin UI is shown first. Raises ConnectionError where it is not let in."""
    client, come = socketio.AsyncClient(reconnection=False), asyncio.get_running_loop().create_future()
    client.on("server_stats", lambda said: come.done() or come.set_result(said), namespace="/admin")
    try:
        await client.connect(server.url, namespaces=["/admin"], auth=auth, transports=["websocket"])
        return await asyncio.wait_for(come, PATIENCE)
    finally:
        await hang_up(client)


@pytest.mark.parametrize("auth", [{}, {"username": "admin", "password": ""}, RIGHT])
async def test_it_is_closed_by_default(server: Running, auth: dict[str, str]) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stats(server, auth)


@pytest.mark.parametrize("auth", [{}, RIGHT | {"password": "wrong"}, RIGHT | {"username": "root"}])
async def test_without_the_password_nobody_gets_in(start_server: Start, auth: dict[str, str]) -> None:
    server = await start_server(admin_password="open sesame")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stats(server, auth)


async def test_with_it_one_sees_numbers_and_the_chat_goes_on(start_server: Start) -> None:
    server = await start_server(admin_password="open sesame")
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob", transport="polling") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        seen = await stats(server, RIGHT)
        assert (seen["clientsCount"], seen["pollingClientsCount"]) == (3, 1)
        await alice.say("lobby", "a secret")
        assert await bob.hears_texts("lobby", 1) == ["a secret"]
        assert "secret" not in str(await stats(server, RIGHT))
