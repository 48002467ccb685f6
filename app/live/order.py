"""The changes of one room, as they leave this process: each once, in the order of rev, whatever order they came in."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.engineio import Packet

HOLE_S = 0.1  # that a missing change is awaited before it is read, where somebody may bring it
RETRY_S = 1.0  # after the database could not be read
MAX_HELD_BYTES = 16_000_000  # of all rooms; what is more is read when its turn comes


@dataclass
class Held:
    """What all rooms hold back, in bytes; and what was dropped because it was known already, or is in no database."""

    bytes: int = 0
    doubled: int = 0
    false: int = 0


class RoomOrder:
    """send: tells the listeners. missing: called where a change is missing for `hole` seconds; it ends in `filled`.

    rev: up to which the listeners have been told; None: not known yet. rules_rev: the one that they know.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[Packet], None],
        missing: Callable[["RoomOrder"], None],
        held: Held,
        hole: float = HOLE_S,
    ) -> None:
        self.name = name
        self.rev: int | None = None
        self.rules_rev: int | None = None
        self._send, self._missing, self._held, self._hole = send, missing, held, hole
        self._early: dict[int, Packet] = {}
        self._wanted = 0  # the newest rev that is known to exist
        self._timer: asyncio.TimerHandle | None = None  # until the hole is read
        self._is_filling = False

    def begin(self, rev: int, rules_rev: int) -> None:
        """The listeners know what the room was at this rev, or will read it."""
        self.rev, self.rules_rev = rev, rules_rev
        self._drop(early for early in self._early if early <= rev)
        self._go_on()

    def receive(self, rev: int, packet: Packet) -> None:
        """A change, by whatever way it came: told when all before it have been."""
        if self.rev is not None and rev == self.rev + 1:
            self._tell(rev, packet)
            if self._wanted > rev or self._timer:
                self._go_on()
        elif rev in self._early or (self.rev is not None and rev <= self.rev):
            self._held.doubled += 1
        else:
            self._hold(rev, packet)
            self.expect(rev)

    def expect(self, rev: int) -> bool:
        """A change of this rev exists. True where nothing else had told of it: it is awaited from now on."""
        if self.rev is None or rev <= max(self.rev, self._wanted):
            self._wanted = max(self._wanted, rev)
            return False
        self._wanted = rev
        if not self._timer and not self._is_filling:
            self._await(self._hole)
        return True

    def take(self, rev: int, packet: Packet) -> bool:
        """A change from the database, where some before it may be nobody's any more. False where it is known."""
        if self.rev is None or rev <= self.rev:
            return False
        self._tell(rev, packet)
        self._tell_next()
        return True

    @property
    def early(self) -> tuple[int, ...]:
        """The revs of what is held back."""
        return tuple(self._early)

    def filled(self, rev: int | None = None, early: Iterable[int] = ()) -> None:
        """The database was read, and the room is at `rev` there; None: it could not be read. early: what was held back
        before it was asked; it knows all of that, or it is none."""
        self._is_filling = False
        if rev is None or self.rev is None:
            self._await(RETRY_S)
            return
        self.rev = max(self.rev, rev)  # the last ones may have been deleted for their age
        self._held.false += self._drop(one for one in early if one > rev)
        self._drop(one for one in self._early if one <= rev)
        self._wanted = max((self.rev, *self._early))
        self._go_on()

    def close(self) -> None:
        """Nothing is told any more."""
        self._await(None)
        self._drop(tuple(self._early))

    def _tell(self, rev: int, packet: Packet) -> None:
        self.rev = rev
        self._send(packet)

    def _hold(self, rev: int, packet: Packet) -> None:
        if self._held.bytes + len(packet.data) <= MAX_HELD_BYTES:
            self._early[rev] = packet
            self._held.bytes += len(packet.data)

    def _drop(self, revs: Iterable[int]) -> int:
        return sum(self._release(rev) is not None for rev in tuple(revs))

    def _release(self, rev: int) -> Packet | None:
        packet = self._early.pop(rev, None)
        if packet:
            self._held.bytes -= len(packet.data)
        return packet

    def _tell_next(self) -> None:
        """What was held back for the change before it."""
        assert self.rev is not None
        while self._early and (packet := self._release(self.rev + 1)):
            self._tell(self.rev + 1, packet)

    def _go_on(self) -> None:
        """The next hole has a time of its own."""
        self._tell_next()
        assert self.rev is not None
        if not self._is_filling:
            self._await(self._hole if self._wanted > self.rev else None)

    def _await(self, seconds: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._fill)

    def _fill(self) -> None:
        self._timer, self._is_filling = None, True
        self._missing(self)
