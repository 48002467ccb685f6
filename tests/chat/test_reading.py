"""How far one has read: the same in all tabs, on all devices, and after a restart."""

from tests.conftest import Start
from tests.support.talker import Talker


async def test_a_mark_is_told_to_ones_other_tabs_and_outlives_the_server(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        async with Talker(server.url, token=bob.token) as tab:
            assert (await bob.join("lobby"))["seen"] == 0
            await alice.join("lobby")
            for nth in range(3):
                await alice.say("lobby", f"message {nth}")
            late = await tab.join("lobby")
            assert (late["seen"], late["unread"]) == (0, 3)
            assert (await tab.ask("seen", {"room": "lobby", "seq": 2}))["ok"]
            assert await bob.hears("seen") == {"room": "lobby", "seq": 2}
            assert "seen" not in [name for name, _ in tab.heard + alice.heard]
            await bob.ask("seen", {"room": "lobby", "seq": 1})  # never back
        (listed,) = (await bob.ask("rooms"))["rooms"]
        assert (listed["seen"], listed["unread"]) == (2, 1)
    await server.stop()
    again = await start_server()
    async with Talker(again.url, token=bob.token) as bob:
        joined = await bob.join("lobby")
        assert (joined["seen"], joined["unread"]) == (2, 1)
        await bob.ask("seen", {"room": "lobby", "seq": 10_000})
    await again.stop()
    third = await start_server()
    async with Talker(third.url, token=bob.token) as bob:
        assert (await bob.join("lobby"))["seen"] == 3  # not past the end


async def test_own_deleted_and_ignored_messages_are_not_unread(start_server: Start) -> None:
    server = await start_server()
    async with (
        Talker(server.url, "alice") as alice,
        Talker(server.url, "bob") as bob,
        Talker(server.url, "carol") as carol,
    ):
        for one in (bob, alice, carol):
            await one.join("lobby")
        await alice.say("lobby", "one")
        gone = await alice.say("lobby", "two")
        await alice.ask("delete", {"room": "lobby", "seq": gone["seq"]})
        await bob.say("lobby", "three")
        await carol.say("lobby", "four")
        await bob.ask("ignore", {"person": carol.me["id"], "on": True})
        assert (await bob.join("lobby"))["unread"] == 1
        new = await bob.ask("rooms")
        assert [one["unread"] for one in new["rooms"]] == [1]
        async with Talker(server.url, "dave") as dave:
            assert (await dave.join("lobby"))["unread"] == 0  # to whoever is new all of it is read
            assert (await dave.ask("seen", {"room": "kitchen", "seq": 1}))["error"] == "not_member"
