"""Who hears a room hears all of it, in its order, whatever else is told to them in the same tick."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from app.live.broadcaster import Broadcaster
from tests.doctor.certificates import Authority
from tests.engineio.test_heartbeat import LOOPS
from tests.engineio.test_readers import never_reading
from tests.support.mounted import Mount, Mounted
from tests.support.need import program
from tests.support.raw import Socket, Speech
from tests.support.talker import until

ROOMS = ("kitchen", "garden", "cellar")
STEPS = 500
KILOBYTES = 200


@asynccontextmanager
async def company(mounted: Mounted, transports: str) -> AsyncIterator[dict[str, Speech]]:
    """People by their sockets: w for a WebSocket, p for polling, u for a WebSocket that began as polling."""
    mounted.server.on("connect", lambda *_: None)
    people: dict[str, Speech] = {}
    async with AsyncExitStack() as stack:
        for transport in transports:
            speech: Speech = mounted.socket() if transport == "w" else mounted.polls()
            await stack.enter_async_context(speech)
            people[await speech.join()] = speech
        yield people


async def upgrade(mounted: Mounted, stack: AsyncExitStack, polls: Any) -> Speech:
    socket = await stack.enter_async_context(mounted.socket(of=polls))
    await socket.send("2probe")
    assert await socket.packet() == "3probe"
    await socket.send("5")
    return socket


class Story:
    """What was told to whom, as it should be heard."""

    def __init__(self, mounted: Mounted, people: list[str], seed: int) -> None:
        self.broadcaster, self.sessions = Broadcaster(mounted.server), mounted.server.engine.sessions
        self.engine_sid = mounted.server.manager.eio_sid_from_sid
        self.chance = random.Random(seed)
        self.rooms: dict[str, set[str]] = {room: set() for room in ROOMS}
        self.due: dict[str, list[Any]] = {person: [] for person in people}
        self.held: set[str] = set()
        self.number = 0
        self.is_over = False

    async def goes_on(self) -> None:
        """One thing of all that may happen, mostly in the tick of the one before."""
        room, person = self.chance.choice(ROOMS), self.chance.choice(list(self.due))
        await self.chance.choices(
            (self.tells, self.whispers, self.seats, self.unseats, self.holds, self.ticks), (8, 3, 2, 1, 1, 4)
        )[0](room, person)

    async def tells(self, room: str, _: str) -> None:
        self.number += 1
        self.broadcaster.broadcast(room, "told", {"n": self.number})
        for person in self.rooms[room]:
            self.due[person].append(["told", {"n": self.number}])

    async def whispers(self, _: str, person: str) -> None:
        self.number += 1
        self.broadcaster.send_to(person, "whispered", {"n": self.number})
        self.due[person].append(["whispered", {"n": self.number}])

    async def seats(self, room: str, person: str) -> None:
        self.broadcaster.subscribe(person, room)
        self.rooms[room].add(person)

    async def unseats(self, room: str, person: str) -> None:
        self.broadcaster.unsubscribe(person, room)
        self.rooms[room].discard(person)

    async def holds(self, _: str, person: str) -> None:
        """Messages are kept back, as while a connect handler runs."""
        session = self.sessions[self.engine_sid(person, "/")]
        if person in self.held:
            self.held.discard(person)
            session.uncork()
        else:
            self.held.add(person)
            session.cork()

    async def ticks(self, _room: str, _person: str) -> None:
        await asyncio.sleep(0)

    async def ends(self) -> None:
        for person in list(self.held):
            await self.holds("", person)
        for person in self.due:
            await self.whispers("", person)
        self.is_over = True


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("loop", LOOPS)
def test_everybody_hears_everything_in_the_order_of_telling(loop: Any, seed: int) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(everybody_hears(seed))


async def everybody_hears(seed: int) -> None:
    mounted = await Mount(stock=False)()
    async with company(mounted, "wwwwpp") as people:
        story = Story(mounted, list(people), seed)
        reading = {person: asyncio.create_task(heard_until(speech, story, person)) for person, speech in people.items()}
        for _ in range(STEPS):
            await story.goes_on()
        await story.ends()
        for person, task in reading.items():
            assert await task == story.due[person]
    await mounted.stop()


async def heard_until(speech: Speech, story: Story, person: str) -> list[Any]:
    """As much as was due to somebody; the last of it is the story's last word to them."""
    heard: list[Any] = []
    while not story.is_over or len(heard) < len(story.due[person]):
        heard.append(await speech.event())
    return heard


