"""The way in: the doorway that everybody sees first, before a script has run and after, and who comes back."""

import asyncio
import re
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page, Route, expect

from app.server import Running
from tests.bench.first_visit import HEAVIEST, heaviest_of
from tests.bench.first_visit import visit as first_visit
from tests.browser.conftest import Between, Visit
from tests.browser.test_page import fits
from tests.support.talker import Talker

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}


async def talk(mira: Talker, jonas: Talker) -> None:
    await mira.join("tides")
    await jonas.join("tides")
    await mira.ask("topic", {"room": "tides", "topic": "Coastal engineering"})
    await mira.say("tides", "the tables are *here*: https://example.org/a")
    await jonas.say("tides", "/me reads")


class Held:
    """Scripts of the page are on their way until they are let through."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.routes: list[Route] = []
        self.is_open = False

    @classmethod
    async def on(cls, page: Page) -> "Held":
        held = cls(page)
        await page.route("**/*.js", held.hold)
        return held

    async def hold(self, route: Route) -> None:
        if self.is_open:
            await route.continue_()
        else:
            self.routes.append(route)

    async def let_through(self) -> None:
        self.is_open = True
        for route in self.routes:
            await route.continue_()


async def test_the_doorway_tells_of_the_room(url: str, browser: Browser) -> None:
    async with Talker(url, "Mira") as mira, Talker(url, "Jonas") as jonas:
        await talk(mira, jonas)
        for size in (WIDE, PHONE):
            context = await browser.new_context(**size)
            page = await context.new_page()
            await page.goto(f"{url}/r/tides")
            await expect(page.get_by_role("heading", name="#tides")).to_be_visible()
            await expect(page.get_by_text("Coastal engineering")).to_be_visible()
            await expect(page.get_by_text("2 people are here: Jonas and Mira")).to_be_visible()
            words = page.get_by_role("region", name="Last words")
            await expect(words.get_by_role("listitem")).to_contain_text(["the tables are", "* Jonas reads"])
            await expect(words.get_by_role("link", name="https://example.org/a")).to_be_visible()
            await expect(page.get_by_role("link", name="Parlor")).to_have_attribute("href", "/")
            await expect(page.get_by_role("textbox", name="Nickname")).to_be_focused()
            await fits(page)
            await context.close()


async def test_the_first_words_wait_for_nothing_else_and_what_is_pressed_meanwhile_is_done_later(
    url: str, visit: Visit
) -> None:
    async with Talker(url, "Mira") as mira, Talker(url, "Jonas") as jonas:
        await talk(mira, jonas)
        ann, asked, opened = await visit(url, "ann"), asyncio.Event(), asyncio.Event()

        async def hold(route: Route) -> None:
            asked.set()
            await opened.wait()
            await route.continue_()

        await ann.page.route(re.compile(r"/late-parts[^/]*\.js"), hold)
        await ann.enters("tides")
        await ann.says("the first words")
        await mira.hears("message", lambda event: event["message"]["text"] == "the first words")
        await ann.page.get_by_role("button", name="Mentions").click()
        await asked.wait()
        opened.set()
        dialog = ann.page.get_by_role("dialog", name="Mentions")
        await expect(dialog).to_be_visible()
        await dialog.get_by_role("button", name="Close").click()
        await ann.page.get_by_role("button", name="Emoji").click()
        await expect(ann.page.get_by_role("dialog", name="Emoji")).to_be_visible()

        ann.forgives_network = True
        hotel = {"status": 200, "content_type": "text/html", "body": "<p>Welcome! Please sign in.</p>"}
        await ann.page.route(re.compile(r"/late-parts[^/]*\.js"), lambda route: route.abort())
        await ann.page.route(re.compile(r"/dialogs\?"), lambda route: route.fulfill(**hotel))
        await ann.page.reload()
        await expect(ann.said.last).to_have_text("the first words")
        await ann.types("/help")
        await expect(ann.page.locator("#composer-sentence")).to_contain_text("could not be loaded")
        await expect(ann.box).to_have_value("/help")
        for button in ("Appearance", "Room menu"):
            await ann.page.get_by_role("button", name=button).click()
            notice = ann.page.get_by_role("alert").get_by_text("could not be loaded").first
            await expect(notice).to_be_visible()
        await ann.page.unroute_all()
        await ann.box.press("Enter")
        await expect(ann.page.get_by_role("alert")).to_contain_text("/nick NAME: change your nickname")
        assert await notice.count() == 0, "what is there now could be loaded"
        await expect(ann.page.locator("#composer-sentence")).to_be_hidden()
        await ann.page.get_by_role("button", name="Appearance").click()
        await expect(ann.page.get_by_role("dialog", name="Appearance")).to_be_visible()


async def test_one_tap_on_the_suggested_nickname_enters(url: str, visit: Visit) -> None:
    ann = await visit(url, "ann")
    await ann.page.goto(f"{url}/r/lobby")
    offer = ann.page.get_by_role("button", name=re.compile("^be "))
    ann.nickname = (await offer.inner_text()).removeprefix("be ")
    await offer.click()
    await ann.is_in()
    await expect(ann.page.locator("#self-nickname")).to_have_text(ann.nickname)


async def test_what_is_typed_before_the_script_runs_is_kept_and_taken_over(url: str, visit: Visit) -> None:
    """Slowly typed, the script comes in between. Sent off before it comes, the form leads back in."""
    ann = await visit(url, "ann")
    held = await Held.on(ann.page)
    await ann.page.goto(f"{url}/r/lobby", wait_until="commit")
    await ann.nickname_box.press_sequentially("an")
    await held.let_through()
    await ann.waits_for("document.getElementById('passphrase') && !document.getElementById('said').children.length")
    await expect(ann.page.locator("#composer .send")).to_be_hidden()
    await ann.nickname_box.press_sequentially("n")
    await expect(ann.nickname_box).to_have_value("ann")
    await ann.nickname_box.press("Enter")
    await ann.is_in()

    bob = await visit(url, "bob")
    held = await Held.on(bob.page)
    await bob.page.goto(f"{url}/r/lobby", wait_until="commit")
    await bob.nickname_box.fill("bob")
    await bob.nickname_box.press("Enter")
    await bob.page.wait_for_url("**/r/lobby?nickname=bob", wait_until="commit")
    await bob.box.fill("typed while it loads")
    await held.let_through()
    await bob.is_in()
    await expect(bob.page).to_have_url(f"{url}/r/lobby")
    await expect(bob.box).to_have_value("typed while it loads")
    await bob.says("hello")
    await bob.reads(["hello"])


async def test_who_comes_back_reads_the_last_words_before_the_script_runs(url: str, visit: Visit) -> None:
    async with Talker(url, "Mira") as mira, Talker(url, "Jonas") as jonas:
        await talk(mira, jonas)
        ann = await visit(url, "ann")
        await ann.enters("tides")
        await ann.is_in()
        held = await Held.on(ann.page)
        await ann.page.reload(wait_until="commit")
        await expect(ann.log).to_contain_text("the tables are")
        await expect(ann.nickname_box).to_be_hidden()
        await expect(ann.said).to_have_count(0)
        await held.let_through()
        await ann.is_in()
        await ann.reads(["the tables are here: https://example.org/a", re.compile("reads")])  # type: ignore[list-item]
        await expect(ann.log.get_by_text("the tables are")).to_have_count(1)


async def test_a_link_from_elsewhere_does_not_name_anybody(url: str, visit: Visit) -> None:
    """It fills the box in, and whoever reads it decides."""
    ann = await visit(url, "ann")
    await ann.page.goto(f"{url}/r/lobby?nickname=Mallory")
    await expect(ann.nickname_box).to_have_value("Mallory")
    await expect(ann.box).to_be_hidden()
    async with aiohttp.ClientSession() as browser:
        for site, goes_in in (("same-origin", True), ("cross-site", False), ("none", False)):
            headers = {"Sec-Fetch-Site": site}
            async with browser.get(f"{url}/r/lobby?nickname=Mallory", headers=headers) as answer:
                assert ("data-wish" in await answer.text()) == goes_in


async def test_without_a_script_the_landing_leads_to_the_room(url: str, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    for listed, address in (
        (True, r"/r/garden\?nickname=ann$"),
        (False, r"/r/garden-[a-z0-9]{10}\?nickname=ann#unlisted$"),
    ):
        await page.goto(url)
        await page.get_by_role("textbox", name="Nickname").fill("ann")
        await page.get_by_role("textbox", name="Room").fill("Garden")
        await page.get_by_role("checkbox").set_checked(listed)
        await page.get_by_role("button", name="Join").click()
        await expect(page).to_have_url(re.compile(address))
        await expect(page.get_by_role("link", name="the log of #garden")).to_be_visible()
    await context.close()


async def test_the_page_can_be_installed_and_says_when_nobody_answers(url: str, visit: Visit, between: Between) -> None:
    proxy = await between(url)
    ann = await visit(proxy.url, "ann", service_workers="allow")
    await ann.enters("lobby")
    await ann.is_in()
    await ann.waits_for("navigator.serviceWorker.controller !== null")
    devtools = await ann.context.new_cdp_session(ann.page)
    assert (await devtools.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []
    await ann.says("kept nowhere")
    await ann.reads(["kept nowhere"])
    ann.forgives_network = True
    await proxy.refuse()
    await ann.page.goto(f"{proxy.url}/r/lobby")
    await expect(ann.page.get_by_role("heading", name="Not reachable just now")).to_be_visible()
    await expect(ann.page.get_by_text("kept nowhere")).to_have_count(0)
    assert await ann.page.evaluate("caches.keys()") == []
    await proxy.accept()
    await ann.page.get_by_role("link", name="try now").click()
    await ann.is_in()
    await ann.reads(["kept nowhere"])


async def test_a_page_older_than_its_server_is_loaded_anew_when_nobody_is_at_it(server: Running, visit: Visit) -> None:
    ann = await visit(server.url, "ann")
    await ann.enters("lobby")
    await ann.is_in()
    await ann.box.fill("half a thought")
    server.chat.page = "another"
    server.sockets.disconnect_all_within(0)
    await expect(ann.page.get_by_text("A newer version of this page is here.")).to_be_visible()
    await ann.page.evaluate("window.isOld = true")
    await ann.page.get_by_role("button", name="Reload").click()
    await ann.waits_for("window.isOld === undefined && document.readyState === 'complete'")
    await ann.is_in()
    await expect(ann.box).to_have_value("half a thought")


async def test_a_first_visit_is_light_and_moves_nothing(url: str, browser: Browser) -> None:
    """The times are measured by `make page`."""
    async with Talker(url, "Mira") as mira, Talker(url, "Jonas") as jonas:
        await talk(mira, jonas)
        first = await first_visit(browser, f"{url}/r/tides", slow=False)
        await expect(first.page.get_by_role("textbox", name="Nickname")).to_be_focused()
        assert first.wire.requests <= 15
        assert first.wire.bytes < 75_000
        assert (await first.page.evaluate("window.seen"))["shift"] == 0
        await first.context.close()
        for goal in await heaviest_of(browser, f"{url}/r/tides", HEAVIEST):
            assert goal.is_reached, goal
