"""SIGTERM with a crowd connected, a tenth of it dead; SIGSTOP, after which nobody has to go."""

import asyncio
import contextlib
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.faults import checker
from tests.faults.conversation import ROOM, Conversation
from tests.faults.fellow import gathering, sit_down
from tests.support.process import Standing
from tests.support.proxy import Proxy
from tests.support.talker import until

WITHIN = 5.0  # seconds from SIGTERM to the end
BUSY = 20  # fellows who say something right before it


async def end_with_a_crowd(folder: Path, crowd: int, signals: int) -> tuple[float, int, int]:
    """Seconds from SIGTERM to the end, the exit code, and how many of the BUSY words under way were acked.

    The database is locked until the server takes no more connections, so these words are surely under way.
    """
    clock = asyncio.get_running_loop().time
    async with (
        Standing(folder, "--rate-limit", "off") as server,
        Proxy(server.url) as proxy,
        gathering() as http,
        contextlib.AsyncExitStack() as stack,
    ):
        fellows = await sit_down(stack, http, server.url, crowd - crowd // 10)
        await sit_down(stack, http, proxy.url, crowd // 10)
        proxy.stall()
        with contextlib.closing(sqlite3.connect(server.database, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            typed = [await one.begin("typing", {"room": ROOM}) for one in fellows[:BUSY]]
            said = [
                await one.begin("send", {"room": ROOM, "text": f"last words {n}", "id": f"last-word-{n}"})
                for n, one in enumerate(fellows[:BUSY])
            ]
            await asyncio.gather(*typed)
            began = clock()
            for _ in range(signals):
                server.signal(signal.SIGTERM)
            await until(lambda: not is_listening(server.port), WITHIN)
            assert not any(one.done() for one in said)
            lock.execute("ROLLBACK")
        code = await server.ended(4 * WITHIN)
        took = clock() - began
        await until(lambda: all(one.is_gone for one in fellows))
        acks = [one.result() for one in said if one.done()]
        assert not server.faults(), server.faults()
    stored = {one["id"] for one in checker.read(server.database, ROOM).messages}
    assert all(ack["ok"] and ack["message"]["id"] in stored for ack in acks)
    return took, code, len(acks)


def is_listening(port: int) -> bool:
    listening = f":{port:04X} 00000000:0000 0A "  # proc_net_tcp(5): state 0A is LISTEN
    return listening in Path("/proc/net/tcp").read_text()


@pytest.mark.alone
@pytest.mark.parametrize("signals", [1, 2])
async def test_sigterm_ends_it_in_5_s_with_500_connected_and_a_tenth_of_them_dead(tmp_path: Path, signals: int) -> None:
    took, code, acked = await end_with_a_crowd(tmp_path / "data", 500, signals)
    assert (code, acked) == (0, BUSY)
    assert took < WITHIN


@pytest.mark.alone
async def test_another_process_that_keeps_its_lock_keeps_nobody_from_an_answer_nor_the_server_from_its_end(
    tmp_path: Path,
) -> None:
    clock = asyncio.get_running_loop().time
    async with (
        Standing(tmp_path / "data", "--rate-limit", "off") as server,
        Proxy(server.url) as proxy,
        gathering() as http,
        contextlib.AsyncExitStack() as stack,
    ):
        fellows = await sit_down(stack, http, server.url, BUSY)
        await sit_down(stack, http, proxy.url, 2)
        proxy.stall()
        with contextlib.closing(sqlite3.connect(server.database, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            said = [await one.begin("send", {"room": ROOM, "text": "?", "id": "locked-out"}) for one in fellows]
            began = clock()
            server.signal(signal.SIGTERM)
            code = await server.ended(4 * WITHIN)
            took = clock() - began
            lock.execute("ROLLBACK")
        await until(lambda: all(one.is_gone for one in fellows))
        assert [one.result()["error"] for one in said if one.done()] == ["storage"] * BUSY
        assert code == 0
        assert took < WITHIN


async def stand_still(folder: Path, seconds: float, *flags: str) -> tuple[int, list[str]]:
    """How many who answer pings were let go because the server was stopped for so long, and the violations."""
    async with (
        Standing(folder, "--rate-limit", "off", *flags) as server,
        Proxy(server.url) as proxy,
        gathering() as http,
        contextlib.AsyncExitStack() as stack,
        Conversation(server.database, [server.url, proxy.url], patience=max(2.0, seconds / 3)) as talk,
    ):
        fellows = await sit_down(stack, http, server.url, 50)
        talk.begins()
        await talk.goes_on(50)
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        server.signal(signal.SIGCONT)
        await talk.goes_on(50)
        violations = await talk.violations()
        gone = sum(one.is_gone for one in fellows)
        await asyncio.gather(*(one.ask("echo", {}) for one in fellows if not one.is_gone))
        return gone, violations


async def test_stopped_for_a_second_it_loses_nothing_and_lets_nobody_go(tmp_path: Path) -> None:
    assert await stand_still(tmp_path / "data", 1) == (0, [])


async def test_stopped_for_longer_than_its_heartbeat_it_lets_nobody_go_who_answered(tmp_path: Path) -> None:
    assert await stand_still(tmp_path / "data", 3, "--ping-interval", "0.5", "--ping-timeout", "1.5") == (0, [])
