"""One TCP connection carries requests to the engine and to aiohttp in any order, and neither sees the other's."""

import asyncio
import contextlib
import re
import sys
from types import FrameType
from typing import Any

import aiohttp
import pytest

from app.engineio import EngineServer, Session, Settings, attach
from app.engineio.request import Request
from app.engineio.transports import PollingTransport
from tests.engineio.conftest import Site
from tests.support.raw import UPGRADE, Line, head
from tests.support.talker import until

POLL = "/engine.io/?EIO=4&transport=polling"
PONG = b"3"
MOST_CALLS = 80  # of functions of the engine, for a poll that waits and is answered: 70 on Python 3.13


def get(path: str, **headers: str) -> bytes:
    return head("GET", path, headers)


def post(path: str, body: bytes, **headers: str) -> bytes:
    return head("POST", path, {"Content-Length": str(len(body))} | headers) + body


async def opened(line: Line) -> str:
    """A session over this line; its address for polls."""
    await line.write(get(POLL))
    sid = re.search(rb'"sid":"([^"]+)"', (await line.answer()).body)
    assert sid
    return f"{POLL}&sid={sid[1].decode()}"


# --- both kinds on one connection ---


async def test_requests_to_both_follow_each_other_on_one_connection(site: Site) -> None:
    async with await site.line() as line:
        for n in range(5):
            await line.write(get("/app"))
            assert (await line.answer()).body == b"app:"
            poll = await opened(line)
            await line.write(post("/app?n=1", b"x" * 100 * n))
            assert (await line.answer()).body == b"app:" + b"x" * 100 * n
            await line.write(post(poll, b"4hello"))
            assert (await line.answer()).body == b"ok"
            await line.write(get(poll))
            assert (await line.answer()).body == b"4hello"
    assert len(site.asked) == 10


