"""News: the `people` events that tell a room who came, left or changed.

An event goes to everybody in the room, so its cost is bounded by time: changes are gathered, and in a large room events
come rarely and hold the count and the changes of the first page of people alone.
"""

import asyncio
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from app.chat.presence.state import Entry, Key, OnlinePerson, PageEnds, Place, PresenceState, RoomPresence, Rooms
from app.model import LIMITS

NEWS_DELAY_S = 0.4  # over which changes are gathered into one `people` event
AWAY_DELAY_S = 3.0  # the same of whether somebody is away
RECONNECT_DELAY_S = 1.5  # in which a broken connection may be back without an event
LARGE_ROOM = 200  # people; a room with more of them is large
LARGE_INTERVAL_S = 2.0  # between two events in a large room, at least
LARGE_INTERVAL_S_PER_PERSON = 0.0005  # the same, for each: 2 % of a core where a delivery costs 10 us

Broadcast = Callable[[str, str, dict[str, Any]], None]  # room, event, payload


@dataclass(slots=True)
class PendingChange:
    """The states of one person that clients may currently show; compared with the real one when the next `people` event
    is built."""

    person: OnlinePerson
    states: set[PresenceState]
    lists: int  # pages of the room that had been shown when the person changed last

    def keys(self, now: PresenceState) -> list[Key]:
        """The places of the person in the order of names, in these states and in the real one."""
        return [(state[0].casefold(), self.person.id) for state in (*self.states, now) if state]


@dataclass(slots=True)
class RoomNews:
    """What one room has not been told yet, and when it was told last, on the loop's clock."""

    changes: dict[str, PendingChange] = field(default_factory=dict)  # by person
    timer: asyncio.TimerHandle | None = None
    told_at: float = -math.inf


@dataclass(frozen=True, slots=True)
class Pace:
    """When a room counts as large, what is told there, and how often."""

    large_room: int = LARGE_ROOM
    first_page: int = LIMITS.first_people
    max_entries: int = 2 * LIMITS.first_people  # in each list of an event in a large room
    interval_s: float = LARGE_INTERVAL_S
    interval_s_per_person: float = LARGE_INTERVAL_S_PER_PERSON

    def is_large(self, here: RoomPresence, changes: int = 0) -> bool:
        """changes: people of whom there is news; their leaving may have made the room a small one."""
        return max(len(here.connections), changes // 2) > self.large_room

    def interval(self, here: RoomPresence) -> float:
        """Seconds from one event to the next, at least."""
        return max(self.interval_s, len(here.connections) * self.interval_s_per_person) if self.is_large(here) else 0.0


class News:
    def __init__(self, rooms: Rooms, broadcast: Broadcast, pace: Pace) -> None:
        self._rooms, self._broadcast, self._pace = rooms, broadcast, pace
        self._pending: dict[str, RoomNews] = {}  # by room

    def note(self, room: str, person: OnlinePerson, delay: float = NEWS_DELAY_S) -> None:
        """A person's state in the room is about to change: the room is told after `delay` seconds, or at its pace."""
        here, news = self._rooms.open(room), self._pending.setdefault(room, RoomNews())
        change = news.changes.get(person.id)
        if change is None:
            change = news.changes[person.id] = PendingChange(person, {here.state(person)}, here.lists)
        elif change.lists < here.lists:  # a page has shown the state that ends now
            change.states.add(here.state(person))
            change.lists = here.lists
        change.person = person
        self._schedule(room, here, news, delay)

    def stop(self) -> None:
        for news in self._pending.values():
            if news.timer:
                news.timer.cancel()

    def _schedule(self, room: str, here: RoomPresence, news: RoomNews, delay: float) -> None:
        loop = asyncio.get_running_loop()
        due = max(loop.time() + delay, news.told_at + self._pace.interval(here))
        if news.timer and news.timer.when() > due:
            news.timer.cancel()
            news.timer = None
        if news.timer is None:
            news.timer = loop.call_at(due, self._tell, room)

    def _tell(self, room: str) -> None:
        """Broadcasts what changed, unless the room has grown large meanwhile and was told a moment ago."""
        here, news = self._rooms[room], self._pending[room]
        news.timer = None
        now = asyncio.get_running_loop().time()
        if news.told_at + self._pace.interval(here) > now:
            self._schedule(room, here, news, 0)
            return
        changes, news.changes = news.changes, {}
        tell = self._first_page if self._pace.is_large(here, len(changes)) else _everybody
        event = tell(here, changes.values())
        if event:
            news.told_at = now
            self._broadcast(room, "people", {"room": room, **event, "count": len(here.connections)})
        if not here.connections:
            del self._pending[room]
            self._rooms.discard(room)

    def _first_page(self, here: RoomPresence, changes: Iterable[PendingChange]) -> dict[str, Any]:
        """`{joined, left, changed?, beyond?, partial}`: what brings the first page that clients show up to date.
        changed: also those who moved up onto the page; beyond: ids of those who moved down from it and are still in
        the room."""
        most = self._pace.first_page
        end = here.end_of_page(most)
        shown = here.ends or PageEnds(end, end)
        last = max(end, shown.last)
        near = [change for change in changes if any(key <= last for key in change.keys(here.state(change.person)))]
        told = _compare(here, near)
        known = {one["id"] for entries in told.values() for one in entries}
        moved_up = here.order[bisect_right(here.order, shown.first, key=_key) : most]
        told["changed"] += [here.entry(id, entry) for _, id, entry in moved_up if id not in known]
        beyond = [id for _, id, _ in here.order[most : bisect_right(here.order, shown.last, key=_key)]]
        for name in ("joined", "changed"):
            beyond += [one["id"] for one in told[name] if _key_of(one) > end]
            told[name] = [one for one in told[name] if _key_of(one) <= end]
        here.ends = PageEnds(end, end)
        # Cut, for people who come and go at the top of the list by hundreds must not make events heavy.
        event: dict[str, Any] = _without_empty(told | {"left": told["left"][: self._pace.max_entries]})
        return event | ({"beyond": beyond[-self._pace.max_entries :]} if beyond else {}) | {"partial": True}


def _everybody(here: RoomPresence, changes: Iterable[PendingChange]) -> dict[str, Any]:
    """`{joined, left, changed?}`; empty where every client shows what is true, as after a quick reload."""
    told = _compare(here, changes)
    return _without_empty(told) if any(told.values()) else {}


def _without_empty(told: dict[str, list[Entry]]) -> dict[str, Any]:
    return {name: entries for name, entries in told.items() if entries or name != "changed"}


def _compare(here: RoomPresence, changes: Iterable[PendingChange]) -> dict[str, list[Entry]]:
    """`{joined, left, changed}`: the real states of those of whom a client may show another one."""
    told: dict[str, list[Entry]] = {"joined": [], "left": [], "changed": []}
    for change in changes:
        person, now = change.person, here.state(change.person)
        others = [state for state in change.states if state != now]
        if not others:
            continue
        if now is None:
            known = next(state for state in others if state)
            told["left"].append({"id": person.id, "nickname": known[0]})
        elif all(state and state[0] == now[0] for state in others):
            told["changed"].append(here.entry(person.id, person.entry))
        else:
            told["joined"].append(here.entry(person.id, person.entry))
    return told


def _key(place: Place) -> Key:
    return place[:2]


def _key_of(entry: Entry) -> Key:
    return entry["nickname"].casefold(), entry["id"]
