"""What hosts and operators ask: is it alive, can it serve; and what search engines may read."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from time import monotonic
from typing import Any
from uuid import uuid4

from aiohttp import web

from app.model import Refused
from app.web import CHAT
from app.web.edge import Handler, at

log = logging.getLogger("parlor")

BOOT = uuid4().hex[:12]  # another one after each start: two of them behind one address are two processes
LOOK_EVERY = 1.0  # seconds between looks at how many descriptors are left
TELL_EVERY = 60.0  # seconds between two log lines of one cause
SPARE = 16  # descriptors: with fewer left, the next connections may be refused, and so is more traffic
RETRY_AFTER = "5"  # seconds

_OUT = (errno.EMFILE, errno.ENFILE)


class Descriptors:
    """How many file descriptors are left. Each connection takes one; where there is none, the next one waits or is cut
    off at once, as the event loop has it, and only we can say why. limit: as many as the process may have."""

    def __init__(self, limit: Callable[[], int | None]) -> None:
        self._limit = limit
        self._told = -TELL_EVERY
        self._unsettled = False  # told, and not yet that it is over
        self.trouble = ""  # a sentence while there are too few

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY)

    def look(self) -> None:
        """The system gives the lowest number that is free, so a copy of any tells what is left."""
        try:
            lowest = os.dup(0)
        except OSError as error:
            if error.errno in _OUT:
                self.note(error)
            return
        os.close(lowest)
        limit = self._limit()
        if limit is None or lowest < limit - min(SPARE, limit // 8):
            self._recover()
        else:
            self._tell(f"Hardly any file descriptor is left of the {limit} that this process may have")

    def note(self, error: OSError) -> None:
        """One could not be had."""
        whose = "this system" if error.errno == errno.ENFILE else "this process"
        limit = "" if error.errno == errno.ENFILE or self._limit() is None else f" {self._limit()}"
        self._tell(f"The{limit} file descriptors that {whose} may have are all in use")

    def lacked(self, context: dict[str, Any]) -> bool:
        """For an event loop's exception handler: was it for the lack of one? Then it is noted."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _OUT:
            return False
        self.note(error)
        return True

    def _tell(self, cause: str) -> None:
        self.trouble = (
            f"{cause}: new connections wait or are cut off. Raise the limit (ulimit -n; LimitNOFILE in a systemd unit)."
        )
        if monotonic() - self._told >= TELL_EVERY:
            self._told, self._unsettled = monotonic(), True
            log.error("%s", self.trouble)

    def _recover(self) -> None:
        if self._unsettled:
            log.warning("File descriptors are free again.")
        self.trouble, self._unsettled = "", False


DESCRIPTORS = web.AppKey("descriptors", Descriptors)
INDEX_ROOMS = web.AppKey("index_rooms", bool)


@web.middleware
async def short_of_descriptors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What fails for the lack of a descriptor (a static file, say) is answered so, without a traceback for each."""
    try:
        return await handler(request)
    except OSError as error:
        if error.errno not in _OUT:
            raise
        request.app[DESCRIPTORS].note(error)
        text = "The server is out of file descriptors. Try again in a moment."
        raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": RETRY_AFTER}) from None


async def healthz(request: web.Request) -> web.Response:
    """The process lives. Asks nothing of anybody."""
    return web.json_response({"ok": True, "version": request.app[CHAT].version, "boot": BOOT})


async def readyz(request: web.Request) -> web.Response:
    """It can serve: a row can be read, what is said can be stored, and connections can be accepted."""
    if trouble := request.app[DESCRIPTORS].trouble:
        return web.json_response({"ok": False, "text": trouble}, status=503)
    try:
        await request.app[CHAT].store.ready()
    except Refused as refusal:
        return web.json_response({"ok": False, "text": refusal.text}, status=503)
    return web.json_response({"ok": True})


async def robots(request: web.Request) -> web.Response:
    """Rooms are for who is in them: search engines read them only where the operator says so."""
    closed = [] if request.app[INDEX_ROOMS] else ["/r/"]
    lines = ["User-agent: *", *(f"Disallow: {at(request, path)}" for path in (*closed, "/socket.io/", "/ws/"))]
    return web.Response(text="\n".join([*lines, ""]), headers={"Cache-Control": "public, max-age=3600"})
