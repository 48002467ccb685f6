"""Counters of what happened, read by web/metrics.py."""

import time
from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


KEPT_REFUSALS = 50  # the latest ones
MAX_NAME, MAX_TEXT = 64, 200  # characters of a refusal that are kept


class Refusal(NamedTuple):
    """What somebody was told, when (seconds since 1970), and in which room, if in one. Nobody's name."""

    at: float
    verb: str
    error: str
    room: str
    text: str


class Reading(NamedTuple):
    """A number of a part that /metrics does not know by itself."""

    name: str
    text: str
    value: float
    is_counter: bool = True


@dataclass
class Durations:
    """A histogram: `buckets[n]` counts durations up to `BOUNDS[n]` seconds, the last bucket the longer ones."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0  # seconds

    def note(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass
class Counts:
    """verbs: how each one ended, by name and `ok` or the error's code. answers: from the payload to the ack.
    said: new messages. refusals: by the limit that was reached. latest: refusals of any kind."""

    verbs: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Durations = field(default_factory=Durations)
    said: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    latest: deque[Refusal] = field(default_factory=lambda: deque(maxlen=KEPT_REFUSALS))

    def refused(self, answer: dict[str, Any], verb: str = "", room: object = None) -> None:
        """Counts an answer that a limit was the reason for, and notes any that is a no."""
        if answer["ok"]:
            return
        if limit := answer.get("limit"):
            self.refusals[limit] += 1
        where = room[:MAX_NAME] if isinstance(room, str) else ""
        self.latest.append(Refusal(time.time(), verb, str(answer["error"]), where, str(answer["text"])[:MAX_TEXT]))
