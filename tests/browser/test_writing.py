"""What helps with writing: completion, emoji, code that was pasted, going back in what one has said."""

import re

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Start, Visit
from tests.browser.test_changes import PHONE, row
from tests.support.browser import Visitor
from tests.support.talker import Talker
from tests.support.thorough import first

COPY = """(data) => {
  document.addEventListener("copy", (event) => {
    for (const [kind, text] of Object.entries(data)) event.clipboardData.setData(kind, text);
    event.preventDefault();
  }, { once: true });
  return document.execCommand("copy");
}"""
CODE = "def f(x):\n    return x\n"


async def pastes(visitor: Visitor, data: dict[str, str]) -> None:
    """What another program has put into the clipboard."""
    assert await visitor.page.evaluate(COPY, data)
    await visitor.box.press("Control+v")


async def has_late_parts(visitor: Visitor) -> None:
    """What comes after the first words is there (late-parts.js); a menu is a part of it, and waits for it."""
    await visitor.page.get_by_role("button", name="Room menu").click()
    await expect(visitor.page.get_by_role("menuitem").first).to_be_visible()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.page.get_by_role("menuitem")).to_have_count(0)


def options(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("listbox").get_by_role("option")


@pytest.mark.parametrize("transport", first(["websocket", "polling"], "polling"))
async def test_names_rooms_emoji_and_commands_are_completed_by_the_keyboard(
    start_server: Start, visit: Visit, transport: str
) -> None:
    server = await start_server(transports=(transport,))
    alice = await visit(server.url, "alice", bypass_csp=True)
    async with (
        Talker(server.url, "Bob Lee", transport=transport) as bob,
        Talker(server.url, "Bobby", transport=transport) as bobby,
    ):
        await bob.join("lobby")
        await bobby.join("lobby")
        await bobby.join("garden")
        await alice.enters("lobby")
        await alice.is_in()
        await alice.box.press_sequentially("hi @bo")
        await expect(options(alice)).to_have_text(["Bob Leeowner", "Bobby"])
        await expect(alice.box).to_have_attribute("aria-activedescendant", "completion-0")
        await expect(options(alice).first).to_have_attribute("aria-selected", "true")
        await alice.box.press("ArrowDown")
        await expect(alice.box).to_have_attribute("aria-activedescendant", "completion-1")
        await alice.box.press("ArrowUp")
        await alice.box.press("Enter")
        await expect(alice.box).to_have_value("hi @Bob Lee ")
        await alice.box.press_sequentially("in #gar")
        await expect(options(alice)).to_have_text(["#garden"])
        await alice.box.press("Tab")
        await expect(alice.box).to_be_focused()
        await alice.box.press_sequentially(":tad")
        await expect(options(alice).first).to_contain_text(":tada:")
        await alice.box.press("Enter")
        await expect(alice.box).to_have_value("hi @Bob Lee in #garden 🎉 ")
        await alice.box.press("Enter")
        told = (await bobby.hears("message"))["message"]
        assert told["text"] == "hi @Bob Lee in #garden 🎉"
        assert {"room": "garden", "words": ["#garden"]} in told["words"]
        await alice.box.press_sequentially("@bob")
        await alice.box.press("Escape")
        await expect(options(alice)).to_have_count(0)
        await alice.box.press_sequentially("by")
        await expect(options(alice)).to_have_count(0), "not again for the same word"
        await alice.box.press("Enter")
        await alice.reads(["hi @Bob Lee in #garden 🎉", "@Bobby"])
        await alice.box.press_sequentially("@bobby")
        await expect(options(alice)).to_have_count(1)
        await alice.box.press("Enter")
        await alice.reads(["hi @Bob Lee in #garden 🎉", "@Bobby", "@Bobby"]), "what is there already is sent"
        await alice.box.press_sequentially("/top")
        await expect(options(alice)).to_have_text(["/topic TEXTset what the room is about"])
        await alice.box.press("Enter")
        await expect(alice.box).to_have_value("/topic ")
        await alice.box.fill("/")
        assert await options(alice).count() > 8
        await alice.box.fill("")
        await expect(options(alice)).to_have_count(0)


async def test_one_taps_a_name_and_an_emoji_on_a_phone(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice", bypass_csp=True, **PHONE)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "look")
        await alice.enters("lobby")
        await alice.box.press_sequentially("@b")
        await options(alice).first.tap()
        await expect(alice.box).to_have_value("@bob ")
        await expect(alice.box).to_be_focused()
        await alice.page.get_by_role("button", name="Emoji", exact=True).tap()
        picker = alice.page.get_by_role("dialog", name="Emoji")
        for button in (await picker.get_by_role("button").all())[:20]:
            box = await button.bounding_box()
            assert box and box["height"] >= 44
        await picker.get_by_role("button", name="grinning face", exact=True).tap()
        await expect(picker).to_be_hidden()
        await expect(alice.box).to_have_value("@bob 😀")
        await row(alice, "look").locator(".message-text").tap()
        await row(alice, "look").get_by_role("button", name="React").tap()
        await row(alice, "look").get_by_role("button", name="Another emoji").tap()
        await picker.get_by_role("searchbox").fill("octopus")
        await picker.get_by_role("button", name="octopus").tap()
        await expect(row(alice, "look").locator(".reaction")).to_have_text("🐙 1")
        await alice.page.get_by_role("button", name="Emoji", exact=True).tap()
        await expect(picker).to_be_visible()
        await alice.page.go_back()
        await expect(picker).to_be_hidden()
        await expect(alice.page).to_have_url(f"{url}/r/lobby")


async def test_emoji_are_chosen_by_keyboard_in_ones_skin_tone_and_remembered(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    opener = alice.page.get_by_role("button", name="Emoji", exact=True)
    picker = alice.page.get_by_role("dialog", name="Emoji")
    keys = alice.page.keyboard
    await alice.box.fill("ab")
    await alice.box.press("ArrowLeft")
    await opener.press("Enter")
    await expect(picker.get_by_role("searchbox")).to_be_focused()
    await picker.get_by_role("button", name=re.compile("Skin tone")).press("Enter")
    await keys.press("ArrowRight")
    await keys.press("Enter")
    await expect(picker.get_by_role("button", name="Skin tone: Light", exact=True)).to_be_focused()
    await keys.press("Shift+Tab")
    await keys.type("waving h")
    await keys.press("ArrowDown")
    await expect(picker.get_by_role("button", name="waving hand")).to_be_focused()
    await keys.press("Enter")
    await expect(picker).to_be_hidden()
    await expect(alice.box).to_have_value("a👋🏻b")
    await expect(alice.box).to_be_focused()
    await alice.page.reload()
    await opener.press("Enter")
    recent = picker.get_by_role("rowgroup", name="Recent").get_by_role("button")
    await expect(recent).to_have_text(["👋🏻"])
    await keys.press("ArrowDown")
    await expect(recent).to_be_focused()
    for key in ("ArrowDown", "ArrowRight", "End", "Home", "ArrowRight"):
        await keys.press(key)
    await expect(picker.get_by_role("button", name="grinning face with big eyes")).to_be_focused()
    for _ in range(6):
        await keys.press("Tab")
        assert await picker.evaluate("(dialog) => dialog.contains(document.activeElement)")
    await picker.get_by_role("button", name="Flags", exact=True).click()
    await expect(picker.get_by_role("button", name="chequered flag")).to_be_in_viewport()
    await picker.get_by_role("searchbox").fill("no such emoji")
    await expect(picker.get_by_role("status")).to_have_text("No emoji has such a name.")
    await keys.press("Escape")
    await expect(picker).to_be_hidden()
    await expect(alice.box).to_be_focused()


async def test_pasted_code_becomes_a_block_where_one_wants_it_and_what_was_said_comes_back(
    url: str, visit: Visit
) -> None:
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    await has_late_parts(alice)
    offer = alice.page.get_by_role("button", name="Paste as code")
    await alice.box.fill("see: ")
    await pastes(alice, {"text/plain": "just\ntwo lines"})
    await expect(offer).to_be_hidden()
    await alice.box.fill("see: ")
    await pastes(alice, {"text/plain": CODE, "vscode-editor-data": '{"mode":"python"}'})
    await expect(alice.box).to_have_value(f"see: {CODE}")
    await offer.click()
    await expect(alice.box).to_have_value(f"see: \n```python\n{CODE}```")
    await expect(offer).to_be_hidden()
    await alice.box.press("Control+z")
    await expect(alice.box).to_have_value(f"see: {CODE}")
    await alice.types(f"see: \n```python\n{CODE}```")
    await expect(alice.said.get_by_role("group", name="Code, python")).to_contain_text("return x")
    await alice.box.fill("")
    await pastes(alice, {"text/plain": CODE})
    await expect(offer).to_be_visible()
    await alice.box.press_sequentially("x")
    await expect(offer).to_be_hidden()
    await alice.box.fill("/me waves")
    await alice.box.press("Enter")
    await expect(alice.said).to_have_count(2)
    await alice.box.fill("a draft")
    for key, text in (
        ("ArrowUp", "/me waves"),
        ("ArrowUp", f"see: \n```python\n{CODE}```"),
        ("ArrowUp", f"see: \n```python\n{CODE}```"),
        ("ArrowDown", "/me waves"),
        ("ArrowDown", "a draft"),
    ):
        await alice.box.press(f"Alt+{key}")
        await expect(alice.box).to_have_value(text)
    await alice.box.fill("line\n" * 60)
    height = await alice.box.evaluate("(box) => box.offsetHeight / innerHeight")
    assert 0.3 < height <= 0.34
