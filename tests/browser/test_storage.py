"""What the browser stores: it may be blocked or throw, and what is there may be anything. The page opens and works."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Error, expect

from tests.browser.conftest import Between, Start, Visit
from tests.chat.test_cookies import is_free_for
from tests.support.browser import Visitor, private_chromium
from tests.support.proxy import Fault, Proxy
from tests.support.talker import Talker
from tests.support.thorough import first

DAMAGED = 'throw new DOMException("damaged", "UnknownError")'
BROKEN = {
    "a profile of Firefox": f"""
      for (const name of ["getItem", "removeItem", "key"]) Storage.prototype[name] = () => {{ {DAMAGED} }};""",
    "every function": f"""
      for (const name of ["getItem", "setItem", "removeItem", "key", "clear"])
        Storage.prototype[name] = () => {{ {DAMAGED} }};
      Object.defineProperty(Storage.prototype, "length", {{ get() {{ {DAMAGED} }} }});""",
    "only removing": f"Storage.prototype.removeItem = () => {{ {DAMAGED} }};",
    "full": f"Storage.prototype.setItem = () => {{ {DAMAGED} }};",
    "forgets without a word": "Storage.prototype.setItem = () => undefined;",
    "blocked": f"""
      for (const kind of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, kind, {{ get() {{ {DAMAGED} }} }});""",
    "absent": """
      for (const kind of ["localStorage", "sessionStorage"]) Object.defineProperty(window, kind, { value: null });""",
    "whatever is asked": f"""
      const no = () => {{ {DAMAGED} }};
      const damaged = new Proxy({{}}, {{ get: no, set: no, has: no, ownKeys: no, deleteProperty: no }});
      for (const kind of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, kind, {{ get: () => damaged }});""",
    "more than storage": f"""
      const no = () => {{ {DAMAGED} }};
      for (const kind of ["localStorage", "sessionStorage"]) Object.defineProperty(window, kind, {{ get: no }});
      Object.defineProperty(navigator, "locks", {{ get: no }});
      window.matchMedia = no;""",
}


FORGETS_NOTHING = {"only removing"}


async def is_told(visitor: Visitor, kind: str) -> None:
    line = visitor.page.locator("#forgetting")
    if kind in FORGETS_NOTHING:
        await expect(line).to_be_hidden()
    else:
        await expect(line).to_contain_text("forgets")
        await expect(line).to_be_visible()


@pytest.mark.parametrize("kind", first(BROKEN, "a profile of Firefox", "more than storage"))
async def test_where_storage_is_broken_one_talks_all_the_same_and_is_told(url: str, visit: Visit, kind: str) -> None:
    alice = await visit(url, "alice")
    await alice.context.add_init_script(BROKEN[kind])
    await alice.page.goto(url)
    await is_told(alice, kind)
    await alice.enters("lobby")
    await alice.is_in()
    await is_told(alice, kind)
    await alice.says("with nothing to keep it in")
    await alice.box.fill("a draft")
    await alice.page.get_by_role("textbox", name="Room").fill("den")
    await alice.page.get_by_role("textbox", name="Room").press("Enter")
    await expect(alice.page.locator("#room-name")).to_have_text("den")
    await alice.room_entry("lobby").click()
    await expect(alice.box).to_have_value("a draft")
    await alice.reads(["with nothing to keep it in"])
    await alice.page.reload()
    await alice.is_in()
    await alice.reads(["with nothing to keep it in"])
    if kind not in FORGETS_NOTHING:
        await alice.page.get_by_role("button", name="Understood").click()
    await expect(alice.page.locator("#forgetting")).to_be_hidden()
    for path in ("/echo", "/diagnostics"):
        await alice.page.goto(url + path)
        await expect(alice.page.get_by_role("heading", level=1)).to_be_visible()
    await expect(alice.page.get_by_role("button", name="Look again")).to_be_enabled()


KEYS = (
    *("rooms", "last-room", "read:lobby", "read:", "outbox:x", "outbox:", "draft:den", "draft:", "edited:lobby"),
    *("edit:lobby", "reply:lobby", "polling-until", "sse-until", "person", "token", "tab", "unread", "forgetting-read"),
)
VALUES = {
    "cut off": '{"epo',
    "null": "null",
    "a list": "[]",
    "an object": "{}",
    "empty": "",
    "no text": "5",
    "below nothing": "-1",
    "beyond numbers": "1e999",
    "not a number": "NaN",
    "a prototype": '{"__proto__": {"seq": 1, "epoch": "x"}, "constructor": 1}',
    "wrong types": '{"epoch": 1, "seq": "x", "id": [], "room": {}, "text": 5, "verb": 1, "at": "x", "nickname": null}',
    "a list of anything": '[null, 5, {}, [], "../..", "__proto__", "", "UPPER", "\\ud800"]',
    "half a character": "\ud800",
    "far away": '{"epoch": "0", "seq": 1e300, "nth": 1e300, "at": 1e300, "touched": -1e300}',
    "the year 9999": "253402300799000",
    "deep": "[" * 20_000,
    "huge": json.dumps([f"room-{number}" for number in range(5_000)]),
}
PUT = """([key, value]) => { for (const storage of [localStorage, sessionStorage]) storage.setItem(key, value); }"""


async def finds(visitor: Visitor, rows: dict[str, str]) -> None:
    """These rows are in the browser before the page opens."""
    await visitor.page.goto(f"{visitor.url}/healthz")  # of the same origin, and runs nothing
    for key, value in rows.items():
        await visitor.page.evaluate(PUT, [f"parlor:{key}", value])


async def works(visitor: Visitor, texts: list[str]) -> None:
    """The room opens and reads so; what is said there is said; and the landing page still knows the nickname."""
    await visitor.page.goto(f"{visitor.url}/r/lobby")
    await visitor.is_in()
    await visitor.says(texts[-1])
    await visitor.reads(texts)
    await visitor.page.goto(visitor.url)
    await expect(visitor.nickname_box).to_have_value(visitor.nickname)


@pytest.mark.parametrize("part", first(range(3), 0))
async def test_whatever_is_in_a_row_the_page_opens_and_works(url: str, visit: Visit, part: int) -> None:
    """Twice in a row: what the first visit leaves in the rows is read by the second."""
    alice = await visit(url, "alice")
    texts: list[str] = []
    for damage in list(VALUES)[part::3]:
        await finds(alice, dict.fromkeys(KEYS, VALUES[damage]) | {"nickname": "alice"})
        for time in ("at first", "again"):
            texts.append(f"{damage}, {time}")
            try:
                await works(alice, texts)
            except AssertionError as error:
                error.add_note(f"in every row: {damage}, {time}")
                raise


async def test_the_damaged_rows_that_were_found_in_the_wild_stop_nobody(url: str, visit: Visit) -> None:
    rows = [
        ("read:lobby", '{"epo'),
        ("read:lobby", "null"),
        ("read:lobby", "[]"),
        ("read:lobby", '{"epoch":1,"seq":"x"}'),
        ("read:", "1"),
    ]
    for number, (key, value) in enumerate(rows):
        alice = await visit(url, f"alice {number}")
        await finds(alice, {key: value, "nickname": alice.nickname})
        await alice.page.goto(f"{url}/r/lobby")
        await alice.is_in()


@pytest.mark.parametrize(
    "nickname", first(["", "  ", "\ud800", "x" * 100_000], "  ", "\ud800"), ids=["empty", "blank", "half", "huge"]
)
async def test_a_stored_nickname_that_cannot_be_one_is_asked_for(url: str, visit: Visit, nickname: str) -> None:
    alice = await visit(url, "alice")
    await finds(alice, {"nickname": nickname})
    await alice.enters("lobby")
    await alice.is_in()


async def test_a_damaged_row_does_not_take_the_unsent_words_beside_it_along(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    words = {"room": "lobby", "text": "said before", "at": 1, "nth": 1, "tab": "gone", "touched": 0}
    await finds(
        alice,
        {
            "nickname": "alice",
            "outbox:broken-1": '{"id":"broken-1","room":"lob',
            "outbox:message-1": json.dumps({"id": "message-1", **words}),
            "outbox:message-2": json.dumps({"id": "message-2", **words, "at": "x", "nth": 2, "text": "and this"}),
            "outbox:message-3": json.dumps({"id": "another", **words}),
        },
    )
    await alice.page.goto(f"{url}/r/lobby")
    await alice.is_in()
    await alice.reads(["said before", "and this"])


async def connected(talker: Talker, room: str) -> list[str]:
    """Who is in the room, and not on the way back to it."""
    people = (await talker.ask("people", {"room": room}))["people"]
    return [one["nickname"] for one in people if "reconnecting" not in one]


async def test_what_is_read_further_than_was_ever_said_begins_anew(url: str, visit: Visit) -> None:
    """Else nothing would ever be new again in that room."""
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    await alice.page.get_by_role("textbox", name="Room").fill("den")
    await alice.page.get_by_role("textbox", name="Room").press("Enter")
    await expect(alice.people).to_have_text(["alice"])
    async with Talker(url, "bob") as bob:
        epoch = (await bob.join("den"))["room"]["epoch"]
        await alice.room_entry("lobby").click()
        await finds(alice, {"read:den": json.dumps({"epoch": epoch, "seq": 9_000_000})})
        await alice.page.goto(f"{url}/r/lobby")
        await alice.is_in()
        await expect(alice.page.locator("[data-room=den]")).to_be_visible()
        while "alice" not in await connected(bob, "den"):
            pass
        await bob.say("den", "is this new?")
        await expect(alice.room_entry("den").locator(".badge")).to_have_text("1")


async def test_where_cookies_are_blocked_a_reload_keeps_the_name_and_the_cause_is_told(
    proxy: Proxy, visit: Visit
) -> None:
    proxy.without = ("cookie",)
    alice = await visit(proxy.url, "alice")
    await alice.enters("lobby")
    await alice.is_in()
    line = alice.page.locator("#forgetting")
    await expect(line).to_contain_text("Cookies are blocked here")
    await alice.says("who am I?")
    await alice.reads(["who am I?"])
    await alice.page.reload()
    await alice.is_in()
    await expect(alice.people).to_have_text(["alice"])
    await expect(alice.log.locator(".is-mine .message-text")).to_have_text(["who am I?"])
    await expect(line).to_be_visible()
    await alice.page.get_by_role("button", name="Understood").click()
    await alice.page.reload()
    await alice.is_in()
    await expect(line).to_be_hidden()


async def test_diagnostics_tells_that_cookies_are_blocked(proxy: Proxy, visit: Visit) -> None:
    proxy.without = ("cookie",)
    alice = await visit(proxy.url, "alice")
    await alice.page.goto(f"{proxy.url}/diagnostics")
    await expect(alice.page.get_by_role("list", name="Findings")).to_contain_text("no cookie comes back")
    await expect(alice.page.get_by_role("list", name="What to do")).to_contain_text("Allow cookies")


async def test_the_name_of_a_closed_tab_without_cookies_is_free_after_the_grace(
    start_server: Start, between: Between, visit: Visit
) -> None:
    server = await start_server(grace=1)
    proxy = await between(server.url)
    proxy.without = ("cookie",)
    alice = await visit(proxy.url, "alice")
    await alice.enters("lobby")
    await alice.is_in()
    await alice.page.reload()
    await alice.is_in()
    await alice.page.close()
    async with Talker(server.url, "bob") as bob:
        await is_free_for(bob, "alice")


async def test_where_the_browser_blocks_cookies_altogether_one_is_oneself_through_a_reload(
    url: str, tmp_path: Path
) -> None:
    """Chromium takes the storage away with the cookies."""
    profile = tmp_path / "profile" / "Default"
    profile.mkdir(parents=True)
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Preferences").write_text(json.dumps(blocked))
    async with private_chromium(profile.parent) as context:
        alice = Visitor(context, await context.new_page(), url, "alice")
        alice.listen()
        await alice.enters("lobby")
        await alice.is_in()
        with pytest.raises(Error, match="SecurityError"):
            await alice.page.evaluate("localStorage")
        await expect(alice.page.locator("#forgetting")).to_contain_text("blocks cookies and storage")
        await alice.says("who am I?")
        await alice.reads(["who am I?"])
        await alice.page.reload()
        await alice.is_in()
        await expect(alice.people).to_have_text(["alice"])
        await expect(alice.log.locator(".is-mine .message-text")).to_have_text(["who am I?"])
        assert alice.troubles() == []


YOUNGER_THAN_2021 = """
  for (const name of ["timeout", "any"]) delete AbortSignal[name];
  for (const name of ["at", "findLast", "findLastIndex", "toSorted", "toSpliced", "toReversed", "with"])
    delete Array.prototype[name];
  for (const owner of [String.prototype, Int8Array.prototype.__proto__]) delete owner.at;
  for (const name of ["fromAsync"]) delete Array[name];
  for (const name of ["hasOwn", "groupBy"]) delete Object[name];
  for (const name of ["withResolvers", "try"]) delete Promise[name];
  for (const name of ["isWellFormed", "toWellFormed"]) delete String.prototype[name];
  for (const name of ["structuredClone", "BroadcastChannel", "SharedWorker", "CompressionStream", "navigation"])
    delete window[name];
  delete Crypto.prototype.randomUUID;
  delete Intl.Segmenter;
  delete Navigator.prototype.locks;
  delete Navigator.prototype.userAgentData;
  delete SubmitEvent.prototype.submitter;
  delete HTMLFormElement.prototype.requestSubmit;
  delete HTMLElement.prototype.inert;
  for (const name of ["showPopover", "hidePopover", "togglePopover"]) delete HTMLElement.prototype[name];
  for (const name of ["show", "showModal", "close"]) delete HTMLDialogElement.prototype[name];
  delete Element.prototype.checkVisibility;
  delete Document.prototype.startViewTransition;
