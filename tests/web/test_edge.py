"""The edge over HTTP: which hosts, origins, paths and methods are served, what proxies say, who may frame the page."""

import re
from typing import Any

import aiohttp
import pytest

from app.advice import warnings
from app.config import load
from app.model import COOKIE
from app.tools.client import Client
from tests.conftest import Start
from tests.support.raw import UPGRADE, Answer, Line
from tests.support.talker import until

POLLING = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"
HTML = {"Accept": "text/html"}


async def ask(url: str, path: str, method: str = "GET", **headers: str) -> Answer:
    async with await Line.to(url) as line:
        if path.startswith(("/socket.io/?EIO=4&transport=websocket", "/ws/")):
            headers |= UPGRADE
        await line.write(raw(method, path, headers))
        return await line.answer() if method != "HEAD" else await head_of(line)


def raw(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in ({"Host": "parlor.test"} | headers).items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


async def head_of(line: Line) -> Answer:
    top, *lines = (await line.reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    return Answer(int(top.split()[1]), dict(one.split(": ", 1) for one in lines), b"")


# --- origins ---

ORIGINS = [
    ("https://Chat.Example.org", "https://chat.example.org", True),
    ("https://chat.example.org:443", "https://chat.example.org", True),
    ("https://chat.example.org", "https://chat.example.org:443", True),
    ("http://chat.example.org:80", "http://chat.example.org", True),
    ("https://chat.example.org:8443", "https://chat.example.org:8443", True),
    ("https://chat.example.org:8443", "https://chat.example.org", False),
    ("https://*.example.org", "https://a.example.org", True),
    ("https://*.Example.org:443", "https://a.example.org", True),
    ("https://*.example.org", "https://example.org", False),
    ("https://*.example.org", "https://a.b.example.org", False),
    ("https://*.example.org", "http://a.example.org", False),
    ("https://*.example.org", "https://.example.org", False),
    ("https://*.example.org", "https://a.example.org.evil.example", False),
    ("https://*.example.org", "https://aexample.org", False),
    ("https://*.example.org:8443", "https://a.example.org:8443", True),
    *(
        ("https://*.example.org", f"https://{label}.example.org", False)
        for label in ("x/a", "x@a", "x:1", "x?", "*", "a b")
    ),
    ("https://*.example.org", "https://xn--mnchen-3ya.example.org", True),
    ("https://[::FFFF:1.2.3.4]", "https://[::ffff:102:304]", True),
    ("https://münchen.de", "https://xn--mnchen-3ya.de", True),
    ("NULL", "null", True),
    ("app://.", "app://.", True),
    ("capacitor://localhost", "capacitor://localhost", True),
    ("tauri://localhost", "tauri://localhost", True),
    ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop", True),
    ("capacitor://localhost", "ionic://localhost", False),
    ("file://", "file://", True),
    ("null", "null", True),
    ("https://a.example", "null", False),
    ("http://[2001:DB8:0::1]:80", "http://[2001:db8::1]", True),
    ("https://b\u00fccher.example", "https://xn--bcher-kva.example", True),
    ("https://a.example,null", "null", True),
    ("*", "https://anybody.example", True),
]


@pytest.mark.parametrize(
    ("setting", "origin", "let_in"),
    ORIGINS,
    ids=[f"{a} {b}".encode("ascii", "replace").decode() for a, b, _ in ORIGINS],
)
async def test_an_origin_is_let_in_where_the_setting_means_it(
    start_server: Start, setting: str, origin: str, let_in: bool
) -> None:
    origins = load({}, {"PARLOR_ORIGINS": setting})[0].origins
    server = await start_server(origins=origins)
    for path, well in ((POLLING, 200), (WEBSOCKET, 101), (WEBSOCKET, 101)):  # the second one takes the short way
        assert (await ask(server.url, path, Origin=origin)).status == (well if let_in else 403)


OWN = [
    ("https://chat.example", {"Host": "chat.example", "X-Forwarded-Proto": "https"}, True),
    ("https://chat.example", {"Host": "chat.example", "X-Forwarded-Proto": "HTTPS"}, True),
    ("https://chat.example", {"Host": "chat.example", "X-Forwarded-Proto": "wss"}, True),
    ("https://chat.example", {"Host": "chat.example:443", "X-Forwarded-Proto": "https"}, True),
    ("https://chat.example", {"Host": "chat.example:80", "X-Forwarded-Proto": "https"}, True),
    ("https://chat.example", {"Host": "Chat.Example"}, True),
    ("http://chat.example", {"Host": "chat.example", "X-Forwarded-Proto": "https"}, False),
    ("https://chat.example", {"Host": "chat.example", "X-Forwarded-Proto": "http"}, False),
    ("https://chat.example:8443", {"Host": "chat.example", "X-Forwarded-Proto": "https"}, False),
    ("https://other.example", {"Host": "10.0.0.7", "X-Forwarded-Host": "chat.example"}, False),
    ("https://chat.example", {"Host": "10.0.0.7", "X-Forwarded-Host": "chat.example"}, True),
    ("https://chat.example", {"Host": "10.0.0.7", "X-Forwarded-Host": "evil.example, chat.example"}, True),
    ("https://evil.example", {"Host": "10.0.0.7", "X-Forwarded-Host": "evil.example, chat.example"}, False),
    ("capacitor://chat.example", {"Host": "chat.example"}, False),
    ("https://", {"Host": ""}, False),
    ("http://", {"Host": "", "X-Forwarded-Host": ""}, False),
]


@pytest.mark.parametrize(("origin", "headers", "own"), OWN)
async def test_the_page_s_own_origin_is_known_with_its_scheme_where_a_proxy_tells_it(
    start_server: Start, origin: str, headers: dict[str, str], own: bool
) -> None:
    server = await start_server(trust_proxies=1)
    for path, well in ((POLLING, 200), (WEBSOCKET, 101)):
        assert (await ask(server.url, path, Origin=origin, **headers)).status == (well if own else 403)


# --- hosts ---

HOSTS = [
    ("chat.example", "chat.example", True),
    ("chat.example", "CHAT.example:8443", True),
    ("chat.example", "chat.example.", True),
    ("chat.example", "evil.example", False),
    ("chat.example", "127.0.0.1:8000", False),
    ("chat.example", "", False),
    ("chat.example", "chat.example/x", False),
    ("chat.example:8443", "chat.example:8443", True),
    ("chat.example:8443", "chat.example", False),
    ("chat.example:443", "chat.example", True),
    ("*.example", "a.example", True),
    ("*.example", "example", False),
    ("*.example", "a.b.example", False),
    ("[::1]", "[::1]:8000", True),
    ("127.0.0.1,localhost:8000", "localhost:8000", True),
]


@pytest.mark.parametrize(("setting", "host", "served"), HOSTS)
async def test_only_the_hosts_that_are_named_are_served(
    start_server: Start, setting: str, host: str, served: bool
) -> None:
    server = await start_server(hosts=load({}, {"PARLOR_HOSTS": setting})[0].hosts)
    for path, well in (
        ("/", 200),
        ("/r/lobby", 200),
        (POLLING, 200),
        (WEBSOCKET, 101),
        (WEBSOCKET, 101),
        ("/ws/echo", 101),
    ):
        answer = await ask(server.url, path, Host=host)
        assert answer.status == (well if served else 421), path
        if not served:
            assert b"PARLOR_HOSTS" in answer.body
    for probe in ("/healthz", "/readyz", "/metrics"):
        assert (await ask(server.url, probe, Host=host)).status == 200


async def test_every_host_is_served_where_none_is_named(url: str) -> None:
    assert (await ask(url, "/", Host="anything.example")).status == 200


async def test_the_host_that_counts_is_the_one_that_a_trusted_proxy_names(start_server: Start) -> None:
    named = {"X-Forwarded-Host": "chat.example"}
    for proxies, status in ((1, 200), (0, 421)):
        server = await start_server(hosts=("chat.example",), trust_proxies=proxies)
        assert (await ask(server.url, "/", Host="10.0.0.7", **named)).status == status


# --- https ---

LOCATIONS = [
    ({"Host": "chat.example:80"}, "https://chat.example/r/x?y=1"),
    ({"Host": "chat.example:443"}, "https://chat.example/r/x?y=1"),
    ({"Host": "chat.example:8080"}, "https://chat.example:8080/r/x?y=1"),
    ({"Host": "[2001:db8::1]:80"}, "https://[2001:db8::1]/r/x?y=1"),
    ({"Host": "chat.example", "X-Forwarded-Proto": "HTTP"}, "https://chat.example/r/x?y=1"),
    ({"Host": "a.example", "X-Forwarded-Host": "evil.example, chat.example"}, "https://chat.example/r/x?y=1"),
    (
        {"Host": "a.example", "X-Forwarded-Host": "evil.example\r\nX-Forwarded-Host: chat.example"},
        "https://chat.example/r/x?y=1",
    ),
    ({"Host": "a.example", "X-Forwarded-Host": "no host/"}, "https://a.example/r/x?y=1"),
    ({"Host": "a.example", "X-Forwarded-Host": "chat.example:99999"}, "https://a.example/r/x?y=1"),
    ({"Host": "a b"}, None),
    ({"Host": "evil.example/@"}, None),
    ({"Host": "user@evil.example"}, None),
    ({"Host": ""}, None),
]


@pytest.mark.parametrize(("headers", "location"), LOCATIONS)
async def test_https_is_forced_on_the_visitor_s_own_host(
    start_server: Start, headers: dict[str, str], location: str | None
) -> None:
    server = await start_server(force_https=True, trust_proxies=1)
    answer = await ask(server.url, "/r/x?y=1", **({"X-Forwarded-Proto": "http"} | headers))
    assert answer.headers.get("location") == location
    assert answer.status == (308 if location else 400)


async def test_two_proxies_that_are_trusted_count_from_this_server_outwards(start_server: Start) -> None:
    server = await start_server(force_https=True, trust_proxies=2)
    said = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example, chat.example, inner.example"}
    assert (await ask(server.url, "/", Host="a", **said)).headers["location"] == "https://chat.example/"


async def test_hsts_is_told_over_https_alone_and_only_where_it_is_set(start_server: Start) -> None:
    for hsts, proto, told in ((86_400, "https", "max-age=86400"), (86_400, "http", None), (0, "https", None)):
        server = await start_server(trust_proxies=1, hsts=hsts)
        answer = await ask(server.url, "/", X_Forwarded_Proto=proto)
        assert answer.headers.get("strict-transport-security") == told


# --- paths and methods ---


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/r/lobby/", "/r/lobby"),
        ("//r/lobby", "/r/lobby"),
        ("//r//lobby//", "/r/lobby"),
        ("/r/lobby/?x=1", "/r/lobby?x=1"),
        ("/echo/", "/echo"),
        ("/diagnostics/", "/diagnostics"),
        ("//", "/"),
        ("//evil.example/", None),
        ("//evil.example/r/lobby", None),
        ("///evil.example//..", None),
        ("/nothing/", None),
    ],
)
async def test_slashes_too_many_lead_to_the_page_and_nowhere_else(url: str, path: str, location: str | None) -> None:
    answer = await ask(url, path)
    assert (answer.status, answer.headers.get("location")) == ((308, location) if location else (404, None))


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_socket_io_is_served_without_its_last_slash(server: Any, transport: str) -> None:
    path = f"/socket.io?EIO=4&transport={transport}"
    async with await Line.to(server.url) as line, await Line.to(server.url) as again:
        for one in (line, again):
            await one.write(raw("GET", path, UPGRADE if transport == "websocket" else {}))
            assert (await one.answer()).status == (101 if transport == "websocket" else 200)


