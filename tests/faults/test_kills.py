"""SIGKILL under load: what was acked is there, what was not is there once or not at all."""

from pathlib import Path

from tests.faults.friends import FullConversation
from tests.support.process import Standing
from tests.support.proxy import Proxy

KILLS = 5  # `make drill` kills 200 times


async def kill_again_and_again(folder: Path, kills: int) -> tuple[int, list[str]]:
    """How many words were acked, and the violations."""
    async with Standing(folder / "data", "--rate-limit", "off") as server, Proxy(server.url) as proxy:
        proxy.segment, proxy.delay = 1_460, 0.002
        async with FullConversation(server.database, [server.url, proxy.url]) as talk:
            talk.begins()
            for _ in range(kills):
                await talk.goes_on(25)
                await server.kill()
                await server.begin()
            await talk.goes_on(25)
            return talk.acked, await talk.violations()


async def test_killed_again_and_again_it_loses_doubles_and_disorders_nothing(tmp_path: Path) -> None:
    acked, violations = await kill_again_and_again(tmp_path, KILLS)
    assert violations == []
    assert acked > KILLS * 25
