"""WebSockets that do not come through, in the ways real proxies break them (FACTS.md, "The browser's fallback").

Half of the faults cost the page its patience of 4 s, so all faults of a test are tried at once, each with a server, a
proxy and two browsers of its own.
"""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Between, Start, Visit
from tests.browser.test_conversation import both_enter, on_record, talk
from tests.support.browser import FALLS_BACK_WITHIN
from tests.support.proxy import Fault, PollFault, Proxy
from tests.support.talker import Talker, until
from tests.support.thorough import first, some
from tests.support.together import at_once

FAULTS = [fault for fault in Fault if fault is not Fault.NONE]
OFTEN = 5  # requests a second of one client; more is a client that spins


def now() -> float:
    return asyncio.get_running_loop().time()


def fell_back_within(proxy: Proxy) -> float:
    """Seconds from the first WebSocket that was tried to the first poll, however long the machine took for the page."""
    first = {kind: min(one.at for one in proxy.requests if one.kind == kind) for kind in ("websocket", "polling")}
    return first["polling"] - first["websocket"]


async def nobody_spins(proxy: Proxy) -> None:
    """A rate needs a stretch of time to be measured in: one second in which nobody says anything."""
    start = now()
    await asyncio.sleep(1)
    spinning = {client: rate for client, rate in proxy.per_second(start).items() if rate >= OFTEN}
    assert spinning == {}


async def test_where_websockets_are_broken_two_browsers_talk_by_polling(
    start_server: Start, between: Between, visit: Visit, tmp_path: Path
) -> None:
    async def trial(fault: Fault) -> None:
        server = await start_server(data=tmp_path / fault.name)
        proxy = await between(server.url)
        proxy.websocket = fault
        alice, bob = await both_enter(visit, proxy.url, "polling", forgives_network=True)
        assert fell_back_within(proxy) < FALLS_BACK_WITHIN
        assert proxy.counts["websocket"] == 2, "each tries a WebSocket first, once"
        texts = await talk(alice, bob, [], about="by polling")
        await nobody_spins(proxy)
        await alice.page.reload()
        await alice.is_in("polling")
        await alice.reads(texts)
        assert proxy.counts["websocket"] == 2, "what works is remembered over a reload"
        assert await on_record(server.url, ("polling",)) == texts

    await at_once(some(FAULTS), trial)


async def test_an_upgrade_that_fails_leaves_the_conversation_on_polling(
    start_server: Start, between: Between, visit: Visit, tmp_path: Path
) -> None:
    async def trial(fault: Fault) -> None:
        server = await start_server(transports=("polling", "websocket"), data=tmp_path / fault.name)
        proxy = await between(server.url)
        proxy.websocket = fault
        alice, bob = await both_enter(visit, proxy.url, "polling", forgives_network=True)
        texts = await talk(alice, bob, [], about="while an upgrade hangs")
        assert proxy.counts["websocket"] >= 2, "each tries an upgrade"
        await nobody_spins(proxy)
        await asyncio.gather(alice.is_in("polling"), bob.is_in("polling"))
        assert await on_record(server.url, ("polling",)) == texts

    await at_once(some([Fault.HANGS, Fault.CLOSED, Fault.SILENT]), trial)


async def test_where_only_websocket_is_allowed_there_is_no_fallback(
    start_server: Start, between: Between, visit: Visit
) -> None:
    server = await start_server(transports=("websocket",))
    proxy = await between(server.url)
    proxy.websocket = Fault.STRIPPED
    alice = await visit(proxy.url, "alice")
    alice.forgives_network = True
    await alice.opens("lobby")
    await expect(alice.status).to_contain_text("Reconnecting")
    assert proxy.counts["polling"] == 0
    proxy.websocket = Fault.NONE
    await alice.is_in("websocket")


