"""Requests that came to other processes and are this one's to answer (relay.py)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.engineio.server import EngineServer, Refusal
from app.engineio.transports import TAKES_POSTS, PollingTransport
from app.live.relay import relayed
from app.live.relay.carriers import Carriers


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

    def __init__(self, carriers: Carriers, engine: EngineServer) -> None:
        self._carriers, self._engine = carriers, engine
        self._askers: dict[str, Asker] = {}
        self.served = 0
        self.on_body = {
            relayed.ASK_GET: self._on_get,
            relayed.ASK_POST: self._on_post,
            relayed.BROKEN: self._on_broken,
            relayed.LOST: self._on_lost,
            relayed.RELEASE: self._on_release,
            relayed.OPEN: self._on_open,
        }

    @property
    def is_busy(self) -> bool:
        return bool(self._askers)

    # --- what others ask ---

    def _on_get(self, process: str, body: bytes) -> None:
        id, hold = relayed.GET.unpack_from(body)
        sid = body[relayed.GET.size :].decode()
        self._serve(process, id, lambda one: self._engine.answer_poll(sid, one, None if hold < 0 else hold / 1000))

    def _on_post(self, process: str, body: bytes) -> None:
        id, length = relayed.POST.unpack_from(body)
        at = relayed.POST.size + length
        sid = body[relayed.POST.size : at].decode()
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
        if session and isinstance(session.transport, TAKES_POSTS):
            session.fail()

    def _on_lost(self, process: str, body: bytes) -> None:
        (id,) = relayed.ID.unpack(body)
        if exchange := self._asker(process).exchanges.pop(id, None):
            _lose(exchange)

    def _on_release(self, _process: str, body: bytes) -> None:
        session = self._engine.sessions.get(body.decode())
        if session and isinstance(session.transport, PollingTransport):
            session.transport.release_poll()

    def _on_open(self, process: str, body: bytes) -> None:
        """Everything that is open there, first what has no answer yet."""
        (count,) = relayed.COUNT.unpack_from(body)
        listed = relayed.ids_of(body[relayed.COUNT.size :])
        waiting, answered = set(listed[:count]), set(listed[count:])
        now, exchanges = time.monotonic(), self._asker(process).exchanges
        unknown = [id for id in waiting if id not in exchanges]
        for id, exchange in list(exchanges.items()):
            since = exchange.answered_at
            if since is None:
                is_lost, is_over = id not in waiting, id not in waiting
            else:
                is_lost = id in waiting and now - since > relayed.ON_ITS_WAY_S
                is_over = is_lost or id not in waiting | answered
            if is_over:
                del exchanges[id]
            if is_lost:
                _lose(exchange)
        self._publish(process, relayed.HERE, relayed.packed(unknown))

    # --- what they are answered ---

    def answer(self, exchange: RelayedExchange, status: int, code: int, body: bytes) -> None:
        exchange.answered_at = time.monotonic()
        if exchange.on_lost is None:  # nobody minds whether it is taken
            self._asker(exchange.process).exchanges.pop(exchange.id, None)
        self._publish(exchange.process, relayed.ANSWERED, relayed.ANSWER.pack(exchange.id, status, code) + body)

    def cut(self, exchange: RelayedExchange) -> None:
        self._publish(exchange.process, relayed.CUT, relayed.ID.pack(exchange.id))

    def _publish(self, process: str, kind: bytes, body: bytes) -> None:
        self._carriers.send(process, kind, body)

    # --- how they end ---

    def tick(self) -> None:
        """Whoever tells of nothing any more has ended, and its clients' connections with it."""
        now = time.monotonic()
        for process, asker in list(self._askers.items()):
            if not asker.exchanges or now - asker.heard_at > relayed.SILENCE_S:
                del self._askers[process]
                _lose_all(asker)

    @property
    def others(self) -> set[str]:
        return set(self._askers)

    def give_up(self, processes: set[str]) -> None:
        """What these have asked."""
        for process in processes:
            if asker := self._askers.pop(process, None):
                _lose_all(asker)


def _lose_all(asker: Asker) -> None:
    for exchange in asker.exchanges.values():
        _lose(exchange)


def _lose(exchange: RelayedExchange) -> None:
    """As when a connection ends."""
    on_lost, exchange.on_lost = exchange.on_lost, None
    if on_lost:
        on_lost()
