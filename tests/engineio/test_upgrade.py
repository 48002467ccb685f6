"""From polling to a WebSocket: until the very last step polls bring everything, after it nothing comes twice."""

import asyncio
from typing import Any

import pytest

from app.engineio import session, transports
from tests.support.mounted import Mount, Mounted, on_both
from tests.support.raw import Gone, Line, Polls, Socket, head
from tests.support.talker import until


def let_in(mounted: Mounted) -> None:
    mounted.server.on("connect", lambda *_: None)


async def probe(socket: Socket) -> None:
    await socket.send("2probe")
    assert await socket.packet() == "3probe"


async def upgraded(polls: Polls) -> Socket:
    socket = Socket(polls.http, polls.url, polls)
    await socket.open()
    await probe(socket)
    await socket.send("5")
    return socket


@on_both
async def test_a_websocket_that_says_nothing_withholds_nothing(mount: Mount) -> None:
    """A proxy that answers 101 and then drops frames. The stock server holds messages back, and answers every poll at
    once with a NOOP, hundreds of times a second."""
    mounted = await mount()
    let_in(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        async with mounted.socket(of=polls):
            before = len(mounted.asked)
            hearing = asyncio.create_task(polls.event())
            await until(lambda: len(mounted.asked) > before)
            await mounted.server.emit("news", 1, to=sid)
            assert await hearing == ["news", 1]
            await mounted.server.emit("news", 2, to=sid)
            assert await polls.event() == ["news", 2]
            assert len(mounted.asked) - before == 2, "each poll waited for its news"


async def test_polls_do_not_spin_during_an_upgrade(mounted: Mounted) -> None:
    """After the probe a poll may be answered early, for the client has to pause; but not at once, again and again."""
    let_in(mounted)
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        sid = await polls.join()
        await probe(socket)
        before, loop = len(mounted.asked), asyncio.get_running_loop()
        began = loop.time()
        loop.call_later(0.4, lambda: loop.create_task(mounted.server.emit("news", to=sid)))
        assert await polls.event() == ["news"]
        assert len(mounted.asked) - before <= 2 + (loop.time() - began) / transports.UPGRADE_POLL_S


@on_both
async def test_an_upgrade_that_never_ends_is_given_up(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "UPGRADE_TIMEOUT_S", 0.04)
    mounted = await mount()
    let_in(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        async with mounted.socket(of=polls) as silent:
            await silent.is_let_go()
        async with mounted.socket(of=polls) as half:
            await probe(half)
            await half.is_let_go()
        await mounted.server.emit("news", to=sid)
        assert await polls.event() == ["news"]
        async with mounted.socket(of=polls) as third:
            await probe(third)
            await third.send("5", '42["hello"]')
            await mounted.server.emit("news", 3, to=sid)
            assert await third.event() == ["news", 3]


async def test_what_is_sent_during_an_upgrade_comes_once_and_in_order(mounted: Mounted) -> None:
    let_in(mounted)
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        sid = await polls.join()
        heard: list[Any] = []
        told = iter(range(300))

        async def tell(count: int) -> None:
            for _ in range(count):
                await mounted.server.emit("news", next(told), to=sid)

        async def poll() -> None:
            while polls.come or not paused.is_set():
                heard.append(await polls.event())

        paused = asyncio.Event()
        await tell(40)
        polling = asyncio.create_task(poll())
        await until(lambda: heard)
        await tell(40)
        await probe(socket)
        await tell(40)
        await until(lambda: len(heard) > 80)  # polls go on bringing what is told after the probe
        paused.set()  # the client pauses: it waits for its last poll, as the protocol has it
        await tell(40)
        await polling
        await tell(40)
        await socket.send("5")
        await tell(100)
        heard += await socket.events(300 - len(heard))
    assert heard == [["news", n] for n in range(300)]


async def test_a_poll_left_waiting_is_let_go_by_the_upgrade(mounted: Mounted) -> None:
    """A client that does not pause: its poll ends, and what comes from then on comes by the WebSocket alone."""
    let_in(mounted)
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        sid = await polls.join()
        await probe(socket)
        last = asyncio.create_task(polls.poll())
        await until(lambda: mounted.asked.count("GET polling") == 3)
        await socket.send("5")
        assert await last == (200, "6")
        assert (await polls.poll())[0] == 400
        await mounted.server.emit("news", to=sid)
        assert await socket.event() == ["news"]


@on_both
async def test_nothing_stray_follows_an_upgrade(mount: Mount) -> None:
    """The stock server leaves the NOOP for a poll that was not there, and the WebSocket brings it."""
    mounted = await mount()
    let_in(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        socket = await upgraded(polls)
        await socket.send('42["hello"]')
        await mounted.server.emit("news", to=sid)
        assert await socket.packet() == '42["news"]'


@on_both
async def test_a_second_websocket_is_closed_and_the_session_lives(mount: Mount) -> None:
    mounted = await mount()
    let_in(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        socket = await upgraded(polls)
        async with mounted.socket(of=polls) as second:
            await second.is_let_go()
        await mounted.server.emit("news", to=sid)
        assert await socket.hears() == '42["news"]'


async def test_a_second_upgrade_beside_the_first_is_closed(mounted: Mounted) -> None:
    async with mounted.polls() as polls, mounted.socket(of=polls) as first, mounted.socket(of=polls) as second:
        await probe(first)
        await second.send("2probe")
        await second.is_let_go()
        await first.send("5")
        mounted.server.engine.sessions[polls.sid].send("still here")
        assert await first.hears() == "4still here"


@pytest.mark.parametrize("words", [["2"], ["3probe"], [b"2probe"], ["2probe", "2"], ["2probe", b"5"], ["40"]])
async def test_an_upgrade_that_says_something_else_is_closed(mounted: Mounted, words: list[Any]) -> None:
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        await socket.send(*words)
        await socket.is_let_go()
        mounted.server.engine.sessions[polls.sid].send("still here")
        assert await polls.hears() == "4still here"


async def test_an_upgrade_that_breaks_off_leaves_the_polls_alone(mounted: Mounted) -> None:
    let_in(mounted)
    async with mounted.polls() as polls:
        async with mounted.socket(of=polls) as socket:
            await probe(socket)
            socket.cut()
        await until(lambda: mounted.server.engine.websockets == 0)
        assert await polls.join()


async def test_a_refused_upgrade_that_nobody_reads_leaves_the_polls_alone(mounted: Mounted) -> None:
    """Behind a proxy that strips the upgrade, a client tries, hangs up, and chats on by polling."""
    let_in(mounted)
    async with mounted.polls() as polls:
        for _ in range(20):
            async with await Line.to(mounted.url) as line:
                await line.write(head("GET", f"/socket.io/?EIO=4&transport=websocket&sid={polls.sid}", {}))
        await until(lambda: mounted.asked.count("GET websocket") > 0)
        assert await polls.join()


async def test_a_session_that_ends_during_its_upgrade_takes_the_websocket_along(mounted: Mounted) -> None:
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        await probe(socket)
        await polls.send("1")
        await socket.send("5")
        await socket.is_let_go()
        await until(lambda: mounted.left() == {})


async def test_the_heart_beats_on_after_an_upgrade(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.05, ping_timeout=0.5)
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        await probe(socket)
        await socket.send("5")
        for _ in range(12):
            assert await socket.packet() == "2"
            await socket.send("3")
        await until(lambda: mounted.left() == {})
        with pytest.raises(Gone):
            await socket.hears()


async def test_an_upgraded_session_writes_to_its_websocket_not_to_the_first_poll_s_connection(mounted: Mounted) -> None:
    """The library keeps the first poll's request; a frame written to its transport would corrupt HTTP."""
    async with mounted.polls() as polls, mounted.socket(of=polls) as socket:
        await probe(socket)
        await socket.send("5", "3")
        here = mounted.server.engine.sessions[polls.sid]
        writer = await until(lambda: here.transport.writer)
        assert socket.ws._response.connection is not None
        ours = socket.ws._response.connection.transport.get_extra_info("sockname")
        assert writer.transport.get_extra_info("peername") == ours
