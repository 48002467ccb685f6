"""One conversation in each of the other engines, on both transports: two talk, one reloads and loses the network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.engines.listening import ListeningProxy
from tests.conftest import Start
from tests.support.engines import Engine, firefox, webkit
from tests.support.talker import Talker
from tests.support.thorough import first

ENGINES: dict[str, Callable[[], AbstractAsyncContextManager[Engine]]] = {"firefox": firefox, "webkit": webkit}
PATIENCE = 60  # seconds; these browsers are heavy, and others may run beside them
SAID = "[...document.querySelectorAll('#said .message-text')].map((text) => text.textContent)"
MINE = "[...document.querySelectorAll('#said .is-mine .message-text')].map((text) => text.textContent)"
PENDING = "[...document.querySelectorAll('#pending .message-text')].map((text) => text.textContent)"
STATUS = "document.getElementById('connection').textContent"
NICKNAME, MESSAGE = "#nickname", "#message"


class Page:
    """A person in one of the engines. Complaints are kept over reloads."""

    def __init__(self, engine: Engine, proxy: ListeningProxy) -> None:
        self.engine, self.proxy = engine, proxy
        self.complaints: list[str] = []

    async def enters(self, nickname: str) -> None:
        await self.engine.goto(f"{self.proxy.url}/r/lobby")
        await self.shows(f"document.querySelector('{NICKNAME}').checkVisibility()", True)
        await self.engine.enters(NICKNAME, nickname)

    async def says(self, text: str) -> None:
        await self.engine.enters(MESSAGE, text)

    async def reload(self) -> None:
        await self.note()
        await self.engine.reload()

    async def note(self) -> None:
        self.complaints += await self.engine.evaluate("window.complaints.splice(0)")

    async def shows(self, expression: str, value: Any) -> None:
        await self._until(expression, lambda found: found == value)

    async def status_has(self, *words: str) -> None:
        await self._until(STATUS, lambda status: any(word in status for word in words))

    async def _until(self, expression: str, is_so: Callable[[Any], bool]) -> None:
        found = None
        try:
            async with asyncio.timeout(PATIENCE):
                while not is_so(found := await self.engine.evaluate(expression)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{expression} is still {found!r}; complaints: {await self.engine.evaluate('complaints')}")


@pytest_asyncio.fixture(loop_scope="session", params=list(ENGINES))
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with ENGINES[request.param]() as one:
        yield one


@pytest.mark.parametrize("transport", first(["websocket", "polling"], "websocket"))
async def test_two_talk_through_a_reload_and_a_lost_network(
    engine: Engine, start_server: Start, transport: str
) -> None:
    server = await start_server(transports=(transport,))
    async with (
        ListeningProxy(server.url) as proxy,
        Talker(server.url, "bob", transport=transport) as bob,
    ):
        await bob.join("lobby")
        alice = Page(engine, proxy)
        await alice.enters("alice")
        await alice.status_has(transport)
        await bob.say("lobby", "hello alice")
        await alice.shows(SAID, ["hello alice"])
        await alice.says("hello bob")
        assert (await bob.hears_texts("lobby", 2))[-1] == "hello bob"

        await alice.reload()
        await alice.status_has(transport)
        await alice.shows(SAID, ["hello alice", "hello bob"])
        await alice.shows(MINE, ["hello bob"])
        assert await alice.engine.evaluate("document.getElementById('forgetting').hidden"), engine.version

        await proxy.refuse()
        await alice.status_has("Reconnecting", "Offline", "Connecting")
        await alice.says("said on no line")
        await alice.shows(PENDING, ["said on no line"])
        await bob.say("lobby", "meanwhile")
        await proxy.accept()
        await alice.status_has(transport)
        await alice.shows(SAID, ["hello alice", "hello bob", "meanwhile", "said on no line"])
        await alice.shows(PENDING, [])
        assert (await bob.hears_texts("lobby", 4))[2:] == ["meanwhile", "said on no line"]
        await alice.note()
        assert alice.complaints == [], engine.version
        await engine.evaluate("void setTimeout(() => { throw new Error('heard?') })")
        await alice.shows("complaints.length", 1)


async def test_firefox_that_blocks_cookies_and_storage_says_so_and_keeps_the_name_through_a_reload(
    start_server: Start,
) -> None:
    server = await start_server()
    async with firefox(network__cookie__cookieBehavior=2) as engine, ListeningProxy(server.url) as proxy:
        alice = Page(engine, proxy)
        await alice.enters("alice")
        await alice.status_has("Connected")
        await alice.shows(
            "document.getElementById('forgetting').innerText.includes('blocks cookies and storage')", True
        )
        await alice.says("who am I?")
        await alice.shows(MINE, ["who am I?"])
        await alice.reload()
        await alice.status_has("Connected")
        await alice.shows(MINE, ["who am I?"])
        await alice.shows("document.getElementById('self-nickname').textContent", "alice")
        await alice.note()
        assert alice.complaints == [], engine.version
