"""The end after a signal, in programs that would not end by themselves."""

import asyncio
import signal
import sys

import pytest

from tests.support import PATIENCE
from tests.support.process import PROJECT

PROGRAM = """
import asyncio, concurrent.futures, sys, time
from app import ending
from app.workers import on_signals

ending.LIMIT_S, ending.MOST_S, ending.LAST_RESORT_S = {limit}

def sleep_long():
    time.sleep(600)

async def spins():
    while True:
        pass

async def hangs():
    try:
        await asyncio.sleep(600)
    finally:
        sum(range(10 ** 12))  # in C, where no other thread goes on

async def heeds_nothing():
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass

async def waits():
    await asyncio.to_thread(sleep_long)

async def leaves():
    concurrent.futures.ThreadPoolExecutor(1).submit(sleep_long)
    await asyncio.sleep(600)

async def main():
    end = ending.Ending(asyncio.get_running_loop())
    end.code = {code}
    this = asyncio.current_task()
    on_signals(lambda _: this.cancel(), at_once=end.begin)
    print("here", flush=True)
    await {what}()

asyncio.run(main())
"""
SOON, LATER = (0.5, 4.0, 1.0), (600.0, 1.0, 0.5)


async def ended(what: str, limit: tuple[float, float, float] = SOON, code: int = 0) -> tuple[int, str]:
    """Exit code and stderr of such a program, once it was told to end."""
    program = PROGRAM.format(what=what, limit=limit, code=code)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=PROJECT, stdout=pipe, stderr=pipe)
    try:
        assert process.stdout
        async with asyncio.timeout(PATIENCE):
            assert await process.stdout.readline() == b"here\n"
            process.send_signal(signal.SIGTERM)
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, errors.decode()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("spins", "spins"),
        ("heeds_nothing", "heeds_nothing < <string>:"),
        ("waits", "sleep_long"),
        ("leaves", "sleep_long"),
    ],
)
async def test_nothing_keeps_the_end_from_coming_and_the_log_tells_what_would_have(what: str, told: str) -> None:
    code, errors = await ended(what)
    assert code == 0
    assert told in errors
    assert "after the signal" in errors


async def test_a_program_that_failed_ends_with_its_code() -> None:
    assert (await ended("spins", code=1))[0] == 1


async def test_where_no_thread_goes_on_the_last_resort_ends_it() -> None:
    code, errors = await ended("hangs")
    assert code == 1
    assert "in hangs" in errors


async def test_however_little_of_the_processor_it_had_there_is_an_end() -> None:
    code, errors = await ended("spins", limit=LATER)
    assert (code, "spins" in errors) == (0, True)
