"""A second server on the same data folder: refused by hand, let in while a host changes over."""

import asyncio
import contextlib
import signal
import socket
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from app import takeover
from app.config import Settings
from app.store.lock import ServingLock
from tests.support.process import PROJECT, refusal, serving
from tests.support.talker import Talker, until

pytestmark = pytest.mark.slow

ENDS_WITHIN = 20.0  # seconds


def here(data: Path) -> set[str]:
    """The nicknames of those who have not left, by the database."""
    with contextlib.closing(sqlite3.connect(f"file:{data / 'parlor.db'}?mode=ro", uri=True)) as db:
        return {name for (name,) in db.execute("SELECT nickname FROM people WHERE left_at IS NULL")}


def flags(data: Path) -> list[str]:
    return ["--data", str(data), "--host", "127.0.0.1", "--port", "0"]


async def test_a_second_server_ends_with_a_sentence_and_marks_nobody_as_gone(tmp_path: Path) -> None:
    async with serving(tmp_path) as first, Talker(first.url, "alice") as alice:
        await alice.join("lobby")
        code, out, errors = await refusal(*flags(tmp_path))
        assert (code, out) == (1, "")
        assert f"process {first.process.pid} on {socket.gethostname()}" in errors
        assert errors.startswith("Parlor cannot start: ") and errors.count("\n") == 1
        assert here(tmp_path) == {"alice"}
        await alice.say("lobby", "the first one goes on")


async def test_a_folder_that_is_made_is_its_owner_s_alone(tmp_path: Path) -> None:
    data = tmp_path / "new"
    async with serving(data, makes_all=True):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert {stat.S_IMODE(one.stat().st_mode) for one in data.iterdir()} == {0o600}


async def test_a_kill_leaves_no_lock_behind(tmp_path: Path) -> None:
    async with serving(tmp_path) as first, Talker(first.url, "alice") as alice:
        await alice.join("lobby")
        first.signal(signal.SIGKILL)
        await first.process.wait()
    async with serving(tmp_path):
        assert here(tmp_path) == set()


async def test_while_a_host_changes_over_both_serve_and_who_has_not_come_has_left_with_the_first(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path) as first,
        Talker(first.url, "alice") as alice,
        serving(tmp_path, PARLOR_OVERLAP="60") as second,
        Talker(second.url, "bob") as bob,
    ):
        await alice.join("lobby")
        await bob.join("lobby")
        assert here(tmp_path) == {"alice", "bob"}
        await bob.say("lobby", "from the second")
        first.signal(signal.SIGKILL)
        await until(lambda: here(tmp_path) == {"bob"})
        code, _, _ = await refusal(*flags(tmp_path))
        assert code == 1, "it has taken the lock over"


async def test_two_do_not_serve_for_good(tmp_path: Path) -> None:
    async with serving(tmp_path) as first, serving(tmp_path, PARLOR_OVERLAP="0.5") as second:
        code, errors = await second.ended(ENDS_WITHIN)
        assert code == 1
        assert f"process {first.process.pid} on" in errors.splitlines()[-1]
        assert "PARLOR_OVERLAP" in errors.splitlines()[-1]


class Holder:
    """Another process's lock, as it is read."""

    def __init__(self, **words: Any) -> None:
        self.words = words

    def holder(self) -> dict[str, Any]:
        return self.words


@pytest.mark.parametrize(
    ("overlap", "host", "environment", "seconds"),
    [
        (None, None, {}, 0),
        (None, "ours", {}, 0),
        (None, "another-container", {}, takeover.MAX_OVERLAP_S),
        (None, "ours", {"DYNO": "web.1"}, takeover.MAX_OVERLAP_S),
        (0, "another-container", {"DYNO": "web.1"}, 0),
        (7, "ours", {}, 7),
    ],
)
def test_a_host_that_changes_over_is_known_by_its_environment(
    overlap: float | None, host: str | None, environment: dict[str, str], seconds: float
) -> None:
    words = {"host": socket.gethostname() if host == "ours" else host} if host else {}
    lock: Any = Holder(**words)
    assert takeover.overlap_of(Settings(overlap=overlap), lock, environment) == seconds


def test_a_lock_file_that_was_removed_is_made_again(tmp_path: Path) -> None:
    first, second = ServingLock(str(tmp_path / "parlor.db")), ServingLock(str(tmp_path / "parlor.db"))
    assert first.take() and not second.take()
    first.path.unlink()
    assert first.take() and not second.take()
    assert first.is_held and not second.is_held
    first.release()
    assert second.take()
    second.release()


def test_those_who_hear_each_other_share_the_lock_once_the_first_has_started(tmp_path: Path) -> None:
    database = str(tmp_path / "parlor.db")
    first, second = ServingLock(database, shared=True), ServingLock(database, shared=True)
    stranger = ServingLock(database)
    assert first.take(alone=True) and not second.take(), "it starts"
    assert first.take() and second.take() and not second.take(alone=True)
    assert second.take(), "flock(2) had given it up"
    assert not stranger.take()
    first.release()
    assert not stranger.take()
    second.release()
    assert stranger.take() and not first.take()
    stranger.release()


def test_a_folder_in_which_nothing_can_be_made_keeps_nobody_from_serving(tmp_path: Path) -> None:
    lock = ServingLock(str(tmp_path / "missing" / "parlor.db"))
    assert lock.take() and lock.take() and lock.is_held
    assert lock.holder() == {}


async def test_commands_work_beside_a_running_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as first, Talker(first.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "hello")
        written = tmp_path / "written.jsonl"
        assert await run("export", "lobby", "--output", str(written), "--data", str(tmp_path)) == 0
        assert "hello" in written.read_text()
        assert stat.S_IMODE(written.stat().st_mode) == 0o600, "others were not in the room"
        assert await run("check-config", "--data", str(tmp_path)) == 0
        code = await run("keep", "lobby", "--days", "3", "--data", str(tmp_path))
        assert code == 0
        assert here(tmp_path) == {"alice"}
        assert (await alice.join("lobby"))["room"]["keep"] == {"days": 3}


async def run(*words: str) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "app", *words, cwd=PROJECT)
    return await process.wait()
