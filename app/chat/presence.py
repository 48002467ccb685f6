"""Who is here: people, not sockets. Somebody in two tabs is there once, and leaves with the last of them; whose
connection broke is awaited for a while before they are said to have left.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.model import Person

if TYPE_CHECKING:
    from app.chat import Voice

GATHER = 0.4  # seconds over which arrivals and departures are gathered into one `people` event
BLIP = 1.5  # seconds in which a broken connection may be back without anybody being told

Look = tuple[str, bool] | None  # how a room sees somebody: nickname, reconnecting or not; None: not there


@dataclass(slots=True)
class Guest:
    """One person, where their sockets sit, and in which rooms they are awaited."""

    id: str
    nickname: str
    reserved: bool = False
    sockets: dict[str, set[str]] = field(default_factory=dict)  # socket -> rooms
    awaited: dict[str, asyncio.TimerHandle] = field(default_factory=dict)  # room -> until when


@dataclass(slots=True)
class Crowd:
    """The people of one room: how many sockets each has there, and their names in order."""

    sockets: dict[str, int] = field(default_factory=dict)  # person -> sockets; 0: awaited
    order: list[tuple[str, str, str]] = field(default_factory=list)  # (folded nickname, person, nickname)
    told: dict[str, set[Look]] = field(default_factory=dict)  # person -> what somebody was told of them
    timer: asyncio.TimerHandle | None = None


class Presence:
    def __init__(self, voice: "Voice") -> None:
        self._voice = voice
        self._people: dict[str, Person] = {}  # by socket
        self._guests: dict[str, Guest] = {}
        self._crowds: dict[str, Crowd] = {}

    # --- sockets ---

    def enter(self, person: Person, reserved: bool = False) -> None:
        """A socket of this person opens."""
        self._people[person.socket] = person
        guest = self._guests.setdefault(person.id, Guest(person.id, person.nickname))
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
        guest.nickname = nickname
        for room in rooms:
            _drop(self._crowds[room].order, before, person)
            insort(self._crowds[room].order, _entry(nickname, person))

    # --- rooms ---

    def sit(self, person: str, socket: str, room: str) -> None:
        guest = self._guests[person]
        if room in guest.sockets[socket]:
            return
        crowd = self._crowds.setdefault(room, Crowd())
        self._voice.seat(socket, room)
        if not crowd.sockets.get(person):
            self._mark(room, person)
        if person not in crowd.sockets:
            insort(crowd.order, _entry(guest.nickname, person))
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
        self._voice.unseat(socket, room)
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
        del crowd.sockets[guest.id]
        _drop(crowd.order, guest.nickname, guest.id)

    def sits(self, person: str, socket: str, room: str) -> bool:
        guest = self._guests.get(person)
        return guest is not None and room in guest.sockets.get(socket, ())

    def count(self, room: str) -> int:
        crowd = self._crowds.get(room)
        return len(crowd.sockets) if crowd else 0

    def counts(self) -> dict[str, int]:
        """Room -> people, where there are any."""
        return {room: len(crowd.sockets) for room, crowd in self._crowds.items() if crowd.sockets}

    def people(self, room: str, after: str | None, limit: int) -> tuple[list[dict[str, Any]], bool]:
        """A page of `{id, nickname, reconnecting?}` in the order of names, from the name after `after`; and whether
        there is more."""
        crowd = self._crowds.get(room)
        if crowd is None:
            return [], False
        for person, told in crowd.told.items():  # whoever sees this list may have to be told otherwise after all
            told.add(self._look(crowd, person))
        start = 0 if after is None else bisect_right(crowd.order, (after.casefold(), "\U0010ffff", ""))
        page = [_seen(person, self._look(crowd, person)) for _, person, _ in crowd.order[start : start + limit]]
        return page, start + limit < len(crowd.order)

    # --- telling ---

    def _look(self, crowd: Crowd, person: str) -> Look:
        if person not in crowd.sockets:
            return None
        return self._guests[person].nickname, not crowd.sockets[person]

    def _mark(self, room: str, person: str, within: float = GATHER) -> None:
        """Somebody's being here is about to change; the room is told within so many seconds."""
        crowd, loop = self._crowds[room], asyncio.get_running_loop()
        crowd.told.setdefault(person, {self._look(crowd, person)})
        if crowd.timer and crowd.timer.when() > loop.time() + within:
            crowd.timer.cancel()
            crowd.timer = None
        if crowd.timer is None:
            crowd.timer = loop.call_later(within, self._tell, room)

    def _tell(self, room: str) -> None:
        """One event for all that is not as somebody was told; a reload within the time is no news."""
        crowd = self._crowds[room]
        told, crowd.told, crowd.timer = crowd.told, {}, None
        news: dict[str, list[dict[str, Any]]] = {"joined": [], "left": [], "changed": []}
        for person, looks in told.items():
            now = self._look(crowd, person)
            others = [look for look in looks if look != now]
            if not others:
                continue
            if now is None:
                known = next(look for look in others if look)
                news["left"].append({"id": person, "nickname": known[0]})
            elif all(look and look[0] == now[0] for look in others):
                news["changed"].append(_seen(person, now))
            else:
                news["joined"].append(_seen(person, now))
        if any(news.values()):
            if not news["changed"]:
                del news["changed"]
            self._voice.tell(room, "people", {"room": room, **news, "count": len(crowd.sockets)})
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


def _seen(person: str, look: Look) -> dict[str, Any]:
    nickname, reconnecting = look or ("", False)
    entry: dict[str, Any] = {"id": person, "nickname": nickname}
    return entry | {"reconnecting": True} if reconnecting else entry


def _entry(nickname: str, person: str) -> tuple[str, str, str]:
    return nickname.casefold(), person, nickname


def _drop(order: list[tuple[str, str, str]], nickname: str, person: str) -> None:
    del order[bisect_left(order, _entry(nickname, person))]
