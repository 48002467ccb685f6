"""The library's own way with WebSockets: two tasks each. Taken where the operator asks for compression, which our wire
does not speak, and where a release of aiohttp does not let its socket be taken over."""

import asyncio
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType, web

from app.live.engine import upgrade
from app.live.engine.packets import Malformed, read_packet
from app.live.engine.wire import CLOSE_TIMEOUT

if TYPE_CHECKING:
    from app.live.engine.session import Session

GOING_AWAY = "going away"  # the reason where a page was closed or loaded anew (RFC 6455, 7.4.1: 1001; Engine.IO: CLOSE)
WRITE_PACKETS = 1_000  # written in one go


async def speak(session: "Session", request: web.Request) -> web.StreamResponse:
    """Until the session is over, or the upgrade comes to nothing."""
    ws = web.WebSocketResponse(
        max_msg_size=session.server.max_http_buffer_size,
        compress=session.server.compression,
        timeout=CLOSE_TIMEOUT,
    )
    try:
        await ws.prepare(request)
    except BaseException as error:  # a broken handshake, or a peer that left: nobody will speak in a session so new
        if not session.connected:
            session.end(session.server.reason.TRANSPORT_ERROR)
        if isinstance(error, ConnectionError):
            return web.Response(status=400)
        raise
    session.server.websockets += 1
    try:
        return await _speak(session, ws, request)
    finally:
        session.server.websockets -= 1


async def _speak(session: "Session", ws: web.WebSocketResponse, request: web.Request) -> web.StreamResponse:
    if session.connected and not await _upgrade(session, ws):
        await ws.close()
        return ws
    session.connected = session.upgraded = True
    session.request = request
    writer = asyncio.create_task(_write_all(session, ws))
    try:
        await _read_all(session, ws)
    finally:
        session.end(session.server.reason.TRANSPORT_CLOSE)
        session.wake()
        await asyncio.wait([writer], timeout=CLOSE_TIMEOUT)
        writer.cancel()
    return ws


async def _upgrade(session: "Session", ws: web.WebSocketResponse) -> bool:
    if session.upgraded or session.upgrading:
        return False
    probed = False
    try:
        async with asyncio.timeout(upgrade.UPGRADE_TIMEOUT):
            if await ws.receive_str() != upgrade.PROBE or session.upgraded or session.upgrading:
                return False
            session.upgrading = probed = True
            await ws.send_str(upgrade.PROBED)
            session.wake()
            if await ws.receive_str() != upgrade.UPGRADE:
                return False
    except (TimeoutError, TypeError, ConnectionError, RuntimeError):
        return False
    finally:
        if probed:
            session.upgrading = False
    if session.closed:
        return False
    session.upgraded = True
    while session.polling:
        session.wake()
        await asyncio.sleep(0)
    return True


async def _read_all(session: "Session", ws: web.WebSocketResponse) -> None:
    while not session.closed:
        frame = await ws.receive()
        if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            if frame.type == WSMsgType.CLOSE and frame.data == WSCloseCode.GOING_AWAY:
                session.end(GOING_AWAY)
            return
        try:
            await session.receive(read_packet(frame.data))
        except Malformed as error:
            session.server.drop(session, error)


async def _write_all(session: "Session", ws: web.WebSocketResponse) -> None:
    try:
        while True:
            await session.until_due()
            packets = session.take(WRITE_PACKETS)
            for pkt in packets:
                encoded = pkt.encode()
                await (ws.send_bytes(encoded) if isinstance(encoded, bytes) else ws.send_str(encoded))
            if session.closed and not session.is_waited_for:
                await ws.close()
                return
    except (ConnectionError, RuntimeError):
        session.abort()
