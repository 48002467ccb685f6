"""The cookie that holds a browser's token: given, replaced where it is none of ours, renewed after `identify`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio

from app.chat import people
from app.model import COOKIE, HOST_COOKIE
from app.server import Running
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.talker import Talker, hang_up, until

PHRASE = "correct horse battery"
HTTPS = {"X-Forwarded-Proto": "https"}
SEED = "a-seed-of-this-browser"


class Browser:
    """Keeps cookies as a browser does; by https where a proxy says so."""

    def __init__(self, url: str, headers: Mapping[str, str] = {}, **cookies: str) -> None:
        self.url, self.headers, self.cookies = url, headers, dict(cookies)

    @property
    def _sent(self) -> dict[str, str]:
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**self.headers, **({"Cookie": pairs} if pairs else {})}

    async def opens(self, path: str = "/") -> None:
        async with aiohttp.ClientSession(headers=self._sent) as http, http.get(self.url + path) as answer:
            self._keep(answer)

    async def asks(self, payload: Any, **headers: str) -> int:
        async with (
            aiohttp.ClientSession(headers={**self._sent, **headers}) as http,
            http.post(f"{self.url}/token", json=payload) as answer,
        ):
            self._keep(answer)
            assert (await answer.json())["ok"] is (answer.status == 200)
            return answer.status

    def _keep(self, answer: aiohttp.ClientResponse) -> None:
        for name, cookie in answer.cookies.items():
            assert cookie["httponly"]
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value

    @asynccontextmanager
    async def connects(self, nickname: str | None = None) -> AsyncIterator[Talker]:
        """By polling: on a WebSocket the Python client sends no headers of its own making."""
        talker = Talker(self.url, nickname, transport="polling")
        await talker.client.connect(
            self.url,
            transports=["polling"],
            headers=self._sent,
            auth={"nickname": nickname} if nickname else None,
            wait_timeout=PATIENCE,
        )
        talker.welcome = await talker.hears("welcome")
        talker.me = talker.welcome["me"]
        yield talker
        await hang_up(talker.client)


@pytest.fixture
async def site(start_server: Start) -> Running:
    return await start_server(trust_proxies=1)


async def test_a_page_replaces_a_cookie_that_was_never_issued(site: Running) -> None:
    browser = Browser(site.url, parlor_token="p" * 43)
    await browser.opens("/r/lobby")
    assert site.chat.tokens.is_signed(browser.cookies[COOKIE])
    given = dict(browser.cookies)
    await browser.opens()
    assert browser.cookies == given, "who has one keeps it"
    async with browser.connects("alice") as alice:
        assert "token" not in alice.welcome


async def test_an_older_cookie_that_is_stored_is_kept(site: Running) -> None:
    async with Talker(site.url, "alice") as alice:
        await alice.join("lobby")
        digest = people.fingerprint(site.chat, "u" * 43)
        add = "INSERT INTO tokens (fingerprint, person, created_at) VALUES (?, ?, 1)"
        await site.database.write(lambda db: db.exec_driver_sql(add, (digest, alice.me["id"])) and None)
    browser = Browser(site.url, parlor_token="u" * 43)
    await browser.opens()
    assert browser.cookies == {COOKIE: "u" * 43}
    async with browser.connects() as again:
        assert again.me == alice.me


async def test_by_https_the_cookie_is_of_this_host_alone_and_the_old_one_is_read_and_replaced(site: Running) -> None:
    browser = Browser(site.url)
    await browser.opens()
    (token,) = browser.cookies.values()
    browser.headers = HTTPS
    async with browser.connects("alice") as alice:
        await alice.join("lobby")
    await browser.opens()
    assert browser.cookies == {HOST_COOKIE: token}
    async with browser.connects() as again:
        assert again.me == alice.me


async def test_a_cookie_that_another_host_has_planted_does_not_count_beside_ours(site: Running) -> None:
    browser = Browser(site.url, HTTPS)
    await browser.opens()
    own = browser.cookies[HOST_COOKIE]
    browser.cookies = {COOKIE: site.chat.tokens.new(), **browser.cookies}
    async with browser.connects("alice") as alice:
        await alice.join("lobby")
    async with Talker(site.url, token=own) as again:
        assert again.me == alice.me


@pytest.mark.parametrize("base", ["/chat", "/a/b"])
async def test_under_a_path_the_cookie_of_https_has_a_name_of_its_own(start_server: Start, base: str) -> None:
    server = await start_server(trust_proxies=1, base_path=base)
    browser = Browser(server.url, HTTPS)
    await browser.opens("/")
    assert list(browser.cookies) == [HOST_COOKIE + base.replace("/", ".")]


async def test_a_browser_whose_cookie_is_unknown_is_told_and_all_its_tabs_get_the_same(site: Running) -> None:
    browser = Browser(site.url, parlor_token="p" * 43)
    async with browser.connects("alice") as alice:
        assert alice.welcome["renew"] is True
        assert alice.welcome["token"] != "p" * 43
    tab = Browser(site.url, parlor_token="p" * 43)
    assert [await one.asks({"seed": SEED}) for one in (browser, tab)] == [200, 200]
    assert browser.cookies == tab.cookies
    stranger = Browser(site.url, parlor_token="p" * 43)
    await stranger.asks({"seed": "another-seed-of-a-browser"})
    assert stranger.cookies != tab.cookies, "whoever planted the cookie does not get it"
    async with browser.connects() as again:
        assert not {"renew", "token"} & again.welcome.keys()
        kept = dict(browser.cookies)
        await browser.asks({"seed": "another-seed-of-a-browser"})
        assert browser.cookies == kept, "a good one is not replaced"


async def test_after_identify_the_handle_brings_a_cookie_that_no_script_sees(site: Running) -> None:
    async with Talker(site.url, "alice") as alice:
        await alice.ask("reserve", {"passphrase": PHRASE})
    browser = Browser(site.url)
    await browser.opens()
    former = dict(browser.cookies)
    async with browser.connects("phone") as phone, browser.connects() as tab:
        await phone.join("lobby")
        await tab.join("lobby")
        answer = await phone.ask("identify", {"nickname": "alice", "passphrase": PHRASE})
        assert (answer["me"]["id"], "token" in answer) == (alice.me["id"], False)
        for _ in range(2):  # an answer that is lost is asked for again
            browser.cookies = dict(former)
            assert await browser.asks({"handle": answer["renew"]}) == 200
            assert browser.cookies != former
        async with Browser(site.url, parlor_token=former[COOKIE]).connects() as early:
            assert early.me["id"] == phone.me["id"], "not before the new one is confirmed"
        assert tab.client.connected
        assert await browser.asks({"seed": SEED}) == 200
        await until(lambda: not tab.client.connected)
        assert (await phone.say("lobby", "it is me"))["author"] == alice.me["id"]
    async with browser.connects() as again:
        assert again.me["id"] == alice.me["id"]
    late = Browser(site.url, parlor_token=former[COOKIE])
    assert await late.asks({"handle": answer["renew"]}) == 403
    async with late.connects() as stranger:
        assert stranger.welcome["renew"] is True
        assert stranger.me["id"] not in (alice.me["id"], phone.me["id"])


async def test_a_handle_is_of_no_use_in_another_browser(site: Running) -> None:
    async with Talker(site.url, "alice") as alice:
        await alice.ask("reserve", {"passphrase": PHRASE})
    browser, other = Browser(site.url), Browser(site.url)
    await browser.opens()
    await other.opens()
    async with browser.connects("phone") as phone:
        handle = (await phone.ask("identify", {"nickname": "alice", "passphrase": PHRASE}))["renew"]
    kept = dict(other.cookies)
    for one in (other, Browser(site.url), Browser(site.url, parlor_token="p" * 43)):
        assert await one.asks({"handle": handle}) == 403
    assert other.cookies == kept


@pytest.mark.parametrize("handle", ["", "x", 7, [], {}, "A" * 32, "A" * 1000, "\x00" * 32], ids=range(8))
async def test_a_handle_that_is_none_is_refused(site: Running, handle: object) -> None:
    browser = Browser(site.url)
    await browser.opens()
    assert await browser.asks({"handle": handle}) == 403


@pytest.mark.parametrize(
    "body",
    [b"[]", b"", b"{", b"null", b'{"seed":"\\ud800"}', b'{"a":NaN}', b'{"a":' + b"[" * 100_000, b"\xff"],
    ids=range(8),
)
async def test_what_is_no_object_is_refused(site: Running, body: bytes) -> None:
    json = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as http, http.post(f"{site.url}/token", data=body, headers=json) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "bad_payload")


@pytest.mark.parametrize("seed", [None, 7, [], "", "x" * 10_000, "\n" * 20], ids=range(6))
async def test_whatever_the_seed_is_a_browser_gets_a_token(site: Running, seed: object) -> None:
    browser = Browser(site.url, parlor_token="p" * 43)
    assert await browser.asks({"seed": seed}) == 200
    assert site.chat.tokens.is_signed(browser.cookies[COOKIE])


async def test_other_sites_cannot_have_a_cookie_set(site: Running) -> None:
    assert await Browser(site.url).asks({}, **{"Sec-Fetch-Site": "cross-site"}) == 403
    async with aiohttp.ClientSession() as http:
        for form in ({"data": {"seed": SEED}}, {"data": '{"seed": "x"}', "headers": {"Content-Type": "text/plain"}}):
            async with http.post(f"{site.url}/token", **form) as answer:
                assert (answer.status, answer.cookies) == (400, {})
        async with http.get(f"{site.url}/token") as answer:
            assert answer.status == 405


async def test_polling_and_websocket_find_the_cookie_of_https(site: Running) -> None:
    browser = Browser(site.url, HTTPS)
    await browser.opens()
    headers = {"Cookie": f"a=1; {HOST_COOKIE}={browser.cookies[HOST_COOKIE]}"}
    told = []
    for transport in ("polling", "websocket"):
        client = socketio.AsyncClient(reconnection=False, request_timeout=PATIENCE)
        talker = Talker(site.url)
        client.on("*", talker._hear)
        await client.connect(site.url, transports=[transport], headers=headers, wait_timeout=PATIENCE)
        told.append(await talker.hears("welcome"))
        await hang_up(client)
    assert told[0]["me"]["id"] == told[1]["me"]["id"]
    assert not [one for one in told if "token" in one]
