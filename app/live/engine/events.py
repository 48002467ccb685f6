"""The Socket.IO half: packets become events, one connection's in their order, and who asks for an answer gets one."""

import asyncio
import contextlib
import logging
from functools import partial
from inspect import iscoroutine
from typing import Any
from uuid import uuid4

import socketio
from engineio import packet as engine_packet
from engineio.packet import Packet as EnginePacket
from socketio import packet as socketio_packet

from app.live.engine.inbox import Inbox
from app.live.engine.packets import Malformed, Packet, StrictJSON, Unacceptable
from app.live.engine.requests import Engine
from app.live.engine.session import Session
from app.live.engine.turns import Turns

_EVENTS = (socketio_packet.EVENT, socketio_packet.BINARY_EVENT)
_ACKS = (socketio_packet.ACK, socketio_packet.BINARY_ACK)

log = logging.getLogger("parlor.live")

STRANGER = "an event for a namespace that was never joined"
CONNECT_TIMEOUT = 45.0  # seconds from the handshake to the first namespace, as in the reference server


_KEPT = ("PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "wsgi.url_scheme", "HTTP_ORIGIN", "HTTP_USER_AGENT", "HTTP_HOST")


class Server(socketio.AsyncServer):
    """The Socket.IO half: packets become events, in order, and every event that asks for an answer gets one."""

    eio: Engine
    manager_initialized: bool

    def __init__(self, **options: Any) -> None:
        self._inboxes: dict[str, Inbox] = {}
        self._closing = False
        self.beside: frozenset[str] = frozenset()  # names of events that keep their order by themselves, without tasks
        self._turns = Turns()
        super().__init__(**options)
        self.eio.heard = self._hear_wire
        self.eio.is_busy = self._is_busy
        self.eio.opener, self.eio.opened = self.eio.handlers["connect"], self._begin

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    # --- from the engine ---

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        if session := self.eio.sockets.get(eio_sid):
            self._begin(session, environ)

    def _begin(self, session: Session, environ: dict[str, Any]) -> None:
        """A session has opened. One that never joins would live as long as it answers pings."""
        if not self.manager_initialized:
            self.manager_initialized = True
            self.manager.initialize()
        self.environ[session.sid] = environ
        self._inboxes[session.sid] = Inbox(self.eio.now, self._turns)
        self.eio.newcomers.add(session, CONNECT_TIMEOUT)

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        if inbox := self._hear(eio_sid, data):
            await inbox.space()

    def _is_busy(self, session: Session) -> bool:
        inbox = self._inboxes.get(session.sid)
        return inbox is not None and inbox.is_full

    def _hear_wire(self, session: Session, data: str | bytes) -> None:
        inbox = self._hear(session.sid, data)
        if inbox and inbox.is_full and session.wire and inbox.relieved is None:
            session.wire.pause()
            inbox.relieved = session.wire.resume

    def _hear(self, eio_sid: str, data: str | bytes) -> Inbox | None:
        """Read the packet here, where bad grammar can still close the session; do it in its turn."""
        inbox = self._inboxes.get(eio_sid)
        if inbox is None or self._closing:
            return None
        try:
            pkt = self._assemble(inbox, data)
        except Unacceptable as refusal:
            inbox.put(partial(self._refuse, eio_sid, refusal))
        else:
            if pkt is None:
                return inbox
            if pkt.packet_type in _EVENTS:
                inbox.put(partial(self._do, eio_sid, pkt), pkt.data[0] in self.beside)
            elif pkt.packet_type in _ACKS:
                self.eio.soon(self._hear_answer(eio_sid, pkt))
            else:
                inbox.put(partial(self._take, eio_sid, pkt))
        return inbox

    def _assemble(self, inbox: Inbox, data: str | bytes) -> Packet | None:
        """The packet that `data` is or completes; None while attachments are missing."""
        if inbox.partial is None:
            if not data:  # the library would make an event without a name of it
                raise Malformed("not a Socket.IO packet")
            pkt = Packet.read(data)
            if not pkt.attachment_count:
                return pkt
            inbox.partial, inbox.partial_bytes = pkt, 0
            return None
        if isinstance(data, str):
            raise Malformed("text where an attachment was due")
        inbox.partial_bytes += len(data)
        if inbox.partial_bytes > self.eio.max_http_buffer_size:
            raise Malformed("attachments that are too large together")
        if not inbox.partial.add_attachment(data):
            return None
        complete, inbox.partial = inbox.partial, None
        return complete

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        inbox = self._inboxes.pop(eio_sid, None)
        if inbox:
            inbox.put(partial(super()._handle_eio_disconnect, eio_sid, reason))

    # --- in turn ---

    async def _take(self, eio_sid: str, pkt: Packet) -> None:
        if pkt.packet_type == socketio_packet.CONNECT:
            await self._handle_connect(eio_sid, pkt.namespace, pkt.data)
        elif pkt.packet_type == socketio_packet.DISCONNECT:
            await self._handle_disconnect(eio_sid, pkt.namespace, self.reason.CLIENT_DISCONNECT)
        elif not self.manager.sid_from_eio_sid(eio_sid, pkt.namespace or "/"):
            self._drop(eio_sid, STRANGER)
        else:
            await self._handle_ack(eio_sid, pkt.namespace, pkt.id, pkt.data)

    async def _do(self, eio_sid: str, pkt: Packet) -> None:
        """Call an event's handler and write its answer. One that fails is answered too: silence would be resent for
        ever. Done before the next one starts; the stock server starts a task for each, and the second overtakes."""
        namespace, id, (name, *values) = pkt.namespace, pkt.id, pkt.data
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is None:
            self._drop(eio_sid, STRANGER)
            return
        if not self.manager.is_connected(sid, namespace):
            return
        try:
            answer = await self._trigger_event(name, namespace, sid, *values)
            if id is None or answer is self.not_handled:
                return
            ack = _ack(namespace, id, _values(answer))
        except Exception:
            ref = uuid4().hex[:8]
            log.exception("event %.40r failed [%s]", name, ref)
            broken = {"ok": False, "error": "broken", "text": f"Something broke here. Reference: {ref}", "ref": ref}
            ack = [] if id is None else _ack(namespace, id, [broken])
        if session := self.eio.sockets.get(eio_sid):
            for message in ack:
                session.say(message)

    async def _hear_answer(self, eio_sid: str, pkt: Packet) -> None:
        """Not in turn: the handler that waits for this answer is what the others wait for."""
        try:
            await self._take(eio_sid, pkt)
        except Exception:
            log.exception("an answer could not be handled")

    def _drop(self, eio_sid: str, why: str) -> None:
        if session := self.eio.sockets.get(eio_sid):
            self.eio.drop(session, Malformed(why))

    async def _handle_connect(self, eio_sid: str, namespace: str, data: Any) -> None:
        """CONNECT first, then whatever the handler said; a handler that refuses is answered CONNECT_ERROR; one that
        fails closes the session, so that the client comes back by itself. None leaves anything behind."""
        session = self.eio.sockets.get(eio_sid)
        if session is None:
            return
        if not self._knows(namespace):
            await self._refuse_connect(eio_sid, namespace, {"message": "Invalid namespace"})
            return
        sid = await self.manager.pre_connect(eio_sid, namespace)
        if sid is None:
            self._drop(eio_sid, "a second CONNECT to one namespace")
            return
        session.hold()
        try:
            welcome = await self._trigger_event("connect", namespace, sid, self.environ[eio_sid], data or None)
            refusal = {"message": "Connection refused by server"} if welcome is False else None
        except socketio.exceptions.ConnectionRefusedError as error:
            refusal = error.error_args
        except Exception:
            log.exception("the connect handler failed")
            session.end(self.reason.SERVER_DISCONNECT)
            return
        if refusal is not None:
            session.hold()
            session.release()
            await self.manager.disconnect(sid, namespace, ignore_queue=True)
            await self._refuse_connect(eio_sid, namespace, refusal)
            return
        await self.manager.connect(sid, namespace)
        session.stay()
        where = "" if namespace == "/" else f"{namespace},"
        session.release(EnginePacket(engine_packet.MESSAGE, f'0{where}{{"sid":"{sid}"}}'))
        if len(self.handlers) + len(self.namespace_handlers) == 1:  # nobody will be asked to let it in again
            environ = self.environ[eio_sid]
            self.environ[eio_sid] = {name: environ[name] for name in _KEPT if name in environ}

    def _knows(self, namespace: str) -> bool:
        return (
            self.namespaces == "*"
            or namespace in self.namespaces
            or namespace in self.handlers
            or namespace in self.namespace_handlers
        )

    async def _refuse_connect(self, eio_sid: str, namespace: str, reason: Any) -> None:
        await self._send_packet(eio_sid, Packet(socketio_packet.CONNECT_ERROR, reason, namespace=namespace))

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
        """An event's own handler is called as it is; the stock trigger looks at it anew each time."""
        handler, given = self._get_event_handler(event, namespace, args)
        if handler is None or event == "disconnect":
            return await super()._trigger_event(event, namespace, *args)
        try:
            answer = handler(*given)
            return await answer if iscoroutine(answer) else answer  # a task that it started is not waited for
        except asyncio.CancelledError:  # what it waited for was; our own turn goes on
            return None

    async def _refuse(self, eio_sid: str, refusal: Unacceptable) -> None:
        """The answer to an event that was read but cannot be taken: its ack if it asked for one, else a notice."""
        if not self.manager.sid_from_eio_sid(eio_sid, refusal.namespace):
            self._drop(eio_sid, str(refusal))
            return
        text = f"This could not be read: {refusal}."
        if refusal.id is None:
            notice = ["notice", {"code": "bad_payload", "text": text}]
            answer = Packet(socketio_packet.EVENT, notice, namespace=refusal.namespace)
        else:
            values = [{"ok": False, "error": "bad_payload", "text": text}]
            answer = Packet(socketio_packet.ACK, values, namespace=refusal.namespace, id=refusal.id)
        await self._send_packet(eio_sid, answer)

    # --- from above ---

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Send a client away, transport and all: one that only lost its namespace could CONNECT again on it."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace or "/")
        await super().disconnect(sid, namespace=namespace, ignore_queue=ignore_queue)
        if session := self.eio.sockets.get(eio_sid):
            session.end(self.reason.SERVER_DISCONNECT)

    def take_no_more(self) -> None:
        """Events that come from now on are not done and not answered: their senders ask again elsewhere, or later."""
        self._closing = True

    async def idle(self, seconds: float) -> None:
        """Wait until nothing is being done, `seconds` at the most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.eio.finish(seconds)
                await self._turns.finish()

    async def part(self, seconds: float) -> None:
        """Wait until the connections that were let go are gone, `seconds` at the most."""
        await self.eio.part(seconds)

    def let_go_soon(self, seconds: float) -> None:
        """Let every client go, once they have the answers that they wait for; after `seconds` at the latest."""
        loop = asyncio.get_running_loop()
        self._going = loop.create_task(self.idle(seconds))
        self._going.add_done_callback(lambda _: self.close_all())

    def close_all(self) -> None:
        """Let every client go at the Engine.IO level: for them a `transport close`, after which they come back."""
        for session in list(self.eio.sockets.values()):
            session.end(self.reason.SERVER_DISCONNECT)


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
