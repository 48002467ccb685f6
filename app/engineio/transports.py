"""The transports of a session behind one small interface."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from app.engineio import frames
from app.engineio.intake import Intake
from app.engineio.packet import Encoded, Packet, ProtocolError, decode_payload, encode_payload
from app.engineio.reason import Reason
from app.engineio.stream import EventStream
from app.engineio.ticks import Share, Ticks
from app.engineio.websocket import TOO_SLOW, WebSocketConnection
from app.engineio.writer import SocketWriter, TickWriter

log = logging.getLogger("parlor.engineio")

MAX_POLL_PACKETS = 15  # in one answer; with a goodbye 16, which is all that python-engineio's client takes at once
UPGRADE_POLL_S = 0.22  # that a poll is held during an upgrade: fewer than five a second are no storm
UPGRADE_TIMEOUT_S = 10.0  # from the upgrade's WebSocket to its `5`
PAUSED_POLL_S = 0.2  # between looks whether a client that polls too often is read again
READ_BUDGET = 100  # packets of one POST that are read in one tick

NOOP = Packet("6")
PROBE, PROBED, UPGRADE = "2probe", b"3probe", "5"


class Transport(Protocol):
    """What a session needs of its transport. `pause` and `resume` concern reading."""

    name: str

    @property
    def buffered(self) -> int: ...

    @property
    def writer(self) -> SocketWriter | None: ...

    def send(self, packet: Packet) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self, goodbye: Packet) -> None: ...

    def abort(self) -> None: ...


class Receiver(Protocol):
    """What a transport needs of its session."""

    @property
    def intake(self) -> Intake: ...

    def receive(self, encoded: Encoded) -> None:
        """One packet of the client's. Raises ProtocolError."""

    def fail(self, why: str = "") -> None:
        """End the session: its transport failed, or the client broke the protocol. why: a line for the log."""

    def end(self, reason: Reason) -> None: ...


class Exchange(Protocol):
    """One request that waits for its answer. `on_lost` is called if its connection ends first, or before the answer
    was taken."""

    on_lost: Callable[[], None] | None

    @property
    def connection(self) -> object: ...

    def abort(self) -> None:
        """Cut its connection."""

    def respond(self, body: bytes) -> None: ...

    def refuse(self, code: int, text: str, status: int = 400) -> None: ...


class PollWriter(TickWriter):
    """Answers the polls of a tick together. Sessions that are told the same share one body."""

    def __init__(self) -> None:
        super().__init__()
        self._packets: list[Packet] = []
        self._body = b""

    def _flush(self) -> None:
        super()._flush()
        self._packets, self._body = [], b""

    def body(self, packets: list[Packet]) -> bytes:
        if packets != self._packets:
            self._packets, self._body = packets, encode_payload(packets)
        return self._body


