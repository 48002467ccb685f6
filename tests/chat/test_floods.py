"""Flooding by words is slowed down with a sentence, and nothing is dropped."""

from math import ceil
from typing import Any
from uuid import uuid4

import pytest

from app.chat import Chat, doors, floods
from app.chat.floods import CROWD, IN_A_ROW, MIN_SPEAKERS, REPEATS, Floods
from app.chat.verbs import perform
from app.model import Connection, Member, Person, Refused
from app.tools.client import Client
from tests.conftest import Start
from tests.support.talker import Talker

ALONE, MANY = 2, CROWD + 1


class Room:
    """Somebody speaks in rooms of so many people, and time goes by when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.floods = Floods(lambda: self.now)

    def said(self, text: str, people: int = ALONE, *, who: str = "alice", room: str = "lobby", id: str = "") -> str:
        """The limit that was reached, and the seconds after which the same passes; empty where it was let through."""
        connection = Connection("socket", Person(who, who))
        try:
            self.floods.check(Member(who, who, room, connection), id or uuid4().hex, text, people)
        except Refused as refused:
            assert refused.code == "too_fast"
            wait = refused.extra["retry_after"]
            assert f"Try again in {ceil(wait)} s." in refused.text
            return f"{refused.extra['limit']} {wait:g}"
        return ""


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_same_text_again_and_again_is_slowed_down(room: Room) -> None:
    texts = ["buy this", "buy this", "  Buy   THIS ", "buy this"]
    assert [room.said(text) for text in texts] == ["", "", "", "repeats 10.05"]
    assert room.said("buy this", room="another") == "repeats 10.05", "in other rooms as well"
    assert room.said("something else") == ""
    assert room.said("buy this", who="bob") == ""
    room.now += 9.9
    assert room.said("buy this") == "repeats 0.15"
    room.now += 0.2
    assert room.said("buy this") == ""


def test_what_people_say_often_at_a_human_pace_passes(room: Room) -> None:
    for _ in range(20):
        assert room.said("yes") == ""
        room.now += 4


def test_many_in_a_row_are_slowed_down_where_many_listen(room: Room) -> None:
    assert [room.said(f"word {n}", MANY) for n in range(6)] == [""] * IN_A_ROW + ["crowd 3.05"]
    assert room.said("elsewhere", MANY, room="another") == ""
    room.now += 3.1
    assert room.said("word 5", MANY) == ""


def test_few_people_may_hear_much_at_once(room: Room) -> None:
    assert [room.said(f"word {n}", CROWD) for n in range(100)] == [""] * 100


def test_who_calls_many_people_waits_before_calling_many_again(room: Room) -> None:
    everybody = " ".join(f"@pupil{n}" for n in range(30))
    assert room.said(everybody) == "", "more than the limit passes once: waiting would not help it"
    assert room.said(f"again {everybody}") == "mentions 20.05"
    assert room.said("@alice @bob: hello") == "", "two are no crowd"
    assert room.said("mail a@b.example, c@d.example, e@f.example, @ home") == "", "nobody is called"
    room.now += 20.1
    assert room.said(f"again {everybody}") == ""


def test_a_message_that_was_let_through_may_come_again(room: Room) -> None:
    """Its answer was lost: it is stored already, and asked for by the same id."""
    for n in range(REPEATS):
        assert room.said("the same", id=f"message-{n}") == ""
    assert room.said("the same", id="message-9").startswith("repeats")
    assert room.said("the same", id="message-0") == ""
    assert room.said("the same", id="message-9").startswith("repeats"), "one that was refused was not let through"


def test_whoever_is_silent_is_forgotten(room: Room) -> None:
    for n in range(5 * MIN_SPEAKERS):
        room.said("hello", who=f"person {n}")
        room.now += 0.1
    assert len(room.floods._speakers) <= 2 * MIN_SPEAKERS


def test_a_room_is_told_once_a_second_that_somebody_types(room: Room) -> None:
    def types(who: str = "alice", where: str = "lobby") -> bool:
        return room.floods.is_news(Member(who, who, where, Connection("socket", Person(who, who))))

    assert [types() for _ in range(3)] == [True, False, False]
    assert (types("bob"), types(where="another")) == (True, True)
    room.now += 1
    assert types()
    assert not types()
    room.floods.note_said(Member("alice", "alice", "lobby", Connection("socket", Person("alice", "alice"))))
    assert types()
    assert [types(where=f"room-{n}") for n in range(200)] == [True] * 200


@pytest.mark.parametrize("is_owner", [True, False], ids=["owner", "member"])
async def test_after_a_message_typing_is_news_again_whatever_ones_role(start_server: Start, is_owner: bool) -> None:
    server = await start_server()
    async with Talker(server.url, "first") as first, Talker(server.url, "second") as second:
        for one in (first, second):
            await one.join("lobby")
        one, other = (first, second) if is_owner else (second, first)
        for text in ("one", "two"):
            await one.ask("typing", {"room": "lobby"})
            await one.say("lobby", text)
        assert [event for event, _ in other.heard if event in ("typing", "message")] == ["typing", "message"] * 2


async def arrive(chat: Chat, name: str) -> Connection:
    connection = await doors.arrive(chat, f"socket of {name}", [chat.tokens.new()], name)
    assert (await perform(chat, connection, "join", {"room": "lobby"}))["ok"]
    return connection


async def say(chat: Chat, who: Connection, text: str, id: str = "") -> dict[str, Any]:
    return await perform(chat, who, "send", {"room": "lobby", "text": text, "id": id or uuid4().hex})


async def test_in_a_room_of_more_than_20_the_sixth_in_a_row_waits(start_server: Start) -> None:
    chat = (await start_server(rate_limit=100)).chat
    crowd = [await arrive(chat, f"person {n}") for n in range(CROWD)]
    answers = [await say(chat, crowd[1], f"word {n}") for n in range(9)]
    assert all(answer["ok"] for answer in answers), "20 people are few"
    await arrive(chat, "one more")
    assert all([(await say(chat, crowd[0], f"word {n}"))["ok"] for n in range(9)]), "the owner keeps order"
    refused = [await say(chat, crowd[2], f"word {n}") for n in range(6)][-1]
    assert (refused["error"], refused["limit"]) == ("too_fast", "crowd")
    assert 0 < refused["retry_after"] <= 3.1
    assert chat.counts.refusals == {"crowd": 1}


async def test_without_rates_nobody_is_slowed_down(start_server: Start) -> None:
    chat = (await start_server(rate_limit="off")).chat
    alice = await arrive(chat, "alice")
    assert all([(await say(chat, alice, "the same"))["ok"] for _ in range(10)])


async def test_who_is_slowed_down_keeps_the_connection_and_loses_nothing(
    start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outbox of the same words, of a client that is told to wait each time: all are said in the end, and the intake
    does not take it for an attack."""
    monkeypatch.setattr(floods, "REPEATS_S", 0.2)  # the client does wait
    server = await start_server(rate_limit=20)
    async with Client(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await bob.join("lobby")  # first, and so its owner, who may say something often
        lobby = await alice.enter("lobby")
        for _ in range(3 * REPEATS):
            alice.say("lobby", "the same")
        heard = await bob.hears_texts("lobby", 3 * REPEATS)
    assert heard == ["the same"] * 3 * REPEATS
    assert not lobby.unsent
    assert server.chat.counts.refusals["repeats"] > 0
