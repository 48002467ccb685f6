"""Somebody who costs little: a socket, and no more reading than is needed to see loss, doubles and disorder.

Who speaks, and one in so many besides, reads every message: each speaker's numbers must rise by one, and all readers of
a room must have heard the same in the same order. The others count their messages, which is done in C.
"""

import contextlib
import itertools
import socket
import time
import zlib
from dataclasses import dataclass, field

HANDSHAKE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
MARK, TEXT, GOOD = b'42["message"', b'"text":"', b'"ok":true'
STAMPED = 35  # of the text: the speaker in 5 digits, the number in 8, when it was due in 20, blanks between
TEXT_SIZE = 60  # characters
PING, LAST = b"\x81\x012", ord("]")
PATIENCE = 30.0  # seconds

_clients, _requests = itertools.count(1), itertools.count(1)
_came = bytearray(1 << 20)  # what a recv brought, for all members
_view = memoryview(_came)


class Fault(Exception):
    """Something was lost, doubled or out of order."""


class Behind(Exception):
    """The server did not keep up: something is still to come, or somebody was cut off."""


def masked(text: str) -> bytes:
    """A frame as clients send it; with a mask of zeros, which is a mask."""
    payload = text.encode()
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2)
    return head + b"\0\0\0\0" + payload


def routed(client: int) -> str:
    """What the router of a PaaS adds to each request: whose it is, by an address (of RFC 2544's), and an id that no
    other request has."""
    address = f"198.{18 + (client >> 16 & 1)}.{client >> 8 & 255}.{client & 255}"
    return f"X-Forwarded-For: {address}\r\nX-Request-Id: 9f3c5b1e-7a40-4c2d-8e6f-{next(_requests):012x}\r\n"


def stamped(speaker: int, number: int, due: float) -> str:
    """A text that tells whose, which and when (monotonic seconds)."""
    return f"{speaker:05} {number:08} {int(due * 1e9):020}".ljust(TEXT_SIZE, ".")


@dataclass(slots=True)
class Ear:
    """What somebody who reads all has heard: the numbers, the order, the delays in ms."""

    due: dict[int, int] = field(default_factory=dict)  # speaker -> the next number
    order: int = 0  # a checksum of whose and which, in their order
    delays: list[float] = field(default_factory=list)

    def hear(self, message: bytes) -> None:
        at = message.index(TEXT) + len(TEXT)
        speaker, number, stamp = (int(part) for part in message[at : at + STAMPED].split())
        if number != (due := self.due.get(speaker, 1)):
            raise Fault(f"heard {number} of {speaker} where {due} was due")
        self.due[speaker] = number + 1
        self.order = zlib.crc32(message[at : at + 14], self.order)
        self.delays.append((time.monotonic_ns() - stamp) / 1e6)


class Member:
    """One WebSocket. It sits down in `room` by itself, unless that is empty."""

    __slots__ = ("_shaken", "acks", "asked", "client", "ear", "line", "number", "out", "rest", "room", "seated", "who")

    def __init__(self, port: int, room: str, who: int, reads: bool) -> None:
        self.room, self.who, self.ear = room, who, Ear() if reads else None
        self.client = next(_clients)
        self.number = 0  # of what it said last
        self.asked: dict[int, float] = {}  # number -> when it was due, of what has no ack yet
        self.acks: list[float] = []  # ms from due to acked
        self.seated = self._shaken = False
        self.rest = self.out = b""
        self.line = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.setblocking(False)
        self.greets()

    def greets(self) -> None:
        self._send(f"{HANDSHAKE}{routed(self.client)}\r\n".encode())

    def joins(self, room: str) -> None:
        self.room, self.seated = room, False
        self.tells(f'420["join",{{"room":"{room}"}}]')

    def says(self, due: float) -> bool:
        """The next message, which was due at `due`. False if the server would not take it all yet."""
        self.number += 1
        text = stamped(self.who, self.number, due)
        self.asked[self.number] = due
        said = f'{{"room":"{self.room}","text":"{text}","id":"{id(self):x}-{self.who:05}-{self.number:08}"}}'
        return self.tells(f'42{self.number}["send",{said}]')

    def tells(self, packet: str) -> bool:
        """False if the server would not take it all yet."""
        return self._send(masked(packet))

    def leaves(self) -> None:
        """With a goodbye, so that no server waits for a return."""
        self.line.settimeout(1)
        with contextlib.suppress(OSError):
            self.line.sendall(masked("41"))
        self.line.close()

    def _send(self, data: bytes = b"") -> bool:
        self.out += data
        try:
            self.out = self.out[self.line.send(self.out) :]
        except BlockingIOError:
            pass
        except OSError:
            raise Behind("a speaker was cut off") from None
        return not self.out

    def goes_on(self) -> bool:
        """Send what was not taken yet. True if nothing is left."""
        return self._send() if self.out else True

    def hears(self) -> int:
        """How many messages came."""
        try:
            size = self.line.recv_into(_came)
        except BlockingIOError:
            return 0
        except OSError:
            size = 0
        if not size:
            raise Behind("a member was cut off")
        if self.ear or not self.seated:
            return self._reads(self.rest + _view[:size])
        return self._counts(size)

    def _counts(self, size: int) -> int:
        found, part = _came.count(MARK, 0, size), len(MARK) - 1
        if self.rest:
            found += (self.rest + _view[: min(part, size)]).count(MARK)
        if _came[size - 1] == LAST:  # the end of a packet, and no part of a mark
            self.rest = b""
            return found
        self.rest = (self.rest + _view[max(0, size - part) : size])[-part:]
        if _came.endswith(PING, 0, size):
            self.tells("3")
        return found

    def _reads(self, data: bytes) -> int:
        heard, at, end = 0, 0, len(data)
        if not self._shaken:
            at = self._shakes(data)
        while self._shaken and end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if end < start + size:
                break
            heard += self.packet(data[start : start + size])
            at = start + size
        self.rest = data[at:] if self.ear or not self.seated else data[at:][1 - len(MARK) :]
        return heard

    def _shakes(self, data: bytes) -> int:
        """Where the first frame begins; 0 while the handshake is not whole."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            raise Behind(f"no handshake: {data[:60]!r}")
        self._shaken = True
        return end + 4

    def packet(self, packet: bytes) -> int:
        if packet.startswith(MARK):
            if self.ear:
                self.ear.hear(packet)
            return 1
        if packet.startswith(b"43"):
            self._acked(packet)
        elif packet == b"2":
            self.tells("3")
        elif packet.startswith(b"0{"):
            self.tells("40")
        elif packet.startswith(b"40{"):
            self.seated = True
            if self.room:
                self.joins(self.room)
        return 0

    def _acked(self, packet: bytes) -> None:
        number = int(packet[2 : packet.index(b"[")])
        if GOOD not in packet:
            raise Fault(f"refused: {packet[:200]!r}")
        if not number:
            self.seated = True
        elif number in self.asked:
            self.acks.append((time.monotonic() - self.asked.pop(number)) * 1e3)
        else:
            raise Fault(f"an ack for {number}, which waits for none")
