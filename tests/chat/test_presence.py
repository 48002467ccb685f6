"""Who is here: heads are people, a broken connection is awaited, nobody is told what is no news."""

from typing import Any

from app.server import Running
from tests.conftest import Start
from tests.support.talker import Talker, until


def names(told: list[dict[str, Any]], what: str) -> list[str]:
    return [one["nickname"] for event in told for one in event.get(what, ())]


async def drop(one: Talker) -> None:
    """The line is cut, without a goodbye."""
    socket = one.client.eio.ws
    if socket is None:
        await one.client.eio.disconnect(abort=True)
    else:
        socket._response.connection.transport.abort()
        await until(lambda: not one.client.connected)


def told(one: Talker, what: str) -> list[str]:
    return names([payload for name, payload in one.heard if name == "people"], what)


async def test_a_dropped_line_shows_as_reconnecting_and_back_is_no_news(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: "bob" in names([event], "joined"))
        await drop(bob)
        change = await alice.hears("people", lambda event: "changed" in event)
        assert change["changed"] == [{"id": bob.me["id"], "nickname": "bob", "reconnecting": True}]
        assert (change["joined"], change["left"], change["count"]) == ([], [], 2)
        entries = (await alice.ask("people", {"room": "lobby"}))["people"]
        assert {one["nickname"]: one.get("reconnecting") for one in entries} == {"alice": None, "bob": True}
        alice.heard.clear()
        async with Talker(server.url, token=bob.token) as again:
            await again.join("lobby")
            back = await alice.hears("people", lambda event: "changed" in event)
            assert back["changed"] == [{"id": bob.me["id"], "nickname": "bob"}]
            assert not told(alice, "joined") and not told(alice, "left")


async def test_who_does_not_come_back_has_left_after_the_grace(start_server: Start) -> None:
    server = await start_server(grace=0.6)
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await drop(bob)
        left = await alice.hears("people", lambda event: event["left"] != [])
        assert (names([left], "left"), left["count"]) == (["bob"], 1)
        assert server.chat.presence.nickname(bob.me["id"]) is None, "nothing is kept of who is gone"


async def test_who_says_goodbye_has_left_at_once(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await bob.client.disconnect()
        await alice.hears("people", lambda event: "bob" in names([event], "left"))
        assert not told(alice, "changed")


async def test_with_another_tab_open_nobody_is_reconnecting(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        async with Talker(server.url, token=bob.token) as tab:
            await tab.join("lobby")
            await drop(bob)
            await until(lambda: len(server.chat.presence.tabs(bob.me["id"])) == 1)
            entries = (await alice.ask("people", {"room": "lobby"}))["people"]
            assert all("reconnecting" not in one for one in entries)


async def test_a_quick_reload_is_told_to_nobody(server: Running) -> None:
    """Bob's old socket closes and his new one sits down before the room hears of it; what it hears next is carol."""
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: "bob" in names([event], "joined"))
        alice.heard.clear()
        async with Talker(server.url, token=bob.token) as again, Talker(server.url, "carol") as carol:
            await bob.client.disconnect()
            await until(lambda: len(server.chat.presence.tabs(bob.me["id"])) == 1)
            await again.join("lobby")
            await carol.join("lobby")
            await alice.hears("people", lambda event: "carol" in names([event], "joined"))
        first = next(payload for name, payload in alice.heard if name == "people")
        assert (names([first], "joined"), first["left"], first.get("changed")) == (["carol"], [], None)


async def test_who_is_renamed_on_the_way_back_is_told_so(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        await alice.hears("people", lambda event: "bob" in names([event], "joined"))
        await drop(bob)
        await alice.hears("people", lambda event: "changed" in event)
        async with Talker(server.url, "robert", token=bob.token) as again:
            await again.join("lobby")
            await alice.hears("people", lambda event: {"id": bob.me["id"], "nickname": "robert"} in event["joined"])


async def test_after_a_restart_no_ghost_is_in_the_list(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        await server.stop()
    again = await start_server()
    async with Talker(again.url, "alice") as alice:
        assert [one["nickname"] for one in (await alice.join("lobby"))["people"]] == ["alice"]
