"""The Engine.IO half: every request to the path finds its session, or a refusal that says why."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any

import engineio
from aiohttp import HttpVersion11, web
from engineio import packet as engine_packet
from engineio.async_drivers.aiohttp import translate_request
from engineio.packet import Packet as EnginePacket

from app.live.engine import line, polling
from app.live.engine.answers import Answers
from app.live.engine.audience import Flush
from app.live.engine.base import may_take_over
from app.live.engine.heart import Heart, Waiting
from app.live.engine.origins import Origins
from app.live.engine.packets import Malformed, StrictJSON, write_payload
from app.live.engine.polling import NOOP
from app.live.engine.session import Session

log = logging.getLogger("parlor.live")

PARTING = 0.02  # seconds between looks at who is still there

NOTHING = write_payload([NOOP])

CORS = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Vary": "Origin",
}


class Engine(engineio.AsyncServer):
    """The Engine.IO half: sessions over HTTP long-polling and WebSocket."""

    def __init__(self, **options: Any) -> None:
        self.origins = Origins(options.pop("origins"), options.pop("own_host"), options.pop("own_scheme"))
        self.compression: bool = options.pop("compression")
        self.outbox_limit: int = options.pop("outbox_limit")
        self.max_websockets: int | None = options.pop("max_websockets")
        self.max_age: float | None = options.pop("max_age")
        self.websockets = 0  # open ones
        self.short_polls = self.short_posts = self.short_handshakes = 0  # answered below HTTP so far
        self.opened: Callable[[Session, dict[str, Any]], None] = lambda *_: None  # hears of each with its environ
        self.opener: Any = None  # the listener for `connect` whose place it takes
        self.parting: dict[str, Session] = {}  # ended by us, with a last poll still to come
        self.takes_over = os.name == "posix" and may_take_over()  # sockets from aiohttp, after the handshake
        self.heard: Callable[[Session, str | bytes], None] | None = None  # who takes messages without a task
        self.is_busy: Callable[[Session], bool] = lambda _: False  # has that one more to do of a session's than it may?
        self._tasks: set[asyncio.Future[Any]] = set()
        self.newcomers = Waiting[Session](lambda session: session.end(self.reason.SERVER_DISCONNECT))
        super().__init__(async_mode="aiohttp", **options)

    @cached_property
    def flush(self) -> Flush:
        return Flush(asyncio.get_running_loop())

    @cached_property
    def answers(self) -> Answers:
        return Answers(asyncio.get_running_loop())

    @cached_property
    def heart(self) -> Heart:
        return Heart(self.ping_interval, self.ping_timeout)

    @property
    def patience(self) -> float:
        """Seconds after which a peer that gives no sign of life has timed out, in whatever it was about."""
        seconds: float = self.ping_interval + self.ping_timeout
        return seconds

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Every request to the path. Answers are `no-store`: a cached handshake hands one session to many people."""
        response = await self._answer(request)
        if response.prepared:
            return response
        response.headers["Cache-Control"] = "no-store"
        if (origin := request.headers.get("Origin")) and self.origins.allow(request):
            response.headers.update(CORS | {"Access-Control-Allow-Origin": origin})
        if request.method == "GET":
            await self._deliver(request, response)
            line.learn(self, request, response)
        elif request.method == "POST" and response.status == 200:
            with contextlib.suppress(ConnectionError):
                await response.prepare(request)  # only then it has all its headers
                line.learn(self, request, response)
        return response

    async def _deliver(self, request: web.Request, response: web.StreamResponse) -> None:
        """Write a poll's answer here, where we learn that it was not taken: what it carried is lost, so the session
        ends. Who takes longer than a heartbeat to read it would have timed out anyway; the connection is cut.
        A refusal or a NOOP carries nothing, and nobody loses a session over it."""
        try:
            async with asyncio.timeout(self.patience):
                await response.prepare(request)
                await response.write_eof()
        except (TimeoutError, ConnectionError, asyncio.CancelledError) as error:
            carried = response.status == 200 and getattr(response, "body", None) != NOTHING
            if carried and (session := self.sockets.get(request.query.get("sid", ""))):
                session.end(self.reason.TRANSPORT_ERROR)
            if request.transport is not None:
                request.transport.abort()
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        if request.method == "OPTIONS":
            return web.Response(text="")
        sid = request.query.get("sid")
        session = self._find(sid, request) if sid else await self._open(request)
        if session is None:
            return refuse(1, "Session ID unknown")
        if sid and session.upgraded and request.query["transport"] == "polling":
            return refuse(3, "This session speaks WebSocket by now")
        try:
            return await self._serve(session, request)
        except Malformed as error:
            return refuse(3, f"Bad request: {error}")
        except web.HTTPBadRequest as error:
            return refuse(3, f"Bad upgrade: {error.text}")
        except web.HTTPRequestEntityTooLarge:
            return refuse(3, f"More than {self.max_http_buffer_size} bytes", status=413)

    def _find(self, sid: str, request: web.Request) -> Session | None:
        """A session that we ended still answers polls, until its goodbye is told: a kick that nobody hears of looks
        like a lost connection, and the client would come back."""
        session: Session | None = self.sockets.get(sid)
        if session is None and request.query["transport"] == "polling" and request.method == "GET":
            return self.parting.get(sid)
        return session

    async def _serve(self, session: Session, request: web.Request) -> web.StreamResponse:
        if request.query["transport"] == "websocket":
            return await session.websocket(request)
        if request.method == "POST":
            return await polling.handle_post(session, request)
        session.connected = True
        packets = await polling.poll(session, polling.read_hold(request))
        return web.Response(body=write_payload(packets), content_type="text/plain", charset="UTF-8")

    async def _open(self, request: web.Request) -> Session:
        session, environ = self.begin(request.query["transport"]), translate_request(request)
        if self.opens_at_once:
            self.opened(session, environ)
        else:
            await self._trigger_event("connect", session.sid, environ)
        return session

    def begin(self, transport: str) -> Session:
        """A session whose first packet waits for its reader."""
        sid = self.generate_id()
        self.sockets[sid] = session = Session(self, sid)
        session.post(EnginePacket(engine_packet.OPEN, f'{{"sid":"{sid}",{self._handshake[transport]}'))
        session.schedule_ping()
        session.schedule_end(self.max_age)
        return session

    @cached_property
    def _handshake(self) -> dict[str, str]:
        """By transport: what every session is told besides its sid."""
        upgrades = ["websocket"] if "websocket" in self.transports else []
        told = {
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        return {
            "polling": StrictJSON.dumps({"upgrades": upgrades, **told})[1:],
            "websocket": StrictJSON.dumps({"upgrades": [], **told})[1:],
        }

    @property
    def opens_at_once(self) -> bool:
        """Is it told of sessions by a call of `opened`? Not where somebody else wants to hear of them."""
        return self.opener is not None and self.handlers.get("connect") is self.opener

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why this request cannot be served, in Engine.IO's own codes with a sentence, or None."""
        transport = request.query.get("transport")
        if not self.origins.allow(request):
            return refuse(4, self.origins.refusal(request), status=403)
        if request.method == "OPTIONS":
            return None
        if transport not in ("polling", "websocket"):
            return refuse(0, "Transport unknown")
        if transport not in self.transports:
            reason = f"Transport {transport} is switched off here; this server speaks {', '.join(self.transports)}"
            return refuse(0, reason)
        if "j" in request.query:
            return refuse(3, "JSONP is not served")
        if request.query.get("EIO") != "4":
            return refuse(5, "Unsupported protocol version: this is Engine.IO 4")
        if request.method not in ("GET", "POST") or (request.method == "POST" and "sid" not in request.query):
            return refuse(2, "Bad handshake method")
        if transport == "websocket":
            return self._half_upgrade(request)
        return None

    def _half_upgrade(self, request: web.Request) -> web.Response | None:
        """A proxy that speaks no WebSocket strips the upgrade's hop-by-hop headers. Say so: it is the diagnosis."""
        if request.method != "GET":
            return refuse(2, "Bad handshake method")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refuse(3, "No 'Upgrade: websocket' header arrived: a proxy on the way strips it")
        if "upgrade" not in request.headers.get("Connection", "").lower():
            return refuse(3, "No 'Connection: Upgrade' header arrived: a proxy on the way strips it")
        if self.is_full:
            return refuse(
                3, f"{self.websockets} WebSockets are open, as many as PARLOR_MAX_WEBSOCKETS allows", status=503
            )
        return None

    def open_sockets(self) -> dict[str, int]:
        """Sessions by the transport they speak now."""
        sessions = self.sockets.values()
        upgraded = sum(1 for session in sessions if session.upgraded)
        return {"websocket": upgraded, "polling": len(sessions) - upgraded}

    @property
    def is_full(self) -> bool:
        """No more WebSockets."""
        return self.max_websockets is not None and self.websockets >= self.max_websockets

    async def message(self, sid: str, data: str | bytes) -> None:
        """Hand a message to whoever listens; unlike the stock trigger, its Malformed comes back to us."""
        if listener := self.handlers.get("message"):
            await listener(sid, data)

    def take(self, session: Session, data: str | bytes) -> None:
        """A message that came over a wire. Where the listener is a coroutine, the next one waits for it."""
        if self.heard:
            self.heard(session, data)
        else:
            session.pump(data)

    def drop(self, session: Session, error: Malformed) -> None:
        """One line, and the session is over."""
        log.info("session %s closed: %s", session.sid, error)
        session.end(self.reason.TRANSPORT_ERROR)

    async def finish(self, seconds: float) -> None:
        """Wait for what runs beside, and for what that starts, `seconds` at the most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)

    async def part(self, seconds: float) -> None:
        """Wait until the WebSockets that were let go are gone, with all that was said to them; so long at the most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.websockets > 0:  # noqa: ASYNC110 - once in a server's life
                    await asyncio.sleep(PARTING)

    def now(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run at once as far as it goes without waiting, and then beside what runs."""
        if sys.version_info < (3, 12):
            self.soon(work)
            return
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def soon(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside what runs now; kept until done, for the loop itself keeps tasks weakly."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def expect(request: web.Request) -> None:
    """RFC 9110, 10.1.1. aiohttp's own says the header back, and breaks with a 500 over one that is not UTF-8."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # so that an error can still be answered


def refuse(code: int, message: str, status: int = 400) -> web.Response:
    """A refusal in the form of Engine.IO's reference server: code 0 transport, 1 session, 2 method, 3 request, 4
    forbidden, 5 version."""
    return web.json_response({"code": code, "message": message}, status=status)
