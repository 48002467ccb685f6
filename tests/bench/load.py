"""A crowd that costs little: sockets, epoll, and no more reading than is needed to see loss, doubles and disorder.

One in twenty reads every message to its number; the others count them, which is done in C.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MARK, TEXT = b'42["message"', b'"text":"'
READS_ALL = 20  # one in so many
STAMP = slice(9, 29)  # of the text: the number in 8 digits, a blank, the time of sending in 20
PATIENCE = 30.0  # seconds


def masked(text: str) -> bytes:
    """A frame as clients send it; with a mask of zeros, which is a mask."""
    payload = text.encode()
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2)
    return head + b"\0\0\0\0" + payload


@dataclass(slots=True)
class Member:
    """One WebSocket that sits in a room."""

    line: socket.socket
    reads_all: bool
    rest: bytes = b""
    heard: int = 0
    acked: int = 0
    expected: int | None = None
    faults: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    @classmethod
    def sits(cls, port: int, room: str, reads_all: bool) -> "Member":
        line = socket.create_connection(("127.0.0.1", port), PATIENCE)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        member = cls(line, reads_all)
        line.sendall(HANDSHAKE)
        member.waits_for(b"\r\n\r\n")
        line.sendall(masked("40"))
        member.waits_for(b"40{")
        line.sendall(masked(f'420["join",{{"room":"{room}"}}]'))
        member.waits_for(b"430[")
        line.setblocking(False)
        return member

    def waits_for(self, start: bytes) -> None:
        seen = b""
        while start not in seen:
            data = self.line.recv(65_536)
            if not data:
                raise ConnectionError("the server closed")
            seen = seen[-len(start) :] + data

    def says(self, room: str, number: int, size: int = 60) -> None:
        text = f"{number:08} {time.monotonic_ns():020}".ljust(size, ".")
        send = f'42{number}["send",{{"room":"{room}","text":"{text}","id":"{time.monotonic_ns():x}-{number:08}"}}]'
        self.line.send(masked(send))

    def hears(self) -> None:
        try:
            data = self.line.recv(262_144)
        except BlockingIOError:
            return
        if not data:
            self.faults.append("was cut off")
            return
        if self.reads_all:
            self._read(self.rest + data)
        else:
            seen = self.rest + data
            self.heard += seen.count(MARK)
            self.rest = seen[-(len(MARK) - 1) :]
            if data[-3:] == b"\x81\x012":
                self.line.send(masked("3"))

    def _read(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if end < start + size:
                break
            self._packet(data[start : start + size])
            at = start + size
        self.rest = data[at:]

    def _packet(self, packet: bytes) -> None:
        if packet.startswith(MARK):
            text = packet[packet.index(TEXT) + len(TEXT) :]
            number = int(text[:8])
            if self.expected is not None and number != self.expected:
                self.faults.append(f"heard {number} where {self.expected} was due")
            self.expected = number + 1
            self.heard += 1
            self.delays.append((time.monotonic_ns() - int(text[STAMP])) / 1e6)
        elif packet.startswith(b"43"):
            self.acked += 1
        elif packet == b"2":
            self.line.send(masked("3"))


class Crowd:
    """Members of some rooms of one server. In each room the first one speaks, and reads all."""

    def __init__(self, port: int, rooms: int, members: int) -> None:
        self.rooms = [
            (f"bench-{room}", [Member.sits(port, f"bench-{room}", nth % READS_ALL == 0) for nth in range(members)])
            for room in range(rooms)
        ]
        self.poll = select.epoll()
        self.by_fd = {member.line.fileno(): member for member in self.members}
        for fd in self.by_fd:
            self.poll.register(fd, select.EPOLLIN)
        self.numbers = [0] * rooms
        self.listens(0.6)  # the news of who came

    @property
    def members(self) -> Iterable[Member]:
        return (member for _, members in self.rooms for member in members)

    @property
    def heard(self) -> int:
        return sum(member.heard for member in self.members)

    def listens(self, seconds: float) -> None:
        """Hear what comes, for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for fd, _ in self.poll.poll(left):
                self.by_fd[fd].hears()

    def talks(self, messages: int, per_second: float) -> None:
        """So many messages in every room, at so many a second in all; until everybody has heard them. Raises
        AssertionError where something was lost, doubled or out of order."""
        due = [(turn, room) for turn in range(messages) for room in range(len(self.rooms))]
        wanted = self.heard + sum(len(members) * messages for _, members in self.rooms)
        began, sent = time.monotonic(), deque(due)
        deadline = began + len(due) / per_second + PATIENCE
        while sent or self.heard < wanted:
            now = time.monotonic()
            assert now < deadline, f"{wanted - self.heard} deliveries are lost"
            while sent and now - began >= (len(due) - len(sent)) / per_second:
                _, room = sent.popleft()
                name, members = self.rooms[room]
                members[0].says(name, self.numbers[room])
                self.numbers[room] += 1
            pause = 0.05 if not sent else max(0.0, began + (len(due) - len(sent)) / per_second - time.monotonic())
            for fd, _ in self.poll.poll(pause):
                self.by_fd[fd].hears()
        faults = [fault for member in self.members for fault in member.faults]
        assert not faults and self.heard == wanted, faults[:3] or f"{self.heard - wanted} deliveries too many"

    def delays(self) -> list[float]:
        """Milliseconds from the sending to the hearing, of those who read all; forgotten by asking."""
        found = []
        for member in self.members:
            found += member.delays
            member.delays.clear()
        return sorted(found)

    def leaves(self) -> None:
        self.poll.close()
        for member in self.members:
            member.line.close()
