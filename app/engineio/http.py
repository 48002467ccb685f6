"""One TCP connection that speaks HTTP/1.1: every request is parsed, whatever headers a proxy adds to it.

A request to one of our paths is answered by its Engine.IO server. Any other request is handed to aiohttp as it was
parsed: a handler of aiohttp's own writes the answer, and the connection goes on here. So both kinds may follow each
other on one connection, kept alive or pipelined. A request that asks for another protocol on a path that is not ours
takes the whole connection to aiohttp.
"""

import asyncio
import enum
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol, cast

from app.engineio.addresses import CONNECTION, AddressLimit
from app.engineio.heartbeat import Deadlines
from app.engineio.request import BadRequest, Request, RequestReader, begun, end
from app.engineio.ticks import Share, Ticks
from app.engineio.writer import SocketWriter, TickWriter, waiting_bytes

log = logging.getLogger("parlor.engineio")

MAX_EARLY = 65_536  # bytes that are read behind a request that is being answered
REQUEST_BUDGET = 10  # requests of one connection that are begun in one tick
HEAD_TIMEOUT_S = 10.0  # from the connection, or from the first byte of a request, to the end of its head
SILENT_S = 1.0  # of them at least, before a connection has to make room for others
CROWDED_TIMEOUT_S = 2.0  # in place of these, for a connection of an address that has too many
MAX_CROWDED = 100  # of those; others are cut at once
BODY_TIMEOUT_S = 45.0  # from there to the end of its body
KEEPALIVE_TIMEOUT_S = 75.0  # longer than the 60 s that common proxies keep theirs, so that none sends into a closed one
WRITE_TIMEOUT_S = 45.0  # for the peer to take an answer
LEAVING_TIMEOUT_S = 1.0  # to answer a peer that sends no more
LINGER_S = 2.0  # that a refused peer may go on sending: a reset would take the refusal along
NO_LIMIT = 1 << 62
PLAIN = b"Content-Type: text/plain; charset=UTF-8\r\n"


class Service(Protocol):
    """Answers the requests to one path."""

    @property
    def max_body(self) -> int: ...

    def handle(self, request: Request, connection: "HttpConnection") -> None:
        """Answer by `connection.answer`, now or later, or `release` the connection and set another protocol."""

    def expect(self, request: Request, connection: "HttpConnection") -> None:
        """The head of a request is here, its body is still to come."""

    def refuse(self, request: Request, connection: "HttpConnection", fault: BadRequest) -> None:
        """Answer a request whose body is not taken by `connection.fail`."""


