"""How much one address may have open, by connections and by sessions; silent ones count, too."""

import logging
from typing import Any

import orjson
import pytest

from app.engineio import AddressLimit, addresses
from app.engineio.addresses import is_public, network
from tests.conftest import Start
from tests.support.mounted import Mount, on_both_transports
from tests.support.raw import UPGRADE, Gone, Line, Polls, head
from tests.support.talker import Talker, until

POLL = "/socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_of_ipv6_a_64_is_one_address(address: str, counts_as: str) -> None:
    assert network(address) == counts_as


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("::1", False),
        ("2a00:1450::1", True),
        ("?", False),
    ],
)
def test_a_private_address_may_be_a_proxy_s(address: str, public: bool) -> None:
    assert is_public(network(address)) is public
    limit = AddressLimit(1, only_public=True)
    assert limit.enter(address)
    assert limit.enter(address) is not public


def test_who_leaves_makes_room_and_nothing_is_left() -> None:
    limit = AddressLimit(2)
    assert [limit.enter("192.0.2.7") for _ in range(3)] == [True, True, False]
    assert limit.enter("192.0.2.8"), "another one's place"
    limit.leave("192.0.2.7")
    assert limit.enter("192.0.2.7")
    for address in ("192.0.2.7", "192.0.2.7", "192.0.2.8"):
        limit.leave(address)
    assert limit.refused == 1
    assert dict(limit._open) == {}


def test_an_address_is_told_of_once_a_minute(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.WARNING, "parlor.engineio")
    limit = AddressLimit(0)
    for address in ("192.0.2.7", "192.0.2.7", "192.0.2.8", "192.0.2.7"):
        assert not limit.enter(address)
    assert [record.args[0] for record in caplog.records] == ["192.0.2.7", "192.0.2.8"]  # type: ignore[index]
    monkeypatch.setattr(addresses, "TELL_EVERY_S", 0.0)
    limit.enter("192.0.2.7")
    assert len(caplog.records) == 3
    assert limit.refused == 5


@on_both_transports
async def test_one_session_too_many_is_told_so(mount: Mount, transport: str) -> None:
    limit = AddressLimit(2)
    mounted = await mount(addresses=limit)
    async with mounted.over(transport), mounted.over(transport):
        with pytest.raises((Gone, AssertionError), match=r"429|of your address"):
            async with mounted.over(transport):
                pass
        async with mounted.http.get(f"{mounted.url}{POLL}") as response:
            assert response.status == 429
            assert (await response.json())["message"].startswith("2 connections of your address are open")
        for session in list(mounted.server.engine.sessions.values()):
            session.end("server disconnect")  # type: ignore[arg-type]
    await until(lambda: not limit._open)


async def test_behind_a_proxy_visitors_are_told_apart_by_its_word(start_server: Start) -> None:
    server = await start_server(max_per_address=1, trust_proxies=1)
    async with Talker(server.url) as witness:
        http = witness.client.eio.http

        async def asks(visitor: str) -> int:
            async with http.get(f"{server.url}{POLL}", headers={"X-Forwarded-For": visitor}) as response:
                return int(response.status)

        assert await asks("192.0.2.7") == 200
        assert await asks("192.0.2.7") == 429
        assert await asks("203.0.113.1, 192.0.2.7") == 429, "what visitors write themselves is not believed"
        assert await asks("192.0.2.7, 203.0.113.1") == 200
        assert await asks("198.51.100.4:4711") == 200, "some proxies write the port"
        assert await asks("198.51.100.4:4712") == 429
        assert await asks("[2001:db8::1]:80") == 200
        assert await asks("2001:db8::2") == 429
        async with http.get(f"{server.url}/metrics") as response:
            assert "parlor_refused_connections_total 4.0" in await response.text()


