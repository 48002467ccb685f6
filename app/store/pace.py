"""How long a commit waits for company, by how busy this process is.

A commit costs as much for one message as for ten, most of it in the kernel. While there is processor to spare, waiting
would buy what nobody needs with a delay that everybody sees: a commit begins as soon as the one before it is done. The
busier the process, the more writes share a commit, and what is told of them leaves in fewer system calls.

Busy is the share of one core that this process used, all its threads together (they share the interpreter): what
other processes take is none of our load, and where a host gives less than a core the share grows with the work, too.
"""

import math
import time

MAX_INTERVAL_S = 0.04  # from one commit to the next, when the process is busy
SPARE_BELOW, FULL_ABOVE = 0.12, 0.6  # shares of a core: no pause below the one, MAX_INTERVAL_S above the other
WINDOW_S = 0.05  # over which the share is measured
# The interval follows the share with this time constant. Sharing commits makes the process less busy, which shortens
# the interval again; without the delay the two would swing.
SMOOTHING_S = 0.25


def wanted_interval(busy: float) -> float:
    """Seconds from one commit to the next, for a share of a core from 0 to 1 (more counts as 1). Cubic: 1 ms at a
    quarter of a core, where nobody needs to save, and 20 ms at a half."""
    part = (busy - SPARE_BELOW) / (FULL_ABOVE - SPARE_BELOW)
    return MAX_INTERVAL_S * min(1.0, max(0.0, part)) ** 3


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
