"""The faults that the doctor tells apart, and two browsers behind each: wherever any transport can work they talk, and
neither asks too often. tests/browser/test_fallback.py does the same for the faults that the page's own fallback is for.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Start, Visit
from tests.browser.test_conversation import ROOM, on_record, talk
from tests.browser.test_fallback import nobody_spins
from tests.doctor.certificates import Authority
from tests.doctor.conftest import Faults
from tests.doctor.faults import Faulty
from tests.support.browser import Visitor
from tests.support.process import serving
from tests.support.thorough import some
from tests.support.together import at_once

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Behind:
    """A fault, and the transport that is left."""

    name: str
    transport: str
    proxy: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    tls: bool = False

    def __str__(self) -> str:
        return self.name


FAULTS = [
    Behind("Upgrade alone is stripped", "polling", {"strips": "upgrade"}),
    Behind("Connection alone is stripped", "polling", {"strips": "connection"}),
    Behind("403", "polling", {"refuses": 403}),
    Behind("429", "polling", {"refuses": 429}),
    Behind("502", "polling", {"refuses": 502}),
    Behind("what the server says behind its 101 is dropped", "polling", {"drops_frames": True}),
    Behind("compression kills where it is offered", "polling", {"squeezes": "offered"}),
    Behind("cut after 5 s idle", "", {"idle": 5.0}),
    Behind("cached handshakes", "websocket", {"caches": True}),
    Behind("http behind https, without forwarded headers", "websocket", {}, tls=True),
]
AT_ONCE = 2  # cases; each has two pages, and this is not about how fast a machine draws them


async def enter(visit: Visit, url: str, transport: str) -> tuple[Visitor, Visitor]:
    """Both, in the room, on that transport; each waits no longer for it than a fallback may take."""
    options = {"ignore_https_errors": True}  # of our own authority
    alice, bob = await asyncio.gather(visit(url, "alice", **options), visit(url, "bob", **options))
    alice.forgives_network = bob.forgives_network = True
    await asyncio.gather(alice.enters(ROOM), bob.enters(ROOM))
    await asyncio.gather(alice.is_in(transport or None), bob.is_in(transport or None))
    return alice, bob


async def test_two_browsers_talk_behind_each_fault(
    start_server: Start, faulty: Faults, visit: Visit, authority: Authority, tmp_path: Path
) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def trial(case: Behind) -> None:
        async with turns:
            server = await start_server(data=tmp_path / case.name, **case.settings)
            proxy = await faulty(server.url, **({"tls": authority.tls()} if case.tls else {}))
            vars(proxy).update(case.proxy)
            alice, bob = await enter(visit, proxy.url, case.transport)
            texts = await talk(alice, bob, [], about=case.name)
            await nobody_spins(proxy)
            assert await on_record(server.url) == texts
            for visitor in (alice, bob):
                await visitor.page.close()

    await at_once(some(FAULTS), trial)


async def test_without_stickiness_each_talks_by_websocket(faulty: Faults, visit: Visit, tmp_path: Path) -> None:
    """Two processes: polling cannot work, a WebSocket stays with the one that took it."""
    both = "--overlap", "600"
    async with serving(tmp_path / "data") as one, serving(tmp_path / "data", *both) as other:
        proxy: Faulty = await faulty(one.url, other.url)
        alice, bob = await enter(visit, proxy.url, "websocket")
        await asyncio.gather(alice.says("hello from one"), bob.says("hello from the other"))
        await nobody_spins(proxy)
        assert sorted(await on_record(one.url)) == ["hello from one", "hello from the other"]
