"""The Socket.IO server: python-socketio's, on our Engine.IO, with what it loses repaired."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from inspect import iscoroutine
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import socketio
from socketio import packet as socketio_packet

from app.engineio import EngineServer, ProtocolError, Reason, Session, message
from app.engineio.heartbeat import Deadlines
from app.engineio.request import Request
from app.socketio.adapter import EngineAdapter
from app.socketio.packet import ACKS, EVENTS, Packet, PayloadRejected, StrictJSON, attachments_announced
from app.socketio.queue import EventQueue, Message, Tasks, Work

log = logging.getLogger("parlor.socketio")

STRANGER = "an event for a namespace that was never joined"
REFUSED_POINTS = 4  # that an event costs its connection when it is refused, besides the one of its packet
MAX_REFUSED_CONNECTS = 3  # of one connection; then it is closed
CONNECT_TIMEOUT_S = 45.0  # from the handshake to the first namespace, as in the reference server
POLL_PAUSE_S = 0.02  # between looks at who is still there, at the end

_KEPT = (b"origin", b"user-agent", b"host")  # of the headers of a request, once it has joined
REQUEST = "engineio.request"

Headers = Sequence[tuple[bytes, bytes]]


class Server(socketio.AsyncServer):
    """Mounted like python-socketio's own: `on`, `emit`, `enter_room`, ... `concurrent` names the events that keep their
    order by themselves and may overlap each other."""

    eio: EngineAdapter
    manager_initialized: bool

    def __init__(self, *, engine: EngineServer, **options: Any) -> None:
        self.engine = engine
        self.concurrent: frozenset[str] = frozenset()
        self.tasks = Tasks()
        self.clients: dict[str, Client] = {}  # by Engine.IO sid
        self.is_stopping = False
        self.on_close_all: list[Callable[[], None]] = []  # of doors beside this one
        self.awaiting_namespace = Deadlines[Session](CONNECT_TIMEOUT_S, _joined_nothing)
        super().__init__(engine=engine, serializer=Packet, **options)
        engine.on_open, engine.on_message, engine.on_close = self._opened, self._received, self._closed

    def _engineio_server_class(self) -> type[EngineAdapter]:
        return EngineAdapter

    # --- from the engine ---

    def _opened(self, session: Session, request: Request) -> None:
        """A session has opened. One that never joins would live as long as it answers pings."""
        if not self.manager_initialized:
            self.manager_initialized = True
            self.manager.initialize()
        self.environ[session.sid] = Environ(request)
        self.clients[session.sid] = session.data = Client(self, session)
        self.awaiting_namespace.add(session)

    def _received(self, session: Session, data: str | bytes) -> None:
        if not self.is_stopping:
            session.data.receive(data)

    def _closed(self, session: Session, reason: Reason) -> None:
        self.awaiting_namespace.discard(session)
        client = self.clients.pop(session.sid, None)
        self.eio.forget(session.sid)
        if client:
            client.close(reason)

    async def end(self, eio_sid: str, reason: str) -> None:
        """The library's own: tells the disconnect handlers, and forgets the session."""
        await super()._handle_eio_disconnect(eio_sid, reason)

    # --- handlers ---

    async def _handle_disconnect(self, eio_sid: str, namespace: str, reason: str | None = None) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if sid is None:
            return
        try:
            await super()._handle_disconnect(eio_sid, namespace, reason)
        except Exception:
            log.exception("the disconnect handler failed")
        finally:
            await self.manager.disconnect(sid, namespace or "/", ignore_queue=True)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """An event's own handler is called as it is; the library inspects it anew each time."""
        handler, given = self._get_event_handler(event, namespace, args)
        if handler is None or event == "disconnect":
            return await super()._trigger_event(event, namespace, *args)
        try:
            answer = handler(*given)
            return await answer if iscoroutine(answer) else answer  # a task that it started is not waited for
        except asyncio.CancelledError:  # what it waited for was cancelled; the connection goes on
            return None

    def refused(self, sid: str, retry_after: float | None = None) -> None:
        """An event of this client's was refused, which costs it something. retry_after: seconds that it was told to
        wait; one that goes on all the same is not read for as long."""
        if session := self.engine.sessions.get(self.manager.eio_sid_from_sid(sid, "/") or ""):
            session.intake.charge(REFUSED_POINTS)
            if retry_after is not None:
                session.intake.warn(retry_after)

    def knows(self, namespace: str) -> bool:
        return (
            self.namespaces == "*"
            or namespace in self.namespaces
            or namespace in self.handlers
            or namespace in self.namespace_handlers
        )

    # --- from above ---

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Send a client away, transport and all: one that only lost its namespace could CONNECT again on it."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace or "/")
        await super().disconnect(sid, namespace=namespace, ignore_queue=ignore_queue)
        if session := self.engine.sessions.get(eio_sid):
            session.end(Reason.SERVER_DISCONNECT)

    def stop_accepting(self) -> None:
        """Events that arrive from now on are neither done nor answered: their senders ask again elsewhere, or later."""
        self.is_stopping = True

    async def wait_idle(self, seconds: float) -> None:
        """Wait until nothing is being done, `seconds` at the most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.tasks.wait()

    async def wait_closed(self, seconds: float) -> None:
        """Wait until the WebSockets that were closed are gone, with all that was sent to them; or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.engine.websockets > 0:  # noqa: ASYNC110 - once in a server's life
                    await asyncio.sleep(POLL_PAUSE_S)

    def disconnect_all_within(self, seconds: float) -> None:
        """Close every connection, once it has the answers that it waits for; after `seconds` at the latest."""
        self._leaving = asyncio.get_running_loop().create_task(self.wait_idle(seconds))
        self._leaving.add_done_callback(lambda _: self.close_all())

    def close_all(self) -> None:
        """Close every connection, at the Engine.IO level: a `transport close`, after which clients come back."""
        for session in list(self.engine.sessions.values()):
            session.end(Reason.SERVER_DISCONNECT)
        for close in self.on_close_all:
            close()


