"""A poll that is like the one before is answered below HTTP: the same request but for its cache-busting `t`, byte for
byte, of the same session, over whichever connection. So is a POST of one message that is like the one before but for
`t` and the message. Every other request goes through aiohttp, and so does the first of its kind: that one's answer is
the pattern of the next.

A connection's first poll of that kind is found by its address, the next ones are the same bytes again. Answers leave at
the end of the tick, straight to the descriptor, made once for all who get the same (answers.py).

A line stands between a connection and aiohttp's handler of it. It answers by itself only where it has seen every byte
before end with a whole request, and where the handler waits for the next one.
"""

import asyncio
import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestHandler

from app.live.engine import polling
from app.live.engine.answers import answer
from app.live.engine.heads import END, LOST, body_of, buster_in, form_of, sid_of

if TYPE_CHECKING:
    from app.live.engine.requests import Engine
    from app.live.engine.session import Session

TICKS = 5  # of the loop that a request waits for the handler to be ready
LONGEST = 8_190  # bytes of a request that is looked at

_CHANGING = ("content-length", "date")
_ITS_OWN = ("content-encoding", "set-cookie", "transfer-encoding")  # an answer with these is no pattern

Pattern = tuple[bytes, bytes]  # of a session's requests: what they have in common; the head of the answer

# A connection's last poll, where nothing but its like came since: whose it is, of which pattern, its bytes before the
# value of `t` and behind it (none, where there is no `t`), and for how many seconds the connection may then be silent.
Known = tuple["Session", Pattern, bytes, bytes, float]


class Line(asyncio.Protocol):
    """One connection. Raises nothing: what it cannot do, aiohttp does."""

    __slots__ = (
        "_early",
        "_engine",
        "_fd",
        "_handler",
        "_known",
        "_loop",
        "_owed",
        "_session",
        "_slow",
        "_transport",
        "head",
        "let_in",
    )

    def __init__(self, engine: "Engine", handler: RequestHandler) -> None:
        self._engine, self._handler = engine, handler
        self._loop = asyncio.get_running_loop()
        self._fd = -1  # once a poll was taken here, until the connection is lost
        self._known: Known | None = None
        self._session: Session | None = None  # whose poll waits here, or its answer to be taken
        self._slow: asyncio.TimerHandle | None = None  # until its reader has taken the answer
        self._owed: int | None = 0  # bytes of a body that are still to come
        self._early = b""  # came behind a poll that waits
        self.let_in: Callable[[web.Request], None] | None = None  # to be told if what came first, alone, was let in
        self.head: bytes | None = None  # of the request that the handler is about, where it might be a poll

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._handler.connection_made(transport)

    def hear_first(self, data: bytes, let_in: Callable[[web.Request], None] | None) -> None:
        self.data_received(data)
        self.let_in = let_in

    def data_received(self, data: bytes) -> None:
        self.let_in = None
        if self._session is not None or self._early:
            self._keep(data)
        elif (known := self._known) is not None and _is_like(known, data) and self._takes(known):
            return
        elif self._is_finishing and self._may_be_ours(data):
            self._early = data
            self._loop.call_soon(self._again, TICKS)
        else:
            self._hear(data)

    def _hear(self, data: bytes) -> None:
        self.head = None
        if self._may_be_ours(data) and self._is_idle and self._answers(data):
            return
        self._known = None
        self._follow(data)
        self._handler.data_received(data)

    def _may_be_poll(self, data: bytes) -> bool:
        return self._owed == 0 and len(data) <= LONGEST and data.startswith(b"GET ") and data.endswith(END)

    def _may_be_ours(self, data: bytes) -> bool:
        return self._may_be_poll(data) or (self._owed == 0 and len(data) <= LONGEST and data.startswith(b"POST "))

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
        self._fd, self._known = -1, None
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
            self._loop.call_soon(self._again, ticks - 1)
        else:
            self._go_on(self._hear)

    def _follow(self, data: bytes) -> None:
        """Where in a request the connection is after this."""
        if self._owed is LOST:
            return
        if self._owed == 0:
            head, _, body = data.partition(END)
            self._owed = body_of(head + b"\r\n") if len(head) < len(data) else LOST
        else:
            body = data
        if self._owed is not LOST:
            self._owed = self._owed - len(body) if len(body) <= self._owed else LOST

    def _answers(self, data: bytes) -> bool:
        head, end, body = data.partition(END)
        session = self._engine.sockets.get(sid_of(head))
        if session is None or not end:
            return False
        form, size = form_of(head + b"\r\n")
        is_post = data.startswith(b"POST ")
        pattern: Pattern | None = session.posted if is_post else session.pattern
        if size != len(body):
            return False
        if pattern is None or pattern[0] != form:
            self.head = head + b"\r\n"
            return False
        return self._hears(session, pattern, body) if is_post else self._asks(session, pattern, data)

    def _asks(self, session: "Session", pattern: Pattern, data: bytes) -> bool:
        span = buster_in(data)
        before, behind = (data[: span[0]], data[span[1] :]) if span else (data, b"")
        self._known = session, pattern, before, behind, self._engine.patience + self._handler.keepalive_timeout
        return self._takes(self._known)

    def _hears(self, session: "Session", pattern: Pattern, body: bytes) -> bool:
        if not polling.take_at_once(session, body):
            return False
        self._engine.short_posts += 1
        self._handler._next_keepalive_close_time = self._loop.time() + self._handler.keepalive_timeout
        self._write(answer(pattern[1], b"ok"))
        return True

    def _takes(self, known: Known) -> bool:
        """A poll of this session waits here from now on; False where it may not, which is for others to say."""
        session, pattern, _, _, grace = known
        if session.pattern is not pattern or session.polling or session.closed or session.upgraded or session.upgrading:
            return False
        self._session, session.polling = session, True
        self._engine.short_polls += 1
        # The handler closes a connection that it takes for idle: not while this poll waits, nor soon after.
        self._handler._next_keepalive_close_time = self._loop.time() + grace
        session.when_due(self._come)
        return True

    # --- the answer ---

    def _come(self) -> None:
        self._engine.answers.later(self)

    def flush(self) -> None:
        """With all that is due in this tick. Who does not take it within a heartbeat is cut off."""
        session, known = self._session, self._known
        if session is None or known is None:
            return
        taken = self._write(self._engine.answers.to(known[1][1], polling.leave(session)))
        if taken and not self._early:
            self._session = None
        elif self._handler.writing_paused:
            self._slow = self._loop.call_later(self._engine.patience, self._transport.abort)
        elif self._transport.is_closing():  # the peer was gone
            self._session = None
            session.end(self._engine.reason.TRANSPORT_ERROR)
        else:
            self._go_on(self.data_received)

    def _write(self, data: bytes) -> bool:
        """Straight to the descriptor; what the kernel does not take goes through the transport. Has it taken all?"""
        if self._fd < 0:
            self._fd = self._transport.get_extra_info("socket").fileno()
        if self._transport.is_closing():
            return False
        written = 0
        if not self._transport.get_write_buffer_size():
            try:
                written = os.write(self._fd, data)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError:
                self._transport.abort()
                return False
        if written == len(data):
            return True
        self._transport.write(memoryview(data)[written:])
        return False

    def abort(self) -> None:
        self._transport.abort()

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


