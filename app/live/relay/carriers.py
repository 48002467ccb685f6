"""What carries the frames of the relay from one process to another."""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

OnBody = Callable[[str, bytes], None]

_PROCESS = re.compile(r"[a-z0-9]{8}")


class Carrier(Protocol):
    """on_body, on_dead and on_trouble are set by the relay: what to do with a frame of each kind, with a process that
    was found to hear nothing any more, and when frames may have been lost."""

    on_body: dict[bytes, OnBody]
    on_dead: Callable[[str], None]
    on_trouble: Callable[[], None]

    def close(self) -> None:
        """Carry no more."""

    def reaches(self, process: str) -> bool:
        """Whether it would carry something to a process of this id; nobody knows whether that lives."""

    def send(self, process: str, kind: bytes, body: bytes) -> None:
        """In the order of the calls. May be lost."""

    def check(self, processes: set[str]) -> None:
        """Find out whether they live; `on_dead` is called with those that do not."""


class Carriers:
    """Several, the best one first. `process` is this one's id."""

    def __init__(self, process: str, carriers: Sequence[Carrier]) -> None:
        self.process, self.all = process, carriers

    def to(self, process: str) -> Carrier | None:
        """The one that reaches a process."""
        if process == self.process or not _PROCESS.fullmatch(process):
            return None
        return next((one for one in self.all if one.reaches(process)), None)

    def send(self, process: str, kind: bytes, body: bytes) -> None:
        if carrier := self.to(process):
            carrier.send(process, kind, body)

    def check(self, processes: set[str]) -> None:
        for carrier in self.all:
            if mine := {one for one in processes if self.to(one) is carrier}:
                carrier.check(mine)
