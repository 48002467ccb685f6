"""The browser's token: replaced where it was never issued, and by identifying; no script sees it, no tab is lost."""

import asyncio
from pathlib import Path

from playwright.async_api import expect

from app.chat import people
from app.model import COOKIE
from tests.browser.conftest import Start, Visit
from tests.browser.test_identity import PASSPHRASE, comes_from_another_device, enters, is_called, reserves
from tests.support import PATIENCE
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker, until


async def cookie(visitor: Visitor) -> str:
    return next(one["value"] for one in await visitor.context.cookies() if one["name"] == COOKIE)


async def plants(visitor: Visitor, token: str) -> None:
    await visitor.context.add_cookies([{"name": COOKIE, "value": token, "url": visitor.url}])


async def gives_another_cookie(visitor: Visitor, before: str) -> None:
    """A tab comes with the old one first, and asks then."""
    async with asyncio.timeout(PATIENCE):
        while await cookie(visitor) == before:
            await asyncio.sleep(0.05)


async def identifies(visitor: Visitor) -> None:
    await visitor.box.fill("/identify alice")
    await visitor.box.press("Enter")
    await visitor.passphrase_box.fill(PASSPHRASE)
    await visitor.passphrase_box.press("Enter")
    await expect(visitor.self_mark).to_be_visible()


async def test_a_token_that_was_made_up_is_replaced_on_the_way_in(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await plants(alice, "p" * 43)
    await alice.enters("lobby")
    await alice.is_in()
    given = await cookie(alice)
    assert given != "p" * 43
    async with Talker(url, token=given) as same:
        assert same.me["nickname"] == "alice"
    await expect(alice.page.locator("#forgetting")).to_be_hidden()


async def test_after_the_loss_of_the_database_all_tabs_have_the_same_new_token(
    start_server: Start, visit: Visit, tmp_path: Path
) -> None:
    server = await start_server()
    alice = await enters(visit, server.url, "alice")
    tab = await alice.another_tab("lobby")
    alice.forgives_network = True
    for loss in range(2):  # as on a host that forgets its disk with each start
        token = await cookie(alice)
        await server.stop()
        server = await start_server(port=int(server.url.rpartition(":")[2]), data=tmp_path / f"{loss}")
        await gives_another_cookie(alice, token)
        mark = people.fingerprint(server.chat, await cookie(alice))
        await until(lambda server=server, mark=mark: len(server.chat.presence.online.with_token(mark)) == 2)
        for one in (alice, tab):
            await one.says("hello")  # so the page has heard that this one is known
            await expect(one.people).to_have_text(["alice"])
    for one in (alice, tab):
        await one.page.reload()
        await is_called(one, nickname="alice")
        await expect(one.people).to_have_text(["alice"])
        await expect(one.page.locator("#forgetting")).to_be_hidden()


async def test_identifying_changes_the_token_in_every_tab_and_whoever_planted_it_is_left_outside(
    url: str, visit: Visit
) -> None:
    alice = await enters(visit, url, "alice")
    await reserves(alice)
    async with Talker(url, "mallory") as mallory:
        await mallory.join("lobby")
        victim = await visit(url, "victim")
        assert mallory.token
        await plants(victim, mallory.token)
        await victim.enters("lobby")
        await victim.is_in()
        tab = await victim.another_tab("lobby")
        await identifies(victim)
        await is_called(victim, tab, nickname="alice")
        assert await cookie(victim) != mallory.token
        await victim.says("it is me")
        await tab.says("in every tab")
        await expect(alice.log.locator(".is-mine .message-text")).to_have_text(["it is me", "in every tab"])
    async with Talker(url, token=mallory.token) as late:
        assert late.welcome["token"], "a new one"
        assert late.me["nickname"] != "alice"
    for one in (victim, tab):
        await one.page.reload()
        await is_called(one, nickname="alice")


async def test_where_the_answer_is_lost_the_cookie_comes_with_the_next_connection(url: str, visit: Visit) -> None:
    await reserves(await enters(visit, url, "alice"))
    phone = await enters(visit, url, "phone")
    phone.forgives_network = True
    await phone.page.route("**/token", lambda route: route.abort(), times=1)
    async with phone.page.expect_event("requestfailed", lambda request: request.url.endswith("/token")):
        await identifies(phone)
    await phone.goes_offline()
    await expect(phone.status).not_to_contain_text("websocket")
    before = await cookie(phone)
    await phone.is_online_again()
    await gives_another_cookie(phone, before)
    await expect(phone.status).to_contain_text("websocket")
    await is_called(phone, nickname="alice")
    await phone.page.reload()
    await is_called(phone, nickname="alice")


async def test_where_cookies_are_blocked_the_tab_keeps_the_new_token(proxy: Proxy, visit: Visit) -> None:
    await reserves(await enters(visit, proxy.url, "alice"))
    proxy.without = ("cookie",)
    phone = await enters(visit, proxy.url, "phone")
    await identifies(phone)
    await phone.page.reload()
    await is_called(phone, nickname="alice")


async def test_from_another_device_the_first_visit_leaves_no_old_token(url: str, visit: Visit) -> None:
    await reserves(await enters(visit, url, "alice"))
    laptop = await comes_from_another_device(visit, url, "alice")
    before = await cookie(laptop)
    await laptop.passphrase_box.fill(PASSPHRASE)
    await laptop.passphrase_box.press("Enter")
    await is_called(laptop, nickname="alice")
    await laptop.page.reload()
    await is_called(laptop, nickname="alice")
    assert await cookie(laptop) != before
