"""Who is online, and who is in which room. State alone: no timers, no events.

A change costs the same in a small and in a large room: names and rooms are kept sorted.

People of other processes are here by connections that stand for theirs: one for each person and process, whose id is
`@{process}/{person}`. So a person is there once, and leaves with the last connection of all processes.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app.model import NOTHING, About, Connection

LAST_ID = "\U0010ffff"  # sorts behind every name and every person's id

REMOTE = "@"  # begins the id of a connection that stands for those at another process

Entry = dict[str, Any]  # `{id, nickname, reserved?, status?, away?}`; shared by every list and event, so never changed
# Nickname, reconnecting or not, role, reserved or not, status, away or not; None: not in the room.
PresenceState = tuple[str, bool, str | None, bool, str, bool] | None
Place = tuple[str, str, Entry]  # in the order of names: folded nickname, person, entry
Key = tuple[str, str]  # of a place: folded nickname, person


@dataclass(slots=True)
class OnlinePerson:
    """A person with a connection, or one who is awaited in a room."""

    id: str
    nickname: str
    entry: Entry
    reserved: bool = False
    rev: int = 0  # of nickname and reservation
    remote: int = 0  # how many of the connections stand for those at other processes
    connections: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by id: the rooms joined
    about: About = NOTHING
    away: bool = False  # with all of the connections
    away_here: bool = False  # with those to this process

    @property
    def rooms(self) -> set[str]:
        """Those joined by any connection."""
        return {room for rooms in self.connections.values() for room in rooms}

    def renew_entry(self) -> None:
        """As all lists show the person from now on."""
        more = {"reserved": self.reserved, "status": self.about.status, "away": self.away}
        self.entry = {"id": self.id, "nickname": self.nickname} | {name: value for name, value in more.items() if value}

    @property
    def place(self) -> Place:
        folded = self.nickname.casefold()
        return self.nickname if folded == self.nickname else folded, self.id, self.entry  # one string less for most

    @property
    def is_here(self) -> bool:
        """Connected to this process."""
        return len(self.connections) > self.remote

    def is_here_in(self, room: str) -> bool:
        """In the room, through a connection to this process."""
        return any(room in rooms for id, rooms in self.connections.items() if not id.startswith(REMOTE))


@dataclass(slots=True)
class PageEnds:
    """Where the first pages end that clients may currently show: the first and the last of these places."""

    first: Key
    last: Key

    def note(self, end: Key) -> None:
        self.first, self.last = min(self.first, end), max(self.last, end)


class Online:
    """Everybody who is online, and through which connections. `here` is this process: people of other ones are known
    only as far as they are in a room in which somebody here is as well."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}  # by id
        self._by_id: dict[str, OnlinePerson] = {}

    def __len__(self) -> int:
        """People who are here."""
        return sum(1 for person in self._by_id.values() if person.is_here)

    def ids(self) -> list[str]:
        """Of everybody who is here."""
        return [id for id, person in self._by_id.items() if person.is_here]

    def __getitem__(self, id: str) -> OnlinePerson:
        return self._by_id[id]

    def get(self, id: str) -> OnlinePerson | None:
        return self._by_id.get(id)

    def connection(self, id: str) -> Connection:
        """The open connection of this id. Raises KeyError."""
        return self._connections[id]

    def connections(self, id: str) -> list[Connection]:
        """Those of a person that are open here."""
        person = self.get(id)
        return [self._connections[one] for one in person.connections if not one.startswith(REMOTE)] if person else []

    def with_token(self, token: str) -> list[Connection]:
        """Those that are open here and came with the token of this fingerprint."""
        return [one for one in self._connections.values() if one.token == token]

    def is_here(self, id: str) -> bool:
        person = self.get(id)
        return person is not None and person.is_here

    def nickname(self, id: str) -> str | None:
        person = self.get(id)
        return person.nickname if person else None

    def is_reserved(self, id: str) -> bool:
        person = self.get(id)
        return person is not None and person.reserved

    def rooms(self, connection: Connection) -> tuple[str, ...]:
        """Those that this connection has joined."""
        person = self.get(connection.person.id)
        return person.connections.get(connection.id, ()) if person else ()

    def add(self, connection: Connection) -> OnlinePerson:
        """A connection opens."""
        person = connection.person
        self._connections[connection.id] = connection
        online = self.get(person.id)
        if online is None:
            entry = {"id": person.id, "nickname": person.nickname}
            online = self._by_id[person.id] = OnlinePerson(person.id, person.nickname, entry)
        if connection.id not in online.connections:
            online.connections[connection.id] = ()
            online.remote += connection.id.startswith(REMOTE)
        return online

    def close(self, connection: Connection) -> None:
        """A connection closes. The person stays until they are removed."""
        self._connections.pop(connection.id, None)
        person = self.get(connection.person.id)
        if person and person.connections.pop(connection.id, None) is not None:
            person.remote -= connection.id.startswith(REMOTE)

    def remove(self, id: str) -> None:
        self._by_id.pop(id, None)

    def here_by_room(self) -> dict[str, dict[str, OnlinePerson]]:
        """The people who are in rooms through connections to this process, by id."""
        found: dict[str, dict[str, OnlinePerson]] = {}
        for person in self._by_id.values():
            for id, rooms in person.connections.items():
                for room in () if id.startswith(REMOTE) else rooms:
                    found.setdefault(room, {})[person.id] = person
        return found

    def start_over(self) -> None:
        """Another history has begun, in which changes are numbered anew."""
        for person in self._by_id.values():
            person.rev = 0


