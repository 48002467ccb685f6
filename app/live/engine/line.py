"""A poll that is like the one before is answered below HTTP: the same request but for its cache-busting `t`, byte for
byte, of the same session, over whichever connection. Every other request goes through aiohttp, and so does the first
of its kind: that one's answer is the pattern of the next.

A line stands between a connection and aiohttp's handler of it. It answers by itself only where it has seen every byte
before end with a whole request, and where the handler waits for the next one.
"""

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from aiohttp import HttpVersion11, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web_protocol import RequestHandler

from app.live.engine import polling
from app.live.engine.packets import write_payload

if TYPE_CHECKING:
    from app.live.engine.requests import Engine
    from app.live.engine.session import Session

END = b"\r\n\r\n"
TICKS = 5  # of the loop that a request waits for the handler to be ready
LONGEST = 8_190  # bytes of a head that is kept
LOST = None  # where in a request the connection is, we cannot tell

_SID = re.compile(rb"[?&]sid=([A-Za-z0-9_-]{1,64})(?=[& ])")
_BUSTER = re.compile(rb"(?<=[?&]t=)[A-Za-z0-9_.-]{1,32}(?=[& ])")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*(?=\r\n)")
_NOT_PLAIN = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nupgrade:")
_METHODS = (b"GET ", b"POST ")  # after a CONNECT, what looks like its body is the next request
_CHANGING = ("content-length", "date")
_ITS_OWN = ("content-encoding", "set-cookie", "transfer-encoding")  # an answer with these is no pattern

Pattern = tuple[bytes, bytes]  # of a session's polls: the head of the request, the head of the answer


