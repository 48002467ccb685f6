"""What all who come from one address may have together, and one person may store: so much in an hour or a minute.

Limits by person bind nobody who is a new person each time; an address is not free. It counts only where it is known
for certain (`Connection.address`). A class of pupils shares one: most of the bytes that an address may store at once
are for short messages of those who were there before they became scarce, so that a flood does not silence its
neighbours.

Counted over all processes that hear each other by Redis: what writes rows anyway is spent there at once; connections
and bytes are counted here, and told to each other twice a second, for a send must not wait for that.
"""

import asyncio
import logging
import time
from collections import defaultdict

from app.chat.rates import Buckets, SharedBuckets
from app.model import NOT_YET, Connection, Refused, Sentence, joined, span
from app.store import queries

log = logging.getLogger("parlor.chat")

MINUTE_S, HOUR_S = 60, 3_600
BYTES_AT_ONCE = 0.1  # of an hour's
KEPT = 0.8  # of the bytes that an address may store, for those who were there before
LOW = 0.9  # of them; below it they are scarce
SHORT = 1_000  # bytes of what they may write then
SHARE, SHARE_REGAINED = 1 / 30, 1 / 10  # of all, for each of them: at once, and of what is regained
TELL_INTERVAL_S = 0.5  # between two times that processes tell each other
A_DAY_MS = 86_400_000


class Quota:
    """Of one thing, `amount` of it in `seconds`, by the names of addresses or persons. amount: None for no limit.
    at_once: the share of it that may be had in one go. limit: what this one is called in answers and metrics.
    setting: that sets it. text: why somebody is refused."""

    def __init__(
        self, limit: str, setting: str, text: str, amount: float | None, seconds: float, at_once: float = 1
    ) -> None:
        self.limit, self._setting, self._text = limit, setting, text
        self.buckets = Buckets(amount * at_once, amount / seconds) if amount else None
        self.shares = Buckets(amount * at_once * SHARE, amount / seconds * SHARE_REGAINED) if amount else None
        self.shared: SharedBuckets | None = None
        self._noted_at: float | None = None
        self._untold: defaultdict[str, float] = defaultdict(float)

    def spend(self, name: str, cost: float = 1, taker: Connection | None = None) -> None:
        """Raises `too_many`. Other processes are told a little later. taker: who takes it of an address's."""
        if wait := self.wait(name, cost, taker):
            raise self.refusal(wait)

    def wait(self, name: str, cost: float = 1, taker: Connection | None = None) -> float:
        """The seconds after which there will be enough; 0 where there was, and it is spent."""
        if self.buckets is None or not name:
            return 0
        wait = self._spend(self.buckets, name, cost, taker)
        if self.shared is not None and not wait:
            self._untold[name] += cost
        return wait

    async def spend_everywhere(self, name: str, cost: float = 1) -> None:
        """Raises `too_many`, as all processes count it; as this one does where that cannot be known in time."""
        if self.buckets is None or not name:
            return
        buckets = self.buckets
        if wait := buckets.spend(name, cost):
            raise self.refusal(wait)
        if self.shared is None:
            return
        cost = min(cost, buckets.full)
        if wait := await self.shared.spend(self._of(name), cost, buckets.full, buckets.per_second) or 0:
            buckets.give_back(name, cost)
            raise self.refusal(wait)

    def _spend(self, buckets: Buckets, name: str, cost: float, taker: Connection | None) -> float:
        """The seconds to wait. Where it is scarce, most is for those who were there before; each has a share of it."""
        bucket = buckets.now(name)
        if taker is None:
            return buckets.spend_from(bucket, cost)
        if bucket.left >= LOW * buckets.full:
            bucket.low_since = 0
            return buckets.spend_from(bucket, cost)
        now = queries.now()
        bucket.low_since = bucket.low_since or now
        wait = buckets.spend_from(bucket, cost, KEPT * buckets.full)
        if wait and self._has_share(taker, cost, bucket.low_since, now):
            return buckets.spend_from(bucket, cost)
        return wait

    def _has_share(self, taker: Connection, cost: float, low_since: int, now: int) -> bool:
        assert self.shares
        return cost <= SHORT and _is_older(taker, low_since, now) and not self.shares.spend(taker.person.id, cost)

    def is_spent(self, name: str, cost: float = 1) -> bool:
        """True where somebody who is not known would be refused."""
        return self.buckets is not None and self.buckets.is_spent(name, cost)

    def give_back(self, name: str, points: float) -> None:
        """Nothing came of it."""
        if self.buckets is None or not name:
            return
        self.buckets.give_back(name, points)
        if self.shared is not None:
            self._untold[name] -= points

    def _of(self, name: str) -> str:
        return f"{self.limit} of {name}"

    def refusal(self, seconds: float) -> Refused:
        """Tells operators as well, once a minute at most: they may have more pupils than somebody foresaw."""
        wait = round(seconds + 0.05, 2)
        text = joined(self._text, Sentence("Try again in {time}.", time=span(seconds)))
        self.note_refused()
        return Refused("too_many", text, retry_after=wait, limit=self.limit)

    def note_refused(self) -> None:
        if self._noted_at is None or time.monotonic() - self._noted_at >= MINUTE_S:
            self._noted_at = time.monotonic()
            log.warning("a limit was reached: %s (%s)", self.limit, self._setting)

    async def tell(self) -> None:
        """What was spent here, to the other processes; and learn what they have."""
        if self.shared is None or self.buckets is None:
            return
        untold, self._untold = self._untold, defaultdict(float)
        for name, points in untold.items():
            full, per_second = self.buckets.full, self.buckets.per_second
            left = await self.shared.charge(self._of(name), points, full, per_second)
            if left is not None:
                self.buckets.now(name).left = left - self._untold.get(name, 0)


