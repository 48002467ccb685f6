"""Socket.IO 5 packets, read strictly and written by a strict JSON writer.

Two kinds of bad input are told apart. `ProtocolError` breaks the grammar: nobody honest sends it, the session is
closed. `PayloadRejected` is within the grammar and refused (NaN, a lone surrogate, nesting without end, an integer no
browser can hold): it is answered with a sentence and the connection lives on.

Sources: Socket.IO protocol 5, RFC 8259.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import orjson
from socketio import packet as socketio_packet

from app.engineio import ProtocolError

MAX_ATTACHMENTS = 10
MAX_INTEGER = 2**64 - 1

_LONG_NUMBER = re.compile(r"[\[:,]\s*-?\d{17,}")
_HEAD = re.compile(r"(?P<type>[0-6])(?:(?P<count>\d+)-)?(?:(?P<namespace>/[^,]*)(?:,|\Z))?(?P<id>\d*)", re.ASCII)
_EVENT = re.compile(r"2(\d{0,20})(?=\[)", re.ASCII)  # as nearly all of them: an event on `/`, nothing attached
_COUNT = re.compile(r"[56](\d+)-", re.ASCII)
_BINARY = (socketio_packet.BINARY_EVENT, socketio_packet.BINARY_ACK)
EVENTS = (socketio_packet.EVENT, socketio_packet.BINARY_EVENT)
ACKS = (socketio_packet.ACK, socketio_packet.BINARY_ACK)
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


class PayloadRejected(ValueError):
    """Within the grammar, but refused. `namespace` and `id` say where the answer goes; `id` is None for none."""

    namespace: str = "/"
    id: int | None = None


class StrictJSON:
    """The json module of our packets: what a browser cannot read is neither read nor written."""

    @staticmethod
    def loads(text: str) -> Any:
        """JSON text -> value. Raises ProtocolError or PayloadRejected."""
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
        return PayloadRejected
    except ValueError:
        return ProtocolError
    return PayloadRejected


def _check_integers(text: str) -> None:
    try:
        json.loads(text, parse_int=_bounded)
    except RecursionError:
        raise PayloadRejected("nested too deeply") from None


def _bounded(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise PayloadRejected("an integer is too large")
    return int(digits)


def _answerable(value: Any) -> None:
    """What can be read but not be written again (nested deeper than the writer goes) could not be answered either."""
    try:
        orjson.dumps(value)
    except TypeError:
        raise PayloadRejected("nested too deeply") from None


def attachments_announced(text: str) -> int:
    """How many attachments follow this text. Raises ProtocolError for more than there may be."""
    if text[:1] not in ("5", "6") or not (count := _COUNT.match(text)):
        return 0
    if len(count[1]) > 2 or not 0 < int(count[1]) <= MAX_ATTACHMENTS:
        raise ProtocolError(f"more than {MAX_ATTACHMENTS} attachments, or none")
    return int(count[1])


class Packet(socketio_packet.Packet):
    """A Socket.IO packet that is read by the letter and written by a strict JSON writer."""

    json = StrictJSON

    @classmethod
    def read(cls, text: str, attachments: Sequence[bytes] = ()) -> "Packet":
        """A packet that is complete. Raises ProtocolError or PayloadRejected."""
        packet = cls.__new__(cls)
        packet.attachments = []
        packet.attachment_count = packet.decode(text)
        for attachment in attachments:
            packet.add_attachment(attachment)
        return packet

    def decode(self, encoded_packet: str | bytes) -> int:
        """Fill in from text, return how many attachments follow. Raises ProtocolError or PayloadRejected."""
        if isinstance(encoded_packet, str) and (event := _EVENT.match(encoded_packet)):
            self.packet_type, self.namespace = socketio_packet.EVENT, "/"
            self.id = int(event[1]) if event[1] else None
            self.data = self._read_data(encoded_packet[event.end() :])
            return 0
        head = _HEAD.match(encoded_packet) if isinstance(encoded_packet, str) else None
        if not head or not isinstance(encoded_packet, str):
            raise ProtocolError("not a Socket.IO packet")
        self.packet_type = int(head["type"])
        self.namespace = (head["namespace"] or "/").partition("?")[0]
        self.id = int(head["id"]) if head["id"] and len(head["id"]) <= 20 else None
        if head["id"] and self.id is None:
            raise ProtocolError("an ack id that is too long")
        self.data = self._read_data(encoded_packet[head.end() :])
        return self._attachments_announced(head["count"])

    def _read_data(self, text: str) -> Any:
        try:
            data = self.json.loads(text) if text else None
        except PayloadRejected as refusal:
            if self.packet_type not in EVENTS or not text.startswith("["):
                raise ProtocolError(str(refusal)) from None
            refusal.namespace, refusal.id = self.namespace or "/", self.id
            raise
        if not self._fits(data, bool(text)):
            raise ProtocolError("a payload that does not fit its packet type")
        return data

    def _fits(self, data: Any, given: bool) -> bool:
        if self.packet_type == socketio_packet.CONNECT:
            return not given or isinstance(data, dict)
        if self.packet_type in EVENTS:
            return bool(isinstance(data, list) and data and isinstance(data[0], str) and data[0] not in RESERVED)
        if self.packet_type in ACKS:
            return isinstance(data, list) and self.id is not None
        return self.packet_type == socketio_packet.DISCONNECT and not given

    def _attachments_announced(self, count: str | None) -> int:
        if (count is not None) != (self.packet_type in _BINARY):
            raise ProtocolError("attachments announced where none belong, or none where some do")
        return int(count or 0)

    @classmethod
    def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
        """Put the attachments where their placeholders stand. Raises ProtocolError for a placeholder without one."""
        try:
            return _refill(data, attachments)
        except RecursionError:
            raise ProtocolError("a placeholder too deep") from None

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
        raise ProtocolError("a placeholder without an attachment")
    return attachments[number]
