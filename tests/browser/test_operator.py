"""The operator's page in a browser without JavaScript."""

from playwright.async_api import Browser, expect

from tests.conftest import Start
from tests.support.talker import Talker

PASSWORD = "correct horse battery"
TORN = """() => [...document.querySelectorAll(".operator dt, .operator dd")].flatMap((element) => {
  const [text, range] = [element.firstChild, document.createRange()];
  const torn = [...text.data.matchAll(/[^\\s-]+/g)].filter(({ 0: word, index }) => {
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    return new Set([...range.getClientRects()].map(({ top }) => top)).size > 1;
  });
  return torn.map(([word]) => word);
})"""  # words that a line's end breaks


async def test_the_operator_s_page_needs_no_script(start_server: Start, browser: Browser) -> None:
    server = await start_server(operator_password=PASSWORD)
    async with Talker(server.url, "Ann") as ann:
        await ann.join("garden")
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{server.url}/operator")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Open").click()
        rooms = page.get_by_role("region", name="Rooms used last").get_by_role("table")
        await expect(rooms.get_by_role("rowheader", name="#garden")).to_be_visible()
        await page.locator("#languages [value=de]").click()
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        for width in (1280, 1000, 390):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate(TORN) == [], width
        await page.locator("#languages [value=en]").click()
        await page.get_by_role("button", name="Leave").click()
        await expect(page.get_by_label("Password")).to_be_visible()
        await context.close()
