"""The answers to the polls of one tick: written together, and made once for all who get the same."""

import asyncio

from aiohttp.helpers import rfc822_formatted_time
from engineio.packet import Packet as EnginePacket

from app.live.engine.audience import Flush
from app.live.engine.packets import write_payload


class Answers(Flush):
    """All polls of an engine that are answered in this tick, with whatever it has for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._top = self._made = b""
        self._packets: list[EnginePacket] = []  # what `_made` carries, for as long as a tick's answers are written

    def _write(self) -> None:
        super()._write()
        self._packets = []
        self._made = b""

    def to(self, top: bytes, packets: list[EnginePacket]) -> bytes:
        """An answer that begins with `top`, which lacks only what changes: mostly the one that was made just before."""
        if packets != self._packets or top is not self._top:
            self._top, self._packets, self._made = top, packets, answer(top, write_payload(packets))
        return self._made


def answer(top: bytes, body: bytes) -> bytes:
    return b"%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (top, rfc822_formatted_time().encode(), len(body), body)
