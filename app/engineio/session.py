"""One Engine.IO session: its state, its transport, its heartbeat."""

import asyncio
import enum
import logging
import random
from collections.abc import Callable
from typing import Any, Protocol

from app.engineio import frames
from app.engineio.heartbeat import Heartbeats
from app.engineio.intake import Intake
from app.engineio.packet import CLOSE, MESSAGE, NOOP, PONG, UPGRADE, Encoded, Packet, ProtocolError, check, message
from app.engineio.reason import Reason
from app.engineio.transports import (
    PROBE,
    PROBED,
    TAKES_POSTS,
    UPGRADE_TIMEOUT_S,
    PollingTransport,
    Transport,
    WebSocketTransport,
)
from app.engineio.transports import UPGRADE as UPGRADE_PACKET
from app.engineio.websocket import WebSocketConnection
from app.engineio.writer import SocketWriter

log = logging.getLogger("parlor.engineio")

PING = Packet("2")
GOODBYE = Packet(CLOSE)
EMPTY = Packet(NOOP)


CLIENT_CLOSED = (Reason.CLIENT_DISCONNECT, Reason.GOING_AWAY)


class State(enum.Enum):
    OPEN = "open"
    UPGRADING = "upgrading"  # a WebSocket has probed; polls go on until it takes over
    CLOSED = "closed"


class Owner(Protocol):
    """What a session needs of its server."""

    @property
    def heartbeats(self) -> Heartbeats: ...

    def message_received(self, session: "Session", data: Encoded) -> None:
        """Raises ProtocolError."""

    def session_closed(self, session: "Session", reason: Reason) -> None: ...


