"""The Python client against the shipped server: what it promises. That nothing breaks it, tests/faults shows."""

import asyncio
from operator import itemgetter
from random import Random

import pytest

from app.chat import doors
from app.chat.verbs import perform
from app.model import Refused
from app.server import Running
from app.tools.client import Client
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.mounted import on_both_transports
from tests.support.proxy import Fault, Proxy
from tests.support.talker import until

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
