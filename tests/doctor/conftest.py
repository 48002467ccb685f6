"""Servers, proxies with faults and browsers for the doctor's tests; all in the session's loop, as browsers need it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.conftest import between, browser, start_server, visit
from tests.doctor.certificates import Authority
from tests.doctor.faults import Faulty
from tests.support.need import program

__all__ = ["between", "browser", "start_server", "visit"]

Faults = Callable[..., Awaitable[Faulty]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(loop_scope="session")
async def faulty() -> AsyncIterator[Faults]:
    """`await faulty(server.url, tls=...)`: a proxy in front of that server, or of several."""
    async with AsyncExitStack() as stack:

        async def begin(*urls: str, **how: object) -> Faulty:
            return await stack.enter_async_context(Faulty(*urls, **how))

        yield begin


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Makes certificates; nobody believes it who is not told to."""
    openssl = program(["openssl"], "no certificate is tested")
    return Authority(openssl, tmp_path_factory.mktemp("authority"))


@pytest.fixture
def believed(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """This machine believes it, as it does the known ones."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    return authority
