"""What people say of themselves is known at all processes, and so is who is away with all tabs."""

from pathlib import Path
from typing import Any

from tests.live.test_bus import two
from tests.support.redis import RedisServer
from tests.support.talker import Talker, until


def entry(server: Any, room: str, person: str) -> dict[str, Any]:
    """As the server's list of people has it."""
    found, _ = server.chat.presence.rooms.page(room, None, 50)
    one = next((one for one in found if one["id"] == person), {})
    return {name: one.get(name) for name in ("status", "away") if one.get(name)}


async def test_status_and_being_away_cross(tmp_path: Path, redis: RedisServer) -> None:
    async with two(tmp_path, redis) as talk:
        here, there = talk.servers
        id = talk.alice.me["id"]
        await talk.alice.ask("status", {"text": "lunch"})
        await until(lambda: entry(there, "lobby", id) == {"status": "lunch"})
        await talk.alice.ask("away", {"on": True})
        await until(lambda: entry(there, "lobby", id) == {"status": "lunch", "away": True})
        async with Talker(there.url, token=talk.alice.token) as tab:
            assert tab.me["status"] == "lunch"
            await tab.join("lobby")
            for server in (here, there):
                await until(lambda server=server: entry(server, "lobby", id) == {"status": "lunch"})
            await tab.ask("away", {"on": True})
            for server in (here, there):
                await until(lambda server=server: entry(server, "lobby", id) == {"status": "lunch", "away": True})
            await tab.ask("status", {"text": ""})
            me = (await talk.alice.hears("me", lambda told: "status" not in told["me"]))["me"]
            assert me["id"] == id
            await talk.alice.ask("away", {"on": False})
            for server in (here, there):
                await until(lambda server=server: entry(server, "lobby", id) == {})
        async with Talker(there.url, "late") as late:
            await talk.alice.ask("status", {"text": "back"})
            await talk.alice.join("attic")
            joined = await late.join("attic")
            known = [one.get("status") for one in joined["people"] if one["id"] == id]
            assert known in (["back"], []), joined  # in time, or a moment later by an event
            await until(lambda: entry(there, "attic", id) == {"status": "back"})
