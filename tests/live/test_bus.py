"""Two servers, one database, one Redis: people on either hear each other, whatever becomes of Redis."""

import asyncio
import random
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.config import BadSetting
from app.live.redis.frames import Seal
from app.server import Running
from app.store import queries
from tests.conftest import servers
from tests.support.process import free_port
from tests.support.redis import RedisServer, redis_server
from tests.support.talker import Talker, until

ROOM = "lobby"
NEWS_WITHIN = 3.0  # seconds, whatever is broken
PATIENCE = 20.0

Start = Callable[..., Awaitable[Running]]


class Two:
    """Two servers, and somebody on each who is in the room."""

    def __init__(self, servers: list[Running], people: list[Talker]) -> None:
        self.servers, self.people = servers, people
        self.a, self.b = servers
        self.alice, self.bob = people
        self.said = 0

    async def say(self, count: int = 1) -> None:
        """By turns, without waiting for one another."""
        first = self.said
        self.said += count
        await asyncio.gather(*(self.people[n % 2].say(ROOM, f"{n}") for n in range(first, self.said)))

    async def all_heard(self, within: float = PATIENCE) -> float:
        """Returns the seconds after which both had heard everything that was said until now; then all of it was heard
        once, and in one order."""
        began = time.monotonic()
        async with asyncio.timeout(within):
            await asyncio.gather(*(one.hears_texts(ROOM, self.said) for one in self.people))
        took = time.monotonic() - began
        for one in self.people:
            revs = [heard["rev"] for heard in changes(one)]
            assert revs == sorted(set(revs)), "each once, in order"
        assert self.alice.texts(ROOM) == self.bob.texts(ROOM)
        assert sorted(self.alice.texts(ROOM), key=int) == [str(n) for n in range(self.said)]
        return took

    def reading(self, server: Running, name: str) -> float:
        assert server.feed and server.redis
        found = {one.name: one.value for one in server.feed.readings()}
        return found[name]


def changes(person: Talker) -> list[dict[str, Any]]:
    """What a person heard that has a rev."""
    return [
        payload["message"] if event == "message" else payload
        for event, payload in person.heard
        if event in ("message", "react") and payload["room"] == ROOM
    ]


@asynccontextmanager
async def two(folder: Path, redis: RedisServer, **settings: Any) -> AsyncIterator[Two]:
    async with servers(folder) as begin, AsyncExitStack() as stack:
        both = [await begin(redis_url=redis.url, **settings) for _ in range(2)]
        people = []
        for server, name in zip(both, ("alice", "bob"), strict=True):
            people.append(await stack.enter_async_context(Talker(server.url, name)))
            await people[-1].join(ROOM)
            await people[-1].join("long")
        yield Two(both, people)


