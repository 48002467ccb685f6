"""One Engine.IO session: what waits for its reader, its transport, its heartbeat."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web
from engineio import packet as engine_packet
from engineio.async_socket import AsyncSocket
from engineio.packet import Packet as EnginePacket

from app.live.engine import frames, library, upgrade
from app.live.engine.library import GOING_AWAY
from app.live.engine.line import Line
from app.live.engine.packets import Malformed, framed, read_packet
from app.live.engine.wire import CLOSE_TIMEOUT, TOO_SLOW, Wire, take_over

if TYPE_CHECKING:
    from app.live.engine.audience import Audience
    from app.live.engine.line import Pattern
    from app.live.engine.requests import Engine

log = logging.getLogger("parlor.live")

GOODBYE_TIMEOUT = 10.0  # seconds that what was said before the server ended a session waits for one more poll
OUTBOX_LIMIT = 1_000_000  # bytes a reader may have waiting before it is dropped

PING = EnginePacket(engine_packet.PING)


class Session(AsyncSocket):
    """One Engine.IO session: what waits for its reader, its transport, its heartbeat on the loop's clock."""

    server: "Engine"

    def __init__(self, server: "Engine", sid: str) -> None:
        self.server, self.sid = server, sid
        self.session: dict[str, Any] = {}
        self.connected = self.upgrading = self.upgraded = self.closing = self.closed = False
        self.polling = self.posting = self.left = False
        self.request: web.Request | None = None  # the WebSocket's own request, on the library's path
        self.wire: Wire | None = None  # the WebSocket, on ours
        self.upgrade: upgrade.Probe | None = None  # whose WebSocket waits for the last poll to leave
        self.pattern: Pattern | None = None  # how its polls look, once one was answered
        self.posted: Pattern | None = None  # how its POSTs do
        self.audiences: tuple[Audience, ...] = ()  # of the rooms that it hears
        self.beat = 0
        self.pinged = False
        self._held: list[EnginePacket] | None = None
        self._waiting: list[EnginePacket] = []  # a list, for most sessions never use it: an empty deque has 600 bytes
        self._waiting_bytes = 0
        self._heard: list[str | bytes] = []
        self._woken: Callable[[], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._aging: asyncio.TimerHandle | None = None

    # --- out ---

    @property
    def direct(self) -> Wire | None:
        """The wire, where nothing has to wait before it."""
        return None if self.closed or self._held is not None else self.wire

    def post(self, pkt: EnginePacket) -> None:
        """Leave a packet for the reader. One that lets more than the limit pile up is dropped, and catches up later."""
        if self.closed:
            return
        if self._held is not None and pkt.packet_type == engine_packet.MESSAGE:
            self._held.append(pkt)
        elif self.wire is not None:
            self.wire.send(framed(pkt))
        else:
            self._wait_for_reader(pkt)

    def say(self, data: str | bytes) -> None:
        """A message to this reader alone."""
        wire = self.direct
        if wire is None or isinstance(data, bytes):
            self.post(EnginePacket(engine_packet.MESSAGE, data))
        else:
            wire.send(frames.frame(f"4{data}".encode()))

    def _wait_for_reader(self, pkt: EnginePacket) -> None:
        self._waiting.append(pkt)
        self._waiting_bytes += len(pkt.data or "")
        if self._waiting_bytes > self.server.outbox_limit and len(self._waiting) > 1:  # one packet alone is no pile
            log.info("session %s dropped: its reader left %d bytes waiting", self.sid, self._waiting_bytes)
            self.abort()
        else:
            self.wake()

    async def send(self, pkt: EnginePacket) -> None:
        self.post(pkt)

    def hold(self) -> None:
        """Keep messages back until `release`: what a connect handler says comes after the CONNECT that answers it."""
        for audience in self.audiences:
            audience.part(self)
        self._held = []

    def release(self, *first: EnginePacket) -> None:
        held, self._held = self._held or [], None
        for pkt in (*first, *held):
            self.post(pkt)

    def when_due(self, woken: Callable[[], None]) -> None:
        """Call this once when there is something to take, or nothing will come any more. There is one listener."""
        self._woken = woken
        if self._waiting or self.closed:
            self.wake()

    def wake(self) -> None:
        """Let who waits for packets go, with whatever there is."""
        woken, self._woken = self._woken, None
        if woken:
            woken()

    async def until_due(self, seconds: float | None = None) -> None:
        """Wait until there is something to take, until nothing will come any more, or so long."""
        due = self._loop.create_future()
        self.when_due(lambda: None if due.done() else due.set_result(None))
        timer = self._loop.call_later(seconds, self.wake) if seconds is not None else None
        try:
            await due
        finally:
            self._woken = None
            if timer:
                timer.cancel()

    @property
    def is_waited_for(self) -> bool:
        """Has somebody still something to take?"""
        return bool(self._waiting)

    def take(self, most: int) -> list[EnginePacket]:
        """What waits, so many packets of it."""
        if len(self._waiting) <= most:
            packets, self._waiting, self._waiting_bytes = self._waiting, [], 0
            return packets
        packets, self._waiting = self._waiting[:most], self._waiting[most:]
        self._waiting_bytes -= sum(len(pkt.data or "") for pkt in packets)
        return packets

    # --- heartbeat ---

    def schedule_ping(self) -> None:
        self.server.heart.wait(self)

    def ping(self) -> None:
        self.pinged = True
        self.post(PING)

    def time_out(self) -> None:
        self.end(self.server.reason.PING_TIMEOUT)

    def schedule_end(self, age: float | None) -> None:
        """Let the client go when it gets old, and no two at once: some proxies cut old connections without a word."""
        if age is not None:
            self._aging = self._loop.call_later(age * random.uniform(0.9, 1), self._grow_old)  # noqa: S311

    def stay(self) -> None:
        """It has found a use."""
        self.server.newcomers.discard(self)

    def _grow_old(self) -> None:
        self.end(self.server.reason.TRANSPORT_CLOSE)

    async def check_ping_timeout(self) -> bool:
        return not self.closed

    # --- in ---

    async def receive(self, pkt: EnginePacket) -> None:
        """One packet from the client. Raises Malformed for what a client may not send."""
        if not self.closed and not self._heard_of(pkt):
            await self.server.message(self.sid, pkt.data)

    def _heard_of(self, pkt: EnginePacket) -> bool:
        """Done with the packet; False for a message, which is another's business. Raises Malformed."""
        if pkt.packet_type == engine_packet.MESSAGE:
            return False
        if pkt.packet_type == engine_packet.PONG:
            if self.pinged:  # one answer to each; whoever sends more would fill our memory with their due times
                self.pinged = False
                self.schedule_ping()
        elif pkt.packet_type == engine_packet.CLOSE:
            self.end(GOING_AWAY)
        elif pkt.packet_type not in (engine_packet.UPGRADE, engine_packet.NOOP):
            raise Malformed("a packet that clients do not send")
        return True

    def hear(self, data: str | bytes) -> None:
        """A message of the wire's. Where more of them wait than the listener can take, it is not read for a while."""
        if self.closed:
            return
        try:
            if data[:1] == "4":
                self.server.take(self, data[1:])
                return
            pkt = read_packet(data)
            if not self._heard_of(pkt):
                self.server.take(self, pkt.data)
        except Malformed as error:
            self.server.drop(self, error)

    def pump(self, data: str | bytes) -> None:
        """For listeners that are coroutines: one message after the other, the wire unread meanwhile."""
        self._heard.append(data)
        if len(self._heard) == 1 and self.wire is not None:
            self.wire.pause()
            self.server.soon(self._pump())

    async def _pump(self) -> None:
        try:
            while self._heard:
                await self.server.message(self.sid, self._heard[0])
                del self._heard[0]
        except Malformed as error:
            self.server.drop(self, error)
        finally:
            self._heard.clear()
            if self.wire is not None:
                self.wire.resume()

    # --- WebSocket ---

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Speak through a WebSocket: from the start, or as the upgrade of a polling session."""
        if self.server.compression or not self.server.takes_over:
            return await library.speak(self, request)
        wire = Wire(self.server.flush, self.server.outbox_limit, self.server.max_http_buffer_size)
        came_over = request.transport.get_protocol() if request.transport is not None else None
        try:
            answer = take_over(request, wire)
        except (ConnectionError, web.HTTPBadRequest) as error:  # nobody will speak in a session so new
            if not self.connected:
                self.end(self.server.reason.TRANSPORT_ERROR)
            if isinstance(error, ConnectionError):
                return web.Response(status=400)
            raise
        self.server.websockets += 1
        if isinstance(came_over, Line) and came_over.let_in:
            came_over.let_in(request)
        if self.connected:
            upgrade.Probe(self, wire)
        else:
            self.connected = True
            self.speak_over(wire)
        return answer

    def speak_over(self, wire: Wire) -> None:
        """From now on everything goes over this wire, what waits first."""
        self.upgraded = True
        wire.listen(self.hear, self._wire_is_gone)
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for pkt in waiting:
            wire.send(framed(pkt))
        self.wire, wire.at_rest = wire, self._rest
        if self.closed:
            wire.close()

    def _rest(self) -> None:
        """All that was told has left."""
        if self.audiences:
            self.audiences[-1].admit(self)

    def _wire_is_gone(self, code: int) -> None:
        self.server.websockets -= 1
        if code == TOO_SLOW:
            log.info(
                "session %s dropped: its reader left more than %d bytes waiting", self.sid, self.server.outbox_limit
            )
            self.end(self.server.reason.TRANSPORT_ERROR)
        else:
            self.end(GOING_AWAY if code == frames.GOING_AWAY else self.server.reason.TRANSPORT_CLOSE)

    # --- end ---

    def end(self, reason: str) -> None:
        """End the session, once: its transport is let go, whoever listens is told why. Never waits for the peer."""
        if self.closed:
            return
        self.closing = self.closed = True
        self.left = reason in (self.server.reason.CLIENT_DISCONNECT, GOING_AWAY)
        self.beat += 1
        self.stay()
        if self._aging:
            self._aging.cancel()
        self.wake()
        self.server.sockets.pop(self.sid, None)
        if reason == self.server.reason.SERVER_DISCONNECT and not self.upgraded:  # its poll may be on its way
            self.server.parting[self.sid] = self
            self._loop.call_later(GOODBYE_TIMEOUT, self.server.parting.pop, self.sid, None)
        self.server.soon(self.server._trigger_event("disconnect", self.sid, reason))
        if self.wire is not None:
            self.wire.close()
        elif self.request is not None:
            self._loop.call_later(2 * CLOSE_TIMEOUT, self._cut)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        self.end(reason or self.server.reason.SERVER_DISCONNECT)

    def abort(self) -> None:
        """Cut the transport now: for peers that do not read."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._cut()
        self.end(self.server.reason.TRANSPORT_ERROR)

    def _cut(self) -> None:
        if self.wire is not None:
            self.wire.abort()
        elif self.request is not None and self.request.transport is not None:
            self.request.transport.abort()
