"""People of other processes in the rooms of this one: there once, with however many tabs at however many processes."""

import asyncio
from random import Random
from typing import Any

import pytest

from app.chat.presence import Presence
from app.chat.presence.elsewhere import Elsewhere
from app.chat.presence.state import OnlinePerson
from app.model import Connection, Person, Profile

ALICE, BOB = Profile("a", "alice"), Profile("b", "bob")


class Here:
    """One process: its presence, and what it told other processes."""

    def __init__(self) -> None:
        self.presence = Presence(lambda *_: None)
        self.elsewhere = Elsewhere(self.presence)
        self.told: list[tuple[str, str, float | None]] = []
        self.presence.on_change = self.note

    def note(self, room: str, person: OnlinePerson, grace: float | None) -> None:
        self.told.append((room, person.id, grace))

    def comes(self, id: str, profile: Profile, room: str = "lobby") -> Connection:
        connection = Connection(id, Person(profile.id, profile.nickname))
        self.presence.connect(connection, profile.reserved, profile.rev)
        self.presence.join(connection, room)
        return connection

    def shown(self, room: str = "lobby") -> dict[str, bool]:
        page, _ = self.presence.rooms.page(room, None, 100)
        return {one["nickname"]: one.get("reconnecting", False) for one in page}


@pytest.fixture
async def here() -> Any:
    here = Here()
    yield here
    here.presence.stop()


async def test_a_person_with_tabs_at_two_processes_is_there_once_and_leaves_with_the_last(here: Here) -> None:
    tab = here.comes("tab", ALICE)
    here.elsewhere.join("process1", "lobby", ALICE)
    here.elsewhere.join("process2", "lobby", ALICE)
    assert (here.shown(), here.presence.rooms.count("lobby")) == ({"alice": False}, 1)
    assert here.presence.disconnect(tab, 10), "the last one here, which is what the database is told"
    assert (here.shown(), here.presence.online.ids(), len(here.presence.online)) == ({"alice": False}, [], 0)
    here.elsewhere.leave("process1", "lobby", "a")
    assert here.shown() == {"alice": False}
    here.elsewhere.leave("process2", "lobby", "a")
    assert (here.shown(), here.presence.online.get("a")) == ({}, None), "and nothing is kept"


async def test_whoever_is_elsewhere_alone_is_not_here(here: Here) -> None:
    here.elsewhere.join("process1", "lobby", ALICE)
    assert not here.presence.online.is_here("a")
    assert (here.presence.online.connections("a"), here.presence.online.here_by_room()) == ([], {})
    assert here.told == [], "what others say is not said again"


async def test_a_line_that_broke_elsewhere_is_awaited_for_as_long_as_that_process_does(here: Here) -> None:
    here.elsewhere.join("process1", "lobby", ALICE)
    here.elsewhere.join("process1", "kitchen", ALICE)
    here.elsewhere.leave("process1", "lobby", "a", 1e-6)
    here.elsewhere.leave("process1", "kitchen", "a", 1_000)
    assert (here.shown(), here.shown("kitchen")) == ({"alice": True}, {"alice": True})
    await asyncio.sleep(0.01)
    assert (here.shown(), here.shown("kitchen")) == ({}, {"alice": True})
    here.elsewhere.join("process2", "kitchen", ALICE)
    assert here.shown("kitchen") == {"alice": False}, "back, at another process"


async def test_a_process_that_is_gone_takes_its_own_people_along(here: Here) -> None:
    here.comes("tab", ALICE)
    for profile in (ALICE, BOB):
        for room in ("lobby", "kitchen"):
            here.elsewhere.join("process1", room, profile)
    here.elsewhere.join("process2", "kitchen", BOB)
    here.elsewhere.drop("process1", 1_000)
    assert (here.shown(), here.shown("kitchen")) == ({"alice": False, "bob": True}, {"alice": True, "bob": False})
    here.elsewhere.drop_room("kitchen")
    assert here.shown("kitchen") == {"alice": True}
    assert len(here.elsewhere) == 0


async def test_what_is_newer_says_how_somebody_is_called_whoever_says_it_and_when(here: Here) -> None:
    here.comes("tab", Profile("a", "alice", rev=3))
    here.elsewhere.join("process1", "lobby", Profile("a", "an old name", rev=2))
    assert here.shown() == {"alice": False}
    here.elsewhere.join("process1", "lobby", Profile("a", "Alicia", reserved=True, rev=4))
    assert (here.shown(), here.presence.online.is_reserved("a")) == ({"Alicia": False}, True)
    assert not here.presence.update(Profile("a", "an old name", rev=3))
    here.presence.online.start_over()
    assert here.presence.update(Profile("a", "of a backup", rev=1)), "another history numbers anew"


async def test_what_others_are_told_is_the_first_who_comes_and_the_last_who_leaves(here: Here) -> None:
    one, two = here.comes("one", ALICE), here.comes("two", ALICE)
    here.elsewhere.join("process1", "lobby", ALICE)
    here.presence.disconnect(one, 10)
    assert here.told == [("lobby", "a", None)]
    here.presence.disconnect(two, 10)
    assert here.told == [("lobby", "a", None), ("lobby", "a", 10)]


async def test_rooms_elsewhere_are_counted_and_those_that_are_known_once(here: Here) -> None:
    rooms = here.presence.rooms
    here.comes("tab", ALICE)
    rooms.elsewhere.update({"kitchen": 3, "lobby": 1})
    assert (rooms.busiest(2), rooms.count("kitchen"), rooms.count("lobby")) == (["kitchen", "lobby"], 3, 2)
    rooms.known.add("lobby")
    assert rooms.count("lobby") == 1


@pytest.mark.parametrize("seed", range(20))
async def test_however_people_come_and_go_here_and_elsewhere_the_list_is_true(seed: int, here: Here) -> None:
    r = Random(seed)
    tabs: dict[str, list[Connection]] = {"a": [], "b": []}
    there: set[tuple[str, str, str]] = set()  # process, room, person
    profiles = {"a": ALICE, "b": BOB}
    for n in range(400):
        id, room, process = r.choice("ab"), r.choice(("lobby", "kitchen")), r.choice(("process1", "process2"))
        match r.choice(("come", "go", "join", "join", "leave", "drop", "drop room")):
            case "come":
                tabs[id].append(here.comes(f"tab {n}", profiles[id], room))
            case "go" if tabs[id]:
                here.presence.disconnect(tabs[id].pop(r.randrange(len(tabs[id]))))
            case "join":
                here.elsewhere.join(process, room, profiles[id])
                there.add((process, room, id))
            case "leave":
                here.elsewhere.leave(process, room, id)
                there.discard((process, room, id))
            case "drop" if n % 5 == 0:
                here.elsewhere.drop(process, 0)
                there = {one for one in there if one[0] != process}
            case "drop room" if n % 5 == 0:
                here.elsewhere.drop_room(room)
                there = {one for one in there if one[1] != room}
        online = here.presence.online
        for one in ("lobby", "kitchen"):
            mine = {id for id in tabs if any(one in online.rooms(tab) for tab in tabs[id])}
            others = {id for _, where, id in there if where == one}
            assert set(here.shown(one)) == {profiles[id].nickname for id in mine | others}
            assert set(online.here_by_room().get(one, {})) == mine
        assert set(online.ids()) == {id for id in tabs if tabs[id]}
