"""Waiting for something to be asked for, and not for ever."""

import asyncio
import contextlib


async def wait_within(seconds: float, event: asyncio.Event) -> None:
    """Wait for the event, so many seconds at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
