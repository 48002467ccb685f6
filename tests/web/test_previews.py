"""Cards of pages to which people link: who is asked, what is read, and that nothing else comes of it."""

import asyncio
import contextlib
import gzip
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from sqlalchemy import text
from yarl import URL

from app.chat import previewing, retention
from app.export import export_room
from app.model import ROW_BYTES
from app.server import Running
from app.store import queries
from app.web import previews
from app.web.page_words import MAX_DESCRIPTION, MAX_TITLE, words_of
from app.web.previews import PageReader
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.pages import HTML, Pages, packed, page
from tests.support.receiver import Receiver
from tests.support.talker import Talker, until
from tests.web.test_hooks import hook_of


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    async with Pages() as one:
        one.at["/"] = page("A page", "What it is about.")
        yield one


@pytest.fixture
async def server(start_server: Start) -> Running:
    return await start_server(previews="on", preview_private=True)


def card(pages: Pages, path: str = "/", **more: str) -> dict[str, str]:
    told = {"url": pages.url(path), "title": "A page", "description": "What it is about."}
    return told | {"site": "127.0.0.1", "host": "127.0.0.1"} | more


async def settled(server: Running) -> None:
    """Every link that was said was looked at."""
    cards = server.chat.on_linked.__self__  # type: ignore[attr-defined]
    await asyncio.wait_for(cards.settled(), PATIENCE)


async def got(server: Running, path: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}{path}") as answer:
        return await answer.text()


async def shown(server: Running, who: Talker, seq: int, room: str = "lobby") -> dict[str, str] | None:
    await settled(server)
    answer = await who.ask("history", {"room": room, "before": seq + 1, "limit": 1})
    found: dict[str, str] | None = answer["messages"][0].get("card")
    return found


async def test_a_card_comes_as_a_change_of_the_message_and_is_in_all_that_is_read_later(
    server: Running, pages: Pages, tmp_path: Path
) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        for one in (alice, bob):
            await one.join("lobby")
        said = await alice.say("lobby", f"look: {pages.url()} and {pages.url('/other')}")
        assert "card" not in said
        told = (await bob.hears("message", lambda one: "card" in one["message"]))["message"]
        assert told == said | {"rev": said["rev"] + 1, "card": card(pages)}
        assert pages.asked == ["/"], "the first link alone"
        assert "cookie" not in pages.headers[0] and "referer" not in pages.headers[0]
        assert (await bob.ask("sync", {"room": "lobby", "after": said["rev"]}))["messages"] == [told]
        await bob.ask("react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": True})
        for verb in ("delete", "restore"):
            answer = await alice.ask(verb, {"room": "lobby", "seq": 1})
            assert answer["message"].get("card") == (None if verb == "delete" else card(pages))
        size = len(said["text"].encode()) + len(orjson.dumps(card(pages))) + ROW_BYTES
        assert await server.chat.store.read(queries.room_size, "lobby") == (1, size), "and counts as bytes of the room"
        log = await got(server, "/r/lobby/log")
        assert "What it is about." in log and pages.url() in log
        exported = "".join([piece async for piece in export_room(server.settings, "lobby", "html")])
        assert "What it is about." in exported
        await alice.say("lobby", f"again {pages.url()}")
        assert await shown(server, bob, 2) == card(pages) and pages.asked == ["/"], "remembered for a while"
    await server.chat.store.write(queries.delete_oldest, room="lobby", before_seq=9, before_at=0, limit=9)
    await server.chat.store.write(queries.forget_removed, before=queries.now() + retention.REMOVED_MS)
    for table in ("messages", "removed"):
        assert await server.chat.store.read(lambda db, t=table: db.scalar(text(f"SELECT count(*) FROM {t}"))) == 0


@asynccontextmanager
async def a_card(server: Running, pages: Pages) -> AsyncIterator[tuple[Talker, Talker]]:
    """The owner of a room, and alice, whose message there has one. There is another page."""
    pages.at["/other"] = page("Another page")
    async with Talker(server.url, "owner") as owner, Talker(server.url, "alice") as alice:
        for one in (owner, alice):
            await one.join("lobby")
        await alice.say("lobby", pages.url())
        assert await shown(server, alice, 1) == card(pages)
        yield owner, alice


