"""Polls and POSTs that reach another process than the one that has their session: no sticky sessions are needed.

A session's id begins with that of its process, the owner. Whoever is asked in its place asks the owner over Redis and
answers what that answers; to the owner the request is one of its own, whose connection may be lost. Redis may lose
anything at any time. So whoever asks tells the owner every second which requests are open, and the owner tells which of
them it does not have: what only one of the two knows of is given up. The client then comes anew, and catches up.
"""

import asyncio
import re
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.chat.counts import Reading
from app.engineio.request import Request
from app.engineio.server import EngineServer, Exchange, Refusal, hold_of
from app.engineio.transports import PollingTransport
from app.live.redis.connection import RedisConnection, Unusable

TICK_S = 1.0  # between two lists of what is open
SILENCE_S = 3.5  # without a word from the other process, after which it is dead
ON_ITS_WAY_S = 2.0  # that an answer may take; then it is lost
RELEASE_LOOKS, RELEASE_PAUSE_S = 25, 0.02  # for polls to be answered when this process stops
MAX_BYTES = 4_000_000  # of POSTs on their way

# Kinds of frames: to the owner, ...
GET, POST, BROKEN, LOST, RELEASE, OPEN = b"g", b"p", b"b", b"l", b"r", b"o"
# ... and back.
ANSWER, CUT, HERE = b"a", b"c", b"h"

_PROCESS = re.compile(r"[a-z0-9]{8}")
_ID = struct.Struct(">Q")  # of a request, by the process that asks
_GET = struct.Struct(">Qi")  # id, milliseconds to hold or -1; then the sid
_POST = struct.Struct(">QB")  # id, length of the sid; then the sid and the body
_ANSWER = struct.Struct(">QHB")  # id, status, Engine.IO's code; then the body or the sentence
_COUNT = struct.Struct(">I")


def channel(process: str) -> str:
    """Where a process hears what others ask it, and answer it."""
    return f"relay:{process}"


def _ids(body: bytes) -> list[int]:
    return [id for (id,) in _ID.iter_unpack(body)]


def _packed(ids: list[int]) -> bytes:
    return b"".join(map(_ID.pack, ids))


class Relay:
    """Both sides, in one process. Set as `engine.relay`."""

    def __init__(self, redis: RedisConnection, engine: EngineServer) -> None:
        self._asking, self._owning = Asking(redis), Owning(redis, engine)
        self._process, self._redis = redis.process, redis
        self.is_elsewhere, self.expect = self._asking.is_elsewhere, self._asking.expect
        self._ticking: asyncio.TimerHandle | None = None
        mine = channel(redis.process)
        for kind, on_body in (self._asking.on_body | self._owning.on_body).items():
            redis.subscribe(mine, kind, self._ticking_after(on_body))
        redis.on_trouble.append(self._give_up_all)

    def ask(self, sid: str, request: Request, exchange: Exchange) -> None:
        self._asking.ask(sid, request, exchange)
        self._tick_later()

    async def release_all(self) -> None:
        """This process stops: let the polls that wait here be answered now. Their clients go on with another one."""
        self._asking.release_all()
        for _ in range(RELEASE_LOOKS):
            if not self._asking.is_waiting:
                return
            await asyncio.sleep(RELEASE_PAUSE_S)

    def readings(self) -> Iterator[Reading]:
        yield Reading("parlor_relayed", "Polls and POSTs that another process answered.", self._asking.answered)
        text = "Polls and POSTs whose session no other process has, or whose answer did not come."
        yield Reading("parlor_relay_failed", text, self._asking.failed)
        text = "Polls and POSTs that came to another process and were answered here."
        yield Reading("parlor_relay_served", text, self._owning.served)

    def _ticking_after(self, on_body: Callable[[str, bytes], None]) -> Callable[[str, bytes], None]:
        def received(process: str, body: bytes) -> None:
            on_body(process, body)
            self._tick_later()

        return received

    def _tick_later(self) -> None:
        if self._ticking is None and (self._asking.is_busy or self._owning.is_busy):
            self._ticking = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._ticking = None
        self._asking.tick()
        self._owning.tick()
        self._tick_later()

    def _give_up_all(self) -> None:
        """Redis was lost, and nobody knows what with it."""
        self._asking.give_up_all()
        self._owning.give_up_all()


