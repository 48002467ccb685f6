"""Presence: who is online, who is in which room, and the events that tell the rooms.

A person is in a room once, with however many sockets, and leaves it with the last one. When a connection breaks, the
room waits for the person for a while (`grace.py`) before they have left.
"""

from functools import partial

from app.chat.presence.grace import Grace
from app.chat.presence.news import NEWS_DELAY_S, RECONNECT_DELAY_S, Broadcast, News, Pace
from app.chat.presence.state import Online, OnlinePerson, Rooms
from app.model import Person

__all__ = ["Pace", "Presence"]


class Presence:
    """`online` and `rooms` answer questions; every change goes through the methods here, which note it as news."""

    def __init__(self, broadcast: Broadcast, pace: Pace | None = None) -> None:
        self.online, self.rooms = Online(), Rooms()
        self._grace = Grace()
        self._news = News(self.rooms, broadcast, pace or Pace())

    def connect(self, person: Person, reserved: bool = False) -> None:
        """A socket of this person opens."""
        self.online.add(person).reserved = reserved
        self.rename(person.id, person.nickname)

    def disconnect(self, id: str, socket: str, grace: float = 0) -> bool:
        """A socket closes; its rooms wait for the person for `grace` seconds. True if it was the person's last one."""
        person = self.online.get(id)
        if person is None or socket not in person.sockets:
            return False
        for room in self.online.rooms(id, socket):
            self._leave(person, socket, room, grace)
        self.online.close(id, socket)
        self._remove_if_gone(person)
        return not person.sockets

    def change_person(self, socket: str, person: Person, reserved: bool) -> bool:
        """A socket belongs to another person from now on, in the rooms it has joined. True if it was the former
        person's last one."""
        former = self.online.person(socket)
        rooms = self.online.rooms(former.id, socket)
        was_last = self.disconnect(former.id, socket)
        self.connect(person, reserved)
        for room in rooms:
            self.join(person.id, socket, room)
        return was_last

    def rename(self, id: str, nickname: str) -> None:
        """Gives a person another nickname in all rooms; one who is not online bears it when they come again."""
        person = self.online.get(id)
        if person is None or person.nickname == nickname:
            return
        before = person.nickname
        rooms = {room for rooms in person.sockets.values() for room in rooms} | set(self._grace.rooms(id))
        for room in rooms:
            self._news.note(room, person)
        person.nickname, person.entry = nickname, {"id": id, "nickname": nickname}
        for room in rooms:
            self.rooms[room].rename(person, before)

    def join(self, id: str, socket: str, room: str) -> None:
        """Raises KeyError where the person is not online with this socket."""
        person = self.online[id]
        if room in person.sockets[socket]:
            return
        if not self.rooms.open(room).sockets.get(id):
            self._news.note(room, person)
        self._grace.cancel(id, room)
        self.rooms.add(room, person)
        person.sockets[socket].add(room)

    def leave(self, id: str, socket: str, room: str) -> None:
        person = self.online.get(id)
        if person and room in person.sockets.get(socket, ()):
            self._leave(person, socket, room, 0)

    def is_member(self, id: str, socket: str, room: str) -> bool:
        person = self.online.get(id)
        return person is not None and room in person.sockets.get(socket, ())

    def stop(self) -> None:
        """The server stops: no timer runs and no event is sent any more."""
        self._news.stop()
        self._grace.stop()

    def _leave(self, person: OnlinePerson, socket: str, room: str, grace: float) -> None:
        person.sockets[socket].discard(room)
        here = self.rooms[room]
        if here.sockets[person.id] > 1:
            here.sockets[person.id] -= 1
            return
        self._news.note(room, person, RECONNECT_DELAY_S if grace else NEWS_DELAY_S)
        here.sockets[person.id] = 0
        if grace:
            self._grace.start(person.id, room, grace, partial(self._expire, person, room))
        else:
            self.rooms.remove(room, person)

    def _expire(self, person: OnlinePerson, room: str) -> None:
        """The person did not come back in time."""
        self._news.note(room, person)
        self.rooms.remove(room, person)
        self._remove_if_gone(person)

    def _remove_if_gone(self, person: OnlinePerson) -> None:
        if not person.sockets and not self._grace.rooms(person.id):
            self.online.remove(person.id)