def _is_like(known: Known, data: bytes) -> bool:
    """The same bytes but for `t`. Another `t` than most is looked at with more care, the long way."""
    _, _, before, behind, _ = known
    if not behind:
        return data == before
    buster = data[len(before) : -len(behind)]
    return len(buster) <= 32 and buster.isalnum() and data.startswith(before) and data.endswith(behind)


def learn(engine: "Engine", request: web.Request, response: web.StreamResponse) -> None:
    """Make the request that is being answered the pattern of its session's next ones of its kind."""
    transport = request.transport
    line = transport.get_protocol() if transport is not None else None
    if not isinstance(line, Line) or line.head is None or response.status != 200:
        return
    session = engine.sockets.get(request.query.get("sid", ""))
    form, size = form_of(line.head)
    plain = body_of(line.head) == size and request.version == HttpVersion11 and response.keep_alive
    if session is None or request.query["transport"] != "polling" or not plain or request.protocol.access_logger:
        return
    if session.upgrading or session.upgraded or any(name in response.headers for name in _ITS_OWN):
        return
    if "Content-Encoding" in request.headers:  # what comes under it may have to be refused
        return
    if "hold" in request.query:  # the short way holds a poll for as long as there is nothing to bring
        return
    lines = [f"{name}: {value}\r\n" for name, value in response.headers.items() if name.lower() not in _CHANGING]
    pattern = form, _once(f"HTTP/1.1 200 OK\r\n{''.join(lines)}".encode())
    if request.method == "GET":
        session.pattern = pattern
    else:
        session.posted = pattern


@lru_cache(maxsize=64)
def _once(top: bytes) -> bytes:
    """The same bytes object for the same bytes: hardly any two sessions' answers begin differently."""
    return top
