"""Hypothesis writes scripts of what peers do at once; after each the server must stand, after many it must be empty.

A script is small, so that a failing one shrinks to a few lines: who acts, what they do, and seeds from which the
packets are made.
"""

import asyncio
import contextlib
import json
import logging
import signal
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
from tests.fuzz.patience import Patience, within
from tests.fuzz.peers import ACTS as SESSION_ACTS
from tests.fuzz.peers import PEERS as SESSION_PEERS
from tests.fuzz.peers import Fault, World, is_served
from tests.support.process import STARTS_WITHIN

ROOT = Path(__file__).parents[2]
ACTS = SESSION_ACTS | plain.ACTS | scripts.ACTS
PEERS = SESSION_PEERS | plain.PEERS | scripts.PEERS
SCRIPTS = 100  # between two looks at what is kept
ANSWERS_WITHIN = 10.0  # seconds
STOPS_WITHIN = 5.0  # with anything connected: promised
TELLS_WITHIN = 2.0  # what it does, where it did not do in time what it was to
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


Script = list[tuple[str, list[Step]]]


def _acts(kind: str) -> list[str]:
    """Those of a peer, as often as they are to be drawn."""
    return [act for act in ACTS[kind] for _ in range(10 if act == "speak" else 1)]


def _peer(kind: str) -> st.SearchStrategy[tuple[str, list[Step]]]:
    step = st.builds(
        Step,
        act=st.sampled_from(_acts(kind)),
        seed=st.integers(0, 2**32 - 1),
        count=st.integers(1, 200),
    )
    return st.tuples(st.just(kind), st.lists(step, min_size=1, max_size=10))


KINDS = ("socket", "polling", "socket", "polling", "stream", "stranger", "plain", "reader", "script")
PEER = st.one_of(*map(_peer, KINDS))
SCRIPT = st.lists(PEER, min_size=1, max_size=16)


def crowd(r: Random) -> Script:
    """Peers of all kinds that are long at it."""

    def step(kind: str) -> Step:
        return Step(r.choice(_acts(kind)), r.getrandbits(32), r.randint(1, 200))

    kinds = (r.choice(KINDS) for _ in range(r.choice([4, 16, 30])))
    return [(kind, [step(kind) for _ in range(20)]) for kind in kinds]


logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of writes to a server that has hung up


class Siege:
    """One server and what is thrown at it."""

    def __init__(self, which: str) -> None:
        self.which = which
        self._has_told = False

    async def begin(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fuzz.served", self.which,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=None,
            cwd=ROOT, limit=2**24,
        )  # fmt: skip
        self.pid = self.process.pid
        url = (await self._line(STARTS_WITHIN)).strip()
        ask = grammar.verb if self.which == "chat" else grammar.plain
        self.world = World(url, ask, self.pid, PAGES if self.which == "chat" else ())
        for transport in ("websocket", "polling"):
            await is_served(self.world, transport)
        await asyncio.sleep(0)
        self.quiet = await self._settled(lambda now: now["kept"] == {})

    async def finish(self, seed: int) -> float:
        """Stop it while a crowd is at it. Seconds that it took. Raises Fault where it does not stop by itself."""
        r = Random(seed)
        acting = [asyncio.create_task(self._act(kind, steps)) for kind, steps in crowd(r)]
        try:
            await asyncio.sleep(r.uniform(0, 1))
            return await self.stop()
        finally:
            await _cancelled(acting)

    async def stop(self) -> float:
        """Seconds that it took. Raises Fault."""
        assert self.process.stdin
        began = time.monotonic()
        self.process.stdin.close()
        try:
            async with within(STOPS_WITHIN, self.pid):
                code = await self.process.wait()
        except TimeoutError:
            await self.tell()
            raise Fault("the server does not stop: see above what it does") from None
        if code:
            raise Fault(f"the server stopped with {code}")
        return time.monotonic() - began

    async def tell(self) -> None:
        """Let it say on stderr what it does, once."""
        if self.process.returncode is None and not self._has_told:
            self._has_told = True
            self.process.send_signal(signal.SIGUSR1)
            with contextlib.suppress(TimeoutError):
                async with within(TELLS_WITHIN, self.pid):
                    await self.process.wait()

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def play(self, script: Script) -> None:
        """All peers at once; then the server must stand. Nobody is at it any more at the end, whatever was found."""
        acting = [asyncio.create_task(self._act(kind, steps)) for kind, steps in script]
        try:
            await asyncio.gather(*acting)
            for transport in ("websocket", "polling"):
                await is_served(self.world, transport)
            await self.look("faults")
        except Fault:
            await self.tell()
            raise
        finally:
            await _cancelled(acting)

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
        patience = Patience(FORGETTING, self.pid)
        while not fits(now := await self.look()):
            if patience.left <= 0:
                await self.tell()
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

    async def _line(self, seconds: float = ANSWERS_WITHIN) -> str:
        assert self.process.stdout
        try:
            async with within(seconds, self.pid):
                line = await self.process.stdout.readline()
        except TimeoutError:
            await self.tell()
            raise Fault("the server's loop hangs: see above what it does") from None
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
            seen["stop"] = loop.run(siege.finish(first))
        finally:  # a server that was found at fault need not stop as well: that would be told in place of the fault
            loop.run(siege.kill())
    return seen


def stops(which: str, first: int, count: int) -> float:
    """Begin a server and stop it in the midst of a crowd, so many times; seconds that the longest took. Raises
    Fault. `first` is the seed of the first crowd."""
    longest = 0.0
    with asyncio.Runner() as loop:
        for number in range(first, first + count):
            siege = Siege(which)
            loop.run(siege.begin())
            try:
                longest = max(longest, loop.run(siege.finish(number)))
            except Fault as fault:
                raise Fault(f"{fault} (crowd {number})") from None
            finally:
                loop.run(siege.kill())
    return longest


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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
    def plays(script: Script) -> None:
        loop.run(siege.play(script))

    plays()


def _progress(siege: Siege, now: dict[str, Any], seconds: float) -> str:
    memory = f"{now['memory'] / 1e6:.1f} MB, {now['objects']:,} objects"
    return f"{siege.which}: {now['read']:,} packets read of {siege.world.sent:,} sent, {seconds:.0f} s, {memory}"
