"""The voice: what is told to a room is encoded once, and the same packet is left for every socket seated there.

Besides engine/ the only file that knows the library's insides: a Socket.IO event in an Engine.IO MESSAGE.
"""

from typing import Any

from engineio import packet as engine_packet

from app.live.engine import Server, Session
from app.live.engine.audience import Audience
from app.live.engine.packets import Ready, StrictJSON


class Fanout:
    def __init__(self, server: Server) -> None:
        self._engine = server.eio
        self._engine_sid = server.manager.eio_sid_from_sid
        self.told = self.deliveries = 0  # events to rooms; the same, once for each socket
        self._audiences: dict[str, Audience] = {}  # by room
        self._seats: dict[tuple[str, str], Session] = {}  # room, socket -> its session

    def seat(self, socket: str, room: str) -> None:
        """From now on `socket` hears what is told to `room`."""
        if (reader := self._reader(socket)) and (room, socket) not in self._seats:
            self._seats[room, socket] = reader
            if room not in self._audiences:
                self._audiences[room] = Audience(self._engine.flush)
            self._audiences[room].add(reader)

    def unseat(self, socket: str, room: str) -> None:
        if reader := self._seats.pop((room, socket), None):
            audience = self._audiences[room]
            audience.remove(reader)
            if not audience:
                del self._audiences[room]

    def tell(self, room: str, event: str, payload: dict[str, Any]) -> None:
        """One encoding, one packet, every seat, in the order of telling; waits for nobody."""
        if audience := self._audiences.get(room):
            self.told += 1
            self.deliveries += len(audience)
            audience.tell(_packet(event, payload))

    def whisper(self, socket: str, event: str, payload: dict[str, Any]) -> None:
        """To one socket alone."""
        if reader := self._reader(socket):
            reader.post(_packet(event, payload))

    def _reader(self, socket: str) -> Session | None:
        reader: Session | None = self._engine.sockets.get(self._engine_sid(socket, "/"))
        return reader


def _packet(event: str, payload: dict[str, Any]) -> Ready:
    return Ready(engine_packet.MESSAGE, f"2{StrictJSON.dumps([event, payload])}")
