"""How many messages a second can be stored and answered; the answers of servers that store nothing stand beside."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from tests.bench.cluster import clusters
from tests.bench.load import Crowd, percentile
from tests.bench.member import Fault
from tests.bench.row import Row, Sizes
from tests.bench.servers import Server, running
from tests.support.look import Look

Start = Callable[[], AbstractContextManager[list[Server]]]


def sends(sizes: Sizes) -> Iterator[Row]:
    """Acks a second, p99 in time: each sender alone in a room, and in rooms of ten, where each message is
    delivered ten times besides. A closed loop; the number in flight that gives most counts."""
    for what, rooms, members in [
        (f"{sizes.senders} people alone", sizes.senders, 1),
        (f"{sizes.senders // 10} rooms of 10", sizes.senders // 10, 10),
    ]:
        yield from _sends(sizes, lambda: running(sizes.beside), what, rooms, members)
    what = f"two processes with Redis, {sizes.senders // 10} rooms of 10"
    yield from _sends(sizes, clusters, what, sizes.senders // 10, 10)


def _sends(sizes: Sizes, start: Start, what: str, rooms: int, members: int) -> Iterator[Row]:
    most = Row(f"committed sends a second, {what}, acks p99 < {sizes.acks_late:g} ms", "acks/s")
    late = Row(f"acks p99 at that rate, {what}", "ms")
    with start() as servers:
        crowds = [(server, Crowd(server.port, rooms, members, ordered=server.keeps_order)) for server in servers]
        stored = {server.name: _stored(server) for server in servers if server.database}
        for turn in range(sizes.warm + sizes.rounds):
            for server, crowd in crowds:
                rate, slowest, load, count = _greatest(server, crowd, sizes)
                if server.name in stored:
                    stored[server.name] += count
                    _check(server, stored[server.name])
                if turn >= sizes.warm and not rate:
                    most.note(server.name, 0.0, load)
                elif turn >= sizes.warm:
                    most.note(server.name, rate, load)
                    late.note(server.name, slowest, load)
        for _, crowd in crowds:
            crowd.leaves()
    yield from (most, late)


def _greatest(server: Server, crowd: Crowd, sizes: Sizes) -> tuple[float, float, float, int]:
    """Acks a second and their p99 in ms where most came in time, the load's share of its core, and all that was sent.
    More in flight brings more until it only waits longer."""
    rate, slowest, load, count, late = 0.0, 0.0, 0.0, 0, 0
    for in_flight in sizes.in_flight:
        server.rests()
        talk = crowd.keeps_on(in_flight, sizes.send)
        count += talk.sends
        load = max(load, talk.load)
        p99 = percentile(talk.acks, 0.99)
        late = late + 1 if p99 >= sizes.acks_late else 0
        if late > 1:  # the first one may be a hiccup
            break
        if not late and talk.sends / talk.seconds > rate:
            rate, slowest = talk.sends / talk.seconds, p99
    return rate, slowest, load, count


def _check(server: Server, acked: int) -> None:
    """An ack means committed. Raises Fault where the database holds more or less."""
    if (held := _stored(server)) != acked:
        raise Fault(f"{acked} acks, and {held} messages in the database")


def _stored(server: Server) -> int:
    """Messages in its database."""
    assert server.database
    with Look(server.database) as look:
        return int(look.rows("SELECT count(*) AS count FROM messages")[0]["count"])
