"""A crowd: members of some rooms of one server, on one epoll. What it hears is checked, what it costs is known."""

import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench.member import PATIENCE, Behind, Fault, Member
from tests.bench.servers import is_quick

COMING = 16  # handshakes under way at once
LONG = 10.0  # seconds after which only heartbeats can be left
QUIET = 0.5  # seconds: what a server gathers (Parlor: who came, 0.4 s) is told within
QUICK_QUIET = 0.05

# select() counts in microseconds, where epoll counts in milliseconds; but it knows only low descriptors. So these are
# taken before the sockets are.
_polls = [select.epoll() for _ in range(24)]


@dataclass(frozen=True, slots=True)
class Talk:
    """What a talk came to: deliveries and acks, seconds, delays in ms (sorted), the load's share of its core."""

    deliveries: int
    sends: int
    seconds: float
    delays: list[float]
    acks: list[float]
    load: float


def percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class _Watch:
    """What a crowd hears and its load costs from now on."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd, self._busy = crowd, time.process_time()
        self.began = time.monotonic()
        self.wanted = self._before = crowd.heard
        self._sends = 0

    def says(self, member: Member, room: list[Member], due: float) -> bool:
        self.wanted += len(room)
        self._sends += 1
        return member.says(due)

    @property
    def is_over(self) -> bool:
        return self._crowd.heard >= self.wanted and not any(member.asked for member in self._crowd.speakers())

    def ends(self) -> Talk:
        """Raises Fault where somebody heard what others did not, or in another order."""
        seconds, busy = time.monotonic() - self.began, time.process_time() - self._busy
        if self._crowd.heard != self.wanted:
            raise Fault(f"{self._crowd.heard - self.wanted} deliveries too many")
        delays: list[float] = []
        acks: list[float] = []
        for room in self._crowd.rooms:
            ears = [member.ear for member in room if member.ear]
            if self._crowd.ordered and len({ear.order for ear in ears}) > 1:
                raise Fault("a room's members heard different things")
            for ear in ears:
                delays += ear.delays
                ear.delays.clear()
        for member in self._crowd.speakers():
            acks += member.acks
            member.acks.clear()
        deliveries = self.wanted - self._before
        return Talk(deliveries, self._sends, seconds, sorted(delays), sorted(acks), busy / seconds)


class Crowd:
    """Members of some rooms of one server. `speakers` of each room speak in turn."""

    def __init__(
        self,
        port: int,
        rooms: int,
        members: int,
        *,
        speakers: int = 10,
        reads: int = 20,
        name: str = "bench",
        kind: type[Member] = Member,
        seldom: float = 0.0,
        ordered: bool = True,
    ) -> None:
        """reads: one in so many reads all, besides the speakers. seldom: seconds after which those who only count look
        for what came, where a look at each message would be the limit; for the delays only the readers matter. ordered:
        all are to hear the same order."""
        self.poll = _polls.pop()
        self.by_fd: dict[int, Member] = {}
        self.heard, self.ordered = 0, ordered
        self._seldom = self._look = 0.0  # seconds between looks of those who only count; when the next one is due
        self.rooms: list[list[Member]] = [[] for _ in range(rooms)]
        self.turns = [(room, who) for who in range(min(speakers, members)) for room in range(rooms)]
        self._turn = 0
        seats = ((room, who) for room in range(rooms) for who in range(members))
        self._come(
            (self.rooms[room], kind(port, f"{name}-{room}", who, who < max(speakers, 2) or not who % reads))
            for room, who in seats
        )

        if seldom:
            self._look_seldom(seldom)

    def _look_seldom(self, seconds: float) -> None:
        self._seldom, self._rarely = seconds, _polls.pop()
        for fd, member in self.by_fd.items():
            if not member.ear:
                self.poll.unregister(fd)
                self._rarely.register(fd, select.EPOLLIN)

    def _come(self, coming: Iterator[tuple[list[Member], Member]]) -> None:
        """Some at a time; who is there already hears meanwhile what the others' coming brings."""
        under_way: list[Member] = []
        for room, member in coming:
            room.append(member)
            self.by_fd[member.line.fileno()] = member
            self.poll.register(member.line.fileno(), select.EPOLLIN)
            under_way.append(member)
            self.until(lambda: len(self._unseated(under_way)) < COMING)
        self.until(lambda: not self._unseated(under_way))
        self.settles()

    @staticmethod
    def _unseated(members: list[Member]) -> list[Member]:
        members[:] = [member for member in members if not member.seated]
        return members

    def visitors(self, port: int, count: int) -> list[Member]:
        """More people, connected but in no room yet."""
        came: list[Member] = []
        self._come((came, Member(port, "", who, True)) for who in range(count))
        return came

    def parts(self, visitors: list[Member]) -> None:
        """They leave; the others hear of it."""
        for visitor in visitors:
            del self.by_fd[visitor.line.fileno()]
            visitor.leaves()
        self.settles()

    def until(self, met: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Hear what comes until a condition is met. Raises Behind after so many seconds."""
        deadline = time.monotonic() + patience
        while not met():
            if time.monotonic() > deadline:
                raise Behind(f"nothing more came in {patience:g} s")
            self._hears(0.05)

    def settles(self) -> None:
        """Hear what comes until nothing does, or nothing but heartbeats."""
        until = time.monotonic() + LONG
        while self._hears(QUICK_QUIET if is_quick() else QUIET) and time.monotonic() < until:
            pass

    def listens(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._hears(left)

    def _hears(self, pause: float) -> int:
        """Wait for so many seconds at most. How many members heard something."""
        if pause > 0:
            select.select([self.poll.fileno()], [], [], min(pause, self._seldom) if self._seldom else pause)
        ready = self.poll.poll(0)
        if self._seldom and (now := time.monotonic()) >= self._look:
            self._look = now + self._seldom
            ready += self._rarely.poll(0, len(self.by_fd))
        for fd, _ in ready:
            self.heard += self.by_fd[fd].hears()
        return len(ready)

    def talks(self, messages: int, per_second: float) -> Talk:
        """So many messages in all, at so many a second, until everybody has heard them. Delays count from when a
        message was due, so that a load that is late cannot flatter. Raises Fault, or Behind."""
        watch = _Watch(self)
        stuck: set[Member] = set()
        deadline = watch.began + messages / per_second + PATIENCE
        said = 0
        while said < messages or not watch.is_over:
            now = time.monotonic()
            if now > deadline:
                raise Behind(f"{watch.wanted - self.heard} deliveries are still to come")
            while said < messages and (due := watch.began + said / per_second) <= now:
                room, who = self.turns[self._turn % len(self.turns)]
                self._turn += 1
                said += 1
                if not watch.says(self.rooms[room][who], self.rooms[room], due):
                    stuck.add(self.rooms[room][who])
            stuck -= {member for member in stuck if member.goes_on()}
            pause = max(0.0, watch.began + said / per_second - time.monotonic()) if said < messages else 0.05
            self._hears(min(pause, 0.005) if stuck else pause)
        return watch.ends()

    def keeps_on(self, in_flight: int, seconds: float) -> Talk:
        """Every speaker keeps so many messages on their way, for so long: the next one follows an ack."""
        watch = _Watch(self)
        stuck: set[Member] = set()
        until = watch.began + seconds
        while (now := time.monotonic()) < until:
            for room, who in self.turns:
                member = self.rooms[room][who]
                while len(member.asked) < in_flight:
                    if not watch.says(member, self.rooms[room], now):
                        stuck.add(member)
            stuck -= {member for member in stuck if member.goes_on()}
            self._hears(0.001 if stuck else 0.05)
        self.until(lambda: watch.is_over)
        return watch.ends()

    def speakers(self) -> Iterator[Member]:
        return (self.rooms[room][who] for room, who in self.turns)

    def members(self) -> Iterator[Member]:
        return iter(self.by_fd.values())

    def leaves(self) -> None:
        """With a goodbye, so that no server waits for anybody's return."""
        for member in self.members():
            member.leaves()
        _polls.append(self.poll)
        if self._seldom:
            _polls.append(self._rarely)
