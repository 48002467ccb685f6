"""Makes the pictures of the README, docs/tour.md and docs/moderation.md: `make screenshot`. A real server, real people, a
real browser.

`python -m docs.screenshot tour moderation` makes those of these pages alone, which need no fonts of their own.
"""

import asyncio
import io
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.async_api import Browser, Page, async_playwright

from app.config import Settings
from app.server import Running, start
from tests.support.talker import Talker, new_id
from tests.support.uploads import Uploader

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FONTS = {"fonts-noto-cjk": "674e", "fonts-noto-color-emoji": "1f642"}  # Debian packages, a character that each has
PASSWORD = "only for these pictures"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

TALK = [
    ("Mira", "Good morning! The slides for today are at https://example.org/tides/week-7"),
    ("Mira", "We start with the tide tables, then the harbour model."),
    ("Jonas", "Morning. Is the model the one with the two basins?"),
    ("Mira", "That one, yes. With the sluice open this time."),
    ("Dr. Okafor", "I will bring the measurements from Tuesday. They do not agree with the model at all 🙂"),
    ("Jonas", "/me prepares for an interesting hour"),
    (
        "李娜",
        "早上好 — I am on the train, on the phone. Every tunnel cuts me off, and everything is here when I am back.",
    ),
    ("Mira", "That is what it is for."),
]

ANSWERS = {4: 3}  # message -> the one that it answers
REACTIONS = [("Jonas", 5, "👀"), ("Mira", 5, "👀"), ("李娜", 5, "🌊"), ("Mira", 7, "👍")]


async def main(chosen: list[str]) -> None:
    """chosen: the pages; none: all of them. Exit code 1 where the pictures would have empty boxes for letters."""
    if not chosen and (missing := [package for package, char in FONTS.items() if not _drawn(char)]):
        sys.exit(f"The pictures need fonts that are not here; Debian has them as {', '.join(missing)}.")
    with tempfile.TemporaryDirectory() as folder:
        operator: dict[str, Any] = {"operator_password": PASSWORD}
        settings = Settings(host="127.0.0.1", port=0, data=Path(folder), rate_limit="off", **operator)
        server = await start(settings)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            if not chosen:
                await _talk(server, browser)
            for page, make in {"tour": _tour, "moderation": _moderation}.items():
                if not chosen or page in chosen:
                    await make(server, browser)
            await browser.close()
        await server.stop()


def _drawn(char: str) -> bool:
    """Has some font this character?"""
    found = subprocess.run(["fc-list", f":charset={char}"], capture_output=True, text=True, check=False)
    return bool(found.stdout)


async def _talk(server: Running, browser: Browser) -> None:
    people = await _gather(server, TALK, "tides")
    await people["Mira"].ask("topic", {"room": "tides", "topic": "Coastal engineering, Thursdays at nine"})
    for room in ("lobby", "canteen"):
        await people["Jonas"].join(room)
        await people["Jonas"].say(room, "Anybody here?")
    for nth, (name, text) in enumerate(TALK, 1):
        answered = {"reply_to": ANSWERS[nth]} if nth in ANSWERS else {}
        await people[name].ask("send", {"room": "tides", "text": text, "id": new_id(), **answered})
    for name, seq, emoji in REACTIONS:
        await people[name].ask("react", {"room": "tides", "seq": seq, "emoji": emoji, "on": True})
    await _picture(server, browser, "Ann", "light", WIDE, "room-light")
    await _picture(server, browser, "Beatriz", "dark", WIDE, "room-dark")
    await _picture(server, browser, "Chidi", "light", PHONE, "room-phone")
    await _part(people)


CURVE = [
    ("Sanne", "The gauge at the old lock has worked since Monday."),
    ("Pieter", "Does the model follow the gauge now?"),
    ("Sanne", "Closer than last week. The curve of the night, and the tables:"),
]


