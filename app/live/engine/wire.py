"""A WebSocket without a task: after the handshake its socket is taken over from aiohttp by a light protocol.

What one loop tick has for one socket leaves in one write, straight to the descriptor; only what the kernel does not
take goes through the transport, whose buffer is the measure of a slow reader. Sources: RFC 6455, 4.2.2 and 7.1.
"""

import asyncio
import base64
import hashlib
import logging
from collections.abc import Callable, Iterator
from socket import AF_INET, SOCK_STREAM, SocketType
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web

from app.live.engine import frames
from app.live.engine.frames import BadFrame, Frame, Reader

if TYPE_CHECKING:
    from app.live.engine.audience import Audience, Flush

log = logging.getLogger("parlor.live")

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
CLOSE_TIMEOUT = 1.0  # seconds we wait for a peer's close frame
NORMAL = 1000
TOO_SLOW = 0  # no code of RFC 6455


class Wire(asyncio.Protocol):
    """One WebSocket. `hear` takes its messages, str or bytes; `gone` is called once, with the close code: 1006 for
    none, 0 where its reader was too slow for us."""

    __slots__ = (
        "_behind",
        "_closing",
        "_ended",
        "_flush",
        "_gone",
        "_hear",
        "_limit",
        "_lost",
        "_out",
        "_paused",
        "_reader",
        "_rest",
        "_timer",
        "_transport",
        "_unread",
        "at_rest",
        "lane",
        "socket",
    )

    def __init__(self, flush: "Flush", limit: int, most: int) -> None:
        """limit: bytes that may wait for a slow reader. most: bytes of one message of the client's."""
        self._flush, self._limit = flush, limit
        self._reader: Reader | None = Reader(most)
        self._out: list[bytes] = []
        self._closing = self._ended = self._lost = self._paused = False
        # something may wait in the transport: the handshake's answer, or what the kernel did not take
        self._behind = True
        self.socket: SocketType | None = None  # the socket itself, to write past the transport
        self.lane: Audience | None = None  # which writes to it, too
        self.at_rest: Callable[[], None] | None = None  # hears that nothing waits any more
        self._unread: Iterator[Frame] | None = None  # frames of what came before a pause
        self._rest = bytearray()  # what came during it
        self._timer: asyncio.TimerHandle | None = None
        self._hear: Callable[[str | bytes], None] | None = None
        self._gone: Callable[[int], None] | None = None

    def listen(self, hear: Callable[[str | bytes], None], gone: Callable[[int], None]) -> None:
        """From now on these hear of it; nobody does of a wire that has ended."""
        if not self._ended:
            self._hear, self._gone = hear, gone

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if transport.get_extra_info("ssl_object") is None:  # what goes past TLS would go in the clear
            fd = transport.get_extra_info("socket").fileno()
            self.socket = SocketType(AF_INET, SOCK_STREAM, 0, fd)  # the family does not matter to who only sends

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            return
        if self._paused or self._unread is not None:  # somebody made a pause; what comes now comes behind it
            self._rest += data
            return
        text = self._reader.text(data)
        if text is None or self._hear is None:
            self._read(self._reader.feed(data))
            return
        try:
            self._hear(frames.as_text(text))
        except BadFrame as bad:
            self._break_off(bad)

    def _read(self, come: Iterator[Frame]) -> None:
        try:
            for opcode, payload in come:
                if opcode == frames.TEXT and self._hear:
                    self._hear(frames.as_text(payload))
                elif opcode == frames.BINARY and self._hear:
                    self._hear(payload)
                elif opcode == frames.PING:
                    self.send(frames.frame(payload, frames.PONG))
                elif opcode == frames.CLOSE:
                    self._answer(frames.close_code(payload))
                    return
                if self._paused:
                    self._unread = come
                    return
        except BadFrame as bad:
            self._break_off(bad)

    def _break_off(self, bad: BadFrame) -> None:
        self.close(bad.code)
        self._reader = None

    def _answer(self, code: int) -> None:
        """The peer closes, or has answered our closing."""
        self._reader = None
        if not self._closing:
            self.send(frames.close_frame(NORMAL if code == 1005 else code))
            self._closing = True
        self.flush()
        self._transport.close()
        self._abort_soon()
        self._end(code)

    def _abort_soon(self) -> None:
        """Who does not read would keep its buffer and its descriptor for ever."""
        if self._timer is None and not self._lost:
            self._timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._transport.abort)

    def eof_received(self) -> None:
        """The peer will say no more: without a close frame that is the end (7.1.5)."""
        self._abort_soon()

    def connection_lost(self, _error: Exception | None) -> None:
        self._leave()
        self._lost = self._closing = True
        if self.socket:
            self.socket.detach()  # whose it is closes it
            self.socket = None
        self._reader = None
        self._out.clear()
        if self._timer:
            self._timer.cancel()
        self._end(1006)

    def _end(self, code: int) -> None:
        self._ended = True
        gone, self._hear, self._gone, self.at_rest = self._gone, None, None, None
        if gone:
            gone(code)

    # --- ours ---

    @property
    def is_at_rest(self) -> bool:
        """Nothing is on its way that another write would overtake."""
        return not (self._behind or self._out or self._closing)

    def send(self, data: bytes) -> None:
        """A frame, to be written with whatever else this tick has for this socket."""
        self._leave()
        if not self._out:
            if self._closing:
                return
            self._flush.later(self)
        self._out.append(data)

    def follow(self, told: list[bytes]) -> None:
        """What its lane had for it in this tick. It has left the lane."""
        self._out.extend(told)
        self._flush.later(self)

    def _leave(self) -> None:
        if self.lane:
            self.lane.leave(self)

    def flush(self) -> None:
        """One write. Aborts where more waits than the limit, unless it is one message alone."""
        out = self._out
        if not out or self._lost:
            return
        alone = len(out) == 1
        data = out[0] if alone else b"".join(out)
        out.clear()
        if self._behind:
            waiting = self._transport.get_write_buffer_size()
            if waiting or self.socket is None:
                self._wait(data, waiting + len(data) > self._limit and (waiting > 0 or not alone))
                return
            self._behind = False
        assert self.socket
        try:
            written = self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            written = 0
        except OSError:
            self.abort()
            return
        if written < len(data):
            self.keep(memoryview(data)[written:], alone)
        elif self.at_rest:
            self.at_rest()

    def keep(self, data: memoryview, alone: bool) -> None:
        """What the kernel did not take, of one message alone or of more."""
        self._wait(data, len(data) > self._limit and not alone)

    def _wait(self, data: bytes | memoryview, too_much: bool) -> None:
        """For a reader that is slow; one that leaves too much waiting is let go."""
        if too_much:
            self._drop()
        else:
            self._behind = True
            self._transport.write(data)

    def begin(self, early: bytes) -> None:
        """Read, first what came with the handshake. In the next tick, when somebody listens."""
        self.pause()
        self._rest += early
        asyncio.get_running_loop().call_soon(self.resume)

    def pause(self) -> None:
        """Read no more for now: the sender is slowed down by its own connection."""
        self._paused = True
        self._transport.pause_reading()

    def resume(self) -> None:
        """First what came before the pause."""
        self._paused = False
        try:
            while not self._paused and self._reader and (self._unread is not None or self._rest):
                unread, self._unread = self._unread, None
                if unread is None:
                    unread, self._rest = self._reader.feed(bytes(self._rest)), bytearray()
                self._read(unread)
        except Exception:  # called from somebody else's task: asyncio would have closed the transport
            log.exception("what came could not be read")
            self.abort()
        if not self._paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, code: int = NORMAL) -> None:
        """Say goodbye after all that was said, and wait for the answer, a moment at most."""
        if self._closing:
            return
        self.send(frames.close_frame(code))
        self._closing = True
        self.flush()
        self._abort_soon()

    def _drop(self) -> None:
        self._end(TOO_SLOW)
        self.abort()

    def abort(self) -> None:
        self._leave()
        self._closing = True
        self._out.clear()
        self._transport.abort()


