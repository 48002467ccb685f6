"""Builds last for the whole run of the tests; everything else is a test's own."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser

from tests.deploy.builds import Builds
from tests.support.browser import Visitor, chromium
from tests.support.need import program

SENT_INTO_THE_CLOSING = "WebSocket is already in CLOSING or CLOSED state."  # what the outbox says again; no fault

Visit = Callable[[str, str], Awaitable[Visitor]]


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    program(["git"], "nothing can be pushed")
    workers = "PYTEST_XDIST_WORKER" in os.environ  # each has a folder of its own in one that is the run's
    folder = tmp_path_factory.getbasetemp().parent / "builds" if workers else tmp_path_factory.mktemp("builds")
    folder.mkdir(exist_ok=True)
    return Builds(folder)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as one:
        yield one


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """`await visit(url, "alice")`: a new visitor of the site. At the end, no page may have complained, but of the
    network: here servers come and go."""
    visitors: list[Visitor] = []

    async def arrive(url: str, nickname: str) -> Visitor:
        visitor = await Visitor.arrive(browser, url, nickname)
        visitor.forgives_network = True
        visitors.append(visitor)
        return visitor

    yield arrive
    for visitor in visitors:
        await visitor.context.close()
    assert {one for visitor in visitors for one in visitor.troubles()} <= {SENT_INTO_THE_CLOSING}
