"""`/operator`: what an operator wants to know of the site, behind a password, without a script.

Whoever types the password gets a cookie for some hours: an end, signed with a key that is made from the password. So
all processes know it, a change of the password ends it, and nothing of it is stored. It is sent to this page alone, by
no other site (SameSite=Strict), and shows; nothing can be done with it. Guesses at the password are slowed down.
"""

import asyncio
import hmac
import logging
import platform
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from app.chat.rooms import public
from app.model import Connection, Person, Refused, Sentence
from app.store import queries
from app.web import CHAT, edge, ops, pages, visitors
from app.web.metrics import METRICS
from app.web.siblings import SIBLINGS

COOKIE = "parlor_operator"
SESSION_S = 8 * 3600
ROOMS = 50  # the ones used last
GUESSED = "password of the operator"
WRONG = Sentence("This is not the password.")
HEADERS = {
    # not compressed on the way: it holds what is for one person alone
    "Cache-Control": "no-store, no-transform",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}

log = logging.getLogger("parlor")


@dataclass(frozen=True)
class Operator:
    """password: empty where there is no such page. folder: of the data, whose disk may fill up. started: seconds since
    1970."""

    password: str = field(repr=False)
    folder: Path
    started: float = field(default_factory=time.time)

    def pass_until(self, end: int, epoch: str) -> str:
        """A cookie's value."""
        key = hmac.digest(self.password.encode(), f"operator of {epoch}".encode(), "sha256")
        return f"{end}.{hmac.digest(key, str(end).encode(), 'sha256').hex()}"

    def is_good(self, shown: str, epoch: str, now: float) -> bool:
        end = shown.partition(".")[0]
        if not (end.isascii() and end.isdigit() and len(end) < 15):
            return False
        wanted = self.pass_until(int(end), epoch).encode()
        return hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), wanted) and int(end) > now


OPERATOR = web.AppKey("operator", Operator)


async def show(request: web.Request) -> web.Response:
    """The page; who has not shown the password is asked for it."""
    operator = _operator(request)
    shown = edge.cookies(request, _cookie_name(request))
    if not any(operator.is_good(one, request.app[CHAT].epoch, time.time()) for one in shown):
        return _page(request, "operator-door.html", wrong="")
    return _page(request, "operator.html", **await _told(request, operator))


async def enter(request: web.Request) -> web.Response:
    """The form with the password."""
    operator, chat = _operator(request), request.app[CHAT]
    _check_origin(request)
    shown = str((await request.post()).get("password", ""))
    guesser = Connection("", Person("", ""), address=visitors.network(request))
    try:
        await chat.guesses.spend(GUESSED, guesser)
    except Refused as refusal:
        response = _page(request, "operator-door.html", 429, wrong=refusal.text)
        response.headers["Retry-After"] = str(round(refusal.extra["retry_after"]) or 1)
        return response
    if not hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), operator.password.encode()):
        log.warning("a wrong password for the operator's page, from %s", guesser.address or "an unknown network")
        return _page(request, "operator-door.html", 403, wrong=WRONG)
    await chat.guesses.passed(GUESSED, guesser)
    end = int(time.time()) + SESSION_S
    return _leading_back(request, operator.pass_until(end, chat.epoch), SESSION_S)


async def leave(request: web.Request) -> web.Response:
    """Forget the password in this browser."""
    _operator(request)
    _check_origin(request)
    return _leading_back(request, "", 0)


def _operator(request: web.Request) -> Operator:
    operator = request.app[OPERATOR]
    if not operator.password:
        raise web.HTTPNotFound
    return operator


def _check_origin(request: web.Request) -> None:
    """A page of another site cannot send the form."""
    said = request.headers.get("Sec-Fetch-Site")
    if said not in (None, "same-origin", "none") or (
        said is None and request.config_dict[visitors.VISITORS].refusal(request)
    ):
        raise web.HTTPForbidden(text="Only the pages of this site may ask for that.")


def _cookie_name(request: web.Request) -> str:
    return f"__Secure-{COOKIE}" if edge.scheme(request) == "https" else COOKIE


def _leading_back(request: web.Request, value: str, seconds: int) -> web.Response:
    path = edge.at(request, "/operator")
    response = web.Response(status=303, headers={"Location": path, **HEADERS})
    secure = edge.scheme(request) == "https"
    how: dict[str, Any] = {"httponly": True, "secure": secure, "samesite": "Strict", "path": path}
    response.set_cookie(_cookie_name(request), value, max_age=seconds, **how)
    return response


def _page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    response = pages.page(request, template, status, **values)
    response.headers.update(HEADERS)
    policy = request.config_dict[edge.EDGE].headers(False)["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.partition("; frame-ancestors")[0] + "; frame-ancestors 'none'"
    return response


# --- what is told ---


async def _told(request: web.Request, operator: Operator) -> dict[str, Any]:
    """Of the whole site what the database and the workers know; the rest is of the process that answers."""
    chat, siblings = request.app[CHAT], request.app.get(SIBLINGS)
    try:
        await chat.store.ready()
        stored, trouble = await chat.store.read(queries.overview, ROOMS), request.app[ops.DESCRIPTORS].trouble
    except Refused as refusal:
        stored, trouble = None, refusal.text
    disk = await asyncio.to_thread(_disk, operator.folder)
    lag = request.app[METRICS].loop_lag.durations
    return {
        "now": _time(time.time()),
        "trouble": trouble,
        "stored": stored and stored | {"latest": [_room(chat, room) for room in stored["latest"]]},
        "listed_rooms": [] if stored is None else await public(chat),
        "here": {"people": len(chat.presence.online), "rooms": len(chat.presence.rooms)},
        "by_transport": sorted(request.app[METRICS].sockets.by_transport().items()),
        "disk": disk and {"free": disk.free, "total": disk.total, "is_low": disk.free < disk.total / 20},
        "versions": {
            "Parlor": chat.version,
            "Python": platform.python_version(),
            "aiohttp": aiohttp.__version__,
            Sentence("database"): stored["database"] if stored else "",
            Sentence("schema"): stored["schema"] if stored else "",
        },
        "process": {
            "name": chat.process,
            "boot": ops.BOOT,
            "since": _time(operator.started),
            "worker": siblings and siblings.number,
            "workers": siblings and siblings.of,
            "host": platform.node(),
        },
        "others": tell() if (tell := request.app.get(ops.OTHERS)) else "",
        "files_apart": ops.FILES_APART,
        "parts": {name: state() for name, state in request.app[ops.PARTS].items()},
        "lag_ms": 1000 * lag.total / max(1, sum(lag.buckets)),
        "verbs": sum(chat.counts.verbs.values()),
        "said": chat.counts.said,
        "limits": chat.counts.refusals.most_common(),
        "refusals": [one._asdict() | {"at": _time(one.at)} for one in reversed(chat.counts.latest)],
    }


def _room(chat: Any, room: dict[str, Any]) -> dict[str, Any]:
    used = room["active_at"]
    return room | {"people": chat.presence.rooms.count(room["name"]), "used": _time(used / 1000) if used else None}


def _disk(folder: Path) -> Any:
    try:
        return shutil.disk_usage(folder)
    except OSError:
        return None


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
