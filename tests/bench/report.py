"""What was found: as lines while it is measured, as JSON, and as tables for docs/speed.md."""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from tests.bench.goals import MOONSHOT, MUST, Rows, weigh
from tests.bench.row import Row
from tests.bench.servers import EVERYBODY, NODE, STORED, machine

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
Report = dict[str, Any]


def report(rows: Iterable[Row], before: Report | None = None) -> Report:
    """`{machine, date, rows: {name: {unit, figures: {server: {median, low, high, load}}, load, ratios, goals}}}`. With
    what was found before, where only some rows were measured now."""
    found: Rows = dict(before["rows"]) if before else {}
    found |= {row.name: row.as_json() for row in rows}
    weigh(found)
    servers = {server for row in found.values() for server in row["figures"]}
    return {"machine": machine(servers), "date": date.today().isoformat(), "rows": found}


def line(row: Row) -> str:
    """One row for who watches: medians, low and high, Parlor's ratio to each, the load."""
    rows: Rows = {row.name: row.as_json()}
    weigh(rows)
    summed = rows[row.name]
    figures = "\n".join(
        f"    {server:24}{_plain(figure['median']):>10}   {_plain(figure['low'])} to {_plain(figure['high'])}"
        f"{_load(figure)}{_ratio(server, summed)}"
        for server, figure in summed["figures"].items()
    )
    goals = "".join(
        f"\n    {goal['level']} {goal['goal']}: {goal['value']:g}, {_verdict(goal)}" for goal in summed["goals"]
    )
    return f"{row.name}, {row.unit}\n{figures}{goals}"


def _load(figure: dict[str, Any]) -> str:
    if "load" not in figure:
        return ""
    return f"   load {figure['load']:.0%}{', LOAD-BOUND' if 'load_bound' in figure else ''}"


def _ratio(server: str, row: dict[str, Any]) -> str:
    ratio = row.get("ratios", {}).get(server)
    return f"   {ratio:.2f}" if ratio else ""


def _verdict(goal: dict[str, Any]) -> str:
    return "reached" if goal["reached"] else "NOT REACHED"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def save(found: Report, path: Path) -> None:
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def markdown(found: Report) -> str:
    """The machine, the table of figures (median, and low to high below it), the table of goals."""
    told = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    rows = found["rows"]
    return f"Measured on {found['date']}: {told}.\n\n{_figures(rows)}\n\n{_goals(rows)}\n"


def _figures(rows: Rows) -> str:
    servers = [server for server in EVERYBODY if any(server in row["figures"] for row in rows.values())]
    head = f"| | {' | '.join(servers)} | to Node with SQLite | to Node | load |\n|---|{'---|' * (len(servers) + 3)}"
    return "\n".join([head, *(_figures_line(name, row, servers) for name, row in rows.items())])


def _figures_line(name: str, row: dict[str, Any], servers: list[str]) -> str:
    cells = [_cell(row["figures"].get(server)) for server in servers]
    ratios = " | ".join(f"{row['ratios'][peer]:.2f}" if peer in row["ratios"] else "" for peer in (STORED, NODE))
    load = f"{row['load']:.0%}" if "load" in row else ""
    return f"| {name}, {row['unit']} | {' | '.join(cells)} | {ratios} | {load} |"


def _cell(figure: dict[str, Any] | None) -> str:
    if not figure:
        return ""
    spread = f"{_plain(figure['low'])} to {_plain(figure['high'])}"
    bound = ", load-bound" if figure.get("load_bound") else ""
    return f"**{_plain(figure['median'])}**<br>{spread}{bound}"


def _goals(rows: Rows) -> str:
    lines = ["| | must | | moonshot | |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        musts, moonshots = ([goal for goal in row["goals"] if goal["level"] == level] for level in (MUST, MOONSHOT))
        for nth in range(max(len(musts), len(moonshots))):
            pair = [_goal_cells(goals[nth : nth + 1]) for goals in (musts, moonshots)]
            lines.append(f"| {name if nth == 0 else ''} | {' | '.join(pair)} |")
    return "\n".join(lines)


def _goal_cells(goal: list[dict[str, Any]]) -> str:
    if not goal:
        return " | "
    return f"{goal[0]['goal']} | {_plain(goal[0]['value'])}, {'reached' if goal[0]['reached'] else '**not reached**'}"


def write_page(page: Path, found: Report) -> None:
    """Replace what stands between the two marks; a page without them gets them at its end."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    if BEGIN not in text or END not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n".lstrip()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    page.write_text(f"{head}{BEGIN}\n{markdown(found)}{END}{tail}", encoding="utf-8")