async def test_pipelined_requests_to_both_are_answered_in_their_order(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        wanted = [b"app:", b"ok", b"app:abc", b"4a\x1e4b", b"app:", b"ok"]
        stream = get("/app") + post(poll, b"4a\x1e4b") + post("/app", b"abc") + get(poll) + get("/app")
        await line.write(stream + post(poll, PONG))
        assert [(await line.answer()).body for _ in wanted] == wanted


async def test_pipelined_requests_cut_anywhere_are_answered_in_their_order(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        stream = get("/app") + post(poll, b"4a") + post("/app", b"GET / HTTP/1.1\r\n\r\n") + get(poll)
        wanted = [b"app:", b"ok", b"app:GET / HTTP/1.1\r\n\r\n", b"4a"]
        for at in range(0, len(stream), 7):
            await line.write(stream[:at], stream[at:])
            assert [(await line.answer()).body for _ in wanted] == wanted


async def test_a_request_behind_a_poll_that_waits_is_answered_behind_it(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        session = next(iter(site.engine.sessions.values()))
        await line.write(get(poll) + get("/app"))
        await until(lambda: is_polling(session))
        assert site.asked == []
        session.send("news")
        assert [(await line.answer()).body for _ in range(2)] == [b"4news", b"app:"]


async def test_a_poll_behind_a_request_that_waits_is_answered_behind_it(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        session = next(iter(site.engine.sessions.values()))
        session.send("news")
        await line.write(get("/wait") + get(poll))
        site.gate.set()
        assert [(await line.answer()).body for _ in range(2)] == [b"waited", b"4news"]


async def test_chunked_bodies_reach_either(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        chunks = b"3\r\n4ab\r\n4;note=1\r\ncdef\r\n0\r\nX-Trailer: y\r\n\r\n"
        for path, answer in (("/app", b"app:4abcdef"), (poll, b"ok"), ("/app", b"app:4abcdef")):
            await line.write(head("POST", path, {"Transfer-Encoding": "chunked"}) + chunks[:9], chunks[9:])
            assert (await line.answer()).body == answer
        await line.write(get(poll))
        assert (await line.answer()).body == b"4abcdef"


async def test_a_large_body_reaches_aiohttp_in_pieces(site: Site, http: aiohttp.ClientSession) -> None:
    body = b"x" * 900_000
    async with http.post(f"{site.url}/app", data=body) as response:
        assert await response.read() == b"app:" + body


async def test_two_engines_behind_one_listener_answer_what_is_theirs(http: aiohttp.ClientSession) -> None:
    one, other = EngineServer(Settings()), EngineServer(Settings())
    one.on_message = lambda session, data: session.send(f"one {data!s}")
    other.on_message = lambda session, data: session.send(f"other {data!s}")
    site = Site(one)
    attach(other, site.app, "/other/")
    await site.start()
    for path, words in (("/engine.io/", "4one hi"), ("/other/", "4other hi"), ("/other", "4other hi")):
        async with http.ws_connect(f"{site.url}{path}?EIO=4&transport=websocket") as ws:
            assert (await ws.receive_str()).startswith("0{")
            await ws.send_str("4hi")
            assert await ws.receive_str() == words
    assert one.sessions == other.sessions == {} or await until(lambda: not (one.sessions or other.sessions))
    await site.stop()


# --- other protocols ---


async def test_a_websocket_of_the_application_gets_the_connection(site: Site, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{site.url}/ws") as ws:
        for word in ("a", "b" * 100_000):
            await ws.send_str(word)
            assert await ws.receive_str() == word


async def test_a_declined_upgrade_leaves_a_connection_that_goes_on(site: Site) -> None:
    async with await site.line() as line:
        await line.write(get("/app", Connection="Upgrade", Upgrade="h2c"))
        assert (await line.answer()).body == b"app:"
        poll = await opened(line)
        await line.write(post(poll, b"4a"))
        assert (await line.answer()).body == b"ok"
        await line.write(get("/app"))
        assert (await line.answer()).body == b"app:"


async def test_an_upgrade_that_a_poll_asks_for_is_passed_over(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        await line.write(post(poll, b"4a", Connection="Upgrade", Upgrade="h2c") + get(poll))
        assert [(await line.answer()).body for _ in range(2)] == [b"ok", b"4a"]


# --- limits ---


async def test_a_head_of_more_than_16_kilobytes_is_refused(site: Site) -> None:
    for path in ("/app", POLL):
        for size, status in ((8_000, 200), (20_000, 431), (2_000_000, 431)):
            async with await site.line() as line:
                line.writer.write(get(path, X_A="x" * (size // 2), X_B="y" * (size // 2)))
                assert (await line.answer()).status == status


async def test_a_header_without_end_takes_no_memory(site: Site) -> None:
    async with await site.line() as line:
        line.writer.write(b"GET / HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(1_000):
                line.writer.write(b"x" * 1_000)
                await line.writer.drain()
        assert (await line.answer()).status == 431


@pytest.mark.parametrize("words", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nCookie: x"], ids=["nothing", "half a head"])
async def test_a_connection_that_asks_nothing_is_closed(
    site: Site, words: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = site.listener._front
    monkeypatch.setattr(front.heads, "_seconds", 0.1)
    async with await site.line() as line:
        await line.write(words)
        await line.ends()
    await until(lambda: front.connections == set())


async def test_a_body_that_never_ends_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.listener._front.bodies, "_seconds", 0.1)
    async with await site.line() as line:
        poll = await opened(line)
        await line.write(head("POST", poll, {"Content-Length": "1000"}), b"4")
        assert (await line.answer()).status == 408
        await until(lambda: site.engine.sessions == {})


async def test_an_idle_connection_is_closed_in_the_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.listener._front.idle, "_seconds", 0.1)
    async with await site.line() as line:
        await opened(line)
        await line.ends()


async def test_what_comes_behind_a_poll_that_waits_is_not_read_without_end(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        session = next(iter(site.engine.sessions.values()))
        await line.write(get(poll))
        await until(lambda: is_polling(session))
        line.writer.write(post("/app", b"x" * 20_000_000))
        async with aiohttp.ClientSession() as http:
            for _ in range(50):
                async with http.get(f"{site.url}/app") as response:
                    assert response.status == 200
        assert line.writer.transport.get_write_buffer_size() > 1_000_000
        session.send("news")
        assert (await line.answer()).body == b"4news"
        assert (await line.answer()).status == 413


# --- methods, versions, headers ---


async def test_a_client_that_expects_to_be_asked_is_asked(site: Site) -> None:
    async with await site.line() as line:
        poll = await opened(line)
        for path, answer in ((poll, b"ok"), ("/app", b"app:4a")):
            await line.write(head("POST", path, {"Content-Length": "2", "Expect": "100-continue"}))
            assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await line.write(b"4a")
            assert (await line.answer()).body == answer


@pytest.mark.parametrize(("expects", "status"), [(b"\xff", 400), (b"200-maybe", 417)], ids=["no text", "maybe"])
async def test_another_expectation_is_not_met(site: Site, expects: bytes, status: int) -> None:
    async with await site.line() as line:
        await line.write(b"GET " + POLL.encode() + b" HTTP/1.1\r\nHost: a\r\nExpect: " + expects + b"\r\n\r\n")
        assert (await line.answer()).status == status


async def test_http_1_0_is_answered_and_closed(site: Site) -> None:
    async with await site.line() as line:
        await line.write(get(POLL).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await line.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        await line.ends()


async def test_who_asks_to_close_is_closed(site: Site) -> None:
    for path in ("/app", POLL):
        async with await site.line() as line:
            await line.write(get(path, Connection="close"))
            answer = await line.answer()
            assert (answer.status, answer.headers.get("connection")) == (200, "close")
            await line.ends()


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused_and_the_connection_goes_on(site: Site, method: str) -> None:
    async with await site.line() as line:
        await line.write(head(method, POLL, {}))
        top = await line.reader.readuntil(b"\r\n\r\n")
        assert b" 400 " in top.split(b"\r\n")[0]
        if method != "HEAD":
            await line.reader.readexactly(int(re.search(rb"Content-Length: (\d+)", top)[1]))  # type: ignore[index]
        await line.write(get("/app"))
        assert (await line.answer()).body == b"app:"


async def test_options_are_answered_for_origins_that_are_let_in(site: Site) -> None:
    async with await site.line() as line:
        await line.write(head("OPTIONS", POLL, {"Origin": "http://parlor.test"}))
        answer = await line.answer()
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "http://parlor.test")
        await line.write(head("OPTIONS", POLL, {"Origin": "http://evil.example"}))
        assert (await line.answer()).status == 403


# --- connections that end ---


async def test_a_handler_of_aiohttp_is_cancelled_when_its_client_goes(site: Site) -> None:
    async with await site.line() as line:
        await line.write(get("/wait"))
        await until(lambda: site.runner.server.connections)  # type: ignore[union-attr]
    await until(lambda: site.cancelled == 1)
    assert site.listener._front.connections == set()


async def test_a_stop_closes_idle_connections_and_lets_the_others_answer(site: Site) -> None:
    async with await site.line() as idle, await site.line() as busy:
        await opened(idle)
        await busy.write(get("/wait"))
        await until(lambda: site.runner.server.connections)  # type: ignore[union-attr]
        site.listener.close()
        await idle.ends()
        site.gate.set()
        assert (await busy.answer()).body == b"waited"
        await busy.ends()


async def test_nothing_is_left_of_connections_that_came_to_nothing(site: Site) -> None:
    words = [b"", b"GET", get("/app")[:-2], get(POLL), get("/wait"), post("/app", b"abc")[:-1], b"\x16\x03\x01\0\0"]
    words += [get("/ws", **UPGRADE), get("/engine.io/?EIO=4&transport=websocket", **UPGRADE), b"NONSENSE\r\n\r\n"]
    for word in words:
        async with await site.line() as line:
            await line.write(word)
    for session in list(site.engine.sessions.values()):
        session.abort()
    front = site.listener._front
    await until(lambda: not front.connections and not site.engine.sessions and not site.engine.websockets)
    await until(lambda: not site.runner.server.connections)  # type: ignore[union-attr]
    assert [len(deadlines) for deadlines in (front.heads, front.bodies, front.idle, front.writing)] == [0, 0, 0, 0]


def is_polling(session: Session) -> bool:
    assert isinstance(session.transport, PollingTransport)
    return session.transport.held is not None


@pytest.mark.parametrize(
    ("words", "status", "line_of_log"),
    [
        (b"GET /app?secret HTTP/1.1\r\n\r\n", 400, ("", "/app")),
        (b"nonsense\r\n\r\n", 400, ("", "")),
        (b"GET /app HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000, 431, ("", "/app")),
        (post(POLL, b"", Content_Encoding="gzip"), 415, ("POST", "/engine.io/")),
        (head("POST", POLL, {"Content-Length": "10000000"}), 413, ("POST", "/engine.io/")),
        (head("POST", POLL, {"Transfer-Encoding": "chunked"}) + b"zz\r\n", 400, ("POST", "/engine.io/")),
    ],
    ids=["no host", "no HTTP", "long head", "compressed", "long body", "bad chunk"],
)
async def test_what_is_refused_has_a_line_in_the_access_log(
    site: Site, words: bytes, status: int, line_of_log: tuple[str, str]
) -> None:
    noted: list[tuple[tuple[str, str], int]] = []

    def note(request: Request, status: int, size: int) -> None:
        assert size > 0
        assert request.peer == "127.0.0.1"
        noted.append(((request.method, request.path), status))

    site.listener._front.access = note
    async with await site.line() as line:
        await line.write(words)
        assert (await line.answer()).status == status
    assert noted == [(line_of_log, status)]


@pytest.mark.parametrize("part", ["heads", "bodies"])
async def test_what_does_not_come_in_time_has_a_line_in_the_access_log(
    site: Site, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    noted: list[tuple[str, int]] = []
    site.listener._front.access = lambda request, status, _: noted.append((request.path, status))
    monkeypatch.setattr(getattr(site.listener._front, part), "_seconds", 0.05)
    whole = head("POST", POLL, {"Content-Length": "10"})
    async with await site.line() as line:
        await line.write(whole if part == "bodies" else whole[:-10])
        assert (await line.answer()).status == 408
    assert noted == [("/engine.io/", 408)]


async def test_a_poll_costs_few_calls_and_no_timer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are counted, not time: their number is the same on every machine."""
    polls, calls, timers = 20, [0], [0]
    loop = asyncio.get_running_loop()

    def count(frame: FrameType, event: str, _given: object) -> None:
        calls[0] += event == "call" and "/app/engineio/" in frame.f_code.co_filename

    class Counting:
        """The loop, as those know it who set timers."""

        def __getattr__(self, name: str) -> Any:
            timers[0] += name in ("call_later", "call_at")
            return getattr(loop, name)

    async with await site.line() as line:
        poll = await opened(line)
        (session,) = site.engine.sessions.values()
        for is_counted in (False, True):
            with monkeypatch.context() as patch:
                if is_counted:
                    patch.setattr(asyncio, "get_running_loop", Counting)
                    sys.setprofile(count)
                for _ in range(polls):
                    await line.write(get(poll, X_Forwarded_For="198.18.0.1"))
                    await until(lambda: is_polling(session))
                    (connection,) = site.listener.connections
                    assert connection._current is not None
                    assert not connection._current.headers, "of thousands that wait each keeps little"
                    session.send("news")
                    assert (await line.answer()).body == b"4news"
                sys.setprofile(None)
    assert timers == [0]
    assert calls[0] / polls <= MOST_CALLS
