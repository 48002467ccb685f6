"""The operator's page: who sees it, and what it shows."""

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from app.server import Running
from app.web.operator import Operator
from tests.conftest import Start
from tests.support.talker import Talker

PASSWORD = "correct horse battery"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest_asyncio.fixture
async def operated(start_server: Start) -> Running:
    return await start_server(operator_password=PASSWORD, rate_limit=20)


@pytest_asyncio.fixture
async def browser_at(operated: Running) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an IP address
    async with aiohttp.ClientSession(operated.url, cookie_jar=jar, headers=OWN) as session:
        yield session


async def post(browser: aiohttp.ClientSession, path: str = "/operator", **form: str) -> aiohttp.ClientResponse:
    async with browser.post(path, data=form, allow_redirects=False) as answer:
        await answer.read()
        return answer


async def html(browser: aiohttp.ClientSession) -> str:
    async with browser.get("/operator") as answer:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert "Content-Encoding" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        return await answer.text()


async def test_without_a_password_of_the_operator_there_is_no_such_page(url: str) -> None:
    async with aiohttp.ClientSession(url) as browser:
        for ask in (browser.get("/operator"), browser.post("/operator"), browser.post("/operator/leave")):
            async with ask as answer:
                assert answer.status == 404


async def test_the_password_opens_it_until_one_leaves(browser_at: aiohttp.ClientSession) -> None:
    assert "Rooms used last" not in await html(browser_at)
    wrong = await post(browser_at, password="correct horse battery?")
    assert (wrong.status, "parlor_operator" in wrong.cookies) == (403, False)
    right = await post(browser_at, password=PASSWORD)
    assert (right.status, right.headers["Location"]) == (303, "/operator")
    cookie = right.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/operator" in cookie
    assert PASSWORD not in cookie
    assert "Rooms used last" in await html(browser_at)
    await post(browser_at, "/operator/leave")
    assert "Rooms used last" not in await html(browser_at)


async def test_by_https_the_cookie_is_secure_and_under_a_path_it_is_the_path_s(start_server: Start) -> None:
    server = await start_server(operator_password=PASSWORD, trust_proxies=1, base_path="/chat")
    headers = OWN | {"X-Forwarded-Proto": "https"}
    async with aiohttp.ClientSession(headers=headers) as browser:
        form = {"password": PASSWORD}
        async with browser.post(f"{server.url}/operator", data=form, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert answer.headers["Location"] == "/chat/operator"
    assert cookie.startswith("__Secure-parlor_operator=") and "; Secure" in cookie and "Path=/chat/operator" in cookie


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/operator", "/operator/leave"])
async def test_no_other_site_sends_the_form(operated: Running, path: str, site: str) -> None:
    async with aiohttp.ClientSession(operated.url, headers={"Sec-Fetch-Site": site}) as browser:
        assert (await post(browser, path, password=PASSWORD)).status == 403
    async with aiohttp.ClientSession(operated.url, headers={"Origin": "https://evil.example"}) as browser:
        assert (await post(browser, path, password=PASSWORD)).status == 403


def test_a_cookie_is_good_for_its_time_its_password_and_its_history_alone(operated: Running) -> None:
    operator = operated.runner.app[next(key for key in operated.runner.app if key._name.endswith("operator"))]
    assert isinstance(operator, Operator)
    shown = operator.pass_until(1_000, "a")
    assert operator.is_good(shown, "a", now=999)
    assert not operator.is_good(shown, "a", now=1_000)
    assert not operator.is_good(shown, "b", now=999)
    assert not Operator("another password", operator.folder).is_good(shown, "a", now=999)
    for forged in ("", ".", "9999", shown.replace("1000", "9999"), "٣." + shown, f"{'9' * 40}.x", "1000.é"):
        assert not operator.is_good(forged, "a", now=999), forged
    assert PASSWORD not in repr(operator)


async def test_guesses_have_to_wait(browser_at: aiohttp.ClientSession) -> None:
    statuses = [(await post(browser_at, password=f"guess number {nth}")).status for nth in range(6)]
    assert statuses == [403] * 5 + [429]
    last = await post(browser_at, password=PASSWORD)
    assert last.status == 429 and int(last.headers["Retry-After"]) >= 1


async def test_it_shows_rooms_people_storage_health_and_refusals(
    operated: Running, browser_at: aiohttp.ClientSession
) -> None:
    await post(browser_at, password=PASSWORD)
    async with Talker(operated.url, "Ann") as ann, Talker(operated.url, "Bob", transport="polling") as bob:
        await ann.join("garden")
        await ann.say("garden", "a rose")
        await bob.join("den", listed=False)
        await bob.say("den", "secret words")
        await ann.ask("open", {"person": bob.me["id"]})
        await ann.ask("send", {"room": "nowhere", "text": "x", "id": "x" * 8})
        shown = " ".join(re.sub(r"<[^>]+>", " ", await html(browser_at)).split())
    for fact in (
        "Connected, here 2",
        "By websocket, here 1",
        "By polling, here 1",
        "Conversations of two 1",
        "Messages ever said 2",
        "#garden everybody 1 1",
        "#den everybody, unlisted 1 1",
        "send not_member nowhere Join #nowhere first.",
        "Ready: the database can be read and written.",
    ):
        assert fact in shown, fact
    assert re.search(r"Database \d\S* [KM]B", shown) and "Free disk" in shown
    assert "secret words" not in shown and "Ann" not in shown
    assert operated.chat.process in shown


async def test_it_says_so_where_nothing_can_be_stored(operated: Running, browser_at: aiohttp.ClientSession) -> None:
    await post(browser_at, password=PASSWORD)
    database = operated.settings.data / "parlor.db"
    database.rename(database.with_suffix(".away"))
    async with asyncio.timeout(10):
        while 'role="alert"' not in (shown := await html(browser_at)):
            await asyncio.sleep(0.05)
    assert "gone from its place" in shown
    database.with_suffix(".away").rename(database)
