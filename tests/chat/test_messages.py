"""Saying and catching up, on real SQLite."""

import asyncio
from itertools import product
from typing import Any

import orjson
import pytest

from app.model import Connection
from tests.chat.conftest import Ask
from tests.support.spent import measured


async def say(ask: Ask, person: Connection, count: int, room: str = "lobby") -> list[dict[str, Any]]:
    answers = [await ask(person, "send", room=room, text=f"no. {n}", id=f"message-{room}-{n}") for n in range(count)]
    return [answer["message"] for answer in answers]


@pytest.fixture(autouse=True)
async def seated(ask: Ask, alice: Connection, bob: Connection) -> None:
    await ask(alice, "join", room="lobby")
    await ask(bob, "join", room="lobby")


async def test_places_are_claimed_without_gaps_even_at_once(ask: Ask, alice: Connection, bob: Connection) -> None:
    sends = [ask(who, "send", room="lobby", text="x", id=f"message-{n}") for n in range(100) for who in (alice, bob)]
    places = [answer["message"] for answer in await asyncio.gather(*sends)]
    assert sorted(one["seq"] for one in places) == list(range(1, 201))
    assert sorted(one["rev"] for one in places) == list(range(1, 201))


async def test_sending_twice_says_it_once(ask: Ask, alice: Connection) -> None:
    first = await ask(alice, "send", room="lobby", text="once", id="the-same-id")
    again = await ask(alice, "send", room="lobby", text="once", id="the-same-id")
    assert again == first
    assert len((await ask(alice, "history", room="lobby"))["messages"]) == 1


async def test_sending_twice_at_once_says_it_once(ask: Ask, alice: Connection) -> None:
    answers = await asyncio.gather(
        *(ask(alice, "send", room="lobby", text="once", id="the-same-id") for _ in range(20))
    )
    assert {answer["message"]["seq"] for answer in answers} == {1}


async def test_an_id_for_another_text_or_room_is_refused(ask: Ask, alice: Connection) -> None:
    await ask(alice, "send", room="lobby", text="once", id="the-same-id")
    assert (await ask(alice, "send", room="lobby", text="twice", id="the-same-id"))["error"] == "id_reused"
    await ask(alice, "join", room="attic")
    assert (await ask(alice, "send", room="attic", text="once", id="the-same-id"))["error"] == "id_reused"
    assert (await ask(alice, "history", room="attic"))["messages"] == []


async def test_the_same_id_of_another_person_is_another_message(ask: Ask, alice: Connection, bob: Connection) -> None:
    for who in (alice, bob):
        assert (await ask(who, "send", room="lobby", text="mine", id="the-same-id"))["ok"]
    assert len((await ask(alice, "history", room="lobby"))["messages"]) == 2


async def test_an_action_is_said_without_its_command(ask: Ask, alice: Connection) -> None:
    message = (await ask(alice, "send", room="lobby", text="/me waves", id="message-1"))["message"]
    assert (message["kind"], message["text"]) == ("action", "waves")


async def test_text_is_trimmed_and_kept_to_the_letter(ask: Ask, alice: Connection) -> None:
    text = "  ünïcödé 👩‍👩‍👧 שלום\n\tindented \u202e backwards "
    message = (await ask(alice, "send", room="lobby", text=text, id="message-1"))["message"]
    assert message["text"] == text.rstrip()
    assert "words" not in message


INDENTED = {
    "code": ("    if x:\n        y()\n", "    if x:\n        y()"),
    "blank lines before": ("\n\n  indented after blank lines", "  indented after blank lines"),
    "of all line ends": (" \t\r\n \n\r\tx \n y \n \r\n", "\tx \n y"),
    "lines of what cannot be seen": ("\u200b\n\u2800 \r\n  \ufeffx ☺\ufe0f\n\u3164\n\u200b\n", "  \ufeffx ☺\ufe0f"),
    "an indented command": ("   /me waves", "   /me waves"),
}


