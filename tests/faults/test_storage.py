"""What becomes of the file under a running server: full disk, locked, gone, replaced."""

import asyncio
import contextlib
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from app.tools.client import Client
from tests.faults import checker
from tests.faults.conversation import QUICK, ROOM, Conversation, Sender
from tests.support.need import require
from tests.support.process import Standing
from tests.support.proxy import Proxy
from tests.support.talker import Talker, new_id, until

STALL = 0.1  # seconds that the event loop may stand still at most
RESUMES_WITHIN = 10.0  # seconds; clients were told to come back after 2


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of that size, as mount(8) reads it."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    require(mounted.returncode == 0, f"a small disk cannot be mounted ({mounted.stderr.decode().strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


Full = Callable[[Standing], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def no_space(server: Standing) -> Iterator[None]:
    """Fill the disk to its last byte."""
    filler = server.data / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


@contextlib.contextmanager
def no_growth(server: Standing) -> Iterator[None]:
    """Allow its files no more bytes than they have (setrlimit(2): EFBIG), which needs no rights at all."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in server.data.iterdir())
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (largest, before[1]))
    yield
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


async def write_while_full(server: Standing, full: Full) -> list[str]:
    """What is said while the disk is full is acked once it is not; until then one can read, be live, and come back."""
    async with (
        Proxy(server.url) as proxy,
        Talker(server.url, "alice") as alice,
        Talker(server.url, "bob", transport="polling") as bob,
        Conversation(server.database, [server.url, proxy.url]) as talk,
    ):
        for one in (alice, bob):
            await one.join(ASIDE)
        talk.begins()
        await talk.goes_on(50)
        with full(server):
            assert (await refused(alice))["retry_after"] > 0
            assert (await alice.ask("history", {"room": ASIDE}))["ok"], "what was said can be read"
            assert (await bob.ask("sync", {"room": ASIDE, "after": 0}))["ok"]
            await alice.ask("typing", {"room": ASIDE})
            await bob.hears("typing")
            lines = {one: len(one.record.lines) for one in talk.listeners[2:]}
            proxy.cut()
            await talk.sees(lambda: all(one.copy.live and len(one.record.lines) > lines[one] for one in lines))
            assert not (await speak(alice, "still not"))["ok"]
        await talk.goes_on(50, RESUMES_WITHIN)
        violations = await talk.violations()
    assert "still not" not in [one["text"] for one in checker.read(server.database, ASIDE).messages]
    assert is_sound(server.database)
    return violations


ASIDE = "aside"  # a room for what the judge need not know


async def speak(person: Talker, text: str) -> dict[str, Any]:
    return await person.ask("send", {"room": ASIDE, "text": text, "id": new_id()})


async def refused(person: Talker) -> dict[str, Any]:
    """Speak until the disk is really full; the refusal."""
    while (answer := await speak(person, "x" * 4_000))["ok"]:
        pass
    assert answer["error"] == "storage", answer
    return answer


def is_sound(database: Path) -> bool:
    with contextlib.closing(sqlite3.connect(database)) as db:
        return db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_full_disk_refuses_words_and_nothing_else_and_takes_them_once_there_is_space(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", "8m") as disk:  # room enough for a journal of 1,000 pages (SQLite's checkpoint)
        async with Standing(disk, "--rate-limit", "off") as server:
            assert await write_while_full(server, no_space) == []


async def test_files_that_may_not_grow_are_as_a_full_disk(tmp_path: Path) -> None:
    async with Standing(tmp_path / "data", "--rate-limit", "off") as server:
        assert await write_while_full(server, no_growth) == []


# --- locked ---


async def speak_while_locked(folder: Path, seconds: float) -> tuple[dict[str, Any], float, list[float]]:
    """The ack of what was said meanwhile; the longest answer to an echo, in seconds; and the seconds that the loop says
    itself of having stood still longer than STALL (the debug mode of asyncio logs every such callback), where that is
    more than it was ready to run and other programs had the processor."""
    clock = asyncio.get_running_loop().time
    async with (
        Standing(folder, "--rate-limit", "off", PYTHONASYNCIODEBUG="1") as server,
        Talker(server.url, "alice") as alice,
        Talker(server.url, "bob") as bob,
    ):
        await alice.join(ROOM)
        before, starved, longest = len(stalls(server)), server.starved(), 0.0
        with locked(server.database):
            words = {"room": ROOM, "text": "locked out?", "id": new_id()}
            said = asyncio.create_task(alice.client.call("send", words, timeout=30))
            end = clock() + seconds
            while (asked := clock()) < end:
                await bob.ask("echo")
                longest = max(longest, clock() - asked)
        answer, starved = await said, server.starved() - starved
        return answer, longest, [stall for stall in stalls(server)[before:] if stall > STALL + starved]


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield
        lock.execute("ROLLBACK")


def stalls(server: Standing) -> list[float]:
    return [float(seconds) for seconds in re.findall(r"Executing .* took ([\d.]+) seconds", server.log.read_text())]


async def test_a_lock_of_another_process_is_waited_for_and_nobody_else_waits(tmp_path: Path) -> None:
    answer, longest, stalled = await speak_while_locked(tmp_path / "data", 1)
    assert answer["ok"]
    assert stalled == [], f"the longest echo took {longest:.3f} s"


async def test_a_lock_that_stays_is_answered_with_when_to_try_again(tmp_path: Path) -> None:
    answer, longest, stalled = await speak_while_locked(tmp_path / "data", 6)
    assert (answer["ok"], answer["error"]) == (False, "storage")
    assert answer["retry_after"] > 0
    assert stalled == [], f"the longest echo took {longest:.3f} s"


async def test_words_said_while_it_is_locked_are_said_once_it_is_not(tmp_path: Path) -> None:
    async with (
        Standing(tmp_path / "data", "--rate-limit", "off") as server,
        Conversation(server.database, [server.url]) as talk,
    ):
        talk.begins()
        await talk.goes_on(25)
        with locked(server.database):
            await talk.sees(lambda: all(len(one.unsure) == 5 for one in talk.senders))
        await talk.goes_on(25)
        assert await talk.violations() == []


# --- gone, replaced ---


async def another(folder: Path) -> Path:
    """The database file of another server, with a history of its own."""
    async with Standing(folder, "--rate-limit", "off") as server, Talker(server.url, "zoe") as zoe:
        await zoe.join(ROOM)
        for n in range(5):
            await zoe.say(ROOM, f"another history {n}")
        server.signal(signal.SIGTERM)
        await server.ended(RESUMES_WITHIN)
    return server.database


@contextlib.asynccontextmanager
async def two_people(url: str) -> AsyncIterator[tuple[Sender, Client]]:
    """One who says ten things, and one who reads them."""
    sender, reader = Sender(url, "alice"), Client(url, "bob", transports=("polling",), pauses=QUICK)
    async with sender.client, reader:
        await sender.client.enter(ROOM)
        await reader.enter(ROOM)
        await asyncio.gather(*(sender.say() for _ in range(10)))
        yield sender, reader


async def start_over(server: Standing, sender: Sender, reader: Client, before: str) -> None:
    """What is said now goes on in the other history, and both hold that."""
    copies = [sender.client.rooms[ROOM], reader.rooms[ROOM]]
    await asyncio.wait_for(sender.say(), RESUMES_WITHIN)
    await until(lambda: all(copy.live and copy.info["epoch"] != before for copy in copies), RESUMES_WITHIN)
    stored = checker.read(server.database, ROOM)
    assert [one["text"] for one in stored.messages] == [f"another history {n}" for n in range(5)] + ["alice 11"]
    await until(lambda: all(copy.rev == stored.rev for copy in copies))
    for copy in copies:
        record = checker.Record("reader", shown=[[], []], held=copy.messages, floor=copy.floor)
        assert list(checker.copied(stored, record)) == []
    assert is_sound(server.database)


async def test_a_database_replaced_while_it_runs_is_a_new_history_for_everybody(tmp_path: Path) -> None:
    other = await another(tmp_path / "other")
    async with Standing(tmp_path / "data", "--rate-limit", "off") as server, two_people(server.url) as (alice, bob):
        epoch, pid = alice.client.rooms[ROOM].info["epoch"], server.pid
        other.replace(server.database)
        await start_over(server, alice, bob, epoch)
        assert server.pid == pid
        assert server.process
        assert server.process.returncode is None
        assert not server.faults(), server.faults()


async def test_a_database_replaced_while_it_is_down_is_a_new_history_for_everybody(tmp_path: Path) -> None:
    other = await another(tmp_path / "other")
    async with Standing(tmp_path / "data", "--rate-limit", "off") as server, two_people(server.url) as (alice, bob):
        epoch = alice.client.rooms[ROOM].info["epoch"]
        await server.kill()
        shutil.rmtree(server.data)
        server.data.mkdir()
        other.replace(server.database)
        await server.begin()
        await start_over(server, alice, bob, epoch)


async def test_a_database_file_that_is_gone_for_a_while_loses_nothing(tmp_path: Path) -> None:
    async with (
        Standing(tmp_path / "data", "--rate-limit", "off") as server,
        Talker(server.url, "alice") as alice,
        Conversation(server.database, [server.url], look=False) as talk,
    ):
        await alice.join(ROOM)
        talk.begins()
        await talk.goes_on(25)
        away = server.database.with_suffix(".away")
        server.database.rename(away)
        answer = await alice.ask("send", {"room": ROOM, "text": "into nowhere", "id": new_id()})
        assert (answer["ok"], answer["error"]) == (False, "storage"), answer
        away.rename(server.database)
        await talk.goes_on(25)
        assert await talk.violations() == []
