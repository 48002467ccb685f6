"""What people say of themselves: a status, whether they are away, when they were here last."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.chat import Chat, doors, selves
from app.model import LIMITS, Connection
from app.server import Running
from app.store import queries
from tests.chat.conftest import Ask, arrives
from tests.support.talker import Talker


def in_time(**span: float) -> str:
    return f"{datetime.now(UTC) + timedelta(**span):%Y-%m-%dT%H:%M:%S.%fZ}"


async def entries(ask: Ask, who: Connection) -> dict[str, dict[str, Any]]:
    """The list of people in the lobby, by nickname, without what everybody has."""
    found = (await ask(who, "people", room="lobby"))["people"]
    return {one["nickname"]: {k: v for k, v in one.items() if k not in ("id", "nickname", "role")} for one in found}


async def test_a_status_is_seen_by_everybody_and_is_there_after_a_restart(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    for one in (alice, bob):
        await ask(one, "join", room="lobby")
    answer = await ask(alice, "status", text="  in \u202ea   meeting\n ")
    assert answer["me"] == {"id": alice.person.id, "nickname": "alice", "status": "in a meeting"}
    assert await entries(ask, bob) == {"alice": {"status": "in a meeting"}, "bob": {}}
    await ask(alice, "rename", nickname="alicia")
    await ask(alice, "reserve", passphrase="a passphrase that is long")
    assert (await entries(ask, bob))["alicia"] == {"status": "in a meeting", "reserved": True}
    await doors.depart(chat, alice, doors.Ending.DELIBERATE)
    told = (await ask(bob, "person", person=alice.person.id))["person"]
    assert (told["nickname"], told["status"], told["reserved"]) == ("alicia", "in a meeting", True)
    found = await chat.store.read(queries.about_person, alice.person.id)
    assert found and found["status"] == "in a meeting"
    assert (await ask(bob, "status", text=""))["me"] == {"id": bob.person.id, "nickname": "bob"}


async def test_a_status_is_told_to_the_room_and_to_ones_other_tabs(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        for one in (alice, bob):
            await one.join("lobby")
        async with Talker(server.url, token=alice.token) as tab:
            until = in_time(hours=1)
            await alice.ask("status", {"text": "lunch", "until": until})
            me = (await tab.hears("me"))["me"]
            assert (me["status"], me["status_until"][:16]) == ("lunch", until[:16])
            told = await bob.hears("people", lambda event: "lunch" in str(event))
            (entry,) = [one for one in (*told["joined"], *told.get("changed", ())) if one["id"] == alice.me["id"]]
            assert entry == {"id": alice.me["id"], "nickname": "alice", "role": "owner", "status": "lunch"}
        async with Talker(server.url, token=alice.token) as again:
            assert again.me["status"] == "lunch"


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "x" * (LIMITS.status + 1)},
        {"text": "a\0b"},
        {"text": "x", "until": "soon"},
        {"text": "x", "until": "2020-01-01T00:00:00Z"},
        {"text": "x", "until": "9999-01-01T00:00:00Z"},
        {"text": "x", "last_seen": "yes"},
        {},
    ],
    ids=["long", "nul", "no time", "past", "far", "no flag", "nothing"],
)
async def test_what_cannot_be_is_refused_and_leaves_the_status_as_it_is(
    chat: Chat, ask: Ask, alice: Connection, wrong: dict[str, Any]
) -> None:
    await ask(alice, "status", text="here")
    answer = await ask(alice, "status", **wrong)
    assert answer["error"] == ("too_long" if len(wrong.get("text", "")) > LIMITS.status else "bad_payload")
    assert chat.presence.online[alice.person.id].about.status == "here"


async def test_a_status_ends(chat: Chat, ask: Ask, alice: Connection, bob: Connection, monkeypatch: Any) -> None:
    for one in (alice, bob):
        await ask(one, "join", room="lobby")
    await ask(alice, "status", text="lunch", until=in_time(minutes=30), last_seen=True)
    selves.end_statuses(chat)
    assert (await entries(ask, bob))["alice"] == {"status": "lunch"}
    later = queries.now() + 31 * 60_000
    monkeypatch.setattr(queries, "now", lambda: later)
    selves.end_statuses(chat)
    assert (await entries(ask, bob))["alice"] == {}
    assert (await ask(alice, "rename", nickname="alicia"))["me"]["shows_last_seen"] is True
    again = await arrives(chat, "another device", "cid")
    assert "status" not in (await ask(again, "person", person=alice.person.id))["person"], "nor is it read again"


async def test_who_is_away_is_so_with_all_connections(chat: Chat, ask: Ask, alice: Connection, bob: Connection) -> None:
    for one in (alice, bob):
        await ask(one, "join", room="lobby")
    assert await ask(alice, "away", on=True) == {"ok": True}
    assert (await entries(ask, bob))["alice"] == {"away": True}
    tab = Connection("tab of alice", alice.person)
    chat.presence.connect(tab)
    assert (await entries(ask, bob))["alice"] == {}
    await ask(tab, "away", on=True)
    assert (await entries(ask, bob))["alice"] == {"away": True}
    await ask(alice, "away", on=False)
    assert (await entries(ask, bob))["alice"] == {}
    chat.presence.disconnect(alice)
    chat.presence.join(tab, "lobby")
    assert (await entries(ask, bob))["alice"] == {"away": True}


async def test_when_somebody_was_here_last_is_known_by_choice_alone(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    await ask(alice, "status", text="", last_seen=True)
    assert "last_seen" not in (await ask(bob, "person", person=alice.person.id))["person"], "she is here"
    assert chat.presence.online[alice.person.id].about.shows_last_seen
    for who, is_told in ((alice, True), (bob, False)):
        await doors.depart(chat, who, doors.Ending.DELIBERATE)
        asker = await arrives(chat, f"after {who.person.nickname}")
        told = (await ask(asker, "person", person=who.person.id))["person"]
        assert ("last_seen" in told) == is_told
        assert told["since"].startswith(f"{datetime.now(UTC):%Y-}")
    assert (await ask(asker, "person", person="f" * 32))["error"] == "no_such_person"
