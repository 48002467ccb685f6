"""Arriving and departing, the same for every door."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.chat import Chat, doors, people
from app.chat.doors import Ending
from app.model import Connection
from tests.chat.conftest import Ask

TOKEN, OTHER = "t" * 43, "o" * 43


class Told:
    """A broadcaster that notes what single connections are told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def send_to(self, socket: str, event: str, payload: dict[str, Any]) -> None:
        self.events.append((socket, event, payload))

    def broadcast(self, room: str, event: str, payload: dict[str, Any], rev: int | None = None) -> None: ...

    async def follow(self, room: str) -> None: ...

    def subscribe(self, socket: str, room: str) -> None: ...

    def unsubscribe(self, socket: str, room: str) -> None: ...


@pytest.mark.parametrize(
    "tokens",
    [[TOKEN], [TOKEN, OTHER], [None, TOKEN], ["too short", TOKEN], [{"token": OTHER}, TOKEN], [7, TOKEN, None]],
)
async def test_the_first_token_that_is_one_says_who_it_is(chat: Chat, tokens: Sequence[object]) -> None:
    alice = await doors.arrive(chat, "first", [TOKEN], "alice")
    again = await doors.arrive(chat, "second", tokens)
    assert (again.person, again.token) == (alice.person, people.fingerprint(chat, TOKEN))


async def test_a_token_is_told_where_it_is_new_and_only_there(chat: Chat) -> None:
    told = chat.broadcaster = Told()
    known = await doors.arrive(chat, "known", [TOKEN], "alice")
    new = await doors.arrive(chat, "new", [None, ""], "bob")
    (_, _, welcome), (_, _, welcome_with_token) = told.events
    assert [(socket, event) for socket, event, _ in told.events] == [("known", "welcome"), ("new", "welcome")]
    assert "token" not in welcome
    assert (welcome["me"], welcome["server"]["version"]) == (people.me(chat, known.person), chat.version)
    assert people.fingerprint(chat, welcome_with_token["token"]) == new.token


@pytest.mark.parametrize(
    ("tokens", "tab", "keeps"), [([TOKEN], False, True), ([TOKEN], True, False), ([], False, False)]
)
async def test_a_client_keeps_its_token_unless_it_is_new_or_of_a_tab(
    chat: Chat, tokens: list[object], tab: bool, keeps: bool
) -> None:
    assert (await doors.arrive(chat, "socket", tokens, "alice", tab=tab)).keeps_token is keeps


@pytest.mark.parametrize(
    ("ending", "reconnecting"), [(Ending.DELIBERATE, False), (Ending.PAGE_CLOSED, True), (Ending.BROKEN, True)]
)
async def test_a_room_waits_for_whoever_did_not_leave_deliberately(
    chat: Chat, ask: Ask, alice: Connection, ending: Ending, reconnecting: bool
) -> None:
    await ask(alice, "join", room="lobby")
    await doors.depart(chat, alice, ending)
    here, _ = chat.presence.rooms.page("lobby", None, 10)
    entry = {"id": alice.person.id, "nickname": "alice", "role": "owner", "reconnecting": True}
    assert here == ([entry] if reconnecting else [])


async def test_a_connection_follows_its_browser_to_another_person(chat: Chat, ask: Ask) -> None:
    """The tabs of one browser, and none of another browser of the same person."""
    owner = await doors.arrive(chat, "owner", [OTHER], "alice")
    await ask(owner, "reserve", passphrase="correct horse battery")
    one, tab = [await doors.arrive(chat, name, [TOKEN], "bob") for name in ("one", "tab")]
    await ask(tab, "join", room="lobby")
    assert (await ask(one, "identify", nickname="alice", passphrase="correct horse battery"))["ok"]
    assert one.person == tab.person == owner.person
    assert chat.presence.online.connections(owner.person.id) == [owner, one, tab]
    assert (await ask(tab, "send", room="lobby", text="hi", id="the-first"))["message"]["author"] == owner.person.id
