"""Connections that ask too much at once, in the wrong order, or leave in the middle; on both loops."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.engineio import EngineServer, Session, Settings
from app.engineio.http import MAX_EARLY
from tests.engineio.conftest import Site
from tests.engineio.test_heartbeat import LOOPS
from tests.engineio.test_http import POLL, get, is_polling, opened, post
from tests.support.raw import UPGRADE, Line, head
from tests.support.talker import until

Play = Callable[[Callable[[Site], Awaitable[None]]], None]
LARGE = b"x" * 8_000_000  # more than any kernel takes for a peer that does not read


@pytest.fixture(params=LOOPS)
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Runs a scenario against a site of its own, on this loop; a callback that fails, fails the test."""
    failures: list[dict[str, Any]] = []

    def run(scenario: Callable[[Site], Awaitable[None]]) -> None:
        async def whole() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
            engine = EngineServer(Settings())
            engine.on_message = Session.send
            site = Site(engine)
            add_routes(site)
            await site.start()
            try:
                await scenario(site)
            finally:
                await site.stop()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(whole())

    yield run
    assert failures == []


def add_routes(site: Site) -> None:
    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=LARGE)

    async def streamed(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(int(request.query.get("pieces", "3"))):
                await response.write(b"piece" * 1000)
            if "fail" in request.query:
                raise RuntimeError("in the middle")
        finally:
            site.cancelled += 1
        return response

    async def file(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(__file__))

    site.app.router.add_get("/large", large)
    site.app.router.add_get("/streamed", streamed)
    site.app.router.add_get("/file", file)


async def chunks(line: Line) -> bytes:
    """The body of a chunked answer."""
    await line.reader.readuntil(b"\r\n\r\n")
    body = b""
    while size := int(await line.reader.readuntil(b"\r\n"), 16):
        body += await line.reader.readexactly(size)
        await line.reader.readexactly(2)
    await line.reader.readexactly(2)
    return body


# --- many at once ---


def test_thousands_of_pipelined_requests_are_all_answered(play: Play) -> None:
    async def scenario(site: Site) -> None:
        for path, status in ((f"{POLL}&sid=none", 400), ("/app", 200)):
            async with await site.line() as line:
                count = 3_000
                writing = asyncio.create_task(line.write(get(path) * count))
                for _ in range(count):
                    assert (await line.answer()).status == status
                await writing

    play(scenario)


def test_a_peer_that_pipelines_without_end_does_not_keep_the_others_waiting(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as flood, await site.line() as line:
            flood.writer.write(get(f"{POLL}&sid=none") * 20_000)
            while not flood.reader._buffer:  # type: ignore[attr-defined] # the flood has begun
                await asyncio.sleep(0)
            reading = asyncio.create_task(flood.reader.readexactly(5_000_000))
            for _ in range(20):
                await line.write(get("/app"))
                assert (await line.answer()).status == 200
            assert not reading.done()
            reading.cancel()

    play(scenario)


def test_a_peer_that_reads_no_answers_is_not_answered_without_end(play: Play) -> None:
    async def scenario(site: Site) -> None:
        for request in (get(f"{POLL}&sid={'n' * 20}"), get("/app")):
            async with await site.line() as line:
                line.writer.transport.pause_reading()  # type: ignore[attr-defined]
                await until(lambda: len(site.listener.connections) == 1)
                (connection,) = site.listener.connections
                for one, side in ((line.writer, socket.SO_RCVBUF), (connection.transport, socket.SO_SNDBUF)):
                    one.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, side, 4_096)
                line.writer.write(request * 20_000)
                await until(lambda: [one._state.value for one in site.listener.connections] == ["draining"])
                assert connection.transport.get_write_buffer_size() < 1_000_000
                assert connection.reader.early < 10 * MAX_EARLY
            await until(lambda: not site.listener.connections)

    play(scenario)


def test_none_is_left_when_the_application_has_ended(play: Play) -> None:
    """Of peers that are slow to ask, or take no answer: each would be closed twice, once it is forgotten."""

    async def scenario(site: Site) -> None:
        async with await site.line() as slow, await site.line() as stalled:
            await slow.write(b"POST /engine.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: a\r\nContent-Le")
            stalled.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await stalled.write(get("/large"))
            await until(lambda: any(one.reader.is_in_head for one in site.listener.connections))
            await until(lambda: any(one.transport.get_write_buffer_size() for one in site.listener.connections))
            site.listener.close()
            await site.runner.cleanup()
            await until(lambda: not site.listener.connections)

    play(scenario)


def test_thousands_of_wishes_for_another_protocol_are_passed_over(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            writing = asyncio.create_task(line.write(get("/app", Connection="Upgrade", Upgrade="h2c") * 3_000))
            for _ in range(3_000):
                assert (await line.answer()).body == b"app:"
            await writing

    play(scenario)


def test_heads_behind_a_poll_that_waits_take_little_memory(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            await line.write(get(await opened(line)))
            (session,) = site.engine.sessions.values()
            await until(lambda: is_polling(session))
            line.writer.write(get("/app", X="x" * 15_000) * 1_000)
            (connection,) = site.listener.connections
            await until(lambda: connection.reader.early > MAX_EARLY)
            async with await site.line() as other:
                for _ in range(20):
                    await other.ask("GET", "/app")
            assert connection.reader.early < 1_000_000

    play(scenario)


# --- the order of bytes ---


def test_an_answer_of_the_engine_does_not_overtake_a_large_one_of_aiohttp(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            await line.write(get("/large") + get(f"{POLL}&sid=none") + get("/large") + get("/app"))
            assert (await line.answer()).body == LARGE
            assert (await line.answer()).status == 400
            assert (await line.answer()).body == LARGE
            assert (await line.answer()).body == b"app:"

    play(scenario)


def test_a_head_that_is_cut_behind_a_large_body_is_not_too_large(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            body, second = b"4" + b"x" * 60_000, get("/app", X="x" * 8_000)
            for path in (await opened(line), "/app"):
                line.writer.write(post(path, body) + second[:4_000])
                assert (await line.answer()).status == 200
                await line.write(second[4_000:])
                assert (await line.answer()).body == b"app:"

    play(scenario)


def test_a_post_that_asks_for_another_protocol_keeps_its_body(play: Play) -> None:
    """Some proxies put `Upgrade: websocket` on every request."""

    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            poll = await opened(line)
            wish = {"Connection": "Upgrade", "Upgrade": "websocket"}
            await line.write(post(poll, b"4a", **wish) + get(poll, **wish))
            assert [(await line.answer()).body for _ in range(2)] == [b"ok", b"4a"]
            chunked = head("POST", "/app", wish | {"Transfer-Encoding": "chunked"})
            await line.write(chunked + b"3\r\nabc\r\n0\r\n\r\n" + get("/app"))
            assert [(await line.answer()).body for _ in range(2)] == [b"app:abc", b"app:"]

    play(scenario)


def test_what_follows_a_refused_websocket_is_answered(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            wish = UPGRADE | {"Sec-WebSocket-Version": "1"}
            await line.write(get("/engine.io/?EIO=4&transport=websocket", **wish) + get("/app") * 3)
            assert [(await line.answer()).status for _ in range(4)] == [400, 200, 200, 200]

    play(scenario)


def test_frames_right_behind_a_handshake_are_read_whoever_serves_it(play: Play) -> None:
    frame = b"\x81\xfe" + (60_000).to_bytes(2) + b"\0\0\0\0" + b"4" * 60_000

    async def scenario(site: Site) -> None:
        for path, first in (("/ws", b""), ("/engine.io/?EIO=4&transport=websocket", b"0{")):
            async with await site.line() as line:
                writing = asyncio.create_task(line.write(get(path, **UPGRADE) + frame * 4))
                await line.reader.readuntil(b"\r\n\r\n")
                if first:
                    assert first in await line.reader.readuntil(b"}")
                async with asyncio.timeout(20):
                    for _ in range(4):
                        await line.reader.readexactly(4 + 60_000)
                await writing

    play(scenario)


# --- what aiohttp answers ---


def test_streamed_answers_and_files_arrive_and_the_connection_goes_on(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            for _ in range(2):
                await line.write(get("/streamed"))
                assert await chunks(line) == b"piece" * 3_000
                await line.write(get("/file"))
                assert (await line.answer()).body == Path(__file__).read_bytes()
                await line.write(get("/file", Range="bytes=0-9"))
                assert (await line.answer()).body == Path(__file__).read_bytes()[:10]
                await line.write(head("HEAD", "/file", {}) + get("/app"))
                await line.reader.readuntil(b"\r\n\r\n")
                assert (await line.answer()).body == b"app:"

    play(scenario)


def test_a_handler_that_fails_in_the_middle_of_its_answer_ends_the_connection(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            await line.write(get("/streamed?fail=1") + get("/app"))
            async with asyncio.timeout(20):
                assert b"app:" not in await line.reader.read()
        await until(lambda: not site.listener.connections)

    play(scenario)


def test_a_streamed_answer_ends_when_its_client_goes(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            await line.write(get("/streamed?pieces=1000000"))
            await line.reader.readuntil(b"\r\n\r\n")
        await until(lambda: site.cancelled == 1)
        await until(lambda: not site.listener.connections and not site.runner.server.connections)  # type: ignore[union-attr]

    play(scenario)


def test_a_body_with_a_broken_chunk_is_answered_and_the_connection_closed(play: Play) -> None:
    async def scenario(site: Site) -> None:
        for path in (POLL, "/app"):
            async with await site.line() as line:
                await line.write(head("POST", path, {"Transfer-Encoding": "chunked"}), b"3\r\nabc\r\n", b"zz\r\n")
                assert (await line.answer()).status == 400
                await line.ends()
        await until(lambda: not site.listener.connections)

    play(scenario)


# --- leaving ---


def half_close(line: Line, words: bytes) -> None:
    """Send this and the end of it in one go."""
    line.writer.write(words)
    line.writer.write_eof()


def test_a_client_that_closes_its_half_is_answered(play: Play) -> None:
    async def scenario(site: Site) -> None:
        for words, count in ((get(POLL), 1), (get("/app"), 1), (get("/app") * 3 + get(POLL) * 40, 43)):
            async with await site.line() as line:
                half_close(line, words)
                assert {(await line.answer()).status for _ in range(count)} == {200}
                await line.ends()

    play(scenario)


def test_a_client_that_closes_its_half_while_its_poll_waits_has_left(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            half_close(line, get(await opened(line)))
            await line.ends()
            await until(lambda: not site.engine.sessions)

    play(scenario)


def test_a_refusal_arrives_though_its_client_goes_on_sending(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            poll = await opened(line)
            writing = asyncio.create_task(line.write(post(poll, b"4" + b"x" * 5_000_000)))
            assert (await line.answer()).status == 413
            with contextlib.suppress(ConnectionError):
                await writing
        await until(lambda: not site.listener.connections)

    play(scenario)


def test_an_answer_to_a_poll_that_is_leaving_counts_as_lost(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            await line.write(get(await opened(line)))
            (session,) = site.engine.sessions.values()
            await until(lambda: is_polling(session))
            (connection,) = site.listener.connections
            connection.transport.close()  # as when its end has been read in this tick
            session.send("news")
            await until(lambda: not site.engine.sessions)

    play(scenario)


def test_polls_that_end_early_leave_no_timers(play: Play) -> None:
    async def scenario(site: Site) -> None:
        async with await site.line() as line:
            poll = await opened(line)
            (session,) = site.engine.sessions.values()
            await line.write(get(f"{poll}&hold=999999"))
            await until(lambda: is_polling(session))
            timer = session.transport._timer  # type: ignore[attr-defined]
            session.send("news")
            assert (await line.answer()).body == b"4news"
            assert timer.cancelled()

    play(scenario)


# --- mounted, with a site of aiohttp's ---


async def mounted_site(site: Site) -> tuple[str, web.TCPSite]:
    one = web.TCPSite(site.runner, "127.0.0.1", 0)
    await one.start()
    return f"http://127.0.0.1:{one._server.sockets[0].getsockname()[1]}", one  # type: ignore[union-attr]


def test_a_poll_that_came_by_aiohttp_waits_longer_than_a_head_may_take(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(site: Site) -> None:
        url, one = await mounted_site(site)
        async with await Line.to(url) as line:
            poll = await opened(line)
            (session,) = site.engine.sessions.values()
            await line.write(get(poll))
            await until(lambda: is_polling(session))
        async with await Line.to(url) as line:
            await line.write(get(POLL))
            sid = re.search(rb'"sid":"([^"]+)"', (await line.answer()).body)
            assert sid
        async with await Line.to(url) as line:
            await line.write(get(f"{POLL}&sid={sid[1].decode()}"))
            session = site.engine.sessions[sid[1].decode()]
            await until(lambda: is_polling(session))
            fronts = [front for front in vars_of(site) if front.connections]
            assert all(len(front.heads) == 0 for front in fronts)
            session.send("news")
            assert (await line.answer()).body == b"4news"
        await one.stop()

    play(scenario)


def vars_of(site: Site) -> list[Any]:
    from app.engineio.mount import FRONT

    return site.app[FRONT]


def test_requests_pipelined_behind_a_poll_that_came_by_aiohttp_do_not_hang(play: Play) -> None:
    async def scenario(site: Site) -> None:
        url, one = await mounted_site(site)
        async with await Line.to(url) as line:
            await line.write(get(POLL) + get("/app"))
            assert (await line.answer()).headers["connection"] == "close"
            await line.ends()
        await one.stop()

    play(scenario)
