"""What networks and proxies do to connections: whatever it is, everything said is there once and in order."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from app.tools.client import Client
from tests.faults import checker
from tests.faults.conversation import QUICK, ROOM, Conversation, Sender
from tests.support.process import Standing
from tests.support.proxy import Fault, Proxy
from tests.support.raw import Polls, Socket
from tests.support.talker import until
from tests.support.thorough import some
from tests.support.together import at_once

TRANSPORTS = ("websocket", "polling")
SOON = ("--rate-limit", "off", "--ping-interval", "0.5", "--ping-timeout", "0.5", "--grace", "2")
RETURNS_WITHIN = 5.0  # seconds from the network's return to everybody's


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Standing]:
    async with Standing(tmp_path / "data", "--rate-limit", "off") as server:
        yield server


async def test_slow_and_narrow_and_crumbling_lines_change_nothing(server: Standing) -> None:
    async with contextlib.AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(server.url)) for _ in range(3)]
        proxies[0].delay = 0.1
        proxies[1].segment = 1_460
        proxies[2].bandwidth = 20_000
        async with Conversation(server.database, [proxy.url for proxy in proxies], senders=6, listeners=6) as talk:
            talk.begins()
            await talk.goes_on(150)
            assert await talk.violations() == []


async def test_connections_cut_at_an_age_change_nothing(server: Standing) -> None:
    async with Proxy(server.url) as proxy:
        proxy.age = 0.7
        async with Conversation(server.database, [proxy.url]) as talk:
            talk.begins()
            on_websocket = [one for one in talk.listeners if one.client.transport == "websocket"]
            await talk.sees(lambda: all(len(one.record.lines) > 4 for one in on_websocket))
            proxy.age = None
            assert await talk.violations() == []


async def test_connections_cut_when_idle_change_nothing(server: Standing) -> None:
    async with Proxy(server.url) as proxy:
        proxy.idle = 0.4
        async with Conversation(server.database, [proxy.url], senders=2, listeners=4) as talk:
            for _ in range(4):
                goal = {one: len(one.record.lines) + 1 for one in talk.listeners}
                await asyncio.gather(*(sender.say() for sender in talk.senders))
                await talk.sees(lambda goal=goal: all(len(one.record.lines) >= goal[one] for one in goal))
            proxy.idle = None
            assert await talk.violations() == []


async def test_silent_lines_that_are_cut_after_nearly_three_heartbeats_are_not_cut(tmp_path: Path) -> None:
    """As 20 s to the 55 s of the strictest known host: the heartbeat keeps them, and nobody notices anything."""
    async with (
        Standing(tmp_path / "data", "--rate-limit", "off", "--ping-interval", "1") as server,
        Proxy(server.url) as proxy,
        Conversation(server.database, [proxy.url]) as talk,
    ):
        proxy.idle = 2.75
        clock = asyncio.get_running_loop().time
        began = clock()
        await talk.sees(lambda: clock() - began > 2 * proxy.idle)
        assert [len(one.record.lines) for one in talk.listeners] == [1] * len(talk.listeners)
        talk.begins()
        await talk.goes_on(20)
        assert await talk.violations() == []


async def test_polls_and_posts_that_break_off_half_way_change_nothing(server: Standing) -> None:
    async with (
        Proxy(server.url) as proxy,
        Conversation(server.database, [proxy.url], transports=(("polling",),), patience=3) as talk,
    ):
        talk.begins()
        for method in ("GET", "POST") * 4:
            proxy.break_off[method] += 1
            await talk.sees(lambda method=method: not proxy.break_off[method])
            await talk.goes_on(8)
        assert await talk.violations() == []


async def test_what_40_times_was_said_offline_goes_out_once_and_in_order(server: Standing) -> None:
    """Over polling, where python-socketio and the JavaScript client alike would put it into one POST too large."""
    async with (
        Proxy(server.url) as proxy,
        Conversation(server.database, [proxy.url], senders=2, transports=(("polling",),)) as talk,
    ):
        await proxy.refuse()
        await talk.sees(lambda: not any(one.client.transport for one in talk.senders))
        said = [sender.say() for sender in talk.senders for _ in range(40)]
        await proxy.accept()
        await asyncio.gather(*said)
        assert await talk.violations() == []
        assert talk.acked == 80


def send(number: int) -> str:
    """The packet that says number so and so."""
    words = {"room": ROOM, "text": f"word {number}", "id": f"id-of-word-{number}"}
    return f"42{number}{orjson.dumps(['send', words]).decode()}"


async def sit(polls: Polls) -> None:
    await polls.join()
    assert (await polls.event())[0] == "welcome"
    await polls.ask(f'420["join",{{"room":"{ROOM}"}}]', 0)


async def test_40_sends_in_one_post_are_each_acked_and_stored_in_order(server: Standing) -> None:
    async with aiohttp.ClientSession() as http, Polls(http, server.url) as polls:
        await sit(polls)
        assert await polls.send(*map(send, range(1, 41))) == (200, "ok")
        assert await acks_and_events(polls, 40) == (list(range(1, 41)), list(range(1, 41)))
    assert words_stored(server) == [f"word {number}" for number in range(1, 41)]


async def test_a_session_upgraded_in_the_middle_of_sending_loses_nothing(server: Standing) -> None:
    async with aiohttp.ClientSession() as http, Polls(http, server.url) as polls:
        await sit(polls)
        await polls.send(*map(send, range(1, 11)))
        async with Socket(http, server.url, polls) as socket:
            await socket.send("2probe")
            assert await socket.packet() == "3probe"
            await polls.send(*map(send, range(11, 21)))
            await polls.fetch()
            await polls.send(*map(send, range(21, 31)))
            await socket.send("5", *map(send, range(31, 41)))
            socket.come.extendleft(reversed([one for one in polls.come if one != "6"]))
            assert await acks_and_events(socket, 40) == (list(range(1, 41)), list(range(1, 41)))
    assert words_stored(server) == [f"word {number}" for number in range(1, 41)]


async def acks_and_events(speech: Any, count: int) -> tuple[list[int], list[int]]:
    """The numbers of the acks and the seqs of the messages, in the order in which they come."""
    acks: list[int] = []
    events: list[int] = []
    while len(acks) < count or len(events) < count:
        packet = await speech.hears("4")
        name, _, rest = packet[2:].partition("[")
        if packet.startswith("43"):
            acks.append(int(name))
        elif rest.startswith('"message"'):
            events.append(orjson.loads("[" + rest)[1]["message"]["seq"])
    return acks, events


def words_stored(server: Standing) -> list[str]:
    return [message["text"] for message in checker.read(server.database, ROOM).messages]


async def test_changing_transports_in_the_middle_of_sending_changes_nothing(tmp_path: Path) -> None:
    async def change(fault: Fault) -> None:
        """There and back, whatever it is that keeps the WebSocket from working."""
        async with (
            Standing(tmp_path / fault.name, "--rate-limit", "off") as server,
            Proxy(server.url) as proxy,
            Conversation(server.database, [proxy.url], senders=2, listeners=2) as talk,
        ):
            talk.begins()
            both = talk.senders[0].client, talk.listeners[0].client
            for way, transport in ((fault, "polling"), (Fault.NONE, "websocket")):
                await talk.goes_on(20)
                while not all(one.transport == transport for one in both):
                    await proxy.refuse()
                    await talk.sees(lambda: not any(one.transport for one in both))
                    proxy.websocket = way
                    await proxy.accept()  # who is just between the two transports comes by the second, and stays there
                    await talk.sees(lambda: all(one.transport for one in both))
            await talk.goes_on(20)
            assert await talk.violations() == []

    await at_once(some([fault for fault in Fault if fault is not Fault.NONE]), change)


async def test_words_whose_ack_is_lost_after_the_commit_are_said_once(server: Standing) -> None:
    async def lose(transport: str) -> None:
        async with Proxy(server.url) as proxy, a_sender(proxy.url, transport) as sender:
            for _ in range(3):
                proxy.stall("down")
                said = sender.say()
                await until(lambda: is_stored(server.database, sender.speech.words[-1].text))
                assert not said.done()
                proxy.cut()
                proxy.flow()
                await asyncio.wait_for(said, RETURNS_WITHIN)

    async with Conversation(server.database, [server.url], senders=0, listeners=2) as talk:
        senders: list[Sender] = talk.senders

        @contextlib.asynccontextmanager
        async def a_sender(url: str, transport: str) -> AsyncIterator[Sender]:
            sender = Sender(url, transport, transports=(transport,))
            async with sender.client:
                await sender.client.enter(ROOM)
                senders.append(sender)
                yield sender

        await at_once(TRANSPORTS, lose)
        assert await talk.violations() == []
        assert talk.acked == 6


def is_stored(database: Path, text: str) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return db.execute("SELECT 1 FROM messages WHERE text = ?", (text,)).fetchone() is not None


async def leave_half_open(server: Standing, transport: str) -> tuple[float, float]:
    """Seconds from the silence of somebody's network to their leaving the list, and from its return to their own."""
    clock = asyncio.get_running_loop().time
    async with Proxy(server.url) as proxy, Client(server.url, f"watch of {transport}", pauses=QUICK) as watch:
        here: set[str] = set()
        awaited: set[str] = set()
        listening = asyncio.create_task(keep_list(watch, here, awaited))
        async with Client(proxy.url, transport, transports=(transport,), pauses=QUICK) as bob:
            await watch.enter(transport)
            await bob.enter(transport)
            await until(lambda: transport in here)
            silent = clock()
            proxy.stall()
            await until(lambda: transport not in here, patience=90)
            left = clock()
            assert transport in awaited, "they were shown as reconnecting before"
            proxy.cut()
            proxy.flow()
            await until(lambda: transport in here, patience=30)
            back = clock()
        listening.cancel()
    return left - silent, back - left


async def keep_list(client: Client, here: set[str], awaited: set[str]) -> None:
    """The nicknames in the list, as a page keeps it; and those that were ever shown as reconnecting."""
    async for event, payload in client.events():
        if event == "people":
            here |= {one["nickname"] for one in payload["joined"]}
            here -= {one["nickname"] for one in payload["left"]}
            awaited |= {one["nickname"] for one in payload.get("changed", []) if one.get("reconnecting")}


async def test_who_is_cut_off_without_a_word_leaves_the_list_and_is_back_at_once(tmp_path: Path) -> None:
    async with Standing(tmp_path / "data", *SOON) as server:

        async def cut_off(transport: str) -> None:
            gone, back = await leave_half_open(server, transport)
            assert gone < 0.5 + 0.5 + 2 + 0.4 + RETURNS_WITHIN
            assert back < RETURNS_WITHIN

        await at_once(TRANSPORTS, cut_off)
