"""Two servers and a Redis: a request that reaches the wrong one is answered as if it had come to the right one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from app.live.redis.carrier import RedisCarrier
from app.live.redis.connection import RedisConnection
from app.live.relay import Relay, relayed
from app.process import new_process_id
from tests.support.mounted import Mount, Mounted, empty, watch
from tests.support.raw import Answer, Gone, Line, Polls, head
from tests.support.redis import RedisServer
from tests.support.talker import until

SOON = 5.0  # seconds; those of a poll that nobody answers are twenty at least
ORIGIN = "https://page.test"
UNKNOWN = {"code": 1, "message": "Session ID unknown"}


@dataclass
class Pair:
    """`owner` has the sessions; `other` is asked. Everybody is let in and hears what they say."""

    redis: RedisServer
    owner: Mounted
    other: Mounted
    connections: list[RedisConnection]
    relays: list[Relay]

    @asynccontextmanager
    async def session(self) -> AsyncIterator[tuple[Polls, Polls]]:
        """One session, by both servers."""
        async with self.owner.polls() as here:
            there = Polls(self.other.http, self.other.url)
            there.sid = here.sid
            await there.join()
            yield here, there

    async def holds(self, polls: Polls) -> "asyncio.Task[tuple[int, str]]":
        """A poll that the owner holds."""
        polling = asyncio.create_task(polls.poll())
        await until(lambda: self.is_held(polls))
        return polling

    def is_held(self, polls: Polls) -> bool:
        """True while the owner holds a poll of this session."""
        return self.transport(polls).held is not None

    def transport(self, polls: Polls) -> Any:
        return self.owner.server.engine.sessions[polls.sid].transport


Pairs = Callable[..., Any]


@pytest.fixture
async def pairs(redis: RedisServer, mount: Mount) -> AsyncIterator[Pairs]:
    """Make a pair, with settings of one's own."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Pair:
            settings = {"ping_interval": 20, "ping_timeout": 20, "origins": [ORIGIN]} | settings
            mounted, connections, relays = [], [], []
            for _ in range(2):
                process = new_process_id()
                one = await mount(process=process, **settings)
                connection = RedisConnection(redis.url, process, "0123456789abcdef")
                await connection.start()
                stack.push_async_callback(connection.close)
                relays.append(Relay(one.server.engine, [RedisCarrier(connection)]))
                one.server.engine.relay = relays[-1]
                echo(one)
                mounted.append(one)
                connections.append(connection)
            await subscribed(redis, connections)
            return Pair(redis, mounted[0], mounted[1], connections, relays)

        yield make


async def subscribed(redis: RedisServer, connections: list[RedisConnection]) -> None:
    async with asyncio.timeout(SOON):
        for one in connections:
            while not (await redis.call("PUBSUB", "NUMSUB", one.key(f"relay:{one.process}")))[1]:
                await asyncio.sleep(0.01)


@pytest.fixture
async def pair(pairs: Pairs) -> Pair:
    made: Pair = await pairs()
    return made


def echo(mounted: Mounted) -> None:
    async def said(sid: str, value: Any) -> Any:
        await mounted.server.emit("heard", value, to=sid)
        return value

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("said", said)


