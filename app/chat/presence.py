"""Who is here: people, not sockets. Somebody in two tabs is there once, and leaves with the last of them; whose
connection broke is awaited for a while before they are said to have left.

What coming and going costs does not grow with the room, the rooms or how many come at once: names and rooms are kept in
their order, and who may believe what is written down when it changes, not when it is shown.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.model import Person

if TYPE_CHECKING:
    from app.chat import Broadcaster

GATHER = 0.4  # seconds over which arrivals and departures are gathered into one `people` event
BLIP = 1.5  # seconds in which a broken connection may be back without anybody being told
LAST = "\U0010ffff"  # behind every person's id

Look = tuple[str, bool] | None  # how a room sees somebody: nickname, reconnecting or not; None: not there
Entry = dict[str, Any]  # `{id, nickname, reconnecting?}`; shared by all who are told, so never changed
Place = tuple[Any, ...]  # in the order of names: folded nickname, person, entry


@dataclass(slots=True)
class Guest:
    """One person, where their sockets sit, and in which rooms they are awaited."""

    id: str
    nickname: str
    entry: Entry
    reserved: bool = False
    sockets: dict[str, set[str]] = field(default_factory=dict)  # socket -> rooms
    awaited: dict[str, asyncio.TimerHandle] = field(default_factory=dict)  # room -> until when


@dataclass(slots=True)
class Belief:
    """What somebody may take for true of one person who came, went or changed since the last event."""

    looks: set[Look]
    lists: int  # that the room had shown when the person changed last


@dataclass(slots=True)
class Crowd:
    """The people of one room: how many sockets each has there, and their names in order."""

    sockets: dict[str, int] = field(default_factory=dict)  # person -> sockets; 0: awaited
    order: list[Place] = field(default_factory=list)
    beliefs: dict[str, Belief] = field(default_factory=dict)  # of those who may be news
    lists: int = 0  # shown so far; each shows everybody as they look at that moment
    timer: asyncio.TimerHandle | None = None


class Presence:
    def __init__(self, broadcaster: "Broadcaster") -> None:
        self._broadcaster = broadcaster
        self._people: dict[str, Person] = {}  # by socket
        self._guests: dict[str, Guest] = {}
        self._crowds: dict[str, Crowd] = {}
        self._busiest: list[tuple[int, str]] = []  # minus the people, room

    # --- sockets ---

    def enter(self, person: Person, reserved: bool = False) -> None:
        """A socket of this person opens."""
        self._people[person.socket] = person
        guest = self._guests.get(person.id)
        if guest is None:
            entry = {"id": person.id, "nickname": person.nickname}
            guest = self._guests[person.id] = Guest(person.id, person.nickname, entry)
        guest.sockets[person.socket] = set()
        guest.reserved = reserved
        self.rename(person.id, person.nickname)

    def exit(self, person: str, socket: str, awaited: float = 0) -> bool:
        """A socket closes; its rooms await the person for so many seconds. True if it was the person's last one."""
        self._people.pop(socket, None)
        guest = self._guests.get(person)
        if guest is None or socket not in guest.sockets:
            return False
        for room in list(guest.sockets[socket]):
            self._rise(guest, socket, room, awaited)
        del guest.sockets[socket]
        self._forget(guest)
        return not guest.sockets

    def become(self, socket: str, person: Person, reserved: bool) -> bool:
        """A socket is somebody else's from now on, in the rooms it sits in. True if it was the former one's last."""
        former = self._people[socket]
        rooms = tuple(self._guests[former.id].sockets[socket])
        last = self.exit(former.id, socket)
        self.enter(person, reserved)
        for room in rooms:
            self.sit(person.id, socket, room)
        return last

    def _forget(self, guest: Guest) -> None:
        if not guest.sockets and not guest.awaited:
            self._guests.pop(guest.id, None)

    # --- persons ---

    def person(self, socket: str) -> Person:
        """Whose socket it is. Raises KeyError."""
        return self._people[socket]

    def tabs(self, person: str) -> list[Person]:
        """The person, once for each socket."""
        guest = self._guests.get(person)
        return [self._people[socket] for socket in guest.sockets] if guest else []

    def is_here(self, person: str) -> bool:
        return bool(self.tabs(person))

    @property
    def heads(self) -> int:
        """People with an open socket."""
        return sum(1 for guest in self._guests.values() if guest.sockets)

    def nickname(self, person: str) -> str | None:
        guest = self._guests.get(person)
        return guest.nickname if guest else None

    def reserved(self, person: str) -> bool:
        guest = self._guests.get(person)
        return guest is not None and guest.reserved

    def reserve(self, person: str, reserved: bool) -> None:
        if guest := self._guests.get(person):
            guest.reserved = reserved

    def rename(self, person: str, nickname: str) -> None:
        """Bear another name, in every room at once; who has gone meanwhile bears it when they come again."""
        guest = self._guests.get(person)
        if guest is None or guest.nickname == nickname:
            return
        before = guest.nickname
        rooms = {room for rooms in guest.sockets.values() for room in rooms} | set(guest.awaited)
        for room in rooms:
            self._mark(room, person)
        guest.nickname, guest.entry = nickname, {"id": person, "nickname": nickname}
        for room in rooms:
            _drop(self._crowds[room].order, before, person)
            insort(self._crowds[room].order, _place(guest))

    # --- rooms ---

    def sit(self, person: str, socket: str, room: str) -> None:
        guest = self._guests[person]
        if room in guest.sockets[socket]:
            return
        crowd = self._crowds.setdefault(room, Crowd())
        self._broadcaster.subscribe(socket, room)
        if not crowd.sockets.get(person):
            self._mark(room, person)
        if person not in crowd.sockets:
            insort(crowd.order, _place(guest))
            self._grow(room, len(crowd.sockets), 1)
        if waiting := guest.awaited.pop(room, None):
            waiting.cancel()
        guest.sockets[socket].add(room)
        crowd.sockets[person] = crowd.sockets.get(person, 0) + 1

    def stand(self, person: str, socket: str, room: str) -> None:
        guest = self._guests.get(person)
        if guest and room in guest.sockets.get(socket, ()):
            self._rise(guest, socket, room, 0)

    def _rise(self, guest: Guest, socket: str, room: str, awaited: float) -> None:
        guest.sockets[socket].discard(room)
        self._broadcaster.unsubscribe(socket, room)
        crowd = self._crowds[room]
        if crowd.sockets[guest.id] > 1:
            crowd.sockets[guest.id] -= 1
            return
        self._mark(room, guest.id, BLIP if awaited else GATHER)
        crowd.sockets[guest.id] = 0
        if awaited:
            loop = asyncio.get_running_loop()
            guest.awaited[room] = loop.call_later(awaited, self._give_up, guest, room)
        else:
            self._go(guest, room)

    def _give_up(self, guest: Guest, room: str) -> None:
        """They did not come back."""
        self._mark(room, guest.id)
        del guest.awaited[room]
        self._go(guest, room)
        self._forget(guest)

    def _go(self, guest: Guest, room: str) -> None:
        crowd = self._crowds[room]
        self._grow(room, len(crowd.sockets), -1)
        del crowd.sockets[guest.id]
        _drop(crowd.order, guest.nickname, guest.id)

    def _grow(self, room: str, people: int, by: int) -> None:
        """Give the room its new place among the busiest."""
        if people:
            del self._busiest[bisect_left(self._busiest, (-people, room))]
        if people + by:
            insort(self._busiest, (-people - by, room))

    def sits(self, person: str, socket: str, room: str) -> bool:
        guest = self._guests.get(person)
        return guest is not None and room in guest.sockets.get(socket, ())

    def count(self, room: str) -> int:
        crowd = self._crowds.get(room)
        return len(crowd.sockets) if crowd else 0

    @property
    def rooms(self) -> int:
        """Rooms with people in them."""
        return len(self._busiest)

    def busiest(self, most: int) -> list[str]:
        """The rooms with the most people, where there are any."""
        return [room for _, room in self._busiest[:most]]

    def people(self, room: str, after: str | None, limit: int) -> tuple[list[Entry], bool]:
        """A page of `{id, nickname, reconnecting?}` in the order of names, from the name after `after`; and whether
        there is more."""
        crowd = self._crowds.get(room)
        if crowd is None:
            return [], False
        crowd.lists += 1  # whoever sees this list may have to be told otherwise after all
        start = 0 if after is None else bisect_right(crowd.order, (after.casefold(), LAST))
        page = crowd.order[start : start + limit]
        here = [_seen(crowd, person, entry) for _, person, entry in page]
        return here, start + limit < len(crowd.order)

    # --- telling ---

    def _look(self, crowd: Crowd, person: str) -> Look:
        if person not in crowd.sockets:
            return None
        return self._guests[person].nickname, not crowd.sockets[person]

    def _mark(self, room: str, person: str, within: float = GATHER) -> None:
        """Somebody's being here is about to change; the room is told within so many seconds."""
        crowd, loop = self._crowds[room], asyncio.get_running_loop()
        belief = crowd.beliefs.get(person)
        if belief is None:
            crowd.beliefs[person] = Belief({self._look(crowd, person)}, crowd.lists)
        elif belief.lists < crowd.lists:  # a list has shown them as they look now
            belief.looks.add(self._look(crowd, person))
            belief.lists = crowd.lists
        if crowd.timer and crowd.timer.when() > loop.time() + within:
            crowd.timer.cancel()
            crowd.timer = None
        if crowd.timer is None:
            crowd.timer = loop.call_later(within, self._tell, room)

    def _tell(self, room: str) -> None:
        """One event for all that is not as somebody was told; a reload within the time is no news."""
        crowd = self._crowds[room]
        beliefs, crowd.beliefs, crowd.timer = crowd.beliefs, {}, None
        news: dict[str, list[Entry]] = {"joined": [], "left": [], "changed": []}
        for person, belief in beliefs.items():
            now = self._look(crowd, person)
            others = [look for look in belief.looks if look != now]
            if not others:
                continue
            if now is None:
                known = next(look for look in others if look)
                news["left"].append({"id": person, "nickname": known[0]})
            elif all(look and look[0] == now[0] for look in others):
                news["changed"].append(_seen(crowd, person, self._guests[person].entry))
            else:
                news["joined"].append(_seen(crowd, person, self._guests[person].entry))
        if any(news.values()):
            if not news["changed"]:
                del news["changed"]
            self._broadcaster.broadcast(room, "people", {"room": room, **news, "count": len(crowd.sockets)})
        if not crowd.sockets:
            del self._crowds[room]

    def stop(self) -> None:
        """Nobody is told any more: the server goes."""
        for crowd in self._crowds.values():
            if crowd.timer:
                crowd.timer.cancel()
        for guest in self._guests.values():
            for waiting in guest.awaited.values():
                waiting.cancel()


def everybody(presence: Presence) -> list[str]:
    """The people with an open socket."""
    return [person for person, guest in presence._guests.items() if guest.sockets]


def _seen(crowd: Crowd, person: str, entry: Entry) -> Entry:
    return entry if crowd.sockets[person] else entry | {"reconnecting": True}


def _place(guest: Guest) -> Place:
    return guest.nickname.casefold(), guest.id, guest.entry


def _drop(order: list[Place], nickname: str, person: str) -> None:
    del order[bisect_left(order, (nickname.casefold(), person))]
