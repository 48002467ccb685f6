"""Rooms and who is in them."""

import asyncio
import sys
from types import FrameType
from typing import Any

import pytest

from app.chat import Chat, access, doors
from app.model import Connection, Refused
from app.store import queries
from tests.chat.conftest import Ask, arrives


async def test_joining_makes_the_room_and_lower_cases_its_name(ask: Ask, alice: Connection) -> None:
    joined = await ask(alice, "join", room="Lobby")
    assert joined["room"]["name"] == "lobby"
    assert (joined["count"], joined["people"]) == (1, [{"id": alice.person.id, "nickname": "alice", "role": "owner"}])


async def test_joining_twice_is_being_there_once(ask: Ask, alice: Connection) -> None:
    await ask(alice, "join", room="lobby")
    assert (await ask(alice, "join", room="lobby"))["count"] == 1
    await ask(alice, "leave", room="lobby")
    assert (await ask(alice, "people", room="lobby"))["error"] == "not_member"


async def test_a_topic_stays(ask: Ask, alice: Connection, bob: Connection) -> None:
    await ask(alice, "join", room="lobby")
    assert (await ask(alice, "topic", room="lobby", topic="  tea   and cake "))["room"]["topic"] == "tea and cake"
    assert (await ask(bob, "join", room="lobby"))["room"]["topic"] == "tea and cake"


async def test_rooms_are_listed_with_heads_the_fullest_first(ask: Ask, alice: Connection, bob: Connection) -> None:
    for who, room in [(alice, "attic"), (alice, "lobby"), (bob, "lobby")]:
        await ask(who, "join", room=room)
    await ask(alice, "send", room="attic", text="hello?", id="message-1")
    await ask(alice, "leave", room="attic")
    await ask(alice, "join", room="mistyped")
    await ask(alice, "leave", room="mistyped")
    listed = (await ask(alice, "rooms"))["rooms"]
    assert [(one["name"], one["people"]) for one in listed] == [("lobby", 2), ("attic", 0)]


async def test_people_come_in_pages_in_the_order_of_names(chat: Chat, ask: Ask, alice: Connection) -> None:
    await ask(alice, "join", room="lobby")
    for n in range(250):
        one = await arrives(chat, f"socket {n}", f"person {n:03}")
        await ask(one, "join", room="lobby")
    first = await ask(alice, "join", room="lobby")
    assert (first["count"], len(first["people"])) == (251, 50)
    second = await ask(alice, "people", room="lobby", after=first["people"][-1]["nickname"])
    assert (second["more"], len(second["people"])) == (True, 200)
    rest = await ask(alice, "people", room="lobby", after=second["people"][-1]["nickname"])
    names = [one["nickname"] for one in first["people"] + second["people"] + rest["people"]]
    assert names == ["alice", *(f"person {n:03}" for n in range(250))]
    assert rest["more"] is False


async def test_a_failed_join_leaves_nobody_seated(ask: Ask, alice: Connection, bob: Connection) -> None:
    answer = await ask(alice, "join", room="lobby", nickname="bob")
    assert answer["error"] == "nickname_taken"
    assert (await ask(bob, "join", room="lobby"))["count"] == 1


async def test_a_connection_is_in_so_many_rooms_and_no_more(
    ask: Ask, chat: Chat, alice: Connection, bob: Connection
) -> None:
    most = chat.limits.rooms
    for n in range(most):
        assert (await ask(alice, "join", room=f"room-{n}"))["ok"]
    refused = await ask(alice, "join", room="one-too-many", nickname="Alicia")
    assert (refused["error"], refused["text"]) == (
        "too_many",
        "A connection is in 100 rooms at most. Leave one, then join #one-too-many.",
    )
    assert chat.presence.online.nickname(alice.person.id) == "alice", "nothing of it was done"
    assert (await ask(alice, "join", room="room-0"))["ok"], "where one is already"
    other_tab = await doors.arrive(chat, "another socket", [chat.tokens.new()], "carol")
    assert (await ask(other_tab, "join", room="one-too-many"))["ok"]
    await ask(alice, "leave", room="room-7")
    assert (await ask(alice, "join", room="one-too-many"))["ok"]


async def test_leaving_costs_as_much_for_each_room_in_many_as_in_few(chat: Chat) -> None:
    """Counted in steps of the interpreter, which no other program disturbs."""
    costs = {}
    for rooms in (10, 100):
        connection = await arrives(chat, f"socket of {rooms}", None)
        for n in range(rooms):
            chat.presence.join(connection, f"room-{n}")
        steps = 0

        def count(_frame: FrameType, _event: str, _arg: object) -> None:
            nonlocal steps
            steps += 1

        sys.setprofile(count)
        try:
            chat.presence.disconnect(connection)
        finally:
            sys.setprofile(None)
        costs[rooms] = steps
    assert costs[100] < 11 * costs[10]


async def test_of_two_processes_that_make_a_room_at_once_one_person_owns_it(
    chat: Chat, alice: Connection, bob: Connection
) -> None:
    for one in (alice, bob):
        await chat.store.write(queries.open_room, room="den", owner=one.person.id)
    assert (await chat.store.read(queries.room_rules, "den"))["roles"] == {alice.person.id: "owner"}


async def test_whoever_is_refused_for_a_name_that_is_taken_makes_no_room(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    refused = await ask(bob, "join", room="den", nickname="alice")
    assert refused["error"] == "nickname_taken"
    with pytest.raises(Refused, match="den"):
        await chat.store.read(queries.room, "den")
    joined = await ask(bob, "join", room="den", nickname="robert")
    assert (joined["me"]["nickname"], joined["room"]["role"]) == ("robert", "owner")


async def test_a_look_that_began_before_the_room_was_made_is_not_the_last_word(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many who ask for the rules of a room share one look; whoever asks later than it began looks again, if it found
    nothing."""
    read, has_read, may_tell = chat.store.read, asyncio.Event(), asyncio.Event()

    async def slowly(*asked: Any) -> Any:
        if "attic" not in asked:  # of what the server does by itself
            return await read(*asked)
        try:
            return await read(*asked)
        finally:
            has_read.set()
            await may_tell.wait()

    monkeypatch.setattr(chat.store, "read", slowly)
    early = asyncio.create_task(access.known(chat, "attic"))
    await has_read.wait()
    await chat.store.write(queries.open_room, room="attic")
    late = [asyncio.create_task(access.known(chat, "attic")) for _ in range(3)]
    await asyncio.sleep(0)
    may_tell.set()
    with pytest.raises(Refused, match="no room #attic"):
        await early
    assert [found.room["name"] for found in await asyncio.gather(*late)] == ["attic"] * 3
    assert not chat.looks