class Services:
    """Which service answers at which path. `{room}` in a path stands for any one part of it."""

    def __init__(self) -> None:
        self._by_path: dict[str, Service] = {}
        self._patterns: list[tuple[re.Pattern[str], Service]] = []

    def add(self, path: str, service: Service) -> None:
        if "{" in path:
            parts = ("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path))
            self._patterns.append((re.compile("".join(parts)), service))
        else:
            self._by_path[path] = service

    def get(self, path: str) -> Service | None:
        if found := self._by_path.get(path):
            return found
        return next((service for pattern, service in self._patterns if pattern.fullmatch(path)), None)


Access = Callable[[Request, int, int], None]


@dataclass(eq=False)
class Front:
    """What the connections of one listener share. `handler` makes aiohttp's handler of one
    connection, as `web.Server` does; `access`, where given, is told of every request that was answered here: the
    request, the status, the bytes of the body. addresses: how many connections one address may have; None where a proxy
    makes them all. max_silent: connections that may be silent; beyond, the one that is so for longest has to go."""

    services: Services
    handler: Callable[[], Any]
    access: Access | None = None
    addresses: AddressLimit | None = None
    max_silent: int | None = None
    ticks: Ticks = field(default_factory=Ticks)
    writes: TickWriter = field(default_factory=TickWriter)
    connections: "set[HttpConnection]" = field(default_factory=set)
    is_stopping: bool = False
    _trimming: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.heads = Deadlines[HttpConnection](HEAD_TIMEOUT_S, _head_timed_out)
        self.crowded = Deadlines[HttpConnection](CROWDED_TIMEOUT_S, _close)
        self.bodies = Deadlines[HttpConnection](BODY_TIMEOUT_S, _body_timed_out)
        self.idle = Deadlines[HttpConnection](KEEPALIVE_TIMEOUT_S, _idle_timed_out)
        self.writing = Deadlines[HttpConnection](WRITE_TIMEOUT_S, _abort)
        self.leaving = Deadlines[HttpConnection](LEAVING_TIMEOUT_S, _close)
        self.lingering = Deadlines[HttpConnection](LINGER_S, _abort)

    def make_room(self) -> None:
        """Where silent connections take too many descriptors, the oldest of them end before their time. By a timer:
        when no descriptor is left there is no next connection that could ask for it."""
        if self.max_silent is not None and len(self.heads) > self.max_silent and self._trimming is None:
            self._trimming = asyncio.get_running_loop().call_later(SILENT_S, self._trim)

    def _trim(self) -> None:
        self._trimming = None
        while self.max_silent is not None and len(self.heads) > self.max_silent:
            oldest = self.heads.oldest(HEAD_TIMEOUT_S - SILENT_S)
            if oldest is None:
                self.make_room()
                return
            self.heads.discard(oldest)
            oldest.transport.abort()

    def stop(self) -> None:
        """Close the connections that are idle, and the others once they have answered."""
        self.is_stopping = True
        for connection in list(self.connections):
            if _is_idle(connection):
                connection.transport.close()

    def abort(self) -> None:
        """Cut all that are left: by a peer that is slow to ask, or to take its answer. A connection that nobody cuts
        would be closed twice when it is forgotten, by its writer and by its transport."""
        for connection in list(self.connections):
            connection.transport.abort()


def _is_idle(connection: "HttpConnection") -> bool:
    return connection._current is None and not connection.reader.requests


def _close(connection: "HttpConnection") -> None:
    connection.transport.close()


def _abort(connection: "HttpConnection") -> None:
    connection.transport.abort()


def _idle_timed_out(connection: "HttpConnection") -> None:
    """While a request waits for its answer, as a poll does, its connection is not idle: it has its time anew after
    that."""
    if connection._current is None:
        connection.transport.abort()


def _head_timed_out(connection: "HttpConnection") -> None:
    if connection.reader.is_idle:  # it has asked nothing
        connection.transport.close()
    else:
        connection.fail(BadRequest(408, f"The head of the request was not there within {HEAD_TIMEOUT_S:g} s"))


def _body_timed_out(connection: "HttpConnection") -> None:
    connection.fail(BadRequest(408, f"The body of the request was not there within {BODY_TIMEOUT_S:g} s"))


class _State(enum.Enum):
    OPEN = "open"
    CROWDED = "crowded"  # its address has too many: what it asks is refused
    DRAINING = "draining"  # the peer is slow to take the answer; nothing else is begun
    REFUSED = "refused"  # what still arrives is thrown away
    RELEASED = "released"  # somebody else's, or lost


class _Turn(Share):
    """How many requests of one connection may be begun in this tick."""

    __slots__ = ("is_awaited", "is_running")

    def __init__(self, ticks: Ticks) -> None:
        super().__init__(ticks, REQUEST_BUDGET)
        self.is_running = self.is_awaited = False


class HttpConnection(asyncio.Protocol):
    """One connection. Requests are answered one after the other, in their order. `on_lost` is called once, if the
    connection ends before the current request was answered, or before the answer was taken."""

    __slots__ = (
        "_counted",
        "_current",
        "_deadlines",
        "_front",
        "_gateway",
        "_has_eof",
        "_state",
        "_turn",
        "on_lost",
        "reader",
        "transport",
        "writer",
    )

    def __init__(self, front: Front) -> None:
        self._front = front
        self._state, self._turn = _State.OPEN, _Turn(front.ticks)
        self._current: Request | None = None  # that is being answered
        self._gateway: Gateway | None = None  # to aiohttp, while that answers
        self._has_eof = False  # the peer sends no more
        self._counted = ""  # its address, where that may have so many and no more
        self._deadlines: Deadlines[HttpConnection] | None = None
        self.on_lost: Callable[[], None] | None = None

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.writer = SocketWriter(self._front.writes, self.transport, NO_LIMIT)
        peer = transport.get_extra_info("peername")
        scheme = "http" if transport.get_extra_info("ssl_object") is None else "https"
        self.reader = RequestReader(str(peer[0]) if isinstance(peer, tuple) else "", scheme)
        self._front.connections.add(self)
        addresses = self._front.addresses
        if addresses and not addresses.enter(self.reader.peer, CONNECTION):
            _crowd(self)
            return
        self._counted = self.reader.peer
        self.wait(self._front.heads)
        self._front.make_room()

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        if self._state is _State.CROWDED and not self.reader.is_in_head:
            self._state = _State.OPEN
            asked = next(iter(self.reader.requests), None)
            self.reader.requests.clear()
            assert self._front.addresses
            self.fail(BadRequest(429, self._front.addresses.sentence), asked)
        self._advance()

    def eof_received(self) -> bool:
        """The peer sends no more. Mostly it has gone; one that only closed its half still gets what it asked, but for a
        poll that waits, and but for TLS, which knows no halves."""
        self._has_eof = True
        if self._state is not _State.OPEN or _is_idle(self) or self.transport.get_extra_info("ssl_object"):
            return False
        if self._gateway is None and self._current and self._current.method == "GET":
            asyncio.get_running_loop().call_soon(_end_held, self, self._current)
        else:
            self.wait(self._front.leaving)
        return True

    def pause_writing(self) -> None:
        if self._gateway:
            self._gateway.handler.pause_writing()

    def resume_writing(self) -> None:
        if self._gateway:
            self._gateway.handler.resume_writing()
        elif self._state is _State.DRAINING:
            self._state = _State.OPEN
            self.transport.set_write_buffer_limits()
            self.next_request()
        elif self.writer.on_writable:
            self.writer.on_writable()

    def connection_lost(self, error: Exception | None) -> None:
        on_lost, self.on_lost = self.on_lost, None
        gateway, self._gateway = self._gateway, None
        self.release()
        self.writer.release()
        if on_lost:
            on_lost()
        if gateway:
            gateway.handler.connection_lost(error)

    def release(self) -> None:
        """The connection is lost, or somebody else's."""
        self._state = _State.RELEASED
        end(self.reader)
        self.wait(None)
        self._front.connections.discard(self)
        if self._counted and self._front.addresses:
            self._front.addresses.leave(self._counted, CONNECTION)
        self._counted = ""

    # --- requests ---

    def _advance(self) -> None:
        """Go on with the requests that have arrived, as far as they can be answered."""
        if self._turn.is_running:
            return
        self._turn.is_running = True
        try:
            while self._state is _State.OPEN and self._step():
                pass
        finally:
            self._turn.is_running = False
        is_busy = self._state is not _State.RELEASED and (self._current or self._turn.is_awaited)
        if is_busy and self.reader.early > MAX_EARLY:  # reading on tells when the peer goes
            self.transport.pause_reading()

    def _step(self) -> bool:
        """The next thing to do; False where something has to arrive, or to be answered, first."""
        if self.reader.unread:
            self.reader.feed(b"")
        if self._gateway:
            self._gateway.feed()
            if self.reader.fault and self._current and not self._current.is_complete:
                self._gateway.break_off(self.reader.fault)
        if self._current is not None or self.transport.is_closing():
            return False
        if not self.reader.requests:
            if self.reader.fault:
                self.fail(self.reader.fault)
            elif self.reader.is_in_head:
                self.wait(self._front.heads)
            return False
        request = self.reader.requests[0]
        service = self._front.services.get(request.path)
        if service and not request.is_complete:
            _wait_for_body(self, request, service)
            return False
        # The packets of a POST have a budget of their own, for one in a tick.
        if not self._turn.spend(REQUEST_BUDGET if request.method == "POST" else 1):
            if not self._turn.is_awaited:
                self._turn.is_awaited = True
                asyncio.get_running_loop().call_soon(_turn_has_come, self)
            return False
        self.reader.requests.popleft()
        if service is not None:
            self.serve(request, service)
            return self._current is None
        self.wait(None)
        self._current = request
        if request.is_upgrade:
            _hand_over(self, self._front.handler(), request)
        else:
            self._gateway = Gateway(self, self._front.handler(), request)
        return True

    # --- answers ---

    def serve(self, request: Request, service: Service) -> None:
        """Let `service` answer this request."""
        if self._deadlines is not self._front.idle:  # which knows that nobody is idle who waits for an answer
            self.wait(None)
        self._current, self._gateway = request, None
        if fault := _body_fault(request, service.max_body):
            service.refuse(request, self, fault)
        else:
            service.handle(request, self)

    def answer(self, status: int, headers: bytes, body: bytes) -> None:
        """Answer the current request. headers: whole lines. `on_lost` stays set until the peer has taken it."""
        request = self._current
        assert request
        keep_alive = request.keep_alive and not self._front.is_stopping and self.reader.fault is None
        if self._front.access:
            self._front.access(request, status, len(body))
        self.writer.write(_response(status, headers, body if request.method != "HEAD" else b"", len(body), keep_alive))
        if self.transport.is_closing():  # nobody takes it
            return
        if request.is_upgrade and self.reader.is_stopped:
            self.reader.go_on()
        if not keep_alive:
            self.transport.close()
        if self.writer.has_backlog:
            self.answered(self._front.writing)
        else:
            self.next_request()

    def answered(self, deadlines: "Deadlines[HttpConnection] | None") -> None:
        """The answer was written. The next request waits until the peer has taken all of it, which has to be in time
        for `deadlines`."""
        self._gateway = None
        if waiting_bytes(self.transport):
            self._state = _State.DRAINING
            self.wait(deadlines)
            self.transport.set_write_buffer_limits(high=0)
            self.transport.write(b"")  # now it says when all was taken
        else:
            self.next_request()

    def next_request(self) -> None:
        """The peer has taken the answer; go on with the next request, if there is one."""
        self.on_lost = self._current = None
        if self.transport.is_closing():
            return
        if (self._front.is_stopping or self._has_eof) and _is_idle(self):
            self.transport.close()
            return
        if self._has_eof:
            self.wait(self._front.leaving)
        else:
            self._deadlines = self._front.idle
            self._front.idle.add(self)
        self.transport.resume_reading()
        if not self.reader.has_nothing:
            self._advance()

    def fail(
        self, fault: BadRequest, request: Request | None = None, headers: bytes = PLAIN, body: bytes = b""
    ) -> None:
        """Say what is wrong, and close: what follows may not be understood. request: that is refused, where it is not
        the one at hand."""
        on_lost, self.on_lost = self.on_lost, None
        if self._state is not _State.OPEN or self.transport.is_closing():
            return
        self._state, self.reader.fault = _State.REFUSED, fault
        if on_lost:
            on_lost()
        body = body or str(fault).encode()
        if self._front.access:
            at_hand = request or self._current or next(iter(self.reader.requests), None) or begun(self.reader)
            self._front.access(at_hand, fault.status, len(body))
        elif fault.status != 429:  # told once a minute
            log.info("a request from %s came to nothing: %d %s", self.reader.peer, fault.status, fault)
        self.writer.send(_response(fault.status, headers, body, len(body), False))
        self.writer.flush()
        if self._has_eof or not self.transport.can_write_eof() or self.transport.is_closing():
            self.transport.close()
            return
        try:
            self.transport.write_eof()
        except OSError:  # it has gone already
            self.transport.abort()
            return
        self.wait(self._front.lingering)
        self.transport.resume_reading()

    def wait(self, deadlines: "Deadlines[HttpConnection] | None") -> bool:
        """From now on these hold. True where they did not already."""
        if deadlines is self._deadlines:
            return False
        if self._deadlines is not None:
            self._deadlines.discard(self)
        self._deadlines = deadlines
        if deadlines is not None:
            deadlines.add(self)
        return True


class Gateway(asyncio.Transport):
    """What aiohttp's handler of one request takes for its connection. The handler is told to close behind its answer:
    that it does is how we learn that it has ended."""

    def __init__(self, connection: HttpConnection, handler: Any, request: Request) -> None:
        super().__init__()
        self.connection, self.handler, self._request = connection, handler, request
        self._transport = connection.transport
        self._has_begun = self._is_fed = self._is_closed = False
        handler.connection_made(self)
        handler._keepalive = False  # until it has answered in full
        handler.data_received(request.head)

    def feed(self) -> None:
        """Hand on what has arrived of the body."""
        request = self._request
        if request.body:
            data = _framed(request, bytes(request.body))
            request.body.clear()
            self.handler.data_received(data)
        if request.is_complete and not self._is_fed:
            self._is_fed = True
            if end := _framed(request, b""):
                self.handler.data_received(end)
            if self._has_begun:  # a handler that is to close reads no more of the body
                self.handler.close()

    def break_off(self, fault: BadRequest) -> None:
        """The body cannot go on. aiohttp would wait for it for ever."""
        self._is_closed = True
        self.connection._gateway = None
        self.handler.connection_lost(None)
        if self._has_begun:
            self._transport.close()
        else:
            self.connection.fail(fault)

    def write(self, data: Any) -> None:
        self._transport.write(data)
        if not self._has_begun and bytes(data[:12]) != b"HTTP/1.1 100":
            self._has_begun = True
            if self._is_fed:
                self.handler.close()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """The handler has ended."""
        if not self._is_closed:
            self._is_closed = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        handler, connection = self.handler, self.connection
        goes_on = self._has_begun and self._is_fed and handler._keepalive and not handler._force_close
        handler.connection_lost(None)
        if goes_on and self._request.keep_alive:
            connection.answered(None)
        else:
            self._transport.close()

    def give_back(self) -> HttpConnection:
        """The handler has found that the request is not its own."""
        self._is_closed = True
        return self.connection

    @property
    def _sendfile_compatible(self) -> Any:
        """asyncio asks for this attribute. It could not see past us, and aiohttp then reads files by itself."""
        raise NotImplementedError

    def abort(self) -> None:
        self._is_closed = True
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._is_closed or self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return waiting_bytes(self._transport)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)