class Session:
    """One client, over whichever transport. `data` is whatever the layer above keeps with it; `on_drain` is called when
    everything sent over its WebSocket has left; `intake` tells whether it is read; `address` is the visitor's."""

    __slots__ = (
        "_age_timer",
        "_corked",
        "_owner",
        "_pinged",
        "address",
        "data",
        "epoch",
        "intake",
        "on_drain",
        "sid",
        "state",
        "transport",
    )

    transport: Transport

    def __init__(self, owner: Owner, sid: str, address: str, rate: float | None) -> None:
        """rate: points a second that the client may spend (intake.py)."""
        self._owner, self.sid, self.address = owner, sid, address
        self.state = State.OPEN
        self.data: Any = None
        self.intake = Intake(self, rate)
        self.epoch = 0  # of its heartbeat
        self._pinged = False
        self._corked: list[Packet] | None = None
        self.on_drain: Callable[[Session], None] | None = None
        self._age_timer: asyncio.TimerHandle | None = None

    @property
    def is_closed(self) -> bool:
        return self.state is State.CLOSED

    # --- out ---

    def send_packet(self, packet: Packet) -> None:
        if self.state is State.CLOSED:
            return
        if self._corked is not None and packet.is_message:
            self._corked.append(packet)
        else:
            self.transport.send(packet)

    def send(self, data: Encoded) -> None:
        """A message to this client."""
        self.send_packet(message(data))

    @property
    def direct_writer(self) -> SocketWriter | None:
        """To write frames past the session; None where something has to wait or to be asked first."""
        return None if self._corked is not None or self.state is State.CLOSED else self.transport.writer

    def cork(self) -> None:
        """Keep messages back until `uncork`: whatever a connect handler sends follows the answer to CONNECT."""
        if (writer := self.transport.writer) and writer.fast_path:
            writer.fast_path.demote(writer)
        self._corked = []

    def uncork(self, *first: Packet) -> None:
        corked, self._corked = self._corked or [], None
        for packet in (*first, *corked):
            self.send_packet(packet)

    # --- heartbeat ---

    def begin(self, handshake: Packet, max_age_s: float | None) -> None:
        """Send the handshake and start the heartbeat. A session is closed at its age, no two at once: some proxies cut
        old connections without a word."""
        self.send_packet(handshake)
        self._owner.heartbeats.schedule_ping(self)
        if max_age_s is not None:
            age = max_age_s * random.uniform(0.9, 1)  # noqa: S311
            self._age_timer = asyncio.get_running_loop().call_later(age, self.end, Reason.TRANSPORT_CLOSE)

    def ping(self) -> None:
        self._pinged = True
        self.send_packet(PING)

    def time_out(self) -> None:
        if isinstance(self.transport, TAKES_POSTS):
            self.transport.abort()
        self.end(Reason.PING_TIMEOUT)

    # --- in ---

    def receive(self, encoded: Encoded) -> None:
        """One packet from the client. Raises ProtocolError."""
        if self.state is State.CLOSED:
            return
        self.intake.packet(len(encoded))
        if isinstance(encoded, bytes):
            self._owner.message_received(self, encoded)
            return
        kind = encoded[:1]
        if kind == MESSAGE:
            self._owner.message_received(self, encoded[1:])
        elif kind == PONG:
            if self._pinged:  # one answer to each ping; more of them would fill the queue of due times
                self._pinged = False
                self._owner.heartbeats.schedule_ping(self)
        elif kind == CLOSE:
            self.end(Reason.GOING_AWAY)
        elif kind not in (UPGRADE, NOOP):
            check(encoded)
            raise ProtocolError("a packet that clients do not send")

    def fail(self, why: str = "") -> None:
        """End the session, with a line in the log where there is something to say."""
        if why and self.state is not State.CLOSED:
            log.info("session %s closed: %s", self.sid, why)
        self.end(Reason.TRANSPORT_ERROR)

    # --- transport ---

    def use(self, transport: Transport) -> None:
        """Speak over this one from now on."""
        self.transport = transport
        if transport.writer:
            transport.writer.on_drain = self.drained
        if self.state is State.CLOSED:
            transport.close(GOODBYE)

    def drained(self) -> None:
        """Everything sent over its WebSocket has left."""
        if self.on_drain and self._corked is None:
            self.on_drain(self)

    def end(self, reason: Reason) -> None:
        """End the session, once. Never waits for the peer."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.epoch += 1
        if self._age_timer:
            self._age_timer.cancel()
        self.transport.close(EMPTY if reason in CLIENT_CLOSED else GOODBYE)
        self.intake.close()
        self._owner.session_closed(self, reason)

    def abort(self) -> None:
        """Cut the transport now: for peers that do not read."""
        self.transport.abort()
        self.fail()


class Upgrade:
    """A WebSocket that wants to become the transport of a session that polls: `2probe`, `3probe`, `5`. Polls bring
    messages all the while; at `5` the last one is answered, and whatever else waits goes over the WebSocket."""

    def __init__(self, session: Session, connection: WebSocketConnection) -> None:
        self._session, self._connection = session, connection
        self._has_probed = False
        self._timer = asyncio.get_running_loop().call_later(UPGRADE_TIMEOUT_S, self._refuse)

    def start(self, early: bytes) -> None:
        self._connection.listen(self)
        if self._polling is None or self._session.state is not State.OPEN:
            self._refuse()
        self._connection.resume(early)

    @property
    def _polling(self) -> PollingTransport | None:
        transport = self._session.transport
        return transport if isinstance(transport, PollingTransport) else None

    def message_received(self, data: Encoded) -> None:
        if data == PROBE and not self._has_probed and self._session.state is State.OPEN and self._polling:
            self._probe(self._polling)
        elif data == UPGRADE_PACKET and self._has_probed and self._session.state is State.UPGRADING and self._polling:
            self._take_over(self._polling)
        else:
            self._refuse()

    def _probe(self, polling: PollingTransport) -> None:
        self._has_probed = True  # whoever probes first is the upgrade
        self._session.state = State.UPGRADING
        self._connection.writer.send(frames.frame(PROBED))
        polling.is_upgrading = True
        polling.release_poll()

    def _take_over(self, polling: PollingTransport) -> None:
        session = self._session
        self._timer.cancel()
        polling.release_poll()  # two readers of one queue would lose the order
        try:
            polling.posts.read_rest()
        except ProtocolError as error:
            session.fail(str(error))
        waiting = polling.take_all()
        if not session.is_closed:
            session.state = State.OPEN
        transport = WebSocketTransport(session, self._connection)
        session.use(transport)
        for packet in waiting:
            transport.send(packet)
        transport.start()
        session.intake.transport_changed()

    def _refuse(self) -> None:
        self._give_up()
        self._connection.close()

    def control_received(self, count: int) -> None:
        self._session.intake.charge(count)

    def connection_closed(self, code: int) -> None:
        self._give_up()

    def _give_up(self) -> None:
        self._timer.cancel()
        if self._has_probed and self._session.state is State.UPGRADING:
            self._session.state = State.OPEN
            if self._polling:
                self._polling.is_upgrading = False
        self._has_probed = False
