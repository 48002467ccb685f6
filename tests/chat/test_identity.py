"""Reserved nicknames: kept for ever, and one person on every device that knows the passphrase."""

import asyncio

import pytest
from argon2 import Type
from confusable_homoglyphs.confusables import confusables_data
from sqlalchemy import text

from app.chat import Chat, doors, names, people
from app.chat.doors import Ending
from app.model import Connection, Refused
from app.server import Running
from tests.chat.conftest import Ask, arrives
from tests.conftest import SHIPPED_HASHER, Start
from tests.support.talker import Talker, hang_up

PHRASE = "correct horse battery"


async def test_a_reserved_name_is_free_for_nobody_however_long_its_owner_is_away(start_server: Start) -> None:
    chat = (await start_server(nickname_hold=0)).chat
    alice = await arrives(chat, "socket of alice", "alice")
    await people.reserve(chat, alice, passphrase=PHRASE)
    await doors.depart(chat, alice, Ending.DELIBERATE)
    bob = await arrives(chat, "socket of bob", "alice")
    assert bob.person.nickname.startswith("guest-")
    with pytest.raises(Refused) as refusal:
        await people.take(chat, bob, "Аlice")
    assert (refusal.value.code, refusal.value.extra["reserved"]) == ("nickname_taken", True)


async def test_a_reservation_moves_with_its_owner_to_another_name(ask: Ask, alice: Connection, bob: Connection) -> None:
    assert (await ask(alice, "reserve", passphrase=PHRASE))["me"]["reserved"] is True
    assert (await ask(alice, "rename", nickname="Alicia"))["me"] == {
        "id": alice.person.id,
        "nickname": "Alicia",
        "reserved": True,
    }
    assert (await ask(bob, "rename", nickname="alice"))["ok"], "the former name is free"
    assert (await ask(bob, "rename", nickname="alicia"))["reserved"] is True


async def test_a_reservation_can_be_given_up(start_server: Start) -> None:
    chat = (await start_server(nickname_hold=0)).chat
    alice = await arrives(chat, "socket of alice", "alice")
    await people.reserve(chat, alice, passphrase=PHRASE)
    assert "reserved" not in (await people.reserve(chat, alice, passphrase=None))["me"]
    await doors.depart(chat, alice, Ending.DELIBERATE)
    assert (await arrives(chat, "socket of bob", "alice")).person.nickname == "alice"


async def test_with_the_passphrase_another_device_is_the_same_person(server: Running) -> None:
    async with Talker(server.url, "alice") as home, Talker(server.url, "bob") as bob:
        await home.ask("reserve", {"passphrase": PHRASE})
        await bob.join("lobby")
        async with Talker(server.url, "phone") as phone:
            await phone.join("lobby")
            answer = await phone.ask("identify", {"nickname": "ALICE", "passphrase": PHRASE})
            assert answer["me"] == {"id": home.me["id"], "nickname": "alice", "reserved": True}
            said = await phone.say("lobby", "it is me")
            assert (said["author"], said["nickname"]) == (home.me["id"], "alice")
            here = (await bob.ask("people", {"room": "lobby"}))["people"]
            assert [one["nickname"] for one in here] == ["alice", "bob"], "in the rooms where the device sat"
            assert (await phone.ask("edit", {"room": "lobby", "seq": said["seq"], "text": "really"}))["ok"]
        async with Talker(server.url, token=answer["token"]) as phone:
            assert phone.me["id"] == home.me["id"], "from now on, its new token names that person"


@pytest.mark.parametrize(
    ("nickname", "passphrase"),
    [("alice", "wrong passphrase"), ("bob", PHRASE), ("nobody", PHRASE), ("alice", PHRASE.upper())],
)
async def test_without_the_passphrase_nobody_is_anybody_else(
    ask: Ask, alice: Connection, bob: Connection, nickname: str, passphrase: str
) -> None:
    await ask(alice, "reserve", passphrase=PHRASE)
    assert (await ask(bob, "identify", nickname=nickname, passphrase=passphrase))["error"] == "not_allowed"


