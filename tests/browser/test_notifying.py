"""Who is called is told: in the log, in the lists, by the browser, and while no page is open."""

import asyncio
import re

import orjson
import pytest
from playwright.async_api import expect

from app.chat import pushing
from app.server import Running
from tests.browser.conftest import Start, Visit
from tests.support.axe import violations
from tests.support.pushes import push_service
from tests.support.talker import Talker, until


async def test_a_message_that_calls_me_is_marked_and_can_be_found_again(server: Running, visit: Visit) -> None:
    ann, bob = await visit(server.url, "Ann"), await visit(server.url, "bob")
    await ann.enters("lobby")
    await bob.enters("lobby")
    await bob.says("hello @ann, @everyone")
    await bob.says("hello all")
    called = ann.log.locator(".message.calls-me")
    await expect(called).to_have_count(1)
    await expect(called).to_contain_text("mentions you:")
    await expect(bob.log.locator(".message.calls-me")).to_have_count(0)
    await expect(ann.log.locator(".mention.is-me")).to_have_text(["@Ann"])
    await expect(ann.log.locator(".mention")).to_have_attribute("title", "@ann")
    await ann.says("@everyone hello")  # hers is the room
    await expect(bob.log.locator(".message.calls-me")).to_have_count(1)
    async with Talker(server.url, "cid") as cid:
        await cid.join("attic")
        await cid.say("attic", "come here @Ann")
        await bob.page.goto(f"{bob.url}/r/attic")
        await bob.is_in()
        await bob.says("@Ann, look")
    await ann.page.reload()
    await ann.is_in()
    button = ann.page.get_by_role("button", name=re.compile("Mentions"))
    await expect(button.get_by_label("2 new")).to_be_visible()
    await button.click()
    dialog = ann.page.get_by_role("dialog", name="Mentions")
    rows = dialog.get_by_role("listitem")
    await expect(rows).to_have_count(3)
    await expect(rows.first).to_contain_text("@Ann, look")
    assert await violations(ann.page) == []
    await rows.nth(1).get_by_role("button").press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(ann.page).to_have_url(f"{ann.url}/r/attic")
    await expect(ann.log.locator(".message:focus")).to_contain_text("come here @Ann")
    await expect(button.get_by_label("new")).to_be_hidden()
    await ann.page.get_by_role("list", name="Rooms").get_by_role("link", name="lobby").click()
    await expect(ann.room_entry("lobby")).to_have_attribute("aria-current", "page")
    await bob.says("and again @Ann")
    await expect(ann.room_entry("attic").get_by_label("1 mention", exact=True)).to_be_visible()
    await expect(button.get_by_label("1 new")).to_be_visible()


RECORD = """
window.shown = [];
window.asked = 0;
window.notes = 0;
window.Notification = class extends EventTarget {
  static permission = "default";
  static async requestPermission() { window.asked += 1; return (Notification.permission = "granted"); }
  constructor(title, options) { super(); Object.assign(this, { title, options }); window.shown.push(this); }
  close() { this.isClosed = true; }
};
const { start } = OscillatorNode.prototype;
OscillatorNode.prototype.start = function (at) { window.notes += 1; return start.call(this, at); };
"""
TITLES = "shown.map(({ title }) => title)"


async def test_the_browser_tells_once_in_all_tabs_and_leads_to_the_message(server: Running, visit: Visit) -> None:
    ann, bob = await visit(server.url, "Ann"), await visit(server.url, "bob")
    ann.forgives_network = True
    await ann.context.add_init_script(RECORD)
    await ann.enters("lobby")
    tab = await ann.another_tab("attic")
    await ann.page.goto(f"{ann.url}/r/attic")
    await ann.is_in()
    await bob.enters("lobby")
    await bob.says("hello @Ann")
    await expect(tab.page).to_have_title(re.compile(r"^\(1\) #attic"))
    offers = [one.page.get_by_role("button", name="Turn on") for one in (ann, tab)]
    await tab.waits_for("document.querySelector('link[rel=icon]').href.includes('favicon-news')")

    async def offered() -> int:
        return sum([await one.count() for one in offers])

    async with asyncio.timeout(15):
        while await offered() == 0:
            await asyncio.sleep(0.02)
    assert await offered() == 1, "one of the tabs asks, in its page"
    assert [await one.page.evaluate("asked") for one in (ann, tab)] == [0, 0], "and the browser was not asked"
    asking = 0 if await offers[0].count() else 1
    await offers[asking].click()
    one = (ann, tab)[asking]
    await one.waits_for("Notification.permission === 'granted'")
    other = (tab, ann)[asking]
    await other.page.evaluate("Notification.permission = 'granted'")
    await one.page.get_by_role("button", name="Room menu").click()
    await one.page.get_by_role("menuitem", name="Notifications…").click()
    dialog = one.page.get_by_role("dialog", name="Notifications")
    await expect(dialog.get_by_label("Show notifications")).to_be_checked()
    await dialog.get_by_label("Play a sound").check()
    await one.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await bob.says("nothing for anybody")
    await bob.types("@Ann, once more")
    async with asyncio.timeout(15):
        while not (told := [*await ann.page.evaluate(TITLES), *await tab.page.evaluate(TITLES)]):
            await asyncio.sleep(0.02)
    assert told == ["bob in #lobby"]
    teller = ann if await ann.page.evaluate("shown.length") else tab
    assert await teller.page.evaluate("notes") == 2
    await teller.page.evaluate("shown[0].dispatchEvent(new Event('click'))")
    await expect(teller.page).to_have_url(f"{ann.url}/r/lobby")
    await expect(teller.log.locator(".message:focus")).to_contain_text("once more")
    await teller.waits_for("document.querySelector('link[rel=icon]').href.includes('favicon.svg')")


