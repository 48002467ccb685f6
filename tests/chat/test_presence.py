"""Who is here: heads are people, a broken connection is awaited, nobody is told what is no news."""

import asyncio
from itertools import pairwise
from random import Random
from typing import Any

import orjson
import pytest

from app.chat.presence import Pace, Presence
from app.chat.presence.news import LARGE_INTERVAL_S, LARGE_INTERVAL_S_PER_PERSON, News
from app.chat.presence.state import OnlinePerson, RoomPresence
from app.model import Connection, Person, Profile
from app.server import Running
from tests.conftest import Start
from tests.support.talker import Talker, hang_up, until


def names(told: list[dict[str, Any]], what: str) -> list[str]:
    return [one["nickname"] for event in told for one in event.get(what, ())]


async def drop(one: Talker) -> None:
    """The line is cut, without a goodbye."""
    socket = one.client.eio.ws
    if socket is None:
        await one.client.eio.disconnect(abort=True)
    else:
        socket._response.connection.transport.abort()
        await until(lambda: not one.client.connected)


def told(one: Talker, what: str) -> list[str]:
    return names([payload for name, payload in one.heard if name == "people"], what)


async def test_a_dropped_line_shows_as_reconnecting_and_back_is_no_news(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: "bob" in names([event], "joined"))
        await drop(bob)
        change = await alice.hears("people", lambda event: "changed" in event)
        assert change["changed"] == [{"id": bob.me["id"], "nickname": "bob", "reconnecting": True}]
        assert (change["joined"], change["left"], change["count"]) == ([], [], 2)
        entries = (await alice.ask("people", {"room": "lobby"}))["people"]
        assert {one["nickname"]: one.get("reconnecting") for one in entries} == {"alice": None, "bob": True}
        alice.heard.clear()
        async with Talker(server.url, token=bob.token) as again:
            await again.join("lobby")
            back = await alice.hears("people", lambda event: "changed" in event)
            assert back["changed"] == [{"id": bob.me["id"], "nickname": "bob"}]
            assert not told(alice, "joined") and not told(alice, "left")


async def test_who_does_not_come_back_has_left_after_the_grace(start_server: Start) -> None:
    server = await start_server(grace=0.6)
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await drop(bob)
        left = await alice.hears("people", lambda event: event["left"] != [])
        assert (names([left], "left"), left["count"]) == (["bob"], 1)
        assert server.chat.presence.online.nickname(bob.me["id"]) is None, "nothing is kept of who is gone"