async def test_hooks_hear_of_a_card_and_of_its_end(start_server: Start, pages: Pages) -> None:
    server = await start_server(previews="on", preview_private=True, hook_private=True)
    async with Talker(server.url, "alice") as alice, Receiver() as receiver:
        await alice.join("lobby")
        await hook_of(alice, url=receiver.url)
        await alice.say("lobby", pages.url())
        assert await shown(server, alice, 1) == card(pages)
        await alice.ask("react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": True})
        for on in (False, True):
            await alice.ask("card", {"room": "lobby", "seq": 1, "on": on})
        await receiver.takes(lambda: len(receiver.taken) >= 4)
        told = [(one["type"], one["data"]["message"].get("card")) for one in receiver.taken]
        assert told == [("message.created", None), *(("message.card", one) for one in (card(pages), None, card(pages)))]


async def test_an_author_hides_the_card_and_another_text_has_another_one(server: Running, pages: Pages) -> None:
    async with a_card(server, pages) as (owner, alice):

        async def hide(who: Talker, on: bool = False) -> dict[str, Any]:
            return await who.ask("card", {"room": "lobby", "seq": 1, "on": on})

        assert "card" not in (await hide(alice))["message"]
        rev = (await hide(alice))["message"]["rev"]
        assert (await owner.hears("message", lambda one: one["message"]["rev"] == rev))["message"].get("card") is None
        await alice.ask("edit", {"room": "lobby", "seq": 1, "text": f"this: {pages.url()}"})
        assert await shown(server, alice, 1) is None, "it stays hidden"
        assert (await hide(alice, on=True))["message"]["card"] == card(pages)
        await hide(owner)
        assert (await hide(alice, on=True))["error"] == "not_allowed"
        assert (await hide(owner, on=True))["message"]["card"] == card(pages)
        await alice.ask("edit", {"room": "lobby", "seq": 1, "text": f"no, this: {pages.url('/other')}"})
        assert (await shown(server, alice, 1) or {})["title"] == "Another page"
        await alice.ask("edit", {"room": "lobby", "seq": 1, "text": "nothing"})
        assert await shown(server, alice, 1) is None


async def test_what_a_moderator_has_hidden_no_edit_brings_back(server: Running, pages: Pages) -> None:
    async with a_card(server, pages) as (owner, alice):
        await owner.ask("card", {"room": "lobby", "seq": 1, "on": False})
        for said in (pages.url("/other"), "nothing", pages.url()):
            await alice.ask("edit", {"room": "lobby", "seq": 1, "text": said})
            assert await shown(server, alice, 1) is None, said
        assert (await alice.ask("card", {"room": "lobby", "seq": 1, "on": True}))["error"] == "not_allowed"
        await owner.ask("card", {"room": "lobby", "seq": 1, "on": True})
        await alice.ask("edit", {"room": "lobby", "seq": 1, "text": pages.url("/other")})
        assert (await shown(server, alice, 1) or {})["title"] == "Another page"


def held(pages: Pages) -> asyncio.Event:
    """`/slow` answers once this is set."""
    gate = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await gate.wait()
        return web.Response(body=page("Late"), headers={"Content-Type": HTML})

    pages.at["/slow"] = slow
    return gate


async def test_no_message_waits_and_what_is_gone_meanwhile_gets_no_card(start_server: Start, pages: Pages) -> None:
    server = await start_server(previews="on", preview_private=True, rate_limit=100)
    gate = held(pages)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for n in range(12):
            await alice.say("lobby", f"{pages.url('/slow')}?{n}")
        await until(lambda: pages.asked)
        await alice.ask("delete", {"room": "lobby", "seq": 1})
        await alice.ask("edit", {"room": "lobby", "seq": 2, "text": "something else"})
        gate.set()
        await settled(server)
        found = (await alice.ask("history", {"room": "lobby"}))["messages"]
    assert [one.get("card", {}).get("title") for one in found[:3]] == [None, None, "Late"]
    assert len(pages.asked) <= 10, "somebody who links much has to do without some"


