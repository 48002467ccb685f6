"""Who is called in a message: whose names they are, who is told of it, and where that ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from app.chat import Chat, doors, retention
from app.chat.verbs import perform
from app.model import Connection
from app.server import Running
from app.store.tables import mentions
from tests.chat.conftest import Ask, arrives
from tests.support.talker import new_id

Says = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def says(ask: Ask) -> Says:
    async def says(who: Connection, said: str, room: str = "lobby", **more: Any) -> dict[str, Any]:
        answer = await ask(who, "send", room=room, text=said, id=new_id(), **more)
        assert answer["ok"], answer
        message: dict[str, Any] = answer["message"]
        return message

    return says


async def rows(chat: Chat) -> list[tuple[str, int, str]]:
    found = await chat.store.read(lambda db: db.execute(select(mentions)).all())
    return sorted((row.room, row.seq, row.person) for row in found)


async def listed(ask: Ask, who: Connection, **payload: Any) -> list[str]:
    answer = await ask(who, "mentions", **payload)
    assert answer["ok"], answer
    return [f"{one['room']}: {one['text']}" for one in answer["messages"]]


async def test_a_name_is_found_in_whatever_way_it_is_written(
    chat: Chat, ask: Ask, says: Says, alice: Connection
) -> None:
    ann = await arrives(chat, "ann", "Ann")
    lee = await arrives(chat, "lee", "Ann Lee")
    star = await arrives(chat, "star", "★Star")
    ming = await arrives(chat, "ming", "小明")
    dots = await arrives(chat, "dots", "Dr. No")
    for one in (alice, ann, lee, star):
        await ask(one, "join", room="lobby")
    a, b, s, m, d = (one.person.id for one in (ann, lee, star, ming, dots))
    cases = {
        "@Ann hello": [a],
        "hello @ann.": [a],
        "@ANN's tea, @Ann: yes": [a],
        "(@ann)": [a],
        "@Ann Lee is here": [b],
        "@ann lee, and @ann": sorted([a, b]),
        "@AnnLee": [b],
        "@\u0391nn": [a],  # a Greek letter that looks the same
        "@Ann le": [a],
        "@★star!": [s],
        "@小明你好": [m],
        "@Dr. No.": [d],
        "/me waves at @ann": [a],
    }
    for said, wanted in cases.items():
        assert (await says(alice, said)).get("mentions") == wanted, said
    for said in ("@Annika", "@Ann-Marie", "ann@ann.example", "https://site.example/@ann", "`@ann`", "@", "@ ann"):
        assert "mentions" not in await says(alice, said), said
    assert "mentions" not in await says(alice, "```\n@ann\n```")


async def test_it_is_a_person_who_is_called_whatever_their_name_is_later(
    chat: Chat, ask: Ask, says: Says, alice: Connection, bob: Connection
) -> None:
    for one in (alice, bob):
        await ask(one, "join", room="lobby")
    await says(alice, "hello @bob")
    await ask(bob, "rename", nickname="robert")
    cid = await arrives(chat, "cid", "cid")
    await ask(cid, "rename", nickname="bob")
    assert await listed(ask, bob) == ["lobby: hello @bob"]
    assert await listed(ask, cid) == []


async def test_everybody_is_called_by_moderators_alone(
    chat: Chat, ask: Ask, says: Says, alice: Connection, bob: Connection
) -> None:
    cid = await arrives(chat, "cid", "cid")
    for one in (alice, bob):
        await ask(one, "join", room="lobby")
    await ask(cid, "join", room="attic")
    assert (await says(alice, "@everyone: tea"))["mentions"] == ["everyone"]
    assert (await says(alice, "@Here now"))["mentions"] == ["everyone"]
    assert "mentions" not in await says(bob, "@everyone: no")
    assert await listed(ask, bob) == ["lobby: @Here now", "lobby: @everyone: tea"]
    assert await listed(ask, alice) == [], "nobody calls themselves"
    assert await listed(ask, cid) == [], "who is not in the room is not part of everybody"
    await ask(alice, "appoint", room="lobby", person=bob.person.id, role="moderator")
    assert (await says(bob, "@everyone: yes"))["mentions"] == ["everyone"]


async def test_an_edit_calls_others_and_a_deletion_nobody(
    chat: Chat, ask: Ask, says: Says, alice: Connection, bob: Connection
) -> None:
    cid = await arrives(chat, "cid", "cid")
    for one in (alice, bob, cid):
        await ask(one, "join", room="lobby")
    seq = (await says(bob, "@cid hello"))["seq"]
    edited = await ask(bob, "edit", room="lobby", seq=seq, text="@alice hello")
    assert edited["message"]["mentions"] == [alice.person.id]
    assert await listed(ask, cid) == []
    assert await listed(ask, alice) == ["lobby: @alice hello"]
    removed = await ask(alice, "delete", room="lobby", seq=seq)
    assert "mentions" not in removed["message"]
    assert await rows(chat) == []
    restored = await ask(alice, "restore", room="lobby", seq=seq)
    assert restored["message"]["mentions"] == [alice.person.id]
    assert await listed(ask, alice) == ["lobby: @alice hello"]
    await ask(bob, "delete", room="lobby", seq=seq)
    assert await rows(chat) == []


async def test_the_words_of_a_closed_room_are_told_to_nobody_outside(
    chat: Chat, ask: Ask, says: Says, alice: Connection, bob: Connection
) -> None:
    for room in ("lobby", "attic", "cellar"):
        await ask(alice, "join", room=room)
    await ask(alice, "settings", room="attic", locked=True)
    await ask(alice, "settings", room="cellar", listed=False)
    for room in ("lobby", "attic", "cellar"):
        await says(alice, f"@bob of {room}", room)
    assert await listed(ask, bob) == ["lobby: @bob of lobby"]
    await ask(bob, "join", room="cellar")
    assert await listed(ask, bob) == ["cellar: @bob of cellar", "lobby: @bob of lobby"]
    for room in ("lobby", "cellar"):
        await ask(alice, "ban", room=room, person=bob.person.id)
    assert await listed(ask, bob) == []


async def test_ignored_people_call_nobody(ask: Ask, says: Says, alice: Connection, bob: Connection) -> None:
    for one in (alice, bob):
        await ask(one, "join", room="lobby")
    await says(alice, "@bob hello")
    await ask(bob, "ignore", person=alice.person.id, on=True)
    assert await listed(ask, bob) == []
    await ask(bob, "ignore", person=alice.person.id, on=False)
    assert await listed(ask, bob) == ["lobby: @bob hello"]


async def test_the_list_comes_in_pages_and_none_is_lost_between_two(
    chat: Chat, ask: Ask, says: Says, alice: Connection, bob: Connection
) -> None:
    await ask(alice, "join", room="lobby")
    for n in range(9):
        await says(alice, f"@bob {n}")
    for table in ("messages", "mentions"):  # some of one moment
        await chat.store.write(lambda db, table=table: db.execute(text(f"UPDATE {table} SET at = 1000 * (seq / 3)")))
    seen: list[str] = []
    before: dict[str, str] = {}
    while True:
        answer = await ask(bob, "mentions", limit=2, **before)
        seen += [one["text"] for one in answer["messages"]]
        if not answer["more"]:
            break
        before = {"before": answer["messages"][-1]["at"]}
    assert seen == [f"@bob {n}" for n in reversed(range(9))]
    for wrong in ("yesterday", "2026-11-28", "9" * 50, "2026-11-28T09:30:00"):
        assert (await ask(bob, "mentions", before=wrong))["error"] == "bad_payload"


async def test_rows_go_with_the_messages_and_with_forgotten_people(
    server: Running, chat: Chat, ask: Ask, says: Says, alice: Connection
) -> None:
    await ask(alice, "join", room="lobby")
    cid = await arrives(chat, "cid", "cid")
    await says(alice, "@cid one")
    await says(alice, "two")
    await says(alice, "@cid three")
    assert len(await rows(chat)) == 2
    chat.keep_messages = 2
    assert await retention.prune(chat) == 1
    assert await rows(chat) == [("lobby", 3, cid.person.id)]
    await doors.depart(chat, cid, doors.Ending.DELIBERATE)
    await chat.store.write(lambda db: db.execute(text("UPDATE people SET left_at = 1 WHERE nickname = 'cid'")))
    chat.guest_days, chat.nickname_hold = 1, 1
    assert (await retention.forget_unused(chat))[0] == 1
    assert await rows(chat) == []


async def test_a_message_that_is_sent_again_calls_once_and_order_holds(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    await ask(alice, "join", room="lobby")
    batch = [
        perform(chat, alice, "send", {"room": "lobby", "text": f"{'@bob ' if n % 2 else ''}{n}", "id": f"message-{n}"})
        for n in (0, 1, 2, 3, 1)
    ]
    answers = await asyncio.gather(*batch)
    assert [one["message"]["seq"] for one in answers] == [1, 2, 3, 4, 2]
    assert await rows(chat) == [("lobby", 2, bob.person.id), ("lobby", 4, bob.person.id)]


async def test_somebody_of_whom_nothing_is_stored_can_be_called(
    chat: Chat, ask: Ask, says: Says, alice: Connection
) -> None:
    await ask(alice, "join", room="lobby")
    new = await doors.arrive(chat, "new", [chat.tokens.new()], "New One")
    await ask(new, "join", room="lobby")
    assert (await says(alice, "@new one: hello"))["mentions"] == [new.person.id]
    assert await listed(ask, new) == ["lobby: @new one: hello"]
