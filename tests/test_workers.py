"""Several workers on one port, as an operator runs them: real processes, a real Redis."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import workers
from app.advice import warnings
from app.config import load
from tests.support import PATIENCE
from tests.support.postgres import Cluster
from tests.support.process import Process, refusal, serving
from tests.support.redis import RedisServer
from tests.support.talker import Talker, until
from tests.test_stopping import WITHIN, is_free

TWO = "--workers", "2"
BRIEFLY = aiohttp.ClientTimeout(total=2)  # more than a worker waits for another


@asynccontextmanager
async def two(redis: RedisServer, data: Path, *flags: str, **environment: str) -> AsyncIterator[Process]:
    async with serving(data, *TWO, *flags, REDIS_URL=redis.url, **environment) as server:
        yield server


def children(server: Process) -> list[int]:
    """The workers' processes."""
    pid = server.process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def asked_until(url: str, path: str, such: Callable[[Any], object]) -> Any:
    """What somebody answers to /healthz or /metrics on a connection of its own, once it is such."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):  # it came to one that is suspended
                async with aiohttp.ClientSession(timeout=BRIEFLY) as http, http.get(url + path) as answer:
                    text = await answer.text()
                    if such(text):
                        return text


async def healths(url: str, count: int) -> dict[int, dict[str, Any]]:
    """What so many different workers say of themselves."""
    found: dict[int, dict[str, Any]] = {}

    def note(text: str) -> bool:
        said = json.loads(text)
        found[said["worker"]] = said
        return len(found) == count

    await asked_until(url, "/healthz", note)
    return found


def said_by(text: str, worker: int) -> str:
    """What this worker hears the others by; nothing where another one answered."""
    said = json.loads(text)
    return str(said["others"]) if said["worker"] == worker else ""


def samples(text: str) -> dict[tuple[str, ...], float]:
    families = list(text_string_to_metric_families(text))
    assert len({one.name for one in families}) == len(families), "a family that is told twice"
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def test_two_workers_serve_on_one_port_as_one_and_end_together(redis: RedisServer, tmp_path: Path) -> None:
    async with two(redis, tmp_path / "data", "--rate-limit", "off") as server:
        assert server.greeting.endswith(" - 2 workers\n")
        assert len(children(server)) == 2
        both = await healths(server.url, 2)
        assert len({one["process"] for one in both.values()}) == 2
        assert len({(one["history"], one["others"]) for one in both.values()}) == 1
        await everybody_hears_everybody(server)
        await any_worker_tells_the_numbers_of_all(server)
        await is_refused(redis, tmp_path / "other", server.port)
        code, _, errors = await refusal(*begun_at(tmp_path / "data", 0))
        assert (code, "another Parlor" in errors) == (1, True), "without Redis it would not hear them"
        server.signal(signal.SIGTERM)
        code, errors = await server.ended(WITHIN)
    assert code == 0
    assert "Traceback" not in errors
    others = [line for line in errors.splitlines() if "database is locked" not in line]
    assert not [line for line in others if " ERROR " in line], "the one that was suspended may have had the lock"
    assert " INFO [1] parlor: " in errors and " INFO [2] parlor: " in errors, "each names itself in the log"
    assert is_free(server.port)


async def everybody_hears_everybody(server: Process) -> None:
    async with contextlib.AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(Talker(server.url, f"person{n}")) for n in range(8)]
        for one in crowd:
            await one.join("lobby")
        for n, one in enumerate(crowd):
            await one.say("lobby", f"word {n}")
        for one in crowd:
            assert await one.hears_texts("lobby", len(crowd)) == [f"word {n}" for n in range(len(crowd))]


async def any_worker_tells_the_numbers_of_all(server: Process) -> None:
    seen = samples(await asked_until(server.url, "/metrics", bool))
    assert (seen["parlor_worker_up", "1"], seen["parlor_worker_up", "2"]) == (1, 1)
    assert sum(seen[words] for words in seen if words[0] == "parlor_verbs_total" and "join" in words) == 8
    assert {seen["process_open_fds", one] > 0 for one in ("1", "2")} == {True}
    os.kill(children(server)[1], signal.SIGSTOP)
    try:
        text = await asked_until(server.url, "/metrics", lambda text: 'worker_up{worker="2"} 0.0' in text)
    finally:
        os.kill(children(server)[1], signal.SIGCONT)
    assert ("parlor_people", "1") in samples(text) and ("parlor_people", "2") not in samples(text)


async def test_a_worker_that_is_killed_begins_anew_even_while_redis_is_away(redis: RedisServer, tmp_path: Path) -> None:
    async with two(redis, tmp_path / "data") as server:
        before = await healths(server.url, 2)
        first, second = children(server)
        os.kill(first, signal.SIGKILL)
        await until(lambda: first not in children(server) and len(children(server)) == 2, PATIENCE)
        await healths(server.url, 2)
        await redis.kill()
        os.kill(second, signal.SIGKILL)
        await until(lambda: second not in children(server), PATIENCE)
        after = await healths(server.url, 2)
        assert {one["others"] for one in after.values()} == {"redis away"}
        async with Talker(server.url, "bob") as bob:
            await bob.join("lobby")
            await bob.say("lobby", "without Redis")
        await redis.begin()
        await asked_until(server.url, "/healthz", lambda text: said_by(text, 2) == "redis")
        assert {one["boot"] for one in before.values()}.isdisjoint(one["boot"] for one in after.values())
        async with Talker(server.url, "alice") as alice:
            await alice.join("lobby")
            await alice.say("lobby", "we are back")
        server.signal(signal.SIGHUP)
        code, errors = await server.ended(WITHIN)
    assert code == 0
    assert errors.count("was ended by SIGKILL: it begins anew") == 2


async def test_the_workers_end_when_their_parent_is_killed(redis: RedisServer, tmp_path: Path) -> None:
    async with two(redis, tmp_path / "data") as server, Talker(server.url, "alice"):
        begun = children(server)
        server.signal(signal.SIGKILL)
        await until(lambda: not any(map(is_alive, begun)), PATIENCE)
        assert is_free(server.port)


async def test_workers_that_hang_are_killed_in_time(redis: RedisServer, tmp_path: Path) -> None:
    async with two(redis, tmp_path / "data") as server:
        begun = children(server)
        os.kill(begun[0], signal.SIGSTOP)
        for number in (signal.SIGINT, signal.SIGTERM):
            server.signal(number)
        code, errors = await server.ended(WITHIN)
    assert (code, [one for one in begun if is_alive(one)]) == (0, [])
    assert "killed, because they had not ended" in errors


async def test_a_taken_port_is_told_in_one_sentence(redis: RedisServer, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        await is_refused(redis, tmp_path / "data", other.getsockname()[1])


async def is_refused(redis: RedisServer, data: Path, port: int) -> None:
    code, out, errors = await refusal(*begun_at(data, port), *TWO, REDIS_URL=redis.url)
    assert (code, out) == (1, "")
    assert errors == (
        f"Parlor cannot start: Port {port} on 127.0.0.1 is taken by another program. "
        "Choose another with PORT or --port.\n"
    )


def begun_at(data: Path, port: int) -> list[str]:
    return ["--data", str(data), "--host", "127.0.0.1", "--port", str(port)]


async def test_what_keeps_a_worker_from_starting_is_told_once(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    code, out, errors = await refusal(*begun_at(tmp_path / "file" / "data", 0), *TWO, REDIS_URL=redis.url)
    assert (code, out) == (1, "")
    assert errors.startswith("Parlor cannot start: Messages cannot be stored in ")
    assert errors.count("\n") == 1, errors


async def test_with_sqlite_and_no_redis_one_process_serves_and_says_why(tmp_path: Path) -> None:
    async with serving(tmp_path, WEB_CONCURRENCY="2") as server:
        assert not children(server)
        assert "workers" not in server.greeting
        server.signal(signal.SIGTERM)
        code, errors = await server.ended(WITHIN)
    assert code == 0
    assert errors.count("REDIS_URL") == 1


async def test_what_a_host_sets_by_itself_begins_no_workers_where_there_is_no_redis(
    postgres: Cluster, tmp_path: Path
) -> None:
    async with serving(tmp_path, WEB_CONCURRENCY="2", DATABASE_URL=postgres.database()) as server:
        assert not children(server)
        server.signal(signal.SIGTERM)
        code, errors = await server.ended(WITHIN)
    assert code == 0
    assert errors.count("WEB_CONCURRENCY is 2, but one process serves") == 1


async def test_with_postgresql_and_no_redis_workers_pass_polls_on_to_each_other(
    postgres: Cluster, tmp_path: Path
) -> None:
    """Each request of the client's may reach either."""
    async with (
        serving(tmp_path, PARLOR_WORKERS="2", DATABASE_URL=postgres.database()) as server,
        Talker(server.url, "alice", transport="polling") as alice,
        Talker(server.url, "bob", transport="polling") as bob,
    ):
        assert len(children(server)) == 2
        for talker in (alice, bob):
            await talker.join("lobby")
        for n in range(10):
            await (alice, bob)[n % 2].say("lobby", f"word {n}")
        for talker in (alice, bob):
            assert await talker.hears_texts("lobby", 10) == [f"word {n}" for n in range(10)]
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(10):  # each on a connection of its own
                await stack.enter_async_context(Talker(server.url, transport="polling"))
        seen = samples(await asked_until(server.url, "/metrics", bool))
        assert seen["parlor_relay_failed_total", "1"] == seen["parlor_relay_failed_total", "2"] == 0
        assert seen["parlor_relayed_total", "1"] + seen["parlor_relayed_total", "2"] > 0


