"""The Engine.IO 4 server of one path: its sessions, and for each request one of them or a refusal that says why."""

import json
import logging
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import ceil
from typing import Protocol

from app.engineio.addresses import AddressLimit
from app.engineio.heartbeat import Deadlines, Heartbeats
from app.engineio.http import HttpConnection
from app.engineio.origins import Origins
from app.engineio.packet import Encoded, Packet
from app.engineio.reason import Reason
from app.engineio.request import BadRequest, Request
from app.engineio.session import Session, Upgrade
from app.engineio.stream import EventStream
from app.engineio.ticks import Ticks
from app.engineio.transports import TAKES_POSTS, PollingTransport, PollWriter, StreamTransport, WebSocketTransport
from app.engineio.transports import Exchange as TransportExchange
from app.engineio.websocket import WebSocketConnection, accept, handshake_fault
from app.engineio.writer import TickWriter

log = logging.getLogger("parlor.engineio")

_HOLD = re.compile(r"[0-9]{1,6}")

WEBSOCKET_BY_NOW = "This session speaks WebSocket by now"
LINGER_S = 10.0  # that what was sent before the server ended a session waits for one more poll
TRANSPORTS = ("websocket", "polling")
KNOWN = (*TRANSPORTS, "sse")
CORS = (
    "Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: GET, POST\r\n"
    "Access-Control-Allow-Headers: Authorization, Content-Type, Last-Event-ID\r\n"
    "Vary: Origin\r\nAccess-Control-Allow-Origin: {origin}\r\n"
)


@dataclass(frozen=True)
class Settings:
    """process: begins the ids of sessions, so that other processes know whose they are; of the same length in all of
    them. ping_interval, ping_timeout: seconds, fractions allowed. max_payload: bytes of one POST or WebSocket message.
    transports: of `websocket`, `polling`, `sse`. origins: allowed besides the page's own host; `*` allows all.
    outbox_limit: bytes that may wait for one slow reader. max_websockets: the next one is answered 503. max_age:
    seconds after which a session is closed, up to a tenth earlier. points_per_second: what a session regains of the
    points that it spends by sending (intake.py); None: all it likes. addresses: how many sessions one address may
    have. visitor: the address of whoever asks, as a trusted proxy names it. own_host, own_scheme: of the visitor's
    address bar, as a trusted proxy names them; the scheme is empty where nobody can tell. wait_before: seconds
    after which whoever asks may open something; 0: now. is_served: False for a host that is not served. headers: of
    every answer, whole lines.
    """

    process: str = ""
    ping_interval: float = 25
    ping_timeout: float = 20
    max_payload: int = 1_000_000
    transports: Iterable[str] = TRANSPORTS
    origins: Iterable[str] = ()
    outbox_limit: int = 1_000_000
    max_websockets: int | None = None
    max_age: float | None = None
    points_per_second: float | None = None
    addresses: AddressLimit = field(default_factory=AddressLimit)
    visitor: Callable[[Request], str] = lambda request: request.peer
    wait_before: Callable[[Request], float] = lambda _: 0
    own_host: Callable[[Request], str] = lambda request: request.get("Host")
    own_scheme: Callable[[Request], str] = lambda _: ""
    is_served: Callable[[Request], bool] = lambda _: True
    headers: Callable[[Request], str] = lambda _: ""


class Refusal(Exception):
    """A request that is not served, in the form of Engine.IO's reference server: code 0 transport, 1 session, 2 method,
    3 request, 4 forbidden, 5 version."""

    def __init__(self, code: int, text: str, status: int = 400, retry_after: float = 0) -> None:
        super().__init__(text)
        self.code, self.status, self.retry_after = code, status, retry_after

    @property
    def headers(self) -> str:
        """Whole lines: in how many seconds it is worth to ask again, where that is known (RFC 9110, 10.2.3)."""
        return f"Retry-After: {ceil(self.retry_after)}\r\n" if self.retry_after else ""


class Exchange:
    """One request that waits for its answer."""

    __slots__ = ("_headers", "connection")

    def __init__(self, connection: HttpConnection, headers: str) -> None:
        self.connection, self._headers = connection, headers

    @property
    def on_lost(self) -> Callable[[], None] | None:
        return self.connection.on_lost

    @on_lost.setter
    def on_lost(self, on_lost: Callable[[], None] | None) -> None:
        self.connection.on_lost = on_lost

    def abort(self) -> None:
        self.connection.transport.abort()

    def respond(self, body: bytes) -> None:
        self.connection.answer(200, _answer_headers("text/plain; charset=UTF-8", "", self._headers), body)

    def refuse(self, code: int, text: str, status: int = 400, headers: str = "") -> None:
        body = json.dumps({"code": code, "message": text}).encode()
        self.connection.answer(status, _answer_headers("application/json", headers, self._headers), body)


