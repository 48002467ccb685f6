"""What is typed goes out as typed, and what is told about names, in a real browser."""

from playwright.async_api import expect

from app.server import Running
from tests.browser.conftest import Visit
from tests.support.talker import Talker

CODE = "    if x:\n        y()"


async def test_the_first_line_keeps_its_indentation_said_and_edited(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.page.goto(f"{url}/r/lobby")
    await alice.page.get_by_role("textbox", name="Nickname").fill("alice")
    await alice.page.get_by_role("textbox", name="Nickname").press("Enter")
    await expect(alice.box).to_be_editable()
    send = alice.page.get_by_role("button", name="Send")
    for nothing in ("\u200b", "\u2800", "/me \u3164", "\n\n"):
        await alice.box.fill(nothing)
        await expect(send).to_be_disabled()
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await alice.box.fill(f"\n\n{CODE}\n")
        await alice.box.press("Enter")
        told = await bob.hears("message")
        assert told["message"]["text"] == CODE
        await expect(alice.box).to_have_value("")
        await expect(alice.said).to_have_count(1)  # bob may be told first
        await alice.box.press("ArrowUp")
        await expect(alice.box).to_have_value(CODE)
        await alice.box.fill(f"{CODE}\n        z()")
        await alice.box.press("Enter")
        told = await bob.hears("message", lambda event: "edited" in event["message"])
        assert told["message"]["text"] == f"{CODE}\n        z()"
        await expect(alice.box).to_have_value("")


async def test_the_dialog_tells_whose_a_name_is(server: Running, url: str, visit: Visit) -> None:
    async with Talker(url, "carol") as carol:
        await carol.ask("reserve", {"passphrase": "correct horse battery"})
    async with Talker(url, "ann"):
        pass
    alice = await visit(url, "alice")
    await alice.page.goto(f"{url}/r/lobby")
    box, sentence = alice.page.get_by_role("textbox", name="Nickname"), alice.page.locator("#door-sentence")
    for name, told in (
        ("Everyone", "nobody's name"),
        ("Carol", "“Carol” looks like “carol”, which is reserved."),
        ("ann", "“ann” is kept for somebody who left"),
    ):
        await box.fill(name)
        await box.press("Enter")
        await expect(sentence).to_contain_text(told)
