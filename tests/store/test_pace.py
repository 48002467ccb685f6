"""How long a commit waits for company follows how busy the process is: smoothly, and without swinging."""

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from app.store import queries
from app.store.commits import MAX_BATCH, CommitQueue
from app.store.database import Database
from app.store.pace import (
    BUSY_ABOVE,
    BUSY_INTERVAL_S,
    LIMIT_ABOVE,
    MAX_INTERVAL_S,
    MIN_USABLE,
    SCARCE_FROM,
    SPARE_BELOW,
    WINDOW_S,
    Pace,
    next_interval,
    usable,
    wanted_interval,
)
from tests.store.test_database import message
from tests.support import PATIENCE


@pytest.mark.parametrize("busy", [0.0, 0.05, SPARE_BELOW])
def test_with_processor_to_spare_a_commit_waits_for_nobody(busy: float) -> None:
    assert wanted_interval(busy) == 0.0


def test_at_a_third_of_a_core_it_waits_for_less_than_three_milliseconds() -> None:
    """As busy as a thousand messages a second make it in rooms of 10: p50 is at most 3 ms there, of which half of the
    interval is waiting."""
    assert 0.0005 < wanted_interval(0.25) < 0.0015 < wanted_interval(0.32) < 0.003


@pytest.mark.parametrize("busy", [BUSY_ABOVE, 0.5, SCARCE_FROM])
def test_a_busy_process_with_something_left_commits_every_10_ms(busy: float) -> None:
    """Longer pauses would hardly save anything, and everybody would see them: a message waits for half of one, and is
    told with all that came in it."""
    assert wanted_interval(busy) == pytest.approx(BUSY_INTERVAL_S) == 0.01


@pytest.mark.parametrize("busy", [LIMIT_ABOVE, 1.0, 1.7, float("inf")])
def test_a_process_at_its_limit_commits_at_most_every_40_ms(busy: float) -> None:
    assert wanted_interval(busy) == pytest.approx(MAX_INTERVAL_S) == 0.04


def test_the_busier_the_longer() -> None:
    intervals = [wanted_interval(percent / 100) for percent in range(101)]
    assert intervals == sorted(intervals)
    assert all(later - sooner < 0.005 for sooner, later in pairwise(intervals)), "no jumps"


def test_one_busy_window_changes_little_and_a_second_of_them_nearly_all() -> None:
    assert 0 < next_interval(0.0, 1.0, WINDOW_S) < MAX_INTERVAL_S / 4
    interval = 0.0
    for _ in range(20):
        interval = next_interval(interval, 1.0, WINDOW_S)
    assert 0.95 * MAX_INTERVAL_S < interval <= MAX_INTERVAL_S
    for _ in range(20):
        interval = next_interval(interval, 0.0, WINDOW_S)
    assert interval < 0.05 * MAX_INTERVAL_S


def test_after_a_long_rest_nobody_waits() -> None:
    assert next_interval(MAX_INTERVAL_S, 0.01, 10.0) < 1e-6


# How busy a server is that commits at an interval (s): what it takes besides, and for each commit; at most 1.
LOADS: dict[str, Callable[[float], float]] = {
    "rooms of 10, 1,000 messages a second": lambda interval: 0.17 + min(1_000, 1 / (interval + 0.001)) * 250e-6,
    "rooms of 10, 3,500 messages a second": lambda interval: 0.48 + min(3_500, 1 / (interval + 0.001)) * 250e-6,
    "one room of 1,000, a write to each socket for each commit": lambda interval: 0.05 + 0.005 / (interval + 0.001),
    "rooms of 10, 4,900 messages a second": lambda interval: (
        0.55 + min(4_900, 1 / (interval + 0.001)) * 250e-6 + min(49_000, 850 / (interval + 0.005)) * 6e-6
    ),
    **{
        f"one room of {members:,}, as many writes for each commit": (
            lambda interval, members=members: 0.05 + min(200, 1 / (interval + 0.001)) * members * 5e-6
        )
        for members in (500, 750, 1_500, 2_000, 2_500, 3_500, 7_000)
    },
    "one room of 5,000": lambda interval: 0.05 + min(40, 1 / (interval + 0.001)) * 0.025,
    "ten messages a second": lambda _interval: 0.01,
    "busy with everything but commits": lambda _interval: 0.99,
}


@pytest.mark.parametrize("load", list(LOADS.values()), ids=list(LOADS))
@pytest.mark.parametrize("begin", [0.0, MAX_INTERVAL_S])
def test_it_settles_for_every_load_and_does_not_swing(load: Callable[[float], float], begin: float) -> None:
    interval, course = begin, list[float]()
    for _ in range(200):
        interval = next_interval(interval, min(1.0, load(interval)), WINDOW_S)
        course.append(interval)
    assert max(course[100:]) - min(course[100:]) < 0.001
    assert abs(course[-1] - wanted_interval(min(1.0, load(course[-1])))) < 0.001


