"""What a socket costs that says nothing: to come, to sit there, to be asked whether it is there."""

from collections.abc import Iterator

from tests.bench.load import Crowd
from tests.bench.row import Row, Sizes, possible, spending
from tests.bench.servers import Server, running

SEATS = 50  # in each room


def idle(sizes: Sizes) -> Iterator[Row]:
    """KB of memory for each WebSocket that sits in a room, and CPU ms to connect and join; of a fresh process that a
    small crowd has warmed up. Each handshake carries the headers of a router."""
    for count in sizes.idle:
        if not possible(count):
            continue
        memory = Row(f"RSS per idle WebSocket, of {count:,}", "KB")
        coming = Row(f"CPU to connect and join, {count:,}", "ms")
        for _ in range(sizes.rounds):
            for name in sizes.beside:
                with running([name], fresh=True) as servers:
                    for server in servers:
                        kilobytes, milliseconds = _came(server, count)
                        memory.note(name, kilobytes)
                        coming.note(name, milliseconds)
        yield from (memory, coming)


def _came(server: Server, count: int) -> tuple[float, float]:
    """KB and CPU ms of each of so many."""
    Crowd(server.port, 1, SEATS, name="warm").leaves()
    server.rests()
    rss = server.rss()
    with spending(server) as spent:
        crowd = Crowd(server.port, count // SEATS, SEATS, speakers=1)
        server.rests()
    grown = server.rss() - rss
    crowd.leaves()
    return grown / count, spent.seconds / count * 1e3


def heartbeat(sizes: Sizes) -> Iterator[Row]:
    """CPU ms a second for 1,000 sockets that only answer heartbeats, two of them, one every `sizes.beat` seconds.
    (Servers ask every 20 or 25 s by default: this is four to five times what it costs there.)"""
    row = Row(f"idle cost of 1,000 WebSockets, a heartbeat every {sizes.beat} s", "CPU ms/s")
    seconds = 2 * sizes.beat
    for _ in range(sizes.rounds):
        for name in sizes.beside:
            with running([name], ping=sizes.beat) as servers:
                for server in servers:
                    crowd = Crowd(server.port, max(1, sizes.beats // SEATS), min(SEATS, sizes.beats), speakers=1)
                    before = server.cpu()
                    crowd.listens(seconds)
                    row.note(name, (server.cpu() - before) / seconds / sizes.beats * 1e6)
                    crowd.leaves()
    yield row
