"""Bots and hooks of a room in a real browser: an owner lets programs in, and everybody sees that they are programs."""

from playwright.async_api import Locator, Page, expect

from app.server import Running
from tests.browser.conftest import Visit
from tests.browser.test_moderation import dialog, row
from tests.conftest import Start
from tests.support.axe import violations
from tests.support.browser import Visitor
from tests.support.http import Asker
from tests.support.receiver import Receiver
from tests.support.talker import Talker


async def owner_of_lobby(visit: Visit, url: str) -> Visitor:
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    await expect(row(alice, "alice").locator(".role-mark")).to_have_attribute("data-role", "owner")
    return alice


async def opens_programs(owner: Visitor) -> None:
    await owner.page.locator("#room-menu").click()
    await owner.page.get_by_role("menuitem", name="Bots and hooks…").click()
    await expect(dialog(owner, "Bots and hooks of #lobby")).to_be_visible()


def message(visitor: Visitor, text: str) -> Locator:
    return visitor.page.locator("#said .message", has_text=text)


async def secret(page: Page, label: str) -> str:
    return await page.get_by_label(label, exact=True).input_value()


async def test_an_owner_lets_a_bot_in_by_keyboard_and_everybody_sees_that_it_is_one(
    server: Running, visit: Visit
) -> None:
    alice = await owner_of_lobby(visit, server.url)
    await opens_programs(alice)
    page = alice.page
    await expect(page.get_by_text("No program is in this room yet.")).to_be_visible()
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("Which name is it to bear?")).to_be_visible()
    await expect(page.get_by_label("Name of the bot")).to_be_focused()
    await page.keyboard.type("build")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Copy token")).to_be_focused()
    token = await secret(page, "Token")
    assert token.startswith("parlor-bot-")
    await expect(page.get_by_role("listitem").filter(has_text="build · a bot")).to_be_visible()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(dialog(alice, "Bots and hooks of #lobby")).to_be_hidden()
    assert token not in await page.content(), "a secret does not stay in the page"
    async with Asker(server.url, token) as script, Talker(server.url, token=token) as socket:
        await script.ask("send", {"room": "lobby", "text": "it is green"})
        await socket.join("lobby")
        said = message(alice, "it is green")
        await expect(said.locator(".role-mark")).to_have_attribute("data-role", "bot")
        await expect(row(alice, "build").locator(".role-mark")).to_have_attribute("data-role", "bot")
        await opens_programs(alice)
        await page.get_by_role("button", name="Remove build").click()
        await expect(page.get_by_text("Remove for good")).to_be_visible()
        await page.get_by_role("button", name="Remove build").click()
        await expect(page.get_by_text("No program is in this room yet.")).to_be_visible()
        assert (await script.post("rooms")).status == 401
    assert alice.troubles() == []


async def test_hooks_both_ways_are_made_and_removed_in_the_dialog(start_server: Start, visit: Visit) -> None:
    server = await start_server(hook_private=True)
    alice = await owner_of_lobby(visit, server.url)
    page = alice.page
    async with Receiver() as receiver, Asker(server.url) as script:
        await opens_programs(alice)
        await page.get_by_label("A hook that posts here").check()
        await page.get_by_role("button", name="Add", exact=True).click()
        address = await secret(page, "Address to post to")
        await script.send("POST", address.removeprefix(server.url), json={"text": "by a hook", "nickname": "ci"})
        await expect(message(alice, "by a hook").locator(".role-mark")).to_have_attribute("data-role", "bot")
        await page.get_by_label("A hook that gets what is said").check()
        await page.get_by_label("Deliver to").fill("http://example.org:22/")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_text("nothing is delivered to port 22")).to_be_visible()
        await expect(page.get_by_label("Deliver to")).to_have_value("http://example.org:22/")
        await page.get_by_label("Deliver to").fill(receiver.url)
        await page.get_by_label("Name of the hook").fill("relay")
        await page.get_by_role("button", name="Add", exact=True).click()
        signing = await secret(page, "Signing secret")
        assert await violations(page) == []
        await expect(page.get_by_role("listitem").filter(has_text="relay · delivers to")).to_be_visible()
        await page.get_by_role("button", name="Close").click()
        await alice.says("is it delivered?")
        await receiver.takes(lambda: receiver.taken)
        assert receiver.verified(signing)[0]["data"]["message"]["text"] == "is it delivered?"
    assert alice.troubles() == []