def test_what_other_processes_take_is_no_load_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds pass in which others had the processor: this process used a tenth of it."""
    at, used = 0.0, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: at)
    monkeypatch.setattr(time, "process_time", lambda: used)
    pace = Pace()
    for _ in range(100):
        at, used = at + 0.1, used + 0.01
        pace.update()
    assert pace.interval == 0.0
    for _ in range(100):
        at, used = at + 0.1, used + 0.1
        pace.update()
    assert pace.interval == pytest.approx(MAX_INTERVAL_S)


QUOTAS = {  # of the process's own group, of the one above, of the root: what it may use
    "none": ("max 100000", "max 100000", None, 1.0),
    "half a core": ("50000 100000", "max 100000", None, 0.5),
    "two cores": ("200000 100000", "max 100000", None, 1.0),
    "of the group above": ("max 100000", "25000 100000", None, 0.25),
    "of the smaller one": ("50000 100000", "10000 100000", None, 0.1),
    "as a container sees it": (None, None, "50000 100000", 0.5),
    "nothing": ("0 100000", "max 100000", None, MIN_USABLE),
    "something else": ("", "?", "0 0", 1.0),
}


@pytest.mark.parametrize(("own", "above", "root", "found"), list(QUOTAS.values()), ids=list(QUOTAS))
def test_where_a_host_gives_less_than_a_core_it_is_busy_sooner(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str | None, above: str | None, root: str | None, found: float
) -> None:
    process, groups = tmp_path / "cgroup", tmp_path / "groups"
    process.write_text(
        "1:name=systemd:/elsewhere\n0::/" + ("some.slice/parlor.service" if own is not None else "") + "\n"
    )
    (groups / "some.slice" / "parlor.service").mkdir(parents=True)
    for place, quota in (("some.slice/parlor.service", own), ("some.slice", above), (".", root)):
        if quota is not None:
            (groups / place / "cpu.max").write_text(f"{quota}\n")
    assert usable(process, groups) == found
    assert usable(tmp_path / "no such file") == 1.0
    at = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: at)
    monkeypatch.setattr(time, "process_time", lambda: at * found / 2)
    pace = Pace(found)
    for _ in range(100):
        at += 0.1
        pace.update()
    assert pace.interval == pytest.approx(BUSY_INTERVAL_S), "half of what it may use"


def test_between_two_windows_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace()
    monkeypatch.setattr(time, "process_time", None)
    monkeypatch.setattr(time, "monotonic", lambda: pace._at + WINDOW_S / 2)
    pace.update()


class Commits:
    """A commit that takes as long as it is told to, and the batches that it was called with."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.go_on = threading.Event()
        self.queue = CommitQueue(self._commit, lambda _batch: None)

    def _commit(self, batch: list[queries.Message]) -> list[int]:
        assert self.go_on.wait(PATIENCE)
        self.sizes.append(len(batch))
        return [0] * len(batch)

    async def done(self, *futures: asyncio.Future[int]) -> None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*futures)

    def add(self, count: int) -> list[asyncio.Future[int]]:
        added = []
        for _ in range(count):
            done = asyncio.get_running_loop().create_future()
            self.queue.add(_Write(done))  # type: ignore[arg-type]
            added.append(done)
        return added


class _Write:
    def __init__(self, done: asyncio.Future[int]) -> None:
        self.done = done

    def settle(self, outcome: int) -> None:
        self.done.set_result(outcome)


async def test_what_comes_during_a_commit_begins_as_soon_as_it_is_done() -> None:
    commits = Commits()
    first = commits.add(1)
    await asyncio.sleep(0)  # it began
    others = commits.add(5)
    commits.go_on.set()
    await commits.done(*first, *others)
    assert commits.sizes == [1, 5]
    await commits.queue.finish()


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine does meanwhile: the pause is longer than any test."""
    monkeypatch.setattr(Pace, "update", lambda pace: setattr(pace, "interval", 3600.0))


@pytest.mark.usefixtures("busy")
async def test_under_load_commits_wait_for_company() -> None:
    """Told by what is in one commit."""
    commits = Commits()
    commits.go_on.set()
    await commits.done(*commits.add(1))
    waiting = commits.add(MAX_BATCH - 1)
    assert not (await asyncio.wait(waiting, timeout=0.05))[0]
    async with asyncio.timeout(PATIENCE):
        await commits.queue.drain()
    await commits.done(*waiting)
    assert commits.sizes[0] == 1 and sum(commits.sizes) == MAX_BATCH
    await commits.queue.finish()


@pytest.mark.usefixtures("busy")
async def test_a_full_batch_waits_for_nothing() -> None:
    commits = Commits()
    commits.go_on.set()
    await commits.done(*commits.add(1))
    await commits.done(*commits.add(MAX_BATCH))
    assert commits.sizes == [1, MAX_BATCH]
    await commits.queue.finish()


async def test_a_pause_that_brings_no_company_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who sends one message after the other's ack, alone on a busy server."""
    monkeypatch.setattr(Pace, "update", lambda pace: setattr(pace, "interval", 0.05))
    commits = Commits()
    commits.go_on.set()
    await commits.done(*commits.add(1))
    await commits.done(*commits.add(1))  # after a pause
    assert commits.queue._due == 0.0
    await commits.done(*commits.add(1))  # at once
    assert commits.sizes == [1, 1, 1]
    await commits.queue.finish()


@pytest.mark.usefixtures("busy")
async def test_closing_waits_for_no_company(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'parlor.db'}")
    await database.start()  # the one commit that waits for nobody
    arrival = {"wish": None, "guests": lambda: [("guest-1", ["guest-1"])], "held": 0}
    writes = [
        asyncio.create_task(database.write(queries.open_room, room="lobby")),
        asyncio.create_task(database.write(queries.arrive, token="t", new_id="alice", **arrival)),
        *(asyncio.create_task(database.write(queries.insert_message, **message(n))) for n in range(3)),
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await database.close()
        stored = await asyncio.gather(*writes)
    assert [one["seq"] for one, _ in stored[2:]] == [1, 2, 3]
