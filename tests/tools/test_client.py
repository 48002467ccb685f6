"""The Python client against the shipped server: what it promises. That nothing breaks it, tests/faults shows."""

import asyncio
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from socketio.exceptions import ConnectionRefusedError

from app.chat import doors
from app.chat.verbs import perform
from app.model import Refused
from app.server import Running
from app.tools.client import Client
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.mounted import Mounted, on_both_transports
from tests.support.proxy import Fault, Proxy
from tests.support.talker import until
from tests.support.uploads import picture

QUICK = (0.02, 0.1)


@on_both_transports
async def test_words_come_back_as_stored_and_are_heard_by_all(url: str, transport: str) -> None:
    async with Client(url, "alice", transports=(transport,)) as alice, Client(url, "bob") as bob:
        heard = bob.events()
        await alice.enter("lobby")
        copy = await bob.enter("lobby")
        message = await alice.say("lobby", "hello")
        assert (message["seq"], message["text"], message["author"]) == (1, "hello", alice.me["id"])
        async with asyncio.timeout(PATIENCE):
            told = await anext(payload async for event, payload in heard if event == "message")
        assert told == {"room": "lobby", "message": message}
        assert copy.messages == [message]


async def test_it_comes_back_as_the_same_person_and_has_everything(start_server: Start) -> None:
    server = await start_server()
    async with (
        Proxy(server.url) as proxy,
        Client(proxy.url, "alice", pauses=QUICK) as alice,
        Client(server.url, "bob") as bob,
    ):
        copy, before = await alice.enter("lobby"), alice.me
        await bob.enter("lobby")
        await proxy.refuse()
        await until(lambda: alice.transport is None)
        mine = [alice.say("lobby", f"alice {n}") for n in range(3)]
        await asyncio.gather(*(bob.say("lobby", f"bob {n}") for n in range(3)))
        await proxy.accept()
        await asyncio.wait_for(asyncio.gather(*mine), PATIENCE)
        assert [one["text"] for one in copy.messages] == [f"{who} {n}" for who in ("bob", "alice") for n in range(3)]
        assert alice.me == before


@pytest.mark.slow
async def test_more_than_a_page_behind_it_reads_on_and_far_behind_it_starts_over(start_server: Start) -> None:
    server = await start_server()
    async with (
        Proxy(server.url) as proxy,
        Client(proxy.url, "alice", pauses=QUICK) as alice,
        Client(server.url, "bob") as bob,
    ):
        copy = await alice.enter("lobby")
        await bob.enter("lobby")
        for count, floor in ((250, 1), (1_001, 1_152)):
            await proxy.refuse()
            await until(lambda: alice.transport is None)
            said = await asyncio.gather(*(bob.say("lobby", f"{count}: {n}") for n in range(count)))
            await proxy.accept()
            await until(lambda last=said[-1]: copy.live and copy.rev == last["rev"])
            assert (copy.floor, copy.messages[-1]) == (floor, said[-1])
            assert [one["seq"] for one in copy.messages] == list(range(floor, said[-1]["seq"] + 1))


async def test_where_the_websocket_does_not_work_it_talks_by_polling(server: Running) -> None:
    async with Proxy(server.url) as proxy:
        proxy.websocket = Fault.CLOSED
        async with Client(proxy.url, "alice") as alice:
            await alice.enter("lobby")
            assert alice.transport == "polling"


async def test_what_is_refused_for_good_is_refused_to_who_said_it_and_holds_nobody_up(url: str) -> None:
    async with Client(url, "alice") as alice:
        await alice.enter("lobby")
        long, short = alice.say("lobby", "x" * 5_000), alice.say("lobby", "short")
        with pytest.raises(Refused, match="5000 characters"):
            await long
        assert (await short)["seq"] == 1


