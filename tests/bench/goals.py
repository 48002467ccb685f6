"""What issue 6 and SPEED.md want of each row, in one table, and whether it is reached."""

import re
from dataclasses import dataclass
from typing import Any

from tests.bench.servers import BUN, NODE, PARLOR, PRICE

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
        if PARLOR not in figures or (self.beside and self.beside not in figures):
            return None
        value = figures[PARLOR]["median"]
        if self.beside:
            value /= figures[self.beside]["median"]
        reached = value >= self.limit if self.least else value <= self.limit
        return {"level": self.level, "goal": str(self), "value": float(f"{value:.3g}"), "reached": reached}


COST, SENDS = "CPU per delivery, a room of", "committed sends a second"
GOALS = (
    *(
        goal
        for members, node in (("100", 0.60), ("1,000", 0.60), ("5,000", 0.70))
        for goal in (
            Goal(f"{COST} {members}", MUST, node, NODE),
            Goal(f"{COST} {members}", MUST, 0.85, BUN),
            Goal(f"{COST} {members}", MUST, 1.3, PRICE),
            Goal(f"{COST} {members}", MOONSHOT, 0.45, NODE),
            Goal(f"{COST} {members}", MOONSHOT, 1.0, PRICE),
        )
    ),
    Goal(r"CPU per delivery, \d+ rooms of 10", MUST, 0.65, NODE),
    Goal(r"CPU per delivery, \d+ rooms of 10", MOONSHOT, 0.5, NODE),
    Goal("p99, a room of 1,000", MUST, 1.0, NODE),
    Goal("p99, a room of 1,000", MOONSHOT, 1.0, PRICE),
    Goal("most deliveries a second.*", MUST, 10, NODE, least=True),  # 1.5 were enough if nothing were coalesced
    Goal("most deliveries a second.*", MOONSHOT, 50, NODE, least=True),
    Goal("RSS per idle WebSocket.*", MUST, 6),
    Goal("RSS per idle WebSocket.*", MOONSHOT, 3),
    Goal("CPU to connect and join.*", MUST, 0.4, NODE),
    Goal("CPU to connect and join.*", MOONSHOT, 0.2, NODE),
    Goal("CPU per delivery, polling.*", MUST, 0.5, NODE),
    Goal("CPU per delivery, polling.*", MOONSHOT, 0.25, NODE),
    Goal(f"{SENDS}.*", MUST, 3_000, least=True),
    Goal(f"{SENDS}.*", MOONSHOT, 10_000, least=True),
    Goal("growth of .*", MUST, 1.1),
)


def weigh(rows: Rows) -> None:
    """Write beside each row its ratio to Node and what its goals say of it."""
    for name, row in rows.items():
        figures = row["figures"]
        if row["unit"] != "times" and PARLOR in figures and NODE in figures and figures[NODE]["median"]:
            row["ratio"] = float(f"{figures[PARLOR]['median'] / figures[NODE]['median']:.3g}")
        weighed = [goal.weighed(row) for goal in GOALS if re.fullmatch(goal.rows, name)]
        row["goals"] = [one for one in weighed if one]
