"""What happens when something doubles: two processes of each server, one with once as much, one with twice."""

import itertools
import time
from collections.abc import Callable, Iterator

from tests.bench.load import Crowd
from tests.bench.member import Member
from tests.bench.row import Row, Sizes, possible, spending
from tests.bench.servers import NODE, PARLOR, Server, running

COMING_S = 0.05  # between two of those who come and go

Scene = Callable[[Server, int], list[Crowd]]  # for so many times as much; the first crowd is the one that talks


def growth(sizes: Sizes) -> Iterator[Row]:
    """CPU of a delivery with twice as much, as a multiple of that with once as much."""
    size, tenth = sizes.growth, sizes.growth // 10

    def members(server: Server, times: int) -> list[Crowd]:
        return [Crowd(server.port, 1, times * size)]

    def rooms(server: Server, times: int) -> list[Crowd]:
        return [Crowd(server.port, times * tenth, 10, speakers=2)]

    def idle(server: Server, times: int) -> list[Crowd]:
        return [Crowd(server.port, 1, 100), Crowd(server.port, times * size // 5, 10, speakers=1, name="idle")]

    def history(server: Server, times: int) -> list[Crowd]:
        author = Crowd(server.port, 1, 1, speakers=1)
        author.talks(times * sizes.history, 1_500)
        author.leaves()
        return [Crowd(server.port, 1, 100)]

    both = tuple(name for name in (PARLOR, NODE) if name in sizes.beside)
    yield from _doubled(sizes, both, f"members, {size:,} to {2 * size:,}", members)
    yield from _doubled(sizes, both, f"rooms of 10, {tenth:,} to {2 * tenth:,}", rooms)
    yield from _doubled(sizes, both, f"idle connections beside, {2 * size:,} to {4 * size:,}", idle)
    yield from _doubled(sizes, (PARLOR,), f"history, {sizes.history:,} to {2 * sizes.history:,}", history)


def _doubled(sizes: Sizes, names: tuple[str, ...], what: str, scene: Scene) -> Iterator[Row]:
    row = Row(f"growth of CPU per delivery, {what}", "times")
    with running(name for name in names for _ in range(2)) as servers:
        pairs = [(server, 1 + nth % 2) for nth, server in enumerate(servers)]
        scenes = [(server, scene(server, times)) for server, times in pairs]
        for turn in range(sizes.warm + sizes.rounds):
            costs: dict[str, list[float]] = {}
            for server, crowds in scenes:
                costs.setdefault(server.name, []).append(_cost(server, crowds[0], sizes))
            if turn >= sizes.warm:
                for name, (once, twice) in costs.items():
                    row.note(name, twice / once)
        for _, crowds in scenes:
            for crowd in crowds:
                crowd.leaves()
    yield row


def _cost(server: Server, crowd: Crowd, sizes: Sizes) -> float:
    """CPU seconds of a delivery."""
    per_second = sizes.deliveries / len(crowd.rooms[0])
    with spending(server) as spent:
        talk = crowd.talks(max(6, round(per_second * sizes.talk)), per_second)
    return spent.seconds / talk.deliveries


def join(sizes: Sizes) -> Iterator[Row]:
    """CPU ms of one join into a small and into a large room: until it is answered, and with the news of it to all who
    are there. So many come at once; the news of a crowd are gathered. And the share of a core that the news of the
    large room take while people come and go all the time: what is spent there beyond the same in the small room."""
    few, many = sizes.visited
    answered = [Row(f"CPU of a join, {count:,} people there, answered", "ms") for count in sizes.visited]
    told = [Row(f"CPU of a join, {count:,} people there, with the news to all", "ms") for count in sizes.visited]
    share = Row(f"news of who comes and goes, {many:,} people there", "% of a core")
    if not possible(few + many + 2 * sizes.visitors):
        return
    with running((PARLOR, PARLOR)) as servers:
        crowds = [Crowd(server.port, 1, count) for server, count in zip(servers, sizes.visited, strict=True)]
        for turn in range(sizes.warm + sizes.visits * sizes.rounds):
            for nth, (server, crowd) in enumerate(zip(servers, crowds, strict=True)):
                until_answered, until_told = _visit(server, crowd, sizes.visitors)
                if turn >= sizes.warm:
                    answered[nth].note(PARLOR, until_answered)
                    told[nth].note(PARLOR, until_told)
        for _ in range(sizes.rounds):
            small, large = (_coming(*pair, sizes) for pair in zip(servers, crowds, strict=True))
            share.note(PARLOR, max(0.0, large - small) * 100)
        for crowd in crowds:
            crowd.leaves()
    for rows, how in ((answered, "answered"), (told, "with the news to all")):
        yield from rows
        yield _ratio(rows, f"growth of a join, {few:,} to {many:,} people there, {how}")
    yield share


def _visit(server: Server, crowd: Crowd, count: int) -> tuple[float, float]:
    """CPU ms of each join of a visit: until all are answered, and until all who are there know."""
    visitors = crowd.visitors(server.port, count)
    with spending(server) as spent:
        before = server.cpu()
        for visitor in visitors:
            visitor.joins("bench-0")
        crowd.until(lambda: all(visitor.seated for visitor in visitors))
        answered = server.cpu() - before
        crowd.settles()
        server.rests()
    crowd.parts(visitors)
    return answered / count * 1e3, spent.seconds / count * 1e3


def _coming(server: Server, crowd: Crowd, sizes: Sizes) -> float:
    """The share of a core that it takes while visitors join and leave in turn, one after the other without an end."""
    visitors = crowd.visitors(server.port, sizes.visitors)
    with spending(server) as spent:
        turns = itertools.cycle(visitors)
        until = time.monotonic() + sizes.coming
        while time.monotonic() < until:
            _joins_or_leaves(next(turns))
            crowd.listens(COMING_S)
    crowd.parts(visitors)
    return spent.seconds / sizes.coming


def _joins_or_leaves(visitor: Member) -> None:
    if visitor.room:
        visitor.tells(f'42["leave",{{"room":"{visitor.room}"}}]')
        visitor.room = ""
    else:
        visitor.joins("bench-0")


def _ratio(rows: list[Row], name: str) -> Row:
    once, twice = (row.figures[PARLOR] for row in rows)
    ratio = Row(name, "times")
    for small, large in zip(once, twice, strict=True):
        ratio.note(PARLOR, large / small)
    return ratio
