"""An hour of coming and going, `make churn`: memory, descriptors and what a visit costs the processor stay as they are.

Every minute a line says what it was; at the end, the last quarter is compared with the second. (In the first, caches
fill.) A visit is one of the 72 kinds of tests/support/churn.py.
"""

import argparse
import re
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.churn import WAYS, House

LOOPS = ("uvloop", "asyncio")
PER_SECOND = 20.0
MORE_MEMORY = 1.03  # times as much as in the second quarter
MORE_PROCESSOR = 1.25


@dataclass(frozen=True)
class Minute:
    """What stood at its end, all visitors gone, and what its visits cost."""

    visits: int
    kilobytes: int
    milliseconds: float  # of the processor, each visit
    tasks: int
    timers: int
    files: int

    def __str__(self) -> str:
        kept = f"{self.tasks} tasks, {self.timers} timers, {self.files} files"
        return f"{self.visits:>7,} visits  {self.kilobytes:>7,} KB  {self.milliseconds:.2f} ms each  {kept}"


def main() -> None:
    """Exit code 1 where something grew."""
    parse = argparse.ArgumentParser(prog="python -m tests.churn", description=__doc__)
    parse.add_argument("--minutes", type=int, default=60)
    parse.add_argument("--per-second", type=float, default=PER_SECOND, help="visits")
    parse.add_argument("--loops", nargs="+", default=LOOPS, choices=LOOPS, help="share the minutes")
    chosen = parse.parse_args()
    ends = [_visit(loop, chosen.minutes // len(chosen.loops), chosen.per_second) for loop in chosen.loops]
    if any(ends):
        sys.exit("\n".join(filter(None, ends)))


def _visit(loop: str, count: int, per_second: float) -> str:
    """So many minutes on that loop. What grew, in a sentence; nothing where all is flat."""
    print(f"on {loop}:", flush=True)
    house = House(loop)
    minutes: list[Minute] = []
    try:
        for _ in range(count):
            minutes.append(_minute(house, per_second))
            print(minutes[-1], flush=True)
    finally:
        house.stops()
    grown = _grown(minutes)
    if not grown:
        print(f"flat: {house.visits:,} visits in {count} minutes left nothing", flush=True)
    return grown and f"on {loop}, {grown}"


def _minute(house: House, per_second: float) -> Minute:
    """Visits at that rate, in all ways as often, and then a look at what is left: nobody."""
    began, costs = time.monotonic(), []
    while (left := 60 - (time.monotonic() - began)) > 2 * len(WAYS) / per_second:
        due = time.monotonic() + len(WAYS) / per_second
        costs.append(house.costs(len(WAYS)))
        time.sleep(max(0.0, min(left, due - time.monotonic())))
    seen = house.is_empty()
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{house.process.pid}/status").read_text())
    assert found
    kept = {name: seen[name] for name in ("tasks", "timers", "files")}
    return Minute(house.visits, int(found[1]), statistics.median(costs) * 1e3, **kept)


def _grown(minutes: list[Minute]) -> str:
    """What the last quarter has more than the second, in a sentence; nothing where all is flat. Where two stand in the
    middle, the higher of the second and the lower of the last: between 12 and 13 timers nothing has grown to 13."""
    quarter = len(minutes) // 4
    if not quarter:
        return ""
    second, last = minutes[quarter : 2 * quarter], minutes[-quarter:]

    def before(name: str) -> float:
        return statistics.median_high(getattr(minute, name) for minute in second)

    def after(name: str) -> float:
        return statistics.median_low(getattr(minute, name) for minute in last)

    limits = {"kilobytes": MORE_MEMORY, "milliseconds": MORE_PROCESSOR, "tasks": 1, "timers": 1, "files": 1}
    grown = [
        f"{name} from {before(name):g} to {after(name):g}"
        for name, times in limits.items()
        if after(name) > times * before(name)
    ]
    return f"grown: {', '.join(grown)}" if grown else ""


if __name__ == "__main__":
    main()
