"""Servers of the engine alone, without the chat."""

from collections.abc import AsyncIterator

import pytest

from tests.support.mounted import Mount, Mounted


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
