"""A plain WebSocket that echoes every message: the simplest test whether WebSockets work on the route."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from app.web.diagnostics import TRIES

SUBPROTOCOLS = ("echo.parlor", "chat")
PING_INTERVAL_S = 20.0  # proxies cut connections that are silent for longer
MAX_MESSAGE = 1_000_000  # bytes


@dataclass
class Echoes:
    """The open echo sockets, to be closed with the server. full(): no more WebSockets are accepted at present."""

    full: Callable[[], bool]
    sockets: set[web.WebSocketResponse] = field(default_factory=set)


OPEN = web.AppKey("echoes", Echoes)


async def echo(request: web.Request) -> web.StreamResponse:
    """Text comes back as text, bytes as bytes; the first subprotocol that both know is chosen (RFC 6455, 4.2.2)."""
    ws = web.WebSocketResponse(
        protocols=SUBPROTOCOLS, heartbeat=PING_INTERVAL_S, max_msg_size=MAX_MESSAGE, compress=False, timeout=1.0
    )
    full = request.app[OPEN].full()
    request.app[TRIES].note(request, full)
    if not ws.can_prepare(request):
        text = "This address speaks WebSocket; no complete upgrade arrived (a proxy may strip its headers)."
        return web.Response(status=426, text=text, headers={"Upgrade": "websocket"})
    if full:  # the page tests here whether it could use a WebSocket
        return web.Response(status=503, text="As many WebSockets are open as PARLOR_MAX_WEBSOCKETS allows.")
    try:
        await ws.prepare(request)
    except ConnectionError:  # the peer disconnected before the 101
        return web.Response(status=400)
    request.app[OPEN].sockets.add(ws)
    try:
        async for frame in ws:
            if frame.type == WSMsgType.TEXT:
                await ws.send_str(frame.data)
            elif frame.type == WSMsgType.BINARY:
                await ws.send_bytes(frame.data)
    finally:
        request.app[OPEN].sockets.discard(ws)
    return ws


async def close_all(app: web.Application) -> None:
    """Close all with 1001, going away."""
    await asyncio.gather(*(ws.close(code=1001) for ws in tuple(app[OPEN].sockets)), return_exceptions=True)
