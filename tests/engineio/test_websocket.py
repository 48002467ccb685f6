"""WebSockets from the start: limits, binary frames, heartbeat, and the clock that it is measured by."""

import time
from typing import Any

import aiohttp.web
import pytest

from app.engineio import EngineServer, Session, Settings, attach, heartbeat
from tests.support.mounted import Mount, Mounted, on_both, on_both_transports
from tests.support.raw import Gone, Polls, Socket
from tests.support.talker import until


async def test_a_message_over_the_limit_is_closed_with_1009(mount: Mount) -> None:
    mounted = await mount(max_payload=5_000)
    async with mounted.socket() as socket:
        await socket.send("4" + "x" * 5_000)
        with pytest.raises(Gone):
            await socket.hears()
        assert socket.ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await until(lambda: mounted.left() == {})


async def test_a_message_in_fragments_over_the_limit_is_closed_with_1009(mount: Mount) -> None:
    mounted = await mount(max_payload=5_000)
    async with mounted.socket() as socket:
        assert socket.ws._writer is not None
        for _ in range(3):
            frame = bytes([0x01 if _ == 0 else 0x00, 0x80 | 126]) + (2_000).to_bytes(2, "big") + bytes(4) + b"4" * 2_000
            socket.ws._writer.transport.write(frame)
        with pytest.raises(Gone):
            await socket.hears()
        assert socket.ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_message_at_the_limit_is_taken(mount: Mount) -> None:
    mounted = await mount(max_payload=5_000)
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("say", lambda _sid, text: len(text))
    async with mounted.socket() as socket:
        await socket.join()
        text = "x" * (4_999 - len('421["say",""]'))
        assert await socket.ask(f'421["say","{text}"]') == [len(text)]


async def test_bytes_come_back_as_bytes(mounted: Mounted) -> None:
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("say", lambda _sid, *values: values)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send('452-1["say",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]', b"a", b"\xff")
        assert await socket.hears() == '462-1[{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]'
        assert [await socket.packet(), await socket.packet()] == [b"\xff", b"a"]


async def test_a_silent_websocket_times_out(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.05, ping_timeout=0.05)
    async with mounted.socket() as socket:
        assert await socket.packet() == "2"
        with pytest.raises(Gone):
            await socket.packet()
        assert mounted.left() == {}


async def test_a_websocket_lives_on_pongs(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.03, ping_timeout=0.5)
    async with mounted.socket() as socket:
        for _ in range(20):
            assert await socket.packet() == "2"
            await socket.send("3")


@on_both
@on_both_transports
async def test_a_jump_of_the_wall_clock_disconnects_nobody(
    mount: Mount, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody sets the time, or the machine wakes up: between a ping and its pong an hour goes by on the wall."""
    mounted = await mount(ping_interval=0.05, ping_timeout=5)
    mounted.server.on("connect", lambda *_: None)
    async with mounted.over(transport) as speech:
        sid = await speech.join()
        assert await speech.packet() == "2"
        monkeypatch.setattr(time, "time", lambda true=time.time: true() + 3_600)
        await mounted.server.emit("news", to=sid)
        assert await speech.event() == ["news"]


@on_both_transports
async def test_a_process_that_stood_still_first_reads_what_came_meanwhile(
    mount: Mount, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP, a suspended machine: when it goes on, the answer to the ping is late through no fault of the peer's."""
    monkeypatch.setattr(heartbeat, "LATE_S", 0.1)
    mounted = await mount(ping_interval=0.05, ping_timeout=0.3)
    async with mounted.over(transport) as speech:
        await speech.join()
        assert await speech.packet() == "2"
        time.sleep(0.6)
        await speech.send("3")
        assert await speech.packet() == "2", "the next one, in the same session"


async def test_the_number_of_open_websockets_is_known(mounted: Mounted) -> None:
    engine = mounted.server.engine
    async with mounted.socket() as one:
        async with mounted.socket(), mounted.polls() as polls, mounted.socket(of=polls):
            await until(lambda: engine.websockets == 3)
        one.cut()
        await until(lambda: engine.websockets == 0)


async def test_the_engine_alone_brings_messages_back_byte_for_byte() -> None:
    """Plain Engine.IO, without Socket.IO on top."""
    engine = EngineServer(Settings(ping_interval=0.3, ping_timeout=0.2))
    told: list[Any] = []
    engine.on_open = lambda session, request: told.append((session.sid, request.method))
    engine.on_message = Session.send
    engine.on_close = lambda session, reason: told.append((session.sid, str(reason)))
    app = aiohttp.web.Application()
    attach(engine, app, "socket.io")
    runner = aiohttp.web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as http:
        async with Socket(http, url) as socket:
            for packet in ("4hello", "4", "4123", '4{"a": 1}', "4[1,  2]", "4null", "4ü\u2028", b"\x00\x01", b""):
                await socket.send(packet)
                assert await socket.packet() == packet
        await until(lambda: len(told) == 2)
        async with Polls(http, url) as polls:
            await polls.send("4hello", b"\x01\x02\x03\x04", "4123")
            assert (await polls.poll())[1] == "4hello\x1ebAQIDBA==\x1e4123"
            await polls.send("1")
        await until(lambda: len(told) == 4)
        sids = (socket.sid, socket.sid, polls.sid, polls.sid)
        reasons = ("GET", "transport close", "GET", "going away")
        assert told == list(zip(sids, reasons, strict=True))
    await runner.cleanup()