async def test_too_fast_is_waited_for_and_nothing_overtakes(start_server: Start) -> None:
    server = await start_server(rate_limit=10)
    began = asyncio.get_running_loop().time()
    async with Client(server.url, "alice") as alice:
        copy = await alice.enter("lobby")
        await asyncio.wait_for(asyncio.gather(*(alice.say("lobby", f"{n}") for n in range(110))), 3 * PATIENCE)
        assert [one["text"] for one in copy.messages] == [str(n) for n in range(110)]
    assert asyncio.get_running_loop().time() - began > 0.5, "some were too fast"


async def test_a_room_that_cannot_be_entered_is_refused(url: str) -> None:
    async with Client(url, "alice") as alice:
        with pytest.raises(Refused):
            await alice.enter("no room is named so")
        assert (await alice.enter("lobby")).messages == []


async def test_who_left_hears_nothing_and_may_come_again(url: str) -> None:
    async with Client(url, "alice") as alice, Client(url, "bob") as bob:
        first = await alice.enter("lobby")
        await bob.enter("lobby")
        await alice.leave("lobby")
        message = await bob.say("lobby", "are you there?")
        assert first.messages == []
        assert (await alice.enter("lobby")).messages == [message]


async def test_what_is_unconfirmed_at_the_end_is_cancelled(url: str) -> None:
    async with Proxy(url) as proxy, Client(proxy.url, "alice") as alice:
        await alice.enter("lobby")
        proxy.stall()
        said = alice.say("lobby", "never heard of")
        await alice.close()
        assert said.cancelled()


async def test_the_first_server_may_come_later_than_the_client(start_server: Start) -> None:
    async with Proxy("http://127.0.0.1:1") as proxy, Client(proxy.url, "alice", pauses=QUICK) as alice:
        with pytest.raises(ConnectionError):
            await alice.ask("echo", {})
        entering = asyncio.create_task(alice.enter("lobby"))
        server = await start_server()
        proxy.target = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        assert (await asyncio.wait_for(entering, PATIENCE)).messages == []
        assert (await alice.ask("echo", {"n": 1}))["n"] == 1


async def test_live_reconnected_history_and_catch_up_end_in_the_same_reactions(start_server: Start) -> None:
    """Twelve people react, edit, delete and take it back; one hears it all, another is cut off in the middle of it."""
    server = await start_server(rate_limit=None)
    r, chat, text = Random(4), server.chat, "no. {}"
    crowd = [await doors.arrive(chat, f"socket {n}", [chat.tokens.new()], f"guest {n}") for n in range(12)]
    for one in crowd:
        await perform(chat, one, "join", {"room": "lobby"})
    for n in range(6):
        await perform(chat, crowd[0], "send", {"room": "lobby", "text": text.format(n), "id": f"message-{n}"})

    async def change() -> None:
        seq, emoji = r.randrange(1, 7), r.choice("👍🎉☕")
        react = {"room": "lobby", "seq": seq, "emoji": emoji, "on": r.random() < 0.7}
        await perform(chat, r.choice(crowd), "react", react)
        if r.random() < 0.1:
            await perform(chat, crowd[0], "edit", {"room": "lobby", "seq": seq, "text": text.format(r.random())})

    async with (
        Proxy(server.url) as proxy,
        Client(server.url, "alice") as alice,
        Client(proxy.url, "bob", pauses=QUICK) as bob,
    ):
        live, cut_off = await alice.enter("lobby"), await bob.enter("lobby")
        for nth in range(300):
            await change()
            if nth == 100:
                await proxy.refuse()
                await until(lambda: bob.transport is None)
            if nth == 200:
                await proxy.accept()
        await perform(chat, crowd[0], "delete", {"room": "lobby", "seq": 6})
        history = (await alice.ask("history", {"room": "lobby"}))["messages"]
        caught_up = await alice.ask("sync", {"room": "lobby", "after": 0})
        assert any(count > 8 for one in history for count in one.get("reaction_counts", {}).values())
        await until(lambda: live.rev == cut_off.rev == caught_up["rev"])
        for others in (live.messages, cut_off.messages, sorted(caught_up["messages"], key=itemgetter("seq"))):
            assert others == history
            orders = [[list(one.get("reactions", ())) for one in messages] for messages in (others, history)]
            assert orders[0] == orders[1]


