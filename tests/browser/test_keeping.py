"""What was typed is kept: while nothing can be stored, when it is refused, when the browser's own page dies."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import Start, Visit
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker


async def enters(visit: Visit, url: str, nickname: str) -> Visitor:
    visitor = await visit(url, nickname)
    visitor.forgives_network = True
    await visitor.enters("lobby")
    await visitor.is_in()
    return visitor


async def crash(visitor: Visitor) -> None:
    """The renderer goes as if the machine had shot it: no event of the page's own is heard."""
    crashed = asyncio.Event()
    visitor.page.on("crash", lambda _: crashed.set())
    session = await visitor.context.new_cdp_session(visitor.page)
    dying = asyncio.ensure_future(session.send("Page.crash"))
    await crashed.wait()
    dying.cancel()


async def comes_back(visitor: Visitor) -> None:
    """In a page that was not there before."""
    visitor.page = await visitor.context.new_page()
    visitor.listen()
    await visitor.page.goto(f"{visitor.url}/r/lobby")
    await visitor.is_in()


async def test_a_draft_and_words_on_their_way_outlive_a_crash_of_the_page(url: str, proxy: Proxy, visit: Visit) -> None:
    bob = await enters(visit, url, "bob")
    alice = await enters(visit, proxy.url, "alice")
    await alice.says("said and confirmed")
    await bob.reads(["said and confirmed"])
    await proxy.refuse()
    await expect(alice.status).not_to_contain_text("Connected")
    for text in ("on its way", "and this behind it"):
        await alice.types(text)
    await expect(alice.pending).to_have_count(2)
    await alice.box.fill("half a thought")
    await crash(alice)
    await proxy.accept()
    await comes_back(alice)
    await expect(alice.box).to_have_value("half a thought")
    texts = ["said and confirmed", "on its way", "and this behind it"]
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    await alice.page.reload()
    await expect(alice.box).to_have_value("half a thought")
    await alice.box.press("Enter")
    await asyncio.gather(alice.reads([*texts, "half a thought"]), bob.reads([*texts, "half a thought"]))


async def test_while_nothing_can_be_stored_words_wait_and_tell_why(
    start_server: Start, visit: Visit, tmp_path: Path
) -> None:
    server = await start_server()
    alice = await enters(visit, server.url, "alice")
    file, elsewhere = tmp_path / "data" / "parlor.db", tmp_path / "parlor.db"
    file.rename(elsewhere)
    for text in ("can this be kept?", "and this?"):
        await alice.types(text)
    await expect(alice.pending).to_have_text(["can this be kept?", "and this?"])
    reason = alice.log.locator("#pending .message-reason").filter(visible=True)
    await expect(reason).to_have_text([re.compile("database")])
    await expect(alice.log.get_by_role("button", name="Try again")).to_be_hidden()
    elsewhere.rename(file)
    await alice.reads(["can this be kept?", "and this?"])


async def test_a_refused_answer_that_is_taken_back_is_still_an_answer(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "who has the key?")
        alice = await enters(visit, url, "alice")
        subject = alice.page.locator("#subject")
        await alice.said.first.hover()
        await alice.log.get_by_role("button", name="Reply").click()
        await alice.types("I do\0")
        await alice.log.get_by_role("button", name="Edit the text").click()
        await expect(alice.pending).to_have_count(0)
        await expect(subject).to_contain_text("Replying to bob: who has the key?")
        await alice.says("I do")
        await expect(alice.said.last).to_have_text("I do")
        await expect(alice.log.locator("#said .message-quote").last).to_contain_text("who has the key?")
        await expect(subject).to_be_hidden()


async def test_an_answer_that_was_begun_comes_back_after_an_edit(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        alice = await enters(visit, url, "alice")
        subject = alice.page.locator("#subject")
        await alice.says("helo")
        await bob.say("lobby", "who has the key?")
        await expect(alice.said.last).to_have_text("who has the key?")
        await alice.said.last.hover()
        await alice.log.get_by_role("button", name="Reply").click()
        await alice.box.fill("I d")
        await alice.said.first.hover()
        await alice.log.get_by_role("button", name="Edit", exact=True).click()
        await expect(subject).to_contain_text("Editing")
        await alice.page.reload()
        await alice.is_in()
        await expect(subject).to_contain_text("Editing")
        await alice.says("hello")
        await expect(alice.said.first).to_have_text("hello")
        await expect(subject).to_contain_text("Replying to bob: who has the key?")
        await expect(alice.box).to_have_value("I d")
