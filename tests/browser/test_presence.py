"""Who is here, who has only lost the line, and what is news about it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from playwright.async_api import expect

from app.chat.presence import Pace, Presence
from app.model import Connection, Person
from tests.browser.conftest import Between, Start, Visit
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker
from tests.support.together import at_once

NEVER_TOLD = """() => {
  const news = document.getElementById("news");
  window.newsTold = [];
  new MutationObserver(() => news.textContent && window.newsTold.push(news.textContent))
    .observe(news, { childList: true, characterData: true, subtree: true });
}"""


async def enters(visit: Visit, url: str, nickname: str, room: str) -> Visitor:
    """In, and every news that the page tells from now on is kept."""
    visitor = await visit(url, nickname)
    visitor.forgives_network = True
    await visitor.enters(room)
    await visitor.is_in()
    return visitor


async def quiet(visitor: Visitor) -> None:
    """What the arrivals told is made old by words; from here on, news are kept."""
    await visitor.says("everybody is here")
    await expect(visitor.said.last).to_have_text("everybody is here")
    await expect(visitor.page.locator("#news")).to_be_hidden()
    await visitor.page.evaluate(NEVER_TOLD)


async def news_told(visitor: Visitor) -> list[str]:
    told: list[str] = await visitor.page.evaluate("window.newsTold")
    return told


async def by_proxy(bob: Visitor, proxy: Proxy) -> Callable[[], Awaitable[None]]:
    await proxy.refuse()
    return proxy.accept


async def by_offline(bob: Visitor, proxy: Proxy) -> Callable[[], Awaitable[None]]:
    await bob.goes_offline()
    await expect(bob.status).to_have_text("Offline")
    return bob.is_online_again


async def test_who_loses_the_network_is_reconnecting_and_comes_back_without_any_news(
    url: str, between: Between, visit: Visit
) -> None:
    async def trial(lose: Callable[[Visitor, Proxy], Awaitable[Callable[[], Awaitable[None]]]]) -> None:
        room, proxy = lose.__name__, await between(url)
        alice = await enters(visit, url, f"alice {room}", room)
        bob = await enters(visit, proxy.url, f"bob {room}", room)
        both = [alice.nickname, bob.nickname]
        await expect(alice.people).to_have_text(both)
        await quiet(alice)
        find_again = await lose(bob, proxy)
        await expect(alice.people).to_have_text([both[0], f"{both[1]} reconnecting"])
        await expect(alice.page.locator("#head-count")).to_have_text("2")
        await find_again()
        await expect(alice.people).to_have_text(both)
        await bob.is_in()
        await bob.types("a tunnel")
        await expect(alice.said.last).to_have_text("a tunnel")
        assert await news_told(alice) == []
        await expect(bob.page.locator("#news")).to_be_hidden()

    await at_once([by_proxy, by_offline], trial)


async def test_who_does_not_come_back_in_time_has_left(start_server: Start, between: Between, visit: Visit) -> None:
    server = await start_server(grace=0.5)
    proxy = await between(server.url)
    alice = await enters(visit, server.url, "alice", "lobby")
    await enters(visit, proxy.url, "bob", "lobby")
    await expect(alice.people).to_have_text(["alice", "bob"])
    await quiet(alice)
    await proxy.refuse()
    await expect(alice.people).to_have_text(["alice"])
    await expect(alice.page.locator("#news")).to_have_text("bob left")
    assert await news_told(alice) == ["bob left"]


async def test_after_a_restart_nobody_is_told_as_new_who_was_here_before(start_server: Start, visit: Visit) -> None:
    server = await start_server()
    visitors = await asyncio.gather(*(enters(visit, server.url, name, "lobby") for name in ("alice", "bob")))
    for visitor in visitors:
        await expect(visitor.people).to_have_text(["alice", "bob"])
    await quiet(visitors[0])
    await visitors[1].page.evaluate(NEVER_TOLD)
    await server.stop()
    again = await start_server(port=int(server.url.rpartition(":")[2]))
    for visitor in visitors:
        await visitor.is_in()
        await expect(visitor.people).to_have_text(["alice", "bob"])
    async with Talker(again.url, "cleo") as cleo:
        await cleo.join("lobby")
        for visitor in visitors:
            await expect(visitor.page.locator("#news")).to_have_text("cleo joined")
    for visitor in visitors:
        assert set(await news_told(visitor)) == {"cleo joined"}


async def test_of_many_people_the_page_shows_the_first_and_on_demand_the_others(url: str, visit: Visit) -> None:
    async with AsyncExitStack() as crowd:
        for n in range(60):
            guest = await crowd.enter_async_context(Talker(url, f"guest {n:02}"))
            await guest.join("full")
        await guest.hears("people", lambda news: news["count"] == 60)
        alice = await enters(visit, url, "alice", "full")
        people = alice.page.get_by_role("list", name="People").get_by_role("listitem")
        await expect(people).to_have_count(50)
        more = alice.page.get_by_role("button", name="Show more")
        await more.click()
        await expect(people).to_have_count(61)
        await expect(more).to_be_hidden()


async def test_a_large_room_shows_its_first_page_and_its_count(start_server: Start, visit: Visit) -> None:
    """And further pages on demand, which are asked for again when somebody of them may have gone."""
    server = await start_server()
    presence = server.chat.presence = Presence(server.chat.broadcaster.broadcast, Pace(interval_s=0.05))

    def comes(name: str) -> None:
        one = Connection(f"socket of {name}", Person(name, name))
        presence.connect(one)
        presence.join(one, "lobby")

    for n in range(299):
        comes(f"guest {n:03}")
    abe = await enters(visit, server.url, "abe", "lobby")
    count = abe.page.locator("#head-count")
    await expect(count).to_have_text("300")
    await expect(abe.people).to_have_count(50)
    comes("anna")
    await expect(abe.people.nth(1)).to_have_text("anna")
    await expect(abe.people).to_have_count(50)
    await expect(count).to_have_text("301")
    presence.disconnect(presence.online.connection("socket of guest 010"))
    await expect(abe.people.filter(has_text="guest 010")).to_have_count(0)
    await expect(abe.people).to_have_count(50)
    await abe.page.locator("#more-people").click()
    await expect(abe.people).to_have_count(250)
    presence.disconnect(presence.online.connection("socket of guest 100"))
    await expect(abe.people.filter(has_text="guest 100")).to_have_count(0)
    await expect(abe.people).to_have_count(250)
    await expect(count).to_have_text("299")
    await expect(abe.page.locator("#news")).to_be_hidden()
    presence.stop()
