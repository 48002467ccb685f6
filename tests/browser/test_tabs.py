"""Many tabs of one browser on polling: over HTTP/1.1 it opens six connections to a host, for all its tabs together."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Request, expect

from app.server import Running
from tests.browser.conftest import Start, Visit
from tests.browser.test_conversation import ROOM, on_record
from tests.support.browser import Visitor
from tests.support.talker import Talker, until
from tests.support.thorough import first

TABS = 12
CONNECTIONS = 6  # of a browser to one host
HELD = 3  # polls of one browser that wait at the server: MAX_HELD of poll-budget.js
NO_NETWORK = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
SEEN = """
Object.defineProperty(document, "hidden", {{ get: () => {}, configurable: true }});
document.dispatchEvent(new Event("visibilitychange"));
"""
OVER_HTTP_2 = "performance.getEntriesByType = () => [{ nextHopProtocol: 'h2' }];"
MISSING = {"everything is there": TABS, "over plain http": CONNECTIONS + 1, "without channels": CONNECTIONS + 1}
SCRIPTS = {
    "everything is there": "",
    "over plain http": "delete Navigator.prototype.locks; delete window.SharedWorker;",
    "without channels": "delete Navigator.prototype.locks; delete window.SharedWorker; delete window.BroadcastChannel;",
}


async def polling_tabs(
    start: Start, visit: Visit, count: int, script: str = "", **settings: Any
) -> tuple[Running, list[Visitor]]:
    """One person's tabs, all in the lobby and on polling, the oldest first."""
    server = await start(transports=("polling",), **settings)
    alice = await visit(server.url, "alice")
    alice.forgives_network = True  # what a tab asks as it is closed may arrive behind its goodbye
    if script:
        await alice.context.add_init_script(script)
    await alice.enters(ROOM)
    await alice.is_in("polling")
    return server, [alice, *[await alice.another_tab(ROOM) for _ in range(count - 1)]]


def waiting_polls(server: Running) -> int:
    transports = (session.transport for session in server.sockets.engine.sessions.values())
    return sum(1 for transport in transports if transport.name == "polling" and transport.held)


def is_held(request: Request) -> bool:
    return request.method == "GET" and "transport=polling" in request.url and "hold=" not in request.url


def asks_only(request: Request) -> bool:
    return request.method == "GET" and "hold=0" in request.url


async def each_says(tabs: list[Visitor], texts: list[str]) -> None:
    await asyncio.gather(*(tab.says(text) for tab, text in zip(tabs, texts, strict=True)))
    await asyncio.gather(*(expect(tab.pending).to_have_count(0) for tab in tabs))


async def all_read(tabs: list[Visitor], server: Running) -> None:
    """Every tab shows exactly what the server holds."""
    record = await on_record(server.url, ("polling",))
    await asyncio.gather(*(tab.reads(record) for tab in tabs))


@pytest.mark.parametrize("missing", first(MISSING, "everything is there"))
async def test_in_more_tabs_than_connections_words_are_confirmed_and_one_more_page_loads(
    start_server: Start, visit: Visit, missing: str
) -> None:
    count = MISSING[missing]
    server, tabs = await polling_tabs(start_server, visit, count, SCRIPTS[missing])
    texts = [f"from tab {number}" for number in range(count)]
    await each_says(tabs, texts)
    tabs.append(await tabs[0].another_tab(ROOM))
    assert sorted(await on_record(server.url, ("polling",))) == sorted(texts)
    await all_read(tabs, server)
    await until(lambda: waiting_polls(server) <= HELD)
    for tab in tabs:
        await expect(tab.status).to_contain_text("polling")
        await expect(tab.people).to_have_text(["alice"])


async def test_the_tab_one_looks_at_holds_its_poll_and_another_lets_its_own_go(
    start_server: Start, visit: Visit
) -> None:
    server, [first, second, *_] = await polling_tabs(start_server, visit, HELD + 1)
    await until(lambda: waiting_polls(server) == HELD)
    async with first.page.expect_request(is_held), second.page.expect_request(asks_only):
        await first.page.evaluate(SEEN.format("true"))
        await first.page.evaluate(SEEN.format("false"))
    await until(lambda: waiting_polls(server) == HELD)


@pytest.mark.thorough
async def test_where_requests_share_a_connection_every_poll_is_held(start_server: Start, visit: Visit) -> None:
    """As behind a proxy that speaks HTTP/2."""
    server, _ = await polling_tabs(start_server, visit, HELD + 1, OVER_HTTP_2)
    await until(lambda: waiting_polls(server) == HELD + 1)


async def test_a_tab_that_crashes_hangs_is_cut_off_or_closed_takes_no_other_along(
    start_server: Start, visit: Visit
) -> None:
    """The four newest tabs, which hold the polls."""
    server, tabs = await polling_tabs(start_server, visit, 8)
    *others, closed, hung, cut, crashed = tabs
    texts = [f"from tab {number}" for number in range(len(tabs))]
    await each_says(tabs, texts)
    await all_read(others, server)
    debugger = await hung.context.new_cdp_session(hung.page)
    await debugger.send("Debugger.enable")
    await debugger.send("Debugger.pause")
    network = await cut.context.new_cdp_session(cut.page)
    await network.send("Network.emulateNetworkConditions", NO_NETWORK)
    await expect(cut.status).to_have_text("Offline")
    await closed.page.close()
    crash = await crashed.context.new_cdp_session(crashed.page)
    doomed = asyncio.ensure_future(crash.send("Page.crash"))
    later = [f"later from tab {number}" for number in range(len(others))]
    await each_says(others, later)
    record = await on_record(server.url, ("polling",))
    assert sorted(record) == sorted(texts + later)
    await all_read(others, server)
    await debugger.send("Debugger.resume")
    await debugger.send("Debugger.disable")
    await network.send("Network.emulateNetworkConditions", NO_NETWORK | {"offline": False})
    await all_read([*others, hung, cut], server)
    doomed.cancel()


async def test_the_person_leaves_with_their_last_tab(start_server: Start, visit: Visit) -> None:
    server, tabs = await polling_tabs(start_server, visit, 5, grace=0.5)
    async with Talker(server.url, "bob", transport="polling") as bob:
        await bob.join(ROOM)
        for tab in tabs[1:]:
            await expect(tab.people).to_have_text(["alice", "bob"])
            await tab.page.close()
        await tabs[0].says("still here")
        await bob.hears("message", lambda news: news["message"]["text"] == "still here")
        assert not any(news.get("left") for event, news in bob.heard if event == "people")
        await tabs[0].page.close()
        await bob.hears("people", lambda news: len(news.get("left", ())) == 1)
