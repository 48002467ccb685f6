"""What a delivery costs: Parlor as shipped, every message stored, beside a peer that stores as well and servers that
store nothing. `make bench`.

The servers are measured in turn, round after round, for times of a machine drift while their ratio in one run holds;
figures are medians, with the lowest and the highest round. Order, loss and doubles are checked in every run.
"""

import argparse
import json
import signal
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from tests.bench.chart import chart
from tests.bench.report import line, report, save, write_page
from tests.bench.row import QUICK, Row, Sizes
from tests.bench.rows import MEASURES
from tests.bench.servers import PROJECT, quick

DOCS = PROJECT / "docs"
FOUND, CHART, PAGE = DOCS / "speed.json", DOCS / "speed.svg", DOCS / "speed.md"


def main() -> None:
    chosen = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers go with us
    if chosen.write_docs:
        _write_docs()
        return
    rows = _measure(chosen.only or list(MEASURES), _sizes(chosen))
    before = chosen.json if chosen.only and chosen.json and chosen.json.exists() else None
    found = report(rows, json.loads(before.read_text(encoding="utf-8")) if before else None)
    if chosen.json:
        save(found, chosen.json)
    if chosen.chart:
        chosen.chart.write_text(chart(found), encoding="utf-8")


def _measure(names: list[str], sizes: Sizes) -> list[Row]:
    rows = []
    with quick() if sizes.quick else nullcontext():
        for name in names:
            for row in MEASURES[name](sizes):
                print(line(row), flush=True)
                rows.append(row)
    return rows


def _write_docs() -> None:
    """docs/speed.md and docs/speed.svg from docs/speed.json, which `make bench` with --json has written."""
    found = json.loads(FOUND.read_text(encoding="utf-8"))
    CHART.write_text(chart(found), encoding="utf-8")
    write_page(PAGE, found)


def _sizes(chosen: argparse.Namespace) -> Sizes:
    sizes = QUICK if chosen.quick else Sizes()
    if chosen.members:
        sizes = replace(sizes, members=tuple(chosen.members))
    return replace(sizes, rounds=chosen.rounds) if chosen.rounds else sizes


def _arguments() -> argparse.Namespace:
    parse = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parse.add_argument("--only", nargs="+", choices=list(MEASURES), help="these rows; the JSON keeps its others")
    parse.add_argument("--quick", action="store_true", help="small crowds, one round: whether the bench works")
    parse.add_argument("--members", type=int, nargs="+", help="of the one room of `delivery`")
    parse.add_argument("--rounds", type=int, help="how often each figure is measured")
    parse.add_argument("--json", type=Path, help="write all figures there, e.g. docs/speed.json")
    parse.add_argument("--chart", type=Path, help="write the chart there, as SVG")
    parse.add_argument("--write-docs", action="store_true", help="docs/speed.md and .svg from docs/speed.json")
    return parse.parse_args()


if __name__ == "__main__":
    main()