IN_ARABIC = [
    ("ليلى", "صباح الخير! هل بدأت القراءة الجديدة للمقياس؟"),
    ("Tessa", "Since Monday. I have put the tables at https://example.org/gauges"),
    ("كريم", "شكرًا لكِ، أراها الآن. المنحنى أقرب من الأسبوع الماضي."),
    ("ليلى", "ممتاز. نلتقي في التاسعة عند القفل القديم."),
]


async def _tour(server: Running, browser: Browser) -> None:
    """Files, a search, a conversation of two, a page from right to left, and the operator's page."""
    people = await _gather(server, CURVE, "gauges")
    sanne = people["Sanne"]
    await sanne.ask("topic", {"room": "gauges", "topic": "Every gauge on the coast"})
    for name, text in CURVE:
        await people[name].say("gauges", text)
    files = Uploader(server.url, sanne.token)
    for content, file_name in ((_curve(), "night-curve.png"), (b"%PDF-1.7" + bytes(180_000), "tide-tables.pdf")):
        file = await files.stored(content, file_name)
        await sanne.ask("send", {"room": "gauges", "text": "", "id": new_id(), "file": file["id"]})
    leila = await _enters(server, browser, "Leila", WIDE, "gauges")
    await leila.locator("a.message-picture img").first.wait_for()
    await _shoot(leila, "tour-files")
    await leila.get_by_role("button", name="Search").click()
    await leila.get_by_label("Search for").fill("gauge")
    await leila.get_by_role("dialog").get_by_role("listitem").first.wait_for()
    await _shoot(leila, "tour-search")
    await leila.keyboard.press("Escape")
    person = await leila.evaluate("JSON.parse(localStorage['parlor:person']).id")
    await sanne.ask("open", {"person": person})
    await sanne.join(f"@{person}")
    await sanne.say(f"@{person}", "May I show your notes on the lock to Pieter?")
    await leila.get_by_role("list", name="Direct messages").get_by_role("link").click()
    await leila.get_by_text("May I show your notes").wait_for()
    await _commands(leila, "Of course. The second page is the one that he needs.")
    await _shoot(leila, "tour-direct")
    await leila.goto(f"{server.url}/operator")
    await leila.get_by_label("Password").fill(PASSWORD)
    await leila.get_by_role("button", name="Open").click()
    await leila.get_by_role("region", name="Rooms used last").wait_for()
    await _shoot(leila, "tour-operator")
    await leila.context.close()
    await _part(people)
    await _tour_in_arabic(server, browser)


async def _tour_in_arabic(server: Running, browser: Browser) -> None:
    people = await _gather(server, IN_ARABIC, "harbour-talk")
    for name, text in IN_ARABIC:
        await people[name].say("harbour-talk", text)
    nour = await _enters(server, browser, "نور", WIDE, "harbour-talk", locale="ar")
    await _shoot(nour, "tour-arabic")
    await nour.context.close()
    await _part(people)


def _curve() -> bytes:
    """Two tides, as a gauge draws them."""
    picture = Image.new("RGB", (960, 420), "#f4f1ea")
    pen = ImageDraw.Draw(picture)
    for y in range(60, 420, 60):
        pen.line([(0, y), (960, y)], "#ddd6c8", 2)
    for shift, colour, width in ((0.0, "#1f6f78", 6), (0.25, "#c8743a", 4)):
        pen.line([(x, 210 + 140 * math.sin(x / 76 + shift)) for x in range(0, 960, 4)], colour, width, "curve")
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()


HARBOUR = [
    ("Henrik", "The sluice opens at ten, if the wind allows it."),
    ("Best Offers", "CHEAP WATCHES, CHEAP BAGS, click here"),
    ("Best Offers", "CHEAP WATCHES, CHEAP BAGS, last chance"),
    ("Ines", "Can somebody stop this, please?"),
]


