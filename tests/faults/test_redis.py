"""Several processes on one database, and whatever befalls Redis between them: nobody misses a word, or waits long."""

import asyncio
import contextlib
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.conversation import ROOM, Conversation
from tests.faults.friends import FullConversation
from tests.support.process import Standing
from tests.support.redis import RedisServer, redis_server
from tests.support.thorough import first

NEWS_WITHIN_S = 3.0  # from the ack of a message to the last listener
SAMPLED_S = 0.05
CUT = {"client_output_buffer_limit": "pubsub 20000 0 0"}  # less than `cut` publishes at once

Trouble = Callable[[Conversation, RedisServer], Awaitable[None]]


class Waits:
    """The longest that a listener did not know of what was acked to its sender."""

    def __init__(self, talk: Conversation) -> None:
        self.worst = 0.0
        self._talk = talk
        self._seen = 0  # the newest rev that was acked
        self._owed: dict[str, deque[tuple[int, float]]] = {}  # listener -> revs it has to hear of, and since when

    async def watch(self) -> None:
        while True:
            self.note(time.monotonic())
            await asyncio.sleep(SAMPLED_S)

    def note(self, now: float) -> None:
        acks = (said.ack for sender in self._talk.senders for said in sender.speech.words[-50:])
        newest = max((ack["rev"] for ack in acks if ack), default=0)
        for listener in self._talk.listeners:
            owed = self._owed.setdefault(listener.record.name, deque())
            if newest > self._seen:
                owed.append((newest, now))
            while owed and owed[0][0] <= listener.rev:
                owed.popleft()
            if owed:
                self.worst = max(self.worst, now - owed[0][1])
        self._seen = max(self._seen, newest)


async def measured(talk: Conversation, trouble: Callable[[], Awaitable[None]]) -> tuple[int, float, list[str]]:
    """A talk before, amid and after some trouble: how many words were acked, the longest that anybody was without news,
    and the violations."""
    waits = Waits(talk)
    watching = asyncio.create_task(waits.watch())
    talk.begins()
    await talk.goes_on(20)
    await trouble()
    await talk.goes_on(20)
    violations = await talk.violations()
    watching.cancel()
    return talk.acked, waits.worst, violations


async def talk_through(
    folder: Path, trouble: Trouble, processes: int = 2, **options: str
) -> tuple[int, float, list[str]]:
    """How many words were acked, the longest that anybody was without news, and the violations. options: of Redis."""
    async with redis_server(folder / "redis", **options) as redis, contextlib.AsyncExitStack() as stack:
        flags = ("--rate-limit", "off", "--overlap", "3600")
        servers = [Standing(folder / "data", *flags, REDIS_URL=redis.url) for _ in range(processes)]
        for server in servers:
            await stack.enter_async_context(server)
        talk = await stack.enter_async_context(FullConversation(servers[0].database, [one.url for one in servers]))
        acked, worst, violations = await measured(talk, lambda: trouble(talk, redis))
        return acked, worst, violations + [fault for one in servers[:1] for fault in one.faults()]


def kills(times: int) -> Trouble:
    """It comes back empty each time."""

    async def trouble(talk: Conversation, redis: RedisServer) -> None:
        for _ in range(times):
            await redis.kill()
            await talk.goes_on(15)
            await redis.begin()
            await talk.goes_on(15)

    return trouble


def away(seconds: float) -> Trouble:
    async def trouble(talk: Conversation, redis: RedisServer) -> None:
        await redis.kill()
        await asyncio.sleep(seconds)
        await redis.begin()

    return trouble


def hangs(seconds: float) -> Trouble:
    async def trouble(talk: Conversation, redis: RedisServer) -> None:
        redis.suspend()
        await asyncio.sleep(seconds)
        redis.resume()

    return trouble


def garbage(frames: int) -> Trouble:
    """Somebody hears all that is published, and publishes it again: late, doubled, cut short, damaged; and noise."""

    async def trouble(talk: Conversation, redis: RedisServer) -> None:
        chance = random.Random(13)
        kept: list[bytes] = []
        own: Counter[bytes] = Counter()  # which are heard as well
        async with redis.overhears(f"parlor:*:room:{ROOM}") as heard:
            while len(kept) < frames:
                channel, frame = await anext(heard)
                if own[frame]:
                    own[frame] -= 1
                    continue
                kept.append(frame)
                old = chance.choice(kept)
                flipped = bytearray(old)
                flipped[chance.randrange(len(old))] ^= 1 << chance.randrange(8)
                for one in (frame, old, old[: chance.randrange(len(old))], bytes(flipped), chance.randbytes(200)):
                    own[one] += 1
                    await redis.call("PUBLISH", channel, one)

    return trouble


def cuts(times: int) -> Trouble:
    """More is published at once than Redis keeps for a subscriber: all of them are cut off."""

    async def trouble(talk: Conversation, redis: RedisServer) -> None:
        for _ in range(times):
            for channel in await redis.call("PUBSUB", "CHANNELS", f"parlor:*:room:{ROOM}"):
                await redis.call("PUBLISH", channel, bytes(100_000))
            await talk.goes_on(15)

    return trouble


CASES: dict[str, tuple[Trouble, dict[str, str], int]] = {
    "killed": (kills(2), {}, 3),
    "hung": (hangs(1.5), {}, 2),
    "away": (away(2.5), {}, 2),
    "garbage": (garbage(40), {}, 2),
    "cut": (cuts(3), CUT, 2),
}


@pytest.mark.parametrize("case", first(CASES, "killed"))
async def test_whatever_becomes_of_redis_nobody_misses_a_word_or_waits_long(tmp_path: Path, case: str) -> None:
    trouble, options, processes = CASES[case]
    acked, worst, violations = await talk_through(tmp_path, trouble, processes, **options)
    assert violations == []
    assert acked >= 40
    assert worst < NEWS_WITHIN_S
