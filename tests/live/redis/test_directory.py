"""Who is where, over two servers on one database and one Redis: everybody is there once, and leaves with the last."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from app.chat.presence.state import REMOTE
from app.live.redis import heartbeats, other_people, shapes
from app.live.redis.connection import Unusable
from app.live.redis.frames import BadFrame, Seal
from app.model import Connection, Person
from app.server import Running
from tests.chat.test_presence import comes
from tests.conftest import Start
from tests.support.redis import RedisServer
from tests.support.talker import Talker, hang_up, until

Two = tuple[Running, Running]
PHRASE = "correct horse battery"


@pytest.fixture
async def two(start_server: Start, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Two:
    """Two that have heard each other; they beat more often than they would."""
    monkeypatch.setattr(heartbeats, "BEAT_S", 0.1)
    monkeypatch.setattr(heartbeats, "SILENCE_S", 1.0)
    monkeypatch.setattr(other_people, "LINGER_S", 0.1)
    both = await start_server(redis_url=redis.url), await start_server(redis_url=redis.url)
    await until(lambda: all(len(heard(one)) == 1 for one in both))
    return both


def heard(server: Running) -> dict[str, Any]:
    assert server.directory
    return server.directory._heartbeats._heard


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [one["nickname"] for one in entries]


def shown(server: Running, room: str = "lobby") -> dict[str, bool]:
    """Who is in the room by what the server knows, and whether they are reconnecting."""
    page, _ = server.chat.presence.rooms.page(room, None, 1_000)
    return {one["nickname"]: one.get("reconnecting", False) for one in page}


async def suddenly_dies(server: Running) -> None:
    """As by SIGKILL: nothing is told any more. Its sockets stay open, and are of no interest."""
    for task in server.background_tasks:
        task.cancel()
    assert server.redis
    await server.redis.close()


@asynccontextmanager
async def alice_and_bob(two: Two) -> AsyncIterator[tuple[Talker, Talker]]:
    """One at each, in the lobby, and alice knows of bob."""
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: event["count"] == 2)
        yield alice, bob


async def test_people_of_two_processes_see_each_other_in_one_list(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, "bob") as bob:
        await alice.join("lobby")
        joined = await bob.join("lobby")
        assert (names(joined["people"]), joined["count"]) == (["alice", "bob"], 2), "who was there before"
        event = await alice.hears("people", lambda event: "bob" in names(event["joined"]))
        assert event["count"] == 2
        await hang_up(bob.client)
        event = await alice.hears("people", lambda event: "bob" in names(event["left"]))
        assert event["count"] == 1


async def test_two_tabs_on_two_processes_are_one_person_who_leaves_with_the_last(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(one.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        async with Talker(other.url, token=bob.token) as tab:
            joined = await tab.join("lobby")
            assert (names(joined["people"]), joined["count"]) == (["alice", "bob"], 2)
            await until(lambda: f"{REMOTE}{other.chat.process}/{bob.me['id']}" in one.chat.presence.online._connections)
            await hang_up(bob.client)
            await alice.say("lobby", "still two")
            assert (await alice.ask("people", {"room": "lobby"}))["count"] == 2
        await alice.hears("people", lambda event: "bob" in names(event["left"]))
        assert shown(one) == {"alice": False}


async def test_a_broken_line_at_another_process_is_shown_as_reconnecting(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: "bob" in names(event["joined"]))
        bob.client.eio.ws._response.connection.transport.abort()
        change = await alice.hears("people", lambda event: "changed" in event)
        assert change["changed"] == [{"id": bob.me["id"], "nickname": "bob", "reconnecting": True}]
        async with Talker(one.url, token=bob.token) as again:
            await again.join("lobby")
            change = await alice.hears(
                "people", lambda event: {"id": bob.me["id"], "nickname": "bob"} in event.get("changed", ())
            )
            assert change["count"] == 2


async def test_a_rename_reaches_lists_and_tabs_everywhere(two: Two) -> None:
    """Also the tab in a room to which nobody at the other process listens."""
    one, other = two
    async with (
        Talker(one.url, "alice") as alice,
        Talker(other.url, token=alice.token) as tab,
        Talker(other.url, "bob") as bob,
    ):
        await alice.join("lobby")
        await bob.join("lobby")
        await tab.join("elsewhere")
        await alice.ask("rename", {"nickname": "Alicia"})
        assert await tab.hears("me", lambda event: event["me"] == {"id": alice.me["id"], "nickname": "Alicia"})
        assert (await tab.say("elsewhere", "x"))["nickname"] == "Alicia"
        await bob.hears("people", lambda event: "Alicia" in names(event["joined"] + event.get("changed", [])))
        assert shown(other) == {"Alicia": False, "bob": False}


async def test_an_arrival_under_another_name_renames_the_tabs_elsewhere(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, "Alix", token=alice.token):
        assert (await alice.hears("me"))["me"]["nickname"] == "Alix"


async def test_of_two_renames_at_two_processes_the_one_that_was_stored_last_is_shown_everywhere(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, token=alice.token) as tab:
        await alice.join("lobby")
        await tab.join("lobby")
        for n in range(5):
            await asyncio.gather(
                alice.ask("rename", {"nickname": f"one {n}"}), tab.ask("rename", {"nickname": f"other {n}"})
            )
        stored = await one.chat.store.read(lambda db: db.exec_driver_sql("SELECT nickname FROM people").scalar())
        await until(lambda: shown(one) == shown(other) == {stored: False})


async def test_a_token_that_has_a_successor_is_good_at_no_process(two: Two) -> None:
    one, other = two
    async with (
        Talker(one.url, "alice") as home,
        Talker(one.url, "phone") as phone,
        Talker(other.url, token=phone.token) as tab,
    ):
        await home.ask("reserve", {"passphrase": PHRASE})
        await tab.join("lobby")
        answer = await phone.ask("identify", {"nickname": "alice", "passphrase": PHRASE})
        assert (await tab.say("lobby", "x"))["author"] == phone.me["id"], "who has the former token is nobody else"
        async with Talker(other.url, token=answer["token"]) as again:
            assert again.me["id"] == home.me["id"]
            await until(lambda: not tab.client.connected)
            assert (await phone.ask("join", {"room": "lobby"}))["me"]["id"] == home.me["id"], "who asked goes on"
        async with Talker(other.url, token=phone.token) as late:
            assert late.me["id"] not in (home.me["id"], phone.me["id"])
            assert late.welcome["token"]


async def test_a_process_that_dies_takes_its_people_along_reconnecting_first(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    one.chat.grace = 3
    async with Talker(one.url, "alice") as alice, Talker(other.url, "bob") as bob, Talker(other.url, "carol") as carol:
        await alice.join("lobby")
        await bob.join("lobby")
        await carol.join("lobby")
        await alice.hears("people", lambda event: event["count"] == 3)
        await suddenly_dies(other)
        await alice.hears("people", lambda event: {"bob", "carol"} <= set(names(event.get("changed", []))))
        assert shown(one) == {"alice": False, "bob": True, "carol": True}
        async with Talker(one.url, token=bob.token) as again:
            await again.join("lobby")
            await alice.hears("people", lambda event: "carol" in names(event["left"]))
            assert shown(one) == {"alice": False, "bob": False}


async def test_a_process_that_stops_is_not_missed_but_its_people_are_awaited(two: Two) -> None:
    one, other = two
    async with alice_and_bob(two):
        await other.stop()
        await until(lambda: heard(one) == {})
        await until(lambda: shown(one) == {"alice": False, "bob": True})


async def test_while_redis_is_away_what_was_known_stays_and_what_changed_is_told_when_it_is_back_empty(
    two: Two, redis: RedisServer
) -> None:
    one, other = two
    async with alice_and_bob(two) as (alice, bob):
        await redis.kill()
        async with Talker(other.url, "carol") as carol:
            await carol.join("lobby")
            await alice.ask("rename", {"nickname": "Alicia"})
            await until(lambda: not one.redis.is_connected and not other.redis.is_connected)
            await asyncio.wait([asyncio.create_task(carol.ask("echo"))])
            assert shown(one) == {"Alicia": False, "bob": False}
            await hang_up(bob.client)
            await redis.begin()
            everybody = {"Alicia": False, "carol": False}
            await until(lambda: shown(one) == shown(other) == everybody)


async def test_what_is_to_be_read_again_is_also_where_the_read_before_it_fails(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis was away when it began, and back before it had failed."""
    one, _ = two
    call, may_fail, asked = one.redis.call, asyncio.Event(), []

    async def fails_at_first(*command: Any) -> Any:
        if command[0] not in ("GET", "HGETALL"):
            return await call(*command)
        asked.append(command)
        if len(asked) > 2:
            return await call(*command)
        await may_fail.wait()
        raise Unusable("Redis is away")

    async with alice_and_bob(two):
        monkeypatch.setattr(one.redis, "call", fails_at_first)
        one.directory._others.read_again()
        await until(lambda: len(asked) == 2)
        one.directory._others.read_again()
        may_fail.set()
        await until(lambda: len(asked) == 4)