# Nearly all answers have the same headers, or those of few origins: they are put together once.


@lru_cache(64)
def _answer_headers(kind: str, more: str, others: str) -> bytes:
    return f"Content-Type: {kind}\r\n{more}{others}".encode()


@lru_cache(64)
def _shared_headers(site: str, origin: str | None) -> str:
    """site: those of the whole site. origin: of the page that is let in, where it is named."""
    private = f"{site}Cache-Control: no-store\r\n"  # else many people share a session
    return private if origin is None else private + CORS.format(origin=origin)


class Relay(Protocol):
    """Takes requests of sessions to the processes that have them."""

    def is_elsewhere(self, sid: str) -> bool:
        """True where another process has it, as its id says, and can be asked."""

    def ask(self, sid: str, request: Request, exchange: Exchange) -> None:
        """Let the other process answer a GET or a POST. Raises Refusal."""

    def expect(self, sid: str, exchange: Exchange) -> None:
        """The head of a POST is here, its body to come. Breaks it off, its session is to end."""


class Admission:
    """Which requests are served. Raises Refusal for the others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.origins = Origins(settings.origins, settings.own_host, settings.own_scheme)
        self._transports = tuple(settings.transports)

    def headers_for(self, request: Request) -> str:
        """What every answer to this request says, whole lines."""
        is_let_in = "Origin" in request and self.origins.allow(request)
        return _shared_headers(self._settings.headers(request), request.get("Origin") if is_let_in else None)

    def check(self, request: Request) -> None:
        self.check_origin(request)
        query = request.query
        if request.method == "OPTIONS":
            return
        transport = query.get("transport")
        if transport not in KNOWN:
            raise Refusal(0, "Transport unknown")
        if transport not in self._transports:
            spoken = ", ".join(self._transports)
            raise Refusal(0, f"Transport {transport} is switched off here; this server speaks {spoken}")
        if "j" in query:
            raise Refusal(3, "JSONP is not served")
        if query.get("EIO") != "4":
            raise Refusal(5, "Unsupported protocol version: this is Engine.IO 4")
        if request.method not in ("GET", "POST") or (request.method == "POST" and "sid" not in query):
            raise Refusal(2, "Bad handshake method")
        if transport == "websocket":
            self._check_upgrade(request)

    def check_origin(self, request: Request) -> None:
        """The host that is asked for, and whose page asks."""
        if not self._settings.is_served(request):
            named = self._settings.own_host(request)[:100] or "a host without a name"
            text = f"{named} is not served here. Its operator can name it in PARLOR_HOSTS."
            raise Refusal(4, text, status=421)
        if "Origin" in request and not self.origins.allow(request):
            raise Refusal(4, self.origins.refusal(request), status=403)

    def enter(self, request: Request) -> str:
        """The address that something is about to be opened for, which counts from now on."""
        if wait := self._settings.wait_before(request):
            request.keep_alive = False  # the next one costs them a connection
            text = f"Too many connections were opened from your address. Try again in {ceil(wait)} s."
            raise Refusal(3, text, status=429, retry_after=wait)
        address = self._settings.visitor(request)
        if not self._settings.addresses.enter(address):
            raise Refusal(3, self._settings.addresses.sentence, status=429)
        return address

    @staticmethod
    def _check_upgrade(request: Request) -> None:
        if request.method != "GET":
            raise Refusal(2, "Bad handshake method")
        if request.get("Upgrade").lower() != "websocket":
            raise Refusal(3, "No 'Upgrade: websocket' header arrived: a proxy on the way strips it")
        if "upgrade" not in request.get("Connection").lower():
            raise Refusal(3, "No 'Connection: Upgrade' header arrived: a proxy on the way strips it")


class Lingering:
    """Sessions that we have ended, with a last poll still to come."""

    def __init__(self) -> None:
        self._transports: dict[str, PollingTransport] = {}
        self._deadlines = Deadlines[str](LINGER_S, self.forget)

    def add(self, sid: str, transport: PollingTransport) -> None:
        self._transports[sid] = transport
        self._deadlines.add(sid)

    def __len__(self) -> int:
        return len(self._transports)

    def get(self, sid: str) -> PollingTransport | None:
        return self._transports.get(sid)

    def forget(self, sid: str) -> None:
        self._deadlines.discard(sid)
        self._transports.pop(sid, None)


class EngineServer:
    """Sessions by sid. The layer above sets `on_open(session, request)`, `on_message(session, data)` and
    `on_close(session, reason)`; `on_message` may raise ProtocolError, which closes the session."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sessions: dict[str, Session] = {}
        self.websockets = 0  # open ones
        self.writes, self.polls, self.ticks = TickWriter(), PollWriter(), Ticks()
        self.on_open: Callable[[Session, Request], None] = lambda *_: None
        self.on_message: Callable[[Session, Encoded], None] = lambda *_: None
        self.on_close: Callable[[Session, Reason], None] = lambda *_: None
        self.admission = Admission(settings)
        self.relay: Relay | None = None  # where there are other processes
        self._lingering = Lingering()

    @property
    def max_body(self) -> int:
        return self.settings.max_payload

    @cached_property
    def heartbeats(self) -> Heartbeats:
        return Heartbeats(self.settings.ping_interval, self.settings.ping_timeout)

    # --- requests ---

    def handle(self, request: Request, connection: HttpConnection) -> None:
        """Answer one request, now or when there is something to tell."""
        exchange = Exchange(connection, self.admission.headers_for(request))
        try:
            self.admission.check(request)
            self._serve(request, connection, exchange)
        except Refusal as refusal:
            _forget(self.sessions, request, connection)
            exchange.refuse(refusal.code, str(refusal), refusal.status, refusal.headers)

    def expect(self, request: Request, connection: HttpConnection) -> None:
        """A POST whose body is still to come: one at a time, and one that breaks off ends its session."""
        sid = request.query.get("sid", "")
        session = self.sessions.get(sid)
        if request.method == "POST" and session and isinstance(session.transport, TAKES_POSTS):
            session.transport.posts.expect(Exchange(connection, ""))
        elif request.method == "POST" and self.relay and self.relay.is_elsewhere(sid):
            self.relay.expect(sid, Exchange(connection, ""))

    def refuse(self, request: Request, connection: HttpConnection, fault: BadRequest) -> None:
        _forget(self.sessions, request, connection)
        body = json.dumps({"code": 3, "message": str(fault)}).encode()
        headers = f"Content-Type: application/json\r\n{self.admission.headers_for(request)}"
        connection.fail(fault, request, headers.encode(), body)

    def _serve(self, request: Request, connection: HttpConnection, exchange: Exchange) -> None:
        query = request.query
        sid, transport = query.get("sid"), query.get("transport")
        if request.method == "OPTIONS":
            exchange.respond(b"")
        elif transport == "websocket":
            _serve_websocket(self, request, connection, sid)
        elif transport == "sse" and request.method == "GET":
            _serve_stream(self, request, connection, sid)
        elif sid is None:
            _polling(self._open(request, self.admission.enter(request))).poll(exchange)
        elif self.relay and self.relay.is_elsewhere(sid):
            self.relay.ask(sid, request, exchange)
        elif request.method == "POST":
            self.read_post(sid, exchange, bytes(request.body))
        else:
            self.answer_poll(sid, exchange, hold_of(request))
            request.shed()

    def read_post(self, sid: str, exchange: TransportExchange, body: bytes) -> None:
        """A POST of a session that is here. Raises Refusal."""
        transport = self._find(sid).transport
        if not isinstance(transport, TAKES_POSTS):
            raise Refusal(3, WEBSOCKET_BY_NOW)
        transport.posts.read(exchange, body)

    def answer_poll(self, sid: str, exchange: TransportExchange, hold_s: float | None) -> None:
        """A GET of a session that is here, or was until just now. Raises Refusal."""
        lingering = None if sid in self.sessions else self._lingering.get(sid)
        if lingering is None:
            _polling(self._find(sid)).poll(exchange, hold_s)
            return
        lingering.poll(exchange)
        if not lingering.buffered:
            self._lingering.forget(sid)

    def _find(self, sid: str) -> Session:
        session = self.sessions.get(sid)
        if session is None:
            raise Refusal(1, "Session ID unknown")
        session.intake.charge(1)
        return session

    # --- sessions ---

    def _open(
        self,
        request: Request,
        address: str,
        socket: WebSocketConnection | None = None,
        early: bytes = b"",
        stream: EventStream | None = None,
    ) -> Session:
        session = Session(self, self.settings.process + new_sid(), address, self.settings.points_per_second)
        self.sessions[session.sid] = session
        if stream is not None:
            streaming = StreamTransport(session, stream, self.ticks)
            session.use(streaming)
            streaming.begin(self.admission.headers_for(request), self.settings.outbox_limit)
        elif socket is None:
            session.use(PollingTransport(session, self.polls, self.settings.outbox_limit, self.ticks))
        else:
            transport = WebSocketTransport(session, socket)
            session.use(transport)
        handshake = f'0{{"sid":"{session.sid}",{self._handshakes[session.transport.name]}'
        session.begin(Packet(handshake), self.settings.max_age)
        self.on_open(session, request)
        if socket is not None:
            transport.start(early)
        return session

    @cached_property
    def _handshakes(self) -> dict[str, str]:
        """By transport: what every session is told besides its sid."""
        settings = self.settings
        told = {
            "pingInterval": round(settings.ping_interval * 1000),
            "pingTimeout": round(settings.ping_timeout * 1000),
            "maxPayload": settings.max_payload,
        }
        upgrades = ["websocket"] if "websocket" in settings.transports else []
        return {
            "polling": json.dumps({"upgrades": upgrades, **told})[1:],
            "websocket": json.dumps({"upgrades": [], **told})[1:],
            "sse": json.dumps({"upgrades": [], **told})[1:],
        }

    def message_received(self, session: Session, data: Encoded) -> None:
        self.on_message(session, data)

    def session_closed(self, session: Session, reason: Reason) -> None:
        """A session that we ended still answers polls until its goodbye is told: a kick that nobody hears of looks like
        a lost connection, and the client would come back."""
        if self.sessions.pop(session.sid, None):
            self.settings.addresses.leave(session.address)
        transport = session.transport
        if isinstance(transport, PollingTransport) and (
            reason is Reason.SERVER_DISCONNECT
            # the client's goodbye has overtaken its poll, which comes by another process
            or (reason is Reason.GOING_AWAY and self.relay is not None and transport.held is None)
        ):
            self._lingering.add(session.sid, transport)
        self.on_close(session, reason)

    @property
    def is_full(self) -> bool:
        """True while no more WebSockets may be opened."""
        return self.settings.max_websockets is not None and self.websockets >= self.settings.max_websockets

    def sessions_by_transport(self) -> dict[str, int]:
        """Plain WebSockets count among the others; `sse` where that is switched on."""
        counts = Counter(session.transport.name for session in self.sessions.values())
        more = {"sse": counts["sse"]} if "sse" in self.settings.transports else {}
        return {"websocket": self.websockets, "polling": counts["polling"], **more}


