"""What a shared link shows, to people, to other sites and to search engines; and what it keeps to itself."""

import re

import aiohttp
import pytest

from tests.conftest import Start
from tests.support.talker import Talker


async def page(url: str, **headers: str) -> str:
    async with aiohttp.ClientSession(headers=headers) as browser, browser.get(url) as answer:
        assert answer.status == 200
        return await answer.text()


def told(html: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:property|name)="((?:og|twitter):\w+|robots)" content="([^"]*)"', html)
    return dict(found)


async def test_a_public_room_is_previewed_with_a_picture(start_server: Start) -> None:
    server = await start_server(site="Tea & Talk")
    async with Talker(server.url, "Ann") as ann:
        await ann.join("garden")
        await ann.ask("topic", {"room": "garden", "topic": 'Roses "and" <weeds>'})
        html = await page(f"{server.url}/r/garden")
        meta = told(html)
        assert meta["og:title"] == "#garden"
        assert meta["og:site_name"] == "Tea &amp; Talk"
        assert meta["og:description"] == "Roses &#34;and&#34; &lt;weeds&gt;"
        assert meta["og:url"] == f"{server.url}/r/garden"
        assert meta["og:image"].startswith(f"{server.url}/static/")
        async with aiohttp.ClientSession() as browser, browser.get(meta["og:image"]) as answer:
            assert answer.content_type == "image/png"
        assert meta["robots"] == "noindex"


async def test_search_engines_keep_a_public_room_where_the_operator_wants_that(start_server: Start) -> None:
    server = await start_server(index_rooms=True)
    async with Talker(server.url, "Ann") as ann:
        await ann.join("garden")
        assert "robots" not in told(await page(f"{server.url}/r/garden"))
        await ann.ask("settings", {"room": "garden", "listed": False})
        assert told(await page(f"{server.url}/r/garden")) == {"robots": "noindex"}


CLOSED = [{"listed": False}, {"locked": True}, {"passphrase": "correct horse"}]


@pytest.mark.parametrize("settings", CLOSED, ids=["unlisted", "locked", "passphrase"])
async def test_a_room_that_is_not_for_everybody_shows_nothing(url: str, settings: dict[str, object]) -> None:
    async with Talker(url, "Ann") as ann:
        await ann.join("den")
        await ann.ask("topic", {"room": "den", "topic": "Plans"})
        await ann.say("den", "the secret word")
        assert "the secret word" in await page(f"{url}/r/den")
        await ann.ask("settings", {"room": "den", **settings})
        html = await page(f"{url}/r/den")
        assert not any(word in html for word in ("secret word", "Plans", ">Ann<"))
        assert told(html) == {"robots": "noindex"}


async def test_the_door_shows_neither_what_was_deleted_nor_more_than_the_last_words(url: str) -> None:
    async with Talker(url, "Ann") as ann:
        await ann.join("garden")
        for nth in range(20):
            await ann.say("garden", f"rose {nth:02}")
        await ann.ask("delete", {"room": "garden", "seq": 20})
        html = await page(f"{url}/r/garden")
        said = re.findall(r"rose \d\d", html)
        assert said == [f"rose {nth:02}" for nth in range(8, 19)]
        await ann.ask("send", {"room": "garden", "text": "<img src=x onerror=alert(1)>", "id": "x" * 8})
        assert "<img src=x" not in await page(f"{url}/r/garden")


async def test_somebody_banned_reads_nothing_at_the_door(url: str) -> None:
    async with Talker(url, "Ann") as ann, Talker(url, "Mallory") as mallory:
        await ann.join("garden")
        await mallory.join("garden")
        await mallory.say("garden", "boo")
        await ann.ask("ban", {"room": "garden", "person": mallory.me["id"]})
        await ann.say("garden", "peace")
        assert "peace" in await page(f"{url}/r/garden")
        assert "peace" not in await page(f"{url}/r/garden", Cookie=f"parlor_token={mallory.token}")


async def test_looking_makes_no_room(url: str) -> None:
    assert "The room begins with you" in await page(f"{url}/r/nobody-was-here")
    assert "nobody-was-here" not in await page(url)


LOOKS = [
    ("in.dark.large.compact.still", 'data-theme="dark" data-text="large" data-rows="compact" data-motion="still"'),
    ("light", 'data-theme="light"'),
    ('dark"onload=x.larger', 'data-text="larger"'),
    ("", ""),
    ("nothing.known", ""),
]


@pytest.mark.parametrize(("cookie", "attributes"), LOOKS, ids=[str(nth) for nth in range(len(LOOKS))])
async def test_the_page_looks_as_was_chosen_before_a_script_runs(url: str, cookie: str, attributes: str) -> None:
    html = await page(f"{url}/r/lobby", Cookie=f"parlor_look={cookie}")
    assert f'<html lang="en" dir="ltr"{" " + attributes if attributes else ""}>' in html
    assert ("is-inside" in html) == cookie.startswith("in")
    assert ('id="doorway" hidden' in html) == cookie.startswith("in")


async def test_a_suggested_nickname_is_free_to_take(url: str) -> None:
    html = await page(f"{url}/r/lobby")
    offered = re.findall(r'name="offered" value="([^"]+)"', html)
    assert len(offered) == 1
    async with Talker(url, offered[0]) as somebody:
        await somebody.join("lobby")
        assert somebody.me["nickname"] == offered[0]
