"""Engine.IO 4 packets and payloads (https://github.com/socketio/engine.io-protocol).

On the wire a packet is text that begins with its type, or bytes: a binary message. So a packet that was received is
`str | bytes`, and `Packet` is one that is sent.
"""

import base64
import binascii

from app.engineio.frames import BINARY, frame

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
CLIENT_TYPES = frozenset((CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP))

SEPARATOR = "\x1e"
MAX_PAYLOAD_PACKETS = 1_000

Encoded = str | bytes


class ProtocolError(ValueError):
    """The client broke the protocol's grammar; its session is closed."""


class Packet:
    """One packet to send, to one session or to many: its WebSocket frame is made once, and its event."""

    __slots__ = ("_event", "_frame", "data")

    def __init__(self, data: Encoded) -> None:
        """data: the packet's type and text, or the bytes of a binary message."""
        self.data = data
        self._frame: bytes | None = None
        self._event: bytes | None = None

    @property
    def is_message(self) -> bool:
        return isinstance(self.data, bytes) or self.data.startswith(MESSAGE)

    @property
    def frame(self) -> bytes:
        """The WebSocket frame that carries it."""
        if self._frame is None:
            data = self.data
            self._frame = frame(data, BINARY) if isinstance(data, bytes) else frame(data.encode())
        return self._frame

    @property
    def event(self) -> bytes:
        """The server-sent event that carries it. A carriage return would be a line break there, too: in JSON there are
        none."""
        if self._event is None:
            self._event = b"data: %b\n\n" % self.text.encode().replace(b"\n", b"\ndata: ")
        return self._event

    @property
    def text(self) -> str:
        """As a payload carries it: bytes in base64."""
        data = self.data
        return f"b{base64.b64encode(data).decode()}" if isinstance(data, bytes) else data


def message(data: Encoded) -> Packet:
    """A MESSAGE that carries this text or these bytes."""
    return Packet(data if isinstance(data, bytes) else MESSAGE + data)


def encode_payload(packets: list[Packet]) -> bytes:
    """The body that answers a poll."""
    return SEPARATOR.join(packet.text for packet in packets).encode()


def decode_payload(body: bytes) -> list[Encoded]:
    """The packets of one POST, all or none: half a payload would lose the other half silently. Raises ProtocolError."""
    if body.count(b"\x1e") >= MAX_PAYLOAD_PACKETS:
        raise ProtocolError(f"more than {MAX_PAYLOAD_PACKETS} packets in one payload")
    try:
        return [_decode(one) for one in body.decode().split(SEPARATOR)]
    except UnicodeDecodeError:
        raise ProtocolError("a payload that is not UTF-8") from None


def _decode(text: str) -> Encoded:
    if text[:1] == "b":
        try:
            return base64.b64decode(text[1:], validate=True)
        except binascii.Error:
            raise ProtocolError("bad base64 in a binary packet") from None
    check(text)
    return text


def check(text: str) -> None:
    """Raises ProtocolError where this is no packet of a client's."""
    if text[:1] not in CLIENT_TYPES:  # the empty text is none either
        raise ProtocolError("not an Engine.IO packet")
