"""Who is starved has more time than who is at fault."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import pytest

from tests.fuzz.campaign import Siege
from tests.fuzz.patience import within
from tests.support import PATIENCE

ONE_CORE = min(os.sched_getaffinity(0))


@contextlib.asynccontextmanager
async def programs(*words: str) -> AsyncIterator[list[int]]:
    """Programs of Python's that share one core, by their ids; they have begun."""
    begun = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", f"print(flush=True); {one}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {ONE_CORE}),
        )
        for one in words
    ]
    try:
        for one in begun:
            assert one.stdout
            await one.stdout.readline()
        yield [one.pid for one in begun]
    finally:
        for one in begun:
            one.kill()
            await one.wait()


async def test_what_others_had_of_the_processor_does_not_count() -> None:
    busy = "exec('while True: pass')"
    async with programs(busy, busy, busy) as (pid, *_), within(0.5, pid):
        await asyncio.sleep(0.75)  # what took too long for a process that had the core for itself


async def test_one_that_does_nothing_has_its_time_and_no_more() -> None:
    async with programs("input()") as (pid,), asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            async with within(0.2, pid):
                await asyncio.Event().wait()


async def test_one_that_has_ended_has_its_time_and_no_more() -> None:
    async with programs("input()") as (pid,):
        pass
    with pytest.raises(TimeoutError):
        async with within(0.1, pid):
            await asyncio.Event().wait()


async def test_a_server_says_what_it_does(capfd: pytest.CaptureFixture[str]) -> None:
    siege = Siege("mounted")
    await siege.begin()
    try:
        await siege.tell()
    finally:
        await siege.kill()
    told = capfd.readouterr().err
    for what in ("most recent call first", "thread MainThread: ", " task: ", " serve"):
        assert what in told
