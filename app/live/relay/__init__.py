"""Polls and POSTs that reach another process than the one that has their session: no sticky sessions are needed.

A session's id begins with that of its process, the owner. Whoever is asked in its place asks the owner and answers what
that answers; to the owner the request is one of its own, whose connection may be lost. What carries the frames, Redis
or a socket (carriers.py), may lose anything at any time. So whoever asks tells the owner every second which requests
are open, and the owner tells which of them it does not have: what only one of the two knows of is given up. The client
then comes anew, and catches up.
"""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial

from app.chat.counts import Reading
from app.engineio.request import Request
from app.engineio.server import EngineServer, Exchange
from app.live.relay import relayed
from app.live.relay.asking import Asking
from app.live.relay.carriers import Carrier, Carriers, OnBody
from app.live.relay.owning import Owning

RELEASE_LOOKS, RELEASE_PAUSE_S = 25, 0.02  # for polls to be answered when this process stops


class Relay:
    """Both sides, in one process. Set as `engine.relay`."""

    def __init__(self, engine: EngineServer, carriers: Sequence[Carrier]) -> None:
        self._carriers = Carriers(engine.settings.process, carriers)
        self._asking, self._owning = Asking(self._carriers), Owning(self._carriers, engine)
        self.is_elsewhere, self.expect = self._asking.is_elsewhere, self._asking.expect
        self._ticking: asyncio.TimerHandle | None = None
        on_body = self._asking.on_body | self._owning.on_body
        for carrier in carriers:
            carrier.on_dead = self._dead
            carrier.on_trouble = partial(self._in_trouble, carrier)
            carrier.on_body = {kind: self._ticking_after(call) for kind, call in on_body.items()}

    def ask(self, sid: str, request: Request, exchange: Exchange) -> None:
        self._asking.ask(sid, request, exchange)
        self._tick_later()

    async def release_all(self) -> None:
        """This process stops: let the polls that wait here be answered now. Their clients go on with another one."""
        for _ in range(RELEASE_LOOKS):
            if not self._asking.release():
                return
            await asyncio.sleep(RELEASE_PAUSE_S)

    def close(self) -> None:
        for carrier in self._carriers.all:
            carrier.close()

    def readings(self) -> Iterator[Reading]:
        yield Reading("parlor_relayed", "Polls and POSTs that another process answered.", self._asking.answered)
        text = "Polls and POSTs whose session no other process has, or whose answer did not come."
        yield Reading("parlor_relay_failed", text, self._asking.failed)
        text = "Polls and POSTs that came to another process and were answered here."
        yield Reading("parlor_relay_served", text, self._owning.served)

    def _ticking_after(self, on_body: OnBody) -> OnBody:
        def received(process: str, body: bytes) -> None:
            on_body(process, body)
            self._tick_later()

        return received

    def _tick_later(self) -> None:
        if self._ticking is None and (self._asking.is_busy or self._owning.is_busy):
            self._ticking = asyncio.get_running_loop().call_later(relayed.TICK_S, self._tick)

    def _tick(self) -> None:
        self._ticking = None
        self._asking.tick()
        self._owning.tick()
        self._tick_later()

    def _dead(self, process: str) -> None:
        self._asking.give_up({process}, is_dead=True)
        self._owning.give_up({process})

    def _in_trouble(self, carrier: Carrier) -> None:
        """Nobody knows what was lost with it."""
        for side in (self._asking, self._owning):
            side.give_up({one for one in side.others if self._carriers.to(one) in (None, carrier)})
