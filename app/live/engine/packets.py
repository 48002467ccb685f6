"""What stands on the wire, read strictly: JSON, Engine.IO 4 packets and payloads, Socket.IO 5 packets.

Two kinds of bad input are told apart. `Malformed` breaks the grammar: nobody honest sends it, the session is closed.
`Unacceptable` is grammar that we refuse (NaN, a lone surrogate, nesting without end, an integer no browser can hold):
it is answered with a sentence and the connection lives on.

Sources: Engine.IO protocol 4, Socket.IO protocol 5, RFC 8259.
"""

import asyncio
import base64
import binascii
import json
import re
from typing import Any

import orjson
from aiohttp import web
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from socketio import packet as socketio_packet

from app.live.engine.frames import BINARY, frame

SEPARATOR = "\x1e"
MOST_ATTACHMENTS = 10
LARGEST_INTEGER = 2**64 - 1

_LONG_NUMBER = re.compile(r"[\[:,]\s*-?\d{17,}")
_HEAD = re.compile(r"(?P<type>[0-6])(?:(?P<count>\d+)-)?(?:(?P<namespace>/[^,]*)(?:,|\Z))?(?P<id>\d*)", re.ASCII)
_EVENT = re.compile(r"2(\d{0,20})(?=\[)", re.ASCII)  # what nearly all of them are: an event on `/`, nothing attached
_BINARY = (socketio_packet.BINARY_EVENT, socketio_packet.BINARY_ACK)
_EVENTS = (socketio_packet.EVENT, socketio_packet.BINARY_EVENT)
_ACKS = (socketio_packet.ACK, socketio_packet.BINARY_ACK)
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


class Malformed(ValueError):
    """Breaks the protocol's grammar; the session is closed."""


class Unacceptable(ValueError):
    """Within the grammar, but refused. `namespace` and `id` say where the answer goes; `id` is None for none."""

    namespace: str = "/"
    id: int | None = None


class StrictJSON:
    """The json module of our packets: what a browser cannot read is neither read nor written."""

    @staticmethod
    def loads(text: str) -> Any:
        """JSON text -> value. Raises Malformed or Unacceptable."""
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _verdict(text)(str(error)) from None
        if _LONG_NUMBER.search(text):
            _check_integers(text)
        if text.count("[") + text.count("{") > 200:
            _answerable(value)
        return value

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        """Value -> JSON text, compact. Raises TypeError for what JSON cannot hold; NaN becomes null."""
        return orjson.dumps(value).decode()


def _verdict(text: str) -> type[ValueError]:
    """Would a lenient reader have read it? Then it is refused with an answer instead of a closed door."""
    try:
        json.loads(text, parse_int=len)  # as an int, Python would read no more than 4,300 digits
    except RecursionError:
        return Unacceptable
    except ValueError:
        return Malformed
    return Unacceptable


def _check_integers(text: str) -> None:
    try:
        json.loads(text, parse_int=_bounded)
    except RecursionError:
        raise Unacceptable("nested too deeply") from None


