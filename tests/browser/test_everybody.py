"""All that is on the screen can be used by everybody: axe finds nothing wrong with any page, dialog, menu or picker,
light and dark, wide and on a phone; each opens, keeps the focus and closes by keyboard alone.

What a phone shows is judged with the same person in a second context. Structure does not depend on the colours: in the
dark, colours alone are judged anew. What a phone shows in the same way is judged where it is to be thorough; that
nothing of it is wider than the screen, each time.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, expect
from playwright.async_api import TimeoutError as TooLate

from app.config import Settings
from app.export import export_room
from app.server import Running
from tests.browser.conftest import Start
from tests.browser.test_files import attach, chosen
from tests.browser.test_page import fits
from tests.support import PATIENCE
from tests.support.axe import violations
from tests.support.browser import Visitor
from tests.support.talker import Talker, new_id
from tests.support.thorough import IS_THOROUGH
from tests.support.uploads import picture

WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PASSWORD = "correct horse battery"
SAID = """# not a heading
*one* **two** ~~three~~ `four` @Ann #garden https://example.org/a 🎉
> five
- six
```py
if True:  # seven
```"""


class Walker:
    """One person on one screen. `finds` collects what is wrong, so that one run tells all of it."""

    def __init__(self, who: Visitor, is_phone: bool) -> None:
        self.who, self.page, self.is_phone = who, who.page, is_phone
        self.found: list[str] = []

    async def judge(self, what: str, within: str | None = None) -> None:
        """As it is now, light and dark. within: a part that is the same on a phone."""
        for scheme in self.schemes(within):
            await self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            rules = ["color-contrast"] if scheme == "dark" else None
            wrong = await violations(self.page, within, rules)
            self.found += [f"{what}, {scheme}, {'phone' if self.is_phone else 'wide'}: {one}" for one in wrong]
        await fits(self.page)

    def schemes(self, within: str | None) -> tuple[str, ...]:
        if IS_THOROUGH or not self.is_phone:
            return ("light", "dark")
        return () if within else ("light",)

    async def goes(self, path: str) -> None:
        await self.page.goto(self.who.url + path)

    async def dialog(
        self,
        what: str,
        opener: Locator,
        opens: Callable[[], Awaitable[None]] | None = None,
        back: Locator | None = None,
    ) -> None:
        """opens: where the opener is not simply pressed. back: what has the focus afterwards, where not the opener."""
        await (opens() if opens else opener.press("Enter"))
        one = self.page.get_by_role("dialog")
        await expect(one).to_be_visible()
        await self.judge(what, "[role=dialog]")
        if not self.is_phone:
            await self.keeps_focus(what, one)
        await self.page.keyboard.press("Escape")
        await expect(one).to_have_count(0)
        if not self.is_phone:
            await expect(back or opener).to_be_focused()

    async def form(self, what: str, opener: Locator, opens: Callable[[], Awaitable[None]] | None = None) -> None:
        """In place of the room, where it is a dialog to nobody: what is around it can be reached."""
        await (opens() if opens else opener.press("Enter"))
        await expect(self.who.nickname_box).to_be_visible()
        await self.judge(what, "#doorway")
        await self.page.keyboard.press("Escape")
        await expect(self.who.nickname_box).to_be_hidden()
        if not self.is_phone:
            await expect(opener).to_be_focused()

    async def keeps_focus(self, what: str, one: Locator) -> None:
        """At both ends of what Tab reaches, and after a click beside all of it."""
        if await self.page.locator(".dialog:not([hidden])").count():
            await one.click(position={"x": 6, "y": 6})
        for key in ("Shift+Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab"):
            await self.page.keyboard.press(key)
            if not await one.evaluate("(one) => one.contains(document.activeElement)"):
                self.found.append(f"{what}: {key} leads out of it")

    async def menu(self, what: str, opener: Locator, opens: Callable[[], Awaitable[None]] | None = None) -> list[str]:
        """What it offers. opens: where the opener is not simply pressed."""
        await (opens() if opens else opener.press("Enter"))
        items = self.page.get_by_role("menuitem")
        await expect(items.first).to_be_focused()
        await self.judge(what, "#menu")
        names = await items.all_text_contents()
        await self.page.keyboard.press("Escape")
        await expect(opener).to_be_focused()
        return names

    async def all_of(self, what: str, opener: Locator) -> None:
        """A menu, and each dialog that it leads to."""
        for name in await self.menu(what, opener):
            if name.endswith("…"):

                async def opens(name: str = name) -> None:
                    await opener.press("Enter")
                    await self.page.get_by_role("menuitem", name=name).press("Enter")

                await self.dialog(name, opener, opens)


@asynccontextmanager
async def walker(browser: Browser, url: str, like: Walker | None = None, **options: Any) -> AsyncIterator[Walker]:
    """like: it is the same person."""
    state = {"storage_state": await like.who.context.storage_state()} if like else {}
    who = await Visitor.arrive(browser, url, "Ann", bypass_csp=True, **state, **options)
    yield Walker(who, is_phone="is_mobile" in options)
    assert who.troubles() == []
    await who.context.close()


async def test_pages_can_be_used_by_everybody(start_server: Start, browser: Browser, tmp_path: Path) -> None:
    server = await start_server(operator_password=PASSWORD)
    async with Talker(server.url, "Bob") as bob:
        await fills(bob)
        await bob.join("cellar")
        await bob.ask("settings", {"room": "cellar", "passphrase": "eight or more"})
        await bob.ask("send", {"room": "nowhere", "text": "refused", "id": new_id()})
        export = await exported(server, tmp_path)
        for size in (WIDE, PHONE) if IS_THOROUGH else (WIDE,):
            async with walker(browser, server.url, **size) as ann:
                await looks_at_pages(ann, export)
                assert ann.found == []


async def fills(bob: Talker) -> None:
    await bob.join("lobby")
    await bob.ask("topic", {"room": "lobby", "topic": "Tea"})
    await bob.say("lobby", SAID)
    for verb, more in (("react", {"emoji": "👍", "on": True}), ("edit", {"text": f"{SAID}\nedited"})):
        await bob.ask(verb, {"room": "lobby", "seq": 1} | more)
    await bob.ask("send", {"room": "lobby", "text": "an answer", "id": new_id(), "reply_to": 1})
    await bob.say("lobby", "/me waves")
    await bob.say("lobby", "taken back")
    await bob.ask("delete", {"room": "lobby", "seq": 4})


async def exported(server: Running, folder: Path) -> str:
    """The address of a room's export."""
    page = folder / "lobby.html"
    settings = Settings(data=server.settings.data)  # type: ignore[call-arg]
    page.write_text("".join([piece async for piece in export_room(settings, "lobby", "html")]), encoding="utf-8")
    return page.as_uri()


