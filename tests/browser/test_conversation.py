"""Two people in two browsers talk: on every setting of the flag, through reload, restart and lost networks."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Start, Visit
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker
from tests.support.thorough import first

ROOM = "lobby"


def expected(transports: tuple[str, ...]) -> str:
    """What a healthy line speaks in the end: polling only where nothing else is allowed."""
    return "websocket" if "websocket" in transports else "polling"


async def both_enter(
    visit: Visit, url: str, transport: str = "websocket", *, forgives_network: bool = False
) -> tuple[Visitor, Visitor]:
    alice, bob = await asyncio.gather(visit(url, "alice"), visit(url, "bob"))
    alice.forgives_network = bob.forgives_network = forgives_network
    await asyncio.gather(alice.enters(ROOM), bob.enters(ROOM))
    await asyncio.gather(alice.is_in(transport), bob.is_in(transport))
    return alice, bob


async def talk(alice: Visitor, bob: Visitor, before: list[str], *, about: str) -> list[str]:
    """Each says something that the other reads. All that is in the log then."""
    await alice.says(f"{about}: hello bob")
    await bob.reads([*before, f"{about}: hello bob"])
    await bob.says(f"{about}: hello alice")
    texts = [*before, f"{about}: hello bob", f"{about}: hello alice"]
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    return texts


async def on_record(url: str, transports: tuple[str, ...] = ("websocket",)) -> list[str]:
    """What the server holds, in its order."""
    async with Talker(url, "clerk", transport=transports[0]) as clerk:
        return [message["text"] for message in (await clerk.join(ROOM))["messages"]]


@pytest.mark.parametrize(
    "flag",
    first(["websocket,polling", "polling", "websocket", "polling,websocket"], "websocket,polling"),
)
async def test_a_conversation_goes_on_through_reload_restart_and_a_lost_network(
    start_server: Start, visit: Visit, flag: str
) -> None:
    """One story for each setting of the flag, for a browser's start is what costs."""
    transports = tuple(flag.split(","))
    server = await start_server(transports=transports)
    alice, bob = await both_enter(visit, server.url, expected(transports))
    texts = await talk(alice, bob, [], about="at first")
    texts = await reload(alice, bob, texts, expected(transports))
    texts = await lose_the_network(alice, bob, texts)
    await server.stop()
    texts = await speak_to_nobody(alice, texts)
    again = await start_server(transports=transports, port=int(server.url.rpartition(":")[2]))
    bob.forgives_network = True
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    texts = await talk(alice, bob, texts, about="after the restart")
    assert await on_record(again.url, transports) == texts
    await expect(bob.people.filter(has_text="alice")).to_have_count(1)
    if "websocket" not in transports:
        assert alice.websockets == bob.websockets == [], "the page does not even try a WebSocket"


async def reload(alice: Visitor, bob: Visitor, texts: list[str], transport: str) -> list[str]:
    """It goes straight in and finds everything; nobody is there twice."""
    await alice.page.reload()
    await alice.is_in(transport)
    await expect(alice.page.get_by_role("textbox", name="Nickname")).to_be_hidden()
    await alice.reads(texts)
    await expect(bob.people).to_have_text(["alice", "bob"])
    return await talk(alice, bob, texts, about="after the reload")


async def lose_the_network(alice: Visitor, bob: Visitor, texts: list[str]) -> list[str]:
    """What is typed meanwhile is pending, then sent once, behind what the other said meanwhile."""
    await alice.goes_offline()
    await expect(alice.status).to_have_text("Offline")
    typed = ["into the tunnel", "still in the tunnel"]
    for text in typed:
        await alice.types(text)
    await expect(alice.pending).to_have_text(typed)
    await expect(alice.log.get_by_role("img", name=re.compile("^Waiting"))).to_have_count(2)
    await bob.says("are you in a tunnel?")
    await bob.reads([*texts, "are you in a tunnel?"])
    await expect(alice.said).to_have_text(texts)
    await alice.is_online_again()
    texts = [*texts, "are you in a tunnel?", *typed]
    await asyncio.gather(alice.reads(texts), bob.reads(texts))
    return await talk(alice, bob, texts, about="after the tunnel")


async def speak_to_nobody(alice: Visitor, texts: list[str]) -> list[str]:
    """While there is no server."""
    alice.forgives_network = True
    await expect(alice.status).not_to_contain_text("Connected")
    await alice.types("is anybody there?")
    await expect(alice.pending).to_have_text(["is anybody there?"])
    return [*texts, "is anybody there?"]


async def test_the_page_follows_a_flag_that_was_switched(start_server: Start, visit: Visit) -> None:
    first = await start_server(transports=("websocket",))
    port = int(first.url.rpartition(":")[2])
    alice, bob = await both_enter(visit, first.url, "websocket")
    alice.forgives_network = bob.forgives_network = True
    texts = await talk(alice, bob, [], about="by websocket")
    await first.stop()
    second = await start_server(transports=("polling",), port=port)
    alice.websockets.clear()
    await asyncio.gather(alice.page.reload(), bob.page.reload())
    await asyncio.gather(alice.is_in("polling"), bob.is_in("polling"))
    tried = len(alice.websockets)
    texts = await talk(alice, bob, texts, about="by polling")
    assert len(alice.websockets) == tried, "the reloaded page tries no WebSocket"
    await second.stop()
    third = await start_server(transports=("websocket", "polling"), port=port)
    await asyncio.gather(alice.page.reload(), bob.page.reload())
    await asyncio.gather(alice.is_in("websocket"), bob.is_in("websocket"))
    texts = await talk(alice, bob, texts, about="by websocket again")
    assert await on_record(third.url) == texts


async def test_what_is_typed_without_a_network_outlives_the_page(proxy: Proxy, visit: Visit) -> None:
    alice, bob = await both_enter(visit, proxy.url)
    alice.forgives_network = bob.forgives_network = True
    await proxy.refuse()
    await expect(alice.status).not_to_contain_text("Connected")
    await alice.types("written before the reload")
    await expect(alice.pending).to_have_count(1)
    await proxy.accept()
    await alice.page.reload()
    await asyncio.gather(alice.reads(["written before the reload"]), bob.reads(["written before the reload"]))


async def test_a_line_that_is_cut_again_and_again_loses_and_doubles_nothing(proxy: Proxy, visit: Visit) -> None:
    alice, bob = await both_enter(visit, proxy.url)
    alice.forgives_network = bob.forgives_network = True
    texts = []
    for number in range(3):
        texts.append(f"said as the line goes, {number}")
        await alice.types(texts[-1])
        proxy.cut()
        await asyncio.gather(alice.reads(texts), bob.reads(texts))
    texts = await talk(alice, bob, texts, about="after the cuts")
    assert await on_record(proxy.url) == texts
