"""The pages over HTTP: what they hold, what they allow, what is cached, what is said where there is nothing."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from app.model import COOKIE, HOST_COOKIE
from tests.conftest import Start
from tests.support.raw import UPGRADE
from tests.support.talker import Talker, until

HTML = {"Accept": "text/html"}


@pytest.fixture
async def browser(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of bare addresses too
    async with aiohttp.ClientSession(url, headers=HTML, cookie_jar=jar) as session:
        yield session


@pytest.mark.parametrize("path", ["/", "/r/lobby", "/dialogs", "/echo", "/nothing", "/r/-"])
async def test_every_page_is_strict_and_not_stored(browser: aiohttp.ClientSession, path: str) -> None:
    async with browser.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        html = await answer.text()
    assert not re.search(r"<script(?![^>]*\ssrc=)", html), "an inline script"
    assert not re.search(r"<style|\sstyle=|\son\w+=", html), "an inline style or handler"


@pytest.mark.parametrize("path", ["/", "/r/lobby", "/echo"])
async def test_what_a_page_links_to_is_there_and_cached_for_ever(browser: aiohttp.ClientSession, path: str) -> None:
    async with browser.get(path) as answer:
        links = re.findall(r'(?:src|href)="(/static/[^"]+)"', await answer.text())
    assert len(links) >= 3
    for link in links:
        async with browser.get(link) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_file_under_an_old_hash_is_served_but_not_stored(browser: aiohttp.ClientSession) -> None:
    """A page from before a deploy still loads its modules."""
    async with browser.get("/static/0123456789abcdef/js/main.js") as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/static/", "/static/x", "/static/x/../../pyproject.toml", "/static/x/%2e%2e/%2e%2e/pyproject.toml"]
)
async def test_only_static_files_are_static_files(browser: aiohttp.ClientSession, path: str) -> None:
    async with browser.get(path) as answer:
        assert answer.status == 404


async def test_a_browser_gets_one_token_that_no_script_can_read(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/") as answer:
        cookie = answer.cookies[COOKIE]
        assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["secure"]
    async with browser.get("/r/lobby") as answer:
        assert COOKIE not in answer.cookies, "who has one keeps it"


async def test_the_token_is_secure_behind_a_trusted_https_proxy(start_server: Start) -> None:
    for proxies, name, secure in ((1, HOST_COOKIE, True), (0, COOKIE, "")):
        server = await start_server(trust_proxies=proxies)
        forwarded = {"X-Forwarded-Proto": "https, http"}
        async with aiohttp.ClientSession() as browser, browser.get(server.url, headers=forwarded) as answer:
            assert (answer.cookies[name]["secure"], answer.cookies[name]["path"]) == (secure, "/")


async def test_the_page_is_told_the_operator_s_transports(start_server: Start) -> None:
    server = await start_server(transports="polling")
    async with aiohttp.ClientSession() as browser, browser.get(f"{server.url}/r/lobby") as answer:
        assert 'data-transports="polling"' in await answer.text()


async def test_the_landing_lists_rooms_with_heads(url: str, browser: aiohttp.ClientSession) -> None:
    async with Talker(url, "alice") as alice:
        await alice.join("tea-room")
        async with browser.get("/") as answer:
            html = await answer.text()
    assert 'href="/r/tea-room"' in html


async def test_a_room_typed_without_javascript_is_reached(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/", params={"room": "Tea-Room", "nickname": "x"}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/r/tea-room")


@pytest.mark.parametrize(
    ("typed", "room"),
    [("Lobby", "lobby"), ("My Room", "my-room"), ("%23tea", "tea"), ("%EF%BC%A4en", "den"), ("d%E2%80%8Ben", "den")],
)
async def test_a_room_s_name_is_put_right_in_the_address(browser: aiohttp.ClientSession, typed: str, room: str) -> None:
    async with browser.get(f"/r/{typed}", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, f"/r/{room}")


@pytest.mark.parametrize("name", ["-", "a&b", "x" * 65, "<script>", "ümlaut"])
async def test_a_room_that_cannot_be_is_a_page_that_says_so(browser: aiohttp.ClientSession, name: str) -> None:
    async with browser.get(f"/r/{name}") as answer:
        html = await answer.text()
        assert answer.status == 404
    assert "A room is named with" in html
    assert "<script>" not in html.replace('<script type="module"', "")


async def test_probes_answer_while_serving(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/healthz") as answer:
        health = await answer.json()
        assert health["ok"] and health["boot"] and health["version"]
    async with browser.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"ok": True})


async def test_https_is_forced_only_where_a_trusted_proxy_says_http(start_server: Start) -> None:
    server = await start_server(force_https=True, trust_proxies=1)
    http = {"X-Forwarded-Proto": "http"}
    cases = [
        ("GET", "/r/lobby?x=1", http, 308),
        ("GET", "/r/lobby", {}, 200),
        ("GET", "/r/lobby", {"X-Forwarded-Proto": "https"}, 200),
        ("GET", "/healthz", http, 200),
        ("GET", "/socket.io/?EIO=4&transport=polling", http, 200),
    ]
    async with aiohttp.ClientSession(server.url) as browser:
        for method, path, headers, status in cases:
            async with browser.request(method, path, headers=headers, allow_redirects=False) as answer:
                assert answer.status == status, (path, headers)
                if status == 308:
                    assert answer.headers["Location"] == f"https://{server.url.removeprefix('http://')}{path}"


async def test_a_forwarded_host_is_believed_by_the_count_of_proxies_and_only_if_it_is_one(start_server: Start) -> None:
    server = await start_server(force_https=True, trust_proxies=1)
    ours = server.url.removeprefix("http://")
    said = {"evil.example, chat.example.org": "chat.example.org", "evil.example/a?": ours, "[::1]:80": "[::1]"}
    async with aiohttp.ClientSession(server.url) as browser:
        for forwarded, believed in said.items():
            headers = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": forwarded}
            async with browser.get("/r/x", headers=headers, allow_redirects=False) as answer:
                assert answer.headers["Location"] == f"https://{believed}/r/x"


async def test_the_echo_gives_back_text_and_bytes_and_chooses_a_subprotocol(
    url: str, browser: aiohttp.ClientSession
) -> None:
    async with browser.ws_connect("/ws/echo", protocols=("unknown", "chat")) as ws:
        assert ws.protocol == "chat"
        for text in ("hello", "", "ünïcödé 😀"):
            await ws.send_str(text)
            assert await ws.receive_str() == text
        await ws.send_bytes(b"\0\1\xff")
        assert await ws.receive_bytes() == b"\0\1\xff"


async def test_the_echo_s_address_says_what_it_wants(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/ws/echo") as answer:
        assert answer.status == 426
        assert "WebSocket" in await answer.text()


async def test_the_echo_is_full_when_the_chat_is(start_server: Start) -> None:
    """A page that talks by polling asks here whether a WebSocket would do."""
    server = await start_server(max_websockets=1)
    async with aiohttp.ClientSession(server.url) as http:
        async with Talker(server.url, "alice"), http.get("/ws/echo", headers=UPGRADE) as answer:
            assert (answer.status, "PARLOR_MAX_WEBSOCKETS" in await answer.text()) == (503, True)
        await until(lambda: server.sockets.engine.websockets == 0)
        async with http.ws_connect("/ws/echo") as ws:
            await ws.send_str("room")
            assert await ws.receive_str() == "room"
