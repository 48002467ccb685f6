"""WebSockets that end in unusual ways leave nothing, and nobody fills our memory by them."""

import asyncio
from typing import Any

import pytest

from app.engineio import websocket
from tests.engineio.test_frames import opened
from tests.support.mounted import Mounted, empty, watch
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
    await until(lambda: mounted.server.engine.websockets == 0)


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
    await until(lambda: mounted.server.engine.websockets == 0)


async def test_who_says_goodbye_without_reading_is_cut(mounted: Mounted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT_S", 0.1)
    watch(mounted)
    async with await Line.to(mounted.url) as line:
        await opened(line)
        transport: Any = line.writer.transport
        transport.pause_reading()
        session = next(iter(mounted.server.engine.sessions.values()))
        session.send("x" * 16_000_000)  # more than the kernel takes
        await line.write(bytes([0x88, 0x82, 0, 0, 0, 0]) + (1000).to_bytes(2))
        await until(lambda: session.transport.writer.socket is None)
    await empty(mounted)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_answers_to_pings_that_nobody_sent_are_not_kept(mounted: Mounted, transport: str) -> None:
    async with mounted.over(transport) as speech:
        await speech.send(*["3"] * 1_000)
        await speech.join()
        assert len(mounted.server.engine.heartbeats._pings) < 10


async def test_many_thousand_packets_in_one_post_stop_nobody_else(mounted: Mounted) -> None:
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("echo", lambda _sid, word: word)
    async with mounted.polls() as flood, mounted.socket() as other:
        await other.join()
        flooding = asyncio.create_task(flood.post("\x1e".join(["3"] * 1_000)))
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
        first = mounted.server.engine.sessions[one.sid].transport.writer

        class Broken(list[bytes]):
            def clear(self) -> None:
                first._out = []
                raise MemoryError

        first._out = Broken()
        await mounted.server.emit("news", 1)
        assert await other.event() == ["news", 1]