@pytest.mark.parametrize(("typed", "stored"), INDENTED.values(), ids=INDENTED.keys())
async def test_the_first_line_keeps_its_indentation_said_and_edited(
    ask: Ask, alice: Connection, typed: str, stored: str
) -> None:
    said = (await ask(alice, "send", room="lobby", text=typed, id="message-1"))["message"]
    assert (said["kind"], said["text"]) == ("said", stored)
    await ask(alice, "send", room="lobby", text="x", id="message-2")
    assert (await ask(alice, "edit", room="lobby", seq=2, text=typed))["message"]["text"] == stored


NOTHING = ["\u200b", "\u200d", "\u2060", "\ufeff", "\u3164", "\u2800", "\u202e", "\u00ad", "\ufe0f", "\u115f", "\u180e"]
NOTHING += [
    "\U000e0041\U000e007f",
    "\U0001d159",
    "\ufffc",
    "\U00016fe4",
    "\u3000",
    "\u2028",
    "\x1b",
    "\u17b5",
    "\U000e0100",
]
NOTHING += ["\u034f", "\u2066\u2069", "\u00a0", "\ufff9\ufffb", "\u2800 \u200b\n\u3164"]


async def test_what_shows_nothing_is_refused_as_empty(ask: Ask, alice: Connection) -> None:
    await ask(alice, "send", room="lobby", text="x", id="message-1")
    for nothing in [*NOTHING, "\n\n \t", ""]:
        for text in [nothing, nothing * 9, f"\n {nothing} \n"] + ([f"/me {nothing}"] if nothing.strip() else []):
            for answer in (
                await ask(alice, "send", room="lobby", text=text, id="message-no"),
                await ask(alice, "edit", room="lobby", seq=1, text=text),
            ):
                assert answer["error"] == "bad_payload", ascii(text)
                assert "nothing in it that can be seen" in answer["text"]
        await ask(alice, "topic", room="lobby", topic="about something")
        assert (await ask(alice, "topic", room="lobby", topic=nothing))["room"]["topic"] == "", ascii(nothing)


@pytest.mark.parametrize("text", [".", "\u200bx", "👩‍💻", "❤️", "\u0301", "/me", "ㄱ", "\u2801"], ids=ascii)
async def test_what_shows_something_is_said_as_typed(ask: Ask, alice: Connection, text: str) -> None:
    assert (await ask(alice, "send", room="lobby", text=text, id="message-1"))["message"]["text"] == text


async def test_a_topic_is_one_line_without_controls(ask: Ask, alice: Connection) -> None:
    typed = " a\x1b[31m\x07 topic\n\u202e\u2066of\u2069 two lines\u202c \u0085\x00".replace("\x00", "") + "\u200fשלום"
    assert (await ask(alice, "topic", room="lobby", topic=typed))["room"][
        "topic"
    ] == "a[31m topic of two lines \u200fשלום"
    assert (await ask(alice, "topic", room="lobby", topic="x" * 201))["error"] == "too_long"
    assert (await ask(alice, "topic", room="lobby", topic=f"{' ' * 300}x"))["room"]["topic"] == "x"


LONG = [
    ("send", {"room": "lobby", "id": "message-1"}, "text", "too_long"),
    ("topic", {"room": "lobby"}, "topic", "too_long"),
    ("rename", {}, "nickname", "bad_nickname"),
    ("people", {"room": "lobby"}, "after", "bad_nickname"),
    ("reserve", {}, "passphrase", "bad_payload"),
    ("identify", {"nickname": "ann"}, "passphrase", "bad_payload"),
    ("join", {}, "room", "bad_room"),
    ("react", {"room": "lobby", "seq": 1, "on": True}, "emoji", "bad_payload"),
    ("send", {"room": "lobby", "text": "x"}, "id", "bad_payload"),
]


async def test_what_is_much_too_long_is_refused_before_it_is_read(ask: Ask, alice: Connection) -> None:
    """Half a million characters through Unicode's normalization would take seconds of everybody's time."""
    for (verb, payload, field, error), char in product(LONG, ("e", "\u0301", "한")):  # plain, a mark, Hangul
        with measured() as spent:
            answer = await ask(alice, verb, **payload, **{field: char * 490_000})
        assert answer["error"] == error, (verb, field)
        assert spent.seconds < 0.5, (verb, field, ascii(char))


