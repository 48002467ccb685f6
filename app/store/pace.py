"""How long a commit waits for company, by how busy this process is.

A commit costs as much for one message as for ten, most of it in the kernel. While there is processor to spare, waiting
would buy what nobody needs with a delay that everybody sees: a commit begins as soon as the one before it is done. The
busier the process, the more writes share a commit, and what is told of them leaves in fewer system calls.

Busy is the share of one core that this process used, all its threads together (they share the interpreter): what
other processes take is none of our load, and where a host gives less than a core the share grows with the work, too.
"""

import math
import time

SPARE_BELOW, BUSY_ABOVE = 0.12, 0.5  # shares of a core: no pause below the one, BUSY_INTERVAL_S above the other
SCARCE_FROM, LIMIT_ABOVE = 0.7, 0.93  # from the one on the pause grows further, to MAX_INTERVAL_S above the other
BUSY_INTERVAL_S = 0.01  # from one commit to the next: a commit's own price is some per cent of a core then
MAX_INTERVAL_S = 0.04  # the same at the limit, where it buys messages that leave together in one write to each socket
WINDOW_S = 0.05  # over which the share is measured
# The interval follows the share with this time constant. Sharing commits makes the process less busy, which shortens
# the interval again; without the delay the two would swing.
SMOOTHING_S = 0.25


def wanted_interval(busy: float) -> float:
    """Seconds from one commit to the next, for a share of a core from 0 to 1 (more counts as 1). It grows twice, gently
    each time: 1 ms at a quarter of a core, where nobody needs to save; 10 ms from a half on, and no more until the core
    is nearly used up. Steeper it would swing, where a room is so large that each commit costs a write to
    thousands of sockets."""
    saving, at_limit = _part(busy, SPARE_BELOW, BUSY_ABOVE) ** 2, _part(busy, SCARCE_FROM, LIMIT_ABOVE) ** 2
    return BUSY_INTERVAL_S * saving + (MAX_INTERVAL_S - BUSY_INTERVAL_S) * at_limit


def _part(value: float, low: float, high: float) -> float:
    """Where it is between the two: 0 at `low` and below, 1 at `high` and above."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def next_interval(interval: float, busy: float, elapsed: float) -> float:
    """`interval` moved towards the wanted one, after `elapsed` seconds in which the process was that busy."""
    return interval + (wanted_interval(busy) - interval) * (1 - math.exp(-elapsed / SMOOTHING_S))


class Pace:
    """`interval`: seconds from the beginning of one commit to the next. Measured anew by `update`, which costs a
    microsecond each WINDOW_S and next to nothing in between."""

    def __init__(self) -> None:
        self.interval = 0.0
        self._at, self._used = time.monotonic(), time.process_time()

    def update(self) -> None:
        at = time.monotonic()
        elapsed = at - self._at
        if elapsed < WINDOW_S:
            return
        used = time.process_time()
        self.interval = next_interval(self.interval, (used - self._used) / elapsed, elapsed)
        self._at, self._used = at, used
