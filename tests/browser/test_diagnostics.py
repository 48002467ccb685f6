"""The page that tells an operator what is wrong between a browser and the site: each fault of a proxy is named."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Between, Start, Visit
from tests.browser.test_page import PHONE, fits
from tests.support import PATIENCE
from tests.support.browser import Visitor
from tests.support.process import serving
from tests.support.proxy import Fault, Proxy, RoundRobin
from tests.support.together import at_once

LOOKS_FOR = 2 * PATIENCE * 1000  # milliseconds; a handshake that hangs is waited for twice, and all faults look at once
WELL = "All is well: WebSocket and polling work."
ONLY_POLLING = "You can talk, by polling only."
NAMED = {
    Fault.NONE: "there and back in",
    Fault.STRIPPED: "the handshake arrives without Upgrade and Connection",
    Fault.UNAVAILABLE: "refused before it reaches the server",
    Fault.HANGS: "never answered",
    Fault.CLOSED: "opens and is closed at once",
    Fault.SILENT: "opens, then no frame passes",
}


async def looks(visit: Visit, url: str, query: str = "", **options: Any) -> Visitor:
    alice = await visit(url, "alice", **options)
    alice.forgives_network = True
    await alice.page.goto(f"{url}/diagnostics{query}")
    return alice


async def is_done(alice: Visitor) -> None:
    await expect(alice.page.get_by_role("button", name="Look again")).to_be_enabled(timeout=LOOKS_FOR)


async def concludes(alice: Visitor, verdict: str) -> None:
    await is_done(alice)
    await expect(alice.page.get_by_role("status", name="Verdict")).to_have_text(verdict)


def finding(alice: Visitor, name: str) -> Locator:
    rows = alice.page.get_by_role("list", name="Findings").get_by_role("listitem")
    return rows.filter(has=alice.page.locator(".finding-name", has_text=re.compile(f"^{name} ")))


def mends(alice: Visitor) -> Locator:
    return alice.page.get_by_role("list", name="What to do").get_by_role("listitem")


async def keeps_silent(alice: Visitor) -> None:
    await is_done(alice)
    await alice.page.get_by_role("button", name="of silence").click()
    await expect(finding(alice, "Silent WebSocket")).to_be_visible()
    await is_done(alice)


async def test_every_way_to_break_a_websocket_is_named_with_what_to_do(
    url: str, between: Between, visit: Visit
) -> None:
    async def trial(fault: Fault) -> None:
        proxy = await between(url)
        proxy.websocket = fault
        alice = await looks(visit, proxy.url)
        await concludes(alice, WELL if fault is Fault.NONE else ONLY_POLLING)
        await expect(finding(alice, "WebSocket")).to_contain_text(NAMED[fault])
        for name in ("Server", "Way", "Polling"):
            await expect(finding(alice, name)).to_have_attribute("data-verdict", "ok")
        if fault is Fault.NONE:
            await expect(mends(alice)).to_have_count(0)
        else:
            await expect(mends(alice)).to_have_text([re.compile("^WebSocket: .*docs/hosts.md")])

    await at_once(Fault, trial)


async def test_a_fault_that_was_mended_is_gone_on_the_next_look(url: str, proxy: Proxy, visit: Visit) -> None:
    proxy.websocket = Fault.STRIPPED
    alice = await looks(visit, proxy.url)
    await concludes(alice, ONLY_POLLING)
    proxy.websocket = Fault.NONE
    await alice.page.get_by_role("button", name="Look again").click()
    await concludes(alice, WELL)
    await expect(mends(alice)).to_have_count(0)


async def test_a_server_that_takes_no_more_websockets_is_told_from_a_proxy(start_server: Start, visit: Visit) -> None:
    server = await start_server(max_websockets=0)
    alice = await looks(visit, server.url)
    await concludes(alice, ONLY_POLLING)
    await expect(finding(alice, "WebSocket")).to_contain_text("there is no room")
    await expect(mends(alice)).to_contain_text(["PARLOR_MAX_WEBSOCKETS"])


@pytest.mark.parametrize(("flag", "works"), [("polling", "polling"), ("websocket", "WebSocket")])
async def test_what_the_operator_switched_off_is_not_broken(
    start_server: Start, visit: Visit, flag: str, works: str
) -> None:
    server = await start_server(transports=(flag,))
    alice = await looks(visit, server.url, "?silence=1")
    alice.forgives_network = False
    await concludes(alice, f"All is well: {works} works.")
    off = finding(alice, "WebSocket" if flag == "polling" else "Polling")
    await expect(off).to_contain_text("switched off by the operator")
    await expect(off).to_have_attribute("data-verdict", "unknown")
    if flag == "polling":
        assert alice.websockets == []


async def test_two_processes_behind_one_address_are_named(visit: Visit, tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "one") as one,
        serving(tmp_path / "two") as two,
        RoundRobin(one.url, two.url) as balancer,
    ):
        alice = await looks(visit, balancer.url)
        await concludes(alice, "Several servers answer in turn: people miss each other.")
        await expect(finding(alice, "Server")).to_contain_text("from more than one process")
        await expect(mends(alice).first).to_contain_text("Run one replica")


async def test_a_server_that_is_away_and_one_that_is_another_are_told_apart(proxy: Proxy, visit: Visit) -> None:
    alice = await looks(visit, proxy.url)
    await is_done(alice)
    await alice.page.route("**/healthz*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    await alice.page.get_by_role("button", name="Look again").click()
    await concludes(alice, "The server cannot be reached from here.")
    await expect(finding(alice, "Server")).to_contain_text("not as Parlor: 502: Bad gateway")
    await alice.page.unroute("**/healthz*")
    await proxy.refuse()
    await alice.page.get_by_role("button", name="Look again").click()
    await is_done(alice)
    await expect(finding(alice, "Server")).to_contain_text("no answer")
    await expect(alice.page.get_by_role("list", name="Findings").get_by_role("listitem")).to_have_count(1)


async def test_the_report_is_copied_whole(url: str, proxy: Proxy, visit: Visit) -> None:
    proxy.websocket = Fault.STRIPPED
    alice = await looks(visit, proxy.url)
    await alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await is_done(alice)
    await alice.page.get_by_role("button", name="Copy the report").click()
    await expect(alice.page.get_by_role("button", name="Copied")).to_be_visible()
    report = await alice.page.evaluate("navigator.clipboard.readText()")
    for part in (proxy.url, ONLY_POLLING, "[bad] WebSocket: the handshake arrives without", "mend: ", "Mozilla/"):
        assert part in report
    assert "token" not in report


async def test_where_there_is_no_clipboard_the_report_can_be_copied_by_hand(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.context.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await alice.page.goto(f"{url}/diagnostics")
    await is_done(alice)
    box = alice.page.get_by_role("textbox", name="The report")
    await expect(box).to_be_hidden()
    await alice.page.get_by_role("button", name="Copy the report").click()
    await expect(box).to_be_focused()
    await expect(box).to_have_value(re.compile(f"{WELL}.*Mozilla/", re.DOTALL))


Harm = Callable[[Proxy], Awaitable[None]]


async def cut_silent(proxy: Proxy) -> None:
    proxy.idle = 1.5 - proxy.delay


async def cut_old(proxy: Proxy) -> None:
    proxy.age = 2


async def forget(proxy: Proxy) -> None:
    await asyncio.sleep(1)
    proxy.stall()


SILENT = "Something on the way cuts lines that are silent", "PARLOR_PING_INTERVAL below", 20
OLD = "cuts old ones", "PARLOR_MAX_CONNECTION_AGE below", 0.3
FORGOTTEN = "dead after", "never silent for long", 0.3


@pytest.mark.parametrize(
    ("harm", "told", "delay"),
    [(cut_silent, SILENT, 0), (cut_silent, SILENT, 0.5), (cut_old, OLD, 0), (forget, FORGOTTEN, 0)],
)
async def test_who_cuts_lines_on_which_nobody_speaks_is_told_apart(
    start_server: Start, between: Between, visit: Visit, harm: Harm, told: tuple[str, str, float], delay: float
) -> None:
    """delay: seconds that the line takes each way."""
    named, mend, interval = told
    server = await start_server(ping_interval=interval)
    proxy = await between(server.url)
    proxy.delay = delay
    alice = await looks(visit, proxy.url, "?silence=30")
    await is_done(alice)
    harming = asyncio.ensure_future(harm(proxy)) if harm is forget else await harm(proxy)
    await keeps_silent(alice)
    if harming:
        await harming
    await expect(finding(alice, "Silent WebSocket")).to_contain_text(named)
    await expect(mends(alice).first).to_contain_text(mend)
    if harm is not cut_old:  # a poll is a connection of its own: none gets old
        await expect(finding(alice, "Silent polling")).to_contain_text(named)


async def test_lines_that_stand_a_silence_are_well_and_an_age_of_the_server_s_own_is_no_fault(
    start_server: Start, visit: Visit, tmp_path: Path
) -> None:
    async def trial(age: float | None) -> None:
        server = await start_server(ping_interval=0.3, max_connection_age=age, data=tmp_path / str(age))
        alice = await looks(visit, server.url, "?silence=4")
        await keeps_silent(alice)
        for line in ("Silent WebSocket", "Silent polling"):
            await expect(finding(alice, line)).to_contain_text("closed in good order" if age else "held for 4 s")
            await expect(finding(alice, line)).to_have_attribute("data-verdict", "ok")

    await at_once([None, 2], trial)


async def test_the_pages_of_the_line_lead_to_each_other(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.page.goto(url)
    await alice.page.get_by_role("link", name="Test your connection").click()
    await is_done(alice)
    await alice.page.get_by_role("link", name="Echo").click()
    await expect(alice.page.get_by_role("heading", name="Echo")).to_be_visible()
    await alice.page.get_by_role("link", name="Diagnostics").click()
    await concludes(alice, WELL)


async def test_it_fits_a_phone(url: str, proxy: Proxy, visit: Visit) -> None:
    proxy.websocket = Fault.STRIPPED
    alice = await looks(visit, proxy.url, **PHONE)
    await concludes(alice, ONLY_POLLING)
    await fits(alice.page)
