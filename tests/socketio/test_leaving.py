"""Going: once, with the reason, to the last word; who is sent away is really gone, and nothing is left behind."""

import asyncio
from typing import Any

import pytest

from app.engineio import Reason
from tests.support.mounted import Mount, Mounted, empty, on_both, on_both_transports, watch
from tests.support.raw import Gone, Speech
from tests.support.talker import until


@on_both
@on_both_transports
async def test_a_kick_closes_the_transport(mount: Mount, transport: str) -> None:
    mounted = await mount()
    reasons = watch(mounted)
    async with mounted.over(transport) as speech:
        sid = await speech.join()
        await mounted.server.disconnect(sid)
        assert await speech.hears() == "41"
        await speech.is_let_go()
        await empty(mounted)
    assert reasons == ["server disconnect"]


@on_both_transports
async def test_who_was_told_much_before_a_kick_hears_it_all(mounted: Mounted, transport: str) -> None:
    watch(mounted)
    async with mounted.over(transport) as speech:
        sid = await speech.join()
        for n in range(40):
            await mounted.server.emit("news", n, to=sid)
        await mounted.server.disconnect(sid)
        assert await speech.events(40) == [["news", n] for n in range(40)]
        assert await speech.hears() == "41"
        await speech.is_let_go()


async def test_the_goodbye_to_a_poll_that_never_comes_is_not_kept(
    mounted: Mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounted.server.engine._lingering._deadlines, "_seconds", 0.05)
    watch(mounted)
    async with mounted.polls() as polls:
        await mounted.server.disconnect(await polls.join())
        assert mounted.server.engine._lingering
        await until(lambda: not mounted.server.engine._lingering)


@on_both_transports
async def test_an_application_that_ends_lets_everybody_go(mounted: Mounted, transport: str) -> None:
    reasons = watch(mounted)
    async with mounted.over(transport) as speech:
        await speech.join()
        await mounted.runner.cleanup()
        assert not mounted.server.engine.sessions
        await until(lambda: reasons == ["server disconnect"])


async def leave_by_packet(speech: Speech) -> None:
    await speech.send("1")


async def leave_namespace(speech: Speech) -> None:
    await speech.send("41")


async def cut(speech: Any) -> None:
    speech.cut()


async def speak_nonsense(speech: Speech) -> None:
    await speech.send("x")


async def fall_silent(_speech: Speech) -> None:
    pass


async def hang_up(speech: Speech) -> None:
    await speech.hang_up()


async def close_the_page(speech: Any) -> None:
    """As a browser does, whether the page is closed or loaded anew."""
    await speech.ws.close(code=1001)


@pytest.mark.parametrize(
    ("transport", "leave", "reason"),
    [
        ("websocket", close_the_page, Reason.GOING_AWAY),
        ("websocket", leave_by_packet, Reason.GOING_AWAY),
        ("websocket", leave_namespace, "client disconnect"),
        ("websocket", hang_up, "transport close"),
        ("websocket", cut, "transport close"),
        ("websocket", speak_nonsense, "transport error"),
        ("websocket", fall_silent, "ping timeout"),
        ("polling", leave_by_packet, Reason.GOING_AWAY),
        ("polling", leave_namespace, "client disconnect"),
        ("polling", speak_nonsense, "transport error"),
        ("polling", fall_silent, "ping timeout"),
    ],
)
async def test_the_disconnect_handler_runs_once_and_knows_why(
    mount: Mount, transport: str, leave: Any, reason: str
) -> None:
    mounted = await mount(ping_interval=0.1, ping_timeout=0.1)
    reasons = watch(mounted)
    async with mounted.over(transport) as speech:
        await speech.join()
        await leave(speech)
        await until(lambda: reasons)
        await empty(mounted)
    assert reasons == [reason]


async def test_a_disconnect_handler_that_breaks_leaves_nothing(mounted: Mounted) -> None:
    async def disconnect(*_: Any) -> None:
        raise RuntimeError("out of cheese")

    watch(mounted)
    mounted.server.on("disconnect", disconnect)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send("1")
        await empty(mounted)


async def test_everybody_is_let_go_at_the_end(mounted: Mounted) -> None:
    reasons = watch(mounted)
    async with mounted.socket() as socket, mounted.polls() as polls:
        for speech in (socket, polls):
            await speech.join()
        mounted.server.close_all()
        with pytest.raises(Gone):
            await polls.hears()
        with pytest.raises(Gone):
            await socket.hears()
        await empty(mounted)
    assert reasons == ["server disconnect"] * 2


@on_both_transports
async def test_an_old_connection_is_let_go_with_all_that_was_said(mount: Mount, transport: str) -> None:
    mounted = await mount(max_age=0.3)
    reasons = watch(mounted)
    async with mounted.over(transport) as speech:
        sid = await speech.join()
        await mounted.server.emit("news", 1, to=sid)
        assert await speech.event() == ["news", 1]
        await speech.is_let_go()
        await empty(mounted)
    assert reasons == ["transport close"]


async def test_of_many_that_came_at_once_no_two_are_let_go_at_once(mount: Mount) -> None:
    mounted = await mount(max_age=1000)
    async with mounted.socket(), mounted.socket(), mounted.socket():
        ends = {session._age_timer.when() for session in mounted.server.engine.sessions.values()}
        now = asyncio.get_running_loop().time()
    assert len(ends) == 3
    assert all(890 < end - now <= 1000 for end in ends)
