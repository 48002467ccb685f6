"""The page in other languages than English: chosen without losing what is typed, whole, and from right to left."""

import re
from functools import cache

from babel.messages.pofile import read_po
from playwright.async_api import Locator, Page, expect

from app.languages import FOLDER, translate
from tests.browser.conftest import Visit
from tests.browser.test_page import another_room, enters, fits
from tests.support.browser import Visitor
from tests.support.talker import Talker

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
OF_ROOM = [
    ["#room-menu", f"#menu [data-do={name}]"]
    for name in ("settings", "ownerKey", "programs", "moderation", "notifications")
]
SHOWN = """() => {
  const others = ".message-text, .message-quote-text, bdi, code, kbd, option[lang], script, style"; // what people say
  const found = [];
  for (const element of document.querySelectorAll("body, body *")) {
    if (element.closest(others) || !element.getClientRects().length) continue;
    for (const name of ["title", "aria-label", "placeholder"]) found.push(element.getAttribute(name));
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
  }
  const plain = (text) => (text ?? "").replace(/[\\u2066-\\u2069]/g, "").replace(/\\s+/g, " ").trim();
  return found.map(plain).filter(Boolean);
}"""

ROOM_FOR_WORDS = """(box) => {
  const look = getComputedStyle(box);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = look.font;
  const room = box.clientWidth - parseFloat(look.paddingLeft) - parseFloat(look.paddingRight);
  return [room, pen.measureText(box.placeholder).width];
}"""


@cache
def sentences(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Those in English that have a translation which reads otherwise; and the translations."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        messages = [one for one in read_po(file, locale=language) if one.id]
    english, theirs = [], []
    for one in messages:
        keys, texts = (one.id, one.string) if isinstance(one.id, tuple) else ((one.id,), (one.string,))
        if all(texts):
            theirs += texts
            english += [
                key for key in keys if key not in texts and len(re.sub(r"\{\w+\}|\W", "", key)) >= 4 + 4 * ("{" in key)
            ]
    return _any_of(english), _any_of(theirs)


def _any_of(texts: list[str]) -> re.Pattern[str]:
    forms = (
        "".join(".+" if at % 2 else re.escape(part) for at, part in enumerate(re.split(r"\{(\w+)\}", one)))
        for one in texts
    )
    return re.compile("|".join(f"(?:{form})" for form in forms) or r"(?!)")


async def is_all_in(language: str, page: Page) -> None:
    english, theirs = sentences(language)
    shown = await page.evaluate(SHOWN)
    assert [text for text in shown if english.fullmatch(text) and not theirs.fullmatch(text)] == []


async def comes_to(visitor: Visitor, language: str) -> Page:
    page = visitor.page
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator("#message")).to_be_editable()
    await expect(page.locator("#chip")).to_have_attribute("data-state", "connected")
    return page


async def chooses(page: Page, language: str, key: str) -> None:
    """And leaves the dialog by that key."""
    await page.locator("#appearance").click()
    await page.locator("#look-language").select_option(language)
    await page.locator("#look-dialog [type=submit]").press(key)


async def test_another_language_is_chosen_and_nothing_typed_is_lost(url: str, visit: Visit) -> None:
    ann = await enters(visit, url, "ann")
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "hello")
        await ann.box.fill("half a sentence")
        await another_room(ann.page).fill("half a roo")
        await chooses(ann.page, "de", "Enter")
        page = await comes_to(ann, "de")
        await expect(page.locator("#message")).to_have_value("half a sentence")
        await expect(page.locator("#another-room input")).to_have_value("half a roo")
        await expect(page.locator("#message")).to_have_attribute(
            "placeholder", translate("de", "Message {room}", {"room": "#lobby"})
        )
        await expect(page.locator(".message-day")).to_have_text(translate("de", "Today"))
        await bob.ask("typing", {"room": "lobby"})
        await expect(page.locator("#typing")).to_have_text(translate("de", "{names} is typing", {"names": "bob"}))
        await page.locator("#message").press("Enter")
        await expect(page.locator("#said .message-text").last).to_have_text("half a sentence")
    await ann.context.clear_cookies(name="parlor_look")  # as some browsers do after a week
    await page.reload()
    await comes_to(ann, "de")
    await page.locator("#message").fill("/nobody knows this")
    await page.locator("#message").press("Enter")
    unknown = translate("de", "There is no command /{name}. Write /help for those there are.", {"name": "nobody"})
    await expect(page.locator("#composer-sentence")).to_have_text(unknown)
    await is_all_in("de", page)
    await page.locator("#message").fill("/help")
    await page.locator("#message").press("Enter")
    await is_all_in("de", page)
    for buttons in (["#search-button"], ["#appearance"], ["#self-card"], *OF_ROOM):
        for button in buttons:
            await page.locator(button).click()
        await expect(page.locator(".dialog:not([hidden])")).to_be_visible()
        await is_all_in("de", page)
        await page.keyboard.press("Escape")
        await expect(page.locator(".dialog:not([hidden])")).to_have_count(0)
    await page.locator("#room-menu").click()
    await is_all_in("de", page)
    await page.keyboard.press("Escape")
    await chooses(page, "", "Escape")
    await comes_to(ann, "en")
    await expect(ann.box).to_have_attribute("placeholder", "Message #lobby")


