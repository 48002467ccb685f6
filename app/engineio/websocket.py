"""A WebSocket connection (RFC 6455) as an asyncio protocol: no task, no timer and no queue of its own.

Frames are read with a budget for each tick, so that one busy peer does not keep the loop from the others.
"""

import asyncio
import base64
import binascii
import hashlib
import logging
from collections.abc import Iterator
from typing import Protocol

from app.engineio import frames
from app.engineio.frames import BadFrame, Frame, FrameReader
from app.engineio.ticks import Share, Ticks
from app.engineio.writer import SocketWriter

log = logging.getLogger("parlor.engineio")

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
VERSIONS = ("13", "8", "7")
CLOSE_TIMEOUT_S = 1.0  # for the peer's close frame
SLOW_TIMEOUT_S = 10.0  # for a reader that was too slow to take what waits, and the word that it was
NORMAL, NO_STATUS, ABNORMAL = 1000, 1005, 1006
TOO_SLOW = 0  # no code of RFC 6455: its reader left too much waiting
READ_BUDGET = 100  # frames of one connection that are read in one tick


class Listener(Protocol):
    """Who receives what comes over a WebSocket."""

    def message_received(self, data: str | bytes) -> None: ...

    def control_received(self, count: int) -> None:
        """So many frames were read that are no message."""

    def connection_closed(self, code: int) -> None:
        """Called once, with the close code; 1006 for none, 0 for a reader that was too slow."""


class Counted(Protocol):
    """Knows how many WebSockets are open."""

    websockets: int


class WebSocketConnection(asyncio.Protocol):
    """One WebSocket, after its handshake. `writer` is its outgoing half."""

    __slots__ = ("_counted", "_listener", "_reading", "_timer", "is_closing", "writer")

    def __init__(self, writer: SocketWriter, max_message: int, ticks: Ticks, counted: Counted) -> None:
        """writer: of the connection that the handshake came over. max_message: bytes of one message of the client's.
        counted: counts it from now on to its end, whoever listens."""
        self._counted: Counted | None = counted
        counted.websockets += 1
        self.writer = writer
        writer.on_too_slow = self._too_slow
        self._reading = _Reading(self, max_message, ticks)
        self.is_closing = False  # a close frame was sent or received
        self._timer: asyncio.TimerHandle | None = None
        self._listener: Listener | None = None

    def listen(self, listener: Listener) -> None:
        """Who receives its messages, and its end. Nothing is received before the first `resume`."""
        self._listener = listener

    # --- asyncio's side ---

    def data_received(self, data: bytes) -> None:
        self._reading.feed(data)

    def eof_received(self) -> None:
        """The peer sends no more: without a close frame that is the end (7.1.5)."""
        self._abort_soon()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._end(ABNORMAL)
        self.writer.release()

    # --- in ---

    def pause(self) -> None:
        """Read no more for now: the sender is slowed down by its own connection."""
        self._reading.pause()

    def resume(self, early: bytes = b"") -> None:
        """Read on from the next tick; first `early`, which arrived behind the handshake."""
        self._reading.resume(early)

    def frame_received(self, opcode: int, payload: bytes) -> None:
        """Raises BadFrame."""
        if opcode == frames.TEXT and self._listener:
            self._listener.message_received(frames.as_text(payload))
        elif opcode == frames.BINARY and self._listener:
            self._listener.message_received(payload)
        elif opcode == frames.CLOSE:
            self._close_received(frames.close_code(payload))
        else:
            if opcode == frames.PING:
                self.writer.send(frames.frame(payload, frames.PONG))
            if self._listener:
                self._listener.control_received(1)

    def _close_received(self, code: int) -> None:
        self._send_close(NORMAL if code == NO_STATUS else code)
        self.writer.transport.close()
        self._end(code)

    # --- end ---

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Send a close frame behind everything else, and wait a moment for the answer."""
        if not self.is_closing:
            self._send_close(code, reason)

    def close_when_too_slow(self, code: int, reason: str) -> None:
        """A reader that leaves too much waiting is told so by a close frame, in place of being cut off."""
        self.writer.last_words = frames.close_frame(code, reason)

    def _send_close(self, code: int, reason: str = "") -> None:
        if not self.is_closing:
            self.is_closing = True
            self.writer.send(frames.close_frame(code, reason))
        self.writer.flush()
        self.writer.is_closed = True
        self._abort_soon()

    def abort(self) -> None:
        """Cut the connection now."""
        self.is_closing = True
        self.writer.abort()

    def _abort_soon(self, seconds: float = CLOSE_TIMEOUT_S) -> None:
        """A peer that does not read would keep its buffer and its descriptor for ever."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.writer.transport.abort)

    def _too_slow(self) -> None:
        self._end(TOO_SLOW)
        if self.writer.last_words:
            self._abort_soon(SLOW_TIMEOUT_S)

    def _end(self, code: int) -> None:
        self._reading.stop()
        self.is_closing = True
        listener, self._listener = self._listener, None
        counted, self._counted = self._counted, None
        if counted:
            counted.websockets -= 1
        if listener:
            listener.connection_closed(code)


