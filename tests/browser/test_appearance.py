"""How the page looks, as somebody chose it; and the list of its keys."""

from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_entering import Held

PAPER = "getComputedStyle(document.body).backgroundColor"
WHOLE_BOX = "(() => { const box = document.getElementById('message'); return box.scrollHeight <= box.clientHeight; })()"
SIZE = "parseFloat(getComputedStyle(document.body).fontSize)"


def dialog(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name=name)


async def test_what_is_chosen_holds_at_once_and_before_the_script_runs(url: str, visit: Visit) -> None:
    ann = await visit(url, "ann", color_scheme="light", reduced_motion="no-preference")
    page = ann.page
    await ann.enters("lobby")
    await ann.is_in()
    light, size = await page.evaluate(PAPER), await page.evaluate(SIZE)
    button = page.get_by_role("button", name="Appearance")
    await button.click()
    for group, now in (("Theme", "As the system"), ("Text", "Normal"), ("Messages", "Roomy")):
        await expect(dialog(page, "Appearance").get_by_role("group", name=group).get_by_label(now)).to_be_checked()
    for group, choice in (("Theme", "Dark"), ("Text", "Larger"), ("Messages", "Compact"), ("Motion", "None")):
        await dialog(page, "Appearance").get_by_role("group", name=group).get_by_label(choice).check()
    assert await page.evaluate(PAPER) != light
    assert await page.evaluate(SIZE) > 1.2 * size
    dark = await page.evaluate(PAPER)
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    await page.emulate_media(media="print")
    assert await page.evaluate(PAPER) == "rgb(255, 255, 255)"
    await page.emulate_media(media="null")
    held = await Held.on(page)
    for path in ("/r/lobby", "/", "/r/lobby/log", "/nowhere"):  # all pages, without a script
        await page.goto(url + path, wait_until="commit")
        await expect(page.locator("html[data-theme=dark][data-text=larger]")).to_have_count(1)
        await ann.waits_for(f"document.styleSheets.length > 0 && document.body && {PAPER} === {dark!r}")
    await held.let_through()
    ann.forgives_network = True  # /nowhere is not there
    await page.goto(f"{url}/r/lobby")
    await ann.is_in()
    await page.get_by_role("button", name="Appearance").click()
    await dialog(page, "Appearance").get_by_role("group", name="Theme").get_by_label("As the system").check()
    assert await page.evaluate(PAPER) == light


async def test_the_end_of_the_log_stays_in_sight_and_the_box_whole_when_the_text_changes(
    url: str, visit: Visit
) -> None:
    ann = await visit(url, "ann")
    await ann.enters("lobby")
    for number in range(40):
        await ann.types(f"line {number}")
    last = ann.said.filter(has_text="line 39")
    await expect(last).to_be_in_viewport(ratio=1)
    await ann.box.fill("half a thought, " * 5)

    async def is_as_before() -> None:
        await expect(last).to_be_in_viewport(ratio=1)
        await expect(ann.page.get_by_role("button", name="Jump to latest")).to_be_hidden()
        await ann.waits_for(WHOLE_BOX)

    for group, label in (("Messages", "Compact"), ("Text size", "Larger"), ("Messages", "Roomy")):
        await ann.page.get_by_role("button", name="Appearance").click()
        await dialog(ann.page, "Appearance").get_by_role("group", name=group).get_by_label(label).check()
        await ann.page.keyboard.press("Escape")
        await is_as_before()
    await ann.page.set_viewport_size({"width": 500, "height": 800})
    await is_as_before()


async def test_the_keys_are_listed_where_a_question_mark_is_no_text(url: str, visit: Visit) -> None:
    ann = await visit(url, "ann")
    await ann.enters("lobby")
    await ann.is_in()
    keys = dialog(ann.page, "Keys")
    await ann.box.press("?")
    await expect(ann.box).to_have_value("?")
    await expect(keys).to_be_hidden()
    await ann.log.focus()
    await ann.page.keyboard.press("?")
    await expect(keys).to_be_visible()
    await ann.page.keyboard.press("Escape")
    await expect(ann.log).to_be_focused()
    await expect(ann.box).to_have_value("?")
    await ann.box.press("Control+/")
    await expect(keys).to_contain_text("Edit your last message")
    await expect(keys.locator("div", has_text="Search")).to_contain_text("Ctrl K")
    await keys.get_by_role("button", name="Close").click()
    await expect(ann.box).to_be_focused()