async def _moderation(server: Running, browser: Browser) -> None:
    owner = await _enters(server, browser, "Tomasz", WIDE)
    people = await _gather(server, HARBOUR, "harbour")
    for name, text in HARBOUR:
        await people[name].say("harbour", text)
    await people["Ines"].ask("report", {"room": "harbour", "seq": 2, "text": "advertising"})
    visitor = await _enters(server, browser, "Watch Shop", PHONE)
    await _commands(owner, "/mod Ines")
    await owner.locator(".notice").first.get_by_role("button", name="Dismiss").click()
    await owner.locator("#said .message", has_text="last chance").hover()
    await owner.get_by_role("button", name="More").click()
    await _shoot(owner, "moderation-menu")
    await owner.get_by_role("menuitem", name="Ban…").click()
    await owner.get_by_label("Reason").fill("advertising")
    await _shoot(owner, "moderation-ban")
    await owner.keyboard.press("Enter")
    await owner.get_by_text("Best Offers is banned").wait_for()
    await _commands(owner, "/ban Watch Shop 2h advertising")
    await visitor.get_by_role("form", name="You are banned from this room").wait_for()
    await _shoot(visitor, "moderation-banned")
    await _commands(owner, "/settings")
    await owner.get_by_role("textbox", name="Topic").fill("The harbour model")
    await owner.get_by_label("Welcome text").fill("Questions are welcome, advertisements are not.")
    await _shoot(owner, "moderation-settings")
    await owner.get_by_role("button", name="Save").click()
    await _commands(owner, "/invite")
    await owner.get_by_role("button", name="Make a link").click()
    await owner.get_by_alt_text("QR code of the link").wait_for()
    await _shoot(owner, "moderation-invite")
    await owner.keyboard.press("Escape")
    await _commands(owner, "/moderation")
    await owner.get_by_role("tab", name="Log").click()
    await owner.get_by_text("made an invite link").wait_for()
    await _shoot(owner, "moderation-log")
    for page in (owner, visitor):
        await page.context.close()
    await _part(people)


async def _gather(server: Running, talk: list[tuple[str, str]], room: str) -> dict[str, Talker]:
    """Those who will say this, in the room, in the order in which they speak first."""
    people = {name: await Talker(server.url, name).__aenter__() for name in dict.fromkeys(name for name, _ in talk)}
    for one in people.values():
        await one.join(room)
    return people


async def _part(people: dict[str, Talker]) -> None:
    for one in people.values():
        await one.__aexit__()


async def _enters(
    server: Running, browser: Browser, nickname: str, size: dict[str, int], room: str = "harbour", locale: str = "en-GB"
) -> Page:
    how: dict[str, Any] = {"viewport": size, "device_scale_factor": 1, "reduced_motion": "reduce", "locale": locale}
    context = await browser.new_context(**how)
    page = await context.new_page()
    await page.goto(f"{server.url}/r/{room}")
    await page.locator("#nickname").fill(nickname)
    await page.keyboard.press("Enter")
    await page.locator("#log-start").wait_for()
    return page


async def _commands(page: Page, command: str) -> None:
    await page.get_by_role("textbox", name="Message").fill(command)
    await page.keyboard.press("Enter")


async def _shoot(page: Page, name: str) -> None:
    await page.wait_for_timeout(700)  # lists of people and notices settle
    await page.screenshot(path=HERE / f"{name}.png")


async def _picture(
    server: Running, browser: Browser, nickname: str, scheme: str, size: dict[str, int], name: str
) -> None:
    context = await browser.new_context(color_scheme=scheme, viewport=size, device_scale_factor=1.5)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{server.url}/r/tides")
    await page.get_by_role("textbox", name="Nickname").fill(nickname)
    await page.keyboard.press("Enter")
    await page.get_by_text("That is what it is for.").wait_for()
    await page.get_by_role("textbox", name="Message").fill("So the tunnels are part of the experiment?")
    await page.wait_for_timeout(700)  # the list of people settles
    await page.screenshot(path=HERE / f"{name}.png")
    await context.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