# --- whoever asks ---


@dataclass(eq=False, slots=True)
class Asked:
    """A request that the owner is to answer. It stays open until its own client has taken the answer."""

    id: int
    owner: str
    sid: str
    exchange: Exchange
    size: int  # of its body
    is_poll: bool
    at: float
    is_answered: bool = False
    on_lost: Callable[[], None] = lambda: None

    @property
    def is_taken(self) -> bool:
        """The connection forgets whom to tell of its loss once the peer has taken the answer."""
        return self.is_answered and self.exchange.on_lost is not self.on_lost


class Asking:
    """The requests that other processes are to answer."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis
        self._open: dict[int, Asked] = {}
        self._last_id = 0
        self._bytes = 0  # of bodies that wait for their answer
        self._heard: dict[str, float] = {}  # when each owner was heard last
        self._dead: dict[str, float] = {}  # owners that nobody subscribes for any more, and since when
        self._told: set[str] = set()  # owners that were told of open requests
        self._checks: set[asyncio.Task[None]] = set()
        self.answered = self.failed = 0
        self.on_body = {ANSWER: self._on_answer, CUT: self._on_cut, HERE: self._on_here}

    @property
    def is_busy(self) -> bool:
        return bool(self._open or self._told)

    @property
    def is_waiting(self) -> bool:
        return any(not one.is_answered for one in self._open.values())

    def is_elsewhere(self, sid: str) -> bool:
        owner = sid[:8]
        return owner != self._redis.process and self._redis.is_connected and bool(_PROCESS.fullmatch(owner))

    def expect(self, sid: str, exchange: Exchange) -> None:
        exchange.on_lost = lambda: self._publish(sid[:8], BROKEN, sid.encode())

    def ask(self, sid: str, request: Request, exchange: Exchange) -> None:
        """Raises Refusal."""
        owner, now, name = sid[:8], time.monotonic(), sid.encode(errors="replace")
        if owner in self._dead or len(name) > 255:
            self.failed += 1
            raise Refusal(1, "Session ID unknown")
        is_poll, body = request.method != "POST", bytes(request.body)
        if self._bytes and self._bytes + len(body) > MAX_BYTES:
            raise Refusal(3, "Too much is on its way between processes", status=503)
        hold_s = hold_of(request) if is_poll else None
        self._last_id += 1
        asked = Asked(self._last_id, owner, sid, exchange, len(body), is_poll, now)
        asked.on_lost = exchange.on_lost = lambda: self._lost(asked)
        self._open[asked.id] = asked
        self._bytes += asked.size
        if is_poll:
            self._publish(owner, GET, _GET.pack(asked.id, -1 if hold_s is None else int(hold_s * 1000)) + name)
        else:
            self._publish(owner, POST, _POST.pack(asked.id, len(name)) + name + body)
        self._told.add(owner)
        if now - self._heard.get(owner, 0) > 2 * TICK_S:
            self._check({owner})

    def release_all(self) -> None:
        for one in self._open.values():
            if one.is_poll and not one.is_answered:
                self._publish(one.owner, RELEASE, one.sid.encode())

    def give_up_all(self) -> None:
        for one in list(self._open.values()):
            self._give_up(one)

    def tick(self) -> None:
        """Tell every owner which requests are open, and ask whether it lives."""
        now = time.monotonic()
        self._dead = {owner: since for owner, since in self._dead.items() if now - since < SILENCE_S}
        self._heard = {owner: at for owner, at in self._heard.items() if now - at < SILENCE_S or owner in self._told}
        for one in list(self._open.values()):
            if one.is_taken:
                self._forget(one)
            elif not one.is_answered and now - max(one.at, self._heard.get(one.owner, 0)) > SILENCE_S:
                self._give_up(one)
        by_owner: dict[str, list[Asked]] = {owner: [] for owner in self._told}
        for one in self._open.values():
            by_owner.setdefault(one.owner, []).append(one)
        for owner, asked in by_owner.items():
            waiting = [one.id for one in asked if not one.is_answered]
            others = [one.id for one in asked if one.is_answered]
            self._publish(owner, OPEN, _COUNT.pack(len(waiting)) + _packed(waiting + others))
        self._told = {owner for owner, asked in by_owner.items() if asked}
        self._check({one.owner for one in self._open.values() if not one.is_answered})

    def _publish(self, owner: str, kind: bytes, body: bytes) -> None:
        self._redis.publish(channel(owner), kind, body)

    def _check(self, owners: set[str]) -> None:
        """Does anybody hear what these are asked? Redis knows at once where a process has ended."""
        if owners:
            task = asyncio.create_task(self._look_for(sorted(owners)))
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)

    async def _look_for(self, owners: list[str]) -> None:
        channels = [self._redis.key(channel(owner)) for owner in owners]
        try:
            answer = await self._redis.call("PUBSUB", "NUMSUB", *channels)
        except Unusable:
            return  # on_trouble tells, or it may not be asked: then silence does
        for owner, count in zip(owners, answer[1::2], strict=True):
            if not count:
                self._dead[owner] = time.monotonic()
                for one in [one for one in self._open.values() if one.owner == owner]:
                    self._give_up(one)

    # --- what the owner says ---

    def _on_answer(self, owner: str, body: bytes) -> None:
        id, status, code = _ANSWER.unpack_from(body)
        asked = self._heard_from(owner, id)
        if asked is None or asked.is_answered:
            return
        asked.is_answered = True
        self._bytes -= asked.size
        self.answered += 1
        rest = body[_ANSWER.size :]
        if status == 200:
            asked.exchange.respond(rest)
        else:
            asked.exchange.refuse(code, rest.decode(), status)
        if asked.is_taken:
            self._forget(asked)

    def _on_cut(self, owner: str, body: bytes) -> None:
        if asked := self._heard_from(owner, *_ID.unpack(body)):
            asked.exchange.abort()

    def _on_here(self, owner: str, body: bytes) -> None:
        """It lives, and does not have these."""
        for id in _ids(body):
            if (asked := self._heard_from(owner, id)) and not asked.is_answered:
                self._give_up(asked)
        self._heard_from(owner, 0)

    def _heard_from(self, owner: str, id: int) -> Asked | None:
        self._heard[owner] = time.monotonic()
        self._dead.pop(owner, None)
        asked = self._open.get(id)
        return asked if asked and asked.owner == owner else None

    # --- how a request ends ---

    def _lost(self, asked: Asked) -> None:
        """Its client is gone, perhaps without the answer."""
        self._forget(asked)
        self._publish(asked.owner, LOST, _ID.pack(asked.id))

    def _give_up(self, asked: Asked) -> None:
        """Its client is to come anew. Should the owner live, the session ends there, too."""
        self._forget(asked)
        if asked.is_answered:
            return
        self.failed += 1
        self._publish(asked.owner, LOST, _ID.pack(asked.id))
        asked.exchange.on_lost = None
        asked.exchange.refuse(1, "Session ID unknown")

    def _forget(self, asked: Asked) -> None:
        if self._open.pop(asked.id, None) and not asked.is_answered:
            self._bytes -= asked.size


# --- the owner ---


class RelayedExchange:
    """A request that came to `process`, as the session's transport sees one (transports.Exchange)."""

    __slots__ = ("_owning", "answered_at", "id", "on_lost", "process")

    def __init__(self, owning: "Owning", process: str, id: int) -> None:
        self._owning, self.process, self.id = owning, process, id
        self.on_lost: Callable[[], None] | None = None
        self.answered_at: float | None = None

    @property
    def connection(self) -> object:
        return self

    def abort(self) -> None:
        self._owning.cut(self)

    def respond(self, body: bytes) -> None:
        self._owning.answer(self, 200, 0, body)

    def refuse(self, code: int, text: str, status: int = 400) -> None:
        self._owning.answer(self, status, code, text.encode())


