"""One's own deletion can be taken back for a moment: the message is there as it was, for everybody."""

from typing import Any

import pytest
from sqlalchemy import text

from app.chat import Chat, messages, retention
from app.model import Connection
from app.server import Running
from app.store import queries
from tests.chat.conftest import Ask
from tests.chat.test_sent_files import is_there, send, uploaded
from tests.support.talker import Talker


@pytest.fixture
async def joined(ask: Ask, alice: Connection, bob: Connection) -> None:
    for who in (alice, bob):  # the room is alice's
        await ask(who, "join", room="lobby")


async def said_and_deleted(chat: Chat, ask: Ask, alice: Connection, bob: Connection) -> dict[str, Any]:
    """Bob's message with all that a message may have, as it was before he deleted it."""
    await send(ask, alice, "question-1", text="where?")
    await send(ask, bob, "message-1", text="*here*, @alice", reply_to=1, file=await uploaded(chat, bob))
    await ask(bob, "edit", room="lobby", seq=2, text="**there**, @alice")
    for who, emoji in ((alice, "👍"), (bob, "🎉")):
        await ask(who, "react", room="lobby", seq=2, emoji=emoji, on=True)
    before = (await ask(alice, "history", room="lobby"))["messages"][1]
    gone = (await ask(bob, "delete", room="lobby", seq=2))["message"]
    assert (gone["text"], gone["deleted"], gone.get("file")) == ("", True, None)
    return before


async def test_undone_it_is_as_it_was(chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection) -> None:
    before = await said_and_deleted(chat, ask, alice, bob)
    back = (await ask(bob, "restore", room="lobby", seq=2))["message"]
    assert back == before | {"rev": back["rev"]} and back["rev"] == before["rev"] + 2
    assert (await ask(alice, "history", room="lobby"))["messages"][1] == back
    assert (await ask(alice, "sync", room="lobby", after=before["rev"]))["messages"] == [back]
    assert await is_there(chat)
    assert (await ask(alice, "reacted", room="lobby", seqs=[2]))["mine"] == {"2": ["👍"]}
    assert [one["seq"] for one in (await ask(alice, "mentions"))["messages"]] == [2]
    assert (await ask(bob, "restore", room="lobby", seq=2))["message"] == back, "twice does it once"
    assert (await ask(alice, "audit", room="lobby"))["entries"] == []
    assert (await ask(bob, "delete", room="lobby", seq=2))["ok"]
    assert (await ask(bob, "restore", room="lobby", seq=2))["message"]["text"] == before["text"]


async def test_only_the_author_undoes_it_and_only_their_own_deletion(
    chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection
) -> None:
    await said_and_deleted(chat, ask, alice, bob)
    assert (await ask(alice, "restore", room="lobby", seq=2))["error"] == "not_allowed", "its author took it back"
    assert (await ask(bob, "restore", room="lobby", seq=2))["ok"]
    await ask(alice, "delete", room="lobby", seq=2)
    assert (await ask(bob, "restore", room="lobby", seq=2))["error"] == "not_allowed", "a moderator took it away"
    await ask(bob, "delete", room="lobby", seq=2)  # again, which changes nothing
    assert (await ask(bob, "restore", room="lobby", seq=2))["error"] == "not_allowed"
    await ask(alice, "restore", room="lobby", seq=2)
    await ask(bob, "delete", room="lobby", seq=2)
    await ask(alice, "mute", room="lobby", person=bob.person.id)
    assert (await ask(bob, "restore", room="lobby", seq=2))["error"] == "muted"


async def test_after_a_minute_it_is_gone_for_good(
    chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection
) -> None:
    await said_and_deleted(chat, ask, alice, bob)
    for late in (messages.RESTORE_MS, retention.REMOVED_MS):
        earlier = text("UPDATE removed SET at = :at").bindparams(at=queries.now() - late - 1)
        await chat.store.write(lambda db, earlier=earlier: db.execute(earlier) and None)
        assert (await ask(bob, "restore", room="lobby", seq=2))["error"] == "not_allowed"
    before = queries.now() - retention.REMOVED_MS
    assert await chat.store.read(queries.has_removed, before)
    assert await chat.store.write(queries.forget_removed, before=before) == 1
    left = await chat.store.read(lambda db: db.scalar(text("SELECT count(*) FROM reactions")))
    assert (left, await chat.store.read(queries.has_removed, before)) == (0, False)


async def test_everybody_in_the_room_sees_it_come_back(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        for one in (alice, bob):
            await one.join("lobby")
        said = await bob.say("lobby", "oops")
        for verb in ("delete", "restore"):
            await bob.ask(verb, {"room": "lobby", "seq": said["seq"]})
        told = await alice.hears("message", lambda one: one["message"]["rev"] == said["rev"] + 2)
        assert told["message"] == said | {"rev": said["rev"] + 2}
