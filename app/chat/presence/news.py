"""News: the `people` events that tell a room who came, left or changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.chat.presence.state import Entry, OnlinePerson, PresenceState, RoomPresence, Rooms

NEWS_DELAY_S = 0.4  # over which changes are gathered into one `people` event
RECONNECT_DELAY_S = 1.5  # in which a broken connection may be back without an event

Broadcast = Callable[[str, str, dict[str, Any]], None]  # room, event, payload


@dataclass(slots=True)
class PendingChange:
    """The states of one person that clients may currently show; compared with the real one when the next `people` event
    is built."""

    person: OnlinePerson
    states: set[PresenceState]
    lists: int  # pages of the room that had been shown when the person changed last


@dataclass(slots=True)
class RoomNews:
    """What one room has not been told yet."""

    changes: dict[str, PendingChange] = field(default_factory=dict)  # by person
    timer: asyncio.TimerHandle | None = None


class News:
    def __init__(self, rooms: Rooms, broadcast: Broadcast) -> None:
        self._rooms, self._broadcast = rooms, broadcast
        self._pending: dict[str, RoomNews] = {}  # by room

    def note(self, room: str, person: OnlinePerson, delay: float = NEWS_DELAY_S) -> None:
        """A person's state in the room is about to change: the room is told within `delay` seconds."""
        here, news = self._rooms.open(room), self._pending.setdefault(room, RoomNews())
        change = news.changes.get(person.id)
        if change is None:
            news.changes[person.id] = PendingChange(person, {here.state(person)}, here.lists)
        elif change.lists < here.lists:  # a page has shown the state that ends now
            change.states.add(here.state(person))
            change.lists = here.lists
        news.changes[person.id].person = person
        self._schedule(room, news, delay)

    def stop(self) -> None:
        for news in self._pending.values():
            if news.timer:
                news.timer.cancel()

    def _schedule(self, room: str, news: RoomNews, delay: float) -> None:
        loop = asyncio.get_running_loop()
        if news.timer and news.timer.when() > loop.time() + delay:
            news.timer.cancel()
            news.timer = None
        if news.timer is None:
            news.timer = loop.call_later(delay, self._tell, room)

    def _tell(self, room: str) -> None:
        """Broadcasts one event for all changes that some client does not show; a quick reload is none."""
        here, news = self._rooms[room], self._pending.pop(room)
        told = _compare(here, news.changes.values())
        if any(told.values()):
            if not told["changed"]:
                del told["changed"]
            self._broadcast(room, "people", {"room": room, **told, "count": len(here.sockets)})
        self._rooms.discard(room)


def _compare(here: RoomPresence, changes: Any) -> dict[str, list[Entry]]:
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
