"""Who is here: people, not sockets. Somebody in two tabs is there once, and leaves with the last of them."""

import asyncio
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.model import Person

if TYPE_CHECKING:
    from app.chat import Voice

GATHER = 0.4  # seconds over which arrivals and departures are gathered into one `people` event


@dataclass(slots=True)
class Guest:
    """One person, and where their sockets sit."""

    id: str
    nickname: str
    sockets: dict[str, set[str]] = field(default_factory=dict)  # socket -> rooms


@dataclass(slots=True)
class Crowd:
    """The people of one room: how many sockets each has there, and their names in order."""

    sockets: dict[str, int] = field(default_factory=dict)  # person -> sockets
    order: list[tuple[str, str, str]] = field(default_factory=list)  # (folded nickname, person, nickname)
    told: dict[str, set[str | None]] = field(default_factory=dict)  # person -> what somebody was told, None: not there
    timer: asyncio.TimerHandle | None = None


class Presence:
    def __init__(self, voice: "Voice") -> None:
        self._voice = voice
        self._guests: dict[str, Guest] = {}
        self._crowds: dict[str, Crowd] = {}

    # --- sockets ---

    def enter(self, person: Person) -> None:
        """A socket of this person opens."""
        guest = self._guests.setdefault(person.id, Guest(person.id, person.nickname))
        guest.sockets[person.socket] = set()
        self.rename(person.id, person.nickname)

    def exit(self, person: str, socket: str) -> bool:
        """A socket closes. True if it was the person's last one."""
        guest = self._guests.get(person)
        if guest is None:
            return False
        for room in list(guest.sockets.get(socket, ())):
            self.stand(person, socket, room)
        guest.sockets.pop(socket, None)
        if guest.sockets:
            return False
        del self._guests[person]
        return True

    def nickname(self, person: str) -> str | None:
        guest = self._guests.get(person)
        return guest.nickname if guest else None

    def rename(self, person: str, nickname: str) -> None:
        """Bear another name, in every room at once."""
        guest = self._guests[person]
        before, guest.nickname = guest.nickname, nickname
        if before == nickname:
            return
        for room in {room for rooms in guest.sockets.values() for room in rooms}:
            crowd = self._crowds[room]
            self._mark(room, person, before)
            _drop(crowd.order, before, person)
            insort(crowd.order, _entry(nickname, person))

    # --- rooms ---

    def sit(self, person: str, socket: str, room: str) -> None:
        guest = self._guests[person]
        if room in guest.sockets[socket]:
            return
        guest.sockets[socket].add(room)
        crowd = self._crowds.setdefault(room, Crowd())
        self._voice.seat(socket, room)
        if person not in crowd.sockets:
            self._mark(room, person, None)
            insort(crowd.order, _entry(guest.nickname, person))
        crowd.sockets[person] = crowd.sockets.get(person, 0) + 1

    def stand(self, person: str, socket: str, room: str) -> None:
        guest = self._guests[person]
        if room not in guest.sockets.get(socket, ()):
            return
        guest.sockets[socket].discard(room)
        self._voice.unseat(socket, room)
        crowd = self._crowds[room]
        crowd.sockets[person] -= 1
        if not crowd.sockets[person]:
            del crowd.sockets[person]
            self._mark(room, person, guest.nickname)
            _drop(crowd.order, guest.nickname, person)

    def sits(self, person: str, socket: str, room: str) -> bool:
        guest = self._guests.get(person)
        return guest is not None and room in guest.sockets.get(socket, ())

    def count(self, room: str) -> int:
        crowd = self._crowds.get(room)
        return len(crowd.sockets) if crowd else 0

    def counts(self) -> dict[str, int]:
        """Room -> people, where there are any."""
        return {room: len(crowd.sockets) for room, crowd in self._crowds.items() if crowd.sockets}

    def people(self, room: str, after: str | None, limit: int) -> tuple[list[dict[str, str]], bool]:
        """A page of `{id, nickname}` in the order of names, from the name after `after`; and whether there is more."""
        crowd = self._crowds.get(room)
        order = crowd.order if crowd else []
        start = 0 if after is None else bisect_right(order, (after.casefold(), "\U0010ffff", ""))
        if crowd:
            self._show(crowd)
        page = [{"id": person, "nickname": nickname} for _, person, nickname in order[start : start + limit]]
        return page, start + limit < len(order)

    # --- telling ---

    def _mark(self, room: str, person: str, told: str | None) -> None:
        """Somebody's being here changes; `told` is what the room knew of them until now."""
        crowd = self._crowds[room]
        crowd.told.setdefault(person, {told})
        if crowd.timer is None:
            crowd.timer = asyncio.get_running_loop().call_later(GATHER, self._tell, room)

    def _show(self, crowd: Crowd) -> None:
        """A list goes out in between: who is on it, or is missing, may have to be told otherwise after all."""
        for person, told in crowd.told.items():
            told.add(self._guests[person].nickname if person in crowd.sockets else None)

    def _tell(self, room: str) -> None:
        """One event for all that is not as somebody was told; a reload within the time is no news."""
        crowd = self._crowds[room]
        told, crowd.told, crowd.timer = crowd.told, {}, None
        joined, left = [], []
        for person, names in told.items():
            now = self._guests[person].nickname if person in crowd.sockets else None
            others = [name for name in names if name != now]
            if others and now is not None:
                joined.append({"id": person, "nickname": now})
            elif others:
                left.append({"id": person, "nickname": others[0]})
        if joined or left:
            delta: dict[str, Any] = {"room": room, "joined": joined, "left": left, "count": len(crowd.sockets)}
            self._voice.tell(room, "people", delta)
        if not crowd.sockets:
            del self._crowds[room]

    def stop(self) -> None:
        """Nobody is told any more: the server goes."""
        for crowd in self._crowds.values():
            if crowd.timer:
                crowd.timer.cancel()


def _entry(nickname: str, person: str) -> tuple[str, str, str]:
    return nickname.casefold(), person, nickname


def _drop(order: list[tuple[str, str, str]], nickname: str, person: str) -> None:
    del order[bisect_left(order, _entry(nickname, person))]
