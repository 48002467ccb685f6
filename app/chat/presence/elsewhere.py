"""The people of other processes, in the rooms of this one. State alone: who says so is not known here."""

from collections.abc import Iterable

from app.chat.presence import Presence
from app.chat.presence.state import REMOTE
from app.model import Connection, Person, Profile


class Elsewhere:
    """Puts them into `presence`, by one connection for each process and person, which is in the rooms that are known of
    it here, and closes with the last."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._connections: dict[str, Connection] = {}  # by id
        self._there: dict[str, dict[str, set[str]]] = {}  # process -> room -> people

    def __len__(self) -> int:
        """Connections that stand for those at other processes."""
        return len(self._connections)

    def people(self, process: str, room: str) -> set[str]:
        """The ids of those who are in the room there."""
        return self._there.get(process, {}).get(room, set())

    def join(self, process: str, room: str, profile: Profile, away: bool = False) -> None:
        """Somebody is in the room there, or is called otherwise now. away: with all their connections there."""
        id = f"{REMOTE}{process}/{profile.id}"
        connection = self._connections.get(id)
        if connection is None:
            connection = self._connections[id] = Connection(id, Person(profile.id, profile.nickname))
            self._presence.connect(connection, profile.reserved, profile.rev, profile.about)
        else:
            self._presence.update(profile)
        if connection.away != away:
            self._presence.set_away(connection, away)
        self._presence.join(connection, room)
        self._there.setdefault(process, {}).setdefault(room, set()).add(profile.id)

    def leave(self, process: str, room: str, person: str, grace: float = 0) -> None:
        """The room waits for the person for `grace` seconds."""
        people = self.people(process, room)
        if person not in people:
            return
        people.discard(person)
        if not people:
            del self._there[process][room]
        connection = self._connections[f"{REMOTE}{process}/{person}"]
        self._presence.leave(connection, room, grace)
        if not self._presence.online.rooms(connection):
            del self._connections[connection.id]
            self._presence.disconnect(connection)

    def drop(self, process: str, grace: float) -> None:
        """The process is gone."""
        for room, people in tuple(self._there.get(process, {}).items()):
            self._leave_all(process, room, tuple(people), grace)
        self._there.pop(process, None)

    def drop_room(self, room: str) -> None:
        """Nobody here is interested any more."""
        for process, rooms in tuple(self._there.items()):
            self._leave_all(process, room, tuple(rooms.get(room, ())), 0)

    def _leave_all(self, process: str, room: str, people: Iterable[str], grace: float) -> None:
        for person in people:
            self.leave(process, room, person, grace)