class Line(asyncio.Protocol):
    """One connection. Raises nothing: what it cannot do, aiohttp does."""

    __slots__ = ("_early", "_engine", "_handler", "_owed", "_session", "_slow", "_top", "_transport", "head", "let_in")

    def __init__(self, engine: "Engine", handler: RequestHandler) -> None:
        self._engine, self._handler = engine, handler
        self._session: Session | None = None  # whose poll waits here, or its answer to be taken
        self._top = b""  # of the answer to that poll
        self._slow: asyncio.TimerHandle | None = None  # until its reader has taken the answer
        self._owed: int | None = 0  # bytes of a body that are still to come
        self._early = b""  # came behind a poll that waits
        self.let_in: Callable[[web.Request], None] | None = None  # to be told if what came first, alone, was let in
        self.head: bytes | None = None  # of the request that the handler is about, where it might be a poll

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._handler.connection_made(transport)

    def hear_first(self, data: bytes, let_in: Callable[[web.Request], None]) -> None:
        self.data_received(data)
        self.let_in = let_in

    def data_received(self, data: bytes) -> None:
        self.let_in = None
        if self._session is not None or self._early:
            self._keep(data)
        elif self._is_finishing and self._may_be_poll(data):
            self._early = data
            asyncio.get_running_loop().call_soon(self._again, TICKS)
        else:
            self._hear(data)

    def _hear(self, data: bytes) -> None:
        self.head = None
        if self._may_be_poll(data) and self._is_idle and self._answers(data):
            return
        self._follow(data)
        self._handler.data_received(data)

    def _may_be_poll(self, data: bytes) -> bool:
        return self._owed == 0 and len(data) <= LONGEST and data.startswith(b"GET ") and data.endswith(END)

    def eof_received(self) -> None:
        self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
            self._go_on(self.data_received)

    def connection_lost(self, error: Exception | None) -> None:
        session, self._session, self._early = self._session, None, b""
        if self._slow is not None:
            self._slow.cancel()
        if session is not None and self._slow is None:
            polling.abandon(session)
        elif session is not None:  # as with every poll: an answer that is not taken is lost, and the session with it
            session.end(self._engine.reason.TRANSPORT_ERROR)
        self._handler.connection_lost(error)

    # --- which requests ---

    @property
    def _is_idle(self) -> bool:
        handler = self._handler
        waiter = handler._waiter
        return waiter is not None and not waiter.done() and not handler._messages and not handler.writing_paused

    @property
    def _is_finishing(self) -> bool:
        """Its last answer is written, soon it waits for the next request; a quick peer has asked by then."""
        handler = self._handler
        return handler._current_request is None and not handler._messages and not self._is_idle

    def _again(self, ticks: int) -> None:
        if ticks and self._early and self._is_finishing:
            asyncio.get_running_loop().call_soon(self._again, ticks - 1)
        else:
            self._go_on(self._hear)

    def _follow(self, data: bytes) -> None:
        """Where in a request the connection is after this."""
        if self._owed is LOST:
            return
        if self._owed == 0:
            head, _, body = data.partition(END)
            self._owed = _body_of(head + b"\r\n") if len(head) < len(data) else LOST
        else:
            body = data
        if self._owed is not LOST:
            self._owed = self._owed - len(body) if len(body) <= self._owed else LOST

    def _answers(self, data: bytes) -> bool:
        first, rest = data[: (end := data.find(b"\r\n"))], data[end:]
        found = _SID.search(first)
        session = self._engine.sockets.get(found[1].decode()) if found else None
        if session is None:
            return False
        head = _BUSTER.sub(b"", first, 1) + rest
        if session.pattern is None or session.pattern[0] != head:
            self.head = head if data.count(END) == 1 else None
            return False
        if session.polling or session.upgraded or session.upgrading:
            return False
        self._session, self._top, session.polling = session, session.pattern[1], True
        self._engine.short_polls += 1
        self._stay_open()
        session.when_due(self._come)
        return True

    def _stay_open(self) -> None:
        """The handler closes a connection that it takes for idle: not while this poll waits, nor soon after."""
        until = asyncio.get_running_loop().time() + self._engine.patience
        self._handler._next_keepalive_close_time = until + self._handler.keepalive_timeout

    # --- the answer ---

    def _come(self) -> None:
        asyncio.get_running_loop().call_soon(self._answer)  # with whatever else this tick has

    def _answer(self) -> None:
        session = self._session
        if session is None:
            return
        body = write_payload(polling.leave(session))
        head = self._top + f"Date: {rfc822_formatted_time()}\r\nContent-Length: {len(body)}".encode()
        self._transport.write(head + END + body)
        if self._handler.writing_paused:
            self._slow = asyncio.get_running_loop().call_later(self._engine.patience, self._transport.abort)
        elif self._transport.is_closing():  # the peer was gone
            self._session = None
            session.end(self._engine.reason.TRANSPORT_ERROR)
        else:
            self._go_on(self.data_received)

    # --- what comes meanwhile ---

    def _keep(self, data: bytes) -> None:
        """Behind a poll that waits. Read on while it is little: else we would not hear that the peer goes."""
        if len(self._early) <= LONGEST < len(self._early) + len(data):
            self._transport.pause_reading()
        self._early += data

    def _go_on(self, hear: Callable[[bytes], None]) -> None:
        early, self._early, self._session = self._early, b"", None
        if not early or self._transport.is_closing():
            return
        if len(early) > LONGEST:
            self._transport.resume_reading()
        hear(early)


def _body_of(head: bytes) -> int | None:
    """Bytes of the body that a head announces; LOST where it does so in another way than by a length."""
    folded = head.lower()
    lengths = _LENGTH.findall(folded)
    plain = folded.count(b"\n") == folded.count(b"\r\n") and not any(name in folded for name in _NOT_PLAIN)
    if (
        not plain
        or not head.startswith(_METHODS)
        or len(lengths) > 1
        or len(lengths) != folded.count(b"content-length")
    ):
        return LOST
    return int(lengths[0]) if lengths else 0


def learn(engine: "Engine", request: web.Request, response: web.StreamResponse) -> None:
    """Make the poll that was just answered the pattern of its session's next ones."""
    transport = request.transport
    line = transport.get_protocol() if transport is not None else None
    if not isinstance(line, Line) or line.head is None or response.status != 200:
        return
    session = engine.sockets.get(request.query.get("sid", ""))
    plain = _body_of(line.head.removesuffix(b"\r\n")) == 0 and request.version == HttpVersion11 and response.keep_alive
    if session is None or request.query["transport"] != "polling" or not plain or request.protocol.access_logger:
        return
    if session.upgrading or session.upgraded or any(name in response.headers for name in _ITS_OWN):
        return
    lines = [f"{name}: {value}\r\n" for name, value in response.headers.items() if name.lower() not in _CHANGING]
    session.pattern = line.head, f"HTTP/1.1 200 OK\r\n{''.join(lines)}".encode()
