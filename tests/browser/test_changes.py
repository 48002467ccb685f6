"""What one does to a message that stands: edit, delete, react, reply; and what changed while one was away."""

import asyncio
import re
from typing import Any

from playwright.async_api import Locator, TimeoutError, expect

from app.chat import doors
from app.chat.verbs import perform
from app.model import Connection
from app.server import Running
from tests.browser.conftest import Start, Visit
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}
TOUCH = 44  # CSS pixels: the least a finger needs


async def both_enter(visit: Visit, url: str) -> tuple[Visitor, Visitor]:
    alice, bob = await asyncio.gather(visit(url, "alice"), visit(url, "bob"))
    await asyncio.gather(alice.enters("lobby"), bob.enters("lobby"))
    await asyncio.gather(alice.is_in(), bob.is_in())
    return alice, bob


def row(visitor: Visitor, text: str) -> Locator:
    """The last message in the log with this in its text."""
    rows = visitor.log.locator("#said > .message")
    return rows.filter(has=visitor.page.locator(".message-text", has_text=text)).last


async def press(visitor: Visitor, text: str, verb: str) -> None:
    """Point at a message and press one of its buttons. Where the page moved meanwhile, one points again."""
    button = row(visitor, text).get_by_role("button", name=verb, exact=True)
    for _ in range(10):
        await row(visitor, text).hover()
        try:
            await button.click(timeout=2_000)
            return
        except TimeoutError as error:
            if "performing click action" in error.message:  # what came of it took long; a second press would undo it
                return
        await visitor.page.mouse.move(0, 0)
    await button.click()


def subject(visitor: Visitor) -> Locator:
    return visitor.page.locator("#subject")


async def test_arrow_up_edits_ones_last_message_and_the_others_see_it(url: str, visit: Visit) -> None:
    alice, bob = await both_enter(visit, url)
    await alice.says("helo bob")
    await bob.says("hello alice")
    await asyncio.gather(alice.reads(["helo bob", "hello alice"]), bob.reads(["helo bob", "hello alice"]))
    await alice.box.press("ArrowUp")
    await expect(alice.box).to_have_value("helo bob")
    await expect(subject(alice)).to_contain_text("Editing")
    await alice.box.fill("hello bob")
    await alice.box.press("Enter")
    await asyncio.gather(alice.reads(["hello bob", "hello alice"]), bob.reads(["hello bob", "hello alice"]))
    await expect(bob.said.first).to_have_class(re.compile("is-edited"))
    await expect(alice.box).to_have_value("")
    await expect(subject(alice)).to_be_hidden()
    await alice.says("and this is new")
    await bob.reads(["hello bob", "hello alice", "and this is new"])


async def test_a_draft_comes_back_after_an_edit_and_an_edit_outlives_a_reload(url: str, visit: Visit) -> None:
    alice, bob = await both_enter(visit, url)
    await alice.says("one")
    await bob.reads(["one"])
    await alice.box.fill("half a thought")
    await press(alice, "one", "Edit")
    await expect(alice.box).to_have_value("one")
    await expect(alice.box).to_be_focused()
    await alice.box.press("Escape")
    await expect(alice.box).to_have_value("half a thought")
    await press(alice, "one", "Edit")
    await alice.box.fill("two")
    await alice.page.reload()
    await alice.is_in()
    await expect(subject(alice)).to_contain_text("Editing")
    await expect(alice.box).to_have_value("two")
    await alice.box.press("Enter")
    await asyncio.gather(alice.reads(["two"]), bob.reads(["two"]))
    await expect(alice.box).to_have_value("half a thought")


