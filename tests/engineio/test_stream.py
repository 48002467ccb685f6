"""Server-sent events as a transport: one GET brings all packets of a session, POSTs take what the client says."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.mounted import Mount, Mounted, watch
from tests.support.raw import Gone, Line, head
from tests.support.talker import until

ALL = ("websocket", "polling", "sse")
BEGIN = "/socket.io/?EIO=4&transport=sse"


@pytest.fixture
async def streaming(mount: Mount) -> AsyncIterator[Mounted]:
    yield await mount(transports=ALL)


def echo(mounted: Mounted) -> None:
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("ask", lambda _sid, *values: values)


async def test_a_session_has_answers_order_and_bytes(streaming: Mounted) -> None:
    echo(streaming)
    async with streaming.stream() as stream:
        assert stream.response.headers["Content-Type"] == "text/event-stream; charset=UTF-8"
        assert "no-transform" in stream.response.headers["Cache-Control"]
        assert stream.handshake["upgrades"] == []
        await stream.join()
        for n in range(50):
            assert await stream.send(f'42{n}["ask",{n},"line\\nline\\r"]') == (200, "ok")
        for n in range(50):
            assert await stream.hears("43") == f'43{n}[{n},"line\\nline\\r"]'
        await stream.send('451-60["ask",{"_placeholder":true,"num":0}]', b"\x00\xff")
        assert await stream.hears("46") == '461-60[{"_placeholder":true,"num":0}]'
        assert await stream.packet() == "bAP8="
        assert streaming.server.engine.sessions_by_transport() == {"websocket": 0, "polling": 0, "sse": 1}


async def test_it_is_there_where_it_is_switched_on(mounted: Mounted, streaming: Mounted) -> None:
    async with await Line.to(mounted.url) as line:
        answer = await line.ask("GET", BEGIN)
        assert answer.status == 400 and "switched off" in json.loads(answer.body)["message"]
        assert mounted.server.engine.sessions_by_transport() == {"websocket": 0, "polling": 0}


@pytest.mark.parametrize(
    ("method", "query", "sentence"),
    [
        ("GET", "&sid={sid}", "A stream lasts as long as its session"),
        ("POST", "", "Bad handshake method"),
        ("POST", "&sid=nobody", "Session ID unknown"),
    ],
)
async def test_a_stream_is_never_without_its_own_session(
    streaming: Mounted, method: str, query: str, sentence: str
) -> None:
    echo(streaming)
    async with streaming.stream() as stream, await Line.to(streaming.url) as line:
        await stream.join()
        answer = await line.ask(method, BEGIN + query.format(sid=stream.sid), b"40" if method == "POST" else b"")
        assert answer.status == 400 and sentence in json.loads(answer.body)["message"]
        assert await stream.ask('421["ask",1]') == [1], "and that one goes on"


async def test_it_cannot_be_upgraded_nor_polled(streaming: Mounted) -> None:
    echo(streaming)
    async with streaming.stream() as stream, await Line.to(streaming.url) as line:
        await stream.join()
        polled = await line.ask("GET", f"/socket.io/?EIO=4&transport=polling&sid={stream.sid}")
        assert polled.status == 400
        socket = streaming.socket(of=stream)  # type: ignore[arg-type]
        async with socket:
            await socket.send("2probe")
            with pytest.raises(Gone):
                await socket.packet()
        assert await stream.ask('421["ask",1]') == [1]


async def test_heartbeats_go_through_it_and_whoever_answers_none_is_gone(mount: Mount) -> None:
    mounted = await mount(transports=ALL, ping_interval=0.1, ping_timeout=0.2)
    echo(mounted)
    reasons = watch(mounted)
    async with mounted.stream() as stream:
        await stream.join()
        for _ in range(3):
            assert await stream.packet() == "2"
            await stream.send("3")
        await until(lambda: reasons)
        with pytest.raises(Gone):
            while await stream.packet() in ("2", "1"):
                pass
    assert reasons == ["ping timeout"]


@pytest.mark.parametrize(("how", "reason"), [("cut", "transport close"), ("goodbye", "going away")])
async def test_the_end_of_the_stream_is_that_of_the_session(streaming: Mounted, how: str, reason: str) -> None:
    echo(streaming)
    reasons = watch(streaming)
    async with streaming.stream() as stream:
        await stream.join()
        if how == "cut":
            stream.response.close()
        else:
            await stream.send("1")
            assert await stream.packet() == "6"
            with pytest.raises(Gone):
                await stream.packet()
        await until(lambda: reasons)
    assert reasons == [reason]
    assert not streaming.server.engine.sessions


async def test_the_server_says_goodbye(streaming: Mounted) -> None:
    echo(streaming)
    async with streaming.stream() as stream:
        await stream.join()
        streaming.server.close_all()
        assert await stream.packet() == "1"
        with pytest.raises(Gone):
            await stream.packet()


async def test_a_reader_that_is_too_slow_is_dropped(mount: Mount) -> None:
    mounted = await mount(transports=ALL, outbox_limit=100_000)
    echo(mounted)
    reasons = watch(mounted)
    async with await Line.to(mounted.url, limit=1_000) as line, await Line.to(mounted.url) as posts:
        await line.write(head("GET", BEGIN, {}))
        sid = json.loads((await line.reader.readuntil(b"}\n\n")).partition(b"data: 0")[2])["sid"]
        await posts.ask("POST", f"{BEGIN}&sid={sid}", b"40")
        told: Any = {"text": "x" * 50_000}
        while not reasons:
            await mounted.server.emit("told", told)
            await posts.ask("POST", f"{BEGIN}&sid={sid}", b"2")
    assert reasons == ["transport error"]