GETTABLE = ["/", "/r/lobby", "/echo", "/diagnostics", "/healthz", "/readyz", "/metrics", "/robots.txt", "/favicon.ico"]


@pytest.mark.parametrize("path", GETTABLE)
async def test_every_page_knows_its_methods(url: str, path: str) -> None:
    options, head = await ask(url, path, "OPTIONS"), await ask(url, path, "HEAD")
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert (head.status, head.body) == (200, b"")
    for headers in ({}, HTML):
        refused = await ask(url, path, "DELETE", **headers)
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_there_is_an_icon_and_a_word_for_search_engines(start_server: Start) -> None:
    for index, closed in ((False, True), (True, False)):
        server = await start_server(index_rooms=index)
        icon = await ask(server.url, "/favicon.ico")
        assert icon.headers["content-type"] == "image/x-icon"
        assert icon.body[:4] == b"\0\0\1\0"
        lines = (await ask(server.url, "/robots.txt")).body.decode().splitlines()
        assert lines[0] == "User-agent: *"
        assert ("Disallow: /r/" in lines) == closed


# --- a path of a host ---


async def test_under_a_path_everything_is_there_and_nothing_beside_it(start_server: Start) -> None:
    server = await start_server(base_path="/chat")
    root = server.url.removesuffix("/chat")
    assert server.url == f"{root}/chat"
    for path in (
        "/chat",
        "/chat/",
        "/chat/r/lobby",
        "/chat/echo",
        "/chat/diagnostics",
        "/chat/robots.txt",
        "/chat/favicon.ico",
    ):
        assert (await ask(root, path)).status == 200, path
    for path in ("/", "/r/lobby", POLLING, "/chatr/lobby", "/static/x/js/main.js", "/favicon.ico"):
        assert (await ask(root, path)).status == 404, path
    for path in ("/healthz", "/readyz", "/metrics"):
        assert [(await ask(root, base + path)).status for base in ("", "/chat")] == [200, 200]
    assert (await ask(root, "/chat/?room=Tea")).headers["location"] == "/chat/r/tea"
    assert (await ask(root, "/chat/r/Tea")).headers["location"] == "/chat/r/tea"
    assert (await ask(root, "/chat/r/tea/")).headers["location"] == "/chat/r/tea"
    assert (await ask(root, "/chat/r/Tea/log")).headers["location"] == "/chat/r/tea/log"
    assert (await ask(root, "/chat/r/tea/log?day=2026-11-27")).headers["location"] == "/chat/r/tea/log/2026-11-27"
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/r/lobby") as answer:
        assert answer.cookies[COOKIE]["path"] == "/chat"
        html = await answer.text()
    assert 'data-base="/chat"' in html
    assert 'href="/chat/' in html
    assert not [link for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', html) if not link.startswith("/chat/")]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_client_talks_under_a_path(start_server: Start, transport: str) -> None:
    server = await start_server(base_path="/talk/here")
    async with Client(server.url, "alice", transports=(transport,)) as alice:
        lobby = await alice.enter("lobby")
        assert (await alice.say("lobby", "hello"))["text"] == "hello"
        await until(lambda: len(lobby.messages) == 1)


# --- frames ---


async def test_nobody_may_frame_the_page_unless_named(url: str) -> None:
    answer = await ask(url, "/r/lobby")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert "SameSite=Lax" in answer.headers["set-cookie"]


async def test_who_is_named_may_frame_the_page_with_cookies_that_live_there(start_server: Start) -> None:
    server = await start_server(embed=("https://www.example.org", "https://*.example.net"), trust_proxies=1)
    answer = await ask(server.url, "/r/lobby", X_Forwarded_Proto="https")
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'self' https://www.example.org https://*.example.net" in policy
    assert "x-frame-options" not in answer.headers
    cookie = answer.headers["set-cookie"]
    assert "SameSite=None" in cookie and "Secure" in cookie and "Partitioned" in cookie
    plain = (await ask(server.url, "/r/lobby", X_Forwarded_Proto="http")).headers["set-cookie"]
    assert "SameSite=Lax" in plain and "Partitioned" not in plain, "browsers take SameSite=None over https alone"


def test_embedding_without_https_is_told_at_the_start() -> None:
    for environment, told in (({}, 1), ({"PARLOR_TRUST_PROXIES": "1"}, 0)):
        settings, _ = load({}, {"PARLOR_EMBED": "https://www.example.org"} | environment)
        assert sum("PARLOR_EMBED" in line for line in warnings(settings, {})) == told