class Taken(web.Response):
    """What the handler of a request returns whose connection is another's by now: nothing is left to write."""

    async def prepare(self, _request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, _data: Any = b"") -> None:
        self._eof_sent = True

    @property
    def keep_alive(self) -> bool:
        return False


def take_over(request: web.Request, wire: Wire) -> web.StreamResponse:
    """Answer the handshake of `request` by hand, and give its socket to `wire`. Raises HTTPBadRequest for a handshake
    that is none, ConnectionResetError where the peer has gone."""
    head = _switching(request)
    handler, transport = request.protocol, request.transport
    if transport is None or transport.is_closing() or handler._manager is None:
        raise ConnectionResetError("the peer left before the 101")
    tail, handler._message_tail = handler._message_tail, b""  # what came in one segment with the handshake
    handler._manager.connection_lost(handler, None)
    handler.keep_alive(False)
    handler._force_close = True
    handler.transport = None
    transport.write(head)
    transport.set_protocol(wire)
    wire.connection_made(transport)
    wire.begin(bytes(tail))
    return Taken(status=101)


def _switching(request: web.Request) -> bytes:
    key = request.headers.get("Sec-WebSocket-Key", "")
    if request.headers.get("Sec-WebSocket-Version") not in ("13", "8", "7"):
        raise web.HTTPBadRequest(text=f"Unsupported version: {request.headers.get('Sec-WebSocket-Version')}")
    try:
        if len(base64.b64decode(key)) != 16:
            raise ValueError(key)
    except ValueError:
        raise web.HTTPBadRequest(text=f"Handshake error: {key!r:.100}") from None
    return switching(key)


def switching(key: str) -> bytes:
    """The answer to a handshake with this key."""
    return SWITCHING + base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()) + b"\r\n\r\n"