@pytest.mark.thorough  # as the one that finds its way back
async def test_one_websocket_too_many_talks_by_polling(start_server: Start, visit: Visit) -> None:
    server = await start_server(max_websockets=1)
    alice, bob = await visit(server.url, "alice"), await visit(server.url, "bob")
    bob.forgives_network = True
    await alice.enters("lobby")
    await alice.is_in("websocket")
    await bob.enters("lobby")
    await bob.is_in("polling")
    await talk(alice, bob, [], about="on two transports")


@pytest.mark.parametrize("transport", first(["websocket", "polling"], "websocket"))
async def test_a_slow_line_in_small_pieces_is_a_line_all_the_same(
    start_server: Start, between: Between, visit: Visit, transport: str
) -> None:
    """1,460 bytes at a time and late: what a long message looks like behind many a proxy (FACTS.md, item 1)."""
    server = await start_server(transports=(transport,))
    proxy = await between(server.url)
    alice, bob = await both_enter(visit, proxy.url, transport)
    proxy.delay, proxy.segment = 0.02, 1460
    texts = ["a" * 3990, "й" * 3990]
    for text in texts:
        await alice.types(text)
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    assert await on_record(server.url, (transport,)) == texts


async def test_when_there_is_room_again_a_page_on_polling_returns_to_the_websocket(
    start_server: Start, visit: Visit
) -> None:
    """The page asks /ws/echo after 10 min, then more seldom, and whenever the network comes back: so this test says."""
    server = await start_server(max_websockets=1)
    alice, bob = await visit(server.url, "alice"), await visit(server.url, "bob")
    bob.forgives_network = True
    await alice.enters("lobby")
    await alice.is_in("websocket")
    await bob.enters("lobby")
    await bob.is_in("polling")
    texts = await talk(alice, bob, [], about="on two transports")
    tried = len(bob.websockets)
    await bob.page.evaluate("dispatchEvent(new Event('online'))")
    await until(lambda: len(bob.websockets) > tried)
    await bob.is_in("polling")
    async with Talker(server.url, "cleo", transport="polling") as cleo:
        await cleo.join("lobby")
        await alice.page.close()
        await expect(bob.people).to_have_text(["bob", "cleo"])
        await bob.page.evaluate("dispatchEvent(new Event('online'))")
        for number in range(20):
            texts.append((await cleo.say("lobby", f"while bob moves, {number}"))["text"])
        await bob.types("did I miss anything?")
        await bob.is_in("websocket")
        await expect(bob.people).to_have_text(["bob", "cleo"])
    texts.append("did I miss anything?")
    await expect(bob.pending).to_have_count(0)
    assert sorted(await bob.said.all_text_contents()) == sorted(texts)
    assert await bob.said.all_text_contents() == await on_record(server.url, ("polling",))


async def test_where_long_polls_are_broken_as_well_two_browsers_talk_by_server_sent_events(
    start_server: Start, between: Between, visit: Visit, tmp_path: Path
) -> None:
    async def trial(fault: PollFault) -> None:
        server = await start_server(data=tmp_path / fault.name, transports=("websocket", "polling", "sse"))
        proxy = await between(server.url)
        proxy.websocket, proxy.polls = Fault.UNAVAILABLE, fault
        alice, bob = await both_enter(visit, proxy.url, "sse", forgives_network=True)
        texts = await talk(alice, bob, [], about="by server-sent events")
        await nobody_spins(proxy)
        asked = proxy.counts["websocket"]
        await alice.page.reload()
        await alice.is_in("sse")
        await alice.reads(texts)
        assert proxy.counts["websocket"] == asked, "what works is remembered over a reload"
        proxy.cut()
        await alice.is_in("sse")
        await alice.types("through a cut line")
        await bob.reads([*texts, "through a cut line"])
        await bob.page.close()
        await expect(alice.people).to_have_count(1)
        await alice.page.goto(f"{proxy.url}/diagnostics")
        await expect(alice.page.get_by_text("You can talk, by server-sent events only.")).to_be_visible()

    await at_once([fault for fault in PollFault if fault is not PollFault.NONE], trial)
