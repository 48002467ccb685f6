"""Edits, deletions and reactions: all of them changes of a message that keeps its place."""

import asyncio
from typing import Any

import orjson
import pytest

from app.chat import Chat, people
from app.chat.messages import PAGE_BYTES, as_told
from app.chat.rates import Rates
from app.model import Connection, Profile
from app.store import queries
from tests.chat.conftest import Ask, arrives


@pytest.fixture(autouse=True)
async def said(ask: Ask, alice: Connection, bob: Connection) -> list[dict[str, Any]]:
    """Three messages of alice in the lobby, where bob is too."""
    await ask(alice, "join", room="lobby")
    await ask(bob, "join", room="lobby")
    sends = [await ask(alice, "send", room="lobby", text=f"no. {n}", id=f"message-{n}") for n in (1, 2, 3)]
    return [answer["message"] for answer in sends]


async def test_an_edit_keeps_place_and_time_and_takes_the_next_rev(
    ask: Ask, alice: Connection, said: list[dict[str, Any]]
) -> None:
    edited = (await ask(alice, "edit", room="lobby", seq=2, text="better"))["message"]
    kept = {name: edited[name] for name in ("seq", "id", "author", "at", "kind")}
    assert kept == {name: said[1][name] for name in kept}
    assert (edited["text"], edited["rev"]) == ("better", 4)
    assert edited["edited"] >= edited["at"]


async def test_who_was_away_gets_an_edited_message_once_as_it_is_now(
    ask: Ask, alice: Connection, bob: Connection
) -> None:
    for text in ("better", "best"):
        await ask(alice, "edit", room="lobby", seq=2, text=text)
    await ask(alice, "delete", room="lobby", seq=1)
    missed = await ask(bob, "sync", room="lobby", after=3)
    assert [(one["seq"], one["rev"], one["text"], one.get("deleted")) for one in missed["messages"]] == [
        (2, 5, "best", None),
        (1, 6, "", True),
    ]
    assert (missed["rev"], missed["more"]) == (6, False)


async def test_a_tombstone_says_nothing_and_stays(ask: Ask, alice: Connection, bob: Connection) -> None:
    await ask(bob, "react", room="lobby", seq=2, emoji="👍", on=True)
    gone = (await ask(alice, "delete", room="lobby", seq=2))["message"]
    assert (gone["deleted"], gone["text"]) == (True, "")
    assert "reactions" not in gone and "deleted_by" not in gone
    assert await ask(alice, "delete", room="lobby", seq=2) == {"ok": True, "message": gone}, "twice is once"
    for change in ({"verb": "edit", "text": "back"}, {"verb": "react", "emoji": "👍", "on": True}):
        assert (await ask(alice, change.pop("verb"), room="lobby", seq=2, **change))["error"] == "no_such_message"
    assert [one["seq"] for one in (await ask(bob, "history", room="lobby"))["messages"]] == [1, 2, 3]


@pytest.mark.parametrize("change", [("edit", {"text": "mine now"}), ("delete", {})])
async def test_only_who_said_it_can_change_it(
    ask: Ask, bob: Connection, said: list[dict[str, Any]], change: tuple[str, dict[str, Any]]
) -> None:
    verb, payload = change
    assert (await ask(bob, verb, room="lobby", seq=1, **payload))["error"] == "not_allowed"
    assert (await ask(bob, "history", room="lobby"))["messages"] == said


async def test_what_changes_nothing_takes_no_rev(ask: Ask, alice: Connection, bob: Connection) -> None:
    await ask(alice, "edit", room="lobby", seq=1, text="no. 1")
    await ask(bob, "react", room="lobby", seq=1, emoji="👍", on=False)
    assert (await ask(alice, "sync", room="lobby", after=3))["rev"] == 3


async def test_a_resend_of_a_message_edited_since_is_that_message(ask: Ask, alice: Connection) -> None:
    """The ack was lost, another tab edited it, the first one sends again: it is still the same one."""
    edited = (await ask(alice, "edit", room="lobby", seq=1, text="better"))["message"]
    again = await ask(alice, "send", room="lobby", text="no. 1", id="message-1")
    assert again["message"] == edited


