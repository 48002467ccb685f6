"""What is wanted of each row, in one table, and whether it is reached."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench.servers import NODE, PARLOR, STORED

MUST, MOONSHOT = "must", "moonshot"
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Goal:
    """`rows`: a pattern of names. The figure itself, or its ratio to that of `beside`, is at most `limit`; or at least,
    where `least`."""

    rows: str
    level: str
    limit: float
    beside: str | None = None
    least: bool = False

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        return f"{sign} {self.limit:,.6g}" + (f" of {self.beside}" if self.beside else "")

    def weighed(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """None where a figure is missing."""
        figures = row["figures"]
        if PARLOR not in figures or (self.beside and not figures.get(self.beside, {}).get("median")):
            return None
        value = figures[PARLOR]["median"]
        if self.beside:
            value /= figures[self.beside]["median"]
        reached = value >= self.limit if self.least else value <= self.limit
        return {"level": self.level, "goal": str(self), "value": float(f"{value:.3g}"), "reached": reached}


CALM, LOADED = "CPU per delivery", "CPU per delivery at 70% of a core"
TWO = "CPU per delivery, two processes with Redis, .*"
SENDS, SENDS_TWO = "committed sends a second, (?!two).*", "committed sends a second, two processes with Redis.*"
JOIN, POLLED = "CPU to connect and join.*", "CPU per delivery, polling.*"
TEN, HUNDRED, THOUSAND, MANY = r"\d+ rooms of 10", "a room of 100", "a room of 1,000", "a room of 5,000"


def _pair(rows: str, must: float, moonshot: float, beside: str | None = None, least: bool = False) -> tuple[Goal, Goal]:
    return Goal(rows, MUST, must, beside, least), Goal(rows, MOONSHOT, moonshot, beside, least)


def _in_time() -> Iterator[Goal]:
    for crowd in (TEN, HUNDRED, THOUSAND):
        yield Goal(f"p99, {crowd}", MUST, 1.0, STORED)
        yield from (Goal(f"{part}, {crowd}", MOONSHOT, 1.0, NODE) for part in ("p50", "p99"))
    yield from (Goal(f"p50, {crowd}", MUST, 3.0) for crowd in (TEN, HUNDRED))


GOALS = (
    *_in_time(),
    *_pair(f"{CALM}, {HUNDRED}", 0.65, 0.50, STORED),
    *_pair(f"{CALM}, {TEN}", 0.75, 0.60, STORED),
    *_pair(f"{CALM}, {THOUSAND}", 0.50, 0.40, STORED),
    *_pair(f"{CALM}, {MANY}", 0.50, 0.40, STORED),
    *_pair(f"{LOADED}, {HUNDRED}", 0.45, 0.35, NODE),
    *_pair(f"{LOADED}, {TEN}", 0.65, 0.50, NODE),
    *_pair(f"{LOADED}, {THOUSAND}", 0.45, 0.40, NODE),
    *_pair(f"{LOADED}, {MANY}", 0.45, 0.40, NODE),
    Goal(TWO, MUST, 0.5, NODE),
    *_pair("most deliveries a second.*", 12, 50, NODE, least=True),
    *_pair(SENDS, 7_000, 15_000, least=True),
    Goal(SENDS, MUST, 1.5, STORED, least=True),
    *_pair(SENDS_TWO, 5_000, 12_000, least=True),
    *_pair(JOIN, 0.5, 0.3, STORED),
    *_pair(POLLED, 0.5, 0.25, NODE),
    *_pair("RSS per idle WebSocket.*", 5, 3),
    Goal("growth of (?!.*the news to all).*", MUST, 1.1),
    Goal("news of who comes and goes.*", MUST, 2.0),  # they go to everybody, so their time is bounded, not their number
)


def weigh(rows: Rows) -> None:
    """Write beside each row Parlor's ratio to each of the others, and what its goals say of it."""
    for name, row in rows.items():
        figures = {server: figure["median"] for server, figure in row["figures"].items()}
        row["ratios"] = {
            server: float(f"{figures[PARLOR] / median:.3g}")
            for server, median in figures.items()
            if row["unit"] != "times" and PARLOR in figures and server != PARLOR and median
        }
        weighed = [goal.weighed(row) for goal in GOALS if re.fullmatch(goal.rows, name)]
        row["goals"] = [one for one in weighed if one]
