"""What hosts and operators ask: is it alive, can it serve."""

from uuid import uuid4

from aiohttp import web

from app.model import Refused
from app.store import queries
from app.web import CHAT

BOOT = uuid4().hex[:12]  # another one after each start: two of them behind one address are two processes


async def healthz(request: web.Request) -> web.Response:
    """The process lives. Asks nothing of anybody."""
    return web.json_response({"ok": True, "version": request.app[CHAT].version, "boot": BOOT})


async def readyz(request: web.Request) -> web.Response:
    """It can serve: the message store answers."""
    try:
        await request.app[CHAT].store.read(queries.epoch)
    except Refused as refusal:
        return web.json_response({"ok": False, "text": refusal.text}, status=503)
    return web.json_response({"ok": True})
