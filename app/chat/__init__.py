"""The rules: what people can do in rooms. Knows no sockets, no pages and no SQL; it is given a store
and a broadcaster."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, TypeVarTuple

from app.chat.counts import Counts
from app.chat.floods import Floods
from app.chat.guesses import Guesses
from app.chat.guests import GuestNames
from app.chat.indexing import Indexing
from app.chat.marks import ReadMarks
from app.chat.newcomers import Newcomers
from app.chat.presence import Presence
from app.chat.queue import Queue
from app.chat.quotas import Quotas
from app.chat.rates import Rates
from app.chat.rules import RoomRules
from app.chat.tokens import Tokens
from app.model import LIMITS, Connection, Limits, Member, Profile

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

__all__ = ["Broadcaster", "Chat", "Directory", "Memory"]


class Broadcaster(Protocol):
    """How the rules are heard. An event for a room reaches every socket subscribed to it, in the order of the calls, or
    where it has a rev, in that of the revs.

    follow: returns once a socket that is subscribed to the room hears every change that it does not find in what is
    read from then on. Raises Refused.
    """

    def broadcast(self, room: str, event: str, payload: dict[str, Any], rev: int | None = None) -> None: ...

    async def follow(self, room: str) -> None: ...

    def send_to(self, socket: str, event: str, payload: dict[str, Any]) -> None: ...

    def subscribe(self, socket: str, room: str, shown: str = "") -> None:
        """shown: as this one calls the room, if otherwise."""

    def unsubscribe(self, socket: str, room: str) -> None: ...

    def has_gone(self, socket: str) -> bool: ...

    def disconnect(self, socket: str) -> None:
        """Its client is to come again."""


class Directory(Protocol):
    """The people of all processes. Whoever is elsewhere is in `presence`, by connections that stand for theirs."""

    def tell_profile(self, profile: Profile) -> None:
        """Let other processes know how somebody is called now."""

    def tell_revoked(self, token: str, successor: str) -> None:
        """Let them know that this token is good no longer, and which one has taken its place."""

    def tell_ignored(self, person: str) -> None:
        """Let them know that the person ignores others than before."""

    def tell_person(self, person: str, event: str, payload: dict[str, Any]) -> None:
        """Let this person's connections to other processes know: `opened` or `seen`."""

    def tell_moderators(self, room: str, report: dict[str, Any]) -> None:
        """Let the room's moderators at other processes know what was reported."""

    async def wait_known(self, room: str) -> None:
        """Wait until it is known who is in the room elsewhere; not for long."""


class PushKeys(Protocol):
    """By what a browser lets this site wake it."""

    async def public_key(self) -> str:
        """In base64url. Raises Refused."""

    def is_allowed(self, endpoint: str) -> bool:
        """May this be the address of a push service?"""


class Alone:
    """The directory where no other process is heard."""

    def tell_profile(self, profile: Profile) -> None: ...

    def tell_revoked(self, token: str, successor: str) -> None: ...

    def tell_ignored(self, person: str) -> None: ...

    def tell_person(self, person: str, event: str, payload: dict[str, Any]) -> None: ...

    def tell_moderators(self, room: str, report: dict[str, Any]) -> None: ...

    async def wait_known(self, room: str) -> None: ...


