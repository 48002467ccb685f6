"""Who goes on after `too_fast` is slowed down by its own connection, and sent away if it never ends. People who only
have much to say at once are not."""

import asyncio
import logging
from typing import Any

import pytest

from app.engineio import intake
from app.server import Running
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.mounted import on_both_transports
from tests.support.raw import Polls, Socket, Speech, read
from tests.support.talker import Talker, until


def speech(talker: Talker, transport: str) -> Speech:
    return (Polls if transport == "polling" else Socket)(talker.client.eio.http, talker.url)


async def enter(one: Speech) -> None:
    await one.join()
    assert (await one.event())[0] == "welcome"


async def answers(one: Speech, count: int) -> dict[int, Any]:
    """The next answers by their ids; other news is passed over."""
    found: dict[int, Any] = {}
    while len(found) < count:
        packet = str(await one.hears("4"))
        if packet.startswith("43"):
            id, _, answer = packet[2:].partition("[")
            found[int(id)] = read("[" + answer)[0]
    return found


def send(n: int) -> str:
    return f'42{n}["send",{{"room":"lobby","text":"word {n}","id":"message-{n:04}"}}]'


def the_intake(server: Running, sid: str) -> Any:
    return server.sockets.engine.sessions[sid].intake


@on_both_transports
async def test_an_outbox_of_260_that_is_sent_at_once_is_said_and_its_connection_lives(
    start_server: Start, transport: str
) -> None:
    """With the limits as they are by default, by a client that does not even wait for answers before it sends on."""
    server = await start_server(rate_limit=20)
    async with Talker(server.url, "alice") as witness, speech(witness, transport) as bob:
        await enter(bob)
        await bob.send('421["join",{"room":"lobby"}]')
        assert (await answers(bob, 1))[1]["ok"]
        waiting = {n: send(n) for n in range(100, 360)}
        async with asyncio.timeout(3 * PATIENCE):
            while waiting:
                await bob.send(*waiting.values())
                pauses = list[float]()
                for n, answer in (await answers(bob, len(waiting))).items():
                    if answer["ok"]:
                        del waiting[n]
                    else:
                        assert answer["error"] == "too_fast"
                        pauses.append(answer["retry_after"])
                await asyncio.sleep(max(pauses, default=0))
        assert bob.sid in server.sockets.engine.sessions
        page = await witness.join("lobby")
        assert page["room"]["rev"] == 260


@on_both_transports
async def test_who_goes_on_after_too_fast_is_not_read_for_as_long_as_it_was_told(
    start_server: Start, transport: str
) -> None:
    server = await start_server(rate_limit=1)
    async with Talker(server.url, "alice") as witness, speech(witness, transport) as bob:
        await enter(bob)
        asking = asyncio.create_task(bob.send(*(f'42{n}["echo",{{}}]' for n in range(10, 20)), '42["echo",{}]'))
        await asyncio.wait([asking])
        assert the_intake(server, bob.sid)._timer is None, "ten seconds' worth, and one too much"
        asking = asyncio.create_task(bob.send('42["echo",{}]'))
        await until(lambda: the_intake(server, bob.sid)._timer)
        held = the_intake(server, bob.sid)
        assert held._until - asyncio.get_running_loop().time() > 0.5
        await asking


async def test_a_refused_verb_costs_more_than_one_that_is_done(
    start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server(rate_limit=20)
    charged: list[float] = []
    monkeypatch.setattr(intake.Intake, "charge", lambda _self, points: charged.append(points))
    costs = {}
    async with Talker(server.url, "alice") as witness, speech(witness, "websocket") as bob:
        await enter(bob)
        for name, packet in {
            "done": '421["echo",{}]',
            "unknown": '421["nothing",{}]',
            "bad payload": '421["send",7]',
            "no member": send(1),
            "unreadable": '421["echo",NaN]',
        }.items():
            charged.clear()
            await bob.send(packet)
            await answers(bob, 1)
            costs[name] = sum(charged)
    assert costs == {"done": 1, "unknown": 5, "bad payload": 5, "no member": 5, "unreadable": 5}


@pytest.mark.parametrize(
    "packet",
    ['42["typing",{"room":"lobby"}]', '421["nothing",{}]', '421["send",{"room":"lobby","text":7}]', send(1)],
    ids=["typing", "no such verb", "bad payload", "not a member"],
)
async def test_who_never_ends_is_sent_away_with_a_line_in_the_log(
    start_server: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, packet: str
) -> None:
    caplog.set_level(logging.INFO, "parlor.engineio")
    monkeypatch.setattr(intake, "HOLD_S", 0.001)
    monkeypatch.setattr(intake, "MAX_HOLD_S", 0.01)
    server = await start_server(rate_limit=20)
    async with Talker(server.url, "alice") as alice, speech(alice, "websocket") as bob:
        await enter(bob)
        flooding = asyncio.create_task(flood(bob, packet))
        await until(lambda: bob.sid not in server.sockets.engine.sessions)
        flooding.cancel()
        await asyncio.wait([flooding])
        assert (await alice.ask("echo"))["ok"], "nobody else is sent away"
    assert f"session {bob.sid} closed: it sends more than it may, and went on after 20 pauses" in caplog.text


async def flood(speech: Speech, packet: str) -> None:
    while True:
        await speech.send(*[packet] * 50)


async def test_without_rates_everything_asked_is_done(start_server: Start) -> None:
    server = await start_server(rate_limit="off")
    async with Talker(server.url, "alice") as witness, speech(witness, "websocket") as bob:
        await enter(bob)
        await bob.send(*['42["nothing",{}]'] * 4_000)
        await bob.send('421["echo",{}]')
        assert (await answers(bob, 1))[1]["ok"]
        assert the_intake(server, bob.sid)._holds == 0
