"""`python -m app doctor URL`, as a shell runs it."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from app.tools.doctor import CHECKS
from tests.browser.conftest import Start
from tests.doctor.conftest import Faults
from tests.support.process import PROJECT, STARTS_WITHIN
from tests.support.proxy import Fault
from tests.support.together import at_once

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    code: int
    said: str
    errors: str


async def run(*arguments: str, **environment: str) -> Done:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "doctor", *arguments),
        cwd=PROJECT,
        env=os.environ | environment,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(2 * STARTS_WITHIN):
        said, errors = await process.communicate()
    return Done(process.returncode or 0, said.decode(), errors.decode())


async def well(start_server: Start, _: Faults) -> None:
    done = await run((await start_server()).url, "--max", "15")
    assert done.code == 0 and done.errors == "", done
    names = [line[:22].strip() for line in done.said.splitlines() if line.endswith("]")]
    assert names == [check.name for check in CHECKS if check.name != "server-sent events"], "which are not offered"
    assert re.search("websocket limit +15 at once", done.said)
    assert "Healthy: people talk by WebSocket and polling." in done.said


async def stripped(start_server: Start, faulty: Faults) -> None:
    proxy = await faulty((await start_server()).url)
    proxy.websocket, proxy.adds = Fault.STRIPPED, ("Server: nginx/1.22.1",)
    done = await run(proxy.url, "--idle", "1")
    assert done.code == 1 and done.errors == "", done
    seen = done.said.index("400: No 'Upgrade: websocket' header arrived")
    verdict = done.said.index("[bad]", seen)
    cause = done.said.index("cause: a proxy strips the Upgrade header", verdict)
    assert done.said.index("mend: nginx: `proxy_http_version 1.1;", cause) > cause
    assert "Degraded: people talk by polling only; 1 to mend. Behind nginx." in done.said


async def cut_after_five_seconds(start_server: Start, faulty: Faults) -> None:
    """Longer than most checks take, shorter than what is watched where nobody asks for more."""
    proxy = await faulty((await start_server()).url)
    proxy.idle = 5.0
    done = await run(proxy.url)
    assert done.code == 1, done
    for what in ("requests", "connections"):  # 5 s, or a little more where the machine is busy
        assert re.search(
            rf"a proxy cuts {what} that are silent for [56]\.\d s, before the heartbeat of 20 s", done.said
        )
    assert re.search(r"PARLOR_PING_INTERVAL=[34],", done.said)


async def down(start_server: Start, faulty: Faults) -> None:
    proxy = await faulty((await start_server()).url)
    proxy.down = 502
    done = await run(proxy.url, "--json")
    told = json.loads(done.said)
    assert done.code == told["exit_code"] == 2 and done.errors == ""
    assert told["url"] == proxy.url and told["transports"] == [] and told["host"] == ""
    assert told["checks"][0].keys() == {"name", "seen", "verdict", "cause", "mend"}


async def nobody(_: Start, __: Faults) -> None:
    done = await run("http://127.0.0.1:1")
    assert done.code == 2 and "nothing listens" in done.said and done.errors == ""


async def test_what_is_said_and_the_exit_code(start_server: Start, faulty: Faults, tmp_path: Path) -> None:
    async def trial(case: Callable[[Start, Faults], Awaitable[None]]) -> None:
        await case(partial(start_server, data=tmp_path / case.__name__), faulty)

    await at_once([well, stripped, cut_after_five_seconds, down, nobody], trial)


async def test_every_line_is_explained() -> None:
    told = (PROJECT / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert [check.name for check in CHECKS if f"| {check.name} |" not in told] == []
