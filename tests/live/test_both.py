"""How a scenario is judged that runs on both servers: only what was seen to fail on the stock one counts as failed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.mounted import SETTLES, Mount, Mounted, fails

Scenario = Callable[[Mounted], Awaitable[Any]]


async def judge(scenario: Scenario) -> None:
    mount = Mount(stock=True)

    async def run() -> None:
        mounted = await mount()
        mounted.server.on("connect", lambda *_: None)
        mounted.server.on("ask", lambda _sid, value: value)
        async with mounted.socket() as socket:
            await socket.join()
            await scenario(socket)

    try:
        await fails(mount, asyncio.create_task(run()))
    finally:
        for mounted in mount.mounted:
            await mounted.stop()


async def test_what_the_stock_server_does_as_well_as_ours_is_told() -> None:
    async def is_answered(socket: Any) -> None:
        assert await socket.ask('421["ask",1]') == [1]

    with pytest.raises(pytest.fail.Exception, match="drop our mend"):
        await judge(is_answered)


async def test_what_takes_its_time_is_no_failure() -> None:
    """As on a busy machine: the loop stands still for longer than is waited for a scenario."""

    async def is_answered_late(socket: Any) -> None:
        for n in range(10):
            time.sleep(SETTLES / 5)
            assert await socket.ask(f'42{n}["ask",{n}]', n) == [n]

    with pytest.raises(pytest.fail.Exception, match="drop our mend"):
        await judge(is_answered_late)


async def test_a_wrong_answer_and_none_at_all_are_failures(capsys: pytest.CaptureFixture[str]) -> None:
    async def is_answered_otherwise(socket: Any) -> None:
        assert await socket.ask('421["ask",1]') == [2]

    async def is_never_answered(socket: Any) -> None:
        await socket.hears("43")

    await judge(is_answered_otherwise)
    assert "[1] == [2]" in capsys.readouterr().out
    await judge(is_never_answered)
    assert "no answer, while a later one was answered" in capsys.readouterr().out


async def test_a_scenario_that_is_broken_itself_is_no_failure_of_the_server() -> None:
    async def is_broken(_socket: Any) -> None:
        raise KeyError("nothing of the server's")

    with pytest.raises(KeyError):
        await judge(is_broken)
