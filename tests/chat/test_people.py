"""Nicknames: what may be one, which two are the same, and whose one is."""

import asyncio
from itertools import count

import pytest

from app.chat import Chat, doors, names, people
from app.chat.doors import Ending
from app.model import Connection, Refused
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("alice", "alice"),
        ("  Swan  of   Avon ", "Swan of Avon"),
        ("Ａｌｉｃｅ", "Alice"),
        ("Ω", "Ω"),
        ("李白", "李白"),
        ("🦊", "🦊"),
        ("Anna ❤️", "Anna ❤"),
        ("x" * 32, "x" * 32),
    ],
)
def test_nicknames_follow_rfc_8266(wish: str, name: str) -> None:
    assert names.nickname(wish) == name


@pytest.mark.parametrize(
    "wish", ["", "   ", "\u200b", "a\u202eb", "a\0b", "x" * 33, "y" * 100_000, "\ud800", "...", "a\nb"]
)
def test_what_is_no_nickname_is_refused(wish: str) -> None:
    with pytest.raises(Refused) as refusal:
        names.nickname(wish)
    assert refusal.value.code == "bad_nickname"


@pytest.mark.parametrize("other", ["ALICE", "Alice", "аlice", "ａlice", "a lice", "aIice", "a1ice", "alic℮", "alicé"])
def test_look_alikes_share_a_skeleton(other: str) -> None:
    assert set(names.skeletons(other)) & set(names.skeletons("alice"))


def test_different_names_have_different_skeletons() -> None:
    different = ["alice", "bob", "carol", "jose", "ann", "anna", "李白", "🦊", "Ω"]
    looks = [look for name in different for look in set(names.skeletons(name))]
    assert len(set(looks)) == len(looks)


async def test_a_taken_name_is_refused_with_one_that_is_free(ask: Ask, alice: Connection, bob: Connection) -> None:
    answer = await ask(bob, "rename", nickname="Alice")
    assert (answer["error"], answer["suggestion"]) == ("nickname_taken", "Alice2")
    assert (await ask(bob, "rename", nickname=answer["suggestion"]))["ok"]


async def test_of_many_claims_at_once_exactly_one_wins(chat: Chat, ask: Ask) -> None:
    crowd = [await arrives(chat, f"socket {n}") for n in range(30)]
    answers = await asyncio.gather(
        *(ask(one, "rename", nickname=name) for one, name in zip(crowd, ["zoe", "ZOE", "zое"] * 10, strict=True))
    )
    assert sorted(answer["ok"] for answer in answers) == [False] * 29 + [True]
    assert {answer["error"] for answer in answers if not answer["ok"]} == {"nickname_taken"}


async def test_of_two_guests_with_one_name_the_second_gets_another(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among some thousands it happens; a person without a name would break the room's list."""
    ids = count()
    tokens = {3: lambda: "abc", 6: lambda: "6"}
    monkeypatch.setattr("secrets.token_hex", lambda size: tokens.get(size, lambda: f"{next(ids)}")())
    first = await arrives(chat, "socket 1", None)
    second = await arrives(chat, "socket 2", None)
    assert (first.person.nickname, second.person.nickname) == ("guest-abc", "guest-6")


async def test_a_name_is_its_owner_s_while_they_are_away(
    chat: Chat, alice: Connection, bob: Connection, ask: Ask
) -> None:
    await doors.depart(chat, alice, Ending.DELIBERATE)
    assert (await ask(bob, "rename", nickname="alice"))["error"] == "nickname_taken"


async def test_a_name_is_free_once_its_owner_is_away_for_too_long(start_server: Start) -> None:
    chat = (await start_server(nickname_hold=0)).chat
    token = chat.tokens.new()
    alice = await arrives(chat, "socket of alice", "alice", token)
    taken = await arrives(chat, "socket of bob", "alice")
    assert taken.person.nickname.startswith("guest-"), "while its owner is here, a name is not free"
    await doors.depart(chat, alice, Ending.DELIBERATE)
    await people.take(chat, taken, "alice")
    again = await arrives(chat, "another socket", "alice", token)
    assert again.person.id == alice.person.id, "a token always gets its person in"
    assert again.person.nickname.startswith("guest-")


async def test_who_comes_back_while_leaving_is_here(start_server: Start) -> None:
    """The old socket's departure and the new one's arrival cross: the name stays held."""
    chat = (await start_server(nickname_hold=0)).chat
    token = chat.tokens.new()
    alice = await arrives(chat, "old socket", "alice", token)
    _, again = await asyncio.gather(
        doors.depart(chat, alice, Ending.DELIBERATE), arrives(chat, "new socket", "alice", token)
    )
    assert again.person.nickname == "alice"
    other = await arrives(chat, "socket of bob", "alice")
    assert other.person.nickname.startswith("guest-")


async def test_the_store_does_not_hold_tokens(start_server: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("data")
    server = await start_server(data=folder)
    token = server.chat.tokens.new()
    await arrives(server.chat, "socket", "alice", token)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert all(token.encode() not in path.read_bytes() for path in files)


async def test_rename_shows_in_every_tab(chat: Chat, ask: Ask) -> None:
    token = chat.tokens.new()
    one = await arrives(chat, "tab one", "alice", token)
    two = await arrives(chat, "tab two", None, token)
    assert two.person.nickname == "alice"
    await ask(one, "rename", nickname="Alicia")
    joined = await ask(two, "join", room="lobby")
    assert joined["me"] == {"id": one.person.id, "nickname": "Alicia"}
    assert (await ask(two, "send", room="lobby", text="x", id="message-1"))["message"]["nickname"] == "Alicia"
