"""What a delivery costs, how late it is, and how many there can be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench.cluster import clusters
from tests.bench.load import Crowd, percentile
from tests.bench.member import Behind
from tests.bench.polling import Poller
from tests.bench.row import Row, Sizes, descriptors, possible, spending
from tests.bench.servers import NODE, PARLOR, POLLED, Server, running

Come = Callable[[Server], Crowd]

BUSY = 0.7  # of a core, of Node's
CALIBRATIONS = 3
LATE = 100.0  # ms: p99 of what still counts as keeping up
SELDOM = 0.02  # seconds between looks of those who only count
STEP, FINER = 1.5, 1.2  # from one rate to the next, and once more below the one that was too much


def delivery(sizes: Sizes) -> Iterator[Row]:
    """CPU µs for each delivery, p50 and p99 in ms, at the same deliveries a second whatever the rooms."""
    for what, rooms, members in _crowds(sizes, sizes.members):
        with running(sizes.beside) as servers:
            stay = descriptors(len(servers) * rooms * members)
            yield from _talked(sizes, servers, _come(rooms, members), what, sizes.deliveries / members, stay)


def loaded(sizes: Sizes) -> Iterator[Row]:
    """The same, with as many deliveries as take Node 70 % of a core: what it costs where it matters."""
    for what, rooms, members in _crowds(sizes, sizes.loaded_members):
        with running([name for name in (NODE, PARLOR) if name in sizes.beside]) as servers:
            come = _come(rooms, members)
            per_second = _busy_rate(sizes, servers[0], come, members)
            yield from _talked(sizes, servers, come, what, per_second, when=f" at {BUSY:.0%} of a core")


def _crowds(sizes: Sizes, one_room: tuple[int, ...]) -> Iterator[tuple[str, int, int]]:
    """Name, rooms, members of each; those that can be open here."""
    crowds = [(f"a room of {count:,}", 1, count) for count in one_room]
    for what, rooms, members in [*crowds, (f"{sizes.rooms} rooms of 10", sizes.rooms, 10)]:
        if possible(rooms * members):
            yield what, rooms, members


def _come(rooms: int, members: int) -> Come:
    speakers = 10 if rooms == 1 else 2
    return lambda server: Crowd(server.port, rooms, members, speakers=speakers, ordered=server.keeps_order)


def _busy_rate(sizes: Sizes, server: Server, come: Come, members: int) -> float:
    """Messages a second that keep it busy for BUSY of its core. Found in steps, for a delivery costs less where there
    are more of them."""
    crowd, per_second = come(server), sizes.deliveries / members
    for _ in range(CALIBRATIONS):
        with spending(server) as spent:
            talk = crowd.talks(max(6, round(per_second * sizes.talk / 2)), per_second)
        per_second = BUSY / (spent.seconds / talk.sends)
    crowd.leaves()
    return per_second


def clustered(sizes: Sizes) -> Iterator[Row]:
    """Two processes each, on one port, with Redis: Parlor with PostgreSQL, socket.io with its adapter, storing nothing.
    All processes and Redis count."""
    with clusters() as servers:
        for what, rooms, members in _crowds(sizes, sizes.clustered_members):
            yield from _talked(
                sizes,
                servers,
                _come(rooms, members),
                what,
                sizes.deliveries / members,
                when=", two processes with Redis",
                storage="beside it, of PostgreSQL",
            )


def polling(sizes: Sizes) -> Iterator[Row]:
    """The same where everybody polls, through the router of a PaaS; so many messages a second that mostly each poll
    brings one."""

    def crowd(server: Server) -> Crowd:
        return Crowd(server.port, 1, sizes.pollers, kind=Poller)

    with running(name for name in POLLED if name in sizes.beside) as servers:
        yield from _talked(sizes, servers, crowd, f"polling, a room of {sizes.pollers:,}", sizes.polled)


def _talked(
    sizes: Sizes,
    servers: list[Server],
    come: Come,
    what: str,
    per_second: float,
    stay: bool = True,
    when: str = "",
    storage: str = "of it for storage",
) -> Iterator[Row]:
    """In turn, round after round. The crowds stay from one to the next, unless that were more than can be open."""
    cost, stored = Row(f"CPU per delivery{when}, {what}", "µs"), Row(f"{storage}{when}, {what}", "µs")
    half, late = Row(f"p50{when}, {what}", "ms"), Row(f"p99{when}, {what}", "ms")
    messages = max(6, round(per_second * sizes.talk))
    crowds = {server: come(server) for server in servers if stay}
    for turn in range(sizes.warm + sizes.rounds):
        for server in servers:
            crowd = crowds[server] if stay else come(server)
            with spending(server) as spent:
                talk = crowd.talks(messages, per_second)
            if turn >= sizes.warm:
                cost.note(server.name, spent.seconds / talk.deliveries * 1e6, talk.load)
                if server.name == PARLOR:
                    stored.note(server.name, spent.beside / talk.deliveries * 1e6)
                half.note(server.name, percentile(talk.delays, 0.5), talk.load)
                late.note(server.name, percentile(talk.delays, 0.99), talk.load)
            if not stay:
                crowd.leaves()
                server.rests()
    for crowd in crowds.values():
        crowd.leaves()
    yield from (cost, stored, half, late)


@dataclass
class Greatest:
    """The most deliveries a second that still came in time, and the load's greatest share of its core on the way."""

    deliveries: float
    load: float


def most(sizes: Sizes) -> Iterator[Row]:
    """Deliveries a second in one room, p99 under 100 ms. Each round looks anew, from a little under the last find."""
    row = Row(f"most deliveries a second, a room of {sizes.most_members:,}, p99 < {LATE:g} ms", "deliveries/s")
    with running(sizes.beside) as servers:
        begin = {server.name: sizes.most_from for server in servers}
        for _ in range(sizes.rounds):
            for server in servers:
                found = _greatest(server, sizes, begin[server.name])
                row.note(server.name, found.deliveries, found.load)
                begin[server.name] = max(sizes.most_from / STEP, found.deliveries / STEP**2)
    yield row


def _greatest(server: Server, sizes: Sizes, rate: float) -> Greatest:
    """Raise the rate until it is too much, then once more by less. A new room each time: who fell behind is gone."""
    crowd = Crowd(server.port, 1, sizes.most_members, reads=200, seldom=SELDOM)
    best = Greatest(0.0, 0.0)
    _keeps_up(server, crowd, sizes, rate / STEP**2, Greatest(0.0, 0.0))  # to warm up
    while not _keeps_up(server, crowd, sizes, rate, best) and rate > sizes.most_members:  # it began too high
        rate /= STEP
    rate *= STEP
    while any(_keeps_up(server, crowd, sizes, rate, best) for _ in range(2)):  # a second try, if it was a hiccup
        rate *= STEP
    _keeps_up(server, crowd, sizes, rate / STEP * FINER, best)
    crowd.leaves()
    return best


def _keeps_up(server: Server, crowd: Crowd, sizes: Sizes, rate: float, best: Greatest) -> bool:
    """So many deliveries a second, p99 in time, and nobody cut off. What is better than `best` is noted there."""
    per_second = rate / sizes.most_members
    server.rests()
    try:
        talk = crowd.talks(max(10, round(per_second * sizes.step)), per_second)
    except Behind:
        return False
    best.load = max(best.load, talk.load)
    if percentile(talk.delays, 0.99) >= LATE:
        return False
    best.deliveries = max(best.deliveries, talk.deliveries / talk.seconds)
    return True
