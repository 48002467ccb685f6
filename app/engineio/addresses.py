"""How much one address may have open. Of IPv6 a /64 counts as one address, for that is what one customer is given."""

import logging
from collections import Counter
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from time import monotonic

log = logging.getLogger("parlor.engineio")

SESSION, CONNECTION = "session", "connection"
TELL_EVERY_S = 60.0  # between two log lines of one address
MAX_TOLD = 1_000  # addresses remembered, before those of more than a minute ago are let go


@lru_cache(4096)
def network(address: str) -> str:
    """What counts as one: the address, its /64, or the text as it is where it is none."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


@lru_cache(4096)
def is_public(network: str) -> bool:
    """False for addresses of private networks and of this machine: a proxy may stand there, and all who come by it."""
    try:
        return ip_address(network.partition("/")[0]).is_global
    except ValueError:
        return False


class AddressLimit:
    """most: that one address may have open of each kind, of connections and of sessions; None: as many as it likes.
    only_public: others are not counted. `refused` counts what was too much."""

    def __init__(self, most: int | None = None, only_public: bool = False) -> None:
        self._most, self._only_public = most, only_public
        self._open: Counter[tuple[str, str]] = Counter()
        self._told: dict[str, float] = {}
        self.refused = 0

    @property
    def sentence(self) -> str:
        return f"{self._most} connections of your address are open, as many as PARLOR_MAX_PER_ADDRESS allows"

    def enter(self, address: str, kind: str = SESSION) -> bool:
        """False where that would be too much: then it was not counted, and is not to `leave`."""
        where = network(address)
        if self._most is None or not address or (self._only_public and not is_public(where)):
            return True
        if self._open[where, kind] >= self._most:
            self.refused += 1
            self._tell(where)
            return False
        self._open[where, kind] += 1
        return True

    def leave(self, address: str, kind: str = SESSION) -> None:
        one = network(address), kind
        if self._open[one] > 1:
            self._open[one] -= 1
        else:
            del self._open[one]

    def _tell(self, where: str) -> None:
        now = monotonic()
        if len(self._told) > MAX_TOLD:
            self._told = {one: at for one, at in self._told.items() if now - at < TELL_EVERY_S}
        if now - self._told.get(where, -TELL_EVERY_S) >= TELL_EVERY_S:
            self._told[where] = now
            log.warning("%s has %d connections open, and is refused more (PARLOR_MAX_PER_ADDRESS)", where, self._most)
