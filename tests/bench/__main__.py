"""What a delivery costs: Parlor as shipped, every message stored, beside servers that store nothing. `make bench`.

The servers are measured in turn, round after round, for times of a machine drift while their ratio in one run holds;
figures are medians. Order, loss and doubles are checked in every run.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.load import Crowd
from tests.bench.servers import Server, running

ROUNDS = 3
NODE = "socket.io on Node"

Row = dict[str, float]  # server -> figure


def delivery(servers: list[Server], rooms: int, members: int) -> tuple[Row, Row, float]:
    """CPU microseconds of the server for each delivery, p99 in ms, and how much of its core the load used."""
    per_second = min(100.0, 10_000 / members)  # messages, so that all are equally far from their limit
    messages = max(int(min(20_000 / (rooms * members), per_second * 4 / rooms)), 4)
    costs: dict[str, list[float]] = {server.name: [] for server in servers}
    delays: dict[str, list[float]] = {server.name: [] for server in servers}
    crowds = [(server, Crowd(server.port, rooms, members)) for server in servers]
    began, busy = time.monotonic(), time.process_time()
    for turn in range(ROUNDS + 1):
        for server, crowd in crowds:
            before = server.cpu()
            crowd.talks(messages, per_second)
            cost = (server.cpu() - before) / (rooms * members * messages) * 1e6
            late = crowd.delays()
            if turn:  # the first is to warm up
                costs[server.name].append(cost)
                delays[server.name].append(late[int(len(late) * 0.99)])
    load = (time.process_time() - busy) / (time.monotonic() - began)
    for _, crowd in crowds:
        crowd.leaves()
    return _medians(costs), _medians(delays), load


def idle(servers: list[Server], count: int) -> tuple[Row, Row]:
    """Kilobytes for each idle WebSocket that sits in a room, and CPU milliseconds to connect and join."""
    memory, connects = {}, {}
    for server in servers:
        Crowd(server.port, 1, 50).leaves()
        rss, cpu = server.rss(), server.cpu()
        crowd = Crowd(server.port, count // 50, 50)
        memory[server.name] = (server.rss() - rss) / count
        connects[server.name] = (server.cpu() - cpu) / count * 1e3
        crowd.leaves()
    return memory, connects


def _medians(figures: dict[str, list[float]]) -> Row:
    return {name: statistics.median(values) for name, values in figures.items()}


def tell(what: str, row: Row, unit: str, more: str = "") -> None:
    ratio = f"  ratio to Node {row['Parlor'] / row[NODE]:.2f}" if NODE in row else ""
    figures = "  ".join(f"{name} {value:.1f}" for name, value in row.items())
    print(f"{what:42} {figures} {unit}{ratio}{more}", flush=True)


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument("--members", type=int, nargs="*", default=[10, 100, 1_000])
    parse.add_argument("--idle", type=int, default=1_000)
    parse.add_argument("--json", type=Path)
    chosen = parse.parse_args()
    found: dict[str, Row] = {}

    def note(what: str, row: Row, unit: str, more: str = "") -> None:
        found[f"{what}, {unit}"] = row
        tell(what, row, unit, more)

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as servers:
        for what, rooms, members in [
            *((f"CPU per delivery, a room of {count}", 1, count) for count in chosen.members),
            ("CPU per delivery, 100 rooms of 10", 100, 10),
        ]:
            costs, delays, load = delivery(servers, rooms, members)
            note(what, costs, "µs", f"  (load {load:.0%} of its core)")
            note(what.replace("CPU per delivery", "p99"), delays, "ms")
        memory, connects = idle(servers, chosen.idle)
        note(f"memory of each of {chosen.idle} idle sockets", memory, "KB")
        note("CPU to connect and join", connects, "ms")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
