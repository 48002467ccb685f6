"""What a first visit weighs and how long one waits: `make page`. A real server, a real browser, a slow network.

Measured by the browser itself: what came over the wire, when the doorway was there, when somebody who comes back read
the first words, how much the page moved (cumulative layout shift), how long its longest task was. Each is the best of
three visits: what else the machine does meanwhile is not the page's. Exit code 1 where a goal is missed.
"""

import asyncio
import re
import sys
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, ViewportSize, expect

from app.config import Settings
from app.server import start
from tests.support.browser import chromium
from tests.support.talker import Talker

AFTER = re.compile(r"/bundle/(?:late-parts|chunk)-|/main-later\.js|/css/actions\+")  # what comes after the first words

# Chrome's "Slow 3G": 400 kbit/s both ways, 400 ms
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 400_000 / 8, "uploadThroughput": 400_000 / 8}
HEAVIEST = "ar"
LOCALES = ("en-GB", "de-DE", "es-ES", "fr-FR", HEAVIEST)
PHONE: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1280, "height": 800}
MESSAGES = 60
ROUNDS = 3
PAGE = Path(__file__).parents[2] / "docs" / "speed.md"
BEGIN, END = "<!-- first visit -->", "<!-- end of first visit -->"
WATCH = """
window.seen = { shift: 0, task: 0, words: null };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seen.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.seen.task = Math.max(window.seen.task, entry.duration);
}).observe({ type: "longtask", buffered: true });
const look = () => {
  const words = document.querySelector("#messages .message-text");
  if (words?.getClientRects().length && document.readyState) window.seen.words ??= performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


@dataclass(frozen=True)
class Goal:
    """A figure, and what it may be at most."""

    what: str
    figure: float
    unit: str
    most: float

    @property
    def is_reached(self) -> bool:
        return self.figure <= self.most


class Wire:
    """What a page loads, as DevTools count it: bytes with headers, compressed."""

    def __init__(self, devtools: CDPSession) -> None:
        self.requests = 0
        self.bytes = 0.0
        self.names: dict[str, str] = {}
        self.sizes: dict[str, float] = {}
        devtools.on("Network.requestWillBeSent", self._request)
        devtools.on("Network.loadingFinished", self._finished)

    def _request(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http") and event["requestId"] not in self.names:
            self.requests += 1
            self.names[event["requestId"]] = re.sub(r"https?://[^/]+|/static/[0-9a-f]+", "", event["request"]["url"])

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]
        self.sizes[self.names.get(event["requestId"], "?")] = event["encodedDataLength"]


async def measure() -> list[Goal]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(host="127.0.0.1", port=0, data=Path(folder), rate_limit="off")  # type: ignore[call-arg]
        server = await start(settings)
        try:
            async with chromium() as browser, Talker(server.url, "Mira") as mira, Talker(server.url, "Jonas") as jonas:
                await _talk(mira, jonas)
                first = await visit(browser, f"{server.url}/r/tides", slow=False)  # compresses what is asked for
                await first.context.close()
                goals = [*await _first(browser, server.url), *await _again(browser, server.url)]
                heaviest = await heaviest_of(browser, f"{server.url}/r/tides", *LOCALES)
                stillness = await _stillness(browser, server.url)
                return [*goals[:3], heaviest[0], *goals[3:5], heaviest[1], *goals[5:], stillness]
        finally:
            await server.stop()


async def _talk(mira: Talker, jonas: Talker) -> None:
    for one in (mira, jonas):
        await one.join("tides")
    for nth in range(MESSAGES // 2):
        await mira.say("tides", f"We start with the tide tables, then the harbour model, part {nth}.")
        await jonas.say("tides", f"Is that the one with the two basins, or the one from week {nth}?")


@dataclass(frozen=True)
class Visit:
    context: BrowserContext
    page: Page
    wire: Wire


async def visit(browser: Browser, url: str, slow: bool, context: BrowserContext | None = None) -> Visit:
    context = context or await browser.new_context(viewport=PHONE)
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Network.enable")
    if slow:
        await devtools.send("Network.emulateNetworkConditions", SLOW)
    wire = Wire(devtools)
    await page.add_init_script(WATCH)
    await page.goto(url, wait_until="load")
    return Visit(context, page, wire)


async def _first(browser: Browser, url: str) -> list[Goal]:
    """A visitor who was never here."""
    arrived = await visit(browser, f"{url}/r/tides", slow=True)
    page = arrived.page
    await expect(page.get_by_role("textbox", name="Nickname")).to_be_visible()
    painted = await page.evaluate(PAINTED)
    await page.wait_for_timeout(1_000)
    kilobytes, requests = arrived.wire.bytes / 1_000, arrived.wire.requests
    seen = await page.evaluate("window.seen")
    await page.get_by_role("textbox", name="Nickname").press_sequentially("Ann", delay=200)
    began = await page.evaluate("performance.now()")
    await page.get_by_role("textbox", name="Nickname").press("Enter")
    await expect(page.locator("#said .message-text").last).to_be_visible()
    words, all_requests = arrived.wire.bytes / 1_000, arrived.wire.requests
    entered = await page.evaluate("performance.now()") - began
    await page.wait_for_timeout(2_000)
    inside = await page.evaluate("window.seen")
    rest = arrived.wire.bytes / 1_000 - words
    await arrived.context.close()
    return [
        Goal("a first visit, over the wire", kilobytes, "KB", 75),
        Goal("its requests", requests, "", 15),
        Goal("all until one is in and reads the first words, over the wire", words, "KB", 75),
        Goal("its requests, and the first of what comes after", all_requests, "", 15),
        Goal("what comes by itself after the first words, over the wire", rest, "KB", 30),
        Goal("from the last letter of the nickname to the room, on slow 3G", entered / 1_000, "s", 5.0),
        Goal("the doorway is there, on slow 3G", painted / 1_000, "s", 2.0),
        Goal("how much the doorway moves (CLS)", seen["shift"], "", 0),
        Goal("how much the page moves until one is in (CLS)", inside["shift"], "", 0),
        Goal("the longest task of the doorway (0: none over 50 ms)", max(seen["task"], 0), "ms", 50),
        Goal("the longest task until one is in", max(inside["task"], 0), "ms", 50),
    ]


async def going_in(browser: Browser, url: str, locale: str) -> tuple[float, float]:
    """The bytes until somebody whose browser is in that language is in and reads the first words, and of what comes by
    itself after these."""
    context = await browser.new_context(viewport=PHONE, locale=locale)
    arrived = await visit(browser, url, slow=False, context=context)
    box = arrived.page.locator("#nickname")
    await box.fill(f"Ann {locale}")
    await box.press("Enter")
    await expect(arrived.page.locator("#said .message-text").last).to_be_visible()
    while not any("/late-parts-" in name for name in arrived.wire.sizes):
        await arrived.page.wait_for_timeout(20)
    await arrived.page.wait_for_load_state("networkidle")
    await context.close()
    before = sum(size for name, size in arrived.wire.sizes.items() if not AFTER.search(name))
    return before, sum(arrived.wire.sizes.values()) - before


async def heaviest_of(browser: Browser, url: str, *locales: str) -> tuple[Goal, Goal]:
    """What comes until the first words, and what comes by itself after them; each in the language that has most."""
    both = [await going_in(browser, url, locale) for locale in locales]
    before, after = (max(sizes) / 1_000 for sizes in zip(*both, strict=True))
    named = "the same in the heaviest of its five languages"
    return Goal(named, before, "KB", 75), Goal(f"{named}, after the first words", after, "KB", 30)


async def _again(browser: Browser, url: str) -> list[Goal]:
    """Somebody who comes back, whose browser has kept nothing but who they are."""
    first = await visit(browser, f"{url}/r/tides", slow=False)
    await first.page.get_by_role("textbox", name="Nickname").fill("Bea")
    await first.page.get_by_role("textbox", name="Nickname").press("Enter")
    await expect(first.page.get_by_role("status", name="Connection")).to_contain_text("Connected")
    await expect(first.page.locator("#said .message-text").last).to_be_visible()
    await first.page.close()
    devtools = await first.context.new_cdp_session(await first.context.new_page())
    await devtools.send("Network.clearBrowserCache")
    arrived = await visit(browser, f"{url}/r/tides", slow=True, context=first.context)
    await expect(arrived.page.get_by_role("status", name="Connection")).to_contain_text("Connected")
    await expect(arrived.page.locator("#said .message-text").last).to_be_visible()
    joined = await arrived.page.evaluate("performance.now()")
    await arrived.page.wait_for_timeout(1_000)
    seen = await arrived.page.evaluate("window.seen")
    await arrived.context.close()
    return [
        Goal("somebody who comes back reads the first words, on slow 3G", seen["words"] / 1_000, "s", 3.5),
        Goal("and is connected", joined / 1_000, "s", 6.0),
        Goal("how much the page moves meanwhile (CLS)", seen["shift"], "", 0),
        Goal("the longest task meanwhile", max(seen["task"], 0), "ms", 50),
    ]


async def _stillness(browser: Browser, url: str) -> Goal:
    """The other pages, and the doorway on a wide screen."""
    worst = 0.0
    for path, size in product(("/", "/r/tides", "/r/tides/log", "/echo"), (PHONE, WIDE)):
        context = await browser.new_context(viewport=size)
        arrived = await visit(browser, f"{url}{path}", slow=True, context=context)
        await arrived.page.wait_for_timeout(500)
        worst = max(worst, (await arrived.page.evaluate("window.seen"))["shift"])
        await context.close()
    return Goal("how much any other page moves, wide or on a phone (CLS)", worst, "", 0)


def table(goals: list[Goal]) -> str:
    """For docs/speed.md."""
    rows = [
        f"| {one.what} | {_figure(one.figure)} {one.unit} | {one.most:g} {one.unit} |".replace("  ", " ")
        for one in goals
    ]
    return "\n".join(["| | measured | goal |", "|---|---|---|", *rows])


def _figure(figure: float) -> str:
    return f"{figure:.2f}".rstrip("0").rstrip(".") if figure < 10 else f"{figure:.0f}"


def write_page(goals: list[Goal]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(goals)}\n{END}{after}", encoding="utf-8")


def best(rounds: list[list[Goal]]) -> list[Goal]:
    return [min(same, key=lambda one: one.figure) for same in zip(*rounds, strict=True)]


def main() -> int:
    goals = best([asyncio.run(measure()) for _ in range(ROUNDS)])
    for one in goals:
        print(
            f"{'ok  ' if one.is_reached else 'OVER'} {one.what}: {_figure(one.figure)} {one.unit} (goal: {one.most:g})"
        )
    if "--write-docs" in sys.argv:
        write_page(goals)
    return 0 if all(one.is_reached for one in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
