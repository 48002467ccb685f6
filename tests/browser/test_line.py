"""The line that moves, breaks and is tried again: what one sees of it, and what one does not."""

import asyncio
import re

from playwright.async_api import expect

from app.chat import retention
from tests.browser.conftest import Start, Visit
from tests.browser.test_conversation import both_enter, on_record
from tests.browser.test_page import PHONE, fits
from tests.support.browser import ROUND_TRIP_S, Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker

MOVES = 4  # times that a connection grows old in the test
AGE_ROUND_TRIPS = 6  # of a slow line, until one has come in and said something
NEWS_SO_FAR = """() => {
  const news = document.getElementById("news");
  window.told = [];
  const note = () => window.told.push(news.textContent);
  new MutationObserver(note).observe(news, { childList: true, characterData: true, subtree: true });
}"""


async def test_connections_that_grow_old_lose_nothing_and_nobody_seems_to_leave(
    start_server: Start, visit: Visit
) -> None:
    server = await start_server(max_connection_age=1 + AGE_ROUND_TRIPS * ROUND_TRIP_S)
    alice, bob = await both_enter(visit, server.url)
    alice.forgives_network = bob.forgives_network = True  # who writes while the close is on its way is told so
    for one in (alice, bob):  # each has heard of the other, or the news would come later than the words
        await expect(one.people).to_have_text(["alice", "bob"])
    texts = ["words make the news of who came old"]
    await alice.says(texts[0])
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    for one in (alice, bob):
        await one.page.evaluate(NEWS_SO_FAR)
    begun = len(alice.websockets), len(bob.websockets)
    while len(alice.websockets) < begun[0] + MOVES or len(bob.websockets) < begun[1] + MOVES:
        for one, other in ((alice, bob), (bob, alice)):
            texts.append(f"{one.nickname} says {len(texts)}")
            await one.says(texts[-1])
            await expect(other.said.last).to_have_text(texts[-1])
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    for one in (alice, bob):
        await expect(one.people).to_have_text(["alice", "bob"])
        assert set(await one.page.evaluate("window.told")) <= {""}, "neither joined nor left is told"
        await expect(one.page.locator("#notices")).to_be_empty()
    assert await on_record(server.url) == texts[-100:]


async def test_the_chip_tells_how_the_line_stands_and_leads_to_the_diagnostics_in_a_tab_of_its_own(
    url: str, visit: Visit
) -> None:
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    await expect(alice.status).to_have_text("Connected · websocket")
    latency = alice.page.locator("#chip-detail")
    await expect(latency).to_have_text(re.compile(r"^\d+\sms$"))
    await expect(latency).to_have_attribute("aria-hidden", "true"), "no screen reader is told every change of it"
    link = alice.page.get_by_role("link", name="Diagnostics")
    await expect(link).to_have_attribute("title", re.compile(r"\d+\sms"))
    await link.focus()
    async with alice.context.expect_page() as opened:
        await alice.page.keyboard.press("Enter")
    tab = await opened.value
    await expect(tab.get_by_role("heading", name="Diagnostics")).to_be_visible()
    await expect(alice.page).to_have_url(f"{url}/r/lobby")
    await expect(alice.page.get_by_role("button", name="Retry now")).to_be_hidden()


async def test_who_does_not_want_to_wait_retries_now(proxy: Proxy, visit: Visit) -> None:
    alice = await visit(proxy.url, "alice")
    alice.forgives_network = True
    await alice.page.clock.install()
    await alice.enters("lobby")
    await alice.is_in("websocket")
    await alice.page.clock.pause_at(await alice.page.evaluate("Date.now() + 1000"))  # no timer dials from here on
    await proxy.refuse()
    await expect(alice.status).to_have_text("Reconnecting")
    await expect(alice.page.locator("#chip-detail")).to_have_text("in 1 s")
    await alice.page.get_by_role("button", name="Search").click()
    not_loaded = alice.page.get_by_role("alert").get_by_text("could not be loaded. Are you online?")
    await expect(not_loaded).to_be_visible()
    await proxy.accept()
    retry = alice.page.get_by_role("button", name="Retry now")
    await retry.focus()
    await alice.page.keyboard.press("Enter")
    await expect(alice.status).to_have_text("Connected · websocket")
    await expect(retry).to_be_hidden()
    await expect(alice.page.get_by_role("link", name="Diagnostics")).to_be_focused()
    await expect(not_loaded).to_have_count(0)  # one is


async def test_on_a_phone_the_chip_leaves_the_room_its_name(proxy: Proxy, visit: Visit) -> None:
    alice = await visit(proxy.url, "alice", **PHONE)
    alice.forgives_network = True
    await alice.enters("r" * 30)
    await expect(alice.status).to_contain_text("websocket")
    await fits(alice.page)
    assert await width(alice, ".bar-title") > 150
    await proxy.refuse()
    await expect(alice.page.get_by_role("button", name="Retry now")).to_be_visible()
    await expect(alice.status).to_contain_text("Reconnecting")
    await fits(alice.page)
    assert await width(alice, ".bar-title") > 90


async def width(visitor: Visitor, part: str) -> float:
    return float(await visitor.page.locator(part).evaluate("(part) => part.getBoundingClientRect().width"))


async def test_how_long_messages_are_kept_is_said_and_a_beginning_that_is_gone_is_not_claimed(
    start_server: Start, visit: Visit
) -> None:
    server = await start_server(keep_messages=3)
    alice = await visit(server.url, "alice")
    await alice.enters("lobby")
    start = alice.page.locator("#log-start")
    await expect(start).to_have_text("This is the beginning of #lobby. Only the last 3 messages are kept.")
    await expect(alice.page.locator("#room-keep")).to_have_text("Keeps the last 3")
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        for number in range(5):
            await bob.say("lobby", f"line {number}")
        assert await retention.prune(server.chat) == 2
        await alice.page.reload()
        await alice.reads(["line 2", "line 3", "line 4"])
        await expect(start).to_have_text("Older messages have been let go of. Only the last 3 messages are kept.")
        await bob.ask("topic", {"room": "lobby", "topic": "What was said lately"})
        await expect(alice.page.get_by_text("What was said lately")).to_be_visible()
        await expect(alice.page.locator("#room-keep")).to_be_visible()