async def test_new_messages_come_each_once_and_in_order_however_many_were_missed(start_server: Start) -> None:
    """The first time some were edited while one was away, the second time more than can be caught up with."""
    server = await start_server()
    speaker = await doors.arrive(server.chat, "a socket", [server.chat.tokens.new()], "speaker")
    await perform(server.chat, speaker, "join", {"room": "lobby"})
    said = 0

    async def say(count: int) -> None:
        nonlocal said
        for n in range(said, said + count):
            await perform(server.chat, speaker, "send", {"room": "lobby", "text": f"no. {n}", "id": f"message-{n}"})
        said += count

    await say(150)
    async with Proxy(server.url) as proxy, Client(proxy.url, "alice", pauses=QUICK) as alice:
        room = await alice.enter("lobby")
        news, all_of_it = room.new_messages(), room.new_messages(after=0)
        for count, edited in ((120, 160), (1_100, None)):
            await proxy.refuse()
            await until(lambda: alice.transport is None)
            await say(count)
            if edited:
                await perform(server.chat, speaker, "edit", {"room": "lobby", "seq": edited, "text": "another"})
            await proxy.accept()
            await until(lambda: room.live and room.messages[-1]["seq"] == said)
        await say(1)
        async with asyncio.timeout(PATIENCE):
            assert [(await anext(news))["seq"] for _ in range(151, said + 1)] == list(range(151, said + 1))
            assert [(await anext(all_of_it))["seq"] for _ in range(said)] == list(range(1, said + 1))


async def test_everything_about_a_room_can_be_done_by_its_methods(url: str) -> None:
    async with Client(url, "alice") as alice, Client(url, "bob") as bob:
        lobby, bobs = await alice.enter("Lobby"), await bob.enter("lobby")
        assert lobby.name == "lobby" and lobby.info["role"] == "owner" and bobs.info["role"] is None
        message = await lobby.say("hello", id="hello-from-alice")
        assert message["id"] == "hello-from-alice"
        assert await lobby.say("hello", id="hello-from-alice") == message, "the same once more"
        answer = await bobs.say("hi", reply_to=message["seq"])
        assert answer["reply_to"] == message["seq"]
        assert (await bobs.react(1, "👍"))["reactions"] == {"👍": ["bob"]}
        assert "reactions" not in await bobs.react(1, "👍", on=False)
        assert (await lobby.edit(1, "hello all"))["text"] == "hello all"
        assert (await bobs.delete(2))["deleted"]
        await lobby.set_topic("Tea")
        await until(lambda: bobs.info["topic"] == "Tea" and lobby.info["topic"] == "Tea")
        assert lobby.info["role"] == "owner", "what everybody is told takes nothing from that"
        assert [one["nickname"] for one in await lobby.people()] == ["alice", "bob"]
        assert [one["text"] for one in await bobs.history()] == ["hello all", ""]
        assert [one["name"] for one in await bob.public_rooms()] == ["lobby"]
        with pytest.raises(Refused) as refused:
            await bob.rename("alice")
        assert refused.value.code == "nickname_taken" and refused.value.extra["suggestion"]
        assert (await bob.rename("robert"))["nickname"] == bob.me["nickname"] == "robert"
        with pytest.raises(Refused, match="Only who said it"):
            await bobs.edit(1, "mine now")
        await lobby.do("appoint", person=bob.me["id"], role="moderator")
        await until(lambda: bobs.info["role"] == "moderator")


async def test_history_is_read_over_as_many_pages_as_it_takes(url: str) -> None:
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        await asyncio.gather(*(lobby.say(f"{n}") for n in range(250)))
        assert [one["seq"] for one in await lobby.history(limit=220)] == list(range(31, 251))
        assert [one["seq"] for one in await lobby.history(before=3)] == [1, 2]