async def test_silent_connections_count_and_the_next_one_is_told_so(start_server: Start) -> None:
    server = await start_server(max_per_address=3)
    silent = [await (await Line.to(server.url)).__aenter__() for _ in range(3)]
    await until(lambda: len(server.listeners[0].connections) == 3)
    for path in ("/healthz", POLL, "/ws/echo"):
        async with await Line.to(server.url) as line:
            await line.write(head("GET", path, {}))
            answer = await line.answer()
            assert (answer.status, answer.headers["connection"]) == (429, "close")
            assert answer.body.startswith(b"3 connections of your address are open")
    for line in silent:
        line.writer.transport.abort()
    await until(lambda: not server.listeners[0].connections)
    async with await Line.to(server.url) as line:
        await line.write(head("GET", "/healthz", {}))
        assert (await line.answer()).status == 200


async def test_silent_connections_make_room_for_others(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many may be silent; then the one that is so for longest has to go."""
    monkeypatch.setattr("app.engineio.http.SILENT_S", 0.05)
    mounted = await mount()
    front: Any = mounted.listener._front
    front.max_silent = 5
    lines = [await (await Line.to(mounted.url)).__aenter__() for _ in range(8)]
    for line in lines[:3]:
        await line.ends()
    await until(lambda: len(front.heads) == 5)
    async with mounted.polls() as polls:
        assert polls.sid
    for line in lines[3:]:
        line.writer.transport.abort()


async def test_those_who_poll_count_as_long_as_their_session_lives(mount: Mount) -> None:
    limit = AddressLimit(1)
    mounted = await mount(addresses=limit, ping_interval=0.05, ping_timeout=0.05)
    async with Polls(mounted.http, mounted.url):
        assert limit._open == {("127.0.0.1", "session"): 1}
    await until(lambda: not limit._open)


LIMITED = {"trust_proxies": 1, "address_handshakes": 3}
SCHOOL = {"X-Forwarded-For": "192.0.2.7"}


@pytest.mark.parametrize(
    "path", [POLL, "/socket.io/?EIO=4&transport=websocket", "/ws/echo"], ids=["poll", "socket", "plain"]
)
async def test_too_many_handshakes_of_one_address_are_told_when_to_come_back(start_server: Start, path: str) -> None:
    server = await start_server(**LIMITED)
    upgrade = {} if path == POLL else UPGRADE
    for _ in range(3):
        async with await Line.to(server.url) as line:
            await line.write(head("GET", path, SCHOOL | upgrade))
            assert (await line.answer()).status == (200 if path == POLL else 101)
    async with await Line.to(server.url) as line:
        await line.write(head("GET", path, SCHOOL | upgrade) * 2)
        answer = await line.answer()
        assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (429, "20", "close")
        assert b"Too many connections were opened from your address. Try again in 20 s." in answer.body
        assert await line.reader.read() == b"", "the next attempt needs a connection of its own"
    for visitor in ({"X-Forwarded-For": "192.0.2.8"}, {}):
        async with await Line.to(server.url) as line:
            await line.write(head("GET", path, visitor | upgrade))
            assert (await line.answer()).status < 400, "another address, or nobody knows which"
    assert server.chat.counts.refusals == {"handshakes": 1}


async def test_what_goes_on_in_a_session_is_no_handshake(start_server: Start) -> None:
    """Polls, posts and the upgrade of one whose address may open nothing more."""
    server = await start_server(**(LIMITED | {"address_handshakes": 1}))
    async with await Line.to(server.url) as line:
        opened = await line.ask("GET", POLL, **SCHOOL)
        sid = orjson.loads(opened.body[1:])["sid"]
        assert (await line.ask("GET", POLL, **SCHOOL)).status == 429
    async with await Line.to(server.url) as line:
        assert (await line.ask("POST", f"{POLL}&sid={sid}", b"40", **SCHOOL)).status == 200
        assert (await line.ask("GET", f"{POLL}&sid={sid}", **SCHOOL)).status == 200
        await line.write(head("GET", f"{POLL}&sid={sid}".replace("polling", "websocket"), SCHOOL | UPGRADE))
        assert (await line.answer()).status == 101
