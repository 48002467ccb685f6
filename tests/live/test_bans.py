"""A ban holds at every process: at once where they hear each other over Redis, within the next look at the database
where they do not; and nothing of the banned person is stored from the moment on at which it is, whoever serves them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.chat.test_ways_back import OF_ROOMS, OUT, about
from tests.conftest import servers
from tests.support.postgres import Cluster
from tests.support.raw import Polls
from tests.support.redis import redis_server
from tests.support.talker import Talker, new_id, until

ROOM, ADDRESS = "lobby", "2001:db8:1:2::3"


class Pair:
    """Two servers of one database. Alice owns the room and is at the first one; bob is at both, and carol at the
    second."""

    def __init__(self, stack: AsyncExitStack, urls: list[str]) -> None:
        self._stack, self.urls = stack, urls

    async def begin(self) -> None:
        self.alice = await self.come(0, "alice")
        self.here = await self.come(0, "bob", address=ADDRESS)
        self.there = await self.come(1, "bob", token=self.here.token, transport="polling", address=ADDRESS)
        self.carol = await self.come(1, "carol")
        for one in (self.alice, self.here, self.there, self.carol):
            await one.join(ROOM)
        self.bob: str = self.here.me["id"]

    async def come(self, at: int, nickname: str, **how: Any) -> Talker:
        return await self._stack.enter_async_context(Talker(self.urls[at], nickname, **how))

    async def ban(self, **more: Any) -> None:
        payload = {"room": ROOM, "person": self.bob, "reason": "spam", "address": False}
        assert (await self.alice.ask("ban", payload | more))["ok"]

    async def said_by_bob(self) -> list[str]:
        answer = await self.alice.ask("history", {"room": ROOM})
        return [one["text"] for one in answer["messages"] if one["author"] == self.bob]


def heard_since_removed(talker: Talker) -> list[Any]:
    names = [name for name, _ in talker.heard]
    rest = talker.heard[len(names) - names[::-1].index("removed") :]
    return [one for one in rest if one[0] in OF_ROOMS and about(one[1]) == ROOM]


@pytest.fixture(params=["redis", "database"])
async def pair(request: pytest.FixtureRequest, postgres: Cluster, tmp_path: Path) -> AsyncIterator[Pair]:
    """`database`: they know of each other by looking alone."""
    with postgres.lend() as url:
        async with AsyncExitStack() as stack:
            more = {}
            if request.param == "redis":
                more["redis_url"] = (await stack.enter_async_context(redis_server(tmp_path / "redis"))).url
            begin = await stack.enter_async_context(servers(tmp_path, url))
            urls = [(await begin(trust_proxies=1, **more)).url for _ in range(2)]
            pair = Pair(stack, urls)
            await pair.begin()
            yield pair


only_redis = pytest.mark.parametrize("pair", ["redis"], indirect=True)


async def test_a_ban_sends_out_everywhere_and_nothing_is_stored_or_heard_from_then_on(pair: Pair) -> None:
    seq = (await pair.there.say(ROOM, "before"))["seq"]
    await pair.ban()
    for verb, payload in {  # before the other process has heard of it
        "send": {"text": "after", "id": new_id()},
        "edit": {"seq": seq, "text": "after"},
        "delete": {"seq": seq},
        "react": {"seq": seq, "emoji": "👍", "on": True},
        "topic": {"topic": "after"},
        "report": {"seq": seq},
        "invite": {},
    }.items():
        for one in (pair.there, pair.here):
            assert (await one.ask(verb, {"room": ROOM} | payload)).get("error") in OUT, verb
    for one in (pair.there, pair.here):
        assert (await one.hears("removed")).items() >= {"error": "banned", "reason": "spam"}.items()
    await pair.alice.say(ROOM, "are they gone?")
    await pair.carol.say(ROOM, "they are")
    await pair.carol.hears_texts(ROOM, 3)
    for one in (pair.there, pair.here):
        for verb, payload in {"join": {}, "history": {}, "sync": {"after": 0}, "people": {}}.items():
            assert (await one.ask(verb, {"room": ROOM} | payload))["error"] in OUT
        assert heard_since_removed(one) == []
    assert await pair.said_by_bob() == ["before"]


async def test_of_a_ban_here_and_messages_there_none_is_stored_after_it(pair: Pair) -> None:
    for nth in range(4):
        going, acked = True, list[str]()

        async def talk(one: Talker, name: str, acked: list[str] = acked) -> None:
            n = 0
            while going:  # noqa: B023 - until this ban
                text = f"{name} {n}"
                answer = await one.ask("send", {"room": ROOM, "text": text, "id": new_id()})
                if answer["ok"]:
                    acked.append(text)
                n += 1

        talks = [asyncio.create_task(talk(one, f"{nth} {one.transport}")) for one in (pair.there, pair.here)]
        while len(acked) < 4:
            await asyncio.sleep(0.001)
        await pair.ban()
        stored = await pair.said_by_bob()
        for _ in range(5):
            await pair.alice.ask("echo")
        going = False
        await asyncio.gather(*talks)
        assert await pair.said_by_bob() == stored, "nothing came after the ban's answer"
        assert set(acked) <= set(stored)
        await pair.ban(minutes=0)
        for one in (pair.there, pair.here):
            await joins(one)


async def joins(one: Talker) -> None:
    """As soon as the process knows that the ban was lifted."""
    async with asyncio.timeout(10):
        while not (await one.ask("join", {"room": ROOM}))["ok"]:
            await asyncio.sleep(0.05)


async def test_a_join_there_at_the_moment_of_a_ban_here_does_not_last(pair: Pair) -> None:
    await pair.there.ask("leave", {"room": ROOM})
    join = asyncio.create_task(pair.there.ask("join", {"room": ROOM}))
    await pair.ban()
    if (await join)["ok"]:
        await pair.there.hears("removed")
    assert (await pair.there.ask("history", {"room": ROOM}))["error"] in OUT
    assert (await pair.there.ask("join", {"room": ROOM}))["error"] == "banned"


async def test_a_process_where_nobody_is_in_the_room_does_not_go_by_what_it_knew(pair: Pair) -> None:
    for one in (pair.there, pair.carol):
        await one.ask("leave", {"room": ROOM})
    await pair.ban()
    assert (await pair.there.ask("join", {"room": ROOM}))["error"] == "banned"


async def test_a_ban_by_address_holds_at_the_other_process(pair: Pair) -> None:
    await pair.here.client.disconnect()
    await pair.there.client.disconnect()
    await pair.ban(address=True)
    for at, transport in ((0, "polling"), (1, "websocket")):
        one = await pair.come(at, "robert", transport=transport, address="2001:db8:1:2:3:4:5:6")
        answer = await one.ask("join", {"room": ROOM})
        if answer["ok"]:  # this process has not heard of it yet
            await one.hears("removed")
            answer = await one.ask("join", {"room": ROOM})
        assert (answer["error"], answer["reason"]) == ("banned", "spam")


async def test_reports_from_both_at_once_are_all_in_the_audit(pair: Pair) -> None:
    seq = (await pair.alice.say(ROOM, "rude"))["seq"]
    reports = [
        one.ask("report", {"room": ROOM, "seq": seq, "text": f"{n}"})
        for n in range(10)
        for one in (pair.here, pair.carol)
    ]
    assert all(answer["ok"] for answer in await asyncio.gather(*reports))
    entries = (await pair.alice.ask("audit", {"room": ROOM}))["entries"]
    assert [one["number"] for one in entries] == [*range(20, 0, -1)]


@only_redis
async def test_a_poll_that_comes_to_the_other_process_hears_nothing_and_opens_nothing(pair: Pair) -> None:
    async with aiohttp.ClientSession() as http, Polls(http, pair.urls[0]) as polls:
        await polls.join(auth=orjson.dumps({"token": pair.here.token}).decode())
        assert (await polls.event())[0] == "welcome"
        assert (await polls.ask('421["join",{"room":"lobby"}]'))[0]["ok"]
        await pair.ban()
        polls.url = pair.urls[1]
        (answer,) = await relayed(polls, '422["send",{"room":"lobby","text":"x","id":"by-a-relay"}]', 2)
        assert answer["error"] in OUT
        (answer,) = await relayed(polls, '423["join",{"room":"lobby"}]', 3)
        assert answer["error"] == "banned"
        await pair.alice.say(ROOM, "are they gone?")
        await polls.send('424["echo",{}]')
        assert (await polls.hears("4")).startswith("434"), "and nothing of the room before"


async def relayed(polls: Polls, packet: str, id: int) -> list[Any]:
    """The ack, and what was told before the ban passed over."""
    await polls.send(packet)
    while not (found := await polls.hears("4")).startswith(f"43{id}"):
        pass
    answer: list[Any] = orjson.loads(found[3:])
    return answer


@only_redis
async def test_a_browser_that_turns_out_to_be_his_is_sent_out_at_the_other_process(pair: Pair) -> None:
    """With the new token that it got its tabs with the former one end, wherever they are."""
    assert (await pair.here.ask("reserve", {"passphrase": "open sesame"}))["ok"]
    await pair.ban()
    new = await pair.come(0, "robert")
    await new.join("kitchen")  # stored from then on
    tab = await pair.come(1, "robert", token=new.token)
    await tab.join(ROOM)
    answer = await new.ask("identify", {"nickname": "bob", "passphrase": "open sesame"})
    again = await pair.come(0, "bob", token=answer["token"])
    assert (await again.ask("join", {"room": ROOM}))["error"] == "banned"
    await until(lambda: not tab.client.connected)


async def test_a_ban_that_is_lifted_opens_every_process_that_knew_of_it(pair: Pair) -> None:
    """Also one at which nobody is in the room any more, so that it hears nothing of it."""
    await pair.ban()
    async with asyncio.timeout(10):
        while (await pair.there.ask("join", {"room": ROOM})).get("error") != "banned":
            await asyncio.sleep(0.05)
    await pair.carol.ask("leave", {"room": ROOM})
    await pair.ban(minutes=0)
    assert (await pair.there.ask("join", {"room": ROOM}))["ok"]
    await pair.alice.ask("settings", {"room": ROOM, "locked": True})
    await pair.there.ask("leave", {"room": ROOM})
    late = await pair.come(1, "late")
    assert (await late.ask("join", {"room": ROOM}))["error"] == "locked"
    await pair.alice.ask("settings", {"room": ROOM, "locked": False})
    assert (await late.ask("join", {"room": ROOM}))["ok"]
