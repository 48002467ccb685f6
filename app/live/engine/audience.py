"""What leaves in one tick: one write for each socket, and for those who hear one room alone the same bytes at once.

A room's members are in one of two places. In the lane is who hears nothing but this room in this tick: their sockets
are written to one after the other, and nothing is looked up for any of them. Everybody else is told one by one: who
polls, who reads slowly, who has just been told something else. Whose socket is at rest again goes back to the lane of
the room that they joined last.
"""

import asyncio
import logging
from socket import SocketType
from typing import TYPE_CHECKING, Protocol

from app.live.engine.packets import Ready, framed

if TYPE_CHECKING:
    from app.live.engine.session import Session
    from app.live.engine.wire import Wire

log = logging.getLogger("parlor.live")


class Flushable(Protocol):
    def flush(self) -> None: ...

    def abort(self) -> None: ...


class Flush:
    """All that has something to write in this tick."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._dirty: list[Flushable] = []

    def later(self, one: Flushable) -> None:
        """At the end of the tick. Called once a tick for each."""
        if not self._dirty:
            self._loop.call_soon(self._write)
        self._dirty.append(one)

    def _write(self) -> None:
        dirty, self._dirty = self._dirty, []
        for one in dirty:
            try:
                one.flush()
            except Exception:  # one must not silence the others of its tick
                log.exception("what was said could not be written")
                one.abort()


class Audience:
    """Those who hear one room."""

    def __init__(self, flush: Flush) -> None:
        self._flush = flush
        self._lane: dict[SocketType, Session] = {}
        self._others: dict[Session, None] = {}
        self._frames: list[bytes] = []  # of this tick, for the lane

    def __len__(self) -> int:
        return len(self._lane) + len(self._others)

    def add(self, session: "Session") -> None:
        """From now on this one hears what is told here."""
        session.audiences = (*session.audiences, self)
        self._others[session] = None
        self.admit(session)

    def remove(self, session: "Session") -> None:
        """This one hears no more of it, but of what was told already."""
        self.part(session)
        self._others.pop(session, None)
        session.audiences = tuple(one for one in session.audiences if one is not self)

    def tell(self, packet: Ready) -> None:
        """One packet for all, in this tick; the frame is made once."""
        if self._lane:
            if not self._frames:
                self._flush.later(self)
            self._frames.append(framed(packet))
        for session in tuple(self._others):
            session.post(packet)

    def admit(self, session: "Session") -> None:
        """To the lane, if nothing is on its way to this one. Nobody is in two."""
        wire = session.direct
        if wire and wire.is_at_rest and wire.socket and not wire.lane and not self._frames:
            del self._others[session]
            self._lane[wire.socket] = session
            wire.lane = self

    def part(self, session: "Session") -> None:
        """Out of the lane: something else comes behind what was told in this tick."""
        wire = session.wire
        if wire and wire.lane is self:
            self.leave(wire)

    def leave(self, wire: "Wire") -> None:
        """The same, of somebody who is in it."""
        assert wire.socket
        wire.lane = None
        self._others[self._lane.pop(wire.socket)] = None
        if self._frames:
            wire.follow(self._frames)

    def flush(self) -> None:
        """Write to the lane. Whoever's kernel does not take it all leaves it."""
        frames, self._frames = self._frames, []
        alone = len(frames) == 1
        data = frames[0] if alone else b"".join(frames)
        whole = len(data)
        short: list[tuple[SocketType, int | None]] = []  # and what its kernel took; None: it is broken
        sockets = iter(self._lane)
        while True:
            try:
                for socket in sockets:
                    if (written := socket.send(data)) != whole:
                        short.append((socket, written))
                break
            except (BlockingIOError, InterruptedError):
                short.append((socket, 0))
            except OSError:
                short.append((socket, None))
        for socket, took in short:
            wire = self._lane[socket].wire
            assert wire
            self.leave(wire)
            if took is None:
                wire.abort()
            else:
                wire.keep(memoryview(data)[took:], alone)

    def abort(self) -> None:
        """Nobody knows who was told what: all come again, and catch up."""
        for session in list(self._lane.values()):
            session.abort()