def begin_stream(connection: HttpConnection, headers: bytes, limit: int) -> None:
    """Answer the current request by bytes that come as they come (`writer.send`), to the end of the connection.
    limit: bytes that may wait for a slow reader. `on_lost` tells of its end."""
    request, front = connection._current, connection._front
    assert request
    if front.access:
        front.access(request, 200, 0)
    connection.writer.limit = limit
    top, date = _top(200, headers), _date(int(time.time()))
    connection.writer.send(b"%bDate: %b\r\nConnection: close\r\n\r\n" % (top, date))


def end_stream(connection: HttpConnection) -> None:
    """Close it, when the peer has taken what was sent."""
    connection.writer.flush()
    connection.writer.is_closed = True
    connection.wait(connection._front.writing)
    connection.transport.close()


def _crowd(connection: HttpConnection) -> None:
    """Its address has too many. It is told so once it has asked something, unless very many are to be told."""
    connection._state = _State.CROWDED
    connection.wait(connection._front.crowded)
    if len(connection._front.crowded) > MAX_CROWDED:
        connection.transport.abort()


def _framed(request: Request, data: bytes) -> bytes:
    """A piece of a body as its request announces it; an empty piece is the end."""
    if "Transfer-Encoding" not in request:
        return data
    return b"%x\r\n%b\r\n" % (len(data), data)


