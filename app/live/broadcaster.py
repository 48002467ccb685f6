"""Who hears which room. An event for a room is encoded once; the same packet goes to every socket subscribed to it.

Sockets of Socket.IO are sent to in groups (`Group`). Whatever else hears rooms, as a plain WebSocket or a stream of
server-sent events, is a plain listener: registered under an id, and handed each event once.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol, TypeVar

import orjson

from app.engineio import Packet, Reason, Session
from app.engineio.group import Group
from app.socketio import Server
from app.socketio.packet import StrictJSON

_HEAD = '42["'  # of every packet that `packet_of` makes
PLAIN = "plain-"  # begins the id of a plain listener


T = TypeVar("T")


class Event:
    """An event as plain listeners hear it. What they make of it is made once for all of them."""

    def __init__(self, packet: Packet) -> None:
        self._made: dict[Callable[[Event], Any], Any] = {}
        assert isinstance(packet.data, str)
        self.name, _, rest = packet.data[len(_HEAD) :].partition('",')
        self.json = rest[:-1]  # the payload

    @cached_property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = orjson.loads(self.json)
        return payload

    def made(self, make: "Callable[[Event], T]") -> T:
        """What `make` makes of it."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made


class PlainListener(Protocol):
    """Called at once, in the order of the events, and never waits."""

    def hear(self, event: Event) -> None: ...

    def end(self) -> None:
        """Close the connection; its client is to come again."""


class Broadcaster:
    """`events` and `deliveries` count events for rooms, and the same once for each socket."""

    def __init__(self, server: Server) -> None:
        self._engine = server.engine
        self._engine_sid: Callable[[str, str], str | None] = server.manager.eio_sid_from_sid
        self.events = self.deliveries = 0
        self._groups: dict[str, Group] = {}  # by room
        self._subscribed: dict[str, tuple[Session, tuple[Group, ...]]] = {}  # by socket; nearly all have one group
        self._called: dict[str, dict[str, str]] = {}  # by room: the names by which it is told, each to a group
        self._plain = PlainListeners()

    # --- plain listeners ---

    def register(self, id: str, listener: PlainListener) -> None:
        """From now on `id`, which begins with PLAIN, can be subscribed like a socket."""
        self._plain.add(id, listener)

    def unregister(self, id: str) -> None:
        """It has ended, and is to be subscribed to nothing."""
        self._plain.remove(id)

    # --- as the chat knows it ---

    def subscribe(self, socket: str, room: str, shown: str = "") -> None:
        """From now on `socket` hears what is broadcast to `room`; under the name `shown`, if that is another one, as in
        a room of two people."""
        if shown and shown != room:
            room = self._called.setdefault(room, {}).setdefault(shown, f"{room} {shown}")
        session = self._session(socket)
        if session is None:
            self._plain.subscribe(socket, room)
            return
        _, groups = self._subscribed.get(socket, (session, ()))
        group = self._groups.get(room) or self._groups.setdefault(room, Group(self._engine.writes))
        if group not in groups:
            self._subscribed[socket] = session, (*groups, group)
            group.add(session)

    def unsubscribe(self, socket: str, room: str) -> None:
        if called := self._called.get(room):
            for shown, one in tuple(called.items()):
                self.unsubscribe(socket, one)
                if not self.has_listeners(one):
                    del called[shown]
            if not called:
                del self._called[room]
            return
        session, groups = self._subscribed.get(socket, (None, ()))
        group = self._groups.get(room)
        if session is None or group is None or group not in groups:
            self._plain.unsubscribe(socket, room)
            return
        group.discard(session)
        if not group:
            del self._groups[room]
        if others := tuple(one for one in groups if one is not group):
            self._subscribed[socket] = session, others
            others[-1].adopt(session)
        else:
            del self._subscribed[socket]

    async def follow(self, room: str) -> None:
        """Whoever is subscribed hears everything from then on: nothing is to be waited for."""

    def has_listeners(self, room: str) -> bool:
        return room in self._groups or room in self._plain.by_room or room in self._called

    def broadcast(self, room: str, event: str, payload: dict[str, Any], rev: int | None = None) -> None:
        """To everybody who is subscribed, in the order of the calls, which is that of the revs. Waits for nobody."""
        if self.has_listeners(room):
            self.send(room, packet_of(event, payload))

    def send(self, room: str, packet: Packet) -> None:
        """The same, of an event that is encoded."""
        group, plain = self._groups.get(room), self._plain.by_room.get(room)
        if group is None and plain is None:
            for shown, one in tuple(self._called.get(room, {}).items()):
                self.send(one, _renamed(packet, room, shown))
            return
        self.events += 1
        if group:
            self.deliveries += len(group)
            group.send(packet)
        if plain:
            self.deliveries += len(plain)
            self._plain.send(room, Event(packet))

    def send_to(self, socket: str, event: str, payload: dict[str, Any]) -> None:
        """To one socket alone."""
        if session := self._session(socket):
            session.send_packet(packet_of(event, payload))
        elif listener := self._plain.get(socket):
            listener.hear(Event(packet_of(event, payload)))

    def has_gone(self, socket: str) -> bool:
        """True once its connection has ended, though what it asked for before may still be under way."""
        if socket.startswith(PLAIN):
            return self._plain.get(socket) is None
        sid = self._engine_sid(socket, "/")
        return sid is not None and sid not in self._engine.sessions

    def disconnect(self, socket: str) -> None:
        """Close its connection, at the Engine.IO level: a `transport close`, after which clients come back."""
        if session := self._session(socket):
            session.end(Reason.SERVER_DISCONNECT)
        elif listener := self._plain.get(socket):
            listener.end()

    def _session(self, socket: str) -> Session | None:
        sid = self._engine_sid(socket, "/")
        return self._engine.sessions.get(sid) if sid else None


class PlainListeners:
    """Those that are no sessions, by id and by room."""

    def __init__(self) -> None:
        self.by_room: dict[str, dict[str, PlainListener]] = {}
        self._by_id: dict[str, PlainListener] = {}

    def get(self, id: str) -> PlainListener | None:
        return self._by_id.get(id)

    def add(self, id: str, listener: PlainListener) -> None:
        self._by_id[id] = listener

    def remove(self, id: str) -> None:
        self._by_id.pop(id, None)

    def subscribe(self, id: str, room: str) -> None:
        if listener := self._by_id.get(id):
            self.by_room.setdefault(room, {})[id] = listener

    def unsubscribe(self, id: str, room: str) -> None:
        here = self.by_room.get(room)
        if here and here.pop(id, None) and not here:
            del self.by_room[room]

    def send(self, room: str, event: Event) -> None:
        for listener in tuple(self.by_room.get(room, {}).values()):  # one may end by what it hears
            listener.hear(event)


def packet_of(event: str, payload: dict[str, Any]) -> Packet:
    """An event as every socket hears it."""
    return Packet(f"42{StrictJSON.dumps([event, payload])}")


def _renamed(packet: Packet, room: str, shown: str) -> Packet:
    """The same event of a room that is called otherwise. The name is the first of all that looks like it: with it
    payloads begin."""
    assert isinstance(packet.data, str)
    return Packet(packet.data.replace(f'"{room}"', f'"{shown}"', 1))