async def test_delete_asks_once_and_leaves_a_tombstone(url: str, visit: Visit) -> None:
    alice, bob = await both_enter(visit, url)
    await bob.says("mine, not yours")
    await alice.says("oh no")
    await asyncio.gather(*(one.reads(["mine, not yours", "oh no"]) for one in (alice, bob)))
    await row(alice, "mine").hover()
    await expect(row(alice, "mine").get_by_role("button", name="Reply")).to_be_visible()
    for verb in ("Edit", "Delete"):
        await expect(row(alice, "mine").get_by_role("button", name=verb, exact=True)).to_be_hidden()
    await press(alice, "oh no", "Delete")
    await expect(row(alice, "oh no").get_by_role("button", name="Delete?", exact=True)).to_be_visible()
    await expect(bob.said).to_have_text(["mine, not yours", "oh no"])
    await press(alice, "oh no", "Delete?")
    texts = ["mine, not yours", "This message was deleted"]
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    await alice.box.press("ArrowUp")
    await expect(alice.box).to_have_value(""), "there is nothing left that one could edit"
    await alice.page.locator(".notice", has_text="Your message is deleted.").get_by_role("button", name="Undo").click()
    await asyncio.gather(*(one.reads(["mine, not yours", "oh no"]) for one in (alice, bob)))


async def test_a_reaction_is_put_on_and_taken_off_by_keyboard(url: str, visit: Visit) -> None:
    alice, bob = await both_enter(visit, url)
    for text in ("cake?", "there is tea, too"):
        await bob.says(text)
    await alice.reads(["cake?", "there is tea, too"])
    keys = alice.page.keyboard
    await alice.box.focus()
    await keys.press("Shift+Tab")
    await expect(alice.log).to_be_focused()
    await keys.press("Tab")
    await expect(row(alice, "tea").get_by_role("button", name="Reply")).to_be_focused()
    await keys.press("ArrowUp")
    await keys.press("ArrowRight")
    await expect(row(alice, "cake").get_by_role("button", name="React")).to_be_focused()
    await keys.press("Enter")
    picker = row(alice, "cake").get_by_role("group", name="Reactions")
    await expect(picker.get_by_role("button", name="👍")).to_be_focused()
    await keys.press("ArrowRight")
    await keys.press("Enter")
    await expect(picker).to_be_hidden()
    for visitor, pressed in ((alice, "true"), (bob, "false")):
        reaction = row(visitor, "cake").locator(".reactions").get_by_role("button", name="❤️ 1")
        await expect(reaction).to_have_attribute("aria-pressed", pressed)
        await expect(reaction).to_have_attribute("title", "alice")
    await keys.press("Shift+Tab")
    await keys.press("Shift+Tab")
    await expect(row(alice, "cake").get_by_role("button", name="❤️ 1")).to_be_focused()
    await keys.press("Space")
    await expect(row(bob, "cake").locator(".reaction")).to_have_count(0)
    await expect(row(alice, "cake").get_by_role("button", name="React")).to_be_focused()
    await keys.press("Escape")
    await expect(alice.box).to_be_focused()


async def test_a_click_joins_a_reaction_and_another_leaves_it_even_after_a_rename(url: str, visit: Visit) -> None:
    alice, bob = await both_enter(visit, url)
    await bob.says("hands up")
    await press(bob, "hands up", "React")
    await row(bob, "hands up").get_by_role("group", name="Reactions").get_by_role("button", name="👍").click()
    reaction = row(alice, "hands up").locator(".reaction")
    await reaction.click()
    await expect(reaction).to_have_text("👍 2")
    await expect(reaction).to_have_attribute("aria-pressed", "true")
    await alice.types("/nick Alicia")
    await expect(alice.people).to_have_text(["Alicia", "bob"])
    await expect(reaction).to_have_attribute("aria-pressed", "true")
    await alice.page.reload()
    await expect(reaction).to_have_attribute("aria-pressed", "true")
    await reaction.click()
    await expect(row(bob, "hands up").locator(".reaction")).to_have_text("👍 1")


