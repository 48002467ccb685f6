"""Who somebody is: their card, their status, whether they are away; and one's own."""

from playwright.async_api import Locator, expect

from app.server import Running
from tests.browser.conftest import Visit
from tests.support.browser import Visitor
from tests.support.talker import Talker, until


def row(visitor: Visitor, nickname: str) -> Locator:
    return visitor.people.filter(has_text=nickname)


async def test_a_status_is_set_on_ones_own_card_and_seen_on_it_and_in_the_list(server: Running, visit: Visit) -> None:
    ann, bob = await visit(server.url, "Ann"), await visit(server.url, "bob")
    await ann.enters("lobby")
    await bob.enters("lobby")
    await ann.says("hello")
    await ann.page.get_by_role("button", name="your profile and status").click()
    card = ann.page.get_by_role("dialog", name="Ann")
    await expect(card).to_contain_text("Here since")
    await card.get_by_label("Your status").fill("out for lunch")
    await card.get_by_label("Until").select_option("in 1 hour")
    await card.get_by_label("Others may see").check()
    await card.get_by_label("Your status").press("Enter")
    await expect(card).to_be_hidden()
    await expect(ann.page.locator("#self-status")).to_have_text("out for lunch")
    await expect(row(bob, "Ann")).to_contain_text("out for lunch")
    await bob.log.locator(".message-author", has_text="Ann").click()
    card = bob.page.get_by_role("dialog", name="Ann")
    await expect(card).to_contain_text("out for lunch")
    await expect(card).to_contain_text("owner")
    await card.get_by_role("button", name="Mention").click()
    await expect(card).to_be_hidden()
    await expect(bob.box).to_have_value("@Ann ")
    await bob.box.fill("")
    await bob.page.get_by_role("button", name="Actions for Ann").press("Enter")
    await bob.page.get_by_role("menuitem", name="Profile…").press("Enter")
    await card.get_by_role("button", name="Ignore").press("Enter")
    await expect(row(bob, "Ann")).to_contain_text("ignored")
    await ann.page.reload()
    await ann.is_in()
    await ann.page.get_by_role("button", name="your profile and status").click()
    await expect(ann.page.get_by_label("Your status")).to_have_value("out for lunch")
    await expect(ann.page.get_by_label("Others may see")).to_be_checked()
    await ann.page.get_by_label("Your status").fill("x" * 100)
    await ann.page.get_by_role("button", name="Clear the status").click()
    await expect(ann.page.locator("#self-status")).to_be_hidden()


async def test_the_list_says_who_is_away_and_whose_name_is_reserved(server: Running, visit: Visit) -> None:
    ann = await visit(server.url, "Ann", viewport={"width": 390, "height": 844}, has_touch=True)
    await ann.enters("lobby")
    await until(lambda: server.chat.presence.rooms.count("lobby") == 1)  # the first, and so the owner
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        await bob.ask("reserve", {"passphrase": "a passphrase that is long"})
        await bob.ask("away", {"on": True})
        await ann.page.get_by_role("button", name="Rooms and people").tap()
        await expect(row(ann, "bob")).to_contain_text("away")
        await expect(row(ann, "bob").get_by_role("img", name="reserved name")).to_be_visible()
        more = await row(ann, "bob").get_by_role("button", name="Actions for bob").bounding_box()
        whole = await row(ann, "bob").bounding_box()
        assert more and whole and whole["x"] + whole["width"] - more["x"] - more["width"] < 20, "at the end of the row"
        await row(ann, "bob").locator(".person-nickname").tap()
        card = ann.page.get_by_role("dialog", name="bob")
        await expect(card).to_contain_text("reserved name")
        await expect(card).to_contain_text("Away")
        await bob.ask("away", {"on": False})
        await expect(card.get_by_text("Away", exact=True)).to_be_hidden()
        await card.get_by_role("button", name="Mute…").tap()
        await expect(ann.page.get_by_role("dialog", name="Mute bob")).to_be_visible()
        await ann.page.keyboard.press("Escape")
        await expect(row(ann, "bob")).not_to_contain_text("away")


async def test_an_open_card_follows_the_person_and_what_one_may_do(server: Running, visit: Visit) -> None:
    async with Talker(server.url, "cat") as cat, Talker(server.url, "bob") as bob:
        await cat.join("lobby")  # the owner
        await bob.join("lobby")
        ann = await visit(server.url, "Ann")
        await ann.enters("lobby")
        everybody = {one["nickname"]: one["id"] for one in (await cat.ask("people", {"room": "lobby"}))["people"]}
        await cat.ask("appoint", {"room": "lobby", "person": everybody["Ann"], "role": "moderator"})
        await row(ann, "bob").locator(".person-nickname").click()
        card = ann.page.get_by_role("dialog")
        mute = card.get_by_role("button", name="Mute…")
        await expect(mute).to_be_enabled()
        await bob.ask("rename", {"nickname": "bert"})
        await expect(card.get_by_role("heading", name="bert")).to_be_visible()
        await bob.ask("status", {"text": "at lunch"})
        await expect(card).to_contain_text("at lunch")
        await bob.ask("status", {"text": "", "last_seen": True})
        await expect(card).not_to_contain_text("at lunch")
        await cat.ask("appoint", {"room": "lobby", "person": everybody["bob"], "role": "moderator"})
        await expect(card.locator(".card-mark", has_text="moderator")).to_be_visible()
        await expect(mute).to_be_disabled()
        await cat.ask("appoint", {"room": "lobby", "person": everybody["bob"], "role": None})
        await expect(mute).to_be_enabled()
        await bob.client.disconnect()
        await expect(card).to_contain_text("Seen last")
        await mute.click()
        await expect(ann.page.get_by_role("dialog", name="Mute bert")).to_be_visible()