async def test_four_thousand_characters_fit_and_one_more_does_not(ask: Ask, alice: Connection) -> None:
    assert (await ask(alice, "send", room="lobby", text="😀" * 4000, id="message-1"))["ok"]
    answer = await ask(alice, "send", room="lobby", text="😀" * 4001, id="message-2")
    assert answer["error"] == "too_long"
    assert "4001" in answer["text"] and "4000" in answer["text"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plain", None),
        ("a://b", None),
        ("see https://example.org/a?b=c.", ["see ", {"link": "https://example.org/a?b=c"}, "."]),
        ("(http://example.org)", ["(", {"link": "http://example.org"}, ")"]),
        ("javascript://alert(1)", None),
        ("ftp://example.org", None),
        ("https://a.example https://b.example", [{"link": "https://a.example"}, " ", {"link": "https://b.example"}]),
    ],
)
async def test_links_are_found_and_only_safe_ones(ask: Ask, alice: Connection, text: str, words: Any) -> None:
    message = (await ask(alice, "send", room="lobby", text=text, id="message-1"))["message"]
    tree = message.get("words")
    assert (tree and [{"link": one["link"]} if isinstance(one, dict) else one for one in tree]) == words


async def test_a_reply_names_a_message_that_is_there(ask: Ask, alice: Connection) -> None:
    await say(ask, alice, 1)
    reply = await ask(alice, "send", room="lobby", text="yes", id="message-yes", reply_to=1)
    assert reply["message"]["reply_to"] == 1
    answer = await ask(alice, "send", room="lobby", text="yes", id="message-no", reply_to=99)
    assert answer["error"] == "no_such_message"


async def test_history_goes_back_in_pages(ask: Ask, alice: Connection) -> None:
    said = await say(ask, alice, 250)
    last = await ask(alice, "history", room="lobby")
    assert (last["messages"], last["more"]) == (said[150:], True)
    older = await ask(alice, "history", room="lobby", before=151)
    assert (older["messages"], older["more"]) == (said[50:150], True)
    oldest = await ask(alice, "history", room="lobby", before=51)
    assert (oldest["messages"], oldest["more"]) == (said[:50], False)
    assert (await ask(alice, "history", room="lobby", before=1))["messages"] == []
    assert len((await ask(alice, "history", room="lobby", limit=7))["messages"]) == 7
    assert len((await ask(alice, "history", room="lobby", limit=100_000))["messages"]) == 100


async def test_history_goes_forward_in_pages(ask: Ask, alice: Connection) -> None:
    said = await say(ask, alice, 250)
    first = await ask(alice, "history", room="lobby", after=20)
    assert (first["messages"], first["more"]) == (said[20:120], True)
    last = await ask(alice, "history", room="lobby", after=220)
    assert (last["messages"], last["more"]) == (said[220:], False)
    exact = await ask(alice, "history", room="lobby", after=240, limit=10)
    assert (exact["messages"], exact["more"]) == (said[240:], False)
    assert (await ask(alice, "history", room="lobby", after=250))["messages"] == []
    assert (await ask(alice, "history", room="lobby", after=1, before=9))["error"] == "bad_payload"


async def test_a_message_does_not_overtake_the_one_it_follows(ask: Ask, alice: Connection) -> None:
    early = await ask(alice, "send", room="lobby", text="two", id="message-two", follows="message-one")
    assert early["error"] == "out_of_order"
    sends = [
        ask(alice, "send", room="lobby", text="x" * length, id=f"in-a-row-{n}", **follows)
        for n, (length, follows) in enumerate(
            [
                (1, {}),
                (1, {"follows": "in-a-row-0"}),
                (9_999, {"follows": "in-a-row-1"}),
                (1, {"follows": "in-a-row-2"}),
                (1, {"follows": "in-a-row-3"}),
            ]
        )
    ]
    answers = await asyncio.gather(*sends)
    assert [answer.get("error") for answer in answers] == [None, None, "too_long", "out_of_order", "out_of_order"]
    assert (await ask(alice, "send", room="lobby", text="two", id="message-two", follows="in-a-row-1"))["ok"]
    assert [one["id"] for one in (await ask(alice, "history", room="lobby"))["messages"]] == [
        "in-a-row-0",
        "in-a-row-1",
        "message-two",
    ]


