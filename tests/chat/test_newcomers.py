"""Somebody new is stored with the first verb that stores something, and not with a handshake."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from app.chat import Chat, doors, people
from app.chat.doors import Ending
from app.chat.newcomers import MAX_AWAY, Newcomers
from app.chat.verbs import VERBS, perform
from app.model import Connection, Refused
from app.server import Running
from app.store import queries
from app.store.tables import metadata
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start
from tests.support.talker import Talker, until

OF_SERVERS = {"processes", "rules", "epochs", "secrets"}
PHRASE = "correct horse battery"


async def stored(chat: Chat) -> dict[str, int]:
    """How many rows each table has, of those that have any."""
    tables = [table for table in metadata.sorted_tables if table.name not in OF_SERVERS]
    counts = [select(func.count()).select_from(table) for table in tables]
    found = await chat.store.read(lambda db: [db.scalar(count) for count in counts])
    return {table.name: count for table, count in zip(tables, found, strict=True) if count}


async def comes(chat: Chat, socket: str, nickname: str | None = None, token: str = "") -> Connection:
    """And does nothing yet."""
    return await doors.arrive(chat, socket, [token] if token else [], nickname)


async def test_a_handshake_of_somebody_unknown_stores_nothing(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url) as guest:
        assert alice.me["nickname"] == "alice"
        assert guest.me["nickname"].startswith("guest-")
        async with Talker(server.url, "alice", token=alice.token) as again:
            assert again.me == alice.me
        assert await stored(server.chat) == {}
    await until(lambda: not len(server.chat.presence.online))
    assert await stored(server.chat) == {}


@pytest.mark.parametrize("verb", sorted(name for name, verb in VERBS.items() if not verb.stores))
async def test_verbs_that_store_nothing_store_nobody(chat: Chat, verb: str) -> None:
    alice = await comes(chat, "socket", "alice")
    payload = {"nickname": "bob", "passphrase": PHRASE} if verb == "identify" else {}
    await perform(chat, alice, verb, {"room": "lobby", **payload})
    await perform(chat, alice, verb, payload)
    assert await stored(chat) == {}


@pytest.mark.parametrize(
    ("verb", "payload"),
    [("send", {"room": "lobby", "text": "x", "id": "an-id-of-mine"}), ("join", {"room": "No Room!"}), ("join", 5)],
)
async def test_what_is_refused_before_it_begins_stores_nobody(chat: Chat, verb: str, payload: Any) -> None:
    alice = await comes(chat, "socket", "alice")
    assert not (await perform(chat, alice, verb, payload))["ok"]
    assert await stored(chat) == {}


@pytest.mark.parametrize(
    ("verb", "payload"),
    [("join", {"room": "lobby"}), ("rename", {"nickname": "Alicia"}), ("reserve", {"passphrase": PHRASE})],
)
async def test_the_first_verb_that_stores_something_stores_who_asks(
    chat: Chat, verb: str, payload: dict[str, Any]
) -> None:
    token = chat.tokens.new()
    alice = await comes(chat, "socket", "alice", token)
    told = alice.person.id
    answer = await perform(chat, alice, verb, payload)
    assert (answer["ok"], answer["me"]["id"]) == (True, told), "they are who they were told to be"
    rows = await stored(chat)
    assert {name: rows[name] for name in ("people", "tokens", "connected")} == {
        "people": 1,
        "tokens": 1,
        "connected": 1,
    }
    await doors.depart(chat, alice, Ending.DELIBERATE)
    assert "connected" not in await stored(chat)
    assert (await comes(chat, "again", None, token)).person.id == told


async def test_of_many_verbs_and_tabs_at_once_one_stores_them(chat: Chat) -> None:
    token = chat.tokens.new()
    tabs = await asyncio.gather(*(comes(chat, f"tab {n}", "alice", token) for n in range(5)))
    assert {tab.person.nickname for tab in tabs} == {"alice"}
    answers = await asyncio.gather(*(perform(chat, tab, "join", {"room": f"room-{n}"}) for n, tab in enumerate(tabs)))
    assert {(answer["ok"], answer["me"]["nickname"]) for answer in answers} == {(True, "alice")}
    assert (await stored(chat))["people"] == 1


async def test_two_tabs_with_a_new_token_at_two_processes_are_one_person(start_server: Start) -> None:
    one, other = (await start_server()).chat, (await start_server()).chat
    token = one.tokens.new()
    here, there = await asyncio.gather(comes(one, "tab", "alice", token), comes(other, "tab", "alice", token))
    assert here.person == there.person
    joins = [perform(chat, tab, "join", {"room": "lobby"}) for chat, tab in ((one, here), (other, there))]
    answers = await asyncio.gather(*joins)
    assert [answer["me"] for answer in answers] == 2 * [{"id": here.person.id, "nickname": "alice"}]
    assert (await stored(one))["people"] == 1
    assert (await stored(one))["connected"] == 2
    await doors.depart(one, here, Ending.DELIBERATE)
    await doors.depart(other, there, Ending.DELIBERATE)
    assert "connected" not in await stored(one)


async def test_whose_name_was_taken_meanwhile_gets_another_and_is_told(start_server: Start) -> None:
    """At another process: at this one nobody can take it."""
    one, other = await start_server(), await start_server()
    async with Talker(one.url, "alice") as early, Talker(other.url, "ALICE") as late:
        assert (early.me["nickname"], late.me["nickname"]) == ("alice", "ALICE")
        await late.join("lobby")
        joined = await early.join("lobby")
        assert joined["me"]["nickname"].startswith("guest-")
        assert (await early.hears("me"))["me"] == joined["me"]
        refused = await early.ask("join", {"room": "lobby", "nickname": "alice"})
        assert (refused["error"], refused["holder"]) == ("nickname_taken", "here")


async def test_the_name_of_somebody_new_is_taken_for_all_others(chat: Chat, ask: Ask) -> None:
    await comes(chat, "socket of alice", "alice")
    assert (await comes(chat, "another", "Alice")).person.nickname.startswith("guest-")
    token = chat.tokens.new()
    bob = await arrives(chat, "socket of bob", "bob", token)
    refused = await ask(bob, "rename", nickname="аlice")
    assert (refused["error"], refused["holder"]) == ("nickname_taken", "here")
    assert (await ask(bob, "rename", nickname=refused["suggestion"]))["ok"]
    again = await comes(chat, "another socket of bob", "Alice", token)
    assert again.person.nickname == refused["suggestion"], "a wish that is taken is passed over"


async def test_somebody_new_may_wish_for_another_name_in_another_tab(chat: Chat) -> None:
    token = chat.tokens.new()
    tab = await comes(chat, "tab", "alice", token)
    await comes(chat, "another tab", "Alix", token)
    assert chat.presence.online.nickname(tab.person.id) == "Alix"
    assert (await comes(chat, "somebody", "alice")).person.nickname == "alice", "which is free"


async def test_where_nothing_can_be_stored_one_comes_in_and_is_told_when_it_matters(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise Refused("storage", "The disk is full.")

    with monkeypatch.context() as trouble:
        trouble.setattr(chat.store, "write", full)
        alice = await comes(chat, "socket", "alice")
        assert (await perform(chat, alice, "echo", {}))["ok"]
        assert (await perform(chat, alice, "join", {"room": "lobby"}))["error"] == "storage"
    assert (await perform(chat, alice, "join", {"room": "lobby"}))["me"]["nickname"] == "alice"


async def test_whoever_leaves_while_they_are_stored_has_left(chat: Chat) -> None:
    alice = await comes(chat, "socket", "alice")
    joining = asyncio.create_task(people.record(chat, alice))
    await asyncio.sleep(0)
    await doors.depart(chat, alice, Ending.DELIBERATE)
    await joining
    rows = await stored(chat)
    assert (rows["people"], rows.get("connected", 0)) == (1, 0)
    assert alice.person.id not in chat.newcomers


async def test_arrivals_departures_and_first_verbs_that_cross_leave_the_database_as_it_is(start_server: Start) -> None:
    chats = [(await start_server()).chat for _ in range(2)]
    tokens = [chats[0].tokens.new() for _ in range(3)]

    async def life(n: int) -> None:
        chat = chats[n % 2]
        connection = await comes(chat, f"socket {n}", None, tokens[n % 3])
        if n % 5:
            await people.record(chat, connection)
        await doors.depart(chat, connection, Ending.DELIBERATE)

    await asyncio.gather(*(life(n) for n in range(60)))
    rows = await stored(chats[0])
    assert (rows["people"], rows["tokens"], rows.get("connected", 0)) == (3, 3, 0)
    gone = await chats[0].store.read(queries.unused_guests, "", queries.now() + 1, 10)
    assert len(gone[0]) == 3, "all of them have left"


async def test_a_lease_does_not_count_whoever_is_not_stored(server: Running) -> None:
    chat = server.chat
    await comes(chat, "socket", "alice")
    chat.has_unrecorded = True
    await server.lease.look()
    assert (chat.has_unrecorded, await stored(chat)) == (False, {})


def test_names_of_those_who_left_are_kept_as_long_as_in_the_database_and_not_of_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = 1_000
    monkeypatch.setattr("app.chat.newcomers.now", lambda: at)
    newcomers = Newcomers(held=500)
    for id, brief in (("a", None), ("b", 100)):
        assert newcomers.add(id, "token", (id, [id]))
        newcomers.leave(id, brief)
    assert newcomers.former_name("a") == ("a", ["a"])
    at += 200
    assert not newcomers.add("c", "token", ("a", ["a"]))
    assert newcomers.add("c", "token", ("b", ["b"]))
    at += 400
    assert newcomers.add("c", "token", ("a", ["a"]))
    for n in range(MAX_AWAY + 10):
        newcomers.add(f"{n}", "token", (f"guest {n}", [f"guest {n}"]))
        newcomers.leave(f"{n}", None)
    assert newcomers.former_name("0") is None
    assert newcomers.former_name(f"{MAX_AWAY + 9}")
