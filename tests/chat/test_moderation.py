"""Owners and moderators: who may do what, and what holds against whom."""

import asyncio
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from sqlalchemy import text

from app.chat import Chat, doors, retention
from app.chat.verbs import VERBS, perform
from app.model import Connection, Member, Moderator, Owner, Speaker
from app.server import Running
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start
from tests.support.talker import new_id

EVERYBODY = {"ignore", "echo", "rooms", "rename", "reserve", "identify", "claim", "join", "leave", "open", "search"}
EVERYBODY |= {"mentions", "push", "status", "away", "person", "preview"}


@pytest.fixture
async def room(ask: Ask, alice: Connection, bob: Connection) -> str:
    """One of alice's, in which bob is."""
    await ask(alice, "join", room="lobby")
    await ask(bob, "join", room="lobby")
    return "lobby"


async def come(chat: Chat, name: str, token: str | None = None, address: str = "") -> Connection:
    return await arrives(chat, f"socket of {name} {new_id()}", name, token or "", address=address)


async def say(ask: Ask, who: Connection, text: str = "hello", room: str = "lobby") -> dict[str, Any]:
    return await ask(who, "send", room=room, text=text, id=new_id())


async def names(ask: Ask, who: Connection) -> list[str]:
    return [one["nickname"] for one in (await ask(who, "people", room="lobby"))["people"]]


async def test_whoever_makes_a_room_owns_it(ask: Ask, alice: Connection, bob: Connection) -> None:
    assert (await ask(alice, "join", room="lobby"))["room"]["role"] == "owner"
    joined = await ask(bob, "join", room="lobby")
    assert joined["room"]["role"] is None
    assert [(one["nickname"], one.get("role")) for one in joined["people"]] == [("alice", "owner"), ("bob", None)]


async def test_a_room_that_existed_belongs_to_nobody_until_the_operator_says_so(
    server: Running, ask: Ask, alice: Connection
) -> None:
    await ask(alice, "join", room="lobby")
    await server.database.write(lambda db: db.execute(text("DELETE FROM roles")))
    await ask(alice, "leave", room="lobby")
    server.chat.rules.clear()
    assert (await ask(alice, "join", room="lobby"))["room"]["role"] is None


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in EVERYBODY])
def test_every_other_verb_says_who_may_do_it(verb: str) -> None:
    assert issubclass(VERBS[verb].right, Member)
    expected = {
        Owner: {"appoint", "owner_key", "bot", "hook", "hooks"},
        Moderator: {"kick", "mute", "ban", "sanctions", "audit"},
        Speaker: {"send", "edit", "restore", "card", "react", "typing", "topic", "settings"},
    }
    for right, verbs in expected.items():
        assert (VERBS[verb].right is right) == (verb in verbs)


