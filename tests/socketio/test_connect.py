"""Coming in: nobody is half there, and who is not let in leaves nothing behind."""

import asyncio
from typing import Any

import pytest
from socketio.exceptions import ConnectionRefusedError

from app.socketio import server
from tests.support.mounted import Mount, Mounted, empty, on_both, on_both_transports, watch
from tests.support.talker import until


@on_both
@on_both_transports
async def test_a_connect_handler_that_breaks_closes_the_session(mount: Mount, transport: str) -> None:
    """So that the client comes back by itself; the stock server says nothing and keeps the sid in its rooms."""
    mounted = await mount()

    async def connect(*_: Any) -> None:
        raise RuntimeError("out of cheese")

    reasons = watch(mounted, connect)
    async with mounted.over(transport) as speech:
        await speech.send("40")
        await speech.is_let_go()
        await empty(mounted)
    assert reasons == [], "who never came in does not leave"


@on_both_transports
@pytest.mark.parametrize("how", [False, ConnectionRefusedError("Full house", {"error": "full"})])
async def test_who_is_refused_is_told_why_and_leaves_nothing(mounted: Mounted, transport: str, how: Any) -> None:
    async def connect(*_: Any) -> Any:
        if how is False:
            return False
        raise how

    reasons = watch(mounted, connect)
    async with mounted.over(transport) as speech:
        await speech.send("40")
        told = '{"message":"Full house","data":{"error":"full"}}'
        default = '{"message":"Connection refused by server"}'
        assert await speech.hears("44") == "44" + (told if isinstance(how, Exception) else default)
        assert mounted.left().keys() <= {"sessions", "environ", "clients"}
        watch(mounted)
        assert await speech.join(), "one may try again"
        await speech.send("1")
        await empty(mounted)
    assert reasons == []


@on_both_transports
async def test_what_a_connect_handler_says_comes_after_the_connect(mounted: Mounted, transport: str) -> None:
    async def connect(sid: str, _environ: Any, auth: Any) -> None:
        await mounted.server.emit("welcome", auth, to=sid)
        await asyncio.sleep(0.01)
        await mounted.server.emit("welcome", 2, to=sid)

    watch(mounted, connect)
    async with mounted.over(transport) as speech:
        await speech.join(auth='{"token":"x"}')
        assert await speech.events(2) == [["welcome", {"token": "x"}], ["welcome", 2]]


@on_both_transports
async def test_what_a_connect_handler_says_is_unsaid_if_it_refuses(mounted: Mounted, transport: str) -> None:
    async def connect(sid: str, *_: Any) -> bool:
        await mounted.server.emit("welcome", to=sid)
        return False

    watch(mounted, connect)
    async with mounted.over(transport) as speech:
        await speech.send("40")
        assert (await speech.hears()).startswith("44")
        mounted.server.engine.sessions[speech.sid].send("x")
        assert await speech.hears() == "4x"


@on_both
async def test_a_broadcast_does_not_reach_who_is_not_yet_in(mount: Mount) -> None:
    mounted = await mount()
    inside, go = asyncio.Event(), asyncio.Event()

    async def connect(*_: Any) -> None:
        inside.set()
        await go.wait()

    watch(mounted, connect)
    async with mounted.socket() as socket:
        await socket.send("40")
        await inside.wait()
        await mounted.server.emit("news", "before")
        go.set()
        assert (await socket.packet())[:2] == "40"
        await mounted.server.emit("news", "after")
        assert await socket.event() == ["news", "after"]


@on_both_transports
async def test_who_goes_while_coming_in_leaves_nothing(mounted: Mounted, transport: str) -> None:
    inside, go = asyncio.Event(), asyncio.Event()

    async def connect(*_: Any) -> None:
        inside.set()
        await go.wait()

    reasons = watch(mounted, connect)
    async with mounted.over(transport) as speech:
        await speech.send("40")
        await inside.wait()
        await speech.send("1")
        await until(lambda: not mounted.server.engine.sessions)
        go.set()
        await empty(mounted)
    assert reasons == ["going away"]


@on_both
@on_both_transports
async def test_an_unknown_namespace_is_refused_by_its_reason(mount: Mount, transport: str) -> None:
    mounted = await mount()
    watch(mounted)
    async with mounted.over(transport) as speech:
        await speech.send("40/nowhere,")
        assert await speech.hears() == '44/nowhere,{"message":"Invalid namespace"}'
        assert await speech.join(), "the session lives"


@on_both
async def test_a_second_connect_closes_the_session(mount: Mount) -> None:
    mounted = await mount()
    watch(mounted)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send("40")
        await socket.is_let_go()


@on_both_transports
@pytest.mark.parametrize("packet", ["40", '42["say"]', '42/other,["say"]', "431[]", "41x", "44{}"])
async def test_a_packet_out_of_place_closes_the_session(mounted: Mounted, transport: str, packet: str) -> None:
    """A second CONNECT; others without a first, or in a namespace never joined."""
    reasons = watch(mounted)
    async with mounted.over(transport) as speech:
        if packet in ("40", '42/other,["say"]'):
            await speech.join()
        await speech.send(packet)
        await speech.is_let_go()
        await empty(mounted)
    assert reasons == (["transport error"] if packet in ("40", '42/other,["say"]') else [])


@on_both
async def test_who_never_connects_is_let_go(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session without a namespace would live as long as it answers pings."""
    monkeypatch.setattr(server, "CONNECT_TIMEOUT_S", 0.05)
    mounted = await mount(ping_interval=0.04)
    watch(mounted)
    async with mounted.polls() as speech:
        await speech.is_let_go()
        await empty(mounted)


async def test_who_has_connected_in_time_stays(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECT_TIMEOUT_S", 0.05)
    mounted = await mount()
    watch(mounted)
    async with mounted.socket() as early, mounted.socket() as late:
        sid = await early.join()
        await late.is_let_go()
        await mounted.server.emit("news", to=sid)
        assert await early.event() == ["news"]


async def test_one_connection_may_join_several_namespaces(mounted: Mounted) -> None:
    for namespace in ("/", "/other"):
        mounted.server.on("connect", lambda *_: None, namespace=namespace)
    reasons: list[str] = []
    mounted.server.on("disconnect", lambda _sid, reason: reasons.append(reason), namespace="/other")
    async with mounted.socket() as socket:
        first, second = await socket.join(), await socket.join("/other")
        assert first != second
        await mounted.server.emit("news", to=second, namespace="/other")
        assert await socket.hears() == '42/other,["news"]'
        await socket.send("41/other,")
        await until(lambda: reasons)
        await mounted.server.emit("news", to=first)
        assert await socket.event() == ["news"]