async def test_who_says_goodbye_has_left_at_once(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await hang_up(bob.client)
        await alice.hears("people", lambda event: "bob" in names([event], "left"))
        assert not told(alice, "changed")


async def test_with_another_tab_open_nobody_is_reconnecting(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        async with Talker(server.url, token=bob.token) as tab:
            await tab.join("lobby")
            await drop(bob)
            await until(lambda: len(server.chat.presence.online.connections(bob.me["id"])) == 1)
            entries = (await alice.ask("people", {"room": "lobby"}))["people"]
            assert all("reconnecting" not in one for one in entries)


async def test_a_quick_reload_is_told_to_nobody(server: Running) -> None:
    """Bob's old socket closes and his new one sits down before the room hears of it; what it hears next is carol."""
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: "bob" in names([event], "joined"))
        alice.heard.clear()
        async with Talker(server.url, token=bob.token) as again, Talker(server.url, "carol") as carol:
            await hang_up(bob.client)
            await until(lambda: len(server.chat.presence.online.connections(bob.me["id"])) == 1)
            await again.join("lobby")
            await carol.join("lobby")
            await alice.hears("people", lambda event: "carol" in names([event], "joined"))
        first = next(payload for name, payload in alice.heard if name == "people")
        assert (names([first], "joined"), first["left"], first.get("changed")) == (["carol"], [], None)


async def test_who_is_renamed_on_the_way_back_is_told_so(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: "bob" in names([event], "joined"))
        await drop(bob)
        await alice.hears("people", lambda event: "changed" in event)
        async with Talker(server.url, "robert", token=bob.token) as again:
            await again.join("lobby")
            await alice.hears("people", lambda event: {"id": bob.me["id"], "nickname": "robert"} in event["joined"])


async def test_after_a_restart_no_ghost_is_in_the_list(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        await server.stop()
    again = await start_server()
    async with Talker(again.url, "alice") as alice:
        assert [one["nickname"] for one in (await alice.join("lobby"))["people"]] == ["alice"]


class Onlooker:
    """Somebody who was shown a list of the room, and follows it by what they hear: as static/js/presence.js does."""

    def __init__(self, shown: list[dict[str, Any]]) -> None:
        self.people = {one["id"]: one for one in shown}

    def hear(self, event: dict[str, Any]) -> None:
        self.people |= {one["id"]: one for one in event["joined"]}
        for one in event["left"]:
            self.people.pop(one["id"], None)
        changed, is_partial = event.get("changed", ()), event.get("partial", False)
        self.people |= {one["id"]: one for one in changed if is_partial or one["id"] in self.people}
        for id in event.get("beyond", ()):
            self.people.pop(id, None)


class Hasty(News):
    """News are told in the next tick."""

    def note(self, room: str, person: OnlinePerson, _delay: float = 0) -> None:
        super().note(room, person, 0)


class Room:
    """A room and its onlookers."""

    def __init__(self, pace: Pace | None = None, first_page: int = 100) -> None:
        self.presence = Presence(self.broadcast)
        self.presence._news = Hasty(self.presence.rooms, self.broadcast, pace or Pace())
        self.first_page = first_page
        self.onlookers: list[Onlooker] = []
        self.told = 0

    def broadcast(self, _room: str, _event: str, payload: dict[str, Any]) -> None:
        self.told += 1
        for one in self.onlookers:
            one.hear(payload)

    def list(self) -> list[dict[str, Any]]:
        return self.presence.rooms.page("lobby", None, self.first_page)[0]

    async def hears_the_news(self) -> None:
        for _ in range(4):  # a timer that is due runs in the next tick, and may start another one
            await asyncio.sleep(0)


def comes(presence: Presence, connection: Connection, room: str) -> None:
    presence.connect(connection)
    presence.join(connection, room)


@pytest.mark.parametrize("seed", range(20))
async def test_who_was_shown_a_list_is_told_what_is_no_longer_true(seed: int) -> None:
    """People come, go, are renamed, lose their line and have it again, and lists are shown at any moment between."""
    r, room, sockets = Random(seed), Room(), 0
    tabs: dict[str, list[Connection]] = {name: [] for name in ("alice", "bob", "carol")}
    for _ in range(300):
        name = r.choice(list(tabs))
        match r.choice(("come", "come", "leave", "go", "go", "rename", "look", "look", "news")):
            case "come":
                sockets += 1
                person = Person(name, room.presence.online.nickname(name) or name)
                tabs[name].append(Connection(f"socket {sockets}", person))
                comes(room.presence, tabs[name][-1], "lobby")
            case "leave" if tabs[name]:
                room.presence.leave(r.choice(tabs[name]), "lobby")
            case "go" if tabs[name]:
                awaited = r.choice((0, 1e-9, 1_000))  # goodbye; awaited until the next tick; for longer than the test
                room.presence.disconnect(tabs[name].pop(r.randrange(len(tabs[name]))), awaited)
            case "rename":
                room.presence.update(Profile(name, f"{name} {r.randrange(3)}"))
            case "look":
                room.onlookers.append(Onlooker(room.list()))
            case "news":
                await room.hears_the_news()
                truth = {one["id"]: one for one in room.list()}
                assert all(one.people == truth for one in room.onlookers)
    assert room.told > 10
    room.presence.stop()


async def test_who_comes_back_before_the_news_is_told_to_whom_a_list_missed_them() -> None:
    """And a list shown after the last change is as true as the event: it makes no news."""
    room, bob = Room(), Connection("socket 1", Person("bob", "bob"))
    room.presence.connect(bob)
    room.presence.join(bob, "lobby")
    await room.hears_the_news()
    room.presence.leave(bob, "lobby")
    room.presence.join(bob, "lobby")
    room.list()
    await room.hears_the_news()
    assert room.told == 1
    room.presence.leave(bob, "lobby")
    room.onlookers.append(Onlooker(room.list()))
    room.presence.join(bob, "lobby")
    await room.hears_the_news()
    assert (room.told, list(room.onlookers[0].people)) == (2, ["bob"])


LARGE = Pace(large_room=4, first_page=3, interval_s=0, interval_s_per_person=0)


@pytest.mark.parametrize("seed", range(20))
async def test_in_a_large_room_everybody_follows_its_first_page(seed: int) -> None:
    """The same in a room that is large with five people, whose events hold the changes of its first three."""
    r, room, sockets = Random(seed), Room(LARGE, first_page=3), 0
    presence = room.presence
    tabs: dict[str, list[Connection]] = {name: [] for name in "abcdefghijkl"}
    for name in "exyz":  # these stay, so that it is always large
        comes(presence, Connection(f"socket of {name}", Person(f"{name} stays", f"{name} stays")), "lobby")
    comes(presence, Connection("socket", Person("last", "zz")), "lobby")
    await room.hears_the_news()
    for _ in range(400):
        name = r.choice(list(tabs))
        match r.choice(("come", "come", "go", "go", "rename", "look", "news")):
            case "come":
                sockets += 1
                person = Person(name, presence.online.nickname(name) or name)
                tabs[name].append(Connection(f"socket {sockets}", person))
                comes(presence, tabs[name][-1], "lobby")
            case "go" if tabs[name]:
                awaited = r.choice((0, 1e-9, 1_000))
                presence.disconnect(tabs[name].pop(r.randrange(len(tabs[name]))), awaited)
            case "rename":
                presence.update(Profile(name, f"{r.choice('abcdefghijklmnop')} {name}"))
            case "look":
                room.onlookers.append(Onlooker(room.list()))
            case "news":
                await room.hears_the_news()
                truth = {one["id"]: one for one in room.list()}
                assert all(one.people == truth for one in room.onlookers)
    assert room.told > 10
    presence.stop()


class Large:
    """A room of so many people, named in order; its events."""

    def __init__(self, people: int, pace: Pace | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.presence = Presence(self.broadcast, pace)
        for n in range(people):
            self.comes(f"guest {n:04}")

    def broadcast(self, _room: str, _event: str, payload: dict[str, Any]) -> None:
        self.events.append(payload)
        self.times.append(asyncio.get_running_loop().time())

    def comes(self, name: str) -> None:
        comes(self.presence, Connection(f"socket of {name}", Person(name, name)), "lobby")

    def goes(self, name: str) -> None:
        self.presence.disconnect(self.presence.online.connection(f"socket of {name}"))

    async def event(self) -> dict[str, Any]:
        await until(lambda: self.events)
        return self.events.pop()


async def test_a_large_room_hears_its_count_and_the_changes_of_its_first_page() -> None:
    """Above 200 people; in one of 200 everybody is told of everybody."""
    room = Large(200)
    assert (len((event := await room.event())["joined"]), event.get("partial")) == (200, None)
    room = Large(201, Pace(interval_s=0.01))
    event = await room.event()
    assert (names([event], "joined"), event["left"]) == ([f"guest {n:04}" for n in range(50)], [])
    assert (event["count"], event["partial"]) == (201, True)
    room.comes("zoe")
    room.goes("guest 0150")
    room.comes("zack")
    assert await room.event() == {"room": "lobby", "joined": [], "left": [], "count": 202, "partial": True}
    room.comes("ann")
    event = await room.event()
    assert (names([event], "joined"), event["beyond"], event["count"]) == (["ann"], ["guest 0049"], 203)
    room.goes("ann")
    room.goes("guest 0000")
    event = await room.event()
    assert (sorted(names([event], "left")), event["joined"]) == (["ann", "guest 0000"], [])
    assert names([event], "changed") == ["guest 0049", "guest 0050"], "they moved up onto the page"
    room.presence.stop()


async def test_a_large_room_is_told_at_its_pace_however_many_come_and_go() -> None:
    pace = Pace(interval_s=0.1, interval_s_per_person=0)
    room, coming = Large(300, pace), 0
    while len(room.times) < 5:
        coming += 1
        room.comes(f"a guest {coming}")
        if coming > 1:
            room.goes(f"a guest {coming - 1}")
        await asyncio.sleep(0)
    assert coming > 20
    assert min(later - one for one, later in pairwise(room.times)) >= 0.1 - 0.002  # the clock's resolution
    assert all(len(orjson.dumps(event)) < 20_000 for event in room.events), "hundreds in each, and no event is heavy"
    room.presence.stop()


def test_a_large_room_is_told_every_two_seconds_and_rarer_where_that_would_take_more_than_a_fiftieth_of_a_core() -> (
    None
):
    few, many = (
        RoomPresence(dict.fromkeys(map(str, range(201)), 1)),
        RoomPresence(dict.fromkeys(map(str, range(10_000)), 1)),
    )
    assert (LARGE_INTERVAL_S, LARGE_INTERVAL_S_PER_PERSON) == (2.0, 0.0005)
    assert (Pace().interval(RoomPresence(dict.fromkeys(map(str, range(200)), 1))), Pace().interval(few)) == (0, 2.0)
    assert Pace().interval(many) == 5.0


async def test_a_room_that_is_small_again_is_told_everything() -> None:
    room = Large(201, Pace(interval_s=0.01))
    assert (await room.event())["partial"]
    room.goes("guest 0150")
    event = await room.event()
    assert (names([event], "left"), event["count"], event.get("partial")) == (["guest 0150"], 200, None)
    room.presence.stop()


async def test_a_join_brings_the_first_people_and_the_verb_the_others(server: Running) -> None:
    limits, presence = server.chat.limits, server.chat.presence
    crowd = 2 * limits.first_people
    for n in range(crowd):
        comes(presence, Connection(f"socket-{n}", Person(f"id-{n}", f"guest {n:03}")), "full")
    async with Talker(server.url, "zoe") as zoe:
        ack = await zoe.join("full")
        assert (len(ack["people"]), ack["count"]) == (limits.first_people, crowd + 1)
        more = await zoe.ask("people", {"room": "full", "after": ack["people"][-1]["nickname"]})
        assert [one["nickname"] for one in ack["people"] + more["people"]] == [
            *(f"guest {n:03}" for n in range(crowd)),
            "zoe",
        ]
        assert (more["more"], (await zoe.hears("welcome"))["server"]["limits"]["first_people"]) == (
            False,
            limits.first_people,
        )
