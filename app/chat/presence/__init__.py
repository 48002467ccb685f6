"""Presence: who is online, who is in which room, and the events that tell the rooms.

A person is in a room once, with however many connections, and leaves it with the last one. When a connection breaks,
the room waits for the person for a while (`grace.py`) before they have left.
"""

from functools import partial

from app.chat.presence.grace import Grace
from app.chat.presence.news import NEWS_DELAY_S, RECONNECT_DELAY_S, Broadcast, News, Pace
from app.chat.presence.state import Online, OnlinePerson, Rooms
from app.model import Connection, Person

__all__ = ["Pace", "Presence"]


class Presence:
    """`online` and `rooms` answer questions; every change goes through the methods here, which note it as news."""

    def __init__(self, broadcast: Broadcast, pace: Pace | None = None) -> None:
        self.online, self.rooms = Online(), Rooms()
        self._grace = Grace()
        self._news = News(self.rooms, broadcast, pace or Pace())

    def connect(self, connection: Connection, reserved: bool = False) -> None:
        """A connection opens. reserved: its person's nickname is."""
        self.online.add(connection).reserved = reserved
        self.rename(connection.person.id, connection.person.nickname)

    def disconnect(self, connection: Connection, grace: float = 0) -> bool:
        """A connection closes; its rooms wait for the person for `grace` seconds. True if it was the person's last
        one."""
        person = self.online.get(connection.person.id)
        if person is None or connection.id not in person.connections:
            return False
        for room in self.online.rooms(connection):
            self._leave(person, connection, room, grace)
        self.online.close(connection)
        self._remove_if_gone(person)
        return not person.connections

    def change_person(self, connection: Connection, person: Person, reserved: bool) -> bool:
        """A connection belongs to another person from now on, in the rooms it has joined. True if it was the former
        person's last one."""
        rooms = self.online.rooms(connection)
        was_last = self.disconnect(connection)
        connection.person = person
        self.connect(connection, reserved)
        for room in rooms:
            self.join(connection, room)
        return was_last

    def rename(self, id: str, nickname: str) -> None:
        """Gives a person another nickname in all rooms; one who is not online bears it when they come again."""
        person = self.online.get(id)
        if person is None or person.nickname == nickname:
            return
        before = person.nickname
        rooms = {room for rooms in person.connections.values() for room in rooms} | set(self._grace.rooms(id))
        for room in rooms:
            self._news.note(room, person)
        person.nickname, person.entry = nickname, {"id": id, "nickname": nickname}
        for room in rooms:
            self.rooms[room].rename(person, before)

    def join(self, connection: Connection, room: str) -> None:
        """Raises KeyError where the connection has closed."""
        person = self.online[connection.person.id]
        joined = person.connections[connection.id]
        if room in joined:
            return
        if not self.rooms.open(room).connections.get(person.id):
            self._news.note(room, person)
        self._grace.cancel(person.id, room)
        self.rooms.add(room, person)
        joined.add(room)

    def leave(self, connection: Connection, room: str) -> None:
        person = self.online.get(connection.person.id)
        if person and room in person.connections.get(connection.id, ()):
            self._leave(person, connection, room, 0)

    def has_joined(self, connection: Connection, room: str) -> bool:
        person = self.online.get(connection.person.id)
        return person is not None and room in person.connections.get(connection.id, ())

    def stop(self) -> None:
        """The server stops: no timer runs and no event is sent any more."""
        self._news.stop()
        self._grace.stop()

    def _leave(self, person: OnlinePerson, connection: Connection, room: str, grace: float) -> None:
        person.connections[connection.id].discard(room)
        here = self.rooms[room]
        if here.connections[person.id] > 1:
            here.connections[person.id] -= 1
            return
        self._news.note(room, person, RECONNECT_DELAY_S if grace else NEWS_DELAY_S)
        here.connections[person.id] = 0
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
        if not person.connections and not self._grace.rooms(person.id):
            self.online.remove(person.id)