class Client:
    """One connection: packets become events, in their order, and every event that asks for an answer gets one."""

    __slots__ = ("_incomplete", "_missing", "_queue", "_refused", "_server", "_session")

    def __init__(self, server: Server, session: Session) -> None:
        self._server, self._session = server, session
        self._incomplete: Message | None = None  # its attachments are still on their way
        self._missing = self._refused = 0  # attachments; CONNECTs
        max_size = 2 * server.engine.settings.max_payload
        self._queue = EventQueue(self, server.tasks, session.intake, max_size, server.engine.ticks)

    # --- in ---

    def receive(self, data: str | bytes) -> None:
        """One message of the engine's. Raises ProtocolError."""
        packet = self._assemble(data)
        if packet is None:
            return
        if packet.text[:1] in ("3", "6"):  # not in turn: a handler waits for this answer, the others for the handler
            if (parsed := self.read(packet)) is not None:
                self._server.tasks.begin(parsed[0])
        elif not self._queue.put(packet):
            self._session.intake.pause()

    def _assemble(self, data: str | bytes) -> Message | None:
        """The packet that `data` is or completes; None while attachments are missing."""
        packet = self._incomplete
        if packet is None:
            if not data or isinstance(data, bytes):
                raise ProtocolError("not a Socket.IO packet")
            packet, self._missing = Message(data), attachments_announced(data)
        elif isinstance(data, str):
            raise ProtocolError("text where an attachment was due")
        else:
            packet.attach(data)
            self._missing -= 1
            if packet.size - len(packet.text) > self._server.engine.settings.max_payload:
                raise ProtocolError("attachments that are too large together")
        self._incomplete = packet if self._missing else None
        return None if self._missing else packet

    def read(self, message: Message) -> tuple[Work, bool] | None:
        """What a packet asks for, in its turn."""
        try:
            packet = Packet.read(message.text, message.attachments)
        except PayloadRejected as refusal:
            return self._reject(refusal), False
        except ProtocolError as error:
            self._fail(str(error))
            return None
        if packet.packet_type in EVENTS:
            return self._event(packet), packet.data[0] in self._server.concurrent
        return self._handle(packet), False

    def _fail(self, why: str) -> None:
        if not self._session.is_closed:
            self._session.fail(why)

    def close(self, reason: Reason) -> None:
        """The session has ended. Whatever was asked before is done first."""
        self._queue.put_work(self._server.end(self._session.sid, reason))

    # --- in turn ---

    async def _handle(self, packet: Packet) -> None:
        server, sid, namespace = self._server, self._session.sid, packet.namespace or "/"
        if packet.packet_type == socketio_packet.CONNECT:
            await self._connect(namespace, packet.data)
        elif packet.packet_type == socketio_packet.DISCONNECT:
            await server._handle_disconnect(sid, namespace, Reason.CLIENT_DISCONNECT)
        elif packet.packet_type in ACKS and server.manager.sid_from_eio_sid(sid, namespace):
            await server._handle_ack(sid, namespace, packet.id, packet.data)
        else:
            self._fail(STRANGER)

    async def _event(self, packet: Packet) -> None:
        """Call the handler and send its answer. One that fails is answered too: silence would be resent for ever."""
        namespace, id, (name, *values) = packet.namespace, packet.id, packet.data
        server = self._server
        sid = server.manager.sid_from_eio_sid(self._session.sid, namespace)
        if sid is None:
            self._fail(STRANGER)
            return
        if not server.manager.is_connected(sid, namespace):
            return
        try:
            answer = await server._trigger_event(name, namespace, sid, *values)
            if id is None or answer is server.not_handled:
                return
            ack = _ack(namespace, id, _values(answer))
        except Exception:
            ref = uuid4().hex[:8]
            log.exception("event %.40r failed [%s]", name, ref)
            broken = {"ok": False, "error": "broken", "text": f"Something broke here. Reference: {ref}", "ref": ref}
            ack = [] if id is None else _ack(namespace, id, [broken])
        for data in ack:
            self._session.send(data)

    async def _connect(self, namespace: str, auth: Any) -> None:
        """CONNECT first, then whatever the handler sent. A handler that refuses is answered CONNECT_ERROR; one that
        fails closes the session, so that the client comes back by itself. Neither leaves anything behind."""
        server, session = self._server, self._session
        if session.is_closed:
            return
        if not server.knows(namespace):
            await self._refuse_connect(namespace, {"message": "Invalid namespace"})
            return
        sid = await server.manager.pre_connect(session.sid, namespace)
        if sid is None:
            self._fail("a second CONNECT to one namespace")
            return
        session.cork()
        try:
            environ = server.environ[session.sid]
            welcome = await server._trigger_event("connect", namespace, sid, environ, auth or None)
            refusal = {"message": "Connection refused by server"} if welcome is False else None
        except socketio.exceptions.ConnectionRefusedError as error:
            refusal = error.error_args
        except Exception:
            log.exception("the connect handler failed")
            session.end(Reason.SERVER_DISCONNECT)
            return
        if refusal is not None:
            session.cork()  # what the handler sent is dropped
            session.uncork()
            await server.manager.disconnect(sid, namespace, ignore_queue=True)
            await self._refuse_connect(namespace, refusal)
            return
        await server.manager.connect(sid, namespace)
        self._joined(namespace, sid)

    def _joined(self, namespace: str, sid: str) -> None:
        server, session = self._server, self._session
        server.awaiting_namespace.discard(session)
        where = "" if namespace == "/" else f"{namespace},"
        session.uncork(message(f'0{where}{{"sid":"{sid}"}}'))
        if len(server.handlers) + len(server.namespace_handlers) == 1:  # nobody will be asked to let it in again
            environ = server.environ.get(session.sid)
            if isinstance(environ, Environ):
                server.environ[session.sid] = environ.kept()

    async def _refuse_connect(self, namespace: str, reason: Any) -> None:
        packet = Packet(socketio_packet.CONNECT_ERROR, reason, namespace=namespace)
        await self._server._send_packet(self._session.sid, packet)
        self._session.intake.charge(REFUSED_POINTS)
        self._refused += 1
        if self._refused >= MAX_REFUSED_CONNECTS:
            log.info("session %s closed: it was refused %d namespaces", self._session.sid, self._refused)
            self._session.end(Reason.SERVER_DISCONNECT)

    async def _reject(self, refusal: PayloadRejected) -> None:
        """The answer to an event that was read but cannot be taken: its ack if it asked for one, else a notice."""
        if not self._server.manager.sid_from_eio_sid(self._session.sid, refusal.namespace):
            self._fail(str(refusal))
            return
        self._session.intake.charge(REFUSED_POINTS)
        text = f"This could not be read: {refusal}."
        if refusal.id is None:
            notice = ["notice", {"code": "bad_payload", "text": text}]
            answer = Packet(socketio_packet.EVENT, notice, namespace=refusal.namespace)
        else:
            values = [{"ok": False, "error": "bad_payload", "text": text}]
            answer = Packet(socketio_packet.ACK, values, namespace=refusal.namespace, id=refusal.id)
        await self._server._send_packet(self._session.sid, answer)


