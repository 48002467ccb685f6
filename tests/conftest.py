"""Fixtures: the shipped server on a free port of the loopback, with real SQLite in a folder of the test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.server import Running, start

Start = Callable[..., Awaitable[Running]]


SLOW = (
    "browser",
    "deploy",
    "doctor",
    "faults",
    "test_stopping.py",
    "test_command_line.py",
    "test_rooms.py",
    "test_logs.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if set(SLOW) & set(item.path.parts):
            item.add_marker("slow")


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Start]:
    """Start servers with settings of one's own, stopped at the end; all share the data folder unless told otherwise."""
    running: list[Running] = []

    async def begin(**settings: Any) -> Running:
        choices = {"host": "127.0.0.1", "port": 0, "data": folder / "data", "rate_limit": "off"} | settings
        running.append(await start(Settings(**choices)))
        return running[-1]

    yield begin
    for one in running:
        await one.stop()


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[Start]:
    async with servers(tmp_path) as begin:
        yield begin


@pytest.fixture
async def server(start_server: Start) -> Running:
    """A server with the default settings, rate limits aside."""
    return await start_server()


@pytest.fixture
def url(server: Running) -> str:
    return server.url