async def looks_at_pages(ann: Walker, export: str) -> None:
    page = ann.page
    ann.who.forgives_network = True  # /nowhere is not there
    for path in ("/", "/r/lobby", "/r/cellar", "/r/lobby/log", "/nowhere", "/operator"):
        await ann.goes(path)
        await ann.judge(path)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_role("region", name="Rooms used last")).to_be_visible()
    await ann.judge("the operator's page")
    await page.goto(export)
    await ann.judge("an export")
    await ann.goes("/echo")
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.get_by_role("button", name="Send text").click()
    await ann.judge("/echo")
    await ann.goes("/diagnostics")
    await expect(page.get_by_role("button", name="Look again")).to_be_enabled()
    await ann.judge("/diagnostics")
    await ann.goes("/r/cellar")
    await ann.who.nickname_box.fill("Ann")
    await ann.who.nickname_box.press("Enter")
    await expect(page.get_by_role("heading", name="This room has a passphrase")).to_be_visible()
    await ann.judge("the door of a room with a passphrase")


async def test_a_room_and_all_that_opens_in_it_can_be_used_by_everybody_by_keyboard(url: str, browser: Browser) -> None:
    async with walker(browser, url, **WIDE) as ann:
        await ann.who.enters("lobby")
        await ann.who.is_in()
        await ann.judge("an empty room")
        async with Talker(url, "Bob") as bob:
            await fills(bob)
            await bob.ask("open", {"person": await ann.page.evaluate("JSON.parse(localStorage['parlor:person']).id")})
            await ann.who.types("/welcome Be kind.")
            await attach(ann.who, chosen("sky.png", picture("PNG", (500, 900)), "image/png"))
            await ann.who.says("The sky")
            await expect(ann.who.pending).to_have_count(0)
            await expect(ann.who.said).to_have_count(5)
            await walks(ann)
        async with Talker(url, token=bob.token) as bob, walker(browser, url, like=ann, **PHONE) as phone:
            await bob.join("lobby")
            await phone.goes("/r/lobby")
            await expect(phone.who.status).to_contain_text("Connected")
            await reads_larger_text(phone)
            await walks(phone)
    assert [*ann.found, *phone.found] == []


