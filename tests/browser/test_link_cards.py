"""The card under a message: what the page says of itself to which it links; or this site, of its own rooms."""

import asyncio
from typing import Any

from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_changes import row
from tests.conftest import Start
from tests.support.axe import violations
from tests.support.pages import Pages, page
from tests.support.talker import Talker

WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
HEAD = '<meta property="og:site_name" content="The Tea Times">'


async def test_a_card_comes_to_everybody_and_its_author_may_remove_it(start_server: Start, visit: Visit) -> None:
    server = await start_server(previews="on", preview_private=True)
    async with Pages() as pages, Talker(server.url, "cid") as cid:
        pages.at["/tea"] = page("How to brew green tea", "Seventy degrees, two minutes, and a warm pot. " * 3, HEAD)
        for room in ("attic", "lobby"):
            await cid.join(room)
        await cid.ask("topic", {"room": "attic", "topic": "Old things and who wants them"})
        await cid.say("attic", "There is a **lamp** that nobody wants")
        for n in range(30):
            await cid.say("lobby", f"number {n}")
        alice, bob = await asyncio.gather(
            visit(server.url, "alice", bypass_csp=True, **PHONE), visit(server.url, "bob", bypass_csp=True, **WIDE)
        )
        for one in (alice, bob):
            await one.enters("lobby")
            await expect(one.box).to_be_editable()
        await alice.types(f"read this: {pages.url('/tea')}")
        for one in (alice, bob):
            card = row(one, "read this").locator(".link-card")
            await expect(card.locator(".link-card-title")).to_have_text("How to brew green tea")
            await expect(card.locator(".link-card-site")).to_have_text("The Tea Times · 127.0.0.1")
            await expect(card).to_be_in_viewport(ratio=1)  # whoever reads at the end stays there
        await expect(row(bob, "read this").get_by_role("button", name="Remove this card")).to_have_count(0)
        await cid.say("lobby", f"look at {server.url}/r/attic and <b>")
        await cid.say("lobby", f"I mean {server.url}/r/attic#1")
        for one in (alice, bob):
            await expect(row(one, "look at").locator(".link-card-about")).to_have_text("Old things and who wants them")
            own = row(one, "I mean").locator(".link-card")
            await expect(own.locator(".link-card-title")).to_have_text("cid")
            await expect(own.locator(".link-card-about")).to_have_text("There is a lamp that nobody wants")
            await expect(own).to_be_in_viewport(ratio=1)
        for one in (alice, bob):
            assert await violations(one.page) == []
        await row(alice, "read this").hover()
        await row(alice, "read this").get_by_role("button", name="Remove this card").click()
        for one in (alice, bob):
            await expect(row(one, "read this").locator(".link-card")).to_have_count(0)
        await alice.page.get_by_role("button", name="Undo").click()
        await expect(row(bob, "read this").locator(".link-card")).to_have_count(1)
        await row(bob, "I mean").locator(".link-card").click()
        await expect(bob.log.locator('#said > [data-seq="1"]')).to_contain_text("that nobody wants")
        assert "/r/attic" in bob.page.url