class PollingTransport:
    """HTTP long-polling: one GET at a time brings what waits, one POST at a time is read (`posts`)."""

    name = "polling"
    writer = None

    __slots__ = (
        "_answered",
        "_goodbye",
        "_is_scheduled",
        "_limit",
        "_polls",
        "_receiver",
        "_timer",
        "_waiting",
        "buffered",
        "held",
        "is_upgrading",
        "posts",
    )

    def __init__(self, receiver: Receiver, polls: PollWriter, limit: int, ticks: Ticks) -> None:
        """limit: characters that may wait for a poll."""
        self._receiver, self._polls, self._limit = receiver, polls, limit
        self.posts = PostReader(receiver, ticks)
        self._waiting: list[Packet] = []
        self.buffered = 0  # characters that wait for a poll
        self.held: Exchange | None = None  # the poll that waits
        self._answered: Exchange | None = None  # the one before
        self._is_scheduled = False  # the poll is answered at the end of this tick
        self._timer: asyncio.TimerHandle | None = None  # the end of a poll that is not held for long
        self._goodbye: Packet | None = None  # sent behind everything else
        self.is_upgrading = False  # a WebSocket has probed: polls are answered soon

    def send(self, packet: Packet) -> None:
        """A reader that leaves too much waiting is dropped, unless that is one packet alone."""
        self._waiting.append(packet)
        self.buffered += len(packet.data)
        if self.buffered > self._limit and len(self._waiting) > 1:
            waiting = self.buffered
            self.abort()
            self._receiver.fail(f"its reader left {waiting} bytes waiting")
        else:
            self._schedule()

    def poll(self, exchange: Exchange, hold_s: float | None = None) -> None:
        """A GET, to be answered after `hold_s` seconds at the latest. A second one beside it ends the session, and so
        does one whose connection is lost: what it carried would be lost without a word."""
        if self.held is not None:
            self._receiver.fail()
            exchange.refuse(3, "Bad request: two polls at once")
            return
        self.held = exchange
        exchange.on_lost = self._poll_lost
        if self.is_upgrading:
            hold_s = UPGRADE_POLL_S if hold_s is None else min(hold_s, UPGRADE_POLL_S)
        if self._waiting or self._goodbye:
            self._schedule()
        elif hold_s is not None:
            self._timer = asyncio.get_running_loop().call_later(hold_s, self._end_hold, exchange)

    def _end_hold(self, exchange: Exchange) -> None:
        """Answer a poll that brings nothing, unless its client asks too often."""
        if self.posts.is_paused and exchange is self.held:
            self._timer = asyncio.get_running_loop().call_later(PAUSED_POLL_S, self._end_hold, exchange)
        else:
            self._answer(exchange)

    def release_poll(self) -> None:
        """Answer the poll that waits now, with whatever there is."""
        if self.held is not None:
            self._answer(self.held)

    def _schedule(self) -> None:
        if self.held is not None and not self._is_scheduled:
            self._is_scheduled = True
            self._polls.schedule(self)

    def flush(self) -> None:
        self._is_scheduled = False
        if self.held is not None and (self._waiting or self._goodbye):
            self._answer(self.held)

    def _answer(self, exchange: Exchange) -> None:
        if exchange is not self.held:  # was answered meanwhile
            return
        self._poll_ended()
        self._answered = exchange
        packets = self._take(MAX_POLL_PACKETS)
        if self._goodbye and not self._waiting:
            packets.append(self._goodbye)
        # What it carries is lost if nobody takes it; a NOOP carries nothing.
        exchange.on_lost = self._receiver.fail if packets else None
        exchange.respond(self._polls.body(packets or [NOOP]))

    def _take(self, most: int) -> list[Packet]:
        packets, self._waiting = self._waiting[:most], self._waiting[most:]
        self.buffered = sum(len(packet.data) for packet in self._waiting) if self._waiting else 0
        return packets

    def take_all(self) -> list[Packet]:
        """Everything that waits: another transport sends it."""
        return self._take(len(self._waiting))

    def _poll_lost(self) -> None:
        self._poll_ended()
        self._receiver.fail()

    def _poll_ended(self) -> None:
        self.held = None
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def pause(self) -> None:
        self.posts.pause()

    def resume(self) -> None:
        self.posts.resume()

    def close(self, goodbye: Packet) -> None:
        self._goodbye = goodbye
        self._schedule()

    def abort(self) -> None:
        """Nothing that waits is sent any more, nor what somebody is slow to take."""
        self._waiting, self.buffered = [], 0
        if self._answered and self._answered.on_lost == self._receiver.fail:  # its connection may carry others, too
            self._answered.abort()


class StreamTransport:
    """Server-sent events: one GET that lasts as long as the session brings each packet as an event, POSTs are read as
    those of a client that polls. For networks that cut WebSockets and hold long polls back."""

    name = "sse"
    writer = None

    __slots__ = ("_receiver", "_stream", "posts")

    def __init__(self, receiver: Receiver, stream: EventStream, ticks: Ticks) -> None:
        self._receiver, self._stream = receiver, stream
        self.posts = PostReader(receiver, ticks)

    def begin(self, headers: str, limit: int) -> None:
        """headers: whole lines. limit: bytes that may wait for a slow reader."""
        self._stream.begin(headers, limit)
        self._stream.on_too_slow(lambda: self._receiver.fail(f"its reader left more than {limit} bytes waiting"))
        self._stream.on_end(lambda: self._receiver.end(Reason.TRANSPORT_CLOSE))

    @property
    def buffered(self) -> int:
        return self._stream.buffered

    def send(self, packet: Packet) -> None:
        self._stream.send(packet.event)

    def pause(self) -> None:
        self.posts.pause()

    def resume(self) -> None:
        self.posts.resume()

    def close(self, goodbye: Packet) -> None:
        self._stream.send(goodbye.event)
        self._stream.end()

    def abort(self) -> None:
        self._stream.abort()