async def test_who_sits_in_one_room_is_told_at_once_with_the_others(mounted: Mounted) -> None:
    """Acks, whispers and a second room take somebody out of the lane, and they come back to it."""
    async with company(mounted, "www") as people:
        broadcaster, (one, two, three) = Broadcaster(mounted.server), people
        for person in people:
            broadcaster.subscribe(person, "kitchen")
        group = broadcaster._groups["kitchen"]
        await until(lambda: len(group._fast) == 3)
        broadcaster.broadcast("kitchen", "told", {})
        broadcaster.send_to(one, "whispered", {})
        assert len(group._fast) == 2
        await until(lambda: len(group._fast) == 3)
        broadcaster.subscribe(two, "garden")
        broadcaster.broadcast("kitchen", "told", {})
        broadcaster.broadcast("garden", "told", {})
        await until(lambda: len(broadcaster._groups["garden"]._fast) == 1)
        assert len(group._fast) == 2, "nobody is in two lanes"
        broadcaster.unsubscribe(two, "garden")
        broadcaster.broadcast("kitchen", "told", {})
        await until(lambda: len(group._fast) == 3)
        people[three].cut()  # type: ignore[attr-defined]
        await until(lambda: len(group._fast) == 2)
        for person in people:
            broadcaster.unsubscribe(person, "kitchen")
        assert not broadcaster._groups
        assert not broadcaster._subscribed


async def test_a_session_that_upgrades_hears_on(mounted: Mounted) -> None:
    async with company(mounted, "p") as people, AsyncExitStack() as stack:
        broadcaster, ((person, polls),) = Broadcaster(mounted.server), people.items()
        broadcaster.subscribe(person, "kitchen")
        broadcaster.broadcast("kitchen", "told", {"n": 1})
        socket = await upgrade(mounted, stack, polls)
        broadcaster.broadcast("kitchen", "told", {"n": 2})
        heard = await socket.events(2)
        assert [payload["n"] for _, payload in heard] == [1, 2]
        await until(lambda: len(broadcaster._groups["kitchen"]._fast) == 1)
        broadcaster.broadcast("kitchen", "told", {"n": 3})
        assert await socket.event() == ["told", {"n": 3}]


async def test_who_reads_slowly_leaves_the_lane_and_is_dropped_there_too(mounted: Mounted) -> None:
    async with company(mounted, "ww") as people, never_reading(mounted):
        broadcaster, readers = Broadcaster(mounted.server), dict(people)
        everybody = mounted.server.manager.get_participants
        await until(lambda: len(list(everybody("/", None))) == 3)
        for person, _ in everybody("/", None):
            broadcaster.subscribe(person, "kitchen")
        broadcaster.broadcast("kitchen", "told", {"n": 0})
        await until(lambda: len(broadcaster._groups["kitchen"]._fast) == 3)
        for n in range(100):
            for speech in readers.values():
                _, payload = await speech.event()
                assert payload["n"] == n
            broadcaster.broadcast("kitchen", "told", {"n": n + 1, "text": "x" * 1_000 * KILOBYTES})
        await until(lambda: len(mounted.server.engine.sessions) == 2)


async def test_what_a_slow_reader_is_told_elsewhere_comes_behind_what_waits_for_them(mount: Mount) -> None:
    mounted = await mount(outbox_limit=100_000_000)
    async with company(mounted, "w") as people:
        broadcaster, ((person, speech),) = Broadcaster(mounted.server), people.items()
        transport = speech.ws._response.connection.transport  # type: ignore[attr-defined]
        transport.pause_reading()
        broadcaster.subscribe(person, "kitchen")
        for n in range(100):  # more than the kernel takes
            broadcaster.broadcast("kitchen", "told", {"n": n, "text": "x" * 1_000 * KILOBYTES})
            await asyncio.sleep(0)
        transport.resume_reading()
        for n in range(100, 1_000):  # now and then the kernel has room for one of these
            broadcaster.subscribe(person, "garden")
            broadcaster.broadcast("garden", "told", {"n": n})
            await asyncio.sleep(0)
            broadcaster.unsubscribe(person, "garden")
        heard = await speech.events(1_000)
        assert [payload["n"] for _, payload in heard] == list(range(1_000))


async def test_over_tls_nothing_goes_past_it(mounted: Mounted, tmp_path: Path) -> None:
    """The socket of a TLS connection is not for our frames."""
    context = Authority(program(["openssl"], "no TLS is tested"), tmp_path).self_signed()
    site = web.TCPSite(mounted.runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = mounted.runner.addresses[-1][1]
    mounted.server.on("connect", lambda *_: None)
    broadcaster = Broadcaster(mounted.server)
    http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
    async with http, Socket(http, f"https://127.0.0.1:{port}") as speech:
        broadcaster.subscribe(await speech.join(), "kitchen")
        for n in range(100):
            broadcaster.broadcast("kitchen", "told", {"n": n, "text": "x" * 100_000})
            broadcaster.broadcast("kitchen", "told", {"n": n})
            heard = await speech.events(2)
            assert [payload["n"] for _, payload in heard] == [n, n]