async def test_rooms_to_which_nobody_here_listens_are_listed_with_their_people(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, "bob") as bob, Talker(other.url, "carol") as carol:
        await bob.join("kitchen")
        await carol.join("kitchen")

        async def rooms(who: Talker) -> dict[str, int]:
            return {room["name"]: room["people"] for room in (await who.ask("rooms"))["rooms"]}

        async with asyncio.timeout(10):
            while await rooms(alice) != {"kitchen": 2}:
                await asyncio.sleep(0.02)
        assert await rooms(bob) == {"kitchen": 2}
        assert (await alice.join("kitchen"))["count"] == 3
        assert await rooms(alice) == {"kitchen": 3}, "each of them once"


async def test_a_room_that_is_left_is_forgotten_and_read_again(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, "bob") as bob:
        await bob.join("lobby")
        for _ in range(2):
            assert names((await alice.join("lobby"))["people"]) == ["alice", "bob"]
            await alice.ask("leave", {"room": "lobby"})
            await until(lambda: len(one.directory._others.elsewhere) == 0)
        assert one.chat.presence.online.nickname(bob.me["id"]) is None


async def test_a_frame_that_was_missed_is_made_up_for(two: Two) -> None:
    one, other = two
    async with Talker(one.url, "alice") as alice, Talker(other.url, "bob") as bob, Talker(other.url, "carol") as carol:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: event["count"] == 2)
        here = one.directory._others._rooms["lobby"]
        here.last[other.chat.process] -= 1  # as if another one had come before
        one.directory._others.elsewhere.leave(other.chat.process, "lobby", bob.me["id"])
        await carol.join("lobby")
        await until(lambda: shown(one) == {"alice": False, "bob": False, "carol": False})


