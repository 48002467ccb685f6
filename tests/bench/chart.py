"""The chart of docs/speed.md: CPU per delivery by server, a group of bars for each crowd; SVG, light and dark."""

from html import escape
from typing import Any

from tests.bench.servers import BUN, EVERYBODY, NODE, PARLOR, PRICE, STOCK, STORED

PREFIX = "CPU per delivery, "
WIDTH, LEFT, TOP, BAR, GAP, GROUP = 860, 130, 84, 17, 3, 18  # pixels
ROOM = WIDTH - LEFT - 90  # for the longest bar; its figure stands behind it
COLOURS = {  # light, dark
    PARLOR: ("#b5460f", "#ff9d5c"),
    STORED: ("#1f5c3a", "#3f9d6b"),
    STOCK: ("#7b8794", "#7f8b99"),
    NODE: ("#3d7a37", "#7cc474"),
    BUN: ("#8a6d2f", "#d9bb77"),
    PRICE: ("#35618f", "#82b4e8"),
}
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .small { font-size: 12px; fill: #59636e } .ours { font-weight: 600 }
.ground { fill: #ffffff } line { stroke: #d1d9e0 }
"""
DARK = "text { fill: #e6edf3 } .small { fill: #9198a1 } .ground { fill: #0d1117 } line { stroke: #3d444d }"


def chart(found: dict[str, Any]) -> str:
    """An SVG document. Bars in µs, with a thin mark from the lowest to the highest round."""
    groups = [
        (name.removeprefix(PREFIX), row["figures"])
        for name, row in found["rows"].items()
        if name.startswith(PREFIX) and "polling" not in name
    ]
    servers = [server for server in EVERYBODY if any(server in figures for _, figures in groups)]
    longest = max((figure["high"] for _, figures in groups for figure in figures.values()), default=1.0)
    parts, y = [], TOP
    for name, figures in groups:
        group, y = _group(name, figures, servers, longest, y)
        parts.append(group)
    told = "; ".join(_told(name, figures) for name, figures in groups)
    return _document("\n".join([_legend(servers), *parts]), y + 26, told, found["date"], servers)


def _document(body: str, height: int, told: str, date: str, servers: list[str]) -> str:
    named = [(f".s{EVERYBODY.index(server)}", *COLOURS[server]) for server in servers]
    light = "".join(f"{name} {{ fill: {colour} }} " for name, colour, _ in named)
    dark = DARK + "".join(f" {name} {{ fill: {colour} }}" for name, _, colour in named)
    style = f"<style>{STYLE}{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}</style>"
    title = "CPU per delivery, in microseconds: less is better"
    foot = f"{date} · medians, lines from lowest to highest round · Parlor stores every message first"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="title desc">\n<title id="title">{title}</title>\n'
        f'<desc id="desc">Bars by server for each crowd: {escape(told)}</desc>\n{style}\n'
        f'<rect class="ground" width="100%" height="100%" rx="6"/>\n<text class="title" x="16" y="28">{title}</text>\n'
        f'{body}\n<text class="small" x="16" y="{height - 12}">{escape(foot)}</text>\n</svg>\n'
    )


def _told(name: str, figures: dict[str, Any]) -> str:
    return f"{name}: " + ", ".join(f"{server} {figure['median']:.1f}" for server, figure in figures.items())


def _legend(servers: list[str]) -> str:
    parts, x = [], 16
    for server in servers:
        parts.append(f'<rect class="s{EVERYBODY.index(server)}" x="{x}" y="45" width="12" height="12" rx="2"/>')
        parts.append(f'<text class="small" x="{x + 18}" y="56">{escape(server)}</text>')
        x += 40 + 7 * len(server)
    return "\n".join(parts)


def _group(name: str, figures: dict[str, Any], servers: list[str], longest: float, y: int) -> tuple[str, int]:
    """A crowd's bars from `y` down, and where the next group begins."""
    shown = [server for server in servers if server in figures]
    height = len(shown) * (BAR + GAP)
    parts = [
        f'<line x1="16" x2="{WIDTH - 16}" y1="{y - GROUP // 2}" y2="{y - GROUP // 2}"/>',
        f'<text x="16" y="{y + height / 2 + 4:.0f}">{escape(name)}</text>',
    ]
    for nth, server in enumerate(shown):
        parts.append(_bar(server, figures[server], longest, y + nth * (BAR + GAP)))
    return "\n".join(parts), y + height + GROUP


def _bar(server: str, figure: dict[str, float], longest: float, y: int) -> str:
    scale = ROOM / longest
    wide, low, high = (figure[key] * scale for key in ("median", "low", "high"))
    middle, ours = y + BAR / 2 - 0.75, ' class="ours"' if server == PARLOR else ""
    return (
        f'<rect class="s{EVERYBODY.index(server)}" x="{LEFT}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="2"/>'
        f'<rect class="spread" x="{LEFT + low:.1f}" y="{middle}" width="{max(high - low, 1):.1f}" height="1.5"/>'
        f'<text{ours} x="{LEFT + max(wide, high) + 8:.1f}" y="{y + 13}">{figure["median"]:.1f}</text>'
    )
