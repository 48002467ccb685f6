"""Of what in a room somebody wants to be told: kept with the person."""

import pytest

from app.chat import notifying
from app.model import Connection
from tests.chat.conftest import Ask


async def test_a_choice_holds_by_room_on_all_devices(ask: Ask, alice: Connection, bob: Connection) -> None:
    for room in ("lobby", "attic"):
        await ask(alice, "join", room=room)
    await ask(bob, "join", room="lobby")
    assert (await ask(alice, "notify", room="lobby"))["levels"] == {}
    for room, level in (("lobby", "all"), ("attic", "all"), ("lobby", "none")):
        answer = await ask(alice, "notify", room=room, level=level)
    assert answer["levels"] == {"attic": "all", "lobby": "none"}
    assert (await ask(alice, "notify", room="attic"))["levels"] == answer["levels"]
    assert (await ask(bob, "notify", room="lobby"))["levels"] == {}
    assert (await ask(alice, "notify", room="lobby", level="loud"))["error"] == "bad_payload"
    assert (await ask(alice, "notify", room="cellar", level="all"))["error"] == "not_member"


async def test_there_is_an_end_to_choices(ask: Ask, alice: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "MAX_ROOMS", 1)
    for room in ("lobby", "attic"):
        await ask(alice, "join", room=room)
    await ask(alice, "notify", room="lobby", level="all")
    assert (await ask(alice, "notify", room="attic", level="all"))["error"] == "too_many"
    assert (await ask(alice, "notify", room="lobby", level="none"))["levels"] == {"lobby": "none"}