async def test_nothing_is_left_in_redis_of_those_who_have_gone(two: Two, redis: RedisServer) -> None:
    async with alice_and_bob(two):
        for key in await redis.call("KEYS", "*"):
            assert await redis.call("TTL", key) in {-2, *range(121)}, key  # gone since, or soon
    async with asyncio.timeout(10):
        while any(":here:" in key for key in await redis.call("KEYS", "*")):
            await asyncio.sleep(0.02)


async def test_a_crowd_costs_others_what_changes_and_never_the_whole_room(two: Two, redis: RedisServer) -> None:
    """A thousand sit at one process: what a join of one more takes over Redis is that one."""
    one, other = two
    sizes: list[int] = []
    publish = other.redis.publish

    def weigh(channel: str, kind: bytes, *bodies: bytes) -> None:
        sizes.extend(len(body) for body in bodies if kind == shapes.CAME)
        publish(channel, kind, *bodies)

    other.redis.publish = weigh
    for n in range(1_000):
        comes(other.chat.presence, Connection(f"socket-{n}", Person(f"id-{n}", f"guest {n:04}")), "full")
    async with Talker(one.url, "alice") as alice, Talker(other.url, "zoe") as zoe:
        await alice.join("full")
        await until(lambda: one.chat.presence.rooms.count("full") == 1_001)
        sizes.clear()
        await zoe.join("full")
        await until(lambda: one.chat.presence.rooms.count("full") == 1_002)
        assert sizes and sum(sizes) < 200


PROFILE = ["id", "alice", False, 1]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("changes", b"no JSON"),
        ("changes", [0, 1]),
        ("changes", [0, -1, []]),
        ("changes", [0, 1, [["id", "alice", False, 1, 1e9]]]),
        ("changes", [0, 1, [["id", "", False, 1, None]]]),
        ("changes", [0, 1, [["id", "a" * 257, False, 1, None]]]),
        ("changes", [0, 1, [["id", "a\u202eb", False, 1, None]]]),
        ("changes", [0, 1, [["@x/y", "alice", False, 1, None]]]),
        ("changes", [0, 1, [["id", "alice", 1, 1, None]]]),
        ("changes", [0, 1, [[*PROFILE, None]] * 201]),
        ("called", ["i" * 33, "alice", False, 1]),
        ("called", {"id": "alice"}),
        ("revoked", ["no token", "0" * 64]),
        ("ignored", ["@x/y"]),
        ("ignored", ["id", "other"]),
        ("ignored", "id"),
        ("beat", [1, False, {"No Room!": 1}]),
        ("beat", [1, False, {"lobby": 0}]),
        ("beat", [1, False, {f"room-{n}": 1 for n in range(101)}]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_another_shape_is_no_news(kind: str, body: Any) -> None:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    with pytest.raises(BadFrame):
        getattr(shapes, f"read_{kind}")(data)


async def test_garbage_on_the_channels_changes_nothing(two: Two, redis: RedisServer) -> None:
    one, other = two
    async with alice_and_bob(two) as (alice, _):
        seal = Seal("stranger", one.chat.epoch, one.settings.secret.get_secret_value())
        for channel, kind in (
            ("room:lobby", b"p"),
            ("people", b"q"),
            ("people", b"t"),
            ("people", b"g"),
            ("processes", b"b"),
        ):
            for body in (b"", b"[]", b"[1,2,3]", b'{"a":1}', b"\xff" * 100, b"[" * 10_000):
                await redis.call("PUBLISH", one.redis.key(channel), seal.close(kind, 0, body))
        await redis.call("HSET", one.redis.key(f"here:{other.chat.process}:lobby"), "@x", "[]", "mallory", "{}")
        async with Talker(other.url, "carol") as carol:
            await carol.join("lobby")
            await alice.hears("people", lambda event: event["count"] == 3)
            assert shown(one) == {"alice": False, "bob": False, "carol": False}


async def test_whom_one_ignores_is_known_at_once_to_ones_tab_at_another_process(two: Two) -> None:
    _, other = two
    async with alice_and_bob(two) as (alice, bob), Talker(other.url, token=alice.token) as tab:
        await alice.ask("ignore", {"person": bob.me["id"], "on": True})
        assert await tab.hears("ignored") == {"ignored": [bob.me["id"]]}
        await tab.ask("ignore", {"person": bob.me["id"], "on": False})
        assert await alice.hears("ignored") == {"ignored": []}