def _joined_nothing(session: Session) -> None:
    session.end(Reason.SERVER_DISCONNECT)


class Environ(Mapping[str, Any]):
    """A request as python-socketio's connect handlers know it, and the request itself: under REQUEST, which costs
    nothing."""

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    def __getitem__(self, key: str) -> Any:
        return self._request if key == REQUEST else self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @property
    def _made(self) -> dict[str, Any]:
        """Anew each time: few ask, and those once."""
        request = self._request
        return {REQUEST: request} | _made(request.method, request.target, request.peer, request.scheme, request.headers)

    def kept(self) -> Mapping[str, Any]:
        """What is needed for longer, without the request."""
        request, named = self._request, self._request.named
        headers = tuple((name, named[name]) for name in _KEPT if name in named)
        return _kept(request.method, request.target, request.peer, request.scheme, headers)


def _made(method: str, target: bytes, peer: str, scheme: str, headers: Headers) -> dict[str, str]:
    path, _, query = target.partition(b"?")
    environ = {
        "PATH_INFO": path.decode("ascii", "replace"),
        "QUERY_STRING": query.decode("utf-8", "surrogateescape"),
        "REQUEST_METHOD": method,
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": scheme,
    }
    for name, value in headers:
        environ.setdefault(_key(name), value.decode("utf-8", "surrogateescape"))
    return environ


@lru_cache(256)
def _key(name: bytes) -> str:
    """Of a header, as CGI calls it."""
    return "HTTP_" + name.decode("utf-8", "surrogateescape").upper().replace("-", "_")


@lru_cache(256)
def _kept(method: str, target: bytes, peer: str, scheme: str, headers: Headers) -> Mapping[str, str]:
    """Once for all who asked alike: most come through one proxy to one host, by some hundred kinds of browsers."""
    return MappingProxyType(_made(method, target, peer, scheme, headers))


def _values(answer: Any) -> list[Any]:
    """What a handler returned, as the values of an ack."""
    return [] if answer is None else list(answer) if isinstance(answer, tuple) else [answer]


def _ack(namespace: str, id: int, values: list[Any]) -> list[str | bytes]:
    """The messages of an answer: one, and one for each of its attachments."""
    try:
        return [f"3{'' if namespace == '/' else namespace + ','}{id}{StrictJSON.dumps(values)}"]
    except TypeError:  # binary, or nothing that can be written
        encoded = Packet(socketio_packet.ACK, values, namespace=namespace, id=id).encode()
        return encoded if isinstance(encoded, list) else [encoded]
