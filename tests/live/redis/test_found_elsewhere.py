"""Conversations and read marks over two processes: whoever is with the other one is told at once."""

import asyncio

from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.redis import RedisServer
from tests.support.talker import Talker


async def test_conversations_and_marks_reach_the_other_process(start_server: Start, redis: RedisServer) -> None:
    one, two = await start_server(redis_url=redis.url), await start_server(redis_url=redis.url)
    async with (
        Talker(one.url, "alice") as alice,
        Talker(two.url, "bob") as bob,
        Talker(one.url, token=bob.token) as tab,
    ):
        at_bob, at_alice = f"@{bob.me['id']}", f"@{alice.me['id']}"
        assert (await alice.ask("open", {"person": bob.me["id"]}))["ok"]
        for connection in (bob, tab):
            assert await connection.hears("opened") == {"room": at_alice, "person": alice.me}
        await bob.join(at_alice)
        await tab.join(at_alice)
        said = await alice.say(at_bob, "psst")
        for connection in (bob, tab):
            assert (await connection.hears("message")) == {"room": at_alice, "message": said}
        assert (await bob.ask("seen", {"room": at_alice, "seq": 1}))["ok"]
        assert await tab.hears("seen") == {"room": at_alice, "seq": 1}
        await bob.ask("leave", {"room": at_alice})
        await tab.ask("leave", {"room": at_alice})
        before = len([name for name, _ in bob.heard if name == "opened"])
        await alice.say(at_bob, "are you there?")
        async with asyncio.timeout(PATIENCE):
            while len([name for name, _ in bob.heard if name == "opened"]) == before:
                await asyncio.sleep(0.01)
        (found,) = (await bob.ask("search", {"query": "psst"}))["messages"]
        assert found["room"] == at_alice
        assert two.redis.counts.garbage == one.redis.counts.garbage == 0
