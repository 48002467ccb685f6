"""A plain WebSocket that says back what it hears: the simplest proof that WebSockets come through."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from app.web.diagnostics import TRIES

SUBPROTOCOLS = ("echo.parlor", "chat")
IDLE = 20.0  # seconds between pings, so that no proxy takes it for dead
LARGEST = 1_000_000  # bytes


@dataclass
class Echoes:
    """The ones that are open, to be closed with the server. full: may no WebSocket more be opened here?"""

    full: Callable[[], bool]
    sockets: set[web.WebSocketResponse] = field(default_factory=set)


OPEN = web.AppKey("echoes", Echoes)


async def echo(request: web.Request) -> web.StreamResponse:
    """Text comes back as text, bytes as bytes; the first subprotocol that both know is chosen (RFC 6455, 4.2.2)."""
    ws = web.WebSocketResponse(
        protocols=SUBPROTOCOLS, heartbeat=IDLE, max_msg_size=LARGEST, compress=False, timeout=1.0
    )
    full = request.app[OPEN].full()
    request.app[TRIES].note(request, full)
    if not ws.can_prepare(request):
        text = "This address speaks WebSocket; no complete upgrade arrived (a proxy may strip its headers)."
        return web.Response(status=426, text=text, headers={"Upgrade": "websocket"})
    if full:  # a page that tries whether a WebSocket would do must not come over for nothing
        return web.Response(status=503, text="As many WebSockets are open as PARLOR_MAX_WEBSOCKETS allows.")
    try:
        await ws.prepare(request)
    except ConnectionError:  # a peer that left before the 101
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
    """Say goodbye with 1001: the server goes away."""
    await asyncio.gather(*(ws.close(code=1001) for ws in tuple(app[OPEN].sockets)), return_exceptions=True)
