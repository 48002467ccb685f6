"""HTTP long-polling, a session's half of it: one GET at a time brings what waits, one POST at a time is taken."""

import asyncio
import re
from typing import TYPE_CHECKING

from aiohttp import web
from engineio import packet as engine_packet
from engineio.packet import Packet as EnginePacket

from app.live.engine import upgrade
from app.live.engine.packets import Malformed, read_body, read_payload

if TYPE_CHECKING:
    from app.live.engine.session import Session

UPGRADE_POLL = 0.22  # seconds a poll is held while an upgrade is under way: fewer than five a second are no storm
BREATH = 500  # packets of one POST between which others have their turn
POLL_PACKETS = 15  # in one answer; with a goodbye 16, which is all that python-engineio's client takes at once

NOOP = EnginePacket(engine_packet.NOOP)

_HOLD = re.compile(r"[0-9]{1,6}")


def read_hold(request: web.Request) -> float | None:
    """Seconds that the client lets this poll be held: `hold` in the query, in milliseconds; None where it says nothing.
    A browser has six connections to a host for all of its tabs, so those beyond the first few ask without waiting."""
    hold = request.query.get("hold")
    if hold is None:
        return None
    if not _HOLD.fullmatch(hold):
        raise Malformed("hold is a number of milliseconds")
    return int(hold) / 1000


async def poll(session: "Session", hold: float | None = None) -> list[EnginePacket]:
    """What one GET brings, after `hold` seconds at the latest. A second GET beside it, and one that is aborted, end the
    session (Engine.IO 4, HTTP long-polling): its packets would otherwise be written into a dead answer and lost without
    a word."""
    if session.polling:
        session.end(session.server.reason.TRANSPORT_ERROR)
        raise Malformed("two polls at once")
    session.polling = True
    try:
        await session.until_due(_shorter(hold, UPGRADE_POLL if session.upgrading else None))
    except asyncio.CancelledError:
        abandon(session)
        raise
    return leave(session)


def _shorter(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)


def leave(session: "Session") -> list[EnginePacket]:
    """The poll goes back with this."""
    session.polling = False
    if session.upgrading or session.upgraded:
        session.pattern = session.posted = None  # its polls are over, and most sessions upgrade
    packets = session.take(POLL_PACKETS)
    if session.wire is None and session.upgraded:
        asyncio.get_running_loop().call_soon(upgrade.finish, session)
    if session.closed and not (session.is_waited_for and session.sid in session.server.parting):
        session.server.parting.pop(session.sid, None)
        packets.append(NOOP if session.left else EnginePacket(engine_packet.CLOSE))
    return packets or [NOOP]


def abandon(session: "Session") -> None:
    """Who polled has gone."""
    session.polling = False
    session.end(session.server.reason.TRANSPORT_ERROR)
    upgrade.finish(session)  # a WebSocket may be waiting for this poll: it is closed


async def handle_post(session: "Session", request: web.Request) -> web.Response:
    """Take the packets of one POST, all or none."""
    if session.posting:
        session.end(session.server.reason.TRANSPORT_ERROR)
        raise Malformed("two posts at once")
    session.posting = True
    try:
        body = await read_body(request, session.server.max_http_buffer_size, session.server.patience)
        packets = read_payload(body)
        for nth, pkt in enumerate(packets, 1):
            await session.receive(pkt)
            if nth % BREATH == 0:
                await asyncio.sleep(0)  # half a million packets of two bytes must not stop everybody else
    except Malformed as error:
        session.server.drop(session, error)
        raise
    except (asyncio.CancelledError, ConnectionError):  # broken off: nobody knows what of it was taken
        session.end(session.server.reason.TRANSPORT_ERROR)
        raise
    finally:
        session.posting = False
    return web.Response(text="ok")


def take_at_once(session: "Session", body: bytes) -> bool:
    """Take the one text of a POST, where nobody has to wait over it or has to be refused. False changes nothing: a text
    that is refused leaves no trace, bytes would (they complete an event)."""
    server = session.server
    if session.posting or session.closed or session.upgraded or session.upgrading:
        return False
    if server.heard is None or server.is_busy(session) or len(body) > server.max_http_buffer_size:
        return False
    try:
        pkt, *more = read_payload(body)
        if more or pkt.binary or pkt.packet_type != engine_packet.MESSAGE:
            return False
        server.heard(session, pkt.data)
    except Malformed:
        return False
    return True