async def test_many_nicknames_from_one_address_let_it_ask_for_no_more(
    start_server: Start, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewing, "OF_ADDRESS", 1)
    server = await start_server(previews="on", preview_private=True, rate_limit=100, trust_proxies=1)
    home = "198.51.100.7"
    async with Talker(server.url, "alice", address=home) as alice, Talker(server.url, "bob", address=home) as bob:
        for one in (alice, bob):
            await one.join("lobby")
            for n in range(7):
                await one.say("lobby", f"{pages.url('/')}?{one.nickname}{n}")
        await settled(server)
    assert 10 <= len(pages.asked) <= 12, "a second or so passes meanwhile"


async def test_a_page_to_which_many_link_at_once_is_asked_once(start_server: Start, pages: Pages) -> None:
    server = await start_server(previews="on", preview_private=True, rate_limit=100)
    gate = held(pages)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for n in range(6):
            await alice.say("lobby", f"{n}: {pages.url('/slow')}")
        await until(lambda: pages.asked)
        await alice.ask("delete", {"room": "lobby", "seq": 1})
        gate.set()
        await settled(server)
        assert "card" not in (await alice.ask("restore", {"room": "lobby", "seq": 1}))["message"]
        await settled(server)
        found = (await alice.ask("history", {"room": "lobby"}))["messages"]
    assert [one["card"]["title"] for one in found] == ["Late"] * 6, "also under what was put back"
    assert pages.asked == ["/slow"]


@pytest.mark.parametrize(
    "said",
    ["`see {url}`", "```\n{url}\n```", "> {url}\nyes", "http://", "[x](javascript:alert(1))", "mailto:a@example.org"],
    ids=["code", "block", "quote", "no-host", "script", "mail"],
)
async def test_what_is_no_link_or_anothers_words_is_not_asked(server: Running, pages: Pages, said: str) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", said.format(url=pages.url()))
        await alice.say("lobby", f"{server.url}/r/lobby and {server.url}/r/lobby#1")
        await settled(server)
    assert pages.asked == []


async def test_it_is_off_unless_the_operator_asks_and_loopback_needs_another_word(
    start_server: Start, pages: Pages, tmp_path: Path
) -> None:
    for choices in ({}, {"previews": "on"}):
        server = await start_server(data=tmp_path / str(len(choices)), **choices)
        async with Talker(server.url, "alice") as alice:
            await alice.join("lobby")
            said = await alice.say("lobby", pages.url())
            if choices:
                await settled(server)
            assert (await alice.ask("history", {"room": "lobby"}))["messages"] == [said]
            assert ("previews" in await got(server, "/readyz")) == bool(choices)
    assert pages.asked == []


# --- pages that are read, and pages that are not ---


@pytest.fixture
async def reader() -> AsyncIterator[PageReader]:
    one = PageReader("1.0", private_too=True)
    yield one
    await one.close()


async def test_redirects_are_followed_some_times_and_say_where_the_page_is(pages: Pages, reader: PageReader) -> None:
    pages.at |= {"/moved": "/further#x", "/further": pages.url().replace("127.0.0.1", "localhost"), "/round": "/round"}
    assert await reader.card(pages.url("/moved")) == card(pages, "/moved", site="localhost", host="localhost")
    assert await reader.card(pages.url("/round")) is None
    assert pages.asked.count("/round") == 1 + previews.MAX_REDIRECTS


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "http://u:p@127.0.0.1/",
        "http://127.0.0.1:22/",
        "//[",
        "data:text/html,x",
    ],
)
async def test_redirects_lead_to_web_servers_alone(pages: Pages, reader: PageReader, target: str) -> None:
    pages.at["/moved"] = target
    assert await reader.card(pages.url("/moved")) is None
    assert await reader.card(target) is None


