"""WebSocket frames (RFC 6455, 5): the server's are made once and sent to many, a client's are read as they arrive."""

from collections.abc import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_DATA, _CONTROL = (CONTINUATION, TEXT, BINARY), (CLOSE, PING, PONG)
_FIN, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_WHOLE_TEXT = _FIN | TEXT

GOING_AWAY, PROTOCOL_ERROR, BAD_TEXT, TOO_BIG = 1001, 1002, 1007, 1009  # 7.4.1
_CODES = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))

Frame = tuple[int, bytes]  # opcode, payload
PART: Frame = (CONTINUATION, b"")

MAX_FRAGMENTS = 1_000  # of one message
MAX_REASON = 123  # bytes, of a close frame


class BadFrame(Exception):
    """A frame that a client may not send. `code` is the close code that answers it."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A whole message in one frame, as servers send it: not masked (5.1)."""
    size = len(payload)
    if size < 126:
        head = bytes((_FIN | opcode, size))
    elif size < 65_536:
        head = bytes((_FIN | opcode, 126)) + size.to_bytes(2)
    else:
        head = bytes((_FIN | opcode, 127)) + size.to_bytes(8)
    return head + payload


def close_frame(code: int = 1000, reason: str = "") -> bytes:
    """reason: for people; as much of it as fits (5.5)."""
    return frame(code.to_bytes(2) + reason.encode()[:MAX_REASON].decode(errors="ignore").encode(), CLOSE)


def close_code(payload: bytes) -> int:
    """The code in a close frame; 1005 where there is none. Raises BadFrame (5.5.1, 7.4)."""
    if not payload:
        return 1005
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or not (code in _CODES or 3000 <= code < 5000):
        raise BadFrame(PROTOCOL_ERROR, "a close code that no peer may send")
    as_text(payload[2:])
    return code


def as_text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise BadFrame(BAD_TEXT, "text that is not UTF-8") from None


class FrameReader:
    """Bytes from one client, cut anywhere, into messages and control frames that are complete.

    limit: bytes of one message, in however many fragments.
    """

    __slots__ = ("_limit", "_need", "_opcode", "_pieces", "_rest", "_size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # The beginning of a frame that is not complete; no bytearray where there is none, for each takes 56 bytes.
        self._rest: bytearray | bytes = b""
        self._need = 0  # bytes of it without which looking again is of no use
        self._opcode = CONTINUATION  # of the message whose fragments come
        self._pieces: list[bytes] | None = None
        self._size = 0

    def text(self, data: bytes) -> bytes | None:
        """The payload, where `data` is exactly one short text in one frame, as nearly always. None where it is anything
        else: that is for `feed`."""
        size = len(data) - 6
        if size > 125:
            size, start = size - 2, 8
            if size > 65_535 or data[0] != _WHOLE_TEXT or data[1] != _MASKED | 126 or int.from_bytes(data[2:4]) != size:
                return None
        else:
            start = 6
            if size < 0 or data[0] != _WHOLE_TEXT or data[1] != _MASKED | size:
                return None
        if self._rest or self._pieces is not None or size > self._limit:
            return None
        return _unmasked(data[start - 4 : start], data[start:])

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Raises BadFrame at the first fault; what was complete before it has been given. A fragment that completes no
        message gives PART, for it takes time as any other frame."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return
            data, self._rest = bytes(self._rest), b""
        at, end, self._need = 0, len(data), 2
        while end - at >= 2:
            first, second = data[at], data[at + 1]
            size = second & 0x7F
            self._check(first, second, size)
            start = at + 6
            if size == 126:
                start += 2
                size = int.from_bytes(data[at + 2 : at + 4]) if end - at >= 4 else 0
            elif size == 127:
                start += 8
                size = int.from_bytes(data[at + 2 : at + 10]) if end - at >= 10 else 0
            if first & 0x0F < CLOSE and self._size + size > self._limit:
                raise BadFrame(TOO_BIG, f"a message of more than {self._limit} bytes")
            if end < start + size:
                self._need = start + size - at
                break
            payload = _unmasked(data[start - 4 : start], data[start : start + size])
            at = start + size
            yield self._assemble(first, payload) or PART
        if at < end:
            self._rest = bytearray(data[at:])

    def _check(self, first: int, second: int, size: int) -> None:
        opcode = first & 0x0F
        if first & _RESERVED:
            raise BadFrame(PROTOCOL_ERROR, "a reserved bit")
        if not second & _MASKED:
            raise BadFrame(PROTOCOL_ERROR, "a frame that is not masked")
        if opcode in _CONTROL:
            if not first & _FIN or size > 125:
                raise BadFrame(PROTOCOL_ERROR, "a control frame in fragments, or too long")
        elif opcode not in _DATA:
            raise BadFrame(PROTOCOL_ERROR, "a reserved opcode")
        elif (opcode == CONTINUATION) == (self._pieces is None):
            raise BadFrame(PROTOCOL_ERROR, "a fragment out of order")

    def _assemble(self, first: int, payload: bytes) -> Frame | None:
        opcode = first & 0x0F
        if opcode >= CLOSE:
            return opcode, payload
        if self._pieces is None:
            if first & _FIN:
                return opcode, payload
            self._opcode, self._pieces = opcode, []
        if len(self._pieces) >= MAX_FRAGMENTS:
            raise BadFrame(TOO_BIG, f"a message of more than {MAX_FRAGMENTS} fragments")
        self._pieces.append(payload)
        self._size += len(payload)
        if not first & _FIN:
            return None
        whole = self._opcode, b"".join(self._pieces)
        self._pieces, self._size = None, 0
        return whole


def _unmasked(key: bytes, payload: bytes) -> bytes:
    """XOR with the key, over and over (5.3): as one large number, which costs a microsecond."""
    size = len(payload)
    whole = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(whole)).to_bytes(size)
