"""Presence: who is online, who is in which room, and the events that tell the rooms.

A person is in a room once, with however many connections, and leaves it with the last one. When a connection breaks,
the room waits for the person for a while (`grace.py`) before they have left. Connections to other processes count as
those to this one do (`state.py`).
"""

from collections.abc import Callable
from functools import partial

from app.chat.presence.grace import Grace
from app.chat.presence.news import AWAY_DELAY_S, NEWS_DELAY_S, RECONNECT_DELAY_S, Broadcast, News, Pace
from app.chat.presence.state import REMOTE, Online, OnlinePerson, Rooms
from app.model import About, Connection, Person, Profile

__all__ = ["Pace", "Presence"]

OnChange = Callable[[str, OnlinePerson, float | None], None]


class Presence:
    """`online` and `rooms` answer questions; every change goes through the methods here, which note it as news.

    on_change: called with room and person when the first connection to this process joins the room (None) or the last
    one leaves it (the seconds for which the room waits). on_about: called with a person who is shown otherwise now.
    """

    def __init__(self, broadcast: Broadcast, pace: Pace | None = None) -> None:
        self.online, self.rooms = Online(), Rooms()
        self._grace = Grace()
        self._news = News(self.rooms, broadcast, pace or Pace())
        self.on_change: OnChange = lambda _room, _person, _grace: None
        self.on_about: Callable[[OnlinePerson], None] = lambda _person: None

    def connect(self, connection: Connection, reserved: bool = False, rev: int = 0, about: About | None = None) -> None:
        """A connection opens. reserved: its person's nickname is. rev: as of which that is said, and `about`."""
        person = self.online.add(connection)
        self.update(Profile(connection.person.id, connection.person.nickname, reserved, rev, about))
        self._look_whether_away(person)

    def disconnect(self, connection: Connection, grace: float = 0) -> bool:
        """A connection closes; its rooms wait for the person for `grace` seconds. True if it was the person's last
        one to this process."""
        person = self.online.get(connection.person.id)
        if person is None or connection.id not in person.connections:
            return False
        for room in self.online.rooms(connection):
            self._leave(person, connection, room, grace)
        self.online.close(connection)
        self._look_whether_away(person)
        _remove_if_gone(self.online, self._grace, person)
        return not person.is_here

    def change_person(self, connection: Connection, profile: Profile) -> bool:
        """A connection belongs to another person from now on, in the rooms it has joined. True if it was the former
        person's last one to this process."""
        rooms = self.online.rooms(connection)
        was_last = self.disconnect(connection)
        connection.person = Person(profile.id, profile.nickname)
        self.connect(connection, profile.reserved, profile.rev, profile.about)
        for room in rooms:
            self.join(connection, room)
        return was_last

    def update(self, profile: Profile) -> bool:
        """How a person is called from now on, in all rooms. False where that is known, or something newer is, or the
        person is not online: they are called so when they come again."""
        person = self.online.get(profile.id)
        if person is None or profile.rev < person.rev:
            return False
        about = profile.about or person.about
        is_new = (person.nickname, person.reserved, person.about) != (profile.nickname, profile.reserved, about)
        person.rev = profile.rev
        if is_new:
            self._show(person, profile.nickname, profile.reserved, about, person.away)
        return is_new

    def set_away(self, connection: Connection, away: bool) -> None:
        """Nobody has touched the connection's page for a while, or somebody does so again."""
        connection.away = away
        if person := self.online.get(connection.person.id):
            self._look_whether_away(person)

    def _look_whether_away(self, person: OnlinePerson) -> None:
        """They are with the last of their connections, and here again with any."""
        connections = [self.online.connection(id) for id in person.connections]
        here = [one.away for one in connections if not one.id.startswith(REMOTE)]
        away = bool(connections) and all(one.away for one in connections)
        was_here, person.away_here = person.away_here, bool(here) and all(here)
        if away != person.away:
            delay = AWAY_DELAY_S if away else NEWS_DELAY_S
            self._show(person, person.nickname, person.reserved, person.about, away, delay)
        elif person.away_here != was_here:
            self.on_about(person)

    def _show(
        self,
        person: OnlinePerson,
        nickname: str,
        reserved: bool,
        about: About,
        away: bool,
        delay: float = NEWS_DELAY_S,
    ) -> None:
        """In all lists the person is shown like this from now on."""
        id = person.id
        before = person.nickname
        rooms = person.rooms | set(self._grace.rooms(id))
        for room in rooms:
            self._news.note(room, person, delay)
        person.nickname, person.reserved, person.about, person.away = nickname, reserved, about, away
        person.renew_entry()
        for room in rooms:
            self.rooms[room].rename(person, before)
        self.on_about(person)

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
        person.connections[connection.id] = (*joined, room)
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
        joined = person.connections[connection.id]
        at = joined.index(room)  # of some hundred at most
        person.connections[connection.id] = joined[:at] + joined[at + 1 :]
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
        _remove_if_gone(self.online, self._grace, person)


def _remove_if_gone(online: Online, grace: Grace, person: OnlinePerson) -> None:
    if not person.connections and not grace.rooms(person.id):
        online.remove(person.id)
