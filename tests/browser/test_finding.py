"""Found and found again: search, links to messages, conversations of two, what is unread, the directory, the topic."""

import re

import pytest
from playwright.async_api import FloatRect, Locator, Page, expect

from app.server import Running
from tests.browser.conftest import Visit
from tests.browser.test_changes import press, row
from tests.conftest import Start
from tests.support.axe import violations
from tests.support.browser import Visitor
from tests.support.mounted import TRANSPORTS
from tests.support.talker import Talker, new_id
from tests.support.thorough import first
from tests.support.uploads import Uploader

LOOKS = {
    "wide": {"viewport": {"width": 1280, "height": 800}},
    "dark-phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True},
}


async def with_file(url: str, room: str, name: str) -> None:
    """Somebody has sent a file, without a word."""
    async with Talker(url, "Cid") as cid:
        await cid.join(room)
        file = await Uploader(url, cid.token).stored(b"the minutes", name)
        await cid.ask("send", {"room": room, "id": new_id(), "file": file["id"]})


async def fill(url: str, *rooms: str, count: int = 1) -> None:
    """Rooms with `count` messages each; the third one is about a hedgehog."""
    async with Talker(url, "Ann") as ann:
        for room in rooms:
            await ann.join(room)
            for nth in range(1, count + 1):
                await ann.say(room, f"a hedgehog in {room}" if nth == 3 else f"number {nth}")


def dialog(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name=name)


def entry(visitor: Visitor, nickname: str) -> Locator:
    return visitor.page.get_by_role("list", name="Direct messages").get_by_role("link", name=nickname)


async def in_sight(visitor: Visitor, seq: int) -> None:
    await expect(visitor.log.locator(f'#said > [data-seq="{seq}"]')).to_be_in_viewport()


@pytest.mark.parametrize("look", first(LOOKS, "dark-phone"))
async def test_what_was_said_is_found_and_leads_far_back(server: Running, visit: Visit, look: str) -> None:
    await fill(server.url, "attic", "lobby", count=230)
    await with_file(server.url, "attic", "Minutes_of_march.txt")
    bob = await visit(server.url, "bob", bypass_csp=True, **LOOKS[look])
    page = bob.page
    await bob.enters("attic")
    await page.goto(f"{server.url}/r/lobby")
    await expect(bob.said.last).to_have_text("number 230")
    await bob.box.fill("not sent yet")
    await page.keyboard.press("Control+k")
    found = dialog(page, "Search")
    await expect(page.get_by_label("Search for")).to_be_focused()
    await page.keyboard.type("hedge")
    await expect(found.get_by_role("status")).to_contain_text("1 found")
    await expect(found.locator("mark")).to_have_text(["hedgehog"])
    await expect(found.get_by_role("listitem")).to_contain_text(["Ann in #lobby"])
    await found.get_by_label("Where").select_option("all")
    await expect(found.get_by_role("listitem")).to_have_count(2)
    assert await violations(page) == []
    await page.get_by_label("Search for").fill("minutes")
    await expect(found.get_by_role("listitem")).to_contain_text(["Minutes_of_march.txt"])
    await expect(found.locator("mark")).to_have_text(["Minutes"])
    await page.get_by_label("Search for").fill('hedgehog from:ann "in attic"')
    await expect(found.get_by_role("listitem")).to_contain_text(["Ann in #attic"])
    await found.get_by_role("button", name="Ann in #attic").press("Enter")
    await expect(found).to_have_count(0)
    await in_sight(bob, 3)
    assert page.url.endswith("/r/attic")
    await page.go_back()
    await expect(bob.box).to_have_value("not sent yet")
    await page.goto(f"{server.url}/r/lobby#5")
    await in_sight(bob, 5)
    await page.evaluate("location.hash = '#120'")
    await in_sight(bob, 120)
    await page.get_by_role("button", name="Jump to latest").click()
    await expect(bob.said.last).to_have_text("number 230")
    await page.evaluate("location.hash = '#999'")
    await expect(page.get_by_role("alert")).to_contain_text("That message is no longer there.")


@pytest.mark.parametrize("transport", first(TRANSPORTS, "websocket"))
async def test_two_talk_alone_and_both_find_it_again(start_server: Start, visit: Visit, transport: str) -> None:
    server = await start_server(transports=transport)
    alice, bob = await visit(server.url, "alice"), await visit(server.url, "bob")
    await alice.enters("lobby")
    await bob.enters("lobby")
    await bob.says("hello")
    await press(alice, "hello", "More")
    await alice.page.get_by_role("menuitem", name="Direct message").click()
    await expect(alice.page.get_by_role("heading", level=1)).to_have_text("bob")
    await expect(alice.log).to_contain_text("You and bob")
    await expect(entry(bob, "alice")).to_be_visible()
    await expect(alice.people).to_have_count(2)
    await expect(alice.log.locator("#news")).to_be_hidden()  # not "bob joined": nobody joins or leaves here
    await alice.says("psst")
    await expect(entry(bob, "alice").locator(".badge:not(.is-call)")).to_have_text("1")
    await entry(bob, "alice").click()
    await bob.says("what is it?")
    await alice.reads(["psst", "what is it?"])
    await expect(entry(bob, "alice").locator(".badge:not(.is-call)").last).to_be_hidden()
    await alice.page.reload()
    await alice.reads(["psst", "what is it?"])
    assert "/r/@" in alice.page.url
    await bob.types("/nick Robert")
    await expect(alice.page.get_by_role("heading", level=1)).to_have_text("Robert")
    await expect(entry(alice, "Robert")).to_be_visible()
    await bob.page.get_by_role("button", name="Close the conversation").click()
    await expect(entry(bob, "alice")).to_have_count(0)
    await alice.says("come back")
    await expect(entry(bob, "alice").locator(".badge:not(.is-call)")).to_have_text("1")
    await expect(alice.page).to_have_title(re.compile("^Robert"))