async def test_reactions_are_told_by_name_in_the_order_of_reacting(
    ask: Ask, alice: Connection, bob: Connection
) -> None:
    await ask(bob, "react", room="lobby", seq=1, emoji="👍", on=True)
    await asyncio.sleep(0)
    await ask(alice, "react", room="lobby", seq=1, emoji="👍", on=True)
    both = await ask(alice, "react", room="lobby", seq=1, emoji="🇨🇭", on=True)
    assert {emoji: sorted(names) for emoji, names in both["message"]["reactions"].items()} == {
        "👍": ["alice", "bob"],
        "🇨🇭": ["alice"],
    }
    less = await ask(bob, "react", room="lobby", seq=1, emoji="👍", on=False)
    assert less["message"]["reactions"] == {"👍": ["alice"], "🇨🇭": ["alice"]}
    page = (await ask(bob, "history", room="lobby"))["messages"]
    assert [one.get("reactions") for one in page] == [less["message"]["reactions"], None, None]


EMOJIS = [chr(0x1F600 + n) for n in range(20)]
WIDE = "\U0001d4d0\U0001f468\u200d\U0001f469\u200d\U0001f467"  # a long name, in bytes


class Told:
    """What a room hears, in the place of sockets."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def broadcast(self, _room: str, event: str, payload: dict[str, Any], rev: int | None = None) -> None:
        self.events.append((event, payload))

    def send_to(self, *_: Any) -> None: ...

    async def follow(self, *_: Any) -> None: ...

    def subscribe(self, *_: Any) -> None: ...

    def unsubscribe(self, *_: Any) -> None: ...


async def seated(chat: Chat, count: int) -> list[Connection]:
    """So many people in the lobby, with long names."""
    crowd = []
    for n in range(count):
        one = await arrives(chat, f"socket {n}", f"guest {n}")
        chat.presence.update(Profile(one.person.id, f"{n:03} {WIDE * 20}"[:250]))
        chat.presence.join(one, "lobby")
        crowd.append(one)
    return crowd


async def test_however_many_react_a_message_is_light_and_each_reaction_is_told_alone(
    chat: Chat, ask: Ask, alice: Connection
) -> None:
    """20 people with all 20 reactions: counts and the first 8 names. Who reacts later changes the count alone."""
    chat.rates = Rates(None)
    crowd = await seated(chat, 20)
    told = chat.broadcaster = Told()
    for one in crowd:
        for emoji in EMOJIS:
            assert (await ask(one, "react", room="lobby", seq=1, emoji=emoji, on=True))["ok"]
    message = (await ask(alice, "history", room="lobby"))["messages"][0]
    assert message["reaction_counts"] == dict.fromkeys(EMOJIS, 20)
    assert [name[:3] for name in message["reactions"][EMOJIS[0]]] == [f"{n:03}" for n in range(8)]
    assert len(orjson.dumps(message)) < PAGE_BYTES
    assert {event for event, _ in told.events} == {"react"}
    *_, (_, last) = told.events
    assert last == {
        "room": "lobby",
        "seq": 1,
        "rev": message["rev"],
        "emoji": EMOJIS[-1],
        "on": True,
        "count": 20,
        "person": crowd[-1].person.id,
        "nickname": people.borne(chat, crowd[-1].person),
    }
    assert max(len(orjson.dumps(payload)) for _, payload in told.events) < 12_000


async def test_the_heaviest_message_is_no_heavier_than_a_page(chat: Chat, ask: Ask, alice: Connection) -> None:
    """Names of 256 characters, each of four bytes, and a text of nothing but links."""
    text = ("https://例え.jp/" + " x.io" * 798)[: chat.limits.text]
    stored = (await ask(alice, "send", room="lobby", text=text, id="the-heaviest"))["message"]
    widest = {chr(0x1F600 + n): [10**9, ["\U0001d4d0" * 256] * chat.limits.reaction_names] for n in range(20)}
    row = await chat.store.read(queries.one, "lobby", stored["seq"])
    assert len(orjson.dumps(as_told(row | {"reactions": widest}))) < PAGE_BYTES


async def test_names_are_told_with_a_reaction_where_those_that_show_have_changed(
    chat: Chat, ask: Ask, alice: Connection
) -> None:
    crowd = await seated(chat, 10)
    told = chat.broadcaster = Told()
    for one in crowd:
        await ask(one, "react", room="lobby", seq=1, emoji="👍", on=True)
    assert ["names" in payload for _, payload in told.events] == [True] * 8 + [False] * 2
    await ask(crowd[9], "react", room="lobby", seq=1, emoji="👍", on=False)
    await ask(crowd[0], "react", room="lobby", seq=1, emoji="👍", on=False)
    (_, ninth), (_, first) = told.events[-2:]
    assert (ninth["count"], "names" in ninth, first["count"]) == (9, False, 8)
    assert [name[:3] for name in first["names"]] == [f"{n:03}" for n in range(1, 9)]
    for one in crowd[1:9]:
        await ask(one, "react", room="lobby", seq=1, emoji="👍", on=False)
    assert (told.events[-1][1]["count"], told.events[-1][1]["names"]) == (0, [])


async def test_one_asks_for_ones_own_reactions_whatever_name_they_were_made_under(
    ask: Ask, alice: Connection, bob: Connection
) -> None:
    for seq, emoji in ((1, "👍"), (1, "🎉"), (3, "👍")):
        await ask(bob, "react", room="lobby", seq=seq, emoji=emoji, on=True)
    await ask(alice, "react", room="lobby", seq=2, emoji="👍", on=True)
    await ask(bob, "rename", nickname="robert")
    answer = await ask(bob, "reacted", room="lobby", seqs=[1, 2, 3, 99])
    rev = (await ask(bob, "sync", room="lobby", after=0))["rev"]
    assert answer == {"ok": True, "mine": {"1": ["👍", "🎉"], "3": ["👍"]}, "rev": rev}
    assert (await ask(bob, "reacted", room="lobby", seqs=list(range(1, 102))))["error"] == "too_long"


NO_EMOJI = [
    "",
    "a",
    "1",
    "ok",
    "👍👍",
    "👍 ",
    "<b>",
    "👍" + "\u200d👍" * 20,
    "👍\u200d",
    "👍\u0301",
    "👍\U000e0061",
    "👍\u20e3",
]
NO_EMOJI += ["\u20e3", "\ufe0f", "👩💻"]


@pytest.mark.parametrize("emoji", NO_EMOJI, ids=[f"{n}" for n in range(len(NO_EMOJI))])
async def test_a_reaction_is_one_emoji(ask: Ask, bob: Connection, emoji: str) -> None:
    assert (await ask(bob, "react", room="lobby", seq=1, emoji=emoji, on=True))["error"] == "bad_payload"


@pytest.mark.parametrize("emoji", ["👍", "❤️", "👩‍👩‍👧", "🇨🇭", "1️⃣", "👋🏽"])
async def test_all_sorts_of_emoji_are_one(ask: Ask, bob: Connection, emoji: str) -> None:
    assert (await ask(bob, "react", room="lobby", seq=1, emoji=emoji, on=True))["ok"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("👍\ufe0f", "👍"),
        ("👍\ufe0e", "👍"),
        ("❤", "❤️"),
        ("❤\ufe0e", "❤️"),
        ("1⃣", "1️⃣"),
        ("🏳\u200d🌈", "🏳️\u200d🌈"),
        ("\U0001fae9\ufe0f", "\U0001fae9"),
    ],
    ids=[f"{n}" for n in range(7)],
)
async def test_emoji_that_look_the_same_are_one_reaction(ask: Ask, bob: Connection, sent: str, kept: str) -> None:
    await ask(bob, "react", room="lobby", seq=1, emoji=kept, on=True)
    assert list((await ask(bob, "react", room="lobby", seq=1, emoji=sent, on=True))["message"]["reactions"]) == [kept]
    assert not (await ask(bob, "react", room="lobby", seq=1, emoji=sent, on=False))["message"].get("reactions")


async def test_a_message_takes_so_many_different_reactions_and_no_more(
    ask: Ask, alice: Connection, bob: Connection
) -> None:
    for n in range(20):
        assert (await ask(bob, "react", room="lobby", seq=1, emoji=chr(0x1F600 + n), on=True))["ok"]
    assert (await ask(bob, "react", room="lobby", seq=1, emoji="👍", on=True))["error"] == "not_allowed"
    assert (await ask(alice, "react", room="lobby", seq=1, emoji=chr(0x1F600), on=True))["ok"]


async def test_changes_at_once_take_places_without_gaps(ask: Ask, alice: Connection, bob: Connection) -> None:
    await asyncio.gather(
        *(ask(alice, "edit", room="lobby", seq=n % 3 + 1, text=f"edit {n}") for n in range(30)),
        *(ask(bob, "react", room="lobby", seq=n % 3 + 1, emoji=chr(0x1F600 + n % 5), on=True) for n in range(15)),
        *(ask(bob, "send", room="lobby", text="x", id=f"message-of-bob-{n}") for n in range(10)),
    )
    page = await ask(alice, "sync", room="lobby", after=0)
    assert page["rev"] == 3 + 30 + 15 + 10
    assert len(page["messages"]) == 13