async def test_the_box_for_another_room_shows_the_whole_of_its_words(url: str, visit: Visit) -> None:
    ann = await visit(url, "ann")
    await ann.enters("lobby")
    for language in ("de", "es", "fr", "ar", "en"):
        await chooses(ann.page, language, "Enter")
        await comes_to(ann, language)
        room, words = await ann.page.locator("#another-room input").evaluate(ROOM_FOR_WORDS)
        assert words <= room, language


async def test_before_one_is_in_a_language_is_chosen_at_the_foot_of_the_page(url: str, visit: Visit) -> None:
    """With what is typed by then; and it is the choice that the dialog shows later."""
    ann = await visit(url, "ann")
    page = ann.page

    async def presses(language: str) -> None:
        await page.locator(f"#languages [value={language}]").click()
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.locator("#languages [aria-current]")).to_have_attribute("lang", language)
        await is_all_in(language, page)

    await page.goto(url)
    await page.locator("#nickname").fill("half a name")
    await page.locator("#room").fill("half a roo")
    await page.locator("#listed").uncheck()
    await presses("ar")
    await expect(page.locator("#nickname")).to_have_value("half a name")
    await expect(page.locator("#room")).to_have_value("half a roo")
    await expect(page.locator("#listed")).not_to_be_checked()
    await expect(page.locator("#listed-hint")).to_have_text(
        translate("ar", "Its name gets an end that nobody guesses. Whoever has its address may come in.")
    )
    await page.goto(f"{url}/r/lobby")
    await presses("fr")  # by the server: nothing was typed
    await page.locator("#nickname").fill("half a name")
    await presses("de")
    await expect(page.locator("#nickname")).to_have_value("half a name")
    await page.locator("#nickname").press("Enter")
    await comes_to(ann, "de")
    await page.locator("#appearance").click()
    await expect(page.locator("#look-language")).to_have_value("de")
    await page.locator("#look-dialog [value=dark]").check()
    await page.reload()
    await comes_to(ann, "de")
    await page.goto(url)
    await presses("es")
    await page.goto(f"{url}/r/lobby")
    await comes_to(ann, "es")


async def test_in_arabic_the_page_runs_from_right_to_left(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        for text in ("hello", "مرحبا بالجميع"):
            await bob.say("lobby", text)
        laila = await visit(url, "ليلى", locale="ar-EG", viewport=WIDE)
        page = laila.page
        await page.goto(f"{url}/r/lobby")
        await page.locator("#nickname").fill("ليلى")
        await page.locator("#nickname").press("Enter")
        await comes_to(laila, "ar")
        box, rows = page.locator("#message"), page.locator("#said .message")
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        await expect(box).to_have_css("direction", "rtl")
        for nth, direction in enumerate(("ltr", "rtl")):
            await expect(rows.nth(nth).locator(".message-text")).to_have_css("direction", direction)
        await is_left_of(page.locator("#messages"), page.locator("#rooms"))
        await is_left_of(rows.first.locator(".message-author"), rows.first.locator(".avatar"))
        await rows.nth(1).hover()
        bar = rows.nth(1).locator(".tools button:visible")
        await bar.first.focus()
        await page.keyboard.press("ArrowLeft")
        await expect(bar.nth(1)).to_be_focused()
        await is_left_of(bar.nth(1), bar.first)
        await page.keyboard.press("ArrowRight")
        await expect(bar.first).to_be_focused()
        await rows.nth(1).locator("[data-do=more]").click()
        menu = page.locator("#menu")
        await expect(menu).to_be_visible()
        await is_all_in("ar", page)
        place = await menu.bounding_box()
        assert place and place["x"] >= 0 and place["x"] + place["width"] <= WIDE["width"]
        await page.keyboard.press("Escape")
        await page.locator("#emoji").click()
        await expect(page.locator(".emoji-name")).to_have_text("😀 وجه بابتسامة عريضة :grinning:")
        await page.locator(".emoji-search").fill("قلب أحمر")
        await expect(page.locator(".emoji-grid button").first).to_have_accessible_name("قلب أحمر")
        await page.keyboard.press("Escape")
        await fits(page)
        await page.set_viewport_size(NARROW)
        await fits(page)
        await page.locator("#drawer-button").click()
        await expect(page.locator("#drawer")).to_be_in_viewport()
        drawer = await page.locator("#drawer").bounding_box()
        assert drawer and drawer["x"] + drawer["width"] == NARROW["width"], "it comes from the side of its button"
        await is_all_in("ar", page)
        await fits(page)


async def is_left_of(one: Locator, other: Locator) -> None:
    first, second = await one.bounding_box(), await other.bounding_box()
    assert first and second and first["x"] < second["x"]
