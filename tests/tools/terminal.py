"""`python -m app` as a shell runs it, beside a server in the test's own loop."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.process import PROJECT

ENDS_WITHIN = 30.0  # seconds; a process that imports aiohttp on a busy machine

Process = asyncio.subprocess.Process


@dataclass
class Done:
    code: int
    out: str
    errors: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Shell:
    """Of somebody whose tokens are kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def environment(self, **more: str) -> dict[str, str]:
        own = {"XDG_STATE_HOME": str(self.folder / "state"), "PYTHONPATH": str(PROJECT), "TZ": "UTC"}
        return {name: value for name, value in os.environ.items() if not name.startswith("PARLOR_")} | own | more

    @asynccontextmanager
    async def begin(self, *arguments: str, **how: Any) -> AsyncIterator[Process]:
        """A command that goes on; nothing of it is left at the end."""
        environment = self.environment(**how.pop("environment", {}))
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE) | how
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", *arguments, cwd=self.folder, env=environment, **pipes
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def run(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Done:
        async with self.begin(*arguments, environment=environment) as process, asyncio.timeout(ENDS_WITHIN):
            out, errors = await process.communicate(stdin)
        return Done(process.returncode or 0, out.decode(), errors.decode())