async def bare(polls: Polls, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    async with await Line.to(polls.url) as line:
        return await line.ask(method, polls.address.removeprefix(polls.url), body, **headers)


async def test_polls_and_posts_by_turns_are_one_conversation_in_order(pair: Pair) -> None:
    async with pair.session() as both:
        heard = []
        for n in range(20):
            assert await both[n % 2].send(f'42["said",{n}]') == (200, "ok")
            heard.append(await both[(n // 2) % 2].event())
    assert heard == [["heard", n] for n in range(20)]
    assert "parlor_relayed" in {one.name: one.value for one in pair.relays[1].readings()}
    assert next(one.value for one in pair.relays[1].readings()) > 15


async def test_a_sid_begins_with_its_process(pair: Pair) -> None:
    async with pair.owner.polls() as here, pair.other.polls() as there:
        assert [here.sid[:8], there.sid[:8]] == [one.process for one in pair.connections]
        assert len(here.sid) == len(there.sid)


async def test_a_poll_is_held_until_there_is_something_to_bring(pair: Pair) -> None:
    async with pair.session() as (here, there):
        polling = await pair.holds(there)
        await here.send('42["said","news"]')
        assert await polling == (200, '42["heard","news"]')


async def test_a_poll_that_is_not_to_be_held_is_answered_at_once(pair: Pair) -> None:
    async with pair.session() as (_, there):
        async with pair.other.http.get(f"{there.address}&hold=0") as answer:
            assert (answer.status, await answer.text()) == (200, "6")
        async with pair.other.http.get(f"{there.address}&hold=soon") as answer:
            assert answer.status == 400 and "hold is a number" in await answer.text()


async def test_a_body_as_large_as_may_be_goes_both_ways_whole(pair: Pair) -> None:
    async with pair.session() as (_, there):
        text = "ü" * 499_900
        assert await there.post(f'42["said","{text}"]'.encode()) == (200, "ok")
        assert await there.event() == ["heard", text]
        assert (await there.post(b"4" * 1_000_001))[0] == 413
        assert await there.send('42["said","all the same"]') == (200, "ok")


async def test_bytes_on_their_way_are_bounded(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relayed, "MAX_BYTES", 1_000)
    async with pair.session() as (_, there):
        pair.transport(there).pause()  # the POST waits for its answer
        waiting = asyncio.create_task(there.post(f'42["said","{"x" * 900}"]'))
        await until(lambda: pair.relays[1]._asking._bytes > 900)
        async with pair.owner.polls() as other:
            other.url = pair.other.url
            assert (await other.send(f'42["said","{"x" * 900}"]'))[0] == 503
        pair.transport(there).resume()
        assert await waiting == (200, "ok")
        assert pair.relays[1]._asking._bytes == 0


@pytest.mark.parametrize("by", [(0, 1), (1, 0), (1, 1)], ids=["here first", "there first", "both there"])
async def test_two_polls_at_once_end_the_session_wherever_they_come(pair: Pair, by: tuple[int, int]) -> None:
    reasons = watch(pair.owner)
    async with pair.session() as both:
        first = asyncio.create_task(both[by[0]].poll())
        await until(lambda: pair.is_held(both[0]))
        status, text = await both[by[1]].poll()
        assert (status, json.loads(text)) == (400, {"code": 3, "message": "Bad request: two polls at once"})
        assert await first == (200, "1")
        assert json.loads((await both[1].poll())[1]) == UNKNOWN
    assert reasons == ["transport error"]


async def test_a_poll_whose_client_is_gone_ends_the_session(pair: Pair) -> None:
    reasons = watch(pair.owner)
    async with pair.session() as (_, there):
        line = await Line.to(there.url)
        await line.write(head("GET", there.address.removeprefix(there.url), {}))
        await until(lambda: pair.is_held(there))
        line.writer.transport.abort()
        await until(lambda: reasons)
    assert reasons == ["transport error"]
    await empty(pair.owner)


async def test_a_post_that_breaks_off_ends_the_session(pair: Pair) -> None:
    reasons = watch(pair.owner)
    async with pair.session() as (_, there):
        line = await Line.to(there.url)
        await line.write(head("POST", there.address.removeprefix(there.url), {"Content-Length": "100"}) + b"42[")
        await until(lambda: any(one.reader.requests for one in pair.other.listener.connections))
        line.writer.transport.abort()
        await until(lambda: reasons)
    assert reasons == ["transport error"]


async def test_what_is_no_packet_is_refused_and_ends_the_session(pair: Pair) -> None:
    async with pair.session() as (_, there):
        status, text = await there.post("abc")
        assert status == 400 and json.loads(text)["code"] == 3
        assert json.loads((await there.poll())[1]) == UNKNOWN


async def test_a_goodbye_of_the_server_is_heard_by_the_poll_that_comes_after_it(pair: Pair) -> None:
    async with pair.session() as (_, there):
        for one in list(pair.owner.server.engine.sessions):
            await pair.owner.server.eio.disconnect(one)
        assert await there.poll() == (200, "1")
        assert json.loads((await there.poll())[1]) == UNKNOWN


async def test_a_goodbye_of_the_client_ends_the_session(pair: Pair) -> None:
    reasons = watch(pair.owner)
    async with pair.session() as (here, there):
        polling = await pair.holds(here)
        assert await there.send("1") == (200, "ok")
        assert await polling == (200, "6")
    assert reasons == ["going away"]


async def test_a_goodbye_that_overtakes_the_poll_beside_it_leaves_that_an_answer(pair: Pair) -> None:
    """They come by two processes: the poll that was sent first may arrive last."""
    reasons = watch(pair.owner)
    async with pair.session() as (here, there):
        assert await here.send("1") == (200, "ok")
        assert await there.poll() == (200, "6")
        assert json.loads((await there.poll())[1]) == UNKNOWN
    assert reasons == ["going away"]


async def test_an_upgrade_elsewhere_is_refused_and_the_client_stays(pair: Pair) -> None:
    async with pair.session() as (_, there):
        with pytest.raises(Gone, match="400"):
            await pair.other.socket(there).open()
        await there.send('42["said","still here"]')
        assert await there.event() == ["heard", "still here"]


async def test_an_upgrade_answers_the_poll_that_waits_elsewhere(pair: Pair) -> None:
    async with pair.session() as (here, there):
        polling = await pair.holds(there)
        async with pair.owner.socket(here) as socket:
            await socket.send("2probe")
            assert await socket.packet() == "3probe"
            assert await polling == (200, "6")
            await socket.send("5", '42["said","over it"]')
            assert await socket.event() == ["heard", "over it"]
            assert "speaks WebSocket by now" in (await there.poll())[1]


async def test_headers_are_those_of_whoever_answers_the_visitor(pair: Pair) -> None:
    async with pair.session() as (_, there):
        await there.send('42["said",1]')
        answer = await bare(there, Origin=ORIGIN)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["cache-control"] == "no-store"
        assert (await bare(there, Origin="https://evil.test")).status == 403
        assert (await bare(there, "OPTIONS", Origin=ORIGIN)).status == 200
        await there.send('42["said",2]')
        assert await there.event() == ["heard", 2], "the refused ones have taken nothing"


async def test_one_connection_kept_alive_carries_one_request_after_the_other(pair: Pair) -> None:
    async with pair.session() as (_, there), await Line.to(there.url) as line:
        path = there.address.removeprefix(there.url)
        for n in range(5):
            assert (await line.ask("POST", path, f'42["said",{n}]'.encode())).body == b"ok"
            assert (await line.ask("GET", path)).body == f'42["heard",{n}]'.encode()


@pytest.mark.parametrize("sid", ["abcdefgh" + "x" * 20, "ABCDEFGH" + "x" * 20, "a", "", "ü" * 200, "abcdefgh" * 40])
async def test_a_session_of_nobody_is_unknown_at_once(pair: Pair, sid: str) -> None:
    polls = pair.other.polls()
    polls.sid = sid
    for status, text in [await polls.poll(), await polls.send("3"), await polls.poll()]:
        assert (status, json.loads(text)) == (400, UNKNOWN)


async def test_when_the_owner_dies_its_clients_are_sent_away_at_once(pair: Pair) -> None:
    async with pair.session() as (_, there):
        polling = await pair.holds(there)
        await pair.connections[0].close()
        status, text = await asyncio.wait_for(polling, SOON)
        assert (status, json.loads(text)) == (400, UNKNOWN)
        assert (await there.send("3"))[0] == 400


async def test_an_owner_that_hangs_is_not_waited_for(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis has it as subscribed, but it says nothing."""
    monkeypatch.setattr(relayed, "SILENCE_S", 0.5)
    monkeypatch.setattr(relayed, "TICK_S", 0.1)
    async with pair.session() as (_, there):
        monkeypatch.setattr(pair.connections[0]._subscriptions, "_on_message", lambda *_: None)
        assert json.loads((await asyncio.wait_for(there.poll(), SOON))[1]) == UNKNOWN


@pytest.mark.parametrize("how", ["killed", "suspended"])
async def test_when_redis_is_away_nobody_waits_for_it(pair: Pair, how: str) -> None:
    reasons = watch(pair.owner)
    async with pair.session() as (_, there):
        polling = await pair.holds(there)
        if how == "killed":
            await pair.redis.kill()
        else:
            pair.redis.suspend()
        status, text = await asyncio.wait_for(polling, 2 * SOON)
        assert (status, json.loads(text)) == (400, UNKNOWN)
        assert json.loads((await there.poll())[1]) == UNKNOWN
        await until(lambda: reasons, 2 * SOON)
        async with pair.other.polls() as fresh:
            await fresh.join()


async def test_after_redis_was_away_everything_is_relayed_again(pair: Pair) -> None:
    await pair.redis.kill()
    await until(lambda: not any(one.is_connected for one in pair.connections))
    await pair.redis.begin()
    await until(lambda: all(one.is_connected for one in pair.connections))
    async with pair.session() as (_, there):
        await there.send('42["said","again"]')
        assert await there.event() == ["heard", "again"]


async def test_an_answer_that_redis_lost_ends_the_session(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It carried a message, and nobody has it any more: the client is to come anew, and to catch up."""
    monkeypatch.setattr(relayed, "ON_ITS_WAY_S", 0.2)
    monkeypatch.setattr(relayed, "TICK_S", 0.1)
    reasons = watch(pair.owner)
    async with pair.session() as (here, there):
        polling = await pair.holds(there)
        monkeypatch.setattr(pair.connections[0], "publish", lambda *_: None)
        await here.send('42["said","lost"]')
        await until(lambda: reasons)
        monkeypatch.undo()
        assert (await asyncio.wait_for(polling, SOON))[0] == 400


async def test_a_question_that_redis_lost_is_answered_soon(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair.session() as (_, there):
        publish = pair.connections[1].publish
        monkeypatch.setattr(
            pair.connections[1], "publish", lambda *_: monkeypatch.setattr(pair.connections[1], "publish", publish)
        )
        assert json.loads((await asyncio.wait_for(there.poll(), SOON))[1]) == UNKNOWN


async def test_what_a_stranger_publishes_is_passed_over(pair: Pair) -> None:
    async with pair.session() as (_, there):
        for one in pair.connections:
            for words in (b"", b"garbage", b"\x01" + b"abcdefgh" + b"p" + b"\x00" * 60):
                await pair.redis.call("PUBLISH", one.key(f"relay:{one.process}"), words)
        await there.send('42["said","well"]')
        assert await there.event() == ["heard", "well"]


async def test_whoever_stops_lets_polls_of_others_go_on_elsewhere(pair: Pair) -> None:
    async with pair.session() as (here, there):
        polling = await pair.holds(there)
        await pair.relays[1].release_all()
        assert await polling == (200, "6")
        await here.send('42["said","goes on"]')
        assert await here.event() == ["heard", "goes on"]


async def test_nothing_is_left_of_what_was_relayed(pair: Pair) -> None:
    async with pair.session() as (_, there):
        for n in range(10):
            await there.send(f'42["said",{n}]')
            await there.event()
        await there.send("1")
    asking, owning = pair.relays[1]._asking, pair.relays[0]._owning
    await until(lambda: not asking.is_busy and not owning.is_busy, 10)
    assert asking._bytes == 0
    await empty(pair.owner)


async def test_many_sessions_at_once_are_told_apart(pair: Pair) -> None:
    async def talk(number: int) -> None:
        async with pair.session() as (_, there):
            for n in range(5):
                await there.send(f'42["said","{number}-{n}"]')
                assert await there.event() == ["heard", f"{number}-{n}"]

    await asyncio.gather(*(talk(number) for number in range(30)))