async def test_many_reactions_are_a_count_and_ones_own_is_known_beyond_the_names(
    start_server: Start, visit: Visit
) -> None:
    """After a reload, in another tab, and from that tab: alice is the tenth of whom eight are named."""
    server = await start_server()
    alice, bob = await both_enter(visit, server.url)
    await bob.says("hands up")
    crowd = [await arrives(server, f"guest {n}") for n in range(9)]
    for one in crowd:
        assert (await perform(server.chat, one, "react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": True}))["ok"]
    reaction = row(alice, "hands up").locator(".reaction")
    await expect(reaction).to_have_text("👍 9")
    named = ", ".join(f"guest {n}" for n in range(8))
    await expect(reaction).to_have_attribute("title", f"{named} and 1 more")
    await reaction.click()
    await expect(reaction).to_have_text("👍 10")
    await alice.page.reload()
    await expect(reaction).to_have_attribute("aria-pressed", "true")
    await expect(reaction).to_have_attribute("title", f"{named} and 2 more")
    other = await alice.context.new_page()
    await other.goto(alice.page.url)
    elsewhere = other.locator("#said .reaction")
    await expect(elsewhere).to_have_attribute("aria-pressed", "true")
    await elsewhere.click()
    await expect(elsewhere).to_have_attribute("aria-pressed", "false")
    await expect(reaction).to_have_text("👍 9")
    await expect(reaction).to_have_attribute("aria-pressed", "false")
    await expect(row(bob, "hands up").locator(".reaction")).to_have_text("👍 9")
    await perform(server.chat, crowd[0], "react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": False})
    await expect(reaction).to_have_attribute("title", ", ".join(f"guest {n}" for n in range(1, 9)))


async def arrives(server: Running, nickname: str) -> Connection:
    """Somebody in the lobby, without a connection of their own."""
    person = await doors.arrive(server.chat, f"socket of {nickname}", [server.chat.tokens.new()], nickname)
    assert (await perform(server.chat, person, "join", {"room": "lobby"}))["ok"]
    return person


async def test_a_reply_quotes_what_it_answers_and_leads_there(url: str, visit: Visit) -> None:
    async with Talker(url, "chatterbox") as talker:
        await talker.join("lobby")
        await talker.say("lobby", "who has the key?")
        for number in range(60):
            await talker.say("lobby", f"line {number}")
    alice, bob = await both_enter(visit, url)
    await alice.log.evaluate("(log) => { log.scrollTop = 0; }")
    await press(alice, "who has the key?", "Reply")
    await expect(subject(alice)).to_have_text(re.compile("Replying to chatterbox:.*who has the key"))
    await alice.box.press("Escape")
    await expect(subject(alice)).to_be_hidden()
    await press(alice, "who has the key?", "Reply")
    await alice.says("me!")
    await expect(subject(alice)).to_be_hidden()
    await expect(bob.said.last).to_have_text("me!")
    quote = row(bob, "me!").get_by_role("button", name="chatterbox who has the key?")
    await expect(row(bob, "who has the key?")).not_to_be_in_viewport()
    await quote.click()
    await expect(row(bob, "who has the key?")).to_be_in_viewport()
    await expect(row(bob, "who has the key?")).to_have_class(re.compile("is-flashed"))
    await expect(bob.said.last).not_to_be_in_viewport()


async def test_a_quote_of_what_is_not_loaded_says_so_until_it_is(url: str, visit: Visit) -> None:
    async with Talker(url, "chatterbox") as talker:
        await talker.join("lobby")
        first = await talker.say("lobby", "long ago")
        await asyncio.gather(*(talker.say("lobby", f"line {number}") for number in range(150)))
        again = {"room": "lobby", "text": "as I said", "id": "as-i-said-then", "reply_to": first["seq"]}
        assert (await talker.ask("send", again))["ok"]
        alice = await visit(url, "alice")
        await alice.enters("lobby")
        quote = row(alice, "as I said").locator(".message-quote")
        await expect(quote).to_contain_text("an older message")
        await expect(quote).to_be_disabled()
        await alice.log.evaluate("(log) => { log.scrollTop = 300; }")
        await expect(quote).to_contain_text("long ago")
        await talker.ask("delete", {"room": "lobby", "seq": first["seq"]})
        await expect(quote).to_contain_text("a deleted message")


