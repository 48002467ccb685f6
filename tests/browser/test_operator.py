"""The operator's page in a browser without JavaScript."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.test_entering import PHONE, WIDE
from tests.browser.test_page import fits
from tests.conftest import Start
from tests.support.axe import violations
from tests.support.talker import Talker

PASSWORD = "correct horse battery"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_operator_s_page_needs_no_script_and_can_be_used_by_everybody(
    start_server: Start, browser: Browser, scheme: Any
) -> None:
    server = await start_server(operator_password=PASSWORD)
    async with Talker(server.url, "Ann") as ann:
        await ann.join("garden")
        await ann.ask("send", {"room": "nowhere", "text": "x", "id": "x" * 8})
        for script, size in ((True, WIDE), (True, PHONE), (False, PHONE)):
            options = {"bypass_csp": True, "color_scheme": scheme, "java_script_enabled": script, **size}
            context = await browser.new_context(**options)
            page = await context.new_page()
            await page.goto(f"{server.url}/operator")
            if script:
                assert await violations(page) == []
                await fits(page)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Open").click()
            rooms = page.get_by_role("region", name="Rooms used last").get_by_role("table")
            await expect(rooms.get_by_role("rowheader", name="#garden")).to_be_visible()
            if script:
                assert await violations(page) == []
                await fits(page)
            await page.get_by_role("button", name="Leave").click()
            await expect(page.get_by_label("Password")).to_be_visible()
            await context.close()
