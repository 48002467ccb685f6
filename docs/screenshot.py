"""Makes the pictures of the README: `make screenshot`. A real server, real people, a real browser."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from app.config import Settings
from app.server import Running, start
from tests.support.talker import Talker, new_id

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FONTS = {"fonts-noto-cjk": "674e", "fonts-noto-color-emoji": "1f642"}  # Debian packages, a character that each has
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


async def main() -> None:
    """Exit code 1 where the pictures would have empty boxes for letters."""
    if missing := [package for package, char in FONTS.items() if not _drawn(char)]:
        sys.exit(f"The pictures need fonts that are not here; Debian has them as {', '.join(missing)}.")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(host="127.0.0.1", port=0, data=Path(folder), rate_limit="off")  # type: ignore[call-arg]
        server = await start(settings)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            await _talk(server, browser)
            await browser.close()
        await server.stop()


def _drawn(char: str) -> bool:
    """Has some font this character?"""
    found = subprocess.run(["fc-list", f":charset={char}"], capture_output=True, text=True, check=False)
    return bool(found.stdout)


async def _talk(server: Running, browser: Browser) -> None:
    people = {name: await Talker(server.url, name).__aenter__() for name in dict.fromkeys(name for name, _ in TALK)}
    for one in people.values():
        await one.join("tides")
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
    for one in people.values():
        await one.__aexit__()


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
    asyncio.run(main())
