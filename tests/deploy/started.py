"""A process that a host starts, and whatever that starts in its turn."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

LOOKS_EVERY = 0.05  # seconds
STOPS_WITHIN = 5.0  # seconds


@asynccontextmanager
async def started(*command: str, port: int, within: float, **how: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Once it listens on its port. At the end nothing of it is left."""
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True, **how)
    try:
        async with asyncio.timeout(within):
            while not await _listens(port):
                assert process.returncode is None, "it ended before it listened"
                await asyncio.sleep(LOOKS_EVERY)
        yield process
    finally:
        await stop(process)


async def stop(process: asyncio.subprocess.Process) -> int:
    """As a container ends: SIGTERM to its first process alone, and with that one go all others. Its exit code."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOPS_WITHIN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return await process.wait()


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False
