"""Arriving and departing, the same for every door."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.chat import Chat, doors, people
from app.chat.doors import Ending
from app.model import Connection
from tests.chat.conftest import Ask

OWN, OTHER, UNSIGNED = "own", "other", "u" * 43


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
    [[OWN], [OWN, OTHER], [None, OWN], ["too short", OWN], [{"token": OTHER}, OWN], [7, OWN, None], [UNSIGNED, OWN]],
)
async def test_the_first_token_that_was_issued_says_who_it_is(chat: Chat, tokens: Sequence[object]) -> None:
    own = {OWN: chat.tokens.new(), OTHER: chat.tokens.new()}
    alice = await doors.arrive(chat, "first", [own[OWN]], "alice")
    again = await doors.arrive(chat, "second", [own.get(one, one) if isinstance(one, str) else one for one in tokens])
    assert (again.person, again.token) == (alice.person, people.fingerprint(chat, own[OWN]))


async def test_a_token_is_told_where_it_is_new_and_only_there(chat: Chat) -> None:
    told = chat.broadcaster = Told()
    known = await doors.arrive(chat, "known", [chat.tokens.new()], "alice")
    new = await doors.arrive(chat, "new", [None, ""], "bob")
    (_, _, welcome), (_, _, welcome_with_token) = told.events
    assert [(socket, event) for socket, event, _ in told.events] == [("known", "welcome"), ("new", "welcome")]
    assert "token" not in welcome
    assert (welcome["me"], welcome["server"]["version"]) == (people.me(chat, known.person), chat.version)
    assert people.fingerprint(chat, welcome_with_token["token"]) == new.token
    assert "renew" not in welcome_with_token, "it came without a cookie"


@pytest.mark.parametrize(("tokens", "tab", "keeps"), [([OWN], False, True), ([OWN], True, False), ([], False, False)])
async def test_a_client_keeps_its_token_unless_it_is_new_or_of_a_tab(
    chat: Chat, tokens: list[object], tab: bool, keeps: bool
) -> None:
    held = [chat.tokens.new() for _ in tokens]
    assert (await doors.arrive(chat, "socket", held, "alice", tab=tab)).keeps_token is keeps


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
