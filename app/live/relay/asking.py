"""Requests that came here and are another process's to answer (relay.py)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.engineio.request import Request
from app.engineio.server import Exchange, Refusal, hold_of
from app.live.relay import relayed
from app.live.relay.carriers import Carriers


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


class Owners:
    """The processes that are asked, as far as this one knows."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}  # when each was heard last
        self._dead: dict[str, float] = {}  # that hear nothing, and since when

    def hear(self, owner: str) -> None:
        self._heard[owner] = time.monotonic()
        self._dead.pop(owner, None)

    def bury(self, owner: str) -> None:
        self._dead[owner] = time.monotonic()

    def is_dead(self, owner: str) -> bool:
        return owner in self._dead

    def heard_at(self, owner: str) -> float:
        return self._heard.get(owner, 0.0)

    def forget_old(self) -> None:
        before = time.monotonic() - relayed.SILENCE_S
        self._dead = {owner: since for owner, since in self._dead.items() if since > before}
        self._heard = {owner: at for owner, at in self._heard.items() if at > before}


class Asking:
    """The requests that other processes are to answer."""

    def __init__(self, carriers: Carriers) -> None:
        self._carriers = carriers
        self._open: dict[int, Asked] = {}
        self._last_id = 0
        self._bytes = 0  # of bodies that wait for their answer
        self._owners = Owners()
        self._told: set[str] = set()  # owners that were told of open requests
        self.answered = self.failed = 0
        self.on_body = {relayed.ANSWERED: self._on_answer, relayed.CUT: self._on_cut, relayed.HERE: self._on_here}

    @property
    def is_busy(self) -> bool:
        return bool(self._open or self._told)

    def is_elsewhere(self, sid: str) -> bool:
        return self._carriers.to(sid[:8]) is not None

    def expect(self, sid: str, exchange: Exchange) -> None:
        exchange.on_lost = lambda: self._carriers.send(sid[:8], relayed.BROKEN, sid.encode(errors="replace"))

    def ask(self, sid: str, request: Request, exchange: Exchange) -> None:
        """Raises Refusal."""
        owner, now, name = sid[:8], time.monotonic(), sid.encode(errors="replace")
        if self._owners.is_dead(owner) or len(name) > 255:
            self.failed += 1
            raise Refusal(1, "Session ID unknown")
        is_poll, body = request.method != "POST", bytes(request.body)
        if self._bytes and self._bytes + len(body) > relayed.MAX_BYTES:
            raise Refusal(3, "Too much is on its way between processes", status=503)
        hold_s = hold_of(request) if is_poll else None
        self._last_id += 1
        asked = Asked(self._last_id, owner, sid, exchange, len(body), is_poll, now)
        asked.on_lost = exchange.on_lost = lambda: self._lost(asked)
        self._open[asked.id] = asked
        self._bytes += asked.size
        if is_poll:
            self._carriers.send(
                owner,
                relayed.ASK_GET,
                relayed.GET.pack(asked.id, -1 if hold_s is None else int(hold_s * 1000)) + name,
            )
        else:
            self._carriers.send(owner, relayed.ASK_POST, relayed.POST.pack(asked.id, len(name)) + name + body)
        self._told.add(owner)
        if now - self._owners.heard_at(owner) > 2 * relayed.TICK_S:
            self._carriers.check({owner})

    def release(self) -> bool:
        """Let the polls be answered now. False once nothing waits for its answer any more."""
        waiting = [one for one in self._open.values() if not one.is_answered]
        for one in waiting:
            if one.is_poll:
                self._carriers.send(one.owner, relayed.RELEASE, one.sid.encode(errors="replace"))
        return bool(waiting)

    @property
    def others(self) -> set[str]:
        return {one.owner for one in self._open.values()}

    def give_up(self, owners: set[str], is_dead: bool = False) -> None:
        """What is asked of these."""
        for owner in owners if is_dead else ():
            self._owners.bury(owner)
        for one in list(self._open.values()):
            if one.owner in owners:
                self._give_up(one)

    def tick(self) -> None:
        """Tell every owner which requests are open, and ask whether it lives."""
        now = time.monotonic()
        self._owners.forget_old()
        for one in list(self._open.values()):
            if one.is_taken:
                self._forget(one)
            elif not one.is_answered and now - max(one.at, self._owners.heard_at(one.owner)) > relayed.SILENCE_S:
                self._give_up(one)
        by_owner: dict[str, list[Asked]] = {owner: [] for owner in self._told}
        for one in self._open.values():
            by_owner.setdefault(one.owner, []).append(one)
        for owner, asked in by_owner.items():
            waiting = [one.id for one in asked if not one.is_answered]
            others = [one.id for one in asked if one.is_answered]
            self._carriers.send(
                owner, relayed.OPEN, relayed.COUNT.pack(len(waiting)) + relayed.packed(waiting + others)
            )
        self._told = {owner for owner, asked in by_owner.items() if asked}
        self._carriers.check({one.owner for one in self._open.values() if not one.is_answered})

    # --- what the owner says ---

    def _on_answer(self, owner: str, body: bytes) -> None:
        id, status, code = relayed.ANSWER.unpack_from(body)
        asked = self._heard_from(owner, id)
        if asked is None or asked.is_answered:
            return
        asked.is_answered = True
        self._bytes -= asked.size
        self.answered += 1
        rest = body[relayed.ANSWER.size :]
        if status == 200:
            asked.exchange.respond(rest)
        else:
            asked.exchange.refuse(code, rest.decode(), status)
        if asked.is_taken:
            self._forget(asked)

    def _on_cut(self, owner: str, body: bytes) -> None:
        if asked := self._heard_from(owner, *relayed.ID.unpack(body)):
            asked.exchange.abort()

    def _on_here(self, owner: str, body: bytes) -> None:
        """It lives, and does not have these."""
        for id in relayed.ids_of(body):
            if (asked := self._heard_from(owner, id)) and not asked.is_answered:
                self._give_up(asked)
        self._heard_from(owner, 0)

    def _heard_from(self, owner: str, id: int) -> Asked | None:
        self._owners.hear(owner)
        asked = self._open.get(id)
        return asked if asked and asked.owner == owner else None

    # --- how a request ends ---

    def _lost(self, asked: Asked) -> None:
        """Its client is gone, perhaps without the answer."""
        self._forget(asked)
        self._carriers.send(asked.owner, relayed.LOST, relayed.ID.pack(asked.id))

    def _give_up(self, asked: Asked) -> None:
        """Its client is to come anew. Should the owner live, the session ends there, too."""
        self._forget(asked)
        if asked.is_answered:
            return
        self.failed += 1
        self._carriers.send(asked.owner, relayed.LOST, relayed.ID.pack(asked.id))
        asked.exchange.on_lost = None
        asked.exchange.refuse(1, "Session ID unknown")

    def _forget(self, asked: Asked) -> None:
        if self._open.pop(asked.id, None) and not asked.is_answered:
            self._bytes -= asked.size