def _bounded(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > LARGEST_INTEGER:
        raise Unacceptable("an integer is too large")
    return int(digits)


def _answerable(value: Any) -> None:
    """What can be read but not be written again (nested deeper than the writer goes) could not be answered either."""
    try:
        orjson.dumps(value)
    except TypeError:
        raise Unacceptable("nested too deeply") from None


def read_packet(encoded: str | bytes) -> EnginePacket:
    """One Engine.IO packet as it came. The data of a text packet stays text: reading it is Socket.IO's business."""
    if isinstance(encoded, bytes):
        return EnginePacket(MESSAGE, encoded)
    if encoded[:1] == "b":
        try:
            return EnginePacket(MESSAGE, base64.b64decode(encoded[1:], validate=True))
        except binascii.Error:
            raise Malformed("bad base64 in a binary packet") from None
    if encoded[:1] not in ("1", "2", "3", "4", "5", "6") or not encoded:
        raise Malformed("not an Engine.IO packet")
    return EnginePacket(int(encoded[0]), encoded[1:])


def read_payload(body: bytes) -> list[EnginePacket]:
    """The packets of one POST, all or none: a half-read payload would lose the other half silently."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Malformed("a payload that is not UTF-8") from None
    return [read_packet(one) for one in text.split(SEPARATOR)]


class Ready(EnginePacket):
    """A packet for many: its frame is made once."""

    frame: bytes | None = None


def framed(packet: EnginePacket) -> bytes:
    """The WebSocket frame of a packet."""
    if isinstance(packet, Ready):
        if packet.frame is None:
            packet.frame = _frame(packet)
        return packet.frame
    return _frame(packet)


def _frame(packet: EnginePacket) -> bytes:
    encoded = packet.encode()
    return frame(encoded, BINARY) if isinstance(encoded, bytes) else frame(encoded.encode())


def write_payload(packets: list[EnginePacket]) -> bytes:
    """The body of one poll's answer. Binary packets go as base64, uncached: a WebSocket wants their bytes."""
    return SEPARATOR.join(_as_text(packet) for packet in packets).encode()


def _as_text(packet: EnginePacket) -> str:
    if packet.binary:
        return "b" + base64.b64encode(packet.data).decode()
    encoded: str = packet.encode()
    return encoded


class Packet(socketio_packet.Packet):
    """A Socket.IO packet that is read by the letter and written by a strict JSON writer."""

    json = StrictJSON

    @classmethod
    def read(cls, encoded: str | bytes) -> "Packet":
        """What came. Raises Malformed or Unacceptable."""
        packet = cls.__new__(cls)
        packet.attachments = []
        packet.attachment_count = packet.decode(encoded)
        return packet

    def decode(self, encoded_packet: str | bytes) -> int:
        """Fill in from text, return how many attachments follow. Raises Malformed or Unacceptable."""
        if isinstance(encoded_packet, str) and (event := _EVENT.match(encoded_packet)):
            self.packet_type, self.namespace = socketio_packet.EVENT, "/"
            self.id = int(event[1]) if event[1] else None
            self.data = self._read_data(encoded_packet[event.end() :])
            return 0
        head = _HEAD.match(encoded_packet) if isinstance(encoded_packet, str) else None
        if not head or not isinstance(encoded_packet, str):
            raise Malformed("not a Socket.IO packet")
        self.packet_type = int(head["type"])
        self.namespace = (head["namespace"] or "/").partition("?")[0]
        self.id = int(head["id"]) if head["id"] and len(head["id"]) <= 20 else None
        if head["id"] and self.id is None:
            raise Malformed("an ack id that is too long")
        self.data = self._read_data(encoded_packet[head.end() :])
        return self._attachments_announced(head["count"])

    def _read_data(self, text: str) -> Any:
        try:
            data = self.json.loads(text) if text else None
        except Unacceptable as refusal:
            if self.packet_type not in _EVENTS or not text.startswith("["):
                raise Malformed(str(refusal)) from None
            refusal.namespace, refusal.id = self.namespace or "/", self.id
            raise
        if not self._fits(data, bool(text)):
            raise Malformed("a payload that does not fit its packet type")
        return data

    def _fits(self, data: Any, given: bool) -> bool:
        if self.packet_type == socketio_packet.CONNECT:
            return not given or isinstance(data, dict)
        if self.packet_type in _EVENTS:
            return bool(isinstance(data, list) and data and isinstance(data[0], str) and data[0] not in RESERVED)
        if self.packet_type in _ACKS:
            return isinstance(data, list) and self.id is not None
        return self.packet_type == socketio_packet.DISCONNECT and not given

    def _attachments_announced(self, count: str | None) -> int:
        if (count is not None) != (self.packet_type in _BINARY):
            raise Malformed("attachments announced where none belong, or none where some do")
        if count is not None and (len(count) > 2 or not 0 < int(count) <= MOST_ATTACHMENTS):
            raise Malformed(f"more than {MOST_ATTACHMENTS} attachments, or none")
        return int(count or 0)

    @classmethod
    def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
        """Put the attachments where their placeholders stand. Raises Malformed for a placeholder without one."""
        try:
            return _refill(data, attachments)
        except RecursionError:
            raise Malformed("a placeholder too deep") from None

    @classmethod
    def data_is_binary(cls, data: Any) -> bool:
        """What the JSON writer takes is not binary; only what it refuses is walked through."""
        try:
            orjson.dumps(data)
        except TypeError:
            return bool(super().data_is_binary(data))
        return False


def _refill(data: Any, attachments: list[bytes]) -> Any:
    if isinstance(data, list):
        return [_refill(one, attachments) for one in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is not True:
        return {name: _refill(one, attachments) for name, one in data.items()}
    number = data.get("num")
    if type(number) is not int or not 0 <= number < len(attachments):
        raise Malformed("a placeholder without an attachment")
    return attachments[number]


async def read_body(request: web.Request, limit: int, seconds: float) -> bytes:
    """The whole body however many segments it comes in, decompressed. Raises 413 past `limit` bytes, Malformed for one
    whose chunks or compression are broken, or that is not there within `seconds`."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise web.HTTPRequestEntityTooLarge(limit, len(body))
    except TimeoutError:
        raise Malformed("a body that did not come to its end") from None
    except web.RequestPayloadError:
        raise Malformed("a body that cannot be decoded") from None
    return bytes(body)
