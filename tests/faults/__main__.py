"""The long drills: one line each, with the figure that was reached. Ends with 1 where anything was lost."""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests import test_affinity
from tests.faults import (
    test_clock,
    test_crowd,
    test_doors,
    test_floods,
    test_hostile,
    test_journal,
    test_kills,
    test_network,
    test_postgres,
    test_readers,
    test_redis,
    test_stops,
    test_storage,
    test_workers,
)
from tests.faults.flood import KINDS
from tests.support import postgres
from tests.support.process import Standing

CROWD, CONNECTED, DEAF, ROUNDS = 1_000, 500, 30, 3
FLOODED_S = 10.0
HOSTILE_S = 60.0
PUSHED_S = 10.0

Drill = Callable[[Path], Awaitable[tuple[bool, str]]]


def kills(times: int) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        acked, violations = await test_kills.kill_again_and_again(folder, times)
        return not violations, f"{times} kills, {acked} words acked, {told(violations)}"

    return drill


def journal(times: int) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        acked, violations = await test_journal.take_the_journal_and_kill(folder, times)
        return not violations, f"{times} journals taken and kills, {acked} words acked, {told(violations)}"

    return drill


def sigterm(signals: int) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        took, code, acked = await test_stops.end_with_a_crowd(folder / "data", CONNECTED, signals)
        fine = code == 0 and took < test_stops.WITHIN and acked == test_stops.BUSY
        return fine, f"{CONNECTED} connected: exit {code} after {took:.2f} s, {acked} of {test_stops.BUSY} verbs acked"

    return drill


def sigstop(seconds: float) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        gone, violations = await test_stops.stand_still(folder / "data", seconds)
        return not violations and not gone, f"{seconds} s still: {gone} of 50 let go, {told(violations)}"

    return drill


def cluster(trouble: test_redis.Trouble, processes: int = 2, **options: str) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        acked, worst, violations = await test_redis.talk_through(folder, trouble, processes, **options)
        fine = not violations and worst < test_redis.NEWS_WITHIN_S
        return fine, f"{processes} processes, {acked} words acked, news after {worst:.1f} s at most, {told(violations)}"

    return drill


def on_postgres(trouble: test_postgres.Trouble, is_bounded: bool = False, **how: Any) -> Drill:
    """is_bounded: the database lives all the while, and so do the processes."""

    async def drill(folder: Path) -> tuple[bool, str]:
        acked, worst, violations = await test_postgres.talk_through(folder, trouble, **how)
        fine = not violations and (not is_bounded or worst < test_redis.NEWS_WITHIN_S)
        return fine, f"{acked} words acked, news after {worst:.1f} s at most, {told(violations)}"

    return drill


def every_door(times: int) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        with postgres.cluster() as primary:
            said, held, stored = await test_doors.talk_through_kills(folder, primary, times)
        other = [name for name, log in held.items() if log != stored]
        fine = not other and sorted(stored.values()) == sorted([*said, test_doors.FIRST_WORDS])
        return fine, f"{times} kills, {len(said)} words by 11 kinds of clients, {len(other)} with another log {other}"

    return drill


def workers(times: int) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        acked, violations = await test_workers.kill_workers(folder, times, 3)
        return not violations, f"{times} kills of one of 3 workers, {acked} words acked, {told(violations)}"

    return drill


def polls(seconds: float) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        said, proxy = await test_affinity.polls_for(seconds, folder)
        fine = proxy.statuses.keys() == {200} and not any(one["disconnects"] for one in said)
        return fine, f"{seconds} s of polling by the official client, 3 processes, no affinity: {dict(proxy.statuses)}"

    return drill


async def pushes(folder: Path) -> tuple[bool, str]:
    """In a pytest of its own, for the builds and the browser that it wants."""
    test = "tests/deploy/test_push.py::test_pushes_in_the_middle_of_a_conversation_lose_nothing"
    command = (sys.executable, "-m", "pytest", "-q", "-k", "PostgreSQL", f"--basetemp={folder / 'pushes'}", test)
    environment = os.environ | {"SIDE_BY_SIDE_S": str(PUSHED_S), "THOROUGH": "1"}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    said = (await process.communicate())[0].decode().strip()
    if process.returncode:
        return False, said[-2000:]
    return True, f"old and new side by side for {PUSHED_S:g} s at each push, with Redis and without: nothing lost"


