"""One packet to many sessions, with a fast path for those that are idle.

Most members of a group hear nothing else in a tick. Their sockets are on the group's fast path: the tick ends with one
loop over them, and nothing is looked up for any. All others are sent to one by one: those that poll, that read slowly,
that were just sent something else. A session returns to the fast path when everything sent to it has left.
"""

from socket import SocketType

from app.engineio.packet import Packet
from app.engineio.session import Session
from app.engineio.writer import SocketWriter, TickWriter


class Group:
    """Sessions that hear the same. A session is on one group's fast path at most."""

    def __init__(self, writes: TickWriter) -> None:
        self._writes = writes
        self._fast: dict[SocketType, Session] = {}
        self._others: dict[Session, None] = {}
        self._frames: list[bytes] = []  # of this tick, for the fast path
        self._on_drain = self.promote  # one for all members

    def __len__(self) -> int:
        return len(self._fast) + len(self._others)

    def add(self, session: Session) -> None:
        self._others[session] = None
        self.adopt(session)

    def adopt(self, session: Session) -> None:
        """Take this member to the fast path whenever it is idle."""
        session.on_drain = self._on_drain
        self.promote(session)

    def discard(self, session: Session) -> None:
        """It hears no more of this group, except what was sent already."""
        writer = session.transport.writer
        if writer and writer.fast_path is self:
            self.demote(writer)
        self._others.pop(session, None)
        if session.on_drain is self._on_drain:
            session.on_drain = None

    def send(self, packet: Packet) -> None:
        """To every member, in this tick."""
        if self._fast:
            if not self._frames:
                self._writes.schedule(self)
            self._frames.append(packet.frame)
        for session in tuple(self._others):
            session.send_packet(packet)

    def promote(self, session: Session) -> None:
        """To the fast path, if nothing is on its way to this one."""
        writer = session.direct_writer
        if writer is None or writer.socket is None or writer.fast_path is not None:
            return
        if writer.is_drained and not self._frames and session in self._others:
            del self._others[session]
            self._fast[writer.socket] = session
            writer.fast_path, writer.on_drain = self, None  # of many idle ones, each would hold a bound method

    def demote(self, writer: SocketWriter) -> None:
        assert writer.socket
        session = self._fast.pop(writer.socket)
        self._others[session] = None
        writer.fast_path, writer.on_drain = None, session.drained
        if self._frames:
            writer.send_all(self._frames)

    def flush(self) -> None:
        """Write to the fast path. A socket whose kernel does not take all of it leaves."""
        frames, self._frames = self._frames, []
        is_single = len(frames) == 1
        data = frames[0] if is_single else b"".join(frames)
        size = len(data)
        short: list[tuple[SocketType, int | None]] = []  # and how much its kernel took; None: it is broken
        sockets = iter(self._fast)
        while True:
            try:
                for socket in sockets:
                    if (written := socket.send(data)) != size:
                        short.append((socket, written))
                break
            except (BlockingIOError, InterruptedError):
                short.append((socket, 0))
            except OSError:
                short.append((socket, None))
        for socket, took in short:
            writer = self._fast[socket].transport.writer
            assert writer
            self.demote(writer)
            if took is None:
                writer.abort()
            else:
                writer.keep(memoryview(data)[took:], is_single)

    def abort(self) -> None:
        """Nobody knows who was sent what: all of them come again, and catch up."""
        for session in list(self._fast.values()):
            session.abort()
