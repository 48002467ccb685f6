"""The relay between workers of one parent, without Redis. All that a relay has to do is in redis/test_relay.py."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from app.live.relay import Relay
from app.live.relay.local import LocalCarrier
from app.process import new_process_id
from tests.live.redis.test_relay import SOON, UNKNOWN, Pair, echo
from tests.support.mounted import Mount, watch
from tests.support.talker import until


@pytest.fixture
async def pair(tmp_path: Path, mount: Mount) -> AsyncIterator[Pair]:
    mounted, carriers, relays = [], [], []
    for _ in range(2):
        one = await mount(process=new_process_id(), transports=("websocket", "polling", "sse"))
        carriers.append(LocalCarrier(str(tmp_path), one.server.engine.settings.process))
        relays.append(Relay(one.server.engine, carriers[-1:]))
        one.server.engine.relay = relays[-1]
        await carriers[-1].start()
        echo(one)
        mounted.append(one)
    yield Pair(None, mounted[0], mounted[1], [], relays)  # type: ignore[arg-type]
    for relay in relays:
        relay.close()
    assert list(tmp_path.parent.glob(f"{tmp_path.name}/*")) == [], "nothing is left in the folder"


async def test_polls_and_posts_by_turns_are_one_conversation_in_order(pair: Pair) -> None:
    async with pair.session() as both:
        heard = []
        for n in range(20):
            assert await both[n % 2].send(f'42["said",{n}]') == (200, "ok")
            heard.append(await both[(n // 2) % 2].event())
    assert heard == [["heard", n] for n in range(20)]


async def test_the_posts_of_a_stream_reach_its_owner(pair: Pair) -> None:
    async with pair.owner.stream(posts_to=pair.other.url) as stream:
        await stream.join()
        for n in range(20):
            assert await stream.send(f'42["said",{n}]') == (200, "ok")
        assert await stream.events(20) == [["heard", n] for n in range(20)]


async def test_a_body_as_large_as_may_be_goes_both_ways_whole(pair: Pair) -> None:
    async with pair.session() as (_, there):
        text = "ü" * 499_900
        assert await there.post(f'42["said","{text}"]'.encode()) == (200, "ok")
        assert await there.event() == ["heard", text]


async def test_when_the_owner_dies_its_clients_are_sent_away_at_once(pair: Pair) -> None:
    async with pair.session() as (_, there):
        polling = await pair.holds(there)
        pair.relays[0].close()
        status, text = await asyncio.wait_for(polling, SOON)
        assert (status, json.loads(text)) == (400, UNKNOWN)
        assert json.loads((await there.poll())[1]) == UNKNOWN


async def test_when_whoever_asked_dies_the_session_ends(pair: Pair) -> None:
    reasons = watch(pair.owner)
    async with pair.session() as (_, there):
        polling = await pair.holds(there)
        await until(lambda: pair.relays[0]._carriers.all[0]._links)  # the owner has answered something
        pair.relays[1].close()
        await until(lambda: reasons)
        polling.cancel()
    assert reasons == ["transport error"]


async def test_what_a_killed_worker_left_behind_is_known_to_be_dead(pair: Pair, tmp_path: Path) -> None:
    dead = LocalCarrier(str(tmp_path), "deadbeef")
    await dead.start()
    assert dead._server
    dead._server.close()
    dead._path("deadbeef").touch()
    polls = pair.other.polls()
    polls.sid = "deadbeef" + "x" * 20
    assert json.loads((await asyncio.wait_for(polls.poll(), SOON))[1]) == UNKNOWN
    assert not dead._path("deadbeef").exists()


def test_what_is_for_a_worker_that_has_died_this_moment_is_lost_and_nothing_breaks(tmp_path: Path) -> None:
    """uvloop's transports of connections that are closed raise whatever one asks of them."""

    async def dies() -> list[str]:
        one, other = LocalCarrier(str(tmp_path), "aaaaaaaa"), LocalCarrier(str(tmp_path), "bbbbbbbb")
        heard: list[str] = []
        one.on_dead = heard.append
        other.on_body[b"x"] = lambda sender, _: heard.append(sender)
        await one.start()
        await other.start()
        one.send("bbbbbbbb", b"x", b"first")
        await until(lambda: heard)
        link = one._links["bbbbbbbb"]
        assert link._writer
        link._writer.transport.abort()
        while "bbbbbbbb" in one._links and one._links["bbbbbbbb"] is link:
            one.send("bbbbbbbb", b"x", b"second")
            await asyncio.sleep(0)
        one.close()
        other.close()
        return heard

    assert uvloop.run(dies()) == ["aaaaaaaa", "bbbbbbbb"]
