"""Fixtures: the shipped server on a free port of the loopback, with real SQLite in a folder of the test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.server import Running, start
from tests.support.process import free_port

Start = Callable[..., Awaitable[Running]]


# The folder or file decides; a single test elsewhere carries the marker itself (pyproject.toml says what each means).
SLOW = (
    "browser",
    "deploy",
    "doctor",
    "faults",
    "test_stopping.py",
    "test_command_line.py",
    "test_rooms.py",
    "test_logs.py",
    "test_process.py",
)
BROWSERS = ("browser",)
ALONE = ("test_crowd.py",)
# Those that take longest come first, so that no worker begins with one when the others are done.
LONGEST = (
    "test_speed.py",
    "test_browsers.py",
    "test_kills.py",
    "test_diagnostics.py",
    "test_fallback.py",
    "test_fuzz.py",
    "test_clock.py",
    "faults",
    "deploy",
    "test_stopping.py",
    "doctor",
    "browser",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    parts = set(item.path.parts)
    for name, places in {"slow": SLOW, "browsers": BROWSERS, "alone": ALONE}.items():
        if parts & set(places):
            item.add_marker(name)
    if "browser" in getattr(item, "fixturenames", ()):
        item.add_marker("browsers")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path.parts))
    # pytest-xdist gives each worker a run of neighbours, and the end of it to whoever has nothing left
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = [item for first in range(workers) for item in items[first::workers]]


def _rank(parts: tuple[str, ...]) -> int:
    return next((rank for rank, place in enumerate(LONGEST) if place in parts), len(LONGEST))


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Start]:
    """Start servers with settings of one's own, stopped at the end; all share the data folder unless told otherwise."""
    running: list[Running] = []

    async def begin(**settings: Any) -> Running:
        choices = {"host": "127.0.0.1", "port": free_port(), "data": folder / "data", "rate_limit": "off"} | settings
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
