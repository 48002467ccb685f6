"""One Engine.IO session: what waits for its reader, its transport, its heartbeat."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web
from engineio import packet as engine_packet
from engineio.async_socket import AsyncSocket
from engineio.packet import Packet as EnginePacket

from app.live.engine.packets import Malformed, read_body, read_packet, read_payload

if TYPE_CHECKING:
    from app.live.engine.requests import Engine

log = logging.getLogger("parlor.live")

UPGRADE_TIMEOUT = 10.0  # seconds from the upgrade's WebSocket to its `5`
UPGRADE_POLL = 0.3  # seconds a poll is held while an upgrade is under way: three a second are no storm
CLOSE_TIMEOUT = 1.0  # seconds we wait for a peer's close frame
GOODBYE_TIMEOUT = 10.0  # seconds that what was said before the server ended a session waits for one more poll
OUTBOX_LIMIT = 1_000_000  # bytes a reader may have waiting before it is dropped
POLL_PACKETS = 15  # in one answer; with a goodbye 16, which is all that python-engineio's client takes at once
WRITE_PACKETS = 1_000  # written in one go to a WebSocket

LATE = 1.0  # seconds by which a timer may be late before we take it that we ourselves stood still
CATCH_BREATH = 5.0  # seconds to read what came meanwhile

PROBE = "probe"
GOING_AWAY = "going away"  # the reason where a page was closed or loaded anew (RFC 6455, 7.4.1: 1001; Engine.IO: CLOSE)
NOOP = EnginePacket(engine_packet.NOOP)


class Session(AsyncSocket):
    """One Engine.IO session: what waits for its reader, its transport, its heartbeat on the loop's clock."""

    server: "Engine"

    def __init__(self, server: "Engine", sid: str) -> None:
        self.server, self.sid = server, sid
        self.session: dict[str, Any] = {}
        self.connected = self.upgrading = self.upgraded = self.closing = self.closed = False
        self.polling = self.posting = self.left = False
        self.request: web.Request | None = None  # the WebSocket's own request, once there is one
        self._held: list[EnginePacket] | None = None
        self._waiting: deque[EnginePacket] = deque()
        self._waiting_bytes = 0
        self._reader: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._aging: asyncio.TimerHandle | None = None
        self._due = 0.0  # the loop's time at which it should go off

    # --- out ---

    def post(self, pkt: EnginePacket) -> None:
        """Leave a packet for the reader. One that lets more than the limit pile up is dropped, and catches up later."""
        if self.closed:
            return
        if self._held is not None and pkt.packet_type == engine_packet.MESSAGE:
            self._held.append(pkt)
            return
        self._waiting.append(pkt)
        self._waiting_bytes += len(pkt.data or "")
        if self._waiting_bytes > self.server.outbox_limit and len(self._waiting) > 1:  # one packet alone is no pile
            log.info("session %s dropped: its reader left %d bytes waiting", self.sid, self._waiting_bytes)
            self.abort()
        else:
            self._wake()

    async def send(self, pkt: EnginePacket) -> None:
        self.post(pkt)

    def hold(self) -> None:
        """Keep messages back until `release`: what a connect handler says comes after the CONNECT that answers it."""
        self._held = []

    def release(self, *first: EnginePacket) -> None:
        held, self._held = self._held or [], None
        for pkt in (*first, *held):
            self.post(pkt)

    def _wake(self) -> None:
        if self._reader and not self._reader.done():
            self._reader.set_result(None)

    async def _gather(self, most: int, seconds: float | None = None) -> list[EnginePacket]:
        """What waits, `most` packets of it, once something does; nothing after `seconds`, or when closed or let go."""
        if not self._waiting and not self.closed:
            self._reader = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._wake) if seconds is not None else None
            try:
                await self._reader
            finally:
                self._reader = None
                if timer:
                    timer.cancel()
        packets = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._waiting_bytes -= sum(len(pkt.data or "") for pkt in packets)
        return packets

    # --- heartbeat ---

    def schedule_ping(self) -> None:
        self._set_timer(self.server.ping_interval, self._ping)

    def _ping(self) -> None:
        self.post(EnginePacket(engine_packet.PING))
        self._set_timer(self.server.ping_timeout, self._ping_timed_out)

    def _ping_timed_out(self) -> None:
        """The answer may have come while this process stood still (SIGSTOP, a suspended machine): then it is read now,
        and nobody has to go for it."""
        if self._loop.time() - self._due > LATE:
            self._set_timer(min(self.server.ping_timeout, CATCH_BREATH), self._ping_timed_out)
        else:
            self.end(self.server.reason.PING_TIMEOUT)

    def _set_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        self._due = self._loop.time() + seconds
        if self._timer:
            self._timer.cancel()
        self._timer = None if self.closed else self._loop.call_later(seconds, callback)

    def schedule_end(self, age: float | None) -> None:
        """Let the client go when it gets old, and no two at once: some proxies cut old connections without a word."""
        if age is not None:
            self._aging = self._loop.call_later(age * random.uniform(0.9, 1), self._grow_old)  # noqa: S311

    def _grow_old(self) -> None:
        self.end(self.server.reason.TRANSPORT_CLOSE)

    async def check_ping_timeout(self) -> bool:
        return not self.closed

    # --- in ---

    async def receive(self, pkt: EnginePacket) -> None:
        """One packet from the client. Raises Malformed for what a client may not send."""
        if self.closed:
            return
        if pkt.packet_type == engine_packet.PONG:
            self.schedule_ping()
        elif pkt.packet_type == engine_packet.MESSAGE:
            await self.server.message(self.sid, pkt.data)
        elif pkt.packet_type == engine_packet.CLOSE:
            self.end(GOING_AWAY)
        elif pkt.packet_type not in (engine_packet.UPGRADE, engine_packet.NOOP):
            raise Malformed("a packet that clients do not send")

    # --- polling ---

    async def poll(self) -> list[EnginePacket]:
        """What one GET brings. A second GET beside it, and one that is aborted, end the session (Engine.IO 4, HTTP
        long-polling): its packets would otherwise be written into a dead answer and lost without a word."""
        if self.polling:
            self.end(self.server.reason.TRANSPORT_ERROR)
            raise Malformed("two polls at once")
        self.polling = True
        try:
            packets = await self._gather(POLL_PACKETS, UPGRADE_POLL if self.upgrading else None)
        except asyncio.CancelledError:
            self.polling = False
            self.end(self.server.reason.TRANSPORT_ERROR)
            raise
        self.polling = False
        if self.closed and not (self._waiting and self.sid in self.server.parting):
            self.server.parting.pop(self.sid, None)
            packets.append(NOOP if self.left else EnginePacket(engine_packet.CLOSE))
        return packets or [NOOP]

    async def handle_post(self, request: web.Request) -> web.Response:
        """Take the packets of one POST, all or none."""
        if self.posting:
            self.end(self.server.reason.TRANSPORT_ERROR)
            raise Malformed("two posts at once")
        self.posting = True
        try:
            body = await read_body(request, self.server.max_http_buffer_size, self.server.patience)
            packets = read_payload(body)
            for pkt in packets:
                await self.receive(pkt)
        except Malformed as error:
            self.server.drop(self, error)
            raise
        except (asyncio.CancelledError, ConnectionError):  # broken off: nobody knows what of it was taken
            self.end(self.server.reason.TRANSPORT_ERROR)
            raise
        finally:
            self.posting = False
        return web.Response(text="ok")

    # --- WebSocket ---

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Speak through a WebSocket: from the start, or as the upgrade of a polling session."""
        ws = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size,
            compress=self.server.compression,
            timeout=CLOSE_TIMEOUT,
        )
        try:
            await ws.prepare(request)
        except BaseException as error:  # a broken handshake, or a peer that left: nobody will speak in a session so new
            if not self.connected:
                self.end(self.server.reason.TRANSPORT_ERROR)
            if isinstance(error, ConnectionError):
                return web.Response(status=400)
            raise
        self.server.websockets += 1
        try:
            return await self._speak(ws, request)
        finally:
            self.server.websockets -= 1

    async def _speak(self, ws: web.WebSocketResponse, request: web.Request) -> web.StreamResponse:
        if self.connected and not await self._upgrade(ws):
            await ws.close()
            return ws
        self.connected = self.upgraded = True
        self.request = request
        writer = asyncio.create_task(self._write_all(ws))
        try:
            await self._read_all(ws)
        finally:
            self.end(self.server.reason.TRANSPORT_CLOSE)
            self._wake()
            await asyncio.wait([writer], timeout=CLOSE_TIMEOUT)
            writer.cancel()
        return ws

    async def _upgrade(self, ws: web.WebSocketResponse) -> bool:
        """`2probe`, `3probe`, `5`. Polls bring messages all the while; only at `5` does the WebSocket take over."""
        if self.upgraded or self.upgrading:
            return False
        probed = False
        try:
            async with asyncio.timeout(UPGRADE_TIMEOUT):
                if await ws.receive_str() != f"{engine_packet.PING}{PROBE}" or self.upgraded or self.upgrading:
                    return False  # whoever probes first is the upgrade, others that were open by then are not
                self.upgrading = probed = True
                await ws.send_str(f"{engine_packet.PONG}{PROBE}")
                self._wake()
                if await ws.receive_str() != str(engine_packet.UPGRADE):
                    return False
        except (TimeoutError, TypeError, ConnectionError, RuntimeError):
            return False
        finally:
            if probed:
                self.upgrading = False
        if self.closed:
            return False
        self.upgraded = True
        while self.polling:  # the last poll leaves first: two readers of one queue would lose the order
            self._wake()
            await asyncio.sleep(0)
        return True

    async def _read_all(self, ws: web.WebSocketResponse) -> None:
        while not self.closed:
            frame = await ws.receive()
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                if frame.type == WSMsgType.CLOSE and frame.data == WSCloseCode.GOING_AWAY:
                    self.end(GOING_AWAY)
                return
            try:
                await self.receive(read_packet(frame.data))
            except Malformed as error:
                self.server.drop(self, error)

    async def _write_all(self, ws: web.WebSocketResponse) -> None:
        try:
            while True:
                packets = await self._gather(WRITE_PACKETS)
                for pkt in packets:
                    encoded = pkt.encode()
                    await (ws.send_bytes(encoded) if isinstance(encoded, bytes) else ws.send_str(encoded))
                if self.closed and not self._waiting:
                    await ws.close()
                    return
        except (ConnectionError, RuntimeError):
            self.abort()

    # --- end ---

    def end(self, reason: str) -> None:
        """End the session, once: its transport is let go, whoever listens is told why. Never waits for the peer."""
        if self.closed:
            return
        self.closing = self.closed = True
        self.left = reason in (self.server.reason.CLIENT_DISCONNECT, GOING_AWAY)
        self._set_timer(0, self._wake)
        if self._aging:
            self._aging.cancel()
        self._wake()
        self.server.sockets.pop(self.sid, None)
        if reason == self.server.reason.SERVER_DISCONNECT and not self.upgraded:  # its poll may be on its way
            self.server.parting[self.sid] = self
            self._loop.call_later(GOODBYE_TIMEOUT, self.server.parting.pop, self.sid, None)
        self.server.soon(self.server._trigger_event("disconnect", self.sid, reason))
        if self.request is not None:
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
        if self.request is not None and self.request.transport is not None:
            self.request.transport.abort()