async def test_a_name_or_a_redirect_that_leads_into_a_private_network_is_not_asked(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address counts that the host has when the connection is made."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    reader = PageReader("1.0", private_too=False)
    try:
        assert await reader.card(f"http://rebound.example:{pages.port}/") is None
        for url in (pages.url(), f"http://[::ffff:127.0.0.1]:{pages.port}/", f"http://2130706433:{pages.port}/"):
            assert await reader.card(url) is None
    finally:
        await reader.close()
    assert (asked[0], pages.asked) == ("rebound.example", [])


async def test_names_whose_servers_never_answer_keep_no_work_of_others_waiting(
    reader: PageReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "TIME_LIMIT_S", 0.2)
    end = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: end.wait())
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))  # as on a machine with little
    try:
        links = [f"http://silent-{n}.example/" for n in range(8)]
        assert await asyncio.gather(*map(reader.card, links)) == [None] * len(links)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 30) == "done"
    finally:
        end.set()


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("xn--pple-43d.com", "xn--pple-43d.com"),  # one Cyrillic letter
        ("xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),  # all of them
        ("xn--mller-kva.de", "müller.de"),
        ("xn--e1afmkfd.xn--p1ai", "пример.рф"),
        ("example.org", "example.org"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_no_host_passes_for_another_one(host: str, shown: str) -> None:
    assert previews.shown_host(URL(f"http://{host}/")) == shown


async def test_nothing_but_a_page_has_a_card(pages: Pages, reader: PageReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "TIME_LIMIT_S", 0.3)

    def answering(body: bytes, status: int = 200, **headers: str) -> Any:
        async def answer(_: web.Request) -> web.Response:
            named = {"Content-Type": HTML} | {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(body=body, status=status, headers=named)

        return answer

    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def dripping(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": HTML})
        await answer.prepare(request)
        while True:
            await answer.write(b" ")
            await asyncio.sleep(0.02)

    whole = page("x")
    pages.at |= {
        "/json": answering(b'{"title": "x"}', Content_Type="application/json"),
        "/picture": answering(whole, Content_Type="image/png"),
        "/untyped": answering(whole, Content_Type="application/octet-stream"),
        "/error": answering(whole, 500),
        "/forbidden": answering(whole, 403),
        "/empty": answering(b""),
        "/nested": answering(whole, Content_Type=f"{HTML[:9]}; charset=" + "(" * 7_000),
        "/untitled": answering(b"<html><body><p>hello"),
        "/brotli": answering(whole, Content_Encoding="br"),
        "/broken": answering(b"not gzip", Content_Encoding="gzip"),
        "/never": never,
        "/dripping": dripping,
    }
    for path in pages.at:
        assert (await reader.card(pages.url(path)) is None) == (path != "/"), path


async def test_of_a_large_page_the_beginning_is_read_and_a_bomb_does_not_grow(pages: Pages, reader: PageReader) -> None:
    body = page("Early") + b"x" * 5_000_000
    sent = 0

    async def large(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse(headers={"Content-Type": HTML})
        await answer.prepare(request)
        start = page("Late").partition(b"<title>")[0] + b"<!-- " + b"x" * (2 << 20) + b" -->" + page("Late")
        for at in range(0, len(start), 1 << 16):
            await answer.write(start[at : at + (1 << 16)])
            sent += 1 << 16
        return answer

    async def as_gzip(_: web.Request) -> web.Response:
        return packed(body)

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(
            body=gzip.compress(b" " * 50_000_000), headers={"Content-Type": HTML, "Content-Encoding": "gzip"}
        )

    pages.at |= {"/early": body, "/gzip": as_gzip, "/bomb": bomb, "/late": large}
    for path, title in (("/early", "Early"), ("/gzip", "Early"), ("/bomb", None), ("/late", None)):
        found = await reader.card(pages.url(path))
        assert (found and found["title"]) == title, path


async def test_of_a_page_that_comes_byte_by_byte_the_beginning_is_read(pages: Pages, reader: PageReader) -> None:
    """By then there are as many pieces as are looked at; what is behind them is not."""
    late = b'<meta property="og:title" content="Late">'

    async def tiny(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": HTML})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(b"<title>Early</title>")
        pieces = b" " * int(request.query["before"]) + late
        with contextlib.suppress(ConnectionError):
            for at in range(len(pieces)):
                await answer.write(pieces[at : at + 1])
        return answer

    pages.at["/tiny"] = tiny
    fits = previews.MAX_PIECES - len(late) - 2
    for before, title in ((fits, "Late"), (previews.MAX_PIECES, "Early")):
        found = await reader.card(pages.url(f"/tiny?before={before}"))
        assert found and found["title"] == title, before


@pytest.mark.parametrize(
    ("charset", "head", "coding"),
    [
        ("windows-1251", "", "cp1251"),
        (None, '<meta charset="koi8-r">', "koi8-r"),
        (None, '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', "cp1251"),
        ("no-such", "", "utf-8"),
        ("zlib", "", "utf-8"),
        (None, "", "utf-16"),
        ("utf-8", '<meta charset="koi8-r">', "utf-8"),
    ],
    ids=["answer", "meta", "http-equiv", "unknown", "no-text", "byte-order", "answer-first"],
)
def test_the_words_are_read_by_their_encoding(charset: str | None, head: str, coding: str) -> None:
    html = f"<html><head>{head}<title>Ёжик в тумане</title></head>"
    assert words_of(html.encode(coding), charset) == {"title": "Ёжик в тумане"}


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("<title> A\n  title </title>", {"title": "A title"}),
        ("<title>Fish &amp; chips &#x1F41F;&#xD800;&#0;</title>", {"title": "Fish & chips 🐟\ufffd\ufffd"}),
        (
            '<title>Plain</title><meta property="og:title" content="Open"><META NAME=Description CONTENT=short>'
            '<meta property="og:site_name" content="The Site">',
            {"title": "Open", "description": "short", "site": "The Site"},
        ),
        ('<meta property="og:title" content=" "><title>Plain</title>', {"title": "Plain"}),
        ('<title>Same</title><meta name="description" content="Same">', {"title": "Same"}),
        ("<title>\u202eevil\u202c\u200b\x07 tab\there</title>", {"title": "evil tab here"}),
        ("<svg><title>Icon</title></svg><title>Page</title>", {"title": "Page"}),
        ("<title>a<b>b</title>", {"title": "a"}),
        ("<script>'<title>no</title>'</script><title>yes</title>", {"title": "yes"}),
        ("<title>&lt;img src=x onerror=alert(1)&gt;</title>", {"title": "<img src=x onerror=alert(1)>"}),
        ("<style><title>no</title></style>", None),
        ("</head><body><title>late</title>", None),
        ("<!-- <title>no</title> -->", None),
    ],
)
def test_what_a_page_says_of_itself(head: str, words: dict[str, str] | None) -> None:
    found = words_of(f"<!doctype html><html><head>{head}</head>".encode())
    if head.startswith("<title>a<b>"):  # newer versions of html.parser read it as text, as browsers do
        assert found in (words, {"title": "a<b>b"})
    else:
        assert found == words


def test_hostile_pages_take_no_time_and_no_room() -> None:
    long = words_of(b"<title>" + b"x " * 50_000 + b'</title><meta name=description content="' + b"y" * 30_000 + b'">')
    assert long and len(long["title"]) <= MAX_TITLE and len(long["description"]) <= MAX_DESCRIPTION
    for piece in (
        "<!--",
        "<a ",
        '<a x="',
        "<!",
        "<?",
        "<![CDATA[",
        "&#x",
        "<script>",
        "<",
        "<title></",
        "<a b='",
        "\0",
    ):
        assert words_of((piece * (300_000 // len(piece))).encode()) is None
    assert words_of(bytes(range(256)) * 1_000) is None
