"""Plain WebSockets at one path, beside an Engine.IO server: let in by its rules, and counted with its own."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from app.engineio import frames
from app.engineio.http import PLAIN, HttpConnection
from app.engineio.intake import Intake
from app.engineio.request import BadRequest, Request
from app.engineio.server import EngineServer, Refusal, check_handshake, take_over
from app.engineio.websocket import WebSocketConnection

log = logging.getLogger("parlor.engineio")

# Seconds between pings, so that no proxy takes the connection for dead; one is to be answered by the next.
PING_S = 20.0
POLICY = 1008  # RFC 6455, 7.4.1


class PlainSocket:
    """One of them. `on_message` receives what its client says; `on_closed` is called once, with the close code.
    protocol: the subprotocol that was chosen, empty for none."""

    __slots__ = (
        "_is_heard",
        "_on_end",
        "_timer",
        "address",
        "intake",
        "on_closed",
        "on_message",
        "protocol",
        "transport",
    )

    def __init__(self, connection: WebSocketConnection, address: str, rate: float | None, protocol: str = "") -> None:
        """rate: points a second that the client may spend (intake.py)."""
        self.transport, self.address, self.protocol = connection, address, protocol
        self.intake = Intake(self, rate)
        self.on_message: Callable[[str | bytes], None] = lambda _: None
        self.on_closed: Callable[[int], None] = lambda _: None
        self._on_end: Callable[[], None] = lambda: None
        self._is_heard = True
        self._timer = asyncio.get_running_loop().call_later(PING_S, self._ping)

    def start(self, early: bytes, on_end: Callable[[], None]) -> None:
        """Receive from now on, first what arrived behind the handshake."""
        self._on_end = on_end
        self.transport.listen(self)
        self.transport.resume(early)

    def send(self, data: str | bytes) -> None:
        frame = frames.frame(data.encode()) if isinstance(data, str) else frames.frame(data, frames.BINARY)
        self.send_frame(frame)

    def send_frame(self, frame: bytes) -> None:
        """The same, of what is a frame already."""
        self.transport.writer.send(frame)

    def close(self, code: int, reason: str = "") -> None:
        self.transport.close(code, reason)

    def fail(self, why: str = "") -> None:
        log.info("a WebSocket of %s was closed: %s", self.address, why)
        self.close(POLICY)

    def message_received(self, data: str | bytes) -> None:
        self._is_heard = True
        self.intake.packet(len(data))
        self.on_message(data)

    def control_received(self, count: int) -> None:
        self._is_heard = True
        self.intake.charge(count)

    def _ping(self) -> None:
        if not self._is_heard:
            self.transport.abort()
            return
        self._is_heard = False
        self.transport.writer.send(frames.frame(b"", frames.PING))
        self._timer = asyncio.get_running_loop().call_later(PING_S, self._ping)

    def connection_closed(self, code: int) -> None:
        self._timer.cancel()
        self.intake.close()
        self._on_end()
        self.on_closed(code)


class PlainWebSockets:
    """serve: is handed each new socket and its request, and sets its `on_message`. protocols: the subprotocols that are
    spoken. asked: is told of every request, and whether there is no room for its WebSocket."""

    max_body = 0

    def __init__(
        self,
        engine: EngineServer,
        serve: Callable[[PlainSocket, Request], None],
        protocols: Sequence[str] = (),
        asked: Callable[[Request, bool], None] = lambda *_: None,
    ) -> None:
        self._engine, self._serve, self._protocols, self._asked = engine, serve, protocols, asked
        self._sockets: set[PlainSocket] = set()

    def close_all(self, code: int, reason: str = "") -> None:
        for socket in tuple(self._sockets):
            socket.close(code, reason)

    # --- as a service of a connection ---

    def expect(self, request: Request, connection: HttpConnection) -> None:
        """No request here has a body."""

    def refuse(self, request: Request, connection: HttpConnection, fault: BadRequest) -> None:
        connection.fail(fault, request, PLAIN + self._engine.admission.headers_for(request).encode())

    def handle(self, request: Request, connection: HttpConnection) -> None:
        self._asked(request, self._engine.is_full)
        try:
            address = self._check(request)
        except Refusal as refusal:
            more = {405: "Allow: GET, OPTIONS\r\n", 204: "Allow: GET, OPTIONS\r\n", 426: "Upgrade: websocket\r\n"}
            headers = more.get(refusal.status, "") + refusal.headers + self._engine.admission.headers_for(request)
            connection.answer(refusal.status, PLAIN + headers.encode(), str(refusal).encode())
            return
        self._open(request, connection, address)

    def _check(self, request: Request) -> str:
        """The visitor's address. Raises Refusal."""
        self._engine.admission.check_origin(request)
        if request.method == "OPTIONS":
            raise Refusal(2, "", status=204)
        if request.method != "GET":
            raise Refusal(2, "This address speaks WebSocket, which begins with GET.", status=405)
        if not request.is_upgrade:
            text = "This address speaks WebSocket; no complete upgrade arrived (a proxy may strip its headers)."
            raise Refusal(3, text, status=426)
        check_handshake(self._engine, request)
        return self._engine.admission.enter(request)

    def _open(self, request: Request, connection: HttpConnection, address: str) -> None:
        protocol, settings = self._protocol(request), self._engine.settings
        websocket = take_over(self._engine, connection, request, protocol)
        socket = PlainSocket(websocket, address, settings.points_per_second, protocol)
        self._sockets.add(socket)

        def closed() -> None:
            self._sockets.discard(socket)
            settings.addresses.leave(address)

        self._serve(socket, request)
        socket.start(connection.reader.rest, closed)

    def _protocol(self, request: Request) -> str:
        """The first that both know, in the client's order (RFC 6455, 4.2.2); empty for none."""
        wished = ",".join(request.all("Sec-WebSocket-Protocol")).split(",")
        return next((one.strip() for one in wished if one.strip() in self._protocols), "")