async def test_a_kick_sends_out_for_some_seconds_and_tells_why(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    assert (await ask(alice, "kick", room=room, person=bob.person.id, reason="enough"))["ok"]
    assert await names(ask, alice) == ["alice"]
    assert (await say(ask, bob))["error"] == "not_member"
    again = await ask(bob, "join", room=room)
    assert (again["error"], again["reason"]) == ("banned", "enough")
    assert 0 < again["retry_after"] <= 10
    assert (await ask(alice, "ban", room=room, person=bob.person.id, minutes=0))["ok"]
    assert (await ask(bob, "join", room=room))["ok"], "undone"


async def test_a_ban_ends_by_itself_or_by_a_moderator(
    server: Running, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    await ask(alice, "ban", room=room, person=bob.person.id, minutes=0.001)
    while not (await ask(bob, "join", room=room))["ok"]:  # 60 ms
        await asyncio.sleep(0.01)
    await ask(alice, "ban", room=room, person=bob.person.id, reason="spam")
    refused = await ask(bob, "join", room=room)
    assert (refused["error"], refused["reason"]) == ("banned", "spam")
    assert "until" not in refused and "retry_after" not in refused
    await ask(alice, "ban", room=room, person=bob.person.id, minutes=0)
    assert (await ask(bob, "join", room=room))["ok"]


async def test_who_is_muted_reads_and_does_not_speak(ask: Ask, alice: Connection, bob: Connection, room: str) -> None:
    seq = (await say(ask, bob, "before"))["message"]["seq"]
    await ask(alice, "mute", room=room, person=bob.person.id, minutes=5, reason="calm down")
    for verb, payload in {
        "send": {"text": "x", "id": "id-of-a-message"},
        "edit": {"seq": seq, "text": "y"},
        "react": {"seq": seq, "emoji": "👍", "on": True},
        "typing": {},
        "topic": {"topic": "mine"},
        "settings": {"topic": "mine"},
    }.items():
        answer = await ask(bob, verb, room=room, **payload)
        assert (answer["error"], answer["reason"]) == ("muted", "calm down"), verb
        assert 0 < answer["retry_after"] <= 300
    assert (await ask(bob, "history", room=room))["ok"]
    assert (await ask(bob, "delete", room=room, seq=seq))["ok"]
    assert (await ask(bob, "join", room=room))["room"]["muted"]["reason"] == "calm down"
    await ask(alice, "mute", room=room, person=bob.person.id, minutes=0)
    assert (await say(ask, bob))["ok"]


async def test_moderators_act_on_those_below_them_and_owners_on_all_but_owners(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    carol = await come(chat, "carol")
    await ask(carol, "join", room=room)
    await ask(alice, "appoint", room=room, person=bob.person.id, role="moderator")
    assert (await ask(bob, "kick", room=room, person=alice.person.id))["error"] == "not_allowed"
    assert (await ask(bob, "mute", room=room, person=carol.person.id, minutes=1))["ok"]
    assert (await ask(bob, "appoint", room=room, person=carol.person.id, role="owner"))["error"] == "not_allowed"
    assert (await ask(bob, "settings", room=room, locked=True))["error"] == "not_allowed"
    assert (await ask(alice, "mute", room=room, person=bob.person.id, minutes=1))["ok"]
    assert (await ask(alice, "kick", room=room, person=alice.person.id))["error"] == "not_allowed"
    assert (await ask(alice, "ban", room=room, person="f" * 32))["error"] == "no_such_person"


async def test_the_last_owner_stays_one(ask: Ask, alice: Connection, bob: Connection, room: str) -> None:
    assert (await ask(alice, "appoint", room=room, person=alice.person.id, role=None))["error"] == "not_allowed"
    assert (await ask(alice, "appoint", room=room, person=bob.person.id, role="owner"))["ok"]
    assert (await ask(alice, "appoint", room=room, person=alice.person.id, role=None))["room"]["role"] is None
    assert (await ask(alice, "owner_key", room=room))["error"] == "not_allowed", "a former owner"
    assert (await ask(bob, "owner_key", room=room))["ok"]


async def test_a_moderator_takes_a_message_away_and_brings_it_back(
    ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    seq = (await say(ask, bob, "rude"))["message"]["seq"]
    await ask(bob, "react", room=room, seq=seq, emoji="👍", on=True)
    gone = (await ask(alice, "delete", room=room, seq=seq))["message"]
    assert (gone["text"], gone["deleted"], gone["deleted_by"]) == ("", True, alice.person.id)
    assert (await ask(bob, "restore", room=room, seq=seq))["error"] == "not_allowed"
    back = (await ask(alice, "restore", room=room, seq=seq))["message"]
    assert (back["text"], back.get("deleted"), back["reaction_counts"]) == ("rude", None, {"👍": 1})
    assert (await ask(alice, "restore", room=room, seq=seq))["message"] == back
    assert (await ask(bob, "delete", room=room, seq=seq))["message"].get("deleted_by") is None
    assert (await ask(alice, "restore", room=room, seq=seq))["error"] == "not_allowed", "its author took it back"


async def test_nobody_below_a_moderator_deletes_what_others_said(
    ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    seq = (await say(ask, alice))["message"]["seq"]
    assert (await ask(bob, "delete", room=room, seq=seq))["error"] == "not_allowed"


async def test_an_owner_key_makes_another_owner_until_there_is_another_key(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    first = await ask(alice, "owner_key", room=room)
    assert urlsplit(first["url"]).fragment == f"owner={first['key']}"
    assert urlsplit(first["url"]).path == "/r/lobby"
    assert ElementTree.fromstring(first["qr"]).tag.endswith("svg")
    second = await ask(alice, "owner_key", room=room)
    wrong = await ask(bob, "claim", room=room, key=first["key"])
    assert wrong["error"] == "not_allowed"
    nowhere = await ask(bob, "claim", room="nowhere", key=second["key"])
    assert (nowhere["error"], nowhere["text"]) == (wrong["error"], wrong["text"]), "the same for not there, not yours"
    assert (await ask(bob, "claim", room=room, key=second["key"]))["room"]["role"] == "owner"
    assert (await ask(bob, "appoint", room=room, person=alice.person.id, role=None))["ok"]


async def test_a_former_owner_does_not_become_one_by_the_key_they_kept(
    ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    key = (await ask(alice, "owner_key", room=room))["key"]
    await ask(alice, "appoint", room=room, person=bob.person.id, role="owner")
    await ask(bob, "appoint", room=room, person=alice.person.id, role="moderator")
    assert (await ask(alice, "claim", room=room, key=key))["error"] == "not_allowed"
    key = (await ask(bob, "owner_key", room=room))["key"]
    await ask(bob, "appoint", room=room, person=alice.person.id, role=None)
    assert (await ask(alice, "claim", room=room, key=key))["ok"], "another one's that was made for them stays good"


async def test_a_muted_moderator_stays_muted_until_an_owner_says_otherwise(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    carol = await come(chat, "carol")
    await ask(carol, "join", room=room)
    for one in (bob, carol):
        await ask(alice, "appoint", room=room, person=one.person.id, role="moderator")
    await ask(alice, "mute", room=room, person=bob.person.id)
    for one in (bob, carol):
        assert (await ask(one, "mute", room=room, person=bob.person.id, minutes=0))["error"] == "not_allowed"
    assert (await say(ask, bob))["error"] == "muted"
    assert (await ask(alice, "mute", room=room, person=bob.person.id, minutes=0))["ok"]
    assert (await say(ask, bob))["ok"]


async def test_whoever_identifies_in_a_room_has_the_role_there_that_is_theirs(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    await ask(alice, "reserve", passphrase="open sesame")
    assert (await ask(bob, "audit", room=room))["error"] == "not_allowed"
    assert (await ask(bob, "identify", nickname="alice", passphrase="open sesame"))["ok"]
    assert (await ask(bob, "audit", room=room))["ok"]


async def test_a_locked_room_lets_back_whoever_was_there_and_nobody_new(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    assert (await ask(alice, "settings", room=room, locked=True))["room"]["locked"] is True
    carol = await come(chat, "carol")
    assert (await ask(carol, "join", room=room))["error"] == "locked"
    await ask(bob, "leave", room=room)
    assert (await ask(bob, "join", room=room))["ok"]
    assert (await ask(bob, "invite", room=room))["error"] == "not_allowed"
    url = (await ask(alice, "invite", room=room, uses=1))["url"]
    key = urlsplit(url).fragment.removeprefix("invite=")
    assert (await ask(carol, "join", room=room, invite=key))["ok"]
    await ask(carol, "leave", room=room)
    assert (await ask(carol, "join", room=room, invite=key))["ok"], "who was let in comes again"
    assert (await ask(await come(chat, "dave"), "join", room=room, invite=key))["error"] == "not_allowed", "used up"


async def test_an_invite_of_a_member_does_not_open_a_room_that_was_locked_since(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    url = (await ask(bob, "invite", room=room))["url"]
    key, carol = urlsplit(url).fragment.removeprefix("invite="), await come(chat, "carol")
    await ask(alice, "settings", room=room, locked=True)
    assert (await ask(carol, "join", room=room, invite=key))["error"] == "not_allowed"
    await ask(alice, "settings", room=room, locked=False, passphrase="open sesame")
    assert (await ask(carol, "join", room=room, invite=key))["ok"]


async def test_an_invite_runs_out(chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str) -> None:
    await ask(alice, "settings", room=room, locked=True)
    url = (await ask(alice, "invite", room=room, hours=0.00000001))["url"]
    carol = await come(chat, "carol")
    key = urlsplit(url).fragment.removeprefix("invite=")
    assert (await ask(carol, "join", room=room, invite=key))["error"] == "not_allowed"


async def test_a_passphrase_is_asked_for_once(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    changed = await ask(alice, "settings", room=room, passphrase="open sesame")
    assert changed["room"]["passphrase"] is True
    carol = await come(chat, "carol")
    assert (await ask(carol, "join", room=room)).items() >= {"error": "wrong_passphrase", "needed": True}.items()
    wrong = await ask(carol, "join", room=room, passphrase="open simsim")
    assert (wrong["error"], wrong.get("needed")) == ("wrong_passphrase", None)
    assert (await ask(carol, "join", room=room, passphrase="open sesame"))["ok"]
    await ask(carol, "leave", room=room)
    assert (await ask(carol, "join", room=room))["ok"]
    await ask(alice, "ban", room=room, person=carol.person.id)
    await ask(alice, "ban", room=room, person=carol.person.id, minutes=0)
    assert (await ask(carol, "join", room=room))["error"] == "wrong_passphrase", "a ban takes the admission along"
    await ask(alice, "settings", room=room, passphrase=None)
    assert (await ask(carol, "join", room=room))["ok"]


async def test_guessing_at_a_room_is_slowed_down_and_a_class_that_knows_its_passphrase_is_not(
    start_server: Start,
) -> None:
    chat = (await start_server(rate_limit=100)).chat
    alice, eve = await come(chat, "alice"), await come(chat, "eve", address="192.0.2.9")
    await perform(chat, alice, "join", {"room": "lobby"})
    await perform(chat, alice, "settings", {"room": "lobby", "passphrase": "open sesame"})
    pupils = [await come(chat, f"pupil {n}", address="192.0.2.1") for n in range(30)]
    right = {"room": "lobby", "passphrase": "open sesame"}
    assert all(one["ok"] for one in await asyncio.gather(*(perform(chat, one, "join", right) for one in pupils)))
    wrong = [{"room": "lobby", "passphrase": f"guess number {n}"} for n in range(8)]
    answers = await asyncio.gather(*(perform(chat, eve, "join", one) for one in wrong))
    assert sorted(one["error"] for one in answers) == ["too_fast"] * 3 + ["wrong_passphrase"] * 5
    assert (await perform(chat, eve, "join", right))["error"] == "too_fast", "nor does a right one tell"
    assert (await perform(chat, await come(chat, "late", address="192.0.2.1"), "join", right))["ok"]


async def test_slow_mode_takes_one_message_in_its_time_but_a_resend_is_answered(
    ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    await ask(alice, "settings", room=room, slow=60)
    said = await ask(bob, "send", room=room, text="one", id="message-one")
    assert said["ok"]
    slow = await ask(bob, "send", room=room, text="two", id="message-two")
    assert slow["error"] == "slow_mode"
    assert 50 < slow["retry_after"] <= 60.01
    assert (await ask(bob, "send", room=room, text="one", id="message-one"))["message"] == said["message"]
    assert (await say(ask, alice))["ok"] and (await say(ask, alice))["ok"], "owners need not wait"


async def test_an_unlisted_room_is_in_no_list_from_its_first_moment(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    assert (await ask(alice, "join", room="secret", listed=False))["room"]["listed"] is False
    await say(ask, alice, room="secret")
    await ask(bob, "join", room="lobby")
    assert [one["name"] for one in (await ask(bob, "rooms"))["rooms"]] == ["lobby"]
    await ask(bob, "settings", room="lobby", listed=False)
    assert (await ask(bob, "rooms"))["rooms"] == []


async def test_the_topic_may_be_the_owners_alone(ask: Ask, alice: Connection, bob: Connection, room: str) -> None:
    assert (await ask(bob, "settings", room=room, topic="tea"))["room"]["topic"] == "tea"
    assert (await ask(bob, "settings", room=room, topic="tea", welcome="hi"))["error"] == "not_allowed"
    await ask(alice, "settings", room=room, topic_by="owner", welcome="Be kind.")
    assert (await ask(bob, "topic", room=room, topic="cake"))["error"] == "not_allowed"
    assert (await ask(bob, "settings", room=room, topic="cake"))["error"] == "not_allowed"
    assert (await ask(alice, "topic", room=room, topic="cake"))["room"].items() >= {
        "topic": "cake",
        "welcome": "Be kind.",
    }.items()
    marked = (await ask(alice, "settings", room=room, welcome="Be *kind*."))["room"]
    assert marked["welcome_words"] == ["Be ", {"em": ["kind"]}, "."]
    assert "welcome_words" not in (await ask(alice, "settings", room=room, welcome="Be kind."))["room"]


async def test_a_report_reaches_moderators_alone_and_stands_in_the_audit(
    ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    seq = (await say(ask, alice, "rude"))["message"]["seq"]
    assert (await ask(bob, "report", room=room, seq=seq, text="this is rude"))["ok"]
    assert (await ask(bob, "audit", room=room))["error"] == "not_allowed"
    (entry,) = (await ask(alice, "audit", room=room))["entries"]
    assert entry.items() >= {"who": "bob", "what": "report", "whom": "alice", "reason": "this is rude"}.items()
    assert (await ask(bob, "report", room=room, seq=99))["error"] == "no_such_message"


async def test_the_audit_says_what_moderators_did_newest_first(
    ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    await ask(alice, "mute", room=room, person=bob.person.id, minutes=5, reason="calm")
    await ask(alice, "mute", room=room, person=bob.person.id, minutes=0)
    await ask(alice, "settings", room=room, slow=5)
    entries = (await ask(alice, "audit", room=room))["entries"]
    assert [(one["who"], one["what"], one.get("whom")) for one in entries] == [
        ("alice", "settings", None),
        ("alice", "unmute", "bob"),
        ("alice", "mute", "bob"),
    ]
    assert (await ask(alice, "audit", room=room, before=entries[1]["number"]))["entries"] == entries[2:]


async def test_who_is_banned_or_muted_is_listed(ask: Ask, alice: Connection, bob: Connection, room: str) -> None:
    await ask(alice, "mute", room=room, person=bob.person.id, reason="calm")
    (one,) = (await ask(alice, "sanctions", room=room))["sanctions"]
    assert one.items() >= {"nickname": "bob", "kind": "mute", "by": "alice", "reason": "calm"}.items()
    await ask(alice, "mute", room=room, person=bob.person.id, minutes=0)
    assert (await ask(alice, "sanctions", room=room))["sanctions"] == []


async def test_a_ban_holds_for_new_people_at_the_same_address_and_spares_who_was_known(
    chat: Chat, ask: Ask, alice: Connection, room: str
) -> None:
    mallory = await come(chat, "mallory", address="192.0.2.1")
    pupil = await come(chat, "pupil", address="192.0.2.1")
    await ask(mallory, "join", room=room)
    await asyncio.sleep(0.002)  # ids of people begin with the millisecond in which they came
    await ask(alice, "ban", room=room, person=mallory.person.id)
    assert (await ask(mallory, "join", room=room))["error"] == "banned"
    assert (await ask(pupil, "join", room=room))["ok"], "known before"
    await asyncio.sleep(0.002)
    other = await come(chat, "other", address="192.0.2.1")
    assert (await ask(other, "join", room=room))["error"] == "banned"
    assert (await ask(await come(chat, "else", address="192.0.2.2"), "join", room=room))["ok"]
    await ask(alice, "ban", room=room, person=mallory.person.id, address=False)
    assert (await ask(other, "join", room=room))["ok"], "the moderator chose"


async def test_whoever_identifies_takes_their_ban_along(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    carol = await come(chat, "carol")
    await ask(carol, "reserve", passphrase="open sesame")
    await ask(alice, "ban", room=room, person=bob.person.id)
    assert (await ask(bob, "identify", nickname="carol", passphrase="open sesame"))["ok"]
    assert (await ask(bob, "join", room=room))["error"] == "banned"


async def test_of_a_ban_and_messages_at_once_none_is_stored_after_the_ban(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    for n in range(20):
        sends = [asyncio.create_task(say(ask, bob, f"{n} {m}")) for m in range(5)]
        ban = asyncio.create_task(ask(alice, "ban", room=room, person=bob.person.id))
        sends += [asyncio.create_task(say(ask, bob, f"{n} {m} after")) for m in range(5)]
        assert (await ban)["ok"]
        last = (await ask(alice, "history", room=room))["messages"][-1:]
        answers = await asyncio.gather(*sends)
        assert {one.get("error") for one in answers} <= {None, "banned", "not_member"}
        assert (await ask(alice, "history", room=room))["messages"][-1:] == last, "nothing came after the ban's answer"
        await ask(alice, "ban", room=room, person=bob.person.id, minutes=0)
        assert (await ask(bob, "join", room=room))["ok"]


async def test_a_room_goes_to_its_eldest_moderator_when_its_owner_stays_away(
    server: Running, chat: Chat, ask: Ask, alice: Connection, bob: Connection, room: str
) -> None:
    carol = await come(chat, "carol")
    for one in (bob, carol):
        await asyncio.sleep(0.002)
        await ask(alice, "appoint", room=room, person=one.person.id, role="moderator")
    await doors.depart(chat, alice, doors.Ending.DELIBERATE)
    chat.owner_days = 0.5 / 86_400
    await retention.pass_rooms_on(chat)
    assert (await ask(bob, "join", room=room))["room"]["role"] == "moderator", "not yet"
    await server.database.write(lambda db: db.execute(text("UPDATE people SET left_at = left_at - 1000")))
    await retention.pass_rooms_on(chat)
    assert (await ask(bob, "join", room=room))["room"]["role"] == "owner"


async def test_a_role_outlives_a_restart_and_a_rename(
    ask: Ask, chat: Chat, alice: Connection, bob: Connection, room: str
) -> None:
    await ask(alice, "appoint", room=room, person=bob.person.id, role="moderator")
    await ask(bob, "rename", nickname="robert")
    chat.rules.clear()
    assert (await perform(chat, bob, "join", {"room": room}))["room"]["role"] == "moderator"