async def test_a_verb_is_asked_until_it_is_answered(start_server: Start) -> None:
    server = await start_server()
    async with Proxy(server.url) as proxy, Client(proxy.url, "alice", pauses=QUICK) as alice:
        lobby = await alice.enter("lobby")
        await lobby.say("hello")
        await proxy.refuse()
        editing = asyncio.create_task(lobby.edit(1, "bye"))
        await until(lambda: alice.transport is None and alice.problem)
        with pytest.raises(ConnectionError):
            await alice.ask("echo")
        await proxy.accept()
        assert (await asyncio.wait_for(editing, PATIENCE))["text"] == "bye"


async def test_a_room_with_a_passphrase_is_entered_by_it_or_by_an_invite(start_server: Start) -> None:
    server = await start_server()
    async with (
        Client(server.url, "alice") as alice,
        Client(server.url, "bob") as bob,
        Proxy(server.url) as proxy,
        Client(proxy.url, "carol", pauses=QUICK) as carol,
    ):
        den = await alice.enter("den")
        await den.do("settings", passphrase="open sesame")
        with pytest.raises(Refused) as refused:
            await bob.enter("den")
        assert refused.value.code == "wrong_passphrase" and "den" not in bob.rooms
        assert (await bob.enter("den", passphrase="open sesame")).live
        invite = (await den.do("invite", uses=1))["url"].partition("#")[2].partition("=")[2]
        assert (await carol.enter("den", invite=invite)).live
        proxy.cut()
        await until(lambda: not carol.rooms["den"].live)
        await until(lambda: carol.rooms["den"].live)


async def test_a_nickname_that_is_taken_is_refused_where_it_is_asked_for(url: str) -> None:
    async with Client(url, "alice") as alice, Client(url) as other:
        await alice.enter("lobby")
        with pytest.raises(Refused, match="alice"):
            await other.enter("lobby", nickname="alice")
        assert (await other.enter("lobby", nickname="bob")).live and other.me["nickname"] == "bob"


@pytest.mark.parametrize("is_away", [False, True], ids=["here", "away"])
async def test_who_is_banned_is_told_so_wherever_they_wait(start_server: Start, is_away: bool) -> None:
    server = await start_server()
    async with (
        Client(server.url, "alice") as alice,
        Proxy(server.url) as proxy,
        Client(proxy.url, "bob", pauses=QUICK) as bob,
    ):
        owned, room = await alice.enter("lobby"), await bob.enter("lobby")
        news, events, said = room.new_messages(), bob.events(), None
        if is_away:
            await proxy.refuse()
            await until(lambda: bob.transport is None)
            said = room.say("never")
        await owned.do("ban", person=bob.me["id"], reason="noise")
        await proxy.accept() if is_away else None
        async with asyncio.timeout(PATIENCE):
            told = await anext(payload async for event, payload in events if event == "removed")
            assert told["room"] == "lobby" and told["error"] == "banned" and told["reason"] == "noise"
            with pytest.raises(Refused, match="noise"):
                await anext(news)
            for waiting in (room.people(), room.say("again"), said):
                if waiting:
                    with pytest.raises(Refused, match="noise"):
                        await waiting
        assert bob.rooms == {}


async def test_a_token_file_makes_it_the_same_person_again_and_is_nobody_elses_to_read(
    url: str, tmp_path: Path
) -> None:
    file = tmp_path / "state" / "token"
    seen = []
    for _ in range(2):
        async with Client(url, "alice", token_file=file) as alice:
            await alice.enter("lobby")
            seen.append(alice.me)
    assert seen[0] == seen[1] and seen[0]["nickname"] == "alice"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().strip() == alice.token
    async with Client(url, token=alice.token) as by_token:
        await by_token.enter("lobby")
        assert by_token.me == seen[0]


async def test_what_was_said_last_is_stored_before_it_ends(url: str) -> None:
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        said = [lobby.say(f"{n}") for n in range(20)]
    assert [(await one)["seq"] for one in said] == list(range(1, 21))


