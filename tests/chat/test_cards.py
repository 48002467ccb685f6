"""Cards of this site's own rooms and messages: by their own words, for those who may read them. (Those of pages
elsewhere: tests/web/test_previews.py.)"""

import pytest

from app.chat import cards
from app.live.lines import RoomLines
from app.model import Connection
from tests.chat.conftest import Ask
from tests.support.talker import new_id

SITE = "https://chat.example.org/talk"


async def says(ask: Ask, who: Connection, room: str, text: str) -> None:
    assert (await ask(who, "send", room=room, text=text, id=new_id()))["ok"]


async def test_a_link_to_a_room_or_message_has_its_words_for_those_who_may_read_it(
    ask: Ask, alice: Connection, bob: Connection
) -> None:
    for room in ("lobby", "attic"):
        await ask(alice, "join", room=room)
        await ask(alice, "topic", room=room, topic=f"About {room}")
        await says(ask, alice, room, f"**hello** @bob\n\nin {room} {'x' * 400}")
    await ask(alice, "settings", room="attic", locked=True)
    about = {"room": "lobby", "topic": "About lobby", "people": 1}
    assert (await ask(bob, "preview", room="lobby"))["card"] == about
    seen = (await ask(bob, "preview", room="lobby", seq=1))["card"]
    assert seen | about == seen and (seen["seq"], seen["nickname"], seen["kind"]) == (1, "alice", "said")
    assert seen["text"].startswith("hello @bob in lobby xxx") and seen["text"].endswith("x…")
    assert len(seen["text"]) == cards.MAX_TEXT + 1 and seen["at"].endswith("Z")
    for payload in ({"room": "attic"}, {"room": "attic", "seq": 1}, {"room": "never"}):
        assert (await ask(bob, "preview", **payload))["error"] == "no_such_room"
    assert (await ask(alice, "preview", room="attic", seq=1))["card"]["topic"] == "About attic"
    assert (await ask(bob, "preview", room="lobby", seq=7))["error"] == "no_such_message"
    await ask(alice, "edit", room="lobby", seq=1, text="otherwise")
    assert (await ask(bob, "preview", room="lobby", seq=1))["card"]["text"] == "otherwise"
    await ask(alice, "delete", room="lobby", seq=1)
    assert (await ask(bob, "preview", room="lobby", seq=1))["error"] == "no_such_message"


async def test_a_conversation_of_two_is_theirs_alone(ask: Ask, alice: Connection, bob: Connection) -> None:
    await ask(alice, "open", person=bob.person.id)
    await says(ask, alice, f"@{bob.person.id}", "between us")
    for who, other in ((alice, bob), (bob, alice)):
        answer = await ask(who, "preview", room=f"@{other.person.id}", seq=1)
        assert answer["card"]["text"] == "between us"
    assert (await ask(bob, "preview", room=f"@{bob.person.id}", seq=1))["ok"] is False


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("see https://a.example/x, https://b.example", "https://a.example/x"),
        (f"{SITE}/r/lobby#7 and {SITE.upper()}/r/x, www.b.example", "http://www.b.example"),
        (f"{SITE} {SITE}?x {SITE}#x", None),
        (f"{SITE}ing/x", f"{SITE}ing/x"),
        ("> https://a.example\nhttps://b.example", "https://b.example"),
        ("- **[one](https://a.example)**\n- https://b.example", "https://a.example"),
        ("`curl https://a.example`", None),
        ("```\nhttps://a.example\n```", None),
        ("https://a.example/" + "x" * 2_000, None),
        ("plain http", None),
    ],
    ids=["first", "own", "own-root", "no-own", "quote", "list", "code", "block", "long", "none"],
)
def test_the_first_link_away_from_here_has_a_card(text: str, link: str | None) -> None:
    assert cards.link_in(text, SITE) == link


def test_lines_tell_what_is_said_otherwise_and_no_cards() -> None:
    lines = RoomLines({"name": "lobby", "topic": ""}, {}, seq=0)
    said = {"seq": 1, "author": "a", "nickname": "Ann", "kind": "said", "text": "hi"}
    edited = said | {"text": "ho", "edited": "2026-11-28T10:00:00.000Z"}
    looks = (said, said | {"card": {}}, edited, edited | {"card": {}}, edited | {"text": "", "deleted": True}, edited)
    assert [lines.message(one) for one in looks] == [
        "Ann said: hi",
        None,
        "Ann corrected: ho",
        None,
        "Ann took a message back.",
        "Ann said: ho",
    ]
