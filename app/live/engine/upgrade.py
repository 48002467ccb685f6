"""The upgrade from polling: `2probe`, `3probe`, `5` (Engine.IO 4). Polls bring messages all the while; only at `5` does
the WebSocket take over, and only once the last poll has left: two readers of one queue would lose the order."""

import asyncio
from typing import TYPE_CHECKING

from engineio import packet as engine_packet

from app.live.engine import frames
from app.live.engine.wire import Wire

if TYPE_CHECKING:
    from app.live.engine.session import Session

UPGRADE_TIMEOUT = 10.0  # seconds from the upgrade's WebSocket to its `5`

PROBE = f"{engine_packet.PING}probe"
PROBED = f"{engine_packet.PONG}probe"
UPGRADE = str(engine_packet.UPGRADE)


class Probe:
    """A WebSocket that wants to become a session's."""

    def __init__(self, session: "Session", wire: Wire) -> None:
        self.session, self.wire = session, wire
        self.probed = False
        self.early: list[str | bytes] = []  # came behind the `5`, while the last poll was leaving
        wire.listen(self.hear, self.gone)
        self.timer = asyncio.get_running_loop().call_later(UPGRADE_TIMEOUT, self.refuse)
        if session.upgraded or session.upgrading:
            self.refuse()

    def hear(self, data: str | bytes) -> None:
        session = self.session
        if session.upgraded and session.upgrade is self:
            if not session.closed:
                self.early.append(data)
        elif self.probed and data == UPGRADE and not session.closed:
            self.take_over()
        elif not self.probed and data == PROBE and not (session.upgraded or session.upgrading):
            self.probed = session.upgrading = True  # whoever probes first is the upgrade
            self.wire.send(frames.frame(PROBED.encode()))
            session.wake()
        else:
            self.refuse()

    def take_over(self) -> None:
        session = self.session
        self.timer.cancel()
        session.upgrading, session.upgraded, session.upgrade = False, True, self
        if session.polling:
            session.wake()  # and `finish` is called when it has left
        else:
            finish(session)

    def refuse(self) -> None:
        self._give_back()
        self.wire.close()

    def gone(self, _code: int) -> None:
        session = self.session
        session.server.websockets -= 1
        if session.upgrade is self:  # it was the session's transport already
            session.upgrade = None
            session.end(session.server.reason.TRANSPORT_CLOSE)
        self._give_back()

    def _give_back(self) -> None:
        self.timer.cancel()
        if self.probed and self.session.upgrade is not self:
            self.session.upgrading = False
            self.probed = False


def finish(session: "Session") -> None:
    """The last poll has left: the rest goes over the WebSocket."""
    probe, session.upgrade = session.upgrade, None
    if probe is None:
        return
    session.speak_over(probe.wire)
    for data in probe.early:
        session.hear(data)
