"""The wire: sockets taken over from aiohttp, what they leave behind, and who may not use them to fill our memory."""

import asyncio
from typing import Any

import pytest

from app.live.engine import base, wire
from tests.live.test_frames import opened
from tests.support.mounted import Mount, Mounted, empty, watch
from tests.support.raw import Line
from tests.support.talker import until


async def test_who_upgrades_and_goes_at_once_is_counted_once(mounted: Mounted) -> None:
    """The close may be read before the last poll has left."""
    watch(mounted)
    for _ in range(30):
        async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
            poll = asyncio.create_task(polls.poll())
            await socket.send("2probe")
            assert await socket.packet() == "3probe"
            await socket.send("5")
            await socket.ws.close()
            await poll
    await empty(mounted)
    await until(lambda: mounted.server.eio.websockets == 0)


async def test_a_poll_that_breaks_off_while_its_upgrade_ends_leaves_nothing(mounted: Mounted) -> None:
    watch(mounted)
    for _ in range(20):
        async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
            poll = asyncio.create_task(polls.poll())
            await socket.send("2probe")
            assert await socket.packet() == "3probe"
            poll.cancel()
            await socket.send("5")
    await empty(mounted)
    await until(lambda: mounted.server.eio.websockets == 0)


async def test_who_says_goodbye_without_reading_is_cut(mounted: Mounted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CLOSE_TIMEOUT", 0.1)
    watch(mounted)
    async with await Line.to(mounted.url) as line:
        await opened(line)
        transport: Any = line.writer.transport
        transport.pause_reading()
        session = next(iter(mounted.server.eio.sockets.values()))
        await mounted.server.eio.send(session.sid, "x" * 16_000_000)  # more than the kernel takes
        taken = session.wire
        await line.write(bytes([0x88, 0x82, 0, 0, 0, 0]) + (1000).to_bytes(2))
        await until(lambda: taken._lost)
    await empty(mounted)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_answers_to_pings_that_nobody_sent_are_not_kept(mounted: Mounted, transport: str) -> None:
    async with mounted.over(transport) as speech:
        await speech.send(*["3"] * 2_000)
        await speech.join()
        assert len(mounted.server.eio.heart._pings) < 10


async def test_many_thousand_packets_in_one_post_stop_nobody_else(mounted: Mounted) -> None:
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("echo", lambda _sid, word: word)
    async with mounted.polls() as flood, mounted.socket() as other:
        await other.join()
        flooding = asyncio.create_task(flood.post("\x1e".join(["3"] * 50_000)))
        answered = 0
        while not flooding.done():
            assert await other.ask('421["echo","x"]') == ["x"]
            answered += 1
        await flooding
        assert answered > 3


async def test_one_socket_that_cannot_be_written_to_does_not_silence_the_others(mounted: Mounted) -> None:
    watch(mounted)
    async with mounted.socket() as one, mounted.socket() as other:
        await one.join()
        await other.join()
        first = mounted.server.eio.sockets[one.sid].wire

        class Broken(list[bytes]):
            def clear(self) -> None:
                first._out = []
                raise MemoryError

        first._out = Broken()
        await mounted.server.emit("news", 1)
        assert await other.event() == ["news", 1]


async def test_without_what_aiohttp_hands_over_the_library_s_own_way_is_taken(
    mount: Mount, caplog: pytest.LogCaptureFixture
) -> None:
    from aiohttp.web_protocol import RequestHandler

    assert base.may_take_over() is True
    assert base.may_take_over({RequestHandler: ("of_another_release",)}) is False
    assert "of_another_release" in caplog.text
    mounted = await mount()
    mounted.server.eio.takes_over = False
    watch(mounted)
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        sid = await polls.join()
        await socket.send("2probe")
        assert await socket.packet() == "3probe"
        await socket.send("5")
        await until(lambda: mounted.server.eio.sockets[polls.sid].upgraded)
        await mounted.server.emit("news", 1, to=sid)
        assert await socket.event() == ["news", 1]
    await empty(mounted)
