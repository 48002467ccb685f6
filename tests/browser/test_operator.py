"""The operator's page in a browser without JavaScript."""

from playwright.async_api import Browser, expect

from tests.conftest import Start
from tests.support.talker import Talker

PASSWORD = "correct horse battery"


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
        await page.get_by_role("button", name="Leave").click()
        await expect(page.get_by_label("Password")).to_be_visible()
        await context.close()
