"""Polls and POSTs that reach another process than the one that has their session: no sticky sessions are needed.

A session's id begins with that of its process, the owner. Whoever is asked in its place asks the owner over Redis and
answers what that answers; to the owner the request is one of its own, whose connection may be lost. Redis may lose
anything at any time. So whoever asks tells the owner every second which requests are open, and the owner tells which of
them it does not have: what only one of the two knows of is given up. The client then comes anew, and catches up.
"""

import asyncio
from collections.abc import Callable, Iterator

from app.chat.counts import Reading
from app.engineio.request import Request
from app.engineio.server import EngineServer, Exchange
from app.live.redis import relayed
from app.live.redis.asking import Asking
from app.live.redis.connection import RedisConnection
from app.live.redis.owning import Owning

RELEASE_LOOKS, RELEASE_PAUSE_S = 25, 0.02  # for polls to be answered when this process stops


class Relay:
    """Both sides, in one process. Set as `engine.relay`."""

    def __init__(self, redis: RedisConnection, engine: EngineServer) -> None:
        self._asking, self._owning = Asking(redis), Owning(redis, engine)
        self._process, self._redis = redis.process, redis
        self.is_elsewhere, self.expect = self._asking.is_elsewhere, self._asking.expect
        self._ticking: asyncio.TimerHandle | None = None
        mine = relayed.channel(redis.process)
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
            self._ticking = asyncio.get_running_loop().call_later(relayed.TICK_S, self._tick)

    def _tick(self) -> None:
        self._ticking = None
        self._asking.tick()
        self._owning.tick()
        self._tick_later()

    def _give_up_all(self) -> None:
        """Redis was lost, and nobody knows what with it."""
        self._asking.give_up_all()
        self._owning.give_up_all()