async def walks(ann: Walker) -> None:
    page, box = ann.page, ann.who.box
    await expect(ann.who.log.get_by_role("img", name="The sky")).to_be_visible()
    await ann.judge("a room")
    await ann.all_of("the room's menu", page.get_by_role("button", name="Room menu"))
    await ann.dialog("Search", page.get_by_role("button", name="Search"))
    await aside(ann)
    await on_messages(ann)
    await ann.dialog("Keys", box, lambda: box.press("Control+/"))
    await ann.dialog("Emoji", page.get_by_role("button", name="Emoji", exact=True), lambda: some_emoji(ann), back=box)
    for command in ("/reserve", "/identify Bob"):
        await ann.form(command, box, lambda command=command: ann.who.types(command))  # type: ignore[misc]
    await box.press_sequentially("/t")
    await expect(page.get_by_role("option").first).to_be_visible()
    await attach(ann.who, chosen("oops.png", b"", "image/png"))
    await ann.judge("what is being written", "#composer")
    await page.get_by_role("button", name="Remove oops.png").press("Enter")
    await box.fill("/help")
    await box.press("Enter")
    await ann.judge("a notice", "#notices")
    await page.get_by_role("button", name="Dismiss").last.press("Enter")


async def some_emoji(ann: Walker) -> None:
    """Of two thousand, which axe would compare with each other for minutes."""
    await ann.page.get_by_role("button", name="Emoji", exact=True).press("Enter")
    picker = ann.page.get_by_role("dialog", name="Emoji")
    await picker.get_by_role("searchbox").fill("tea")
    await expect(picker.get_by_role("button", name="teapot")).to_be_visible()


async def reads_larger_text(phone: Walker) -> None:
    """Nothing of it may be wider than a phone."""
    await in_sight(phone)
    await phone.page.get_by_role("button", name="Appearance").click()
    await phone.page.get_by_label("Larger").check()
    await phone.page.keyboard.press("Escape")
    await expect(phone.page.locator("html[data-text=larger]")).to_have_count(1)


async def aside(ann: Walker) -> None:
    """Rooms and people: on a phone in the drawer."""
    page = ann.page
    await in_sight(ann)
    await ann.form("Change nickname", page.get_by_role("button", name="Change nickname"))
    for name in ("Mentions", "Browse rooms", "profile and status", "Appearance"):
        await in_sight(ann)
        await ann.dialog(name, page.get_by_role("button", name=re.compile(name)))
    await in_sight(ann)
    if ann.is_phone:
        await ann.judge("the drawer")
    await ann.all_of("the menu of a person", page.get_by_role("button", name="Actions for Bob"))
    if ann.is_phone:
        await page.keyboard.press("Escape")


async def in_sight(ann: Walker) -> None:
    drawer = ann.page.get_by_role("button", name="Rooms and people")
    if ann.is_phone and await drawer.get_attribute("aria-expanded") == "false":
        await drawer.click()


async def on_messages(ann: Walker) -> None:
    """Their actions, and the picture in front of all."""
    page = ann.page
    said = ann.who.log.locator("#said > li", has_text="an answer")
    more = said.get_by_role("button", name="More")
    for name in await ann.menu("the menu of a message", more, lambda: pressed_in_reach(ann, said, more)):
        if name.endswith("…"):  # the bar of actions goes, and the keyboard is back in the message box

            async def opens(name: str = name) -> None:
                await pressed_in_reach(ann, said, more)
                await page.get_by_role("menuitem", name=name).press("Enter")

            await ann.dialog(name, more, opens, back=ann.who.box)
    react = said.get_by_role("button", name="React")
    await pressed_in_reach(ann, said, react)
    await expect(page.get_by_role("group", name="Reactions")).to_be_visible()
    await ann.judge("Reactions", "#messages")
    await page.keyboard.press("Escape")
    await expect(react).to_be_focused()
    await pressed_in_reach(ann, said, said.get_by_role("button", name="Reply"))
    await ann.judge("a reply", "#composer")
    await page.keyboard.press("Escape")
    await ann.dialog("Picture", ann.who.log.locator("a.message-picture").first)
    if not ann.is_phone:
        await page.get_by_role("region", name="Welcome").get_by_role("button", name="Dismiss").press("Enter")


async def pressed_in_reach(ann: Walker, said: Locator, button: Locator) -> None:
    """Where the bar of actions is about to go, as it does when a dialog has closed, it is called for once more."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(TooLate):
                return await (await in_reach(ann, said, button)).press("Enter", timeout=1_000)


async def in_reach(ann: Walker, said: Locator, button: Locator) -> Locator:
    """One of a message's actions, which are shown where the pointer or the finger is."""
    if not await button.is_visible():
        text = said.locator(".message-text")
        await (text.tap() if ann.is_phone else text.hover())
    return button
