"""For hosts and operators: health checks, file descriptors, robots.txt."""

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
from app.web.siblings import SIBLINGS

log = logging.getLogger("parlor")

CHECK_INTERVAL_S = 1.0  # between checks of how many descriptors are left
LOG_INTERVAL_S = 60.0  # between two log lines of one cause
SPARE_DESCRIPTORS = 16  # with fewer left, the next connections may fail: not ready
RETRY_AFTER = "5"  # seconds

_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


def new_boot() -> str:
    return uuid4().hex[:12]


class Descriptors:
    """Watches how many file descriptors are left. Each connection takes one. Without any, the next connection waits or
    is cut off, depending on the event loop, so the log and /readyz have to say why. limit(): of the process."""

    def __init__(self, limit: Callable[[], int | None]) -> None:
        self._limit = limit
        self._logged_at = -LOG_INTERVAL_S
        self._is_logged = False  # logged, and the end of it not yet
        self.trouble = ""  # a sentence while too few are left; else empty

    async def watch(self) -> None:
        while True:
            self.check()
            await asyncio.sleep(CHECK_INTERVAL_S)

    def check(self) -> None:
        """As many as are to be spare are opened for a moment: no number tells how many are left."""
        limit = self._limit()
        spare = SPARE_DESCRIPTORS if limit is None else max(1, min(SPARE_DESCRIPTORS, limit // 8))
        opened: list[int] = []
        try:
            for _ in range(spare):
                opened.append(os.dup(0))
        except OSError as error:
            if error.errno not in _NO_DESCRIPTOR:
                return
            if opened and error.errno == errno.EMFILE:
                self._report(f"Hardly any file descriptor is left of the {limit} that this process may have")
            else:
                self.note(error)
        else:
            self._recover()
        finally:
            for one in opened:
                os.close(one)

    def note(self, error: OSError) -> None:
        """An attempt to open one failed."""
        whose = "this system" if error.errno == errno.ENFILE else "this process"
        limit = "" if error.errno == errno.ENFILE or self._limit() is None else f" {self._limit()}"
        self._report(f"The{limit} file descriptors that {whose} may have are all in use")

    def is_lack(self, context: dict[str, Any]) -> bool:
        """For an event loop's exception handler: True, and noted, where a descriptor was missing."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _NO_DESCRIPTOR:
            return False
        self.note(error)
        return True

    def _report(self, cause: str) -> None:
        self.trouble = (
            f"{cause}: new connections wait or are cut off. Raise the limit (ulimit -n; LimitNOFILE in a systemd unit)."
        )
        if monotonic() - self._logged_at >= LOG_INTERVAL_S:
            self._logged_at, self._is_logged = monotonic(), True
            log.error("%s", self.trouble)

    def _recover(self) -> None:
        if self._is_logged:
            log.warning("File descriptors are free again.")
        self.trouble, self._is_logged = "", False


DESCRIPTORS = web.AppKey("descriptors", Descriptors)
FILES_APART = "on this machine alone"  # while the database is elsewhere
PARTS = web.AppKey("parts", dict[str, Callable[[], str]])  # how parts are on which nothing depends, by name
# How other processes of this Parlor are heard: `redis`, `redis away`, `notify` (by PostgreSQL), `database`
# (by looking there); not there where they are not heard.
BOOT = web.AppKey("boot", str)  # new at each start: two values behind one address mean two processes
OTHERS: web.AppKey[Callable[[], str]] = web.AppKey("others")
# Which ask for robots.txt (each one's own documentation), and show what a link leads to to those who were sent it.
PREVIEWERS = (
    "facebookexternalhit",
    "Twitterbot",
    "LinkedInBot",
    "Slackbot-LinkExpanding",
    "Discordbot",
    "TelegramBot",
    "WhatsApp",
    "SkypeUriPreview",
)
INDEX_ROOMS = web.AppKey("index_rooms", bool)


@web.middleware
async def short_of_descriptors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 503 where a descriptor was missing, without a traceback for each request."""
    try:
        return await handler(request)
    except OSError as error:
        if error.errno not in _NO_DESCRIPTOR:
            raise
        request.app[DESCRIPTORS].note(error)
        text = "The server is out of file descriptors. Try again in a moment."
        raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": RETRY_AFTER}) from None


async def healthz(request: web.Request) -> web.Response:
    """The process is alive. Needs no database. Two answers from one address tell whether they are from one process
    (`boot`) or from several of one Parlor: those have one `history`, and say how they hear `others`. worker: its
    number, where a parent has several."""
    chat, siblings = request.app[CHAT], request.app.get(SIBLINGS)
    said = {"ok": True, "version": chat.version, "boot": request.app[BOOT], "process": chat.process}
    said["history"] = chat.epoch[:8]
    if siblings:
        said["worker"] = siblings.number
    if tell := request.app.get(OTHERS):
        said["others"] = tell()
    return web.json_response(said)


async def readyz(request: web.Request) -> web.Response:
    """It can serve: the database can be read and written, and connections can be accepted. How other parts are is told
    beside that: it serves without them."""
    if trouble := request.app[DESCRIPTORS].trouble:
        return web.json_response({"ok": False, "text": trouble}, status=503)
    try:
        await request.app[CHAT].store.ready()
    except Refused as refusal:
        return web.json_response({"ok": False, "text": refusal.text}, status=503)
    return web.json_response({"ok": True} | {name: state() for name, state in request.app[PARTS].items()})


async def robots(request: web.Request) -> web.Response:
    """Search engines may read rooms only with PARLOR_INDEX_ROOMS. What draws the preview of a shared link may look at
    the door."""
    always = ("/socket.io/", "/ws/")
    closed = [] if request.app[INDEX_ROOMS] else ["/r/"]
    lines = ["User-agent: *", *(f"Disallow: {at(request, path)}" for path in (*closed, *always))]
    if closed:
        lines += ["", *(f"User-agent: {name}" for name in PREVIEWERS)]
        lines += [f"Disallow: {at(request, path)}" for path in ("/r/*/", *always)]
    return web.Response(text="\n".join([*lines, ""]), headers={"Cache-Control": "public, max-age=3600"})
