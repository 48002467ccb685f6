"""WebSocket handshakes below HTTP: only what is byte for byte an earlier one but for its key and cookies, and who comes
that way is who would have come through aiohttp."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from app.live.engine import attach, create_engine, handshake, listen
from tests.support.known import door
from tests.support.mounted import Mount, Mounted, empty, watch
from tests.support.raw import UPGRADE, Answer, Line, head
from tests.support.talker import until

PATH = "/socket.io/?EIO=4&transport=websocket"
OTHER_KEY = "AQIDBAUGBwgJCgsMDQ4PEA=="
JOIN = b"\x81\x82\0\0\0\x0040"  # a frame that says CONNECT


SID = re.compile(rb'"sid":"[^"]*"')


def shake(path: str = PATH, **headers: str) -> bytes:
    return head("GET", path, UPGRADE | {name.replace("_", "-"): value for name, value in headers.items()})


async def answer_to(url: str, *pieces: bytes) -> Answer:
    async with await Line.to(url) as line:
        await line.write(*pieces)
        return await line.answer()


@pytest.fixture
async def known(mounted: Mounted) -> AsyncIterator[Mounted]:
    """A server that has let a plain handshake in, and one with cookies."""
    for one in (shake(), shake(Cookie="a=1")):
        assert (await answer_to(mounted.url, one)).status == 101
    assert mounted.server.eio.short_handshakes == 0
    yield mounted


# --- what is answered so ---


async def test_the_next_one_is_answered_below_http_with_the_same_bytes(known: Mounted) -> None:
    first = []
    async with door(known, plain=True) as theirs:
        for url in (theirs, known.url):
            async with await Line.to(url) as line:
                await line.write(shake())
                first.append((await line.reader.readuntil(b"\r\n\r\n"), (await line.reader.readuntil(b'"sid":"'))[4:]))
                assert b'","upgrades":[],"pingInterval":25000' in await line.reader.readuntil(b"}")
    assert first[0] == first[1]
    assert known.server.eio.short_handshakes == 1


async def test_each_key_is_answered_by_its_own_digest(known: Mounted) -> None:
    async with door(known, plain=True) as theirs:
        wanted = await answer_to(theirs, shake(Sec_WebSocket_Key=OTHER_KEY))
    found = await answer_to(known.url, shake(Sec_WebSocket_Key=OTHER_KEY))
    usual = await answer_to(known.url, shake())
    assert found.headers["sec-websocket-accept"] == wanted.headers["sec-websocket-accept"]
    assert usual.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3
    assert known.server.eio.short_handshakes == 2


async def test_a_connect_handler_learns_of_each_its_own(known: Mounted) -> None:
    came: list[dict[str, Any]] = []
    watch(known, lambda _sid, environ, _auth: came.append(environ))
    async with door(known, plain=True) as theirs:
        for url in (theirs, known.url):
            async with await Line.to(url) as line:
                await line.write(shake(Cookie="a=2; b=3", Sec_WebSocket_Key=OTHER_KEY))
                await line.answer()
                await line.write(JOIN)
                await until(lambda url=url: len(came) == 1 + (url == known.url))
    assert known.server.eio.short_handshakes == 1
    long, short = came
    requests = [one["aiohttp.request"] for one in came]
    assert requests[0].cookies == requests[1].cookies == {"a": "2", "b": "3"}
    assert requests[0].headers == requests[1].headers
    assert requests[0].remote == requests[1].remote == "127.0.0.1"
    assert requests[0].query == requests[1].query
    assert short.get("aiohttp.request") is requests[1]
    assert (short.get("nothing"), "nothing" in short) == (None, False)
    assert {name: short[name] for name in long} | {"aiohttp.request": 0, "wsgi.input": 0} == long | {
        "aiohttp.request": 0,
        "wsgi.input": 0,
    }


async def test_without_cookies_there_are_none(known: Mounted) -> None:
    came: list[dict[str, Any]] = []
    watch(known, lambda _sid, environ, _auth: came.append(environ))
    async with await Line.to(known.url) as line:
        await line.write(shake())
        await line.answer()
        await line.write(JOIN)
        [environ] = await until(lambda: came)
    assert "HTTP_COOKIE" not in environ
    assert not environ["aiohttp.request"].cookies


@pytest.mark.parametrize("cookie", [None, "", " ", "b=2"])
async def test_nobody_is_taken_for_who_came_first(known: Mounted, cookie: str | None) -> None:
    """Neither by a cookie header that is empty, nor by what a middleware made of the first one's request."""
    came: list[dict[str, Any]] = []
    watch(known, lambda _sid, environ, _auth: came.append(environ))
    async with await Line.to(known.url) as line:
        await line.write(shake() if cookie is None else shake(Cookie=cookie))
        await line.answer()
        await line.write(JOIN)
        [environ] = await until(lambda: came)
    assert environ.get("HTTP_COOKIE", "").strip() == (cookie or "").strip()
    assert environ["aiohttp.request"].cookies == ({"b": "2"} if cookie == "b=2" else {})