class _Reading(Share):
    """The incoming half: what arrives during a pause or beyond the budget of a tick waits for its turn."""

    __slots__ = (
        "_awaits_turn",
        "_connection",
        "_early",
        "_frames",
        "_is_paused",
        "_reader",
    )

    def __init__(self, connection: WebSocketConnection, max_message: int, ticks: Ticks) -> None:
        super().__init__(ticks, READ_BUDGET)
        self._connection = connection
        self._reader: FrameReader | None = FrameReader(max_message)
        self._is_paused = True  # by whoever receives the messages
        self._awaits_turn = False  # its budget is spent
        self._early = b""  # not looked at yet
        self._frames: Iterator[Frame] | None = None  # of bytes that were looked at in part

    def feed(self, data: bytes) -> None:
        if self._reader is None:
            return
        if self._is_paused or self._awaits_turn:
            self._early += data
            return
        payload = self._reader.text(data)
        if payload is None:
            self._frames = self._reader.feed(data)
            self._read()
        elif self.spend():
            self._deliver(frames.TEXT, payload)
        else:
            self._early = data
            self._wait_for_turn()

    def _read(self) -> None:
        """Frames, as many as this tick may have."""
        while self._reader and not self._is_paused and (self._frames is not None or self._early):
            if self._frames is None:
                early, self._early = self._early, b""
                self._frames = self._reader.feed(early)
            if not self.spend():
                self._wait_for_turn()
                return
            try:
                found = next(self._frames, None)
            except BadFrame as bad:
                self._refuse(bad)
                return
            if found is None:
                self._frames = None
            else:
                self._deliver(*found)

    def _deliver(self, opcode: int, payload: bytes) -> None:
        try:
            self._connection.frame_received(opcode, payload)
        except BadFrame as bad:
            self._refuse(bad)
        except Exception:
            log.exception("a WebSocket message could not be handled")
            self._connection.abort()

    def _refuse(self, bad: BadFrame) -> None:
        self._connection.close(bad.code)
        self.stop()

    def pause(self) -> None:
        self._is_paused = True
        self._connection.writer.transport.pause_reading()

    def resume(self, early: bytes) -> None:
        self._early += early
        self._is_paused = False
        self._take_turn()

    def _wait_for_turn(self) -> None:
        self._connection.writer.transport.pause_reading()
        self._take_turn()

    def _take_turn(self) -> None:
        """In the next tick, behind the others."""
        if not self._awaits_turn:
            self._awaits_turn = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._awaits_turn = False
        if self._reader is None or self._is_paused:
            return
        self._read()
        transport = self._connection.writer.transport
        if self._reader and not (self._is_paused or self._awaits_turn or transport.is_closing()):
            transport.resume_reading()

    def stop(self) -> None:
        """Nothing is read any more."""
        self._reader, self._frames, self._early = None, None, b""


def accept(key: str, protocol: str = "") -> bytes:
    """The answer to a handshake with this key; protocol: the subprotocol that was chosen."""
    digest = hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()
    chosen = f"\r\nSec-WebSocket-Protocol: {protocol}".encode() if protocol else b""
    return SWITCHING + base64.b64encode(digest) + chosen + b"\r\n\r\n"


def handshake_fault(key: str, version: str) -> str:
    """What is wrong with a handshake; empty where nothing is (RFC 6455, 4.2.1)."""
    if version not in VERSIONS:
        return f"Unsupported version: {version:.20}"
    try:
        is_key = len(base64.b64decode(key)) == 16
    except (binascii.Error, ValueError):
        is_key = False
    return "" if is_key else f"Handshake error: {key!r:.100}"
