"""What the connection to Redis has done, for /metrics."""

from dataclasses import dataclass


@dataclass
class Counts:
    """published: frames that Redis took. dropped: that it did not take. received: frames of other processes. garbage:
    what came and was none. lag: seconds that the newest frame of our own took to come back."""

    published: int = 0
    dropped: int = 0
    received: int = 0
    garbage: int = 0
    lag: float = 0.0
