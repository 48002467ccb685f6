"""A person with a real browser: finds controls by role and name, and keeps every complaint the page makes."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

from playwright.async_api import Browser, BrowserContext, Locator, Page, WebSocket, async_playwright, expect

from tests.support import PATIENCE
from tests.support.need import program

FALLS_BACK_WITHIN = 15.0  # seconds
WHOLE = ("chromium", "chromium-browser", "google-chrome")
SHELL = ("chromium-headless-shell", *WHOLE)  # the same engine without a browser's own windows: half of the processor
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
REPORT_CSP = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
  console.error(`CSP: ${violatedDirective} ${blockedURI} at ${sourceFile}:${lineNumber}`));
"""
SLOW_LINE_MS = int(os.environ.get("SLOW_LINE", "0"))  # both ways, for each visitor whose name has an odd checksum
ROUND_TRIP_S = 2 * SLOW_LINE_MS / 1000  # of a slow line; 0 where there is none
SLOW_LINE = """(() => {
  const later = globalThis.setTimeout.bind(globalThis);
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    later(() => this.readyState === WebSocket.OPEN && send.call(this, data), MS);
  };
  const onmessage = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
  const set = function (hear) {
    onmessage.set.call(this, hear && ((event) => later(() => hear.call(this, event), MS)));
  };
  Object.defineProperty(WebSocket.prototype, "onmessage", { ...onmessage, set });
  const { send: ask } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    later(() => this.readyState === XMLHttpRequest.OPENED && ask.call(this, body), MS);
  };
})();""".replace("MS", str(SLOW_LINE_MS))
BLOCKED = "Service Worker registration blocked by Playwright"  # where a test does not ask for the worker
COUNTED = re.compile(r"\d")
NETWORK = re.compile(
    r"net::ERR_|WebSocket is already in CLOSING or CLOSED state|WebSocket connection to .* failed"
    r"|Failed to load resource: the server responded with"
)