def half_open(transport: str) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        async with Standing(folder / "data") as server:
            gone, back = await test_network.leave_half_open(server, transport)
        fine = gone < 60 and back < test_network.RETURNS_WITHIN
        return fine, f"default heartbeat, {transport}: gone after {gone:.1f} s, back after {back:.1f} s"

    return drill


async def lock(folder: Path) -> tuple[bool, str]:
    answer, longest, stalls = await test_storage.speak_while_locked(folder / "data", 6)
    fine = not stalls and answer.get("error") == "storage"
    return (
        fine,
        f"locked for 6 s: answered {answer.get('error')}, longest echo {longest * 1000:.0f} ms, {len(stalls)} stalls",
    )


async def deaf_memory(folder: Path) -> tuple[bool, str]:
    left, grown = await test_readers.drop_deaf(folder / "data", DEAF, 10_000)
    return left == 0 and grown < 40, f"{DEAF} who never read, 40 MB said: {left} not dropped, {grown:.0f} MB grown"


async def deaf_delays(folder: Path) -> tuple[bool, str]:
    alone, beside = await test_readers.compare_delays(folder / "data", 10, ROUNDS)
    return beside < 1.2 * alone, f"p99 alone {alone:.1f} ms, beside 10 who never read {beside:.1f} ms"


def floods(loop: str, rate: str) -> Drill:
    """Each kind for ten seconds; one that took too long is measured again, for other programs may use the machine."""

    async def drill(folder: Path) -> tuple[bool, str]:
        figures, fine = [], True
        for kind in KINDS:
            for round in range(3):
                took, starved = await test_floods.measure(folder / f"{kind} {round}", (kind,), loop, FLOODED_S, rate)
                p99, worst = took[int(len(took) * 0.99)], took[-1]
                if is_fine := p99 <= test_floods.P99_MS and worst <= test_floods.WORST_MS:
                    break
            fine = fine and is_fine
            figures.append(
                f"\n     {'ok  ' if is_fine else 'FAIL'} {kind:16} p99 {p99:6.1f} ms, worst {worst:6.1f} ms, "
                f"{starved:.0%} of the time without a processor"
            )
        return fine, f"an echo every 50 ms beside 4 peers of each kind, rate limit {rate}:{''.join(figures)}"

    return drill


async def hostile(folder: Path) -> tuple[bool, str]:
    """Measured again where it took too long, for other programs may use the machine."""
    for round in range(3):
        met = await test_hostile.beside_hostile_peers(folder / str(round), HOSTILE_S)
        if met.p99 <= test_hostile.P99_MS:
            break
    fine = not met.refused and not met.gone and met.growth < test_hostile.GROWTH and met.p99 <= test_hostile.P99_MS
    return fine, (
        f"{HOSTILE_S:g} s beside 200 hostile peers: {len(met.acks)} acks of honest people, p99 {met.p99:.0f} ms, "
        f"{len(met.refused)} refused, {met.gone} dropped, {met.growth / 1e6:.1f} MB grown, "
        f"{met.starved:.0%} of the time without a processor"
    )


async def crowd(folder: Path) -> tuple[bool, str]:
    took, share = await test_crowd.return_at_once(folder / "data", CROWD, 240)
    return (
        took < 60,
        f"{CROWD} back and caught up {took:.1f} s after the start, {share:.0%} of the attempts in the busiest 0.2 s",
    )


def test(run: Callable[[Path], Awaitable[None]], what: str) -> Drill:
    async def drill(folder: Path) -> tuple[bool, str]:
        await run(folder)
        return True, what

    return drill