async def test_what_changed_while_one_was_away_is_there_on_return(url: str, proxy: Proxy, visit: Visit) -> None:
    alice = await visit(proxy.url, "alice")
    alice.forgives_network = True
    await alice.enters("lobby")
    await alice.is_in()
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        wrong, gone = await bob.say("lobby", "at 8"), await bob.say("lobby", "or not")
        await alice.reads(["at 8", "or not"])
        await press(alice, "at 8", "Reply")
        await proxy.refuse()
        await expect(alice.status).not_to_contain_text("Connected")
        await alice.types("at 8, fine")
        await alice.box.fill("a draft")
        await bob.ask("edit", {"room": "lobby", "seq": wrong["seq"], "text": "at 9"})
        await bob.ask("delete", {"room": "lobby", "seq": gone["seq"]})
        await bob.ask("react", {"room": "lobby", "seq": wrong["seq"], "emoji": "👀", "on": True})
        for text in ("where are you?", "hello?"):
            await bob.say("lobby", text)
        await proxy.accept()
        await alice.page.reload()
        await alice.reads(["at 9", "This message was deleted", "where are you?", "hello?", "at 8, fine"])
        await expect(row(alice, "at 8, fine").locator(".message-quote")).to_contain_text("bob at 9")
        await expect(row(alice, "at 9").locator(".reaction")).to_have_text("👀 1")
        await expect(alice.box).to_have_value("a draft")


async def test_an_edit_without_a_line_stays_in_the_box_and_what_one_missed_is_counted(
    url: str, proxy: Proxy, visit: Visit
) -> None:
    alice = await visit(proxy.url, "alice")
    alice.forgives_network = True
    await alice.enters("lobby")
    await alice.is_in()
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        wrong = await bob.say("lobby", "at 8")
        await alice.says("at ate")
        await alice.reads(["at 8", "at ate"])
        await proxy.refuse()
        await expect(alice.status).not_to_contain_text("Connected")
        await alice.box.press("ArrowUp")
        await alice.types("at eight")
        await expect(alice.page.locator("#composer-sentence")).to_contain_text("no connection")
        await expect(alice.box).to_have_value("at eight")
        await bob.ask("edit", {"room": "lobby", "seq": wrong["seq"], "text": "at 9"})
        for text in ("where are you?", "hello?"):
            await bob.say("lobby", text)
        await proxy.accept()
        await alice.is_in()
        await expect(alice.page.locator("#composer-sentence")).to_be_hidden()
        await alice.reads(["at 9", "at ate", "where are you?", "hello?"])
        news = row(alice, "where are you?")
        await expect(news).to_have_attribute("data-news", "2 messages while you were away")
        await expect(news).to_have_class(re.compile("is-new-here"))
        await alice.box.press("Enter")
        await alice.reads(["at 9", "at eight", "where are you?", "hello?"])
        await expect(alice.box).to_have_value("")


async def test_on_a_phone_a_tap_brings_buttons_that_a_finger_can_hit(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        alice = await visit(url, "alice", **PHONE)
        await bob.join("lobby")  # before her: that he joins would be told below the message, a moment later
        await alice.enters("lobby")
        await bob.say("lobby", "tap me")
        await expect(alice.said).to_have_count(1)
        before = await row(alice, "tap me").bounding_box()
        await alice.said.first.tap()
        react = row(alice, "tap me").get_by_role("button", name="React")
        assert await row(alice, "tap me").bounding_box() == before, "nothing shifts"
        await can_be_hit(react)
        await react.tap()
        picker = row(alice, "tap me").get_by_role("group", name="Reactions")
        for button in await picker.get_by_role("button").all():
            await can_be_hit(button)
        await picker.get_by_role("button", name="🎉").tap()
        await expect(row(alice, "tap me").locator(".reaction")).to_have_text("🎉 1")
        await can_be_hit(row(alice, "tap me").locator(".reaction"))
        await bob.hears("react", lambda event: (event["emoji"], event["names"], event["count"]) == ("🎉", ["alice"], 1))


async def can_be_hit(button: Locator) -> None:
    await expect(button).to_be_in_viewport(ratio=1)
    box = await button.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= TOUCH
