"""What the browser stores: it may be blocked or throw, and what is there may be anything. The page opens and works."""

import json

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.support.browser import Visitor
from tests.support.talker import Talker

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


@pytest.mark.parametrize("kind", list(BROKEN))
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
    *("edit:lobby", "reply:lobby", "polling-until", "person", "token", "tab", "unread", "forgetting-read"),
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
    await visitor.page.goto(f"{visitor.url}/echo")
    for key, value in rows.items():
        await visitor.page.evaluate(PUT, [f"parlor:{key}", value])


async def works_again_and_again(visitor: Visitor) -> None:
    for text in ("hello", "still here"):
        await visitor.page.goto(f"{visitor.url}/r/lobby")
        await visitor.is_in()
        await visitor.says(text)
    await visitor.reads(["hello", "still here"])
    await visitor.page.goto(visitor.url)
    await expect(visitor.nickname_box).to_have_value("alice")


@pytest.mark.parametrize("damage", list(VALUES))
async def test_whatever_is_in_a_row_the_page_opens_and_works(url: str, visit: Visit, damage: str) -> None:
    alice = await visit(url, "alice")
    await finds(alice, dict.fromkeys(KEYS, VALUES[damage]) | {"nickname": "alice"})
    await works_again_and_again(alice)


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


@pytest.mark.parametrize("nickname", ["", "  ", "\ud800", "x" * 100_000], ids=["empty", "blank", "half", "huge"])
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


async def test_what_is_read_further_than_was_ever_said_begins_anew(url: str, visit: Visit) -> None:
    """Else nothing would ever be new again in that room."""
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    await alice.page.get_by_role("textbox", name="Room").fill("den")
    await alice.page.get_by_role("textbox", name="Room").press("Enter")
    await expect(alice.people).to_have_text(["alice"])
    async with Talker(url, "bob") as bob:
        await bob.join("den")
        await alice.room_entry("lobby").click()
        row = json.loads(await alice.page.evaluate("localStorage['parlor:read:den']"))
        await finds(alice, {"read:den": json.dumps(row | {"seq": 9_000_000})})
        await alice.page.goto(f"{url}/r/lobby")
        await alice.is_in()
        await expect(alice.page.locator("[data-room=den]")).to_be_visible()
        await bob.hears("people", lambda news: any(one["nickname"] == "alice" for one in news["joined"]))
        await bob.say("den", "is this new?")
        await expect(alice.room_entry("den").locator(".badge")).to_have_text("1")