WHO = web.RequestKey("who", str)


async def test_what_a_middleware_knows_of_the_first_is_not_said_of_the_next(mounted: Mounted) -> None:
    came: list[web.Request] = []
    watch(mounted, lambda _sid, environ, _auth: came.append(environ["aiohttp.request"]))

    @web.middleware
    async def know(request: web.Request, handler: Any) -> web.StreamResponse:
        request[WHO] = request.cookies["who"]
        return await handler(request.clone(scheme="https") if request.cookies["who"] == "cy" else request)

    app = web.Application(middlewares=[know])
    attach(mounted.server, app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listener = await listen(runner, mounted.server.eio, "127.0.0.1", 0, short_handshakes=True)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    for who in ("cy", "alice", "bob"):
        async with await Line.to(url) as line:
            await line.write(shake(Cookie=f"who={who}"))
            await line.answer()
            await line.write(JOIN)
            await line.reader.readuntil(b'40{"sid":"')
    assert [(one.cookies["who"], one.get(WHO), one.scheme) for one in came] == [
        ("cy", "cy", "https"),
        ("alice", "alice", "http"),
        ("bob", None, "http"),
    ]
    assert mounted.server.eio.short_handshakes == 1, "of a request that a middleware made anew nothing is learnt"
    listener.close()
    await runner.cleanup()


async def test_what_comes_right_behind_is_heard(known: Mounted) -> None:
    watch(known)
    for pieces in ([shake(), JOIN], [shake() + JOIN], [shake()[:-1], b"\n" + JOIN], [shake()[:40], shake()[40:], JOIN]):
        async with await Line.to(known.url) as line:
            await line.write(*pieces)
            async with asyncio.timeout(5):
                assert await line.reader.readuntil(b'40{"sid":"')


async def test_who_goes_leaves_nothing(known: Mounted) -> None:
    reasons = watch(known)
    for _ in range(5):
        async with await Line.to(known.url) as line:
            await line.write(shake())
            await line.answer()
            await line.write(JOIN)
            await line.reader.readuntil(b'40{"sid":"')
    assert known.server.eio.short_handshakes == 5
    await until(lambda: len(reasons) == 5)
    await empty(known)
    assert known.server.eio.websockets == 0


# --- what is not ---

CHANGED = {
    "another page's origin": shake(Origin="http://evil.example"),
    "the own origin": shake(Origin="http://parlor.test"),
    "another host": shake(Host="another.test"),
    "another path": shake("/socket.io"),
    "another protocol": shake(PATH.replace("4", "3")),
    "polling": shake(PATH.replace("websocket", "polling")),
    "a session that is not": shake(PATH + "&sid=nobody"),
    "no upgrade": shake(Upgrade="h2c"),
    "no connection": shake(Connection="close"),
    "another version": shake(Sec_WebSocket_Version="12"),
    "a short key": shake(Sec_WebSocket_Key="c2hvcnQ="),
    "a long key": shake(Sec_WebSocket_Key="AQIDBAUGBwgJCgsMDQ4PEBE="),
    "no base64": shake(Sec_WebSocket_Key="!" * 22 + "=="),
    "an empty key": shake(Sec_WebSocket_Key=""),
    "no key": shake().replace(b"Sec-WebSocket-Key", b"X-Key"),
    "two keys": shake(X=f"1\r\nSec-WebSocket-Key: {OTHER_KEY}"),
    "a key that goes on": shake().replace(b"ZSBub", b"ZS\r\n Bub"),
    "a folded cookie": shake(Cookie="a=1;\r\n b=2"),
    "two cookies": shake(Cookie="a=1\r\nCookie: b=2"),
    "an empty cookie": shake(Cookie=""),
    "a blank cookie": shake(Cookie=" "),
    "a cache-buster": shake(PATH + "&t=abc"),
    "a head that is too long": shake(X="x" * 9_000),
    "a cookie with a NUL": shake(Cookie="a=\0"),
    "a cookie with a line feed": shake(Cookie="a=1\nX: y"),
    "a body": shake(Content_Length="2") + b"hi",
    "chunks": shake(Transfer_Encoding="chunked") + b"0\r\n\r\n",
    "an expectation": shake(Expect="100-continue"),
    "http 1.0": shake().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "line feeds": shake().replace(b"\r\n", b"\n"),
    "post": shake().replace(b"GET", b"POST"),
    "nonsense": b"\x16\x03\x01\r\n\r\n",
}


LEARNT = ("the own origin", "another host")  # by the first, so that the second goes the short way


@pytest.mark.parametrize("case", CHANGED)
async def test_whatever_differs_is_answered_as_by_aiohttp_alone(known: Mounted, case: str) -> None:
    """Twice, for the first might have been learnt."""
    seen = []
    async with door(known, plain=True) as theirs:
        for url in (theirs, known.url):
            for _ in range(2):
                answer = await answer_to(url, CHANGED[case])
                seen.append((answer.status, answer.headers | {"date": ""}, SID.sub(b"", answer.body)))
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert known.server.eio.short_handshakes == (1 if case in LEARNT else 0)


async def test_a_full_server_refuses_what_it_knows(mount: Mount) -> None:
    mounted = await mount(max_websockets=1)
    async with await Line.to(mounted.url) as line:
        await line.write(shake())
        assert (await line.answer()).status == 101
        assert (await answer_to(mounted.url, shake())).status == 503
    await until(lambda: mounted.server.eio.websockets == 0)
    assert (await answer_to(mounted.url, shake())).status == 101
    assert mounted.server.eio.short_handshakes == 1


async def test_with_an_access_log_each_one_is_logged(known: Mounted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tests.access")
    async with door(known, access_log=logging.getLogger("tests.access")) as url:
        for _ in range(3):
            assert (await answer_to(url, shake())).status == 101
        await until(lambda: len([one for one in caplog.records if one.name == "tests.access"]) == 3)
    assert known.server.eio.short_handshakes == 0


async def test_one_door_s_judgement_is_not_another_s(known: Mounted) -> None:
    async with door(known) as url:
        assert (await answer_to(url, shake())).status == 101
        assert known.server.eio.short_handshakes == 0


async def test_where_middlewares_may_have_a_say_none_goes_the_short_way() -> None:
    """Nor where the engine's own listener wants to hear of sessions."""
    for short in (False, True):
        engine, app, came = create_engine(), web.Application(), []

        async def connect(sid: str, _environ: Any, came: list[str] = came) -> None:
            came.append(sid)

        engine.on("connect", connect)
        attach(engine, app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        listener = await listen(runner, engine, "127.0.0.1", 0, short_handshakes=short)
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for _ in range(3):
            assert (await answer_to(url, shake())).status == 101
        assert (len(came), engine.short_handshakes) == (3, 0)
        listener.close()
        await runner.cleanup()


async def test_only_so_many_are_known(known: Mounted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "MOST", 2)
    for agent in ("one", "two", "one", "two"):
        assert (await answer_to(known.url, shake(User_Agent=agent))).status == 101
    assert known.server.eio.short_handshakes == 2
    for agent in ("one", "three", "one"):  # who was of no use for longest goes
        assert (await answer_to(known.url, shake(User_Agent=agent))).status == 101
    assert known.server.eio.short_handshakes == 4


# --- connections that bring nothing ---


async def test_who_is_silent_first_is_served_after_all(mounted: Mounted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "SILENT", 0.0)
    server = mounted.runner.server
    assert server is not None
    async with await Line.to(mounted.url) as line:
        await until(lambda: [one for one in server.connections if isinstance(one, web.RequestHandler)])
        await line.write(shake())
        assert (await line.answer()).status == 101


@pytest.mark.parametrize("how", ["abort", "write_eof"])
async def test_who_goes_without_a_word_leaves_nothing(mounted: Mounted, how: str) -> None:
    server = mounted.runner.server
    assert server is not None
    async with await Line.to(mounted.url) as line:
        await until(lambda: server.connections)
        (line.writer.transport.abort if how == "abort" else line.writer.write_eof)()
        await until(lambda: not server.connections)


async def test_a_server_s_end_lets_silent_connections_go(mount: Mount) -> None:
    mounted = await mount()
    assert mounted.runner.server is not None
    async with await Line.to(mounted.url) as line:
        await until(lambda: mounted.runner.server.connections)
        mounted.listener.close()
        await mounted.runner.cleanup()
        await line.ends()