class Memory(Protocol):
    """How the rules remember: each query of store/queries, run in a transaction of its own."""

    async def read(self, ask: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def read_cached(
        self, room: str, shape: Callable[[T], S], ask: Callable[[Any, str, *Ts], T], *args: *Ts
    ) -> S: ...

    async def read_cached_rooms(self, ask: Callable[[Any, *Ts], T], *args: *Ts) -> T: ...

    async def write(self, ask: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def ready(self) -> None: ...


@dataclass
class Chat:
    """What every verb is handed first.

    process: this one's id among those that serve the database. epoch: the name of the database's history.
    transports: as the operator allows them, in order.
    nickname_hold: seconds that a name stays its owner's after their last socket is gone. grace: seconds that a room
    awaits somebody whose connection broke. keep_days, keep_messages, keep_bytes: what is kept of a room; None: all.
    site: its name, which nobody may bear. page: the checksum of the files of its pages. guest_days: days after which
    unused guests and rooms are forgotten; 0: never. owner_days: days after which an owner who is away loses the room to
    its eldest moderator; 0: never. has_unrecorded: people have come or left, and that could not be stored. is_stopping:
    whoever is disconnected now is expected elsewhere. rules: of rooms, as far as they are known here (access.py).
    looks: those that are being read for the first time. on_rules: called with a room whose rules were changed, and no
    verb tells that. on_person: called with a connection that is another person's now, on_leaving_person: with one that
    is about to be. on_said: called with who said something new, and the stored message; on_edited: the same of one that
    has another text now; on_linked: of both, and of one that was put back, for their links. push: None: the operator
    has switched it off. opening, forgetting: rooms that are being made, or forgotten. visits: rooms of which somebody
    who is in no list asks something now, and how many do. newcomers: people who are here and of whom nothing is stored
    yet. guest_names: for those who wish for none. passphrases: where they are read, one at a time, for each takes 64
    MB. at_the_door: held while the passphrase of a room is looked at. reading_ignored: held while it is read whom
    somebody ignores. pairs: of rooms of two, whose they are, as far as that is known here (direct.py). marks: how far
    people have read. searching: held while something is looked for, so that others can read. hook_private: hooks may
    deliver to private networks. on_queued: called when something waits to be delivered to hooks.
    """

    store: Memory
    broadcaster: Broadcaster
    process: str
    epoch: str
    version: str
    transports: tuple[str, ...]
    nickname_hold: float
    rates: Rates
    grace: float = 10
    secret: str = ""
    site: str = ""
    page: str = ""
    quotas: Quotas = field(default_factory=Quotas)
    floods: Floods = field(default_factory=Floods)
    limits: Limits = LIMITS
    presence: Presence = field(init=False)
    directory: Directory = field(default_factory=Alone)
    has_unrecorded: bool = False
    is_stopping: bool = False
    keep_days: float | None = None
    keep_messages: int | None = None
    keep_bytes: int | None = None
    guest_days: float = 0
    owner_days: float = 0
    hook_private: bool = False
    counts: Counts = field(default_factory=Counts)
    opening: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    forgetting: dict[str, asyncio.Future[int]] = field(default_factory=dict)
    visits: Counter[str] = field(default_factory=Counter)
    rules: dict[str, RoomRules] = field(default_factory=dict)
    looks: dict[str, asyncio.Future[RoomRules]] = field(default_factory=dict)
    on_rules: Callable[[str], None] = lambda _room: None
    on_queued: Callable[[], None] = lambda: None
    on_person: Callable[[Connection], None] = lambda _connection: None
    on_leaving_person: Callable[[Connection], None] = lambda _connection: None
    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)
    searching: asyncio.Lock = field(default_factory=asyncio.Lock)
    marks: ReadMarks = field(init=False)
    indexing: Indexing = field(init=False)
    on_said: Callable[[Member, dict[str, Any]], None] = lambda _member, _message: None
    on_edited: Callable[[Member, dict[str, Any]], None] = lambda _member, _message: None
    on_linked: Callable[[Member, dict[str, Any]], None] = lambda _member, _message: None
    push: PushKeys | None = None
    newcomers: Newcomers = field(init=False)
    guest_names: GuestNames = field(init=False)
    guesses: Guesses = field(init=False)
    tokens: Tokens = field(init=False)
    passphrases: Queue = field(init=False)
    at_the_door: asyncio.Lock = field(default_factory=asyncio.Lock)
    reading_ignored: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.newcomers = Newcomers(int(self.nickname_hold * 1000))
        self.guest_names = GuestNames(self.store, int(self.nickname_hold * 1000))
        self.marks, self.indexing = ReadMarks(self.store), Indexing(self.store)
        self.guesses = Guesses(not self.rates.is_off)
        self.tokens = Tokens(self.store, self.secret)
        self.presence = Presence(self.broadcaster.broadcast)
        self.passphrases = Queue(self.broadcaster.has_gone)
