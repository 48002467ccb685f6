"""Peers that send as fast as they can do not keep a server from anybody else. `make drill` measures how little; here it
is seen that nobody waits for seconds."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.flood import KINDS
from tests.support.process import PROJECT, Standing

LOOPS = ("uvloop", "asyncio")
P99_MS, WORST_MS = 50, 250  # that an honest user's echo may take; by `make drill`, on a machine with nothing else to do
SHORT_S = 3.0
PATIENT_MS = 1_500  # for the half of the answers, on a machine that runs other tests and 44 peers of ours


@asynccontextmanager
async def beside(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """tests/faults/flood.py in a process of its own."""
    command = (sys.executable, "-m", "tests.faults.flood", *words)
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def measure(
    folder: Path, kinds: tuple[str, ...], loop: str, seconds: float, rate: str = "20"
) -> tuple[list[float], float]:
    """Milliseconds of each of an honest user's echoes beside four peers of each kind, sorted; and the share of the time
    in which the server was ready to run and other programs had the processor."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(Standing(folder, "--loop", loop, "--rate-limit", rate))
        for kind in kinds:
            await stack.enter_async_context(beside(kind, str(server.port)))
        starved = server.starved()
        honest = await stack.enter_async_context(beside("honest", str(server.port), str(seconds)))
        said, _ = await honest.communicate()
        starved = server.starved() - starved
        assert server.faults() == []
    return sorted(json.loads(said)), starved / seconds


@pytest.mark.parametrize("loop", LOOPS)
async def test_nobody_waits_for_seconds_beside_floods_of_every_kind(tmp_path: Path, loop: str) -> None:
    took, _ = await measure(tmp_path / "data", KINDS, loop, SHORT_S)
    assert took[len(took) // 2] < PATIENT_MS