def _is_older(taker: Connection, than: int, now: int) -> bool:
    """Was the person known before that moment? Who is known since a far future was so before the clock was set back."""
    since = taker.known_since
    return since < than or now + A_DAY_MS < since < NOT_YET


class Quotas:
    """handshakes: in a minute from one address. people, rooms: new ones in an hour from one. address_bytes,
    person_bytes: stored in an hour, a tenth of them at once. directs: rooms of two that one person opens in an hour.
    address_files, person_files: bytes of files in an hour.
    None: no limit."""

    def __init__(
        self,
        handshakes: float | None = None,
        people: float | None = None,
        rooms: float | None = None,
        address_bytes: float | None = None,
        person_bytes: float | None = None,
        address_files: float | None = None,
        person_files: float | None = None,
        directs: float | None = None,
    ) -> None:
        opened = Sentence("Too many connections were opened from your address.")
        came = Sentence("Too many new people have come from your address.")
        talked = Sentence("You began to talk to more people than one may so soon.")
        made = Sentence("Too many new rooms were made from your address.")
        wrote = Sentence("More was written from your address than one may store so soon.")
        own = Sentence("You wrote more than one person may store so soon.")
        self.handshakes = Quota("handshakes", "PARLOR_ADDRESS_HANDSHAKES", opened, handshakes, MINUTE_S)
        self.people = Quota("new_people", "PARLOR_ADDRESS_PEOPLE", came, people, HOUR_S)
        self.rooms = Quota("new_rooms", "PARLOR_ADDRESS_ROOMS", made, rooms, HOUR_S)
        self.directs = Quota("new_directs", "PARLOR_RATE_LIMIT", talked, directs, HOUR_S)
        self.address_bytes = Quota("address_bytes", "PARLOR_ADDRESS_BYTES", wrote, address_bytes, HOUR_S, BYTES_AT_ONCE)
        self.person_bytes = Quota("person_bytes", "PARLOR_PERSON_BYTES", own, person_bytes, HOUR_S, BYTES_AT_ONCE)
        sent = Sentence("You sent more files than one person may so soon.")
        many = Sentence("Too many files were sent from your address.")
        self.address_files = Quota("address_files", "PARLOR_ADDRESS_FILES", many, address_files, HOUR_S)
        self.person_files = Quota("person_files", "PARLOR_PERSON_FILES", sent, person_files, HOUR_S)

    @property
    def all(self) -> tuple[Quota, ...]:
        bytes_of = self.address_bytes, self.person_bytes, self.address_files, self.person_files
        return self.handshakes, self.people, self.rooms, *bytes_of

    def share(self, shared: SharedBuckets) -> None:
        for quota in (*self.all, self.directs):
            quota.shared = shared

    async def run(self) -> None:
        """Tells other processes what was spent here, for as long as the server runs."""
        while True:
            await asyncio.sleep(TELL_INTERVAL_S)
            for quota in self.all:
                await quota.tell()

    async def make_room(self, connection: Connection) -> None:
        """Somebody needs a room that there is not. Raises `too_many`."""
        await self.rooms.spend_everywhere(connection.address)

    async def open_direct(self, connection: Connection) -> None:
        """Somebody begins to talk to somebody else alone. Raises `too_many`."""
        await self.directs.spend_everywhere(connection.person.id)
        try:
            await self.make_room(connection)
        except Refused:
            self.directs.give_back(connection.person.id, 1)
            raise

    def store(self, connection: Connection, size: int) -> None:
        """Counts bytes that are about to be stored. Raises `too_many`."""
        person = connection.person
        self.person_bytes.spend(person.id, size)
        if not connection.address:
            return
        if wait := self.address_bytes.wait(connection.address, size, connection):
            self.person_bytes.give_back(person.id, size)
            raise self.address_bytes.refusal(wait)

    def give_back(self, connection: Connection, size: int) -> None:
        """Nothing was stored: it was refused, or had been stored before."""
        self.person_bytes.give_back(connection.person.id, size)
        self.address_bytes.give_back(connection.address, size)

    def upload(self, person: str, address: str, size: int) -> None:
        """Counts bytes of a file that is about to be stored; where less than 0, they were not. Raises `too_many`."""
        if size < 0:
            self.person_files.give_back(person, -size)
            self.address_files.give_back(address, -size)
            return
        self.person_files.spend(person, size)
        if wait := self.address_files.wait(address, size):
            self.person_files.give_back(person, size)
            raise self.address_files.refusal(wait)