async def test_a_link_to_a_conversation_with_nobody_leads_to_ones_rooms_and_says_so(
    server: Running, visit: Visit
) -> None:
    alice = await visit(server.url, "alice")
    await alice.enters("lobby")
    await alice.says("hello")
    await alice.page.goto(f"{server.url}/r/@{'0' * 32}")
    await expect(alice.page.get_by_role("alert")).to_contain_text("Nobody with this id is known.")
    await alice.is_in()
    await alice.reads(["hello"])
    await expect(alice.page.get_by_role("heading", level=1)).to_have_text("lobby")


async def test_what_is_read_in_one_browser_is_read_in_the_other(server: Running, visit: Visit) -> None:
    bob = await visit(server.url, "bob")
    await bob.enters("lobby")
    await bob.page.goto(f"{server.url}/r/attic")
    await bob.is_in()
    other = await visit(server.url, "bob")
    await other.context.add_cookies(await bob.context.cookies())
    await other.page.goto(f"{server.url}/r/attic")
    if await other.nickname_box.is_visible():
        await other.nickname_box.fill("bob")
        await other.nickname_box.press("Enter")
    await other.is_in()
    await bob.page.close()
    await fill(server.url, "lobby", count=60)
    await other.page.goto(f"{server.url}/r/lobby")
    news = other.page.get_by_role("button", name="60 new")
    await expect(news).to_be_visible()
    await news.click()
    await in_sight(other, 1)
    await expect(other.log.locator(".is-new-here")).to_have_attribute("data-seq", "1")
    tab = await other.another_tab("attic")
    await fill(server.url, "lobby", count=2)
    await expect(tab.room_entry("lobby").locator(".badge:not(.is-call)")).to_have_text("2")
    await other.page.get_by_role("button", name="Jump to latest").click()
    await expect(tab.room_entry("lobby").locator(".badge:not(.is-call)")).to_be_hidden()
    await tab.page.reload()
    await tab.is_in()
    await expect(tab.room_entry("lobby").locator(".badge:not(.is-call)")).to_be_hidden()


async def test_a_long_topic_is_read_with_a_finger_and_a_long_name_keeps_clear_of_the_cross(
    server: Running, visit: Visit
) -> None:
    topic, name = "Whatever grows between the fence and the house, " * 3, "what-grows-between-the-fence-and-the-house"
    async with Talker(server.url, "Bob") as bob:
        await bob.join(name)
        await bob.ask("topic", {"room": name, "topic": topic.strip()})
        alice = await visit(server.url, "alice", viewport={"width": 390, "height": 844}, has_touch=True)
        page = alice.page
        await alice.enters(name)
        await expect(page.get_by_role("button", name="Change the topic")).to_be_visible()
        await page.locator("#room-topic").tap()
        await expect(page.get_by_role("alert")).to_contain_text(topic.strip())
        await expect(page.locator("#topic-form")).to_be_hidden()
        await page.get_by_role("alert").get_by_role("button", name="Dismiss").tap()
        await page.get_by_role("button", name="Rooms and people").tap()
        for width in (390, 1280):
            await page.set_viewport_size({"width": width, "height": 844})
            await page.get_by_role("list", name="Rooms").get_by_role("listitem").hover()
            label = await box_of(page.locator(".room-entry-name"))
            cross = await box_of(page.get_by_role("list", name="Rooms").get_by_role("button", name="Leave"))
            assert label["x"] + label["width"] <= cross["x"] + 1


async def box_of(element: Locator) -> FloatRect:
    box = await element.bounding_box()
    assert box
    return box


async def test_rooms_are_found_from_inside_and_the_topic_is_edited_in_place(server: Running, visit: Visit) -> None:
    await fill(server.url, "garden", "library")
    alice = await visit(server.url, "alice", bypass_csp=True)
    page = alice.page
    await alice.enters("den")
    await expect(alice.log).to_contain_text("Nobody has said anything here yet")
    await alice.log.get_by_role("button", name="Add a topic").click()
    await page.get_by_label("Topic", exact=True).fill("Dens of all kinds")
    await page.keyboard.press("Enter")
    await expect(page.locator("#room-topic")).to_have_text("Dens of all kinds")
    await alice.says("first")
    async with Talker(server.url, "Bob") as bob:
        await bob.join("den")
        await bob.ask("topic", {"room": "den", "topic": "Foxes"})
        await expect(row(alice, "first").locator(".message-notes")).to_have_text("Bob changed the topic")
    await page.get_by_role("button", name="Browse rooms").click()
    rooms = dialog(page, "Rooms")
    await expect(rooms.get_by_role("listitem")).to_contain_text(["#den", "#garden", "#library"])
    await page.keyboard.type("lib")
    await expect(rooms.get_by_role("listitem")).to_contain_text(["#library", "#lib"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("library")
    await (
        page.get_by_role("button", name="Change the topic").or_(page.get_by_role("button", name="Add a topic")).click()
    )
    await page.keyboard.type("not this one")
    await page.keyboard.press("Escape")
    await expect(alice.box).to_be_focused()
    await alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await press(alice, "number 1", "More")
    await page.get_by_role("menuitem", name="Copy link").click()
    await expect(page.get_by_role("alert")).to_contain_text("The link is copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{server.url}/r/library#1"
    await page.get_by_role("alert").get_by_role("button", name="Dismiss").last.click()
    await page.get_by_role("button", name="Copy the room’s link").click()
    await expect(page.get_by_role("alert")).to_contain_text("The link is copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{server.url}/r/library"
