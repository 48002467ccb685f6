"""One Chromium for all; every visitor is a context of its own, and no page may have complained at the end.

Playwright lives in the loop in which it began, so everything here runs in the session's loop.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from app.server import Running
from tests.conftest import Start, servers
from tests.support.browser import Visitor, chromium
from tests.support.proxy import Proxy

Between = Callable[[str], Awaitable[Proxy]]
Visit = Callable[..., Awaitable[Visitor]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def start_server(tmp_path: Path) -> AsyncIterator[Start]:
    async with servers(tmp_path) as begin:
        yield begin


@pytest_asyncio.fixture(loop_scope="session")
async def server(start_server: Start) -> Running:
    return await start_server()


@pytest_asyncio.fixture(loop_scope="session")
async def between(start_server: Start) -> AsyncIterator[Between]:
    """`await between(server.url)`: a proxy in front of that server, until the last visitor has gone."""
    async with AsyncExitStack() as stack:
        yield lambda url: stack.enter_async_context(Proxy(url))


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(server: Running, between: Between) -> Proxy:
    """In front of a server with the default settings."""
    return await between(server.url)


@pytest.fixture
def url(server: Running) -> str:
    return server.url


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, between: Between) -> AsyncIterator[Visit]:
    """`await visit(url, "alice")`: a new visitor of the site. At the end, no page may have complained."""
    visitors: list[Visitor] = []

    async def arrive(url: str, nickname: str, **options: Any) -> Visitor:
        visitors.append(await Visitor.arrive(browser, url, nickname, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        await visitor.context.close()
    assert {visitor.nickname: visitor.troubles() for visitor in visitors if visitor.troubles()} == {}