async def test_people_on_two_servers_hear_each_other_in_one_order(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        await talk.say(200)
        await talk.all_heard()
        for server in talk.servers:
            assert talk.reading(server, "parlor_feed_false") == 0
        carol = await talk.alice.join("elsewhere")
        assert carol["rev"] == 0


async def test_edits_deletions_and_reactions_cross(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        said = await talk.alice.say(ROOM, "helo")
        assert (await talk.bob.ask("react", {"room": ROOM, "seq": said["seq"], "emoji": "👍", "on": True}))["ok"]
        told = await talk.alice.hears("react")
        assert (told["nickname"], told["count"], told["rev"]) == ("bob", 1, 2)
        assert (await talk.alice.ask("edit", {"room": ROOM, "seq": said["seq"], "text": "hello"}))["ok"]
        edited = await talk.bob.hears("message", lambda event: "edited" in event["message"])
        assert edited["message"]["text"] == "hello" and edited["message"]["reactions"] == {"👍": ["bob"]}
        assert (await talk.alice.ask("delete", {"room": ROOM, "seq": said["seq"]}))["ok"]
        await talk.bob.hears("message", lambda event: "deleted" in event["message"])
        assert [one["rev"] for one in changes(talk.bob)] == [1, 2, 3, 4]


async def test_typing_and_topics_cross(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        await talk.alice.ask("typing", {"room": ROOM})
        assert (await talk.bob.hears("typing"))["nickname"] == "alice"
        await talk.bob.ask("topic", {"room": ROOM, "topic": "tea"})
        assert (await talk.alice.hears("room"))["room"]["topic"] == "tea"
        assert (await talk.alice.join(ROOM))["room"]["topic"] == "tea", "and nothing older is remembered"


async def test_whoever_is_told_finds_it_in_what_they_then_read(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        for number in range(30):
            before = (await talk.bob.ask("sync", {"room": ROOM, "after": number}))["rev"]
            assert before == number
            await talk.alice.say(ROOM, f"{number}")
            await talk.bob.hears_texts(ROOM, number + 1)
            found = await talk.bob.ask("sync", {"room": ROOM, "after": number})
            assert [one["text"] for one in found["messages"]] == [f"{number}"]


async def test_whoever_joins_amid_talk_misses_nothing(tmp_path: Path, redis: RedisServer) -> None:
    """What is not in the answer to a join is heard, on whichever server it was said."""
    async with two(tmp_path, redis) as talk, servers(tmp_path) as begin:
        third = await begin(redis_url=redis.url)
        talking = asyncio.create_task(talk.say(300))
        for number in range(20):
            async with Talker(third.url, f"guest{number}") as guest:
                joined = await guest.join(ROOM)
                await until(lambda: changes(guest) or talking.done(), PATIENCE)
                heard = [one["rev"] for one in changes(guest) if one["rev"] > joined["rev"]]
                assert heard == list(range(joined["rev"] + 1, joined["rev"] + 1 + len(heard)))
        await talking
        await talk.all_heard()


async def test_without_redis_news_come_by_looking(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        await talk.say(10)
        await talk.all_heard()
        await redis.kill()
        await talk.alice.say(ROOM, "10")
        talk.said += 1
        assert await talk.all_heard() < NEWS_WITHIN
        await talk.say(50)
        assert await talk.all_heard() < NEWS_WITHIN
        await talk.alice.ask("topic", {"room": ROOM, "topic": "tea"})
        await talk.bob.hears("room", lambda event: event["room"]["topic"] == "tea")
        assert talk.reading(talk.b, "parlor_feed_looks_found") > 0
        await redis.begin()
        await until(lambda: all(one.redis and one.redis.is_connected for one in talk.servers), PATIENCE)
        await talk.say(10)
        await talk.all_heard()


async def test_a_redis_that_hangs_keeps_nobody_waiting(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        redis.suspend()
        began = time.monotonic()
        await talk.say(20)
        assert time.monotonic() - began < NEWS_WITHIN, "no ack waits for Redis"
        assert await talk.all_heard() < NEWS_WITHIN
        redis.resume()
        await talk.say(20)
        assert await talk.all_heard() < NEWS_WITHIN


async def test_a_redis_that_hangs_does_not_hold_up_a_stop(tmp_path: Path, redis: RedisServer) -> None:
    async with servers(tmp_path) as begin:
        server = await begin(redis_url=redis.url)
        async with Talker(server.url, "alice") as alice:
            await alice.join(ROOM)
            redis.suspend()
            await alice.say(ROOM, "last words")
            began = time.monotonic()
            await server.stop()
            assert time.monotonic() - began < 5
        redis.resume()


async def test_subscribers_that_redis_cuts_miss_nothing(tmp_path: Path) -> None:
    """Hardly anything may wait for a subscriber: whoever hears a few long messages at once is cut."""
    limit = {"client_output_buffer_limit": "pubsub 2000 0 0"}
    async with redis_server(tmp_path / "redis", **limit) as redis, two(tmp_path, redis) as talk:
        while not all(one.redis and one.redis.outages.count for one in talk.servers):
            long = [asyncio.create_task(one.say("long", "\U0001f600" * 4_000)) for one in talk.people for _ in range(4)]
            await asyncio.gather(talk.say(20), *long)
        assert await talk.all_heard() < NEWS_WITHIN


async def test_false_and_doubled_and_late_news_are_not_told(
    tmp_path: Path, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with two(tmp_path, redis) as talk:
        await talk.say(4)
        await talk.all_heard()
        epoch = talk.a.chat.epoch
        seal, channel = Seal("00000000", epoch), f"parlor:{epoch[:8]}:room:{ROOM}"

        def news(rev: int, text: str) -> bytes:
            return seal.close(b"n", 0, struct.pack(">Q", rev) + text.encode())

        said = '42["message",{"room":"lobby","message":{"seq":1,"rev":%d,"text":"false"}}]'
        mutated = bytearray(news(6, said % 6))
        mutated[40] ^= 1
        for body in (
            *(news(rev, said % rev) for rev in (1, 2, 3, 4, 2, 1)),  # long known
            *(news(rev, said % rev) for rev in (9, 7, 1_000_000, 2**63)),  # in no database
            news(0, said % 5),
            news(5, '42["typing",{}]'),
            news(0, '42["room",{}]'),
            news(0, '42["welcome",{"me":{}}]'),
            news(0, "41"),
            seal.close(b"n", 0, b""),
            seal.close(b"n", 0, b"\xff" * 100),
            seal.close(b"n", 0, struct.pack(">Q", 5) + b'42["message",{\xff\xff'),
            bytes(mutated),
            random.Random(1).randbytes(5_000),
        ):
            await redis.call("PUBLISH", channel, body)
        await until(lambda: all(talk.reading(one, "parlor_feed_false") == 4 for one in talk.servers), PATIENCE)
        await talk.say(6)
        await talk.all_heard()
        assert not [event for event, _ in talk.alice.heard if event not in ("welcome", "people", "message")]
        assert talk.reading(talk.a, "parlor_feed_held_bytes") == 0
        assert talk.reading(talk.a, "parlor_feed_doubled") >= 6
        assert talk.a.redis and talk.a.redis.counts.garbage == 10
        assert len([one for one in caplog.records if "no news" in one.message]) == 2, "one for each server"


async def test_news_out_of_order_and_with_holes_are_told_in_order(tmp_path: Path, redis: RedisServer) -> None:
    """One server is cut off from Redis, and what it says reaches the other one shuffled, in part, and twice."""
    async with two(tmp_path, redis) as talk:
        assert talk.a.feed and talk.a.feed.bus
        bus, sent = talk.a.feed.bus, list[tuple[Any, ...]]()

        class Unreliable:
            listen, ignore = bus.listen, bus.ignore

            def publish(self, *news: Any) -> None:
                sent.append(news)

        talk.a.feed.bus = Unreliable()
        await talk.say(60)
        chance = random.Random(3)
        for news in chance.choices(sent, k=len(sent)):
            bus.publish(*news)
        assert await talk.all_heard() < NEWS_WITHIN


async def test_a_room_where_nobody_is_is_not_heard(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        channel = f"parlor:{talk.a.chat.epoch[:8]}:room:{ROOM}"
        assert await redis.call("PUBSUB", "NUMSUB", channel) == [channel, 2]
        await talk.bob.ask("leave", {"room": ROOM})
        async with asyncio.timeout(PATIENCE):
            while await redis.call("PUBSUB", "NUMSUB", channel) != [channel, 1]:
                await asyncio.sleep(0.01)
        await talk.alice.say(ROOM, "alone")
        joined = await talk.bob.join(ROOM)
        assert [one["text"] for one in joined["messages"]] == ["alone"]
        await talk.alice.say(ROOM, "not alone")
        assert (await talk.bob.hears("message"))["message"]["text"] == "not alone"


async def test_two_chats_share_one_redis(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path / "one", redis) as one, two(tmp_path / "other", redis) as other:
        await asyncio.gather(one.say(20), other.say(20))
        await one.all_heard()
        await other.all_heard()


async def test_where_the_database_has_lost_what_was_told_everybody_starts_over(
    tmp_path: Path, redis: RedisServer
) -> None:
    """As where a standby takes over that had not got the last messages."""
    async with two(tmp_path, redis) as talk:
        await talk.say(4)
        await talk.all_heard()
        await talk.a.database.write(lose, room=ROOM, after=2)
        await until(lambda: not talk.alice.client.connected and not talk.bob.client.connected)
        async with Talker(talk.b.url, token=talk.bob.token) as again:
            joined = await again.join(ROOM, after=4, epoch=talk.b.chat.epoch)
            assert joined["reset"] and [one["text"] for one in joined["messages"]] == talk.bob.texts(ROOM)[:2]


def lose(db: Any, *, room: str, after: int) -> None:
    """The last messages, as if they had never been stored."""
    db.exec_driver_sql(f"DELETE FROM messages WHERE rev > {after}")
    db.exec_driver_sql(f"UPDATE rooms SET rev = {after}, seq = {after}")


async def test_another_history_in_the_database_is_another_one_for_everybody(tmp_path: Path, redis: RedisServer) -> None:
    """As where the operator loads a backup into it: who notices first does not matter."""
    async with two(tmp_path, redis) as talk:
        await talk.say(4)
        await talk.all_heard()
        await talk.a.database.write(queries.rename_epoch, "f" * 32)
        await until(lambda: not talk.alice.client.connected and not talk.bob.client.connected)
        async with Talker(talk.a.url, token=talk.alice.token) as alice, Talker(talk.b.url) as bob:
            assert (await alice.join(ROOM, after=4, epoch="0" * 32))["reset"]
            assert (await bob.join(ROOM))["room"]["epoch"] == "f" * 32
            await alice.say(ROOM, "and on")
            assert (await bob.hears("message"))["message"]["rev"] == 5
        channels = await redis.call("PUBSUB", "CHANNELS", "parlor:*")
        assert all(one.startswith("parlor:ffffffff:") for one in channels), channels


async def test_who_joins_before_redis_knows_of_it_hears_of_it_then(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said between the join and the subscription is looked for once that is confirmed."""
    monkeypatch.setattr("app.live.feed.LOOK_S", 1_000)
    async with two(tmp_path, redis) as talk:
        redis.suspend()
        await talk.bob.join("new")
        await talk.alice.join("new")
        assert talk.a.feed
        talk.a.feed.bus = None
        await talk.alice.say("new", "hello")
        redis.resume()
        await talk.bob.hears_texts("new", 1)


async def test_how_redis_is_is_told_and_keeps_nobody_from_serving(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk, aiohttp.ClientSession() as http:

        async def ready() -> tuple[int, Any]:
            async with http.get(f"{talk.a.url}/readyz") as answer:
                return answer.status, await answer.json()

        assert await ready() == (200, {"ok": True, "redis": "connected"})
        await talk.say(2)
        await talk.all_heard()
        async with http.get(f"{talk.a.url}/metrics") as answer:
            text = await answer.text()
        for line in ("parlor_redis_connected 1.0", "parlor_redis_subscriptions ", "parlor_bus_published_total "):
            assert line in text
        await redis.kill()
        async with asyncio.timeout(PATIENCE):
            while await ready() != (200, {"ok": True, "redis": "away"}):
                await asyncio.sleep(0.01)


async def test_a_redis_that_is_not_there_is_said_at_the_start(start_server: Start) -> None:
    with pytest.raises(BadSetting, match=r"REDIS_URL: 127\.0\.0\.1:\d+ cannot be reached \(Connection refused\)\.$"):
        await start_server(redis_url=f"redis://:secret@127.0.0.1:{free_port()}")
    await start_server()  # what was opened was closed


async def test_who_needs_no_redis_has_none_of_it(server: Running) -> None:
    assert server.feed is None and server.redis is None
    assert await server.database.read(queries.standings, ["lobby"]) == (server.chat.epoch, {})