"""


async def test_a_browser_of_2021_talks(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.context.add_init_script(YOUNGER_THAN_2021)
    await alice.enters("lobby")
    await alice.is_in("websocket")
    await alice.says("by Enter")
    await alice.box.fill("by the button")
    await alice.page.get_by_role("button", name="Send").click()
    await alice.reads(["by Enter", "by the button"])
    await alice.types("/help")
    await expect(alice.page.get_by_text("/reserve")).to_be_visible()
    await alice.box.press("ArrowUp")
    await alice.box.fill("by the button, edited")
    await alice.box.press("Enter")
    await alice.reads(["by Enter", re.compile("edited")])  # type: ignore[list-item]
    await alice.page.goto(f"{url}/echo")
    await alice.page.get_by_role("button", name="Connect", exact=True).click()
    for kind in ("Send text", "Send bytes"):
        await alice.page.get_by_role("button", name=kind).click()
    await expect(alice.page.get_by_role("log", name="Frames").locator("[data-way=in]")).to_have_count(2)
    await alice.page.goto(f"{url}/diagnostics")
    await expect(alice.page.get_by_role("status", name="Verdict")).to_contain_text("All is well")


@pytest.mark.parametrize("fault", first([Fault.HANGS, Fault.SILENT], Fault.HANGS), ids=["hangs", "silent"])
async def test_a_browser_of_2021_falls_back_where_a_websocket_hangs(proxy: Proxy, visit: Visit, fault: Fault) -> None:
    proxy.websocket = fault
    alice = await visit(proxy.url, "alice")
    alice.forgives_network = True
    await alice.context.add_init_script(YOUNGER_THAN_2021)
    await alice.enters("lobby")
    await alice.is_in("polling")
    await alice.says("by polling")
    await alice.reads(["by polling"])
