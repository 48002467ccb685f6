"""Who hears which room. An event for a room is encoded once; the same packet goes to every socket subscribed to it."""

from collections.abc import Callable
from typing import Any

from app.engineio import Packet, Reason, Session
from app.engineio.group import Group
from app.socketio import Server
from app.socketio.packet import StrictJSON


class Broadcaster:
    """`events` and `deliveries` count events for rooms, and the same once for each socket."""

    def __init__(self, server: Server) -> None:
        self._engine = server.engine
        self._engine_sid: Callable[[str, str], str | None] = server.manager.eio_sid_from_sid
        self.events = self.deliveries = 0
        self._groups: dict[str, Group] = {}  # by room
        self._subscribed: dict[str, tuple[Session, dict[str, Group]]] = {}  # by socket

    def subscribe(self, socket: str, room: str) -> None:
        """From now on `socket` hears what is broadcast to `room`."""
        session = self._session(socket)
        if session is None:
            return
        _, groups = self._subscribed.setdefault(socket, (session, {}))
        if room not in groups:
            groups[room] = self._groups.get(room) or self._groups.setdefault(room, Group(self._engine.writes))
            groups[room].add(session)

    def unsubscribe(self, socket: str, room: str) -> None:
        session, groups = self._subscribed.get(socket, (None, {}))
        group = groups.pop(room, None)
        if session is None or group is None:
            return
        group.discard(session)
        if not group:
            del self._groups[room]
        if groups:
            next(reversed(groups.values())).adopt(session)
        else:
            del self._subscribed[socket]

    async def follow(self, room: str) -> None:
        """Whoever is subscribed hears everything from then on: nothing is to be waited for."""

    def has_listeners(self, room: str) -> bool:
        return room in self._groups

    def broadcast(self, room: str, event: str, payload: dict[str, Any], rev: int | None = None) -> None:
        """To everybody who is subscribed, in the order of the calls, which is that of the revs. Waits for nobody."""
        if room in self._groups:
            self.send(room, packet_of(event, payload))

    def send(self, room: str, packet: Packet) -> None:
        """The same, of an event that is encoded."""
        if group := self._groups.get(room):
            self.events += 1
            self.deliveries += len(group)
            group.send(packet)

    def send_to(self, socket: str, event: str, payload: dict[str, Any]) -> None:
        """To one socket alone."""
        if session := self._session(socket):
            session.send_packet(packet_of(event, payload))

    def has_gone(self, socket: str) -> bool:
        """True once its connection has ended, though what it asked for before may still be under way."""
        sid = self._engine_sid(socket, "/")
        return sid is not None and sid not in self._engine.sessions

    def disconnect(self, socket: str) -> None:
        """Close its connection, at the Engine.IO level: a `transport close`, after which clients come back."""
        if session := self._session(socket):
            session.end(Reason.SERVER_DISCONNECT)

    def _session(self, socket: str) -> Session | None:
        sid = self._engine_sid(socket, "/")
        return self._engine.sessions.get(sid) if sid else None


def packet_of(event: str, payload: dict[str, Any]) -> Packet:
    """An event as every socket hears it."""
    return Packet(f"42{StrictJSON.dumps([event, payload])}")
