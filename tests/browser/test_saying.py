"""How what is said looks: emphasis, code, quotes, lists, rooms; and that it stays what was typed."""

from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_changes import PHONE, press, row

CLIPBOARD = ["clipboard-read", "clipboard-write"]
CODE = "look:\n```py\nif x:\n    y = '" + "a" * 100 + "'  # *no* emphasis\n```\nok?"
TEXT = f"*one* **two** ~~three~~ `four` #garden :tada: snake_case_x 2*3*4\n> five\n- six\n- seven\n{CODE}"
SIDEWAYS = "() => document.documentElement.scrollWidth > innerWidth || messages.scrollWidth > messages.clientWidth"


async def test_marks_are_drawn_and_the_text_stays_as_typed(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice", permissions=CLIPBOARD)
    bob = await visit(url, "bob", bypass_csp=True, **PHONE)
    await alice.enters("lobby")
    await bob.enters("lobby")
    await alice.box.fill(TEXT)
    await alice.box.press("Enter")
    for one in (alice, bob):
        said = one.said.first
        for tag, text in (("em", "one"), ("strong", "two"), ("s", "three"), (":scope > code", "four")):
            await expect(said.locator(tag)).to_have_text(text)
        await expect(said.locator("blockquote")).to_have_text("five")
        await expect(said.get_by_role("listitem")).to_have_text(["six", "seven"])
        await expect(said).to_contain_text("🎉 snake_case_x 2*3*4")
        block = said.get_by_role("group", name="Code, py")
        assert await block.text_content() == CODE.split("```py\n")[1].split("\n```")[0]
        await expect(block.locator(".code-keyword")).to_have_text("if ")
        await expect(block.locator(".code-comment")).to_have_text("# *no* emphasis")
        assert await block.evaluate("(code) => code.scrollWidth > code.clientWidth"), "it scrolls, not the page"
        assert not await one.page.evaluate(SIDEWAYS)
    tall = "\n".join(f"line {n}" for n in range(60))
    await alice.types(f"```\n{tall}\n```")
    more = alice.log.get_by_role("button", name="Show more")
    await expect(alice.log.locator("#said").get_by_role("button", name="Show more")).to_be_visible()
    folded = await alice.said.last.evaluate("(text) => text.clientHeight")
    await more.click()
    await expect(alice.log.get_by_role("button", name="Show less")).to_be_visible()
    assert await alice.said.last.evaluate("(text) => text.clientHeight") > 2 * folded
    await press(alice, "snake", "More")
    await alice.page.get_by_role("menuitem", name="Copy text").click()
    await expect(alice.page.get_by_text("The text is copied as it was typed.")).to_be_visible()
    assert await alice.page.evaluate("navigator.clipboard.readText()") == TEXT
    await row(alice, "snake").get_by_role("button", name="Copy the code").click()
    await expect(alice.said.first.get_by_role("button", name="Copied")).to_be_visible()
    assert (await alice.page.evaluate("navigator.clipboard.readText()")).startswith("if x:\n    y")
    await press(alice, "snake", "Edit")
    await expect(alice.box).to_have_value(TEXT)
    await alice.box.press("Escape")
    await press(alice, "snake", "Reply")
    await expect(alice.page.locator("#subject")).to_contain_text("one two three four #garden 🎉 snake_case_x")
    await alice.types("*yes*")
    await expect(bob.log.locator(".message-quote-text")).to_contain_text("one two three four")
    await alice.said.first.get_by_role("link", name="#garden").click()
    await expect(alice.page).to_have_url(f"{url}/r/garden")
    await alice.says("#lobby is there")
    await alice.said.get_by_role("link", name="#lobby").press("Enter")
    await expect(alice.said.last).to_have_text("yes"), "in the lobby again"
    await alice.page.goto(f"{url}/r/lobby/log")
    first = alice.page.locator("li[id='1'] .entry-text")
    await expect(first.locator("pre .code-keyword")).to_have_text("if ")
    assert await first.locator("pre").text_content() == CODE.split("```py\n")[1].split("\n```")[0]
    await expect(first.locator("li")).to_have_text(["six", "seven"])
    await first.get_by_role("link", name="#garden").click()
    await expect(alice.page).to_have_url(f"{url}/r/garden")
