"""Places where the page may live: under a path of a host, and in a frame of another site's page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import FrameLocator, Page, expect

from app.model import COOKIE, HOST_COOKIE
from app.web.look import COOKIE as LOOK
from tests.browser.conftest import Start, Visit
from tests.doctor.certificates import Authority
from tests.doctor.conftest import Faults, authority, faulty
from tests.support.thorough import first

__all__ = ["authority", "faulty"]

Framing = Callable[[str], Awaitable[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def framing() -> AsyncIterator[Framing]:
    """`await framing()`: the address of a page, on `localhost`, that frames what `?of=` names."""
    async with AsyncExitStack() as stack:

        async def page(request: web.Request) -> web.Response:
            html = (
                f'<!doctype html><link rel=icon href="data:,"><iframe src="{request.query["of"]}" width=900 height=600>'
            )
            return web.Response(text=html, content_type="text/html")

        async def begin() -> str:
            app = web.Application()
            app.router.add_get("/", page)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://localhost:{runner.addresses[0][1]}"

        yield begin


@pytest.mark.parametrize("transport", first(["websocket", "polling"], "polling"))
async def test_under_a_path_people_talk_and_find_every_page(start_server: Start, visit: Visit, transport: str) -> None:
    server = await start_server(base_path="/chat", transports=transport)
    alice = await visit(server.url, "alice")
    await alice.page.goto(f"{server.url}/")
    await alice.nickname_box.fill("alice")
    await alice.page.get_by_role("textbox", name="Room").fill("lobby")
    await alice.page.get_by_role("button", name="Join").click()
    await alice.is_in(transport)
    await expect(alice.page).to_have_url(f"{server.url}/r/lobby")
    await alice.says("hello")
    await alice.reads(["hello"])
    await alice.types("/join tea")
    await expect(alice.page).to_have_url(f"{server.url}/r/tea")
    assert await alice.room_entry("lobby").get_attribute("href") == "/chat/r/lobby"
    await alice.page.go_back()
    await alice.reads(["hello"])
    await alice.page.reload()
    await alice.is_in(transport)
    await alice.reads(["hello"])
    cookies = {one["name"]: one["path"] for one in await alice.context.cookies(f"{server.url}/")}
    assert cookies == {COOKIE: "/chat", LOOK: "/chat"}
    await alice.page.goto(f"{server.url}/diagnostics")
    await expect(alice.page.get_by_role("status", name="Verdict")).to_have_attribute("data-verdict", "ok")
    await alice.page.goto(f"{server.url}/echo")
    await alice.page.get_by_role("button", name="Connect", exact=True).click()
    await expect(alice.page.get_by_role("status", name="State")).to_contain_text("open")


async def enter(page: Page, nickname: str) -> FrameLocator:
    frame = page.frame_locator("iframe")
    await frame.get_by_role("textbox", name="Nickname").fill(nickname)
    await frame.get_by_role("textbox", name="Nickname").press("Enter")
    await expect(frame.get_by_role("textbox", name="Message")).to_be_editable()
    return frame


async def say(frame: FrameLocator, text: str) -> None:
    await frame.get_by_role("textbox", name="Message").fill(text)
    await frame.get_by_role("textbox", name="Message").press("Enter")
    await expect(frame.locator("#said .message-text")).to_have_text([text])
    await expect(frame.locator("#pending .message-text")).to_have_count(0)


@pytest.mark.parametrize("transport", first(["websocket", "polling"], "websocket"))
async def test_in_a_frame_of_a_page_that_is_named_people_talk(
    start_server: Start, visit: Visit, framing: Framing, transport: str
) -> None:
    outside = await framing()
    server = await start_server(embed=(outside,), transports=transport)
    alice = await visit(server.url, "alice")
    await alice.page.goto(f"{outside}/?of={server.url}/r/lobby")
    frame = await enter(alice.page, "alice")
    await say(frame, "hello from within")
    bob = await visit(server.url, "bob")
    await bob.enters("lobby")
    await bob.reads(["hello from within"])


async def enter_again(page: Page, nickname: str) -> FrameLocator:
    """A browser that blocks storage in frames asks for the name once more; the person is the same."""
    frame = page.frame_locator("iframe")
    asked = frame.get_by_role("textbox", name="Nickname")
    await expect(asked.or_(frame.get_by_role("textbox", name="Message")).first).to_be_visible()
    return await enter(page, nickname) if await asked.is_visible() else frame


async def test_in_a_frame_over_https_a_person_stays_who_they_are(
    start_server: Start, visit: Visit, framing: Framing, faulty: Faults, authority: Authority
) -> None:
    """By a cookie that is kept for this framing site alone."""
    outer = await faulty(await framing(), tls=authority.tls())
    outside = outer.url.replace("127.0.0.1", "localhost")
    server = await start_server(embed=(outside,), trust_proxies=1)
    inner = await faulty(server.url, tls=authority.tls())
    inner.says_proto = "https"
    alice = await visit(inner.url, "alice", ignore_https_errors=True)
    await alice.page.goto(f"{outside}/?of={inner.url}/r/lobby")
    frame = await enter(alice.page, "alice")
    await say(frame, "hello from within")
    (cookie,) = [one for one in await alice.context.cookies() if one["name"] == HOST_COOKIE]
    assert (cookie["secure"], cookie["sameSite"]) == (True, "None")
    await alice.page.reload()
    frame = await enter_again(alice.page, "alice")
    await expect(frame.locator("#said .message-text")).to_have_text(["hello from within"])
    await expect(frame.locator("#self-nickname")).to_have_text("alice")
    assert [one["value"] for one in await alice.context.cookies() if one["name"] == HOST_COOKIE] == [cookie["value"]]


async def test_nobody_else_may_frame_the_page(start_server: Start, visit: Visit, framing: Framing) -> None:
    outside = await framing()
    for embed in ((), ("https://www.example.org",)):
        server = await start_server(embed=embed)
        alice = await visit(server.url, "alice")
        await alice.page.goto(f"{outside}/?of={server.url}/r/lobby")
        await expect(alice.page.frame_locator("iframe").get_by_role("textbox", name="Nickname")).to_have_count(0)
        assert any("frame-ancestors" in one or "X-Frame-Options" in one for one in alice.complaints)
        alice.complaints.clear()
