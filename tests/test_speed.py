"""The bench itself works: small crowds, one round, every row."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.chart import chart
from tests.bench.goals import GOALS, weigh
from tests.bench.load import Crowd
from tests.bench.report import BEGIN, END, markdown, write_page
from tests.bench.rows import MEASURES
from tests.bench.servers import PARLOR, PRICE, STOCK, STORED, running
from tests.support.thorough import IS_THOROUGH

ROOT = Path(__file__).parents[1]
ROWS = {  # how those begin that a measure finds
    "delivery": ("CPU per delivery, a room", "of it for storage", "p50", "p99"),
    "loaded": ("CPU per delivery at 70% of a core",),
    "most": ("most",),
    "idle": ("RSS", "CPU to connect"),
    "heartbeat": ("idle cost",),
    "polling": ("CPU per delivery, polling",),
    "sends": ("committed sends",),
    "growth": ("growth of CPU per delivery",),
    "join": ("CPU of a join", "growth of a join", "news of who comes and goes"),
}
MEASURED = list(MEASURES) if IS_THOROUGH else ["delivery", "polling", "sends", "join"]


def beginnings_of(measures: Iterable[str]) -> list[str]:
    return [start for measure in measures for start in ROWS.get(measure, ())]


@pytest.mark.slow
def test_every_row_has_a_figure_for_parlor(tmp_path: Path) -> None:
    found, chart = tmp_path / "speed.json", tmp_path / "speed.svg"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--json", str(found), "--chart", str(chart)]
    command += ["--only", *MEASURED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "complained" not in done.stderr and "NOT RUN" not in done.stderr
    rows = json.loads(found.read_text(encoding="utf-8"))["rows"]
    for start in beginnings_of(MEASURED):
        assert any(name.startswith(start) for name in rows), start
    for name, row in rows.items():
        median = row["figures"][PARLOR]["median"]
        # Of a hundred sockets it is less than the noise, and of forty people less than the same of ten.
        assert median > 0 or name.startswith(("RSS", "news")), name
    assert ElementTree.parse(chart).getroot().tag.endswith("svg")


@pytest.mark.slow
@pytest.mark.parametrize("peer", [STOCK, PRICE])
def test_a_peer_serves_the_crowd(peer: str) -> None:
    """The peers on Node and Bun need packages that only `make bench` installs."""
    core = os.sched_getaffinity(0)
    with running([peer]) as (server,):
        crowd = Crowd(server.port, 2, 3)
        talk = crowd.talks(12, 200)
        crowd.leaves()
    os.sched_setaffinity(0, core)
    assert (talk.sends, talk.deliveries, len(talk.acks)) == (12, 36, 12)


def test_a_goal_is_weighed_against_its_row() -> None:
    figures = {PARLOR: {"median": 9.0}, STORED: {"median": 16.0}}
    rows = {"CPU per delivery, a room of 100": {"unit": "µs", "figures": figures}}
    weigh(rows)
    row = rows["CPU per delivery, a room of 100"]
    assert row["ratios"] == {STORED: 0.562}
    assert [(goal["level"], goal["reached"]) for goal in row["goals"]] == [("must", True), ("moonshot", False)]


def test_every_goal_names_a_row_that_is_measured() -> None:
    assert {goal.level for goal in GOALS} == {"must", "moonshot"}
    beginnings = (*(start[:4] for start in beginnings_of(ROWS)), r"\d")
    assert all(goal.rows.startswith(beginnings) for goal in GOALS)
    assert len(MEASURES) == 10


def test_the_figures_go_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text(f"# Speed\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", encoding="utf-8")
    row = {"unit": "KB", "figures": {PARLOR: {"median": 2.5, "low": 2.4, "high": 2.6}}, "ratios": {}, "goals": []}
    found = {"machine": {"cores": 2}, "date": "2026-01-01", "rows": {"RSS per idle WebSocket, of 1,000": row}}
    write_page(page, found)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Speed") and text.endswith("After.\n") and "old" not in text
    assert markdown(found) in text and "**2.5**<br>2.4 to 2.6" in text


def test_the_chart_says_in_words_what_its_bars_show() -> None:
    figures = {PARLOR: {"median": 2.5, "low": 2.4, "high": 2.6}}
    rows = {
        name: {"unit": "µs", "figures": figures} for name in ("CPU per delivery, a room of 10", "p50, a room of 10")
    }
    drawn = chart({"date": "2026-01-01", "rows": rows | {"CPU per delivery, 5 rooms of 10": rows["p50, a room of 10"]}})
    assert f">Bars by server for each crowd: a room of 10: {PARLOR} 2.5; 5 rooms of 10: {PARLOR} 2.5</desc>" in drawn
