"""The server as an operator runs it: a process of its own, begun by its command line and ended by signals."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support import PATIENCE

PROJECT = Path(__file__).parents[2]
STARTS_WITHIN = 4 * PATIENCE  # seconds; a process that imports all of the project on a busy machine


class Process:
    """A server that has said where it serves."""

    def __init__(self, process: asyncio.subprocess.Process, greeting: str) -> None:
        self.process, self.greeting = process, greeting
        found = re.search(r"http://\S+:(\d+)", greeting)
        assert found, greeting
        self.url, self.port = found[0], int(found[1])

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, within: float) -> tuple[int, str]:
        """Exit code and what it wrote to stderr. Raises TimeoutError where it lives on."""
        async with asyncio.timeout(within):
            _, errors = await self.process.communicate()
        return self.process.returncode or 0, errors.decode()


@asynccontextmanager
async def serving(data: Path, *flags: str, **environment: str) -> AsyncIterator[Process]:
    """A server on a free port of the loopback; killed at the end if it still runs."""
    process = await begin("--data", str(data), "--host", "127.0.0.1", "--port", "0", *flags, **environment)
    assert process.stdout
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            greeting = (await process.stdout.readline()).decode()
        if not greeting:
            raise AssertionError((await process.communicate())[1].decode())
        yield Process(process, greeting)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def begin(*flags: str, **environment: str) -> asyncio.subprocess.Process:
    """`python -m app serve` with these flags, and no setting from the environment but these."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PARLOR_")}
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "serve", *flags, cwd=PROJECT, env=ours | environment, **pipes
    )


async def refusal(*flags: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a start that is to fail by itself."""
    process = await begin(*flags, **environment)
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), errors.decode()
