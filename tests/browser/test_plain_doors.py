"""What the pictures of the seeds show: plain clients and browsers in one room, the echo page, a chat in one file."""

from collections.abc import Callable

from playwright.async_api import Page, expect

from tests.browser.conftest import Visit
from tests.conftest import Start
from tests.support.plain import PlainTalker
from tests.support.process import PROJECT


async def test_two_plain_clients_and_two_browsers_trade_lines(start_server: Start, visit: Visit) -> None:
    server = await start_server(transports=("websocket", "polling"))
    alice, carol = await visit(server.url, "alice"), await visit(server.url, "carol")
    await carol.page.route_web_socket("**/socket.io/**", lambda ws: ws.close())  # she falls back to polling
    for one in (alice, carol):
        await one.enters("lobby")
    async with PlainTalker(server.url, "lobby", "Ann") as ann:
        await ann.hears("Ann has connected.")
        async with PlainTalker(server.url, "lobby", "Bob") as bob:
            await ann.hears("Bob has connected.")
            await bob.say("hello from a plain socket")
            await alice.says("hello from a browser")
            for plain in (ann, bob):
                await plain.hears("Bob said: hello from a plain socket")
                await plain.hears("alice said: hello from a browser")
            for one in (alice, carol):
                await expect(one.said.filter(has_text="hello from a plain socket")).to_be_visible()
                await expect(one.people.filter(has_text="Bob")).to_be_visible()
        await ann.hears("Bob has gone away.")
        await expect(alice.people.filter(has_text="Bob")).to_have_count(0)


async def test_the_echo_page_leads_into_a_room_by_each_plain_door(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    pages: dict[str, Page] = {}
    for kind in ("lines", "json", "events"):
        page = pages[kind] = await alice.context.new_page()
        await page.goto(f"{url}/echo")
        await page.get_by_role("combobox", name="Leads to").select_option(kind)
        await expect(page.get_by_role("combobox", name="Subprotocol")).to_be_hidden()
        await page.get_by_role("button", name="Connect", exact=True).click()
        await expect(page.get_by_role("status", name="State")).to_contain_text("open")
    frames: Callable[[str], object] = lambda kind: pages[kind].get_by_role("log", name="Frames")  # noqa: E731
    await expect(frames("lines")).to_contain_text("alice has connected.")
    await expect(frames("json")).to_contain_text('{"event":"joined"')
    await expect(pages["events"].get_by_role("button", name="Send text")).to_be_hidden()
    for kind in ("lines", "json"):
        await pages[kind].get_by_role("button", name="Send text").click()
    await expect(alice.said.filter(has_text="Hello, room")).to_have_count(2)
    await expect(frames("lines").get_by_text("alice said: Hello, room")).to_have_count(2)
    await expect(frames("json")).to_contain_text('{"ref":1,"answer":{"message":')
    await expect(frames("events")).to_contain_text("message 2: {")
    for page in pages.values():
        await page.get_by_role("button", name="Disconnect").click()
        await expect(page.get_by_role("status", name="State")).to_contain_text("closed")


async def test_a_chat_in_one_file_broadcasts(start_server: Start, visit: Visit) -> None:
    server = await start_server(origins="null")
    place = f"{(PROJECT / 'docs' / 'examples' / 'plain-chat.html').as_uri()}?site={server.url}&room=den"
    alice = await visit(server.url, "alice")
    pages = []
    for name in ("Ann", "Bob"):
        page = await alice.context.new_page()
        page.on("dialog", lambda dialog, name=name: dialog.accept(name))
        await page.goto(place)
        await expect(page.get_by_role("log")).to_contain_text(f"{name} has connected.")
        pages.append(page)
    await expect(pages[0].get_by_role("log")).to_contain_text("Bob has connected.")
    for page, text in zip(pages, ("<b>hello</b>", "and hello"), strict=True):
        await page.get_by_role("textbox", name="Message").fill(text)
        await page.get_by_role("button", name="Send").click()
    for page in pages:
        await expect(page.get_by_role("log")).to_contain_text("Ann said: <b>hello</b>")
        await expect(page.get_by_role("log")).to_contain_text("Bob said: and hello")
    await pages[1].close()
    await expect(pages[0].get_by_role("log")).to_contain_text("Bob has gone away.")
