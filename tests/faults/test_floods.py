"""Peers that send as fast as they can do not keep a server from anybody else. `make drill` measures how little; here it
is seen that nobody waits for seconds."""

import contextlib
import json
from pathlib import Path

import pytest

from tests.faults.flood import KINDS
from tests.support.process import Standing, beside
from tests.support.thorough import first

LOOPS = ("uvloop", "asyncio")
P99_MS, WORST_MS = 50, 250  # that an honest user's echo may take; by `make drill`, on a machine with nothing else to do
FLOOD = "tests.faults.flood"  # the peers, in a process of their own
SHORT_S = 3.0
PATIENT_MS = 1_500  # for the half of the answers, on a machine that runs other tests and 44 peers of ours


async def measure(
    folder: Path, kinds: tuple[str, ...], loop: str, seconds: float, rate: str = "20"
) -> tuple[list[float], float]:
    """Milliseconds of each of an honest user's echoes beside four peers of each kind, sorted; and the share of the time
    in which the server was ready to run and other programs had the processor."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(Standing(folder, "--loop", loop, "--rate-limit", rate))
        for kind in kinds:
            await stack.enter_async_context(beside(FLOOD, kind, str(server.port)))
        starved = server.starved()
        honest = await stack.enter_async_context(beside(FLOOD, "honest", str(server.port), str(seconds)))
        said, _ = await honest.communicate()
        starved = server.starved() - starved
        assert server.faults() == []
    return sorted(json.loads(said)), starved / seconds


@pytest.mark.parametrize("loop", first(LOOPS, "uvloop"))
async def test_nobody_waits_for_seconds_beside_floods_of_every_kind(tmp_path: Path, loop: str) -> None:
    took, _ = await measure(tmp_path / "data", KINDS, loop, SHORT_S)
    assert took[len(took) // 2] < PATIENT_MS