class PostReader:
    """The POSTs of one session. One is answered when its last packet was received, so that a client is slowed down by
    its own transport."""

    __slots__ = ("_incoming", "_post", "_receiver", "_share", "is_paused")

    def __init__(self, receiver: Receiver, ticks: Ticks) -> None:
        self._receiver, self._share = receiver, Share(ticks, READ_BUDGET)
        self._post: Exchange | None = None
        self._incoming: list[Encoded] = []  # its packets, last first
        self.is_paused = False

    def expect(self, exchange: Exchange) -> None:
        """The head of a POST is here, its body to come. One that breaks off ends the session, as its client does."""
        if self._post is not None:
            self._receiver.fail()
        else:
            self._post = exchange
            exchange.on_lost = self._lost

    def forget(self, connection: object) -> None:
        """It was refused, and nothing of it was read."""
        if self._post is not None and self._post.connection is connection:
            self._post = None

    def read(self, exchange: Exchange, body: bytes) -> None:
        """Receive all of its packets, or none. A second POST beside it ends the session."""
        if self._post is not None and self._post.connection is not exchange.connection:
            self._receiver.fail()
            exchange.refuse(3, "Bad request: two posts at once")
            return
        self._post = None
        try:
            packets = decode_payload(body)
        except ProtocolError as error:
            self._receiver.fail(str(error))
            exchange.refuse(3, f"Bad request: {error}")
            return
        packets.reverse()
        self._post, self._incoming = exchange, packets
        exchange.on_lost = self._lost
        self._read()

    def _read(self) -> None:
        """As many packets as a tick may have; the next ones behind what others want."""
        exchange = self._post
        if exchange is None:
            return
        try:
            while self._incoming and not self.is_paused:
                if not self._share.spend():
                    asyncio.get_running_loop().call_soon(self._read)
                    return
                self._receiver.receive(self._incoming.pop())
        except ProtocolError as error:
            self._fail(exchange, str(error))
            return
        except Exception:
            log.exception("a packet could not be handled")
            self._fail(exchange, "a packet could not be handled")
            return
        if not self._incoming:
            self._post = None
            exchange.on_lost = None
            exchange.respond(b"ok")

    def _fail(self, exchange: Exchange, why: str) -> None:
        self._post, self._incoming = None, []
        exchange.on_lost = None
        self._receiver.fail(why)
        exchange.refuse(3, f"Bad request: {why}")

    def read_rest(self) -> None:
        """The packets that were not read yet, before another transport brings more. Raises ProtocolError."""
        while self._incoming:
            self._receiver.receive(self._incoming.pop())
        self.is_paused = False  # the other transport is slowed down in its place
        self._read()

    def _lost(self) -> None:
        self._post = None
        self._receiver.fail()

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        if self.is_paused:
            self.is_paused = False
            asyncio.get_running_loop().call_soon(self._read)


TAKES_POSTS = PollingTransport | StreamTransport  # what a client says comes by POST


class WebSocketTransport:
    """A WebSocket, as a session's transport."""

    name = "websocket"

    __slots__ = ("_connection", "_receiver", "writer")

    def __init__(self, receiver: Receiver, connection: WebSocketConnection) -> None:
        self._receiver, self._connection, self.writer = receiver, connection, connection.writer

    def start(self, early: bytes = b"") -> None:
        """Receive from now on, first what arrived behind the handshake."""
        self._connection.listen(self)
        self._connection.resume(early)

    @property
    def buffered(self) -> int:
        return self.writer.buffered

    def send(self, packet: Packet) -> None:
        self.writer.send(packet.frame)

    def message_received(self, data: str | bytes) -> None:
        try:
            self._receiver.receive(data)
        except ProtocolError as error:
            self._receiver.fail(str(error))

    def control_received(self, count: int) -> None:
        self._receiver.intake.charge(count)

    def connection_closed(self, code: int) -> None:
        if code == TOO_SLOW:
            self._receiver.fail(f"its reader left more than {self.writer.limit} bytes waiting")
        else:
            self._receiver.end(Reason.GOING_AWAY if code == frames.GOING_AWAY else Reason.TRANSPORT_CLOSE)

    def pause(self) -> None:
        self._connection.pause()

    def resume(self) -> None:
        self._connection.resume()

    def close(self, _goodbye: Packet) -> None:
        self._connection.close()

    def abort(self) -> None:
        self._connection.abort()
