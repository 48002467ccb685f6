"""What is read and not talked in: the log, the export, paper, and the pages where no script runs."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from app.config import Settings
from app.export import export_room
from app.server import Running
from tests.browser.conftest import Visit
from tests.browser.test_page import enters, fits
from tests.support.talker import Talker, new_id

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 800}
TEXT = "Read https://example.org/a and\n\n    if x:\n        y()"


async def talk(url: str) -> None:
    """A room with everything in it."""
    async with Talker(url, "alice") as alice, Talker(url, "אבי") as avi:
        for one in (alice, avi):
            await one.join("lobby")
        await avi.ask("topic", {"room": "lobby", "topic": "שלום (v2)"})
        await alice.say("lobby", TEXT)
        await avi.say("lobby", "שלום לכולם!")
        await avi.say("lobby", "/me מנופף")
        await alice.ask("send", {"room": "lobby", "text": "an answer", "id": new_id(), "reply_to": 2})
        await avi.ask("react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": True})
        await alice.say("lobby", "gone")
        await alice.ask("delete", {"room": "lobby", "seq": 5})
        await alice.ask("edit", {"room": "lobby", "seq": 4, "text": "another answer"})


async def exported(server: Running, folder: Path) -> str:
    """The address of a room's export."""
    page = folder / "lobby.html"
    settings = Settings(data=server.settings.data)  # type: ignore[call-arg]
    page.write_text("".join([piece async for piece in export_room(settings, "lobby", "html")]), encoding="utf-8")
    return page.as_uri()


async def opened(browser: Browser, address: str, **options: Any) -> Page:
    context = await browser.new_context(bypass_csp=True, **options)
    page = await context.new_page()
    await page.goto(address)
    return page


async def test_log_and_export_have_landmarks_and_both_themes(server: Running, browser: Browser, tmp_path: Path) -> None:
    await talk(server.url)
    for address in (f"{server.url}/r/lobby/log", await exported(server, tmp_path)):
        page = await opened(browser, address)
        assert await page.evaluate("document.documentElement.lang") == "en"
        await expect(page.get_by_role("main")).to_have_count(1)
        await expect(page.get_by_role("heading", level=1)).to_have_text("#lobby")
        await expect(page.get_by_role("heading", level=2)).to_have_count(1)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            paper = await page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
            assert (max(paper) < 60) == (scheme == "dark")
        await page.context.close()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
async def test_the_export_keeps_lines_links_and_directions(
    server: Running, browser: Browser, tmp_path: Path, script: bool
) -> None:
    await talk(server.url)
    page = await opened(browser, await exported(server, tmp_path), java_script_enabled=script)
    first = page.locator("li[id='1'] .entry-text")
    assert await first.inner_text() == TEXT
    await expect(page.get_by_role("link", name="https://example.org/a")).to_have_attribute(
        "href", "https://example.org/a"
    )
    await expect(page.locator("li[id='4']")).to_contain_text("another answer")
    for text, direction in {
        "li[id='1'] .entry-text": "ltr",
        "li[id='2'] .entry-text": "rtl",
        ".log-topic": "rtl",
    }.items():
        await expect(page.locator(text)).to_have_css("direction", direction)
    await page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_paper_there_is_the_whole_log_and_nothing_to_press(url: str, visit: Visit, scheme: str) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        for n in range(60):
            await bob.say("lobby", f"line {n}")
        alice = await enters(visit, url, color_scheme=scheme)
        await alice.says("the last word")
        await expect(alice.said).to_have_count(61)
        await alice.box.fill("a draft that nobody reads")
        await alice.page.emulate_media(media="print")
        for controls in ("button", "textbox", "status", "list"):
            for control in await alice.page.get_by_role(controls).all():
                inside = await control.evaluate("(one) => Boolean(one.closest('#messages'))")
                assert inside or not await control.is_visible(), controls
        await expect(alice.page.get_by_role("log").get_by_role("button")).to_have_count(0)
        await expect(alice.box).to_be_hidden()
        rows = alice.log.locator("#said .message")
        for row in (rows.first, rows.nth(30), rows.last):
            for part in (".message-author", ".message-time", ".message-text"):
                box = await row.locator(part).bounding_box()
                assert box and box["width"] > 5 and box["height"] > 5, part
            await expect(row.locator(".message-head")).to_have_css("opacity", "1")
        colours = """(one) => [getComputedStyle(document.body).backgroundColor, getComputedStyle(one).color]"""
        assert await rows.first.locator(".message-text").evaluate(colours) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
        cut = "(log) => log.scrollHeight - log.clientHeight"
        assert await alice.log.evaluate(cut) <= 1, "nothing is scrolled away"
        await alice.page.emulate_media(media="null")
        pages = len(re.findall(rb"/Type\s*/Page\b", await alice.page.pdf(format="A5")))
        assert pages > 1
        await expect(alice.page.locator("#printed")).to_have_text(re.compile(r"^As of .*\d"))


async def test_without_a_script_a_room_says_so_and_leads_to_its_log(url: str, browser: Browser) -> None:
    await talk(url)
    page = await opened(browser, f"{url}/r/lobby", java_script_enabled=False, viewport=PHONE)
    await expect(page.get_by_role("heading", name="To talk, JavaScript is needed")).to_be_visible()
    await expect(page.get_by_role("status")).to_be_hidden()
    await fits(page)
    await page.get_by_role("link", name="the log of #lobby").click()
    await expect(page).to_have_url(f"{url}/r/lobby/log")
    await expect(page.get_by_text("שלום לכולם!")).to_be_visible()
    await page.goto(url)
    await expect(page.locator("noscript p").filter(has_text="To talk, JavaScript is needed")).to_be_visible()
    await fits(page)
    await page.get_by_role("link", name="The log of #lobby").click()
    await expect(page).to_have_url(f"{url}/r/lobby/log")
    await page.get_by_role("textbox", name="Day").fill("2020-02-01")
    await page.get_by_role("button", name="Show").click()
    await expect(page).to_have_url(f"{url}/r/lobby/log/2020-02-01")
    await expect(page.get_by_text("Nothing that is still kept was said on Saturday, 1 February 2020.")).to_be_visible()
    await page.context.close()


async def test_with_a_script_nobody_is_told_that_there_is_none(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    for path in ("/", "/r/lobby"):
        await alice.page.goto(url + path)
        await expect(alice.nickname_box).to_be_visible()
        await expect(alice.page.get_by_text("JavaScript")).to_have_count(0)