@dataclass
class Asker:
    """Another process, and what it has asked: `exchanges` stay until it says that they were taken."""

    heard_at: float = 0.0
    exchanges: dict[int, RelayedExchange] = field(default_factory=dict)


class Owning:
    """The requests for sessions of this process that came to others."""

    def __init__(self, redis: RedisConnection, engine: EngineServer) -> None:
        self._redis, self._engine = redis, engine
        self._askers: dict[str, Asker] = {}
        self.served = 0
        self.on_body = {
            GET: self._on_get,
            POST: self._on_post,
            BROKEN: self._on_broken,
            LOST: self._on_lost,
            RELEASE: self._on_release,
            OPEN: self._on_open,
        }

    @property
    def is_busy(self) -> bool:
        return bool(self._askers)

    # --- what others ask ---

    def _on_get(self, process: str, body: bytes) -> None:
        id, hold = _GET.unpack_from(body)
        sid = body[_GET.size :].decode()
        self._serve(process, id, lambda one: self._engine.answer_poll(sid, one, None if hold < 0 else hold / 1000))

    def _on_post(self, process: str, body: bytes) -> None:
        id, length = _POST.unpack_from(body)
        at = _POST.size + length
        sid = body[_POST.size : at].decode()
        self._serve(process, id, lambda one: self._engine.read_post(sid, one, body[at:]))

    def _serve(self, process: str, id: int, serve: Callable[[RelayedExchange], None]) -> None:
        self.served += 1
        exchange = RelayedExchange(self, process, id)
        self._asker(process).exchanges[id] = exchange
        try:
            serve(exchange)
        except Refusal as refusal:
            exchange.refuse(refusal.code, str(refusal), refusal.status)

    def _asker(self, process: str) -> Asker:
        asker = self._askers.setdefault(process, Asker())
        asker.heard_at = time.monotonic()
        return asker

    def _on_broken(self, _process: str, body: bytes) -> None:
        """A POST broke off, which ends its session, as on a connection of ours."""
        session = self._engine.sessions.get(body.decode())
        if session and isinstance(session.transport, PollingTransport):
            session.fail()

    def _on_lost(self, process: str, body: bytes) -> None:
        (id,) = _ID.unpack(body)
        if exchange := self._asker(process).exchanges.pop(id, None):
            _lose(exchange)

    def _on_release(self, _process: str, body: bytes) -> None:
        session = self._engine.sessions.get(body.decode())
        if session and isinstance(session.transport, PollingTransport):
            session.transport.release_poll()

    def _on_open(self, process: str, body: bytes) -> None:
        """Everything that is open there, first what has no answer yet."""
        (count,) = _COUNT.unpack_from(body)
        listed = _ids(body[_COUNT.size :])
        waiting, answered = set(listed[:count]), set(listed[count:])
        now, exchanges = time.monotonic(), self._asker(process).exchanges
        unknown = [id for id in waiting if id not in exchanges]
        for id, exchange in list(exchanges.items()):
            since = exchange.answered_at
            if since is None:
                is_lost, is_over = id not in waiting, id not in waiting
            else:
                is_lost = id in waiting and now - since > ON_ITS_WAY_S
                is_over = is_lost or id not in waiting | answered
            if is_over:
                del exchanges[id]
            if is_lost:
                _lose(exchange)
        self._publish(process, HERE, _packed(unknown))

    # --- what they are answered ---

    def answer(self, exchange: RelayedExchange, status: int, code: int, body: bytes) -> None:
        exchange.answered_at = time.monotonic()
        if exchange.on_lost is None:  # nobody minds whether it is taken
            self._asker(exchange.process).exchanges.pop(exchange.id, None)
        self._publish(exchange.process, ANSWER, _ANSWER.pack(exchange.id, status, code) + body)

    def cut(self, exchange: RelayedExchange) -> None:
        self._publish(exchange.process, CUT, _ID.pack(exchange.id))

    def _publish(self, process: str, kind: bytes, body: bytes) -> None:
        self._redis.publish(channel(process), kind, body)

    # --- how they end ---

    def tick(self) -> None:
        """Whoever tells of nothing any more has ended, and its clients' connections with it."""
        now = time.monotonic()
        for process, asker in list(self._askers.items()):
            if not asker.exchanges or now - asker.heard_at > SILENCE_S:
                del self._askers[process]
                _lose_all(asker)

    def give_up_all(self) -> None:
        askers, self._askers = self._askers, {}
        for asker in askers.values():
            _lose_all(asker)


def _lose_all(asker: Asker) -> None:
    for exchange in asker.exchanges.values():
        _lose(exchange)


def _lose(exchange: RelayedExchange) -> None:
    """As when a connection ends."""
    on_lost, exchange.on_lost = exchange.on_lost, None
    if on_lost:
        on_lost()
