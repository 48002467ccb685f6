"""What is written from right to left, among what is written from left to right."""

import re

from playwright.async_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.test_page import PHONE, enters
from tests.support.talker import Talker

HEBREW, ARABIC = "שלום לכולם (v2.0)!", "مرحبا بالجميع"


async def runs(part: Locator, direction: str) -> None:
    await expect(part).to_have_css("direction", direction)


async def test_people_s_words_around_the_log_run_their_own_way(url: str, visit: Visit) -> None:
    async with Talker(url, "אבי") as avi, Talker(url, "bob") as bob:
        for one in (avi, bob):
            await one.join("lobby")
        await avi.ask("topic", {"room": "lobby", "topic": HEBREW})
        await avi.say("lobby", ARABIC)
        await bob.say("lobby", "from left to right")
        alice = await enters(visit, url, "ليلى")
        page = alice.page
        await runs(page.locator(".bar").get_by_text(HEBREW), "rtl")
        names = page.get_by_role("list", name="People").locator(".person-nickname")
        for name, direction in {"אבי": "rtl", "ليلى": "rtl", "bob": "ltr"}.items():
            await runs(names.filter(has_text=name), direction)
        await runs(page.locator("#self-nickname"), "rtl")
        for text, direction in {HEBREW: "rtl", ARABIC: "rtl", "hello": "ltr", "": "ltr", "123 שלום": "rtl"}.items():
            await alice.box.fill(text)
            await runs(alice.box, direction)
        row = alice.log.locator("#said .message")
        for nth, direction in enumerate(("rtl", "ltr")):
            await row.nth(nth).hover()
            await page.get_by_role("button", name="Reply", exact=True).click()
            await runs(page.locator("#subject-text > span").last, direction)
        await alice.box.fill(f"/topic {ARABIC}")
        await runs(alice.box, "ltr")
        await alice.box.press("Enter")
        await runs(page.locator(".bar").get_by_text(ARABIC, exact=True), "rtl")


async def test_a_name_inside_a_sentence_does_not_turn_it(url: str, visit: Visit) -> None:
    async with Talker(url, "אבי") as avi, Talker(url, "דנה") as dana:
        alice = await enters(visit, url)
        for one in (avi, dana):
            await one.join("lobby")
        news = alice.page.locator("#news")
        await expect(news).to_have_text("אבי and דנה joined")
        await expect(news.locator("bdi")).to_have_text(["אבי", "דנה"])
        await runs(news, "ltr")
        await runs(news.locator("bdi").first, "rtl")
        assert await stand_in_order(news), "the first name stands first"
        for one in (avi, dana):
            await one.ask("typing", {"room": "lobby"})
        typing = alice.page.locator("#typing")
        await expect(typing).to_have_text("אבי and דנה are typing")
        assert await stand_in_order(typing)
        await avi.say("lobby", "hello")
        await alice.log.locator("#said .message").last.hover()
        await alice.page.get_by_role("button", name="Reply", exact=True).click()
        await expect(alice.page.locator("#subject-text")).to_have_text(re.compile("^Replying to אבי: hello$"))
        await expect(alice.page.locator("#subject-text bdi")).to_have_text("אבי")


async def stand_in_order(line: Locator) -> bool:
    """Does each name of a sentence stand to the right of the one before it?"""
    left = [
        await name.evaluate("(name) => name.getBoundingClientRect().left") for name in await line.locator("bdi").all()
    ]
    return left == sorted(left) and len(set(left)) > 1


async def test_the_boxes_for_names_and_the_list_of_rooms_run_their_own_way(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.ask("topic", {"room": "lobby", "topic": HEBREW})
        alice = await visit(url, "alice")
        for path in ("/", "/r/lobby"):
            await alice.page.goto(url + path)
            await alice.nickname_box.fill("אבי")
            await runs(alice.nickname_box, "rtl")
            await alice.nickname_box.fill("alice")
            await runs(alice.nickname_box, "ltr")
        await alice.page.goto(url)
        await runs(alice.page.get_by_text(HEBREW), "rtl")


async def test_on_a_phone_names_from_right_to_left_stand_where_the_others_stand(url: str, visit: Visit) -> None:
    async with Talker(url, "אבי") as avi:
        await avi.join("lobby")
        alice = await visit(url, "alice", **PHONE)
        await alice.enters("lobby")
        await alice.page.get_by_role("button", name="Rooms and people").click()
        lefts = """(names) => names.map((name) => {
          const range = document.createRange();
          range.selectNodeContents(name);
          return Math.round(range.getBoundingClientRect().left);
        })"""
        names = alice.page.get_by_role("list", name="People").locator(".person-nickname")
        await expect(names).to_have_count(2)
        assert len(set(await names.evaluate_all(lefts))) == 1
