"""One row of the table: a figure of each server, of every round, and how large the bench is."""

import contextlib
import resource
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench.servers import EVERYBODY, PARLOR, Server

BOUND = 0.9  # share of its core above which the load may have been the limit
SPARE = 500  # descriptors for everything but crowds


@dataclass(frozen=True)
class Sizes:
    """How large the crowds are and how often and how long it is measured. Counts of members, sockets and messages;
    seconds."""

    rounds: int = 3
    warm: int = 1  # rounds before those that count
    beside: tuple[str, ...] = EVERYBODY  # who is measured
    quick: bool = False  # whether the bench works; the figures do not matter
    members: tuple[int, ...] = (10, 100, 1_000, 5_000)
    loaded_members: tuple[int, ...] = (100, 1_000, 5_000)  # at 70 % of a core
    clustered_members: tuple[int, ...] = (100, 1_000)
    rooms: int = 100  # of 10
    deliveries: int = 10_000  # a second
    talk: float = 4.0
    most_members: int = 1_000
    most_from: float = 10_000  # deliveries a second
    step: float = 2.0
    idle: tuple[int, ...] = (1_000, 5_000, 10_000)
    beats: int = 1_000  # sockets
    beat: int = 5
    pollers: int = 100
    polled: int = 10  # messages a second
    senders: int = 100
    in_flight: tuple[int, ...] = (2, 4, 8, 16, 32)
    send: float = 1.5
    acks_late: float = 100.0  # ms: p99 of acks that still come in time
    growth: int = 500
    history: int = 5_000
    visited: tuple[int, int] = (50, 5_000)
    visitors: int = 100
    visits: int = 3  # a round: what a join costs is little, and a crowd is soon back
    coming: float = 10.0  # in which people come and go


QUICK = Sizes(
    rounds=1,
    warm=0,
    beside=(PARLOR,),
    quick=True,
    members=(10,),
    loaded_members=(),
    clustered_members=(10,),
    rooms=5,
    deliveries=2_000,
    talk=0.3,
    most_members=50,
    most_from=150_000,
    step=0.2,
    idle=(100,),
    beats=50,
    beat=1,
    pollers=10,
    polled=20,
    senders=20,
    in_flight=(2,),
    send=0.3,
    acks_late=10_000.0,  # whether the bench works does not depend on what else the machine does
    growth=20,
    history=100,
    visited=(10, 40),
    visitors=10,
    visits=1,
    coming=0.3,
)


@dataclass
class Row:
    """`figures`: server -> one a round. `loads`: server -> the load's share of its core, the greatest of all rounds."""

    name: str
    unit: str
    figures: dict[str, list[float]] = field(default_factory=dict)
    loads: dict[str, float] = field(default_factory=dict)

    def note(self, server: str, figure: float, load: float | None = None) -> None:
        self.figures.setdefault(server, []).append(figure)
        if load is not None:
            self.loads[server] = max(load, self.loads.get(server, 0.0))

    def as_json(self) -> dict[str, object]:
        load = {"load": round(max(self.loads.values()), 2)} if self.loads else {}
        return {"unit": self.unit, "figures": {server: self._summed(server) for server in self.figures}, **load}

    def _summed(self, server: str) -> dict[str, object]:
        values = self.figures[server]
        summed: dict[str, object] = {
            "median": _rounded(statistics.median(values)),
            "low": _rounded(min(values)),
            "high": _rounded(max(values)),
        }
        if server in self.loads:
            summed["load"] = round(self.loads[server], 2)
        return summed | ({"load_bound": True} if self.loads.get(server, 0) > BOUND else {})


def _rounded(value: float) -> float:
    """Four digits: there is no more in it."""
    return float(f"{value:.4g}")


class Spent:
    """Seconds of processor time that a server spent inside a `with spending(server)`; those of its threads beside the
    first."""

    seconds = beside = 0.0


@contextmanager
def spending(server: Server) -> Iterator[Spent]:
    """Once it has come to rest, what it spends inside."""
    server.rests()
    spent, before, before_beside = Spent(), server.cpu(), server.cpu_beside()
    yield spent
    spent.seconds, spent.beside = server.cpu() - before, server.cpu_beside() - before_beside


def descriptors(count: int) -> bool:
    """May this process have so many sockets open? Asks for it, as far as it may."""
    needed = count + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return True
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(hard, needed)))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= needed


def possible(count: int) -> bool:
    """The same; said loudly, if not."""
    if not descriptors(count):
        print(f"NOT RUN: {count:,} sockets at once, for `ulimit -n` allows fewer here", file=sys.stderr, flush=True)
        return False
    return True