expect.set_options(timeout=PATIENCE * 1000)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One browser; visitors are contexts of it."""
    path = program(_names(SHELL), "no page is tested in a real browser")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def private_chromium(profile: Path) -> AsyncIterator[BrowserContext]:
    """A browser of its own with the preferences that lie in `profile`."""
    path = program(_names(WHOLE), "no page is tested in a real browser")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile, executable_path=path, args=ARGUMENTS, reduced_motion="reduce"
        )
        try:
            yield context
        finally:
            await context.close()


def _names(programs: tuple[str, ...]) -> tuple[str, ...]:
    return (os.environ["CHROMIUM"],) if "CHROMIUM" in os.environ else programs


class Visitor:
    """One person in a browser context of their own. `url` is the site's; `nickname` the one they choose."""

    def __init__(self, context: BrowserContext, page: Page, url: str, nickname: str) -> None:
        self.context, self.page, self.url, self.nickname = context, page, url, nickname
        self.complaints: list[str] = []
        self.forgives_network = False
        self.websockets: list[str] = []
        self.tabs: list[Visitor] = []

    @classmethod
    async def arrive(cls, browser: Browser, url: str, nickname: str, **options: Any) -> "Visitor":
        """`options` are Playwright's for a context: viewport, color_scheme, ..."""
        context = await browser.new_context(**{"reduced_motion": "reduce", "service_workers": "block"} | options)
        context.set_default_timeout(PATIENCE * 1000)
        context.set_default_navigation_timeout(
            2 * PATIENCE * 1000
        )  # ten pages at once are the machine's business, not ours
        await context.add_init_script(REPORT_CSP)
        if SLOW_LINE_MS and crc32(nickname.encode()) % 2:
            await context.add_init_script(SLOW_LINE)
        visitor = cls(context, await context.new_page(), url, nickname)
        visitor.listen()
        return visitor

    async def another_tab(self, room: str) -> "Visitor":
        """The same person in one more tab of the same browser, in that room. Its troubles are the visitor's too."""
        tab = Visitor(self.context, await self.context.new_page(), self.url, self.nickname)
        self.tabs.append(tab)
        tab.listen()
        await tab.page.goto(f"{self.url}/r/{room}")
        await tab.is_in()
        return tab

    def listen(self) -> None:
        """Begin to keep what the page complains of."""
        page = self.page
        page.on("console", lambda said: said.type in ("error", "warning") and self._complain(said.text))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("websocket", self._note)

    def _complain(self, text: str) -> None:
        if text != BLOCKED:
            self.complaints.append(text)

    def _note(self, socket: WebSocket) -> None:
        self.websockets.append(socket.url)

    def troubles(self) -> list[str]:
        """What the page and its other tabs complained of, except network errors where the test provoked them."""
        said = [*self.complaints, *(one for tab in self.tabs for one in tab.complaints)]
        return [one for one in said if not (self.forgives_network and NETWORK.search(one))]

    async def goes_offline(self) -> None:
        """As in a tunnel, in all tabs. What was on its way then fails, sooner or later, and the browser says so."""
        self.forgives_network = True
        await self.context.set_offline(True)

    async def is_online_again(self) -> None:
        await self.context.set_offline(False)

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Messages")

    @property
    def said(self) -> Locator:
        """The texts that are in the log for good, oldest first."""
        return self.log.locator("#said .message-text")

    @property
    def pending(self) -> Locator:
        """The texts that are still on their way."""
        return self.log.locator("#pending .message-text")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status", name="Connection")

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def nickname_box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Nickname")

    @property
    def passphrase_box(self) -> Locator:
        return self.page.get_by_label("Passphrase", exact=True)

    @property
    def self_mark(self) -> Locator:
        """Beside one's own nickname, where that is reserved."""
        return self.page.get_by_text("reserved", exact=True)

    @property
    def people(self) -> Locator:
        return self.page.get_by_role("list", name="People").get_by_role("listitem")

    def room_entry(self, room: str) -> Locator:
        return self.page.get_by_role("list", name="Rooms").get_by_role("link", name=room)

    async def enters(self, room: str) -> None:
        """Until the room has let them in."""
        await self.opens(room)
        await self.is_let_in()

    async def opens(self, room: str) -> None:
        """By the room's own address: nickname, Enter. Then one can write, whether or not anybody has answered."""
        await self.page.goto(f"{self.url}/r/{room}")
        await self.nickname_box.fill(self.nickname)
        await self.nickname_box.press("Enter")
        await expect(self.box).to_be_editable()

    async def is_let_in(self) -> None:
        """The server has answered: the page knows who is in the room, and what one may do there."""
        await expect(self.page.locator("#head-count")).to_have_text(COUNTED)

    async def is_in(self, transport: str | None = None, within: float = PATIENCE) -> None:
        """Connected, in a room that shows its log."""
        await expect(self.status).to_contain_text(transport or "Connected", timeout=within * 1000)
        await expect(self.people.filter(has_text=self.nickname)).to_have_count(1)

    async def waits_for(self, expression: str, argument: Any = None) -> None:
        """Until this JavaScript is true of the page.

        Not Playwright's `wait_for_function`: from the second look on the page itself evaluates the string, which
        its Content-Security-Policy forbids.
        """
        async with asyncio.timeout(PATIENCE):
            while not await self.page.evaluate(expression, argument):
                await asyncio.sleep(0.02)

    async def types(self, text: str) -> None:
        """Type, Enter. Does not wait for what comes of it: a command, or what cannot be sent yet."""
        await self.box.fill(text)
        await self.box.press("Enter")

    async def says(self, text: str) -> None:
        """Until it is said: what anybody says afterwards comes behind it."""
        await self.types(text)
        await expect(self.said.filter(has_text=text).last).to_be_visible()

    async def reads(self, texts: list[str]) -> None:
        """Exactly these are in the log, in this order, and nothing waits to be sent."""
        await expect(self.said).to_have_text(texts)
        await expect(self.pending).to_have_count(0)
