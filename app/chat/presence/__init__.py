"""Presence: who is online, who is in which room, and the events that tell the rooms.

A person is in a room once, with however many connections, and leaves it with the last one. When a connection breaks,
the room waits for the person for a while (`grace.py`) before they have left. Connections to other processes count as
those to this one do (`state.py`).
"""

from collections.abc import Callable
from functools import partial

from app.chat.presence.grace import Grace
from app.chat.presence.news import NEWS_DELAY_S, RECONNECT_DELAY_S, Broadcast, News, Pace
from app.chat.presence.state import Online, OnlinePerson, Rooms
from app.model import Connection, Person, Profile

__all__ = ["Pace", "Presence"]

OnChange = Callable[[str, OnlinePerson, float | None], None]


class Presence:
    """`online` and `rooms` answer questions; every change goes through the methods here, which note it as news.

    on_change: called with room and person when the first connection to this process joins the room (None) or the last
    one leaves it (the seconds for which the room waits).
    """

    def __init__(self, broadcast: Broadcast, pace: Pace | None = None) -> None:
        self.online, self.rooms = Online(), Rooms()
        self._grace = Grace()
        self._news = News(self.rooms, broadcast, pace or Pace())
        self.on_change: OnChange = lambda _room, _person, _grace: None

    def connect(self, connection: Connection, reserved: bool = False, rev: int = 0) -> None:
        """A connection opens. reserved: its person's nickname is. rev: as of which that is said."""
        self.online.add(connection)
        self.update(Profile(connection.person.id, connection.person.nickname, reserved, rev))

    def disconnect(self, connection: Connection, grace: float = 0) -> bool:
        """A connection closes; its rooms wait for the person for `grace` seconds. True if it was the person's last
        one to this process."""
        person = self.online.get(connection.person.id)
        if person is None or connection.id not in person.connections:
            return False
        for room in self.online.rooms(connection):
            self._leave(person, connection, room, grace)
        self.online.close(connection)
        self._remove_if_gone(person)
        return not person.is_here

    def change_person(self, connection: Connection, profile: Profile) -> bool:
        """A connection belongs to another person from now on, in the rooms it has joined. True if it was the former
        person's last one to this process."""
        rooms = self.online.rooms(connection)
        was_last = self.disconnect(connection)
        connection.person = Person(profile.id, profile.nickname)
        self.connect(connection, profile.reserved, profile.rev)
        for room in rooms:
            self.join(connection, room)
        return was_last

    def update(self, profile: Profile) -> bool:
        """How a person is called from now on, in all rooms. False where that is known, or something newer is, or the
        person is not online: they are called so when they come again."""
        person = self.online.get(profile.id)
        if person is None or profile.rev < person.rev:
            return False
        is_new = (person.nickname, person.reserved) != (profile.nickname, profile.reserved)
        person.rev, person.reserved = profile.rev, profile.reserved
        self._rename(person, profile.nickname)
        return is_new

    def _rename(self, person: OnlinePerson, nickname: str) -> None:
        id = person.id
        if person.nickname == nickname:
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
        is_first = not person.is_here_in(room)
        joined.add(room)
        if is_first and person.is_here_in(room):
            self.on_change(room, person, None)

    def leave(self, connection: Connection, room: str, grace: float = 0) -> None:
        """The room waits for the person for `grace` seconds."""
        person = self.online.get(connection.person.id)
        if person and room in person.connections.get(connection.id, ()):
            self._leave(person, connection, room, grace)

    def has_joined(self, connection: Connection, room: str) -> bool:
        person = self.online.get(connection.person.id)
        return person is not None and room in person.connections.get(connection.id, ())

    def has_in(self, room: str, person: str) -> bool:
        """The person is in the room, or the room waits for them."""
        return room in self.rooms and person in self.rooms[room].connections

    def set_roles(self, room: str, roles: dict[str, str]) -> None:
        """Who owns and moderates the room, from now on."""
        if room not in self.rooms:
            return
        here = self.rooms[room]
        for person in roles.keys() | here.roles.keys() if roles != here.roles else ():
            if person in here.connections and roles.get(person) != here.roles.get(person):
                self._news.note(room, self.online[person])
        here.roles = roles

    def stop(self) -> None:
        """The server stops: no timer runs and no event is sent any more."""
        self._news.stop()
        self._grace.stop()

    def _leave(self, person: OnlinePerson, connection: Connection, room: str, grace: float) -> None:
        was_here = person.is_here_in(room)
        person.connections[connection.id].discard(room)
        if was_here and not person.is_here_in(room):
            self.on_change(room, person, grace)
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
