"""The Socket.IO Admin UI: closed unless the operator opens it, and numbers only."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
import socketio

from app.live import admin
from app.server import Running
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.mounted import Mount
from tests.support.process import refusal
from tests.support.raw import Gone, Socket
from tests.support.talker import Talker, hang_up

RIGHT = {"username": "admin", "password": "open sesame, door"}


async def stats(server: Running, auth: dict[str, str]) -> dict[str, object]:
    """What the Admin UI is shown first. Raises ConnectionError where it is not let in."""
    client, come = socketio.AsyncClient(reconnection=False), asyncio.get_running_loop().create_future()
    client.on("server_stats", lambda said: come.done() or come.set_result(said), namespace="/admin")
    try:
        await client.connect(
            server.url, namespaces=["/admin"], auth=auth, transports=["websocket"], wait_timeout=PATIENCE
        )
        return await asyncio.wait_for(come, PATIENCE)
    finally:
        await hang_up(client)


@pytest.mark.parametrize("auth", [{}, {"username": "admin", "password": ""}, RIGHT])
async def test_it_is_closed_by_default(server: Running, auth: dict[str, str]) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stats(server, auth)


@pytest.mark.parametrize("auth", [{}, RIGHT | {"password": "wrong"}, RIGHT | {"username": "root"}])
async def test_without_the_password_nobody_gets_in(start_server: Start, auth: dict[str, str]) -> None:
    server = await start_server(admin_password="open sesame, door")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stats(server, auth)


async def test_with_it_one_sees_numbers_and_the_chat_goes_on(start_server: Start) -> None:
    server = await start_server(admin_password="open sesame, door")
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob", transport="polling") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        seen = await stats(server, RIGHT)
        assert (seen["clientsCount"], seen["pollingClientsCount"]) == (3, 1)
        await alice.say("lobby", "a secret")
        assert await bob.hears_texts("lobby", 1) == ["a secret"]
        assert "secret" not in str(await stats(server, RIGHT))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "DELAY_S", 0.05)


def signs_in(password: str) -> str:
    return f'40/admin,{{"username":"admin","password":"{password}"}}'


async def guess(socket: Socket, password: str) -> str:
    await socket.send(signs_in(password))
    return str(await socket.hears("44/admin"))


@pytest.mark.usefixtures("quick")
async def test_three_guesses_close_the_connection(start_server: Start) -> None:
    server = await start_server(admin_password=RIGHT["password"])
    async with Talker(server.url) as witness, Socket(witness.client.eio.http, server.url) as socket:
        for _ in range(3):
            assert "authentication failed" in await guess(socket, "a guess")
        await socket.is_let_go()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_three_refused_namespaces_of_any_name_close_the_connection(mount: Mount, transport: str) -> None:
    mounted = await mount()
    mounted.server.on("connect", lambda *_: None)
    async with mounted.over(transport) as speech:
        await speech.join()
        for name in ("/nowhere", "/nobody"):
            await speech.send(f"40{name},")
            await speech.hears(f"44{name},")
        await speech.send('42["x"]', "40/nothing,")
        await speech.hears("44/nothing,")
        await speech.is_let_go()
        with pytest.raises((Gone, AssertionError)):
            await speech.join()


@pytest.mark.usefixtures("quick")
async def test_each_guess_waits_longer_and_is_one_line_in_the_log(
    start_server: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(admin_password=RIGHT["password"], trust_proxies=1)
    async with Talker(server.url) as witness:
        for guesses in (3, 2):  # another connection does not begin anew
            async with Socket(witness.client.eio.http, server.url, **{"X-Forwarded-For": "203.0.113.9"}) as socket:
                for n in range(guesses):
                    await guess(socket, f"guess {n}")
        async with Socket(witness.client.eio.http, server.url, **{"X-Forwarded-For": "203.0.113.10"}) as socket:
            await socket.send(signs_in(RIGHT["password"]))
            await socket.hears("40/admin,")  # somebody else's guesses delay nobody
    records = [one for one in caplog.records if "admin UI" in one.getMessage()]
    gaps = [after.created - before.created for before, after in pairwise(records)]  # as the server looked at them
    assert all(one > 0.9 * 0.05 * 2**n for n, one in enumerate(gaps)), gaps
    lines = [one.getMessage() for one in records]
    assert lines == [f"admin UI: wrong name or password from 203.0.113.9, number {n}" for n in range(1, 6)]


async def test_of_one_address_one_guess_waits_at_a_time(start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many connections do not guess faster than one."""
    monkeypatch.setattr(admin, "DELAY_S", 30)
    server = await start_server(admin_password=RIGHT["password"])
    async with Talker(server.url) as witness:
        http = witness.client.eio.http
        async with (
            Socket(http, server.url) as first,
            Socket(http, server.url) as second,
            Socket(http, server.url) as third,
        ):
            assert "authentication failed" in await guess(first, "a guess")
            await second.send(signs_in(RIGHT["password"]))
            assert "another password is being checked" in await guess(third, RIGHT["password"])


async def test_who_knows_the_password_begins_anew() -> None:
    guard = admin.Guard()
    for n in range(1, 4):
        assert guard.wrong("2001:db8::1") == n
    assert guard.wrong("2001:db8::2") == 4, "one /64 is one address"
    assert guard._guesses["2001:db8::/64"].free_at > 0
    guard.right("2001:db8::3")
    assert await guard.wait_turn("2001:db8::1") and guard.wrong("2001:db8::1") == 1


@pytest.mark.slow
async def test_a_short_password_stops_the_start(tmp_path: Path) -> None:
    code, _, errors = await refusal("--data", str(tmp_path), PARLOR_ADMIN_PASSWORD="elevenchars")
    assert code == 1
    assert (
        errors.strip()
        .splitlines()[-1]
        .endswith("PARLOR_ADMIN_PASSWORD is too short to be safe from guessing: 12 characters at least.")
    )
    assert "elevenchars" not in errors
