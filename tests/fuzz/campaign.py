"""Hypothesis writes scripts of what peers do at once; after each the server must stand, after many it must be empty.

A script is small, so that a failing one shrinks to a few lines: who acts, what they do, and seeds from which the
packets are made.
"""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import grammar, plain, scripts
from tests.fuzz.peers import ACTS as SESSION_ACTS
from tests.fuzz.peers import PEERS as SESSION_PEERS
from tests.fuzz.peers import Fault, World, is_served
from tests.support.process import STARTS_WITHIN

ROOT = Path(__file__).parents[2]
ACTS = SESSION_ACTS | plain.ACTS | scripts.ACTS
PEERS = SESSION_PEERS | plain.PEERS | scripts.PEERS
SCRIPTS = 100  # between two looks at what is kept
ANSWERS_WITHIN = STOPS_WITHIN = 10.0  # seconds
FORGETTING = 10.0  # seconds after which nothing may be left of those who are gone
WARM = 0.2  # of the packets, before memory is compared
GROWTH = 1.1  # how much of its memory a server may have grown by since
SLACK = 8_000_000  # bytes that come and go
PAGES = (
    "/",
    "/r/lobby",
    "/r/%00",
    "/r/" + "x" * 100,
    "/echo",
    "/ws/echo",
    "/ws/r/lobby",
    "/r/lobby/events",
    "/healthz",
    "/readyz",
    "/static/x",
    "/static/../app",
)


@dataclass(frozen=True)
class Step:
    act: str
    seed: int
    count: int


def _peer(kind: str) -> st.SearchStrategy[tuple[str, list[Step]]]:
    step = st.builds(
        Step,
        act=st.sampled_from([act for act in ACTS[kind] for _ in range(10 if act == "speak" else 1)]),
        seed=st.integers(0, 2**32 - 1),
        count=st.integers(1, 200),
    )
    return st.tuples(st.just(kind), st.lists(step, min_size=1, max_size=10))


KINDS = ("socket", "polling", "socket", "polling", "stream", "stranger", "plain", "reader", "script")
PEER = st.one_of(*map(_peer, KINDS))
SCRIPT = st.lists(PEER, min_size=1, max_size=16)


logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of writes to a server that has hung up


class Siege:
    """One server and what is thrown at it."""

    def __init__(self, which: str) -> None:
        self.which = which

    async def begin(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fuzz.served", self.which,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=None,
            cwd=ROOT, limit=2**24,
        )  # fmt: skip
        url = (await self._line(STARTS_WITHIN)).strip()
        ask = grammar.verb if self.which == "chat" else grammar.plain
        self.world = World(url, ask, PAGES if self.which == "chat" else ())
        for transport in ("websocket", "polling"):
            await is_served(self.world, transport)
        await asyncio.sleep(0)
        self.quiet = await self._settled(lambda now: now["kept"] == {})

    async def finish(self) -> None:
        """Raises Fault where the server does not stop by itself."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            async with asyncio.timeout(STOPS_WITHIN):
                await self.process.wait()
        except TimeoutError:
            raise Fault("the server does not stop") from None

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def play(self, script: list[tuple[str, list[Step]]]) -> None:
        """All peers at once; then the server must stand."""
        await asyncio.gather(*(self._act(kind, steps) for kind, steps in script))
        for transport in ("websocket", "polling"):
            await is_served(self.world, transport)
        await self.look("faults")

    async def _act(self, kind: str, steps: list[Step]) -> None:
        peer = PEERS[kind](self.world)
        try:
            for step in steps:
                with contextlib.suppress(ConnectionError):
                    await peer.act(step.act, Random(step.seed), step.count)
        finally:
            await peer.leave()

    async def is_empty(self) -> dict[str, Any]:
        """Wait until nothing is kept of anybody: no session, no task, no descriptor. What is seen then."""
        return await self._settled(lambda now: not self._left(now))

    async def _settled(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + FORGETTING
        while not fits(now := await self.look()):
            if time.monotonic() > end:
                raise Fault(f"left behind: {self._left(now)}")
            await asyncio.sleep(0.1)
        return now

    def _left(self, now: dict[str, Any]) -> dict[str, int]:
        quiet = getattr(self, "quiet", now)
        more = {name: now[name] - quiet[name] for name in ("tasks", "files")}
        return now["kept"] | {name: count for name, count in more.items() if count > 0}

    async def look(self, what: str = "all") -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(f"{what}\n".encode())
        now: dict[str, Any] = json.loads(await self._line())
        if now["faults"]:
            raise Fault("\n".join(["in the log:", *now["faults"]]))
        return now

    async def _line(self, within: float = ANSWERS_WITHIN) -> str:
        assert self.process.stdout
        try:
            async with asyncio.timeout(within):
                line = await self.process.stdout.readline()
        except TimeoutError:
            raise Fault("the server's loop hangs") from None
        if not line:
            raise Fault(f"the server died with {await self.process.wait()}")
        return line.decode()


def campaign(
    which: str,
    packets: int,
    first: int = 0,
    scripts: int = SCRIPTS,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Throw packets at a server until it has read so many; what was seen. Raises Fault, with the smallest script that
    hypothesis finds. `first` is the seed of the first batch, `scripts` how many a batch has."""
    siege, begun = Siege(which), time.monotonic()
    with asyncio.Runner() as loop:
        loop.run(siege.begin())
        try:
            warm: dict[str, Any] | None = None
            batch = first
            while (now := siege.quiet if batch == first else loop.run(siege.is_empty()))["read"] < packets:
                if warm is None and now["read"] >= packets * WARM:
                    warm = now
                _batch(siege, loop, batch, scripts)
                batch += 1
                tell(_progress(siege, loop.run(siege.look()), time.monotonic() - begun))
            seen = now | {"sent": siege.world.sent, "statuses": dict(siege.world.statuses), "batches": batch - first}
            seen |= {"seconds": time.monotonic() - begun, "warm": warm}
            if warm and now["memory"] > warm["memory"] * GROWTH + SLACK:
                raise Fault(f"memory grew from {warm['memory']:,} to {now['memory']:,} bytes")
            loop.run(siege.finish())
        finally:  # a server that was found at fault need not stop as well: that would be told in place of the fault
            loop.run(siege.kill())
    return seen


def _batch(siege: Siege, loop: asyncio.Runner, number: int, scripts: int) -> None:
    @seed(number)
    @settings(
        max_examples=scripts,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(SCRIPT)
    def plays(script: list[tuple[str, list[Step]]]) -> None:
        loop.run(siege.play(script))

    plays()


def _progress(siege: Siege, now: dict[str, Any], seconds: float) -> str:
    memory = f"{now['memory'] / 1e6:.1f} MB, {now['objects']:,} objects"
    return f"{siege.which}: {now['read']:,} packets read of {siege.world.sent:,} sent, {seconds:.0f} s, {memory}"
