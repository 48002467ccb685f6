"""Rooms and who is in them."""

from app.chat import Chat, people
from app.model import Person
from tests.chat.conftest import Ask


async def test_joining_makes_the_room_and_lower_cases_its_name(ask: Ask, alice: Person) -> None:
    joined = await ask(alice, "join", room="Lobby")
    assert joined["room"]["name"] == "lobby"
    assert (joined["count"], joined["people"]) == (1, [{"id": alice.id, "nickname": "alice"}])


async def test_joining_twice_is_being_there_once(ask: Ask, alice: Person) -> None:
    await ask(alice, "join", room="lobby")
    assert (await ask(alice, "join", room="lobby"))["count"] == 1
    await ask(alice, "leave", room="lobby")
    assert (await ask(alice, "people", room="lobby"))["error"] == "not_member"


async def test_a_topic_stays(ask: Ask, alice: Person, bob: Person) -> None:
    await ask(alice, "join", room="lobby")
    assert (await ask(alice, "topic", room="lobby", topic="  tea   and cake "))["room"]["topic"] == "tea and cake"
    assert (await ask(bob, "join", room="lobby"))["room"]["topic"] == "tea and cake"


async def test_rooms_are_listed_with_heads_the_fullest_first(ask: Ask, alice: Person, bob: Person) -> None:
    for who, room in [(alice, "attic"), (alice, "lobby"), (bob, "lobby")]:
        await ask(who, "join", room=room)
    await ask(alice, "send", room="attic", text="hello?", id="message-1")
    await ask(alice, "leave", room="attic")
    await ask(alice, "join", room="mistyped")
    await ask(alice, "leave", room="mistyped")
    listed = (await ask(alice, "rooms"))["rooms"]
    assert [(one["name"], one["people"]) for one in listed] == [("lobby", 2), ("attic", 0)]


async def test_people_come_in_pages_in_the_order_of_names(chat: Chat, ask: Ask, alice: Person) -> None:
    await ask(alice, "join", room="lobby")
    for n in range(250):
        one = await people.arrive(chat, f"socket {n}", people.new_token(), f"person {n:03}")
        await ask(one, "join", room="lobby")
    first = await ask(alice, "join", room="lobby")
    assert (first["count"], len(first["people"])) == (251, 50)
    second = await ask(alice, "people", room="lobby", after=first["people"][-1]["nickname"])
    assert (second["more"], len(second["people"])) == (True, 200)
    rest = await ask(alice, "people", room="lobby", after=second["people"][-1]["nickname"])
    names = [one["nickname"] for one in first["people"] + second["people"] + rest["people"]]
    assert names == ["alice", *(f"person {n:03}" for n in range(250))]
    assert rest["more"] is False


async def test_a_failed_join_leaves_nobody_seated(ask: Ask, alice: Person, bob: Person) -> None:
    answer = await ask(alice, "join", room="lobby", nickname="bob")
    assert answer["error"] == "nickname_taken"
    assert (await ask(bob, "join", room="lobby"))["count"] == 1