async def test_what_came_while_one_was_away_is_told_once_and_nothing_where_one_chose_so(
    server: Running, visit: Visit
) -> None:
    ann = await visit(server.url, "Ann")
    await ann.context.add_init_script(RECORD + "Notification.permission = 'granted';")
    await ann.context.add_init_script("localStorage.setItem('parlor:notify-desktop', 'on');")
    await ann.enters("lobby")
    for room in ("attic", "cellar"):
        await ann.page.goto(f"{ann.url}/r/{room}")
        await ann.is_in()
    for room, level in (("attic", "Every message"), ("cellar", "Nothing")):
        await ann.room_entry(room).click()
        await ann.page.get_by_role("button", name="Room menu").click()
        await ann.page.get_by_role("menuitem", name="Notifications…").click()
        await ann.page.get_by_label(level).check()
        await ann.page.get_by_role("button", name="Done").click()
    async with Talker(server.url, "bob") as bob:
        for room in ("lobby", "attic", "cellar"):
            await bob.join(room)
        await ann.goes_offline()
        await expect(ann.status).not_to_contain_text("Connected")
        for room in ("lobby", "attic", "cellar"):
            await bob.say(room, "one")
            await bob.say(room, "two for @ann")
        await ann.is_online_again()
        await ann.waits_for("shown.length > 0")
        assert await ann.page.evaluate(TITLES) == ["3 new messages in 2 rooms, 2 mention you"]
        await bob.say("cellar", "@ann?")
        await bob.say("attic", "three")
        await ann.waits_for("shown.length > 1")
        assert await ann.page.evaluate("shown.map(({ options }) => options.body)") == ["", "three"]
    device = await visit(server.url, "Ann")
    await device.context.add_cookies(await ann.context.cookies())
    await device.enters("cellar")
    await device.waits_for("localStorage.getItem('parlor:notify:cellar') === 'none'")
    assert await device.page.evaluate("localStorage.getItem('parlor:notify:attic')") == "all"


async def test_somebody_writes_to_me_alone_and_a_push_is_shown_by_the_worker(
    start_server: Start, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "DELAY_S", 0.05)
    server = await start_server(push_private=True)
    ann = await visit(server.url, "Ann", permissions=["notifications"], service_workers="allow")
    async with push_service() as service, Talker(server.url, "bob") as bob:
        browser = service.browser("Ann")
        await ann.context.add_init_script(
            RECORD
            + f"""
          Notification.permission = 'granted';
          const subscription = {orjson.dumps(browser.subscription).decode()};
          PushManager.prototype.getSubscription = async () => null;
          PushManager.prototype.subscribe = async ({{ userVisibleOnly, applicationServerKey }}) => {{
            window.key = applicationServerKey.length;
            const {{ endpoint, p256dh, auth }} = subscription;
            return {{ toJSON: () => ({{ endpoint, keys: {{ p256dh, auth }} }}) }};
          }};"""
        )
        await ann.enters("lobby")
        await ann.page.get_by_role("button", name="Room menu").click()
        await ann.page.get_by_role("menuitem", name="Notifications…").click()
        await ann.page.get_by_label("Show notifications").check()
        await ann.page.get_by_label("Also while no page is open").check()
        await ann.waits_for("localStorage.getItem('parlor:push') === 'on'")
        assert await ann.page.evaluate("key") == 65
        await ann.page.get_by_role("button", name="Done").click()
        me = await ann.page.evaluate("JSON.parse(localStorage.getItem('parlor:person')).id")
        await bob.ask("open", {"person": me})
        await bob.say(f"@{me}", "are you there?")
        await ann.waits_for("shown.length > 0")
        assert await ann.page.evaluate(TITLES) == ["bob"]
        assert browser.asked == 0, "a page is open"
        worker = ann.context.service_workers[0]
        await ann.page.goto("about:blank")
        await until(lambda: not server.chat.presence.online.is_here(me))
        await bob.say(f"@{me}", "now you are not")
        (told,) = await browser.gets(1)
        assert (told["room"], told["text"]) == (f"@{bob.me['id']}", "now you are not")
        record = "self.registration.showNotification = async (title, { body }) => (self.shown = `${title}: ${body}`)"
        push = "self.dispatchEvent(new PushEvent('push', { data: JSON.stringify(told) }))"
        await worker.evaluate(f"(told) => {{ {record}; {push}; }}", told)
        async with asyncio.timeout(15):
            while await worker.evaluate("self.shown") != "bob: now you are not":
                await asyncio.sleep(0.02)