def _serve_stream(engine: EngineServer, request: Request, connection: HttpConnection, sid: str | None) -> None:
    if sid is not None:
        raise Refusal(3, "A stream lasts as long as its session: begin a new one")
    address = engine.admission.enter(request)
    engine._open(request, address, stream=EventStream(connection))


def _serve_websocket(engine: EngineServer, request: Request, connection: HttpConnection, sid: str | None) -> None:
    if sid is not None and engine.relay and engine.relay.is_elsewhere(sid):
        raise Refusal(3, "Another process has this session, which stays with polling")
    session = engine._find(sid) if sid is not None else None
    check_handshake(engine, request)
    address = "" if session else engine.admission.enter(request)
    socket = take_over(engine, connection, request)
    early = connection.reader.rest
    if session is not None:
        Upgrade(session, socket).start(early)
    else:
        engine._open(request, address, socket, early)


def check_handshake(engine: EngineServer, request: Request) -> None:
    """Raises Refusal for a WebSocket that cannot be, or for which there is no room."""
    if fault := handshake_fault(request.get("Sec-WebSocket-Key"), request.get("Sec-WebSocket-Version")):
        raise Refusal(3, f"Bad upgrade: {fault}")
    if engine.is_full:
        text = f"{engine.websockets} WebSockets are open, as many as PARLOR_MAX_WEBSOCKETS allows"
        raise Refusal(3, text, status=503)


