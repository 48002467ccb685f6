"""How long a commit waits for company, by how busy this process is.

A commit costs as much for one message as for ten, most of it in the kernel. While there is processor to spare, waiting
would buy what nobody needs with a delay that everybody sees: a commit begins as soon as the one before it is done. The
busier the process, the more writes share a commit, and what is told of them leaves in fewer system calls.

Busy is the share that this process used of the core that it may use, all its threads together (they share the
interpreter): what other processes take is none of our load. Where a host gives less than a core it may use that much.
"""

import contextlib
import math
import time
from pathlib import Path

SPARE_BELOW, BUSY_ABOVE = 0.12, 0.42  # shares of a core: no pause below the one, BUSY_INTERVAL_S above the other
SCARCE_FROM, LIMIT_ABOVE = 0.7, 0.93  # from the one on the pause grows further, to MAX_INTERVAL_S above the other
BUSY_INTERVAL_S = 0.01  # from one commit to the next: a commit's own price is some per cent of a core then
MAX_INTERVAL_S = 0.04  # the same at the limit, where it buys messages that leave together in one write to each socket
MIN_USABLE = 0.01  # of a core
WINDOW_S = 0.05  # over which the share is measured
# The interval follows the share with this time constant. Sharing commits makes the process less busy, which shortens
# the interval again; without the delay the two would swing.
SMOOTHING_S = 0.25


def wanted_interval(busy: float) -> float:
    """Seconds from one commit to the next, for a share of a core from 0 to 1 (more counts as 1). It grows twice: 1 ms
    at a quarter of a core, where nobody needs to save, and 10 ms from 42 % on; then no more until it is nearly used
    up. Near the limit it grows gently, or it would swing where a room is so large that each commit costs a write to
    thousands of sockets."""
    saving, at_limit = _part(busy, SPARE_BELOW, BUSY_ABOVE) ** 3, _part(busy, SCARCE_FROM, LIMIT_ABOVE) ** 2
    return BUSY_INTERVAL_S * saving + (MAX_INTERVAL_S - BUSY_INTERVAL_S) * at_limit


def _part(value: float, low: float, high: float) -> float:
    """Where it is between the two: 0 at `low` and below, 1 at `high` and above."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def next_interval(interval: float, busy: float, elapsed: float) -> float:
    """`interval` moved towards the wanted one, after `elapsed` seconds in which the process was that busy."""
    return interval + (wanted_interval(busy) - interval) * (1 - math.exp(-elapsed / SMOOTHING_S))


def usable(own: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> float:
    """The share of a core that this process may use: 1, or less by the quota of its control group or of one above it
    (Linux, "Control Group v2", cpu.max)."""
    share = 1.0
    with contextlib.suppress(OSError):
        lines = own.read_text().splitlines()
        names = [Path(line.removeprefix("0::/")) for line in lines if line.startswith("0::/")]
        for group in [group for name in names for group in (name, *name.parents)]:
            with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
                quota, period = map(int, (groups / group / "cpu.max").read_text().split())  # "max 100000": no quota
                share = max(MIN_USABLE, min(share, quota / period))
    return share


class Pace:
    """`interval`: seconds from the beginning of one commit to the next. Measured anew by `update`, which costs a
    microsecond each WINDOW_S and next to nothing in between. usable: the share of a core that there is."""

    def __init__(self, usable: float = 1.0) -> None:
        self.interval = 0.0
        self._usable = usable
        self._at, self._used = time.monotonic(), time.process_time()

    def update(self) -> None:
        at = time.monotonic()
        elapsed = at - self._at
        if elapsed < WINDOW_S:
            return
        used = time.process_time()
        self.interval = next_interval(self.interval, (used - self._used) / elapsed / self._usable, elapsed)
        self._at, self._used = at, used
