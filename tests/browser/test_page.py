"""What one sees and does on the pages, in a real browser."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.support.browser import Visitor
from tests.support.talker import Talker

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}
WHERE_AM_I = """(log) => {
  const edge = log.getBoundingClientRect().top;
  const row = [...log.querySelectorAll("#said > li")].find((row) => row.getBoundingClientRect().bottom > edge + 1);
  return { seq: row.dataset.seq, top: row.getBoundingClientRect().top };
}"""


async def enters(visit: Visit, url: str, nickname: str = "alice", **options: Any) -> Visitor:
    visitor = await visit(url, nickname, **options)
    await visitor.enters("lobby")
    await visitor.is_in()
    return visitor


async def fill(url: str, count: int, room: str = "lobby") -> list[str]:
    """Let somebody say so much before anybody comes."""
    async with Talker(url, "chatterbox") as talker:
        await talker.join(room)
        return [one["text"] for one in await asyncio.gather(*(talker.say(room, f"line {n}") for n in range(count)))]


def another_room(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Room")


async def test_the_landing_page_lists_the_rooms_with_head_counts_and_leads_in(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob, Talker(url, "cleo") as cleo:
        for room in ("garden", "kitchen"):
            await bob.join(room)
        await cleo.join("garden")
        alice = await visit(url, "alice")
        await alice.page.goto(url)
        cards = alice.page.get_by_role("list", name="Rooms").get_by_role("link")
        await expect(cards.filter(has_text="garden")).to_contain_text("2 here")
        await expect(cards.filter(has_text="kitchen")).to_contain_text("1 here")
        await alice.page.get_by_role("textbox", name="Nickname").fill("alice")
        await cards.filter(has_text="kitchen").click()
        await alice.is_in()
        await alice.says("what is for dinner?")
        await bob.hears("message", lambda event: event["message"]["text"] == "what is for dinner?")
    await alice.page.goto(url)
    await expect(alice.page.get_by_role("textbox", name="Nickname")).to_have_value("alice")
    await expect(another_room(alice.page)).to_have_value("kitchen")


async def test_a_taken_nickname_is_told_with_a_suggestion(url: str, visit: Visit) -> None:
    async with Talker(url, "alice") as first:
        await first.join("lobby")
        alice = await visit(url, "alice")
        await alice.page.goto(f"{url}/r/lobby")
        box = alice.page.get_by_role("textbox", name="Nickname")
        await box.fill("Alice")
        await box.press("Enter")
        await expect(alice.page.locator("#door-sentence")).to_contain_text("Alice")
        await expect(box).to_have_value("Alice2")
        await expect(box).to_be_focused()
        await box.press("Enter")
        await expect(alice.box).to_be_editable()
        await expect(alice.people).to_have_text(["alice", "Alice2"])


async def test_history_comes_on_scrolling_up_and_what_one_reads_stays_in_place(url: str, visit: Visit) -> None:
    texts = await fill(url, 250)
    alice = await enters(visit, url)
    await expect(alice.said.last).to_be_in_viewport()
    seen = await alice.said.count()
    assert seen < len(texts), "the first page is not all there is"
    while seen < len(texts):
        before = await alice.log.evaluate(f"(log) => {{ log.scrollTop = 300; return ({WHERE_AM_I})(log); }}")
        await expect(alice.said.nth(seen)).to_be_attached()
        after = await alice.log.evaluate(WHERE_AM_I)
        assert after["seq"] == before["seq"]
        assert abs(after["top"] - before["top"]) <= 1
        seen = await alice.said.count()
    await alice.reads(texts)
    await expect(alice.log).to_contain_text("This is the beginning of #lobby")


async def test_a_new_message_does_not_yank_away_what_one_reads(url: str, visit: Visit) -> None:
    texts = await fill(url, 80)
    alice = await enters(visit, url)
    latest = alice.page.get_by_role("button", name="Jump to latest")
    await expect(latest).to_be_hidden()
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        before = await alice.log.evaluate(f"(log) => {{ log.scrollTop -= 700; return ({WHERE_AM_I})(log); }}")
        await expect(latest).to_be_visible()
        texts.append((await bob.say("lobby", "over here!"))["text"])
        await expect(latest).to_contain_text("1 new")
        assert await alice.log.evaluate(WHERE_AM_I) == before
        await expect(alice.said.last).not_to_be_in_viewport()
        await latest.click()
        await expect(alice.said.last).to_be_in_viewport()
        await expect(latest).to_be_hidden()
        texts.append((await bob.say("lobby", "and here"))["text"])
        await alice.reads(texts)
        await expect(alice.said.last).to_be_in_viewport()


async def test_two_rooms_in_one_page_count_what_is_unread(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.join("garden")
        await another_room(alice.page).fill("garden")
        await another_room(alice.page).press("Enter")
        await expect(alice.page).to_have_url(f"{url}/r/garden")
        await alice.is_in()
        for text in ("one", "two", "three"):
            await bob.say("lobby", text)
        await bob.say("garden", "a rose")
        await alice.reads(["a rose"])
        await expect(alice.room_entry("lobby").get_by_label("3 unread")).to_be_visible()
        await expect(alice.room_entry("garden").get_by_label("unread")).to_be_hidden()
        await expect(alice.page).to_have_title(re.compile(r"^\(3\) #garden"))
        await alice.page.reload()
        await expect(alice.room_entry("lobby").get_by_label("3 unread")).to_be_visible()
        await alice.room_entry("lobby").click()
        await alice.reads(["one", "two", "three"])
        await expect(alice.room_entry("lobby").get_by_label("unread")).to_be_hidden()
        await expect(alice.page).to_have_title(re.compile(r"^#lobby"))
        await alice.page.go_back()
        await alice.reads(["a rose"])


async def test_drafts_of_every_room_survive_a_reload(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    await alice.box.fill("half a thought")
    await another_room(alice.page).fill("garden")
    await another_room(alice.page).press("Enter")
    await expect(alice.box).to_have_value("")
    await alice.box.fill("half a rose")
    await alice.page.reload()
    await expect(alice.box).to_have_value("half a rose")
    await alice.room_entry("lobby").click()
    await expect(alice.box).to_have_value("half a thought")
    await alice.box.press("Enter")
    await alice.reads(["half a thought"])
    await expect(alice.box).to_have_value("")
    await alice.page.reload()
    await alice.reads(["half a thought"])
    await expect(alice.box).to_have_value("")


async def test_slash_me_says_what_one_does_and_other_commands_are_not_said(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await alice.types("/me waves")
        heard = await bob.hears("message")
        assert (heard["message"]["kind"], heard["message"]["text"]) == ("action", "waves")
        await alice.reads(["* alice waves"])
        await alice.types("/wave")
        await expect(alice.page.locator("#composer-sentence")).to_contain_text("There is no command /wave")
        await expect(alice.box).to_have_value("/wave")
        await alice.types("/topic Waves and wind")
        await expect(alice.page.locator("#room-topic")).to_have_text("Waves and wind")
        await alice.types("/nick Alicia")
        await expect(alice.people).to_have_text(["Alicia", "bob"])
        await alice.reads(["* alice waves"])


async def test_who_is_typing_comes_and_goes(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.page.clock.install()
    await alice.enters("lobby")
    await alice.is_in()
    bob = await enters(visit, url, "bob")
    typing = alice.page.locator("#typing")
    await bob.box.press_sequentially("hm")
    await expect(typing).to_have_text("bob is typing")
    await bob.box.press("Enter")
    await alice.reads(["hm"])
    await expect(typing).to_have_text("")
    await bob.box.press_sequentially("h")
    await expect(typing).to_have_text("bob is typing")
    await alice.page.clock.fast_forward(7_000)
    await expect(typing).to_have_text("")
    await expect(bob.page.locator("#typing")).to_have_text(""), "one's own typing is no news"


async def test_links_can_be_clicked_and_nothing_else_comes_to_life(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    texts = [
        "see https://example.org/a_(b)?c=d&e=f, it is good",
        "javascript:alert(1)",
        "<img src=x onerror=alert(1)> <b>bold</b>",
    ]
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        for text in texts:
            await bob.say("lobby", text)
    await alice.reads(texts)
    links = alice.log.get_by_role("link")
    await expect(links).to_have_count(1)
    await expect(links).to_have_attribute("href", "https://example.org/a_(b)?c=d&e=f")
    await expect(links).to_have_attribute("rel", re.compile(r"(?=.*noopener)(?=.*noreferrer)"))
    await expect(links).to_have_attribute("target", "_blank")
    await expect(alice.said.locator("img, b")).to_have_count(0)


async def test_who_comes_and_goes_is_one_quiet_line(url: str, visit: Visit) -> None:
    async with Talker(url, "zoe") as zoe:
        await zoe.join("lobby")
        alice = await enters(visit, url)
        news = alice.page.locator("#news")
        async with Talker(url, "bob") as bob, Talker(url, "cleo") as cleo:
            await bob.join("lobby")
            await cleo.join("lobby")
            await expect(alice.people).to_have_text(["alice", "bob", "cleo", "zoe"])
            await expect(news).to_have_text("bob and cleo joined")
            await zoe.ask("leave", {"room": "lobby"})
            await expect(alice.people).to_have_text(["alice", "bob", "cleo"])
            await expect(news).to_have_text("bob and cleo joined, zoe left")
            await cleo.ask("leave", {"room": "lobby"})
            await expect(news).to_have_text("bob joined, zoe left")
            await bob.say("lobby", "so it is us two")
            await expect(news).to_be_hidden()


async def test_two_tabs_are_one_person_and_show_the_same(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    tab = await alice.another_tab("lobby")
    await alice.says("from one tab")
    await tab.reads(["from one tab"])
    await tab.says("from the other")
    await asyncio.gather(*(one.reads(["from one tab", "from the other"]) for one in (alice, tab)))
    await expect(alice.people).to_have_text(["alice"])
    await tab.page.close()
    await alice.says("still here")
    await alice.reads(["from one tab", "from the other", "still here"])


async def test_a_text_that_is_too_long_is_told_and_not_lost(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    await alice.types("x" * 4_001)
    await expect(alice.page.get_by_text("1 character too long to send")).to_be_visible()
    await expect(alice.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await expect(alice.box).to_have_value("x" * 4_001)
    await alice.box.press("Backspace")
    await alice.box.press("Enter")
    await alice.reads(["x" * 4_000])


async def test_a_bad_room_name_is_told_and_leads_nowhere(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    await another_room(alice.page).fill("what?!")
    await another_room(alice.page).press("Enter")
    await expect(alice.page.get_by_text("A room's name has letters")).to_be_visible()
    await expect(alice.page).to_have_url(f"{url}/r/lobby")


async def test_everything_can_be_done_by_keyboard(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    keys = alice.page.keyboard
    await alice.page.goto(url)
    await expect(alice.page.get_by_role("textbox", name="Nickname")).to_be_focused()
    await keys.type("alice")
    await keys.press("Tab")
    await keys.type("tea")
    await keys.press("Enter")
    await expect(alice.box).to_be_focused()
    await keys.type("first line")
    await keys.press("Shift+Enter")
    await keys.type("second line")
    await keys.press("Enter")
    await expect(alice.said).to_have_text(["first line\nsecond line"], use_inner_text=True)
    await walk_to(another_room(alice.page), "Shift+Tab")
    await keys.type("garden")
    await keys.press("Enter")
    await expect(alice.page).to_have_url(f"{url}/r/garden")
    await expect(alice.box).to_be_focused()
    await walk_to(alice.room_entry("tea"), "Shift+Tab")
    await keys.press("Enter")
    await expect(alice.page).to_have_url(f"{url}/r/tea")
    await walk_to(alice.log, "Shift+Tab")


async def walk_to(control: Locator, key: str) -> None:
    for _ in range(30):
        if await control.evaluate("(element) => element === document.activeElement"):
            return
        await control.page.keyboard.press(key)
    pytest.fail(f"{key} never reaches {control}")


async def fits(page: Page) -> None:
    width, inner = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= inner, f"{page.url} is {width} wide in a window of {inner}"


async def test_a_phone_never_scrolls_sideways(url: str, visit: Visit) -> None:
    async with Talker(url, "W" * 32) as bob:
        await bob.join("lobby")
        await bob.join("r" + "-" * 62 + "m")
        await bob.ask("topic", {"room": "lobby", "topic": "T" * 150})
        for text in ("w" * 500, "https://example.org/" + "long/" * 60, "words " * 100, "`" + "code" * 60 + "`"):
            await bob.say("lobby", text)
        alice = await visit(url, "alice", **PHONE)
        for path in ("/", "/echo", "/diagnostics", "/r/lobby", "/nowhere"):
            alice.forgives_network = path == "/nowhere"
            await alice.page.goto(url + path)
            await fits(alice.page)
        alice.complaints.clear()
        alice.forgives_network = False
        await alice.enters("lobby")
        await expect(alice.status).to_contain_text("Connected")
        await expect(alice.said).to_have_count(4)
        await fits(alice.page)
        log = await alice.log.evaluate("(log) => log.scrollWidth - log.clientWidth")
        assert log <= 0, "the log does not scroll sideways either"
        await alice.types("v" * 300)
        await expect(alice.said).to_have_count(5)
        await alice.page.get_by_role("button", name="Rooms and people").click()
        await expect(alice.people).to_have_count(2)
        await expect(alice.people.first).to_be_in_viewport()
        await fits(alice.page)
        await alice.page.keyboard.press("Escape")
        await expect(alice.people.first).not_to_be_in_viewport()
        await alice.box.tap()
        await fits(alice.page)


async def test_the_echo_page_shows_states_subprotocol_and_both_directions(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    page = alice.page
    await page.goto(f"{url}/echo")
    state = page.get_by_role("status", name="State")
    frames = page.get_by_role("log", name="Frames").locator(".frame span")
    await expect(state).to_have_text("closed")
    await page.get_by_role("button", name="Connect", exact=True).click()
    await expect(state).to_have_text("open · subprotocol echo.parlor")
    await page.get_by_role("textbox", name="Text").fill("Grüße")
    await page.get_by_role("button", name="Send text").click()
    await expect(frames).to_have_count(3)
    await page.get_by_role("button", name="Send bytes").click()
    hexed = "7 bytes: 47 72 c3 bc c3 9f 65"
    await expect(frames).to_have_text(["open, the server chose echo.parlor", "Grüße", "Grüße", hexed, hexed])
    ways = page.locator(".frame")
    assert [await ways.nth(n).get_attribute("data-way") for n in range(5)] == ["line", "out", "in", "out", "in"]
    await page.get_by_role("button", name="Disconnect").click()
    await expect(state).to_have_text("closed · code 1000")


async def test_a_missing_page_says_so_in_a_sentence(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    alice.forgives_network = True
    await alice.page.goto(f"{url}/nowhere")
    await expect(alice.page.get_by_text("There is no page at this address.")).to_be_visible()
    await alice.page.get_by_role("link", name="To the rooms").click()
    await expect(alice.page.get_by_role("textbox", name="Nickname")).to_be_visible()


async def test_two_tabs_keep_a_draft_each(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    await alice.box.fill("begun here")
    other = await alice.another_tab("lobby")
    await other.says("said there")
    await expect(alice.said.filter(has_text="said there")).to_be_visible()
    await alice.page.reload()
    await expect(alice.box).to_have_value("begun here")
    await other.page.reload()
    await expect(other.box).to_have_value("")


async def test_a_room_is_not_left_while_something_said_there_is_not_sent(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    await alice.goes_offline()
    await alice.types("on its way")
    await alice.page.get_by_role("button", name="Leave lobby").click()
    await alice.page.get_by_text("is not sent yet").wait_for()
    assert alice.page.url.endswith("/r/lobby")
    await alice.is_online_again()
    await expect(alice.said.filter(has_text="on its way")).to_be_visible()