def _end_held(connection: HttpConnection, request: Request) -> None:
    if connection._current is request:  # a poll that waits
        connection.transport.close()


def _turn_has_come(connection: HttpConnection) -> None:
    connection._turn.is_awaited = False
    if connection._state is _State.OPEN:
        connection.transport.resume_reading()
        connection._advance()


def _hand_over(connection: HttpConnection, handler: Any, request: Request) -> None:
    """The whole connection is aiohttp's: it is to speak another protocol there."""
    connection.release()
    connection.writer.release()
    transport = connection.transport
    transport.set_protocol(handler)
    handler.connection_made(transport)
    handler.data_received(request.head + connection.reader.rest)
    connection.reader.rest = b""


def _wait_for_body(connection: HttpConnection, request: Request, service: Service) -> None:
    front = connection._front
    if fault := connection.reader.fault or _body_fault(request, service.max_body):
        connection.reader.requests.clear()
        service.refuse(request, connection, fault)
    elif connection.wait(front.bodies):
        if "Expect" in request:
            connection.writer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        service.expect(request, connection)


def _body_fault(request: Request, limit: int) -> BadRequest | None:
    """Why the body of a request to one of our paths is not read."""
    named = request.named
    if b"content-encoding" in named:
        return BadRequest(415, "Compressed bodies are not read here")
    if b"expect" in named and request.get("Expect").lower() not in ("", "100-continue"):
        return BadRequest(417, "Expectation Failed")
    length = named.get(b"content-length", b"0")
    if len(request.body) > limit or (length.isdigit() and int(length[:18]) > limit):
        return BadRequest(413, f"More than {limit} bytes")
    return None


def _response(status: int, headers: bytes, body: bytes, length: int, keep_alive: bool) -> bytes:
    return b"%bDate: %b\r\nContent-Length: %d\r\n%b\r\n%b" % (
        _top(status, headers),
        _date(int(time.time())),
        length,
        b"" if keep_alive else b"Connection: close\r\n",
        body,
    )


@lru_cache(256)
def _top(status: int, headers: bytes) -> bytes:
    return b"HTTP/1.1 %d %b\r\n%b" % (status, HTTPStatus(status).phrase.encode(), headers)


@lru_cache(2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
