"""Polls below HTTP: only what is byte for byte the request before, and nothing of it is lost or left behind."""

import asyncio
import gzip
import logging
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.config import Settings
from app.live.engine.inbox import INBOX_LIMIT
from app.server import start
from tests.conftest import Start
from tests.support.known import Known, door, known
from tests.support.mounted import Mount, Mounted, empty, watch
from tests.support.raw import UPGRADE, Answer, Line, Polls, head
from tests.support.talker import until

HUGE = "x" * 8_000_000  # more than the kernel takes for a reader that does not read


@pytest.fixture
async def alice(mounted: Mounted) -> AsyncIterator[Known]:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice:
        yield alice


def reset(line: Line) -> None:
    """Go with a RST."""
    line.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.writer.transport.abort()


# --- what is answered so ---


async def lines_of(one: Known, request: bytes) -> list[bytes]:
    await one.says("news")
    await one.line.write(request)
    lines = (await one.line.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    assert await one.line.reader.readexactly(5) == b"4news"
    return [line for line in lines if not line.startswith((b"Date:", b"Content-Length: 5"))]


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://friend.example", "Cookie": "theme=dark"}])
async def test_the_next_poll_is_answered_below_http_with_the_same_headers(
    start_server: Start, headers: dict[str, str]
) -> None:
    server = await start_server(origins="https://friend.example")
    async with aiohttp.ClientSession() as http, Polls(http, server.url) as polls:
        async with await Line.to(server.url) as line:
            alice = Known(server.sockets, polls, line, headers)
            first = await lines_of(alice, alice.get("a"))
            assert alice.engine.short_polls == 0
            assert await lines_of(alice, alice.get("b")) == await lines_of(alice, alice.get("c")) == first
            assert alice.engine.short_polls == 2
        assert any(line.startswith(b"Content-Security-Policy:") for line in first)
        assert (b"Access-Control-Allow-Origin: https://friend.example" in first) == ("Origin" in headers)


async def test_any_connection_may_bring_the_next_poll(alice: Known) -> None:
    async with await Line.to(alice.polls.url) as line:
        alice.line = line
        assert (await alice.hears(alice.get())).body == b"4news"
    assert alice.engine.short_polls == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Cookie": "another=1"}, 200),
        ({"Host": "another.test"}, 200),
        ({"Connection": "keep-alive"}, 200),
        ({"Origin": "http://parlor.test"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://parlor.test", "Host": "another.test"}, 403),
    ],
)
async def test_a_poll_with_any_difference_is_judged_anew(alice: Known, more: dict[str, str], status: int) -> None:
    answer = await alice.hears(alice.get(**more))
    assert (answer.status, answer.headers.get("access-control-allow-origin")) == (
        status,
        more.get("Origin") if status == 200 else None,
    )
    assert alice.engine.short_polls == 0


async def test_a_poll_that_asks_not_to_be_held_is_no_pattern_for_the_next(alice: Known) -> None:
    brief = alice.get().replace(b"&t=1 ", b"&t=1&hold=0 ")
    for _ in range(3):
        await alice.line.write(brief)
        assert (await alice.line.answer()).body == b"6"
    assert alice.engine.short_polls == 0
    assert (await alice.hears(alice.get())).body == b"4news"
    assert alice.engine.short_polls == 1, "the one before it still is"


async def test_only_the_address_may_differ_in_its_t(mounted: Mounted) -> None:
    async with mounted.polls() as polls, await Line.to(mounted.url) as line:
        alice = Known(mounted.server, polls, line, {})
        bare = alice.get().replace(b"&t=1 ", b" ")
        for cookie in (b"a&t=1 b", b"a&t=2 b"):
            assert (await alice.hears(bare.replace(b"\r\n\r\n", b"\r\nCookie: %s\r\n\r\n" % cookie))).status == 200
        assert alice.engine.short_polls == 0


async def test_another_s_poll_brings_what_is_the_other_s(alice: Known, mounted: Mounted) -> None:
    async with mounted.polls() as polls:
        bob = Known(mounted.server, polls, alice.line, {})
        await alice.says("for alice")
        assert (await bob.hears(bob.get())).body == (await bob.hears(bob.get())).body == b"4news"
        bob.polls.sid = "unknown"
        await bob.line.write(bob.get())
        assert (await bob.line.answer()).status == 400
        await alice.line.write(alice.get())
        assert (await alice.line.answer()).body == b"4for alice"


async def test_a_poll_behind_another_s_waits_its_turn(alice: Known, mounted: Mounted) -> None:
    async with mounted.polls() as polls:
        bob = Known(mounted.server, polls, alice.line, {})
        await alice.line.write(bob.get())
        await until(lambda: bob.session.polling)
        await alice.says("for alice")
        await alice.line.write(alice.get())
        await mounted.http.get(mounted.url)
        await bob.says("for bob")
        assert [(await alice.line.answer()).body for _ in "ba"] == [b"4for bob", b"4for alice"]


async def test_with_an_access_log_every_poll_is_logged(mounted: Mounted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tests.access")
    async with (
        mounted.polls() as polls,
        door(mounted, access_log=logging.getLogger("tests.access")) as url,
        known(mounted.server, polls, url) as alice,
    ):
        for _ in range(3):
            await alice.hears(alice.get())
        await until(lambda: len([record for record in caplog.records if record.name == "tests.access"]) == 4)
    assert alice.engine.short_polls == 0


async def test_what_is_kept_of_a_session_is_bounded(alice: Known) -> None:
    long = {"Cookie": "x" * 4_000, "X-Forwarded-For": "y" * 4_200}
    for _ in range(2):
        assert (await alice.hears(alice.get(**long))).status == 200
    assert alice.engine.short_polls == 0
    assert sum(map(len, alice.session.pattern)) < 1_000, "the first form is still the one"


# --- what is said ---


def news(n: int) -> bytes:
    return f'42["news",{n}]'.encode()


async def posts(one: Known, n: int) -> Answer:
    await one.line.write(one.to("POST", f"t{n}", Content_Length=str(len(news(n)))) + news(n))
    return await one.line.answer()


@pytest.fixture
async def bob(mounted: Mounted) -> AsyncIterator[Known]:
    """May say something."""
    async with mounted.polls() as polls:
        await polls.join()
        async with known(mounted.server, polls) as bob:
            yield bob


def listen_for_news(mounted: Mounted) -> list[int]:
    heard: list[int] = []
    mounted.server.on("news", lambda _sid, n: heard.append(n))
    return heard


async def test_the_next_message_is_answered_below_http_with_the_same_headers(start_server: Start) -> None:
    server = await start_server(origins="https://friend.example")
    headers = {"Origin": "https://friend.example", "Cookie": "theme=dark"}
    async with aiohttp.ClientSession() as http, Polls(http, server.url) as polls:
        await polls.join()
        async with await Line.to(server.url) as line:
            alice = Known(server.sockets, polls, line, headers)
            answers = [await posts(alice, n) for n in (1, 20, 300)]
            assert alice.engine.short_posts == 2
    for answer in answers:
        answer.headers["date"] = ""
    assert answers[0] == answers[1] == answers[2]
    assert (answers[0].status, answers[0].body) == (200, b"ok")
    assert {"access-control-allow-origin", "content-security-policy", "cache-control"} <= answers[0].headers.keys()


async def test_what_is_said_below_http_is_heard_in_order(bob: Known, mounted: Mounted) -> None:
    heard = listen_for_news(mounted)
    for n in range(30):
        if n % 7 == 6:
            await bob.line.write(bob.post(news(n), Cookie="another=1"))
            assert (await bob.line.answer()).status == 200
        else:
            assert (await posts(bob, n)).status == 200
    await until(lambda: heard == list(range(30)))
    assert 10 < bob.engine.short_posts < 30


async def test_a_body_under_a_coding_is_decoded_or_refused_each_time(bob: Known, mounted: Mounted) -> None:
    heard = listen_for_news(mounted)
    for n in range(2):
        await bob.line.write(bob.post(gzip.compress(news(n)), Content_Encoding="gzip"))
        assert (await bob.line.answer()).status == 200
    await bob.line.write(bob.post(news(2), Content_Encoding="gzip"))
    assert (await bob.line.answer()).status == 400
    assert (heard, bob.engine.short_posts) == ([0, 1], 0)


async def test_a_post_beside_a_post_ends_the_session_the_short_way_too(bob: Known, mounted: Mounted) -> None:
    await posts(bob, 1)
    async with await Line.to(bob.polls.url) as line:
        await line.write(bob.post(news(2))[:-1])
        await until(lambda: bob.session.posting)
        assert (await posts(bob, 3)).status == 400
        await empty(mounted)


async def test_who_says_more_than_can_be_done_waits_for_the_answer(bob: Known, mounted: Mounted) -> None:
    heard: list[int] = []
    may_go_on = asyncio.Event()

    async def hear(_sid: str, n: int) -> None:
        await may_go_on.wait()
        heard.append(n)

    mounted.server.on("news", hear)
    await posts(bob, 0)
    await bob.line.write(bob.post(b"\x1e".join(news(n) for n in range(1, INBOX_LIMIT))))
    assert (await bob.line.answer()).status == 200
    assert (await posts(bob, INBOX_LIMIT)).status == 200
    assert bob.engine.short_posts == 1
    waits = asyncio.create_task(posts(bob, INBOX_LIMIT + 1))
    await until(lambda: bob.session.posting)
    await mounted.http.get(mounted.url)
    assert not waits.done()
    may_go_on.set()
    assert (await waits).status == 200
    await until(lambda: heard == list(range(INBOX_LIMIT + 2)))


async def test_a_message_that_is_too_large_is_refused_the_short_way_too(mount: Mount) -> None:
    mounted = await mount(max_payload=100)
    async with mounted.polls() as polls:
        await polls.join()
        async with known(mounted.server, polls) as bob:
            await posts(bob, 1)
            await bob.line.write(bob.post(news(10**100)))
            assert (await bob.line.answer()).status == 413


async def test_what_is_said_in_one_tick_leaves_in_one_answer(alice: Known, mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as bob:
        await alice.waits()
        await bob.waits()
        await asyncio.gather(alice.says("one"), bob.says("two"), alice.says("three"), alice.says("four"))
        assert (await alice.line.answer()).body == b"4one\x1e4three\x1e4four"
        assert (await bob.line.answer()).body == b"4two"


# --- who goes, and who is let go ---


@pytest.mark.parametrize("behind", [b"", b"GET"])
@pytest.mark.parametrize("go", [lambda line: line.writer.transport.close(), lambda line: reset(line)])
async def test_whoever_goes_while_a_poll_waits_is_gone(mounted: Mounted, go: Any, behind: bytes) -> None:
    """Also with the next request half said."""
    reasons = watch(mounted)
    async with mounted.polls() as polls:
        await polls.join()
        tasks = asyncio.all_tasks()
        async with known(mounted.server, polls) as alice:
            await alice.waits()
            await alice.line.write(behind)
            go(alice.line)
            await empty(mounted)
            await until(lambda: asyncio.all_tasks() <= tasks)
            assert reasons == ["transport error"]


async def test_an_answer_that_comes_too_late_for_its_reader_ends_the_session(mounted: Mounted) -> None:
    """What it carried is lost, so the client has to know."""
    reasons = watch(mounted)
    async with mounted.polls() as polls:
        await polls.join()
        async with known(mounted.server, polls) as alice:
            await alice.waits()
            reset(alice.line)
            await alice.says("lost")
            await empty(mounted)
            assert reasons == ["transport error"]


@pytest.mark.parametrize("same", [True, False])
async def test_two_polls_at_once_end_the_session(mounted: Mounted, same: bool) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice, await Line.to(polls.url) as line:
        await alice.waits()
        await line.write(alice.get() if same else alice.get(Cookie="another=1"))
        assert (await line.answer()).status == 400
        assert (await alice.line.answer()).body == b"1"
        await empty(mounted)


async def test_a_poll_that_outwaits_keep_alive_is_not_cut_and_an_idle_connection_is(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.3, ping_timeout=0.3)
    async with (
        mounted.polls() as polls,
        door(mounted, keepalive_timeout=0.05) as url,
        known(mounted.server, polls, url) as alice,
    ):
        await alice.waits()
        for answer in (b"2", b"1"):
            assert (await alice.line.answer()).body == answer
            await alice.line.write(alice.get())
        assert (await alice.line.answer()).status == 400, "nobody said pong"
        await alice.line.ends()


async def test_a_client_that_leaves_ends_its_poll(alice: Known, mounted: Mounted) -> None:
    await alice.waits()
    await alice.polls.send("1")
    assert (await alice.line.answer()).body == b"6"
    await empty(mounted)


# --- slow readers ---


async def unread(mounted: Mounted, alice: Known) -> None:
    """Tell alice more than she takes, and let her ask for more."""
    await alice.waits()
    await alice.says(HUGE)
    await mounted.http.get(mounted.url)  # what is due is written meanwhile
    await alice.line.write(alice.get())
    await mounted.http.get(mounted.url)


async def test_an_answer_that_is_not_read_holds_back_the_next(alice: Known, mounted: Mounted) -> None:
    await unread(mounted, alice)
    await alice.says("more")
    assert (alice.engine.short_polls, alice.session.is_waited_for) == (1, True)
    assert (await alice.line.answer()).body == b"4" + HUGE.encode()
    assert (await alice.line.answer()).body == b"4more"
    assert alice.engine.short_polls == 2


async def test_who_does_not_read_and_leaves_too_much_waiting_is_dropped(mount: Mount) -> None:
    mounted = await mount(outbox_limit=100_000)
    async with mounted.polls() as polls, known(mounted.server, polls) as alice:
        await unread(mounted, alice)
        for _ in range(3):
            await alice.says("x" * 50_000)
        await until(lambda: alice.polls.sid not in alice.engine.sockets)


async def test_who_does_not_read_at_all_is_cut_off(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.2, ping_timeout=0.2)
    async with mounted.polls() as polls:
        tasks = asyncio.all_tasks()
        async with known(mounted.server, polls) as alice:
            await unread(mounted, alice)
            await until(lambda: asyncio.all_tasks() <= tasks)


# --- to a WebSocket ---


async def test_an_upgrade_lets_the_poll_go_and_loses_nothing(mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice, mounted.socket(of=polls) as ws:
        await alice.waits()
        await ws.send("2probe")
        assert await ws.packet() == "3probe"
        assert (await alice.line.answer()).body == b"6"
        for n in range(3):
            assert (await alice.hears(alice.get(str(n)))).body == b"4news"
        await alice.line.write(alice.get())
        await until(lambda: alice.session.polling)
        await asyncio.gather(ws.send("5"), *(alice.says(str(n)) for n in range(50)))
        heard = (await alice.line.answer()).body.decode().split("\x1e")
        heard += [await ws.packet() for _ in range(50 - len([one for one in heard if one != "6"]))]
        assert [one for one in heard if one != "6"] == [f"4{n}" for n in range(50)]
        assert alice.session.pattern is alice.session.posted is None


async def test_an_upgrade_in_the_tick_of_an_answer_loses_nothing(mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice, mounted.socket(of=polls) as ws:
        await alice.waits()
        await asyncio.gather(*(alice.says(str(n)) for n in range(40)), ws.send("2probe", "5"))
        heard = (await alice.line.answer()).body.decode().split("\x1e")
        heard += [await ws.packet() for _ in range(41 - len([one for one in heard if one != "6"]))]
        assert [one for one in heard if one not in ("3probe", "6")] == [f"4{n}" for n in range(40)]


@pytest.mark.parametrize("behind", [False, True])
async def test_a_connection_that_brought_polls_becomes_a_websocket(alice: Known, behind: bool) -> None:
    """Also where the handshake comes while the poll waits."""
    handshake = head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE)
    await alice.waits()
    await alice.line.write(*[handshake] * behind)
    await alice.says("news")
    assert (await alice.line.answer()).body == b"4news"
    await alice.line.write(*[handshake] * (not behind))
    assert (await alice.line.answer()).status == 101
    assert (await alice.line.reader.readuntil(b'"sid":')).endswith(b'0{"sid":')


# --- the end of the server ---


async def test_polls_that_wait_are_told_of_the_server_s_end(alice: Known, mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as bob:
        await alice.waits()
        await bob.waits()
        mounted.server.close_all()
        assert [(await one.line.answer()).body for one in (alice, bob)] == [b"1", b"1"]
        await empty(mounted)


@pytest.mark.parametrize("reads", [True, False])
async def test_a_server_stops_at_once_whoever_polls(tmp_path: Path, reads: bool) -> None:
    server = await start(Settings(host="127.0.0.1", port=0, data=tmp_path, rate_limit="off"))
    http = aiohttp.ClientSession()
    async with http, Polls(http, server.url) as polls, known(server.sockets, polls) as alice:
        await alice.waits()
        if not reads:
            await alice.says(HUGE)
        async with asyncio.timeout(2.5):
            await server.stop()
        assert not reads or (await alice.line.answer()).body == b"1"
        assert asyncio.all_tasks() == {asyncio.current_task()}
