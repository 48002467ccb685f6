"""How long messages are kept, and what people see of it."""

import pytest
from sqlalchemy import Connection, text

from app.chat import retention
from app.chat.retention import Retention
from app.model import ROW_BYTES
from app.server import Running
from app.store import queries
from tests.conftest import Start
from tests.support.talker import Talker

DAY = 86_400_000


async def said(server: Running, count: int, room: str = "lobby") -> Talker:
    alice = await Talker(server.url, "alice").__aenter__()
    await alice.join(room)
    for n in range(count):
        await alice.say(room, f"word {n + 1}")
    return alice


async def age(server: Running, seqs: range, days: float) -> None:
    """These were said so many days ago."""

    def make_older(db: Connection) -> None:
        statement = text("UPDATE messages SET at = at - :ms WHERE seq BETWEEN :first AND :last")
        db.execute(statement, {"ms": int(days * DAY), "first": seqs.start, "last": seqs.stop - 1})

    await server.database.write(make_older)


async def left(alice: Talker, room: str = "lobby") -> list[int]:
    return [one["seq"] for one in (await alice.ask("history", {"room": room}))["messages"]]


async def test_nothing_is_let_go_unless_the_operator_says_so(server: Running) -> None:
    alice = await said(server, 3)
    await age(server, range(1, 4), 10_000)
    assert await retention.prune(server.chat) == 0
    assert "keep" not in (await alice.join("lobby"))["room"]
    await alice.client.disconnect()


async def test_the_oldest_go_and_the_newest_stay(start_server: Start) -> None:
    server = await start_server(keep_messages=3)
    alice = await said(server, 8)
    await alice.ask("react", {"room": "lobby", "seq": 2, "emoji": "👍", "on": True})
    await retention.prune(server.chat)  # what the server's own first round has left, which may come late
    assert await left(alice) == [6, 7, 8]
    assert (await alice.say("lobby", "and on"))["seq"] == 9, "numbers are not used again"
    history = await alice.ask("history", {"room": "lobby", "before": 6})
    assert (history["messages"], history["more"]) == ([], False)
    await alice.client.disconnect()


async def test_what_is_too_old_goes_however_few_there_are(start_server: Start) -> None:
    server = await start_server(keep_days=7)
    alice = await said(server, 5)
    await age(server, range(1, 4), 8)
    assert await retention.prune(server.chat) == 3
    assert await left(alice) == [4, 5]
    await alice.client.disconnect()


async def test_one_message_with_a_wrong_time_takes_none_before_it_along(start_server: Start) -> None:
    server = await start_server(keep_days=7)
    alice = await said(server, 5)
    await age(server, range(5, 6), 20_000)
    assert await retention.prune(server.chat) == 0
    assert await left(alice) == [1, 2, 3, 4, 5]
    await alice.client.disconnect()


async def test_more_than_fit_into_one_transaction_all_go(start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MESSAGES_PER_WRITE", 4)
    server = await start_server(keep_messages=1)
    alice = await said(server, 10)
    await retention.prune(server.chat)
    assert await left(alice) == [10]
    await alice.client.disconnect()


async def test_a_room_s_own_rule_wins_and_people_are_told(start_server: Start) -> None:
    server = await start_server(keep_messages=2, keep_days=30)
    alice = await said(server, 4)
    await said(server, 4, "attic")
    await server.database.write(queries.keep, room="attic", days=None, messages=0)
    await retention.prune(server.chat)
    assert (await left(alice), (await alice.join("attic"))["room"]["keep"]) == ([3, 4], {"days": 30})
    assert await left(alice, "attic") == [1, 2, 3, 4]
    assert (await alice.join("lobby"))["room"]["keep"] == {"days": 30, "messages": 2}
    await alice.client.disconnect()


async def test_who_was_away_gets_what_is_left(start_server: Start) -> None:
    server = await start_server(keep_messages=2)
    alice = await said(server, 6)
    await retention.prune(server.chat)
    joined = await alice.join("lobby", after=3)
    assert ([one["seq"] for one in joined["messages"]], joined["rev"], joined["more"]) == ([5, 6], 6, False)
    await alice.client.disconnect()


async def test_the_newest_that_fit_in_so_many_bytes_are_kept(start_server: Start) -> None:
    """A message counts as its text in UTF-8 and 300 bytes more."""
    server = await start_server(keep_bytes=3 * (ROW_BYTES + 8))
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for text in ("12345678", "1", "\u00e4\u00e4\u00e4\u00e4", "\\x5c\\101", "12345678"):
            await alice.say("lobby", text)
        assert await server.database.read(queries.room_size, "lobby") == (5, 5 * ROW_BYTES + 33)
        await retention.prune(server.chat)
        assert await left(alice) == [3, 4, 5]
        await alice.say("lobby", "1")
        await retention.prune(server.chat)
        assert await left(alice) == [4, 5, 6], "the other two leave room for one more that is short, and not for two"
        assert (await alice.join("lobby"))["room"]["keep"] == {"bytes": 924}


async def test_of_a_room_that_keeps_few_bytes_the_newest_message_stays(start_server: Start) -> None:
    server = await start_server(keep_bytes=10)
    alice = await said(server, 3)
    await server.database.write(queries.keep, room="lobby", days=None, messages=2, bytes=None)
    await retention.prune(server.chat)
    assert await left(alice) == [3]
    await server.database.write(queries.keep, room="lobby", days=None, messages=None, bytes=0)
    await alice.say("lobby", "and on")
    await retention.prune(server.chat)
    assert await left(alice) == [3, 4], "the room's own rule wins: 0 is no limit"
    await alice.client.disconnect()


def test_no_rule_is_told_as_nothing() -> None:
    assert retention.as_told(Retention()) == {}