async def test_ones_own_order_is_nobody_elses_business(ask: Ask, alice: Connection, bob: Connection) -> None:
    assert (await ask(alice, "send", room="lobby", text="x", id="of-alice-1"))["ok"]
    assert (await ask(bob, "send", room="lobby", text="x", id="of-bob-1", follows="of-alice-1"))[
        "error"
    ] == "out_of_order"


async def test_a_long_row_that_follows_itself_is_stored_in_order_at_once(ask: Ask, alice: Connection) -> None:
    ids = [f"in-a-row-{n}" for n in range(90)]
    sends = [
        ask(alice, "send", room="lobby", text=id, id=id, **({"follows": ids[n - 1]} if n else {}))
        for n, id in enumerate(ids)
    ]
    assert all(answer["ok"] for answer in await asyncio.gather(*sends))
    assert [one["id"] for one in (await ask(alice, "history", room="lobby"))["messages"]] == ids


async def test_sync_brings_exactly_what_changed_in_pages(ask: Ask, alice: Connection) -> None:
    said = await say(ask, alice, 250)
    after, got = 20, []
    while True:
        page = await ask(alice, "sync", room="lobby", after=after)
        got += page["messages"]
        assert page["rev"] == 250
        if not page["more"]:
            break
        after = page["messages"][-1]["rev"]
    assert got == said[20:]
    assert "reset" not in page
    assert (await ask(alice, "sync", room="lobby", after=250))["messages"] == []


async def test_joining_brings_the_last_page_or_what_was_missed(ask: Ask, alice: Connection, bob: Connection) -> None:
    said = await say(ask, alice, 150)
    first = await ask(bob, "join", room="lobby")
    assert (first["messages"], first["more"], first["rev"]) == (said[50:], False, 150)
    assert "reset" not in first
    missed = await ask(bob, "join", room="lobby", after=145)
    assert missed["messages"] == said[145:]
    long_ago = await ask(bob, "join", room="lobby", after=0)
    assert (long_ago["messages"], long_ago["more"]) == (said[:100], True)


async def test_who_is_too_far_behind_or_ahead_starts_over(ask: Ask, alice: Connection) -> None:
    said = await say(ask, alice, 1002)
    assert "reset" not in await ask(alice, "sync", room="lobby", after=2)
    behind = await ask(alice, "sync", room="lobby", after=1)
    assert (behind["reset"], behind["messages"]) == (True, said[-100:])
    ahead = await ask(alice, "sync", room="lobby", after=1003)
    assert (ahead["reset"], ahead["rev"]) == (True, 1002)


HEAVY = {"links": ("http://a.b " * 364)[:3999], "escapes": "x" + "\x01" * 3999, "han": "漢" * 4000}


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY.keys())
async def test_a_room_of_heavy_messages_can_be_read_to_its_end(
    ask: Ask, alice: Connection, bob: Connection, text: str
) -> None:
    """Pages end by their bytes too: one that is larger than a reader may leave waiting would throw everybody out."""
    for n in range(60):
        assert (await ask(alice, "send", room="lobby", text=text, id=f"message-{n}"))["ok"]
    joined = await ask(bob, "join", room="lobby")
    pages, seqs = [joined], [one["seq"] for one in joined["messages"]]
    while seqs[0] > 1:
        pages.append(await ask(bob, "history", room="lobby", before=seqs[0]))
        seqs = [one["seq"] for one in pages[-1]["messages"]] + seqs
        assert pages[-1]["more"] is (seqs[0] > 1)
    assert seqs == list(range(1, 61))
    revs: list[int] = []
    while len(revs) < 60:
        pages.append(await ask(bob, "sync", room="lobby", after=revs[-1] if revs else 0))
        revs += [one["rev"] for one in pages[-1]["messages"]]
        assert pages[-1]["more"] is (len(revs) < 60)
    assert revs == list(range(1, 61))
    assert max(len(orjson.dumps(page)) for page in pages) < 300_000
