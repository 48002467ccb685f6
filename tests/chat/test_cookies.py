"""Who comes without a cookie: known for the visit, and not longer. The name they bore is soon free for others."""

import asyncio

from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.talker import Talker


async def is_free_for(other: Talker, nickname: str) -> None:
    """Sooner or later; in these tests nothing tells when."""
    async with asyncio.timeout(PATIENCE):
        while not (await other.ask("rename", {"nickname": nickname}))["ok"]:
            await asyncio.sleep(0.02)


async def test_a_name_that_no_cookie_kept_is_free_after_the_grace_and_not_before(start_server: Start) -> None:
    server = await start_server(grace=1)
    async with Talker(server.url, "bob") as bob:
        async with Talker(server.url, "alice") as alice:
            assert alice.token, "made for this visit: no cookie came"
        refusal = await bob.ask("rename", {"nickname": "alice"})
        assert refusal["error"] == "nickname_taken", "within the grace"
        assert "for 1 s more" in refusal["text"]
        await is_free_for(bob, "alice")


async def test_a_token_that_was_kept_holds_the_name_for_the_whole_time(start_server: Start) -> None:
    server = await start_server(grace=0.1)
    async with Talker(server.url, "cleo") as first:
        token = first.token
    async with Talker(server.url, token=token) as again:
        assert again.me["nickname"] == "cleo"
    async with Talker(server.url, "bob") as bob:
        async with Talker(server.url, "alice"):
            pass
        await is_free_for(bob, "alice")
        assert (await bob.ask("rename", {"nickname": "cleo"}))["error"] == "nickname_taken"


async def test_a_token_that_lives_in_a_tab_only_does_not(start_server: Start) -> None:
    server = await start_server(grace=0.1)
    async with Talker(server.url, "alice") as first:
        token = first.token
    async with Talker(server.url, token=token, tab=True) as again:
        assert again.me["nickname"] == "alice"
    async with Talker(server.url, "bob") as bob:
        await is_free_for(bob, "alice")


async def test_a_grace_longer_than_the_hold_does_not_lengthen_it(start_server: Start) -> None:
    server = await start_server(grace=60, nickname_hold=0)
    async with Talker(server.url, "bob") as bob:
        async with Talker(server.url, "alice"):
            pass
        await is_free_for(bob, "alice")


async def test_a_restart_does_not_lengthen_it(start_server: Start) -> None:
    """Whoever was here when a server ended has left; nobody noted it then."""
    first = await start_server(grace=0.1)
    async with Talker(first.url, "alice"):
        await first.stop()
    second = await start_server(grace=0.1)
    async with Talker(second.url, "bob") as bob:
        await is_free_for(bob, "alice")
