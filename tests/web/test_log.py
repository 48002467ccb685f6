"""The room's log as a plain page: by day, in pages, for browsers that run no script."""

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
from sqlalchemy import text

from app.chat import doors
from app.chat.verbs import perform
from app.server import Running
from app.web import log
from tests.support.talker import Talker, new_id
from tests.support.uploads import Uploader, picture

IDS = re.compile(r'<li class="entry" id="(\d+)">')


@pytest.fixture
async def browser(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url, headers={"Accept": "text/html"}) as session:
        yield session


async def said(server: Running, *times: str) -> None:
    """Messages said at these times (ISO, UTC), in this order."""
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for n, at in enumerate(times, 1):
            await alice.say("lobby", f"line {n}")
            ms = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
            await server.database.write(_said_at, n, ms)


def _said_at(db, seq: int, at: int) -> None:
    db.execute(text("UPDATE messages SET at = :at WHERE seq = :seq"), {"at": at, "seq": seq})


async def read(browser: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    async with browser.get(path) as answer:
        assert answer.status == status
        return await answer.text()


def way(page: str, words: str) -> str | None:
    """Where the link leads whose text holds these words."""
    found = re.search(rf'href="([^"]+)"[^>]*>[^<]*{re.escape(words)}', page)
    return html.unescape(found[1]) if found else None


async def test_the_log_is_the_newest_day_with_ways_to_the_others(
    server: Running, browser: aiohttp.ClientSession
) -> None:
    await said(server, "2026-01-30T23:59:59.999", "2026-02-02T00:00:00", "2026-02-02T23:59:59", "2026-02-03T12:00:00")
    newest = await read(browser, "/r/lobby/log")
    assert IDS.findall(newest) == ["4"] and "Tuesday, 3 February 2026" in newest
    assert "Newest day" not in newest
    day = await read(browser, way(newest, "2 February 2026") or "")
    assert IDS.findall(day) == ["2", "3"]
    assert way(day, "3 February 2026 →") == "/r/lobby/log/2026-02-03" and way(day, "Newest day") == "/r/lobby/log"
    first = await read(browser, way(day, "30 January 2026") or "")
    assert IDS.findall(first) == ["1"] and "←" not in first


async def test_a_day_without_words_says_so_and_leads_to_those_around_it(
    server: Running, browser: aiohttp.ClientSession
) -> None:
    await said(server, "2026-01-30T10:00:00", "2026-02-02T10:00:00")
    page = await read(browser, "/r/lobby/log/2026-01-31")
    assert IDS.findall(page) == [] and "was said on Saturday, 31 January 2026" in page
    assert way(page, "30 January") == "/r/lobby/log/2026-01-30"
    assert way(page, "2 February") == "/r/lobby/log/2026-02-02"
    for far in ("0001-01-01", "9999-12-31"):
        assert IDS.findall(await read(browser, f"/r/lobby/log/{far}")) == []


async def test_a_long_day_is_read_in_pages_and_nothing_is_missed(
    server: Running, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE", 10)
    await said(server, "2026-02-01T23:00:00", *(f"2026-02-02T10:{n:02}:00" for n in range(24)))
    page = await read(browser, "/r/lobby/log")
    assert IDS.findall(page) == [str(n) for n in range(16, 26)], "the newest ones first"
    assert way(page, "Later") is None
    seen = IDS.findall(page)
    while earlier := way(page, "Earlier"):
        page = await read(browser, earlier)
        seen = [*(one for one in IDS.findall(page) if one not in seen), *seen]
    assert seen == [str(n) for n in range(2, 26)]
    page = await read(browser, "/r/lobby/log/2026-02-02")
    seen = IDS.findall(page)
    assert seen == [str(n) for n in range(2, 12)], "a named day from its beginning"
    while later := way(page, "Later"):
        page = await read(browser, later)
        seen += IDS.findall(page)
    assert seen == [str(n) for n in range(2, 26)]


async def test_where_a_clock_was_set_back_each_message_is_still_on_one_day(
    server: Running, browser: aiohttp.ClientSession
) -> None:
    days = [1, 2, 5, 3, 4, 2, 6, 7, 1, 8]
    await said(server, *(f"2026-02-{day:02}T10:00:00" for day in days))
    page, seen = await read(browser, "/r/lobby/log"), list[str]()
    while True:
        seen = IDS.findall(page) + seen
        if not (previous := re.search(r'href="([^"]+)" rel="prev"', page)):
            break
        page = await read(browser, previous[1])
    assert seen == [str(n) for n in range(1, len(days) + 1)]
    while following := re.search(r'href="([^"]+)" rel="next"', page):
        page = await read(browser, following[1])
    assert IDS.findall(page)[-1] == "10", "and forth again"
    for seq in seen:
        assert IDS.findall(await read(browser, f"/r/lobby/log?seq={seq}"))[0] == seq


async def test_a_message_is_found_by_its_number(server: Running, browser: aiohttp.ClientSession) -> None:
    await said(server, "2026-02-01T10:00:00", "2026-02-02T10:00:00")
    async with browser.get("/r/lobby/log?seq=1", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/r/lobby/log/2026-02-01?from=1#1")
    assert IDS.findall(await read(browser, "/r/lobby/log?seq=1")) == ["1"]
    assert "There is no message 9" in await read(browser, "/r/lobby/log?seq=9", 404)
    assert IDS.findall(await read(browser, "/r/lobby/log?seq=x&from=-1")) == ["2"], "what is no number says nothing"


async def test_the_box_for_a_day_leads_to_it(server: Running, browser: aiohttp.ClientSession) -> None:
    await said(server, "2026-02-01T10:00:00")
    for asked, path in {"2026-02-01": "/r/lobby/log/2026-02-01", "": "/r/lobby/log", "//evil": "/r/lobby/log"}.items():
        async with browser.get("/r/lobby/log", params={"day": asked}) as answer:
            assert (answer.status, answer.url.path) == (200, path)


@pytest.mark.parametrize("day", ["2026-02-30", "2026-2-3", "20260203", "2026-W05-1", "yesterday", "٢٠٢٦-٠٢-٠١"])
async def test_what_is_no_day_is_told_in_a_sentence(browser: aiohttp.ClientSession, day: str) -> None:
    assert "A day is written as year, month and day" in await read(browser, f"/r/lobby/log/{day}", 404)


async def test_a_room_that_is_not_there_has_no_log_and_is_not_made(
    server: Running, browser: aiohttp.ClientSession
) -> None:
    assert "There is no room #attic." in await read(browser, "/r/attic/log", 404)
    assert "There is no room #attic." in await read(browser, "/r/attic/log", 404)
    async with browser.get("/r/My Room/log", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, "/r/my-room/log")
    async with browser.get("/r/LOBBY/log/2026-02-01", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, "/r/lobby/log/2026-02-01")


async def test_a_room_in_which_nothing_was_said_says_so(url: str, browser: aiohttp.ClientSession) -> None:
    async with Talker(url, "alice") as alice:
        await alice.join("lobby")
    assert "Nothing has been said here yet." in await read(browser, "/r/lobby/log")


async def test_the_log_shows_what_the_room_shows_with_everything_escaped(
    url: str, browser: aiohttp.ClientSession
) -> None:
    async with Talker(url, "alice") as alice:
        await alice.join("lobby")
        await alice.ask("topic", {"room": "lobby", "topic": "<b>topic</b>"})
        await alice.say("lobby", "<script>alert(1)</script> & see https://example.org/a?b=c&d=e, javascript:alert(1)")
        await alice.say("lobby", "if x:\n    y()" + "\n \r\n\u2028" * 20 + "far\x1b[2Jbelow")
        await alice.say("lobby", "/me waves")
        await alice.ask("send", {"room": "lobby", "text": "an answer", "id": new_id(), "reply_to": 2})
        await alice.ask("react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": True})
        await alice.say("lobby", "gone")
        await alice.ask("delete", {"room": "lobby", "seq": 5})
        await alice.ask("edit", {"room": "lobby", "seq": 4, "text": "another answer"})
    page = await read(browser, "/r/lobby/log")
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; see" in page
    assert re.findall(r'<a href="(https?:[^"]+)"', page) == ["https://example.org/a?b=c&amp;d=e"]
    assert "if x:\n    y()\n\n\nfar␛[2Jbelow" in page, "lines as they were written, and no wall of them"
    assert "waves" in page and "another answer" in page and "gone" not in page and "👍 alice" in page
    assert '<a href="#2">Reply to <bdi>alice</bdi></a>' in page and "This message was deleted" in page
    assert "&lt;b&gt;topic&lt;/b&gt;" in page


async def test_the_log_shows_a_picture_that_is_small_enough_by_itself_and_one_that_is_not(
    url: str, browser: aiohttp.ClientSession
) -> None:
    async with Talker(url, "alice") as alice:
        await alice.join("lobby")
        for name, width in (("small.png", 60), ("large.png", 2_000)):
            file = await Uploader(url, alice.token).stored(picture(size=(width, 40)), name)
            await alice.ask("send", {"room": "lobby", "id": new_id(), "file": file["id"]})
    page = await read(browser, "/r/lobby/log")
    assert re.findall(r'<img src="/files/\w+/([^"]+)"', page) == ["small.png", "thumbnail/large.png"]


async def test_the_log_tells_what_a_moderator_removed(url: str, browser: aiohttp.ClientSession) -> None:
    async with Talker(url, "alice") as alice, Talker(url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await bob.say("lobby", "buy this")
        await alice.ask("delete", {"room": "lobby", "seq": 1})
    page = await read(browser, "/r/lobby/log")
    assert "Removed by a moderator" in page and "buy this" not in page and "was deleted" not in page


async def test_of_many_who_reacted_the_log_names_the_first_and_counts_the_others(
    server: Running, browser: aiohttp.ClientSession
) -> None:
    chat = server.chat
    for n in range(10):
        one = await doors.arrive(chat, f"socket {n}", [chat.tokens.new()], f"guest {n}")
        await perform(chat, one, "join", {"room": "lobby"})
        if n == 0:
            await perform(chat, one, "send", {"room": "lobby", "text": "hands up", "id": new_id()})
        await perform(chat, one, "react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": True})
    page = html.unescape(re.sub("<[^>]+>", "", await read(browser, "/r/lobby/log")))
    assert "👍 guest 0, guest 1, guest 2, guest 3, guest 4, guest 5, guest 6, guest 7 and 2 more" in page


async def test_who_only_reads_is_given_no_token(url: str, browser: aiohttp.ClientSession) -> None:
    async with Talker(url, "alice") as alice:
        await alice.join("lobby")
    async with browser.get("/r/lobby/log") as answer:
        assert not answer.cookies and "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<script" not in await answer.text()