@pytest.mark.parametrize(
    ("given", "count", "word"),
    [
        ({}, 1, ""),
        ({"WEB_CONCURRENCY": "1"}, 1, ""),
        ({"WEB_CONCURRENCY": "4"}, 1, "WEB_CONCURRENCY"),
        ({"WEB_CONCURRENCY": "4", "REDIS_URL": "redis://localhost"}, 4, ""),
        ({"WEB_CONCURRENCY": "4", "PARLOR_WORKERS": "2", "REDIS_URL": "redis://localhost"}, 2, ""),
        ({"WEB_CONCURRENCY": "4", "DATABASE_URL": "postgres://localhost/p"}, 1, "WEB_CONCURRENCY"),
        ({"PARLOR_WORKERS": "4", "DATABASE_URL": "postgres://localhost/p"}, 4, ""),
        ({"WEB_CONCURRENCY": "8", "PARLOR_WORKERS": "4", "DATABASE_URL": "postgres://localhost/p"}, 4, ""),
        ({"WEB_CONCURRENCY": "8", "PARLOR_WORKERS": "1", "DATABASE_URL": "postgres://localhost/p"}, 1, ""),
        ({"PARLOR_WORKERS": "4"}, 1, "PARLOR_WORKERS"),
        ({"WEB_CONCURRENCY": "8", "PARLOR_WORKERS": "4"}, 1, "PARLOR_WORKERS"),
    ],
    ids=[
        *("default", "one", "a host's own, no redis", "redis", "both names", "a host's own, postgresql"),
        *("postgresql", "both names, postgresql", "one, postgresql", "sqlite", "both names, sqlite"),
    ],
)
def test_how_many_serve(given: dict[str, str], count: int, word: str) -> None:
    settings, _ = load({}, given)
    assert workers.how_many(settings)[0] == count
    said = [one for one in warnings(settings, given) if "PARLOR_FILES" not in one]
    assert [word in one for one in said] == ([True] if word else [])


def test_where_ports_cannot_be_shared_one_process_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.process, "CAN_SHARE_PORT", False)
    settings, _ = load({"workers": "3", "redis_url": "redis://localhost"}, {})
    count, why = workers.how_many(settings)
    assert count == 1 and "cannot share a port" in why


def test_flags_reach_the_workers_as_they_were() -> None:
    flags = {"site": "--a=b c", "max_per_address": "off", "port": 80, "secret": "", "loop": None}
    assert workers.arguments(flags) == ["--site=--a=b c", "--max-per-address=off", "--port=80", "--secret="]
