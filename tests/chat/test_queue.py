"""Passphrases are read one at a time; few enough wait, and nobody waits for an answer that nobody hears."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from app.chat.queue import MAX_WAITING, Queue
from app.model import Refused
from app.server import Running
from tests.support.raw import Socket
from tests.support.talker import Talker, until


class Reading:
    """What the queue runs: held until `gate` opens; who was read is in `read`."""

    def __init__(self) -> None:
        self.gate, self.gone, self.read = threading.Event(), set[str](), list[str]()
        self.queue = Queue(self.gone.__contains__)

    def ask(self, socket: str) -> "asyncio.Task[str]":
        return asyncio.create_task(self.queue.run(socket, self._read, socket))

    def _read(self, socket: str) -> str:
        self.gate.wait(10)
        self.read.append(socket)
        return socket


@pytest.fixture
async def reading() -> AsyncIterator[Reading]:
    one = Reading()
    yield one
    one.gate.set()


async def test_they_are_read_one_after_the_other_in_their_order(reading: Reading) -> None:
    asked = [reading.ask(f"socket {n}") for n in range(5)]
    await until(lambda: len(reading.queue._waiting) == 4)
    reading.gate.set()
    assert await asyncio.gather(*asked) == reading.read == [f"socket {n}" for n in range(5)]
    assert not reading.queue._is_busy


async def test_one_too_many_is_told_when_to_come_back(reading: Reading) -> None:
    asked = [reading.ask(f"socket {n}") for n in range(1 + MAX_WAITING)]
    await until(lambda: len(reading.queue._waiting) == MAX_WAITING)
    with pytest.raises(Refused) as refusal:
        await reading.ask("one too many")
    assert (refusal.value.code, refusal.value.extra) == ("too_fast", {"retry_after": 2.0})
    reading.gate.set()
    await asyncio.gather(*asked)


async def test_who_has_gone_takes_no_place_and_no_time(reading: Reading) -> None:
    stayed = reading.ask("stays")
    left = [reading.ask(f"leaves {n}") for n in range(MAX_WAITING)]
    await until(lambda: len(reading.queue._waiting) == MAX_WAITING)
    reading.gone.update(f"leaves {n}" for n in range(MAX_WAITING))
    comes = reading.ask("comes")
    await until(lambda: all(one.done() for one in left))
    with pytest.raises(Refused):
        await reading.ask("leaves 0")
    reading.gate.set()
    assert await asyncio.gather(stayed, comes) == ["stays", "comes"] == reading.read
    for one in left:
        assert isinstance(one.exception(), Refused)


async def test_who_is_cancelled_when_the_turn_has_come_hands_it_on(reading: Reading) -> None:
    first, second, third = reading.ask("first"), reading.ask("second"), reading.ask("third")
    await until(lambda: len(reading.queue._waiting) == 2)
    second.cancel()
    reading.gate.set()
    assert [await first, await third] == ["first", "third"]
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not reading.queue._is_busy


@pytest.mark.usefixtures("heavy_passphrases")
async def test_what_peers_asked_for_before_they_left_is_not_done(server: Running) -> None:
    """25 of them ask ten times each, and leave without a word."""
    reads = []
    run = server.chat.passphrases.run

    async def counted(socket: str, *work: object) -> object:
        if not server.chat.broadcaster.has_gone(socket):
            reads.append(socket)
        return await run(socket, *work)  # type: ignore[arg-type]

    server.chat.passphrases.run = counted  # type: ignore[method-assign,assignment]
    async with Talker(server.url, "alice") as alice:
        peers = [await Socket(alice.client.eio.http, server.url).__aenter__() for _ in range(25)]
        for peer in peers:
            await peer.join()
            await peer.send(*(f'42{n}["reserve",{{"passphrase":"correct horse {n}"}}]' for n in range(10)))
        for peer in peers:
            peer.cut()
        await until(lambda: len(server.sockets.engine.sessions) == 1)
        assert (await alice.ask("reserve", {"passphrase": "correct horse battery"}))["ok"]
        await until(lambda: not server.chat.passphrases._is_busy and len(server.sockets.clients) == 1)
    assert len(reads) < 100, "most were asked by nobody any more"
