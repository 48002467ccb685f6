"""Who is called is told: in the log, in the lists, by the browser, and while no page is open."""

import re

from playwright.async_api import expect

from app.server import Running
from tests.browser.conftest import Visit
from tests.support.axe import violations
from tests.support.talker import Talker


async def test_a_message_that_calls_me_is_marked_and_can_be_found_again(server: Running, visit: Visit) -> None:
    ann, bob = await visit(server.url, "Ann"), await visit(server.url, "bob")
    await ann.enters("lobby")
    await bob.enters("lobby")
    await bob.says("hello @ann, @everyone")
    await bob.says("hello all")
    called = ann.log.locator(".message.calls-me")
    await expect(called).to_have_count(1)
    await expect(called).to_contain_text("mentions you:")
    await expect(bob.log.locator(".message.calls-me")).to_have_count(0)
    await ann.says("@everyone hello")  # hers is the room
    await expect(bob.log.locator(".message.calls-me")).to_have_count(1)
    async with Talker(server.url, "cid") as cid:
        await cid.join("attic")
        await cid.say("attic", "come here @Ann")
        await bob.page.goto(f"{bob.url}/r/attic")
        await bob.is_in()
        await bob.says("@Ann, look")
    await ann.page.reload()
    await ann.is_in()
    button = ann.page.get_by_role("button", name=re.compile("Mentions"))
    await expect(button.get_by_label("2 new")).to_be_visible()
    await button.click()
    dialog = ann.page.get_by_role("dialog", name="Mentions")
    rows = dialog.get_by_role("listitem")
    await expect(rows).to_have_count(3)
    await expect(rows.first).to_contain_text("@Ann, look")
    assert await violations(ann.page) == []
    await rows.nth(1).get_by_role("button").press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(ann.page).to_have_url(f"{ann.url}/r/attic")
    await expect(ann.log.locator(".message:focus")).to_contain_text("come here @Ann")
    await expect(button.get_by_label("new")).to_be_hidden()
    await ann.page.get_by_role("list", name="Rooms").get_by_role("link", name="lobby").click()
    await expect(ann.room_entry("lobby")).to_have_attribute("aria-current", "page")
    await bob.says("and again @Ann")
    await expect(ann.room_entry("attic").get_by_label("1 mention", exact=True)).to_be_visible()
    await expect(button.get_by_label("1 new")).to_be_visible()