async def test_the_store_does_not_hold_passphrases(chat: Chat, ask: Ask, alice: Connection) -> None:
    await ask(alice, "reserve", passphrase=PHRASE)
    who = {"who": alice.person.id}
    shown = await chat.store.read(lambda db: db.scalar(text("SELECT passphrase FROM people WHERE id = :who"), who))
    assert shown.startswith("$argon2id$")
    assert PHRASE not in shown


def test_passphrases_are_hashed_as_rfc_9106_recommends() -> None:
    assert (SHIPPED_HASHER.type, SHIPPED_HASHER.memory_cost, SHIPPED_HASHER.time_cost) == (Type.ID, 64 << 10, 3)


@pytest.mark.usefixtures("heavy_passphrases")
async def test_the_loop_goes_on_while_a_passphrase_is_read(ask: Ask, alice: Connection, bob: Connection) -> None:
    reading = asyncio.create_task(ask(alice, "reserve", passphrase=PHRASE))
    for _ in range(3):
        assert (await ask(bob, "echo"))["ok"]
    assert not reading.done()
    assert (await reading)["ok"]


async def test_a_rename_is_told_to_the_other_tabs(server: Running) -> None:
    async with Talker(server.url, "alice") as one:
        two = await Talker(server.url, token=one.token).__aenter__()
        await one.ask("rename", {"nickname": "Alicia"})
        assert (await two.hears("me"))["me"] == {"id": one.me["id"], "nickname": "Alicia"}
        assert not [event for event, _ in one.heard if event == "me"], "who asked has the answer"
        await hang_up(two.client)


async def test_a_rename_on_the_way_in_is_told_to_the_tabs_that_are_here(server: Running) -> None:
    async with Talker(server.url, "alice") as one, Talker(server.url, "Alix", token=one.token):
        assert (await one.hears("me"))["me"]["nickname"] == "Alix"


async def test_of_a_hundred_claims_at_once_by_sockets_exactly_one_wins(server: Running) -> None:
    """The name and its look-alikes, by the handshake and by joining, on both transports."""
    looks = ["zoe", "ZOE", "zое", "z0e", "Ζoe", "zo℮", "ｚｏｅ", "z oe"]
    async with asyncio.TaskGroup() as group:
        arrivals = [group.create_task(_claims(server.url, looks[n % len(looks)], n)) for n in range(100)]
    won = [arrival.result() for arrival in arrivals if arrival.result()]
    assert len(won) == 1, won


async def _claims(url: str, nickname: str, n: int) -> str:
    """By join; the name if it was won."""
    async with Talker(url, transport="polling" if n % 10 == 0 else "websocket") as one:
        answer = await one.ask("join", {"room": "lobby", "nickname": nickname})
        assert answer["ok"] or answer["error"] == "nickname_taken", answer
        return nickname if answer["ok"] else ""


@pytest.mark.parametrize("name", ["alice", "Walter", "KATE99", "jürgen", "fred_k", "Олег", "АННА", "Δημήτρης", "ΣΟΦΙΑ"])
def test_of_the_single_character_look_alikes_of_a_name_95_in_100_are_refused(name: str) -> None:
    """All that Unicode's confusables know for each of its characters, one exchanged at a time."""
    looks = set(names.skeletons(name))
    others = [name[:at] + other + name[at + 1 :] for at, char in enumerate(name) for other in alike(char)]
    passed = [other for other in others if not _is_refused(other, looks)]
    assert len(others) > 50
    assert len(passed) <= 0.05 * len(others), passed


def alike(char: str) -> set[str]:
    near = {entry["c"] for entry in confusables_data.get(char, ())}
    far = near.union(*({entry["c"] for entry in confusables_data.get(one, ())} for one in near))
    return {one.strip("\u200e") for one in far} - {char}  # the data puts marks around what is written from the right


def _is_refused(name: str, looks: set[str]) -> bool:
    try:
        return bool(set(names.skeletons(names.nickname(name))) & looks)
    except Refused:
        return True
