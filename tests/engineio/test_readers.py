"""Who does not read is dropped at its byte limit, transport and all; nobody else waits, and memory is bounded."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.engineio import websocket
from tests.support.mounted import Mount, Mounted, on_both
from tests.support.raw import UPGRADE, Line, head
from tests.support.talker import until

MEGABYTE = 1_000_000
PONG = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"3"  # a masked text frame
CONNECT = bytes([0x81, 0x82, 0, 0, 0, 0]) + b"40"


@contextlib.asynccontextmanager
async def never_reading(mounted: Mounted) -> AsyncIterator[Line]:
    """A WebSocket whose peer answers every ping without ever reading one."""
    line = await Line.to(mounted.url, limit=1)
    line.writer.write(head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE) + CONNECT)
    transport: Any = line.writer.transport
    transport.pause_reading()

    async def pong() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await line.write(PONG)
                await asyncio.sleep(0.05)

    ponging = asyncio.create_task(pong())
    async with line:
        await until(lambda: list(mounted.server.manager.get_participants("/", None)))
        yield line
    ponging.cancel()


async def shout(mounted: Mounted, megabytes: int) -> None:
    """News to everybody, no two the same, as fast as they are taken."""
    for n in range(megabytes * 10):
        await mounted.server.emit("news", f"{n:0100000}")
        await asyncio.sleep(0)


@on_both
async def test_a_websocket_that_is_never_read_is_dropped(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.1, ping_timeout=0.3)
    reasons: list[str] = []
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("disconnect", lambda _sid, reason: reasons.append(reason))
    async with never_reading(mounted):
        tracemalloc.start()
        try:
            await shout(mounted, 40)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 5 * MEGABYTE
        await until(lambda: mounted.left() == {})
        await until(lambda: not open_connections(mounted))
    assert reasons == ["transport error"]


async def test_a_poller_that_never_polls_is_dropped(mounted: Mounted) -> None:
    mounted.server.on("connect", lambda *_: None)
    async with mounted.polls() as polls:
        await polls.join()
        tracemalloc.start()
        try:
            await shout(mounted, 40)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 5 * MEGABYTE
        assert mounted.left() == {}
        assert (await polls.poll())[0] == 400


async def test_a_poll_whose_answer_is_never_read_is_cut(mount: Mount) -> None:
    """The answer is larger than what the kernel takes: its connection would stay open for ever."""
    mounted = await mount(outbox_limit=100 * MEGABYTE, ping_interval=0.1, ping_timeout=0.1)
    mounted.server.on("connect", lambda *_: None)
    async with mounted.polls() as polls, await Line.to(mounted.url, limit=1) as line:
        sid = await polls.join()
        await mounted.server.emit("news", "x" * 20 * MEGABYTE, to=sid)
        await line.write(head("GET", polls.address.removeprefix(polls.url), {}))
        transport: Any = line.writer.transport
        transport.pause_reading()
        await until(lambda: mounted.left() == {})
        await until(lambda: len(open_connections(mounted)) <= 1)


async def test_who_reads_hears_everything_beside_one_who_does_not(mounted: Mounted) -> None:
    mounted.server.on("connect", lambda *_: None)
    async with mounted.socket() as reader, never_reading(mounted):
        await reader.join()
        shouting = asyncio.create_task(shout(mounted, 20))
        news = await reader.events(200)
        await shouting
    assert [int(value[-9:]) for _, value in news] == list(range(200))


async def test_a_peer_that_does_not_answer_the_close_is_cut(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT_S", 0.05)
    mounted = await mount(ping_interval=0.05, ping_timeout=0.05)
    mounted.server.on("connect", lambda *_: None)
    async with await Line.to(mounted.url) as line:
        await line.write(head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE) + CONNECT)
        await until(lambda: mounted.server.engine.sessions)
        await line.ends()
        await until(lambda: mounted.left() == {} and not open_connections(mounted))


@pytest.mark.parametrize("limit", [1_000, 100_000])
async def test_the_limit_is_the_operators(mount: Mount, limit: int) -> None:
    mounted = await mount(outbox_limit=limit)
    mounted.server.on("connect", lambda *_: None)
    async with mounted.polls() as polls:
        await polls.join()
        packet = "x" * (limit // 10 - 1)
        for _ in range(10):
            mounted.server.engine.sessions[polls.sid].send(packet)
        assert mounted.server.engine.sessions
        mounted.server.engine.sessions[polls.sid].send("x")
        assert not mounted.server.engine.sessions


def open_connections(mounted: Mounted) -> list[Any]:
    assert mounted.runner.server is not None
    return list(mounted.runner.server.connections) if mounted.stock else mounted.listener.connections