@dataclass(slots=True)
class RoomPresence:
    """The people of one room: how many connections each has there, and their names in order."""

    connections: dict[str, int] = field(default_factory=dict)  # by person; 0: awaited
    order: list[Place] = field(default_factory=list)
    lists: int = 0  # pages shown so far; each shows people as they are at that moment
    ends: PageEnds | None = None  # None: no first page was shown
    roles: dict[str, str] = field(default_factory=dict)  # by person

    def state(self, person: OnlinePerson) -> PresenceState:
        if person.id not in self.connections:
            return None
        is_reconnecting, role = not self.connections[person.id], self.roles.get(person.id)
        return person.nickname, is_reconnecting, role, person.reserved, person.about.status, person.away

    def entry(self, person: str, entry: Entry) -> Entry:
        if role := self.roles.get(person):
            entry = entry | {"role": role}
        return entry if self.connections[person] else entry | {"reconnecting": True}

    def page(self, after: str | None, limit: int) -> tuple[list[Entry], bool]:
        """Entries in the order of names, from the name after `after` on; and whether there are more."""
        self.lists += 1
        if after is None:
            self._note_end(self.end_of_page(limit))
        start = 0 if after is None else bisect_right(self.order, (after.casefold(), LAST_ID))
        here, roles = self.connections, self.roles
        page = [
            entry if here[person] and person not in roles else self.entry(person, entry)  # nearly all: as they are
            for _, person, entry in self.order[start : start + limit]
        ]
        return page, start + limit < len(self.order)

    def end_of_page(self, limit: int) -> Key:
        """The place of the last one on a first page of this length."""
        return self.order[limit - 1][:2] if len(self.order) >= limit else (LAST_ID, LAST_ID)

    def _note_end(self, end: Key) -> None:
        if self.ends:
            self.ends.note(end)
        else:
            self.ends = PageEnds(end, end)

    def rename(self, person: OnlinePerson, before: str) -> None:
        self._remove_name(before, person.id)
        insort(self.order, person.place)

    def add(self, person: OnlinePerson) -> bool:
        """One more connection of this person. True if the person was not there."""
        is_new = person.id not in self.connections
        if is_new:
            insort(self.order, person.place)
        self.connections[person.id] = self.connections.get(person.id, 0) + 1
        return is_new

    def remove(self, person: OnlinePerson) -> None:
        del self.connections[person.id]
        self._remove_name(person.nickname, person.id)

    def _remove_name(self, nickname: str, id: str) -> None:
        del self.order[bisect_left(self.order, (nickname.casefold(), id))]


class Rooms:
    """The people of every room. An empty room stays until it is discarded.

    elsewhere: how many are in rooms at other processes, as those say. known: the rooms in which it is known who they
    are, so that they are counted with those who are here, each once.
    """

    def __init__(self) -> None:
        self.elsewhere: Counter[str] = Counter()
        self.known: set[str] = set()
        self._rooms: dict[str, RoomPresence] = {}
        self._busiest: list[tuple[int, str]] = []  # minus the people, room

    def __len__(self) -> int:
        """Rooms with people in them."""
        return len(self._busiest)

    def __getitem__(self, room: str) -> RoomPresence:
        return self._rooms[room]

    def __contains__(self, room: str) -> bool:
        return room in self._rooms

    def open(self, room: str) -> RoomPresence:
        """The room, which is made if there is none."""
        return self._rooms.get(room) or self._rooms.setdefault(room, RoomPresence())

    def count(self, room: str) -> int:
        here = self._rooms.get(room)
        count = len(here.connections) if here else 0
        return count if room in self.known else count + self.elsewhere[room]

    def busiest(self, limit: int) -> list[str]:
        """The rooms with the most people."""
        here = [room for _, room in self._busiest[:limit]]
        if not self.elsewhere:
            return here
        return sorted({*here, *self.elsewhere}, key=lambda room: (-self.count(room), room))[:limit]

    def page(self, room: str, after: str | None, limit: int) -> tuple[list[Entry], bool]:
        """See RoomPresence.page; empty where nobody is in the room."""
        here = self._rooms.get(room)
        return here.page(after, limit) if here else ([], False)

    def names(self, room: str, limit: int) -> list[str]:
        """The first nicknames, in order. Unlike a page it is not kept up to date for whoever reads it."""
        here = self._rooms.get(room)
        return [entry["nickname"] for _, _, entry in here.order[:limit]] if here else []

    def add(self, room: str, person: OnlinePerson) -> None:
        here = self.open(room)
        if here.add(person):
            self._move(room, len(here.connections) - 1, len(here.connections))

    def remove(self, room: str, person: OnlinePerson) -> None:
        here = self._rooms[room]
        here.remove(person)
        self._move(room, len(here.connections) + 1, len(here.connections))

    def discard(self, room: str) -> None:
        """Forgets the room if nobody is in it."""
        here = self._rooms.get(room)
        if here and not here.connections:
            del self._rooms[room]

    def _move(self, room: str, before: int, now: int) -> None:
        """Gives the room its place among the busiest."""
        if before:
            del self._busiest[bisect_left(self._busiest, (-before, room))]
        if now:
            insort(self._busiest, (-now, room))