def take_over(
    engine: EngineServer, connection: HttpConnection, request: Request, protocol: str = ""
) -> WebSocketConnection:
    """The connection is a WebSocket from now on, and counts as one of the engine's. protocol: the subprotocol."""
    writer = connection.writer
    writer.limit = engine.settings.outbox_limit
    socket = WebSocketConnection(writer, engine.settings.max_payload, engine.ticks, engine)
    connection.release()
    connection.transport.set_protocol(socket)
    writer.send(accept(request.get("Sec-WebSocket-Key"), protocol))
    return socket


def _polling(session: Session) -> PollingTransport:
    if not isinstance(session.transport, PollingTransport):
        raise Refusal(3, WEBSOCKET_BY_NOW)
    return session.transport


def _forget(sessions: dict[str, Session], request: Request, connection: HttpConnection) -> None:
    """The request is refused, and nothing of it was read: its session goes on."""
    connection.on_lost = None
    session = sessions.get(request.query.get("sid", ""))
    if session and isinstance(session.transport, TAKES_POSTS):
        session.transport.posts.forget(connection)


def hold_of(request: Request) -> float | None:
    """Seconds that the client lets this poll be held: `hold` in the query, in milliseconds; None where it says nothing.
    A browser has six connections to a host for all of its tabs, so those beyond the first few ask without waiting."""
    hold = request.query.get("hold")
    if hold is None:
        return None
    if not _HOLD.fullmatch(hold):
        raise Refusal(3, "Bad request: hold is a number of milliseconds")
    return int(hold) / 1000


def new_sid() -> str:
    """A session's id: a secret, for it is all that a request of the session has to show."""
    return secrets.token_urlsafe(15)
