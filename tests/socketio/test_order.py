"""One connection's events are done one after the other, while its transport goes on being read."""

import asyncio
from typing import Any

import pytest

from app.server import Running
from app.socketio import queue
from tests.support.mounted import Mount, Mounted, on_both, on_both_transports
from tests.support.talker import Talker, until


def slowly(mounted: Mounted, seconds: float) -> list[Any]:
    """Every `say` takes `seconds`; what was said, in the order of being done."""
    done: list[Any] = []

    async def say(_sid: str, value: Any) -> Any:
        await asyncio.sleep(seconds if value == 0 else 0)
        done.append(value)
        return value

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("say", say)
    return done


@on_both
@on_both_transports
async def test_a_second_event_does_not_overtake_a_slow_first(mount: Mount, transport: str) -> None:
    mounted = await mount()
    done = slowly(mounted, 0.05)
    async with mounted.over(transport) as speech:
        await speech.join()
        await speech.send(*(f'42["say",{n}]' for n in range(10)))
        await until(lambda: len(done) == 10)
    assert done == list(range(10))


@on_both
@pytest.mark.parametrize("in_order", [True, False])
async def test_pongs_are_read_while_a_verb_runs(mount: Mount, in_order: bool) -> None:
    """With `async_handlers=False` the stock server keeps order, but its slow handler kills its own client."""
    mounted = await mount(ping_interval=0.05, ping_timeout=0.15, stock={"async_handlers": not in_order})
    done = slowly(mounted, 0.4)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send('421["say",0]', '422["say",1]')
        assert await socket.hears() == "431[0]"
        assert await socket.hears() == "432[1]"
    assert done == [0, 1]


@on_both_transports
async def test_one_persons_slow_verb_does_not_hold_others_up(mounted: Mounted, transport: str) -> None:
    done = slowly(mounted, 60)
    async with mounted.over(transport) as alice, mounted.over(transport) as bob:
        await alice.join()
        await bob.join()
        await alice.send('42["say",0]')
        assert await bob.ask('421["say",1]') == [1]
    assert done == [1]


async def test_answers_come_in_the_order_of_asking(mounted: Mounted) -> None:
    slowly(mounted, 0.02)
    async with mounted.polls() as polls:
        await polls.join()
        await polls.send(*(f'42{n}["say",{n}]' for n in range(50)))
        assert [await polls.hears() for _ in range(50)] == [f"43{n}[{n}]" for n in range(50)]


async def test_a_connect_that_takes_long_is_done_before_the_first_event(mounted: Mounted) -> None:
    done = slowly(mounted, 0)

    async def connect(*_: Any) -> None:
        await asyncio.sleep(0.02)
        done.append("connected")

    mounted.server.on("connect", connect)
    async with mounted.socket() as socket:
        await socket.send("40", '42["say",0]', '42["say",1]')
        await until(lambda: len(done) == 3)
    assert done == ["connected", 0, 1]


async def test_what_was_said_before_leaving_is_done_before_the_leaving(mounted: Mounted) -> None:
    done = slowly(mounted, 0.02)
    mounted.server.on("disconnect", lambda _sid, reason: done.append(reason))
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send('42["say",0]', '42["say",1]', "1")
        await until(lambda: len(done) == 3)
    assert done == [0, 1, "going away"]


async def test_who_asks_faster_than_it_can_be_done_is_read_slower(
    mounted: Mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue has an end: past it the sender's own transport waits, and still nothing is lost."""
    monkeypatch.setattr(queue, "MAX_WAITING", 20)
    done: list[int] = []
    waiting: list[int] = []
    go = asyncio.Event()

    async def say(sid: str, n: int) -> None:
        await go.wait()
        waiting.append(max(len(client._queue._waiting or ()) for client in mounted.server.clients.values()))
        done.append(n)

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("say", say)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send(*(f'42["say",{n}]' for n in range(200)))
        go.set()
        await until(lambda: len(done) == 200)
    assert done == list(range(200))
    assert max(waiting) <= 20


@on_both_transports
async def test_a_verb_may_ask_its_own_client_and_wait(mounted: Mounted, transport: str) -> None:
    """The client's answer must not wait in line behind the verb that waits for it."""

    async def ask(sid: str) -> Any:
        return await mounted.server.call("question", to=sid, timeout=2)

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("ask", ask)
    async with mounted.over(transport) as speech:
        await speech.join()
        await speech.send('427["ask"]')
        assert await speech.hears() == '421["question"]'
        await speech.send('431["answer"]')
        assert await speech.hears() == '437["answer"]'


@on_both_transports
async def test_what_may_be_done_beside_its_like_begins_in_its_turn_and_nothing_else_overtakes_it(
    mounted: Mounted, transport: str
) -> None:
    """As many as wait for one commit; then a rename, which is to find them all done."""
    gate = asyncio.Event()
    began: list[int] = []
    done: list[int] = []

    async def say(_sid: str, value: int) -> int:
        began.append(value)
        await gate.wait()
        done.append(value)
        return value

    async def look(_sid: str) -> list[int]:
        return [len(began), len(done)]

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("say", say)
    mounted.server.on("look", look)
    mounted.server.concurrent = frozenset({"say"})
    async with mounted.over(transport) as speech:
        await speech.join()
        await speech.send(*(f'42["say",{n}]' for n in range(150)), '427["look"]', '42["say",150]')
        await until(lambda: len(began) == queue.MAX_CONCURRENT)
        assert done == []
        gate.set()
        assert await speech.hears("437") == "437[[150,150]]"
        await until(lambda: len(done) == 151)
    assert began == list(range(151))


async def test_a_burst_of_one_person_is_stored_and_told_in_its_order(server: Running) -> None:
    async with Talker(server.url) as alice, Talker(server.url) as bob:
        await alice.join("burst")
        await bob.join("burst")
        acks = await asyncio.gather(*(alice.say("burst", str(n)) for n in range(300)))
        assert [ack["seq"] for ack in acks] == list(range(1, 301))
        assert await bob.hears_texts("burst", 300) == [str(n) for n in range(300)]
