"""Two hundred peers from five addresses cannot keep people elsewhere, nor their own neighbours, from talking; nor fill
the disk. `make drill` measures it for a minute; here a shorter run sees that nobody honest is refused or dropped."""

import asyncio
import json
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import STARTS_WITHIN, Standing, beside

P99_MS = 250  # that an honest ack may take, by `make drill`
GROWTH = 5_000_000  # bytes
HOSTILE = "tests.faults.hostile"  # the peers, in a process of their own
SHORT_S = 6.0
PATIENT_MS = 1_500  # for the half of the acks, on a machine that runs other tests and all of the peers


@dataclass
class Met:
    """What honest people met: milliseconds of each ack, sorted; who was refused and why; how many connections ended;
    bytes by which the database has grown; the share of the time in which the server had no processor."""

    acks: list[float]
    refused: list[list[str]]
    gone: int
    growth: int
    starved: float

    @property
    def p99(self) -> float:
        return self.acks[int(len(self.acks) * 0.99)]


async def beside_hostile_peers(folder: Path, seconds: float) -> Met:
    async with Standing(folder, "--trust-proxies", "1") as server:
        async with beside(HOSTILE, "honest", str(server.port), str(seconds)) as honest:
            assert honest.stdin and honest.stdout
            async with asyncio.timeout(STARTS_WITHIN):
                assert await honest.stdout.readline() == b"here\n"
            before, starved = server.database.stat().st_size, server.starved()
            async with beside(HOSTILE, "peers", str(server.port)):
                honest.stdin.write(b"go\n")
                said, _ = await honest.communicate()
            starved = server.starved() - starved
        server.signal(signal.SIGTERM)  # what is in the journal goes into the database
        assert await server.ended(STARTS_WITHIN) == 0
        assert server.faults() == []
        met = json.loads(said)
        growth = server.database.stat().st_size - before
    return Met(sorted(met["acks"]), met["refused"], met["gone"], growth, starved / seconds)


async def test_200_hostile_peers_silence_nobody(tmp_path: Path) -> None:
    met = await beside_hostile_peers(tmp_path / "data", SHORT_S)
    assert (met.refused, met.gone) == ([], 0)
    assert len(met.acks) > 7 * SHORT_S
    assert met.growth < GROWTH
    assert met.acks[len(met.acks) // 2] < PATIENT_MS
