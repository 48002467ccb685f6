"""Work without a Task: done to its end in whatever way that comes, and never lost on the way."""

import asyncio
import logging
from typing import Any

import pytest

from app.live.engine.turns import Turns


async def test_it_runs_at_once_to_its_first_pause_and_on_as_what_it_waits_for_comes() -> None:
    turns, steps, over = Turns(), [], asyncio.Event()
    come = asyncio.get_running_loop().create_future()

    async def work() -> None:
        steps.append("begun")
        steps.append(await come)
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        steps.append("done")

    turns.begin(work(), over.set)
    assert steps == ["begun"]
    come.set_result("come")
    await turns.finish()
    assert (steps, over.is_set()) == (["begun", "come", "done"], True)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("error", [RuntimeError("out of cheese"), asyncio.CancelledError()], ids=repr)
async def test_one_that_fails_is_logged_and_over(
    caplog: pytest.LogCaptureFixture, error: BaseException, late: bool
) -> None:
    turns, ends = Turns(), []
    come = asyncio.get_running_loop().create_future()

    async def work() -> None:
        if late:
            await come
        raise error

    turns.begin(work(), lambda: ends.append(1))
    come.set_result(None)
    await turns.finish()
    assert ends == [1]
    assert [one.levelno for one in caplog.records] == [logging.ERROR]


async def test_what_it_waits_for_may_fail_or_be_cancelled_and_it_hears_of_it() -> None:
    turns, heard = Turns(), []

    async def work(come: asyncio.Future[Any]) -> None:
        try:
            await come
        except (ValueError, asyncio.CancelledError) as error:
            heard.append(type(error))

    fails, goes = (asyncio.get_running_loop().create_future() for _ in range(2))
    for come in (fails, goes):
        turns.begin(work(come), lambda: None)
    fails.set_exception(ValueError())
    goes.cancel()
    await turns.finish()
    assert heard == [ValueError, asyncio.CancelledError]


async def test_all_who_wait_for_the_end_hear_of_it() -> None:
    turns = Turns()
    come = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await come

    turns.begin(work(), lambda: None)
    waiting = [asyncio.create_task(turns.finish()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(asyncio.wait_for(turns.finish(), 0.001)))
    await asyncio.wait(waiting[2:])
    come.set_result(None)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting[:2])


async def test_one_that_waits_for_what_is_no_future_is_logged_and_over(caplog: pytest.LogCaptureFixture) -> None:
    turns, ends = Turns(), []

    class Strange:
        def __await__(self) -> Any:
            yield "not a future"

    async def work() -> None:
        try:
            await Strange()
        finally:
            ends.append("closed")

    turns.begin(work(), lambda: ends.append("over"))
    await turns.finish()
    assert ends == ["closed", "over"]
    assert "could not be handled" in caplog.text