STORAGE = {
    "full-disk": (
        test_storage.test_a_full_disk_refuses_words_and_nothing_else_and_takes_them_once_there_is_space,
        "a full tmpfs: no violation, live and readable meanwhile, resumed by itself",
    ),
    "replaced": (
        test_storage.test_a_database_replaced_while_it_runs_is_a_new_history_for_everybody,
        "another database file: everybody started over",
    ),
    "clock": (
        test_clock.test_a_clock_that_jumps_by_a_day_lets_nobody_go_and_changes_no_order,
        "a day on, two days back: nobody let go, no violation",
    ),
}


CLUSTER = {
    "cluster-redis-killed": cluster(test_redis.kills(20), 3),
    "cluster-redis-hung": cluster(test_redis.hangs(10)),
    "cluster-redis-away": cluster(test_redis.away(60)),
    "cluster-redis-garbage": cluster(test_redis.garbage(1_000)),
    "cluster-redis-cuts": cluster(test_redis.cuts(20), **test_redis.CUT),
    "cluster-postgres-killed": on_postgres(test_postgres.is_killed(20)),
    "cluster-postgres-hung": on_postgres(test_postgres.hangs(10), look=False),
    "cluster-postgres-ended": on_postgres(test_postgres.ends_everybody(20), is_bounded=True),
    "cluster-postgres-fails-over": on_postgres(test_postgres.fails_over, standby=True),
    "cluster-process-killed": on_postgres(test_postgres.loses_a_process(20), processes=3),
    "cluster-process-hung": on_postgres(test_postgres.stops_a_process(10), processes=3),
    "cluster-without-redis": on_postgres(test_postgres.claims(100), is_bounded=True, processes=3, redis=False),
    "cluster-claims": on_postgres(test_postgres.claims(100), is_bounded=True, processes=3),
    "cluster-pushes": pushes,
    "cluster-workers": workers(20),
    "cluster-doors": every_door(6),
    "cluster-polls": polls(60),
}


def drills(times: int) -> tuple[dict[str, Drill], dict[str, Drill]]:
    """Those that measure, one after the other; those that mostly wait, side by side."""
    measuring = {
        "kills": kills(times),
        "journal": journal(times),
        "sigterm": sigterm(1),
        "sigterm-twice": sigterm(2),
        "lock": lock,
        "deaf-memory": deaf_memory,
        "deaf-delays": deaf_delays,
        "crowd": crowd,
        "hostile": hostile,
        **{f"floods-{loop}": floods(loop, "20") for loop in test_floods.LOOPS},
        **{f"floods-{loop}-without-rates": floods(loop, "off") for loop in test_floods.LOOPS},
        **{name: test(run, what) for name, (run, what) in STORAGE.items()},
        **CLUSTER,
    }
    waiting = {f"sigstop-{seconds}": sigstop(seconds) for seconds in (1, 10, 60)}
    waiting |= {f"half-open-{transport}": half_open(transport) for transport in test_network.TRANSPORTS}
    return measuring, waiting


async def run(name: str, drill: Drill) -> bool:
    began = time.monotonic()
    # Workers whose parent was killed end a moment later, and write until then.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, contextlib.ExitStack() as stack:
        try:
            fine, figure = await drill(Path(folder))
        except pytest.skip.Exception as missing:
            stack.pop_all()
            fine, figure = True, f"NOT RUN: {missing}"
        except (Exception, pytest.fail.Exception) as error:
            fine, figure = False, f"{error!r:.500}"
    print(f"{'ok  ' if fine else 'FAIL'} {name:20} {figure} ({time.monotonic() - began:.0f} s)", flush=True)
    return fine


def told(violations: list[str]) -> str:
    return f"{len(violations)} violations" + "".join(f"\n     {one}" for one in violations[:10])


async def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--only", help="the drills whose names begin so")
    chosen = arguments.parse_args()
    measuring, waiting = (
        {name: drill for name, drill in some.items() if name.startswith(chosen.only or "")}
        for some in drills(chosen.kills)
    )
    ends = [await run(name, drill) for name, drill in measuring.items()]
    ends += await asyncio.gather(*(run(name, drill) for name, drill in waiting.items()))
    return 0 if ends and all(ends) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
