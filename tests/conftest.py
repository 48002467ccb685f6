"""Fixtures: the shipped server on a free port of the loopback, with real SQLite in a folder of the test's own."""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from argon2 import PasswordHasher

from app.chat import people
from app.config import Settings
from app.server import Running, start
from tests.support.mounted import Mount, Mounted
from tests.support.postgres import Cluster, cluster
from tests.support.process import free_port
from tests.support.redis import RedisServer, redis_server
from tests.support.template import begin_with_tables

Start = Callable[..., Awaitable[Running]]
STORAGES = ("sqlite", "postgres")
SHIPPED_HASHER = people.hasher


# The folder or file decides; a single test elsewhere carries the marker itself (pyproject.toml says what each means).
MARKED = {
    "slow": (
        "browser",
        "deploy",
        "doctor",
        "faults",
        "fuzz",
        "test_affinity.py",
        "test_churn.py",
        "test_command_line.py",
        "test_export.py",
        "test_logs.py",
        "test_process.py",
        "test_starting.py",
        "test_stopping.py",
        "test_workers.py",
    ),
    "browsers": ("browser",),
}
# Those that take longest come first, so that no worker begins with one when the others are done.
LONGEST = (
    "test_churn.py",
    "test_speed.py",
    "browser/engines",
    "doctor/test_browsers.py",
    "faults/test_kills.py",
    "browser/test_diagnostics.py",
    "browser/test_fallback.py",
    "fuzz",
    "faults/test_clock.py",
    "faults",
    "deploy",
    "test_stopping.py",
    "doctor",
    "browser",
    "chat/test_growth.py",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    for name, places in MARKED.items():
        if any(_is_in(item, place) for place in places):
            item.add_marker(name)
    if "browser" in getattr(item, "fixturenames", ()):
        item.add_marker("browsers")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (_rank(item), _mixed(item.path)))
    # pytest-xdist gives each worker a run of neighbours, and the end of it to whoever has nothing left
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = [item for first in range(workers) for item in items[first::workers]]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays: each full collection would look through it again, in a tenth of the time of all."""
    gc.collect()
    gc.freeze()


@cache
def _mixed(path: Path) -> int:
    """The others stand anywhere, by file, the same each time: those of one folder wait alike, or compute alike, and
    side by side they would leave the processor with nothing to do."""
    return crc32(str(path.relative_to(Path(__file__).parent)).encode())


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, place in enumerate(LONGEST) if _is_in(item, place)), len(LONGEST))


def _is_in(item: pytest.Item, place: str) -> bool:
    return _lies_in(item.path, place)


@cache  # there are twenty places, and twenty times as many tests as files
def _lies_in(path: Path, place: str) -> bool:
    return path.is_relative_to(Path(__file__).parent / place)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that have a database run on each of them, if their file is in ON_BOTH. Not those of the rules that try many
    values of a payload: what they refuse never comes as far."""
    name, test = metafunc.module.__name__, metafunc.definition
    tries_values = name.startswith("tests.chat") and test.get_closest_marker("parametrize")
    is_meant = name.rpartition(".")[-1] in ON_BOTH and not test.get_closest_marker("sqlite")
    if "storage" in metafunc.fixturenames and is_meant and not tries_values:
        metafunc.parametrize("storage", STORAGES)


# What is asked of the database there is the same, whichever it is.
ON_BOTH = (
    "test_deliveries",
    "test_bots",
    "test_changes",
    "test_database",
    "test_forgetting",
    "test_identity",
    "test_ignoring",
    "test_leases",
    "test_mentions",
    "test_messages",
    "test_names",
    "test_notifying",
    "test_people",
    "test_retention",
    "test_direct",
    "test_reading",
    "test_rooms",
    "test_selves",
    "test_sent_files",
    "test_search",
)


@pytest.fixture(scope="session", autouse=True)
def _light_passphrases() -> Iterator[None]:
    """A tenth of a second of the processor for each would be a twentieth of the suite's. Servers that are processes of
    their own hash as shipped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
def heavy_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """As shipped: for tests of what goes on while one is hashed."""
    monkeypatch.setattr(people, "hasher", SHIPPED_HASHER)


@pytest.fixture
def storage() -> str:
    """Which database: a name of STORAGES."""
    return "sqlite"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A server of this worker's own."""
    with cluster() as one:
        yield one


@pytest.fixture
def database_url(storage: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database of this test's own."""
    if storage == "sqlite":
        yield f"sqlite:///{tmp_path / 'parlor.db'}"
        return
    postgres: Cluster = request.getfixturevalue("postgres")
    with postgres.lend() as url:
        yield url


@asynccontextmanager
async def servers(folder: Path, database_url: str = "", makes_all: bool = False) -> AsyncIterator[Start]:
    """Start servers with settings of one's own, stopped at the end; all share the data folder unless told otherwise.
    The first finds an empty database there, unless it is to make that itself."""
    running: list[Running] = []

    async def begin(**settings: Any) -> Running:
        choices = {"host": "127.0.0.1", "port": free_port(), "data": folder / "data", "rate_limit": "off"}
        choices |= {"database_url": database_url} | settings
        if not makes_all and not choices["database_url"]:
            begin_with_tables(Path(choices["data"]))
        running.append(await start(Settings(**choices)))
        return running[-1]

    yield begin
    for one in running:
        await one.stop()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def start_server(tmp_path: Path, storage: str, request: pytest.FixtureRequest) -> AsyncIterator[Start]:
    url = "" if storage == "sqlite" else request.getfixturevalue("database_url")
    async with servers(tmp_path, url, makes_all=_is_in(request.node, "store")) as begin:
        yield begin


@pytest.fixture
async def server(start_server: Start) -> Running:
    """A server with the default settings, rate limits aside."""
    return await start_server()


@pytest.fixture
def url(server: Running) -> str:
    return server.url


@pytest.fixture
async def mount(request: pytest.FixtureRequest) -> AsyncIterator[Mount]:
    """Mount servers: ours, or stock ones where `on_both` asks for them."""
    mount = Mount(stock=getattr(request, "param", "ours") == "stock")
    yield mount
    for mounted in mount.mounted:
        await mounted.stop()


@pytest.fixture
async def mounted() -> AsyncIterator[Mounted]:
    """Our server with its default settings."""
    mount = Mount(stock=False)
    yield await mount()
    await mount.mounted[0].stop()