async def test_slow_rooms_are_waited_for(url: str) -> None:
    async with Client(url, "alice") as alice, Client(url, "bob") as bob:
        await (await alice.enter("lobby")).do("settings", slow=1)
        lobby = await bob.enter("lobby")
        await lobby.say("one")
        waiting, events = lobby.say("two"), bob.events()
        async with asyncio.timeout(PATIENCE):
            told = await anext(payload async for event, payload in events if event == "waiting")
            assert told["id"] == lobby.unsent[0].id and "slow mode" in told["text"]
            assert (await waiting)["seq"] == 2


async def problem_of(url: str) -> dict[str, Any]:
    async with Client(url, "alice", pauses=QUICK) as alice:
        events = alice.events()
        async with asyncio.timeout(PATIENCE):
            told = await anext(payload async for event, payload in events if event == "connection")
        assert told["problem"] == alice.problem
        return told


async def test_why_there_is_no_connection_is_told_in_words(mounted: Mounted) -> None:
    """Also those in which a server refuses it, and it is not asked again before the time that it says."""
    refusal = {"ok": False, "error": "too_many", "text": "Too many have come.", "retry_after": 7}

    async def refuse(*_: object) -> None:
        raise ConnectionRefusedError(refusal["text"], refusal)

    mounted.server.on("connect", refuse)
    assert await problem_of(mounted.url) == {"transport": None, "problem": "Too many have come.", "retry_in": 7}
    assert "127.0.0.1:1" in (await problem_of("http://127.0.0.1:1"))["problem"]


async def test_a_file_is_brought_to_the_site_and_sent(url: str, tmp_path: Path) -> None:
    path = tmp_path / "tea ☕.png"
    path.write_bytes(picture())
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        file = await alice.upload(path)
        assert (file["name"], file["type"], file["bytes"]) == (path.name, "image/png", path.stat().st_size)
        message = await lobby.say("", file=file["id"])
        assert message["kind"] == "file" and message["file"]["id"] == file["id"]
        with pytest.raises(Refused) as refused:
            (tmp_path / "empty").touch()
            await alice.upload(tmp_path / "empty")
        assert refused.value.code == "bad_payload"
        with pytest.raises(OSError, match="none"):
            await alice.upload(tmp_path / "none")
        with pytest.raises(Refused):
            await lobby.say("", file="f" * 32)


async def test_a_bot_needs_nothing_but_its_token_and_is_nobody_else_without_it(url: str) -> None:
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        made = (await lobby.do("bot", nickname="greeter"))["bot"]
        async with Client(url, token=made["token"], pauses=QUICK) as bot:
            inside = await bot.enter("lobby")
            assert (bot.me["id"], bot.me["nickname"]) == (made["id"], "greeter")
            assert (await inside.say("hello"))["nickname"] == "greeter"
            news = inside.new_messages()
            assert (await anext(news))["text"] == "hello"
            await lobby.do("bot", remove=made["id"])
            for work in (lambda: anext(news), lambda: bot.enter("lobby"), inside.people, lambda: bot.do("rooms")):
                with pytest.raises(Refused) as refused:
                    await asyncio.wait_for(work(), PATIENCE)
                assert refused.value.code == "bad_token"
            with pytest.raises(Refused, match="taken back"):
                await inside.say("still here?")
    async with Client(url, token="x" * 64) as stranger:
        with pytest.raises(Refused, match="token"):
            await asyncio.wait_for(stranger.enter("lobby"), PATIENCE)


async def test_what_is_said_between_entering_and_listening_is_heard(url: str) -> None:
    async with Client(url, "alice") as alice, Client(url, "bob") as bob:
        await (await alice.enter("lobby")).say("before")
        lobby = await bob.enter("lobby")
        await alice.rooms["lobby"].say("between")
        await until(lambda: len(lobby.messages) == 2)
        news = lobby.new_messages()
        await alice.rooms["lobby"].say("after")
        async with asyncio.timeout(PATIENCE):
            assert [(await anext(news))["text"] for _ in range(2)] == ["between", "after"]
