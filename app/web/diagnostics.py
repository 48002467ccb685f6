"""/diagnostics: the doctor for the browser at hand. The page tries the ways to this server; what reached us of each try
it asks us for, because a browser cannot see what a proxy took away on the way.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from app.model import COOKIE
from app.web import edge

MOST = 200  # tries remembered; each is asked for within seconds
TELLING = ("Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "CF-Ray", "X-Azure-Ref")
NEEDED = ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions")


@dataclass
class Tries:
    """What arrived of WebSocket handshakes, by the name that the page gave each try."""

    seen: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)

    def note(self, request: web.Request, full: bool) -> None:
        """Keep what arrived, if the request is a try; and whether there is room for a WebSocket at all."""
        name = request.query.get("try", "")
        if not 8 <= len(name) <= 64:
            return
        headers = {one: request.headers[one][:100] for one in NEEDED if one in request.headers}
        self.seen[name] = {"headers": headers, "full": full}
        while len(self.seen) > MOST:
            self.seen.popitem(last=False)


TRIES = web.AppKey("tries", Tries)


async def seen(request: web.Request) -> web.Response:
    """How this request arrived, and what arrived of the WebSocket handshake named by `?try=`, null if nothing did."""
    answer = {
        "scheme": edge.scheme(request),
        "host": edge.host(request),
        "from": request.remote,
        "version": f"{request.version.major}.{request.version.minor}",
        "proxies": {name: request.headers[name][:200] for name in TELLING if name in request.headers},
        "cookie": COOKIE in request.cookies,
        "trusted": request.config_dict[edge.EDGE].proxies,
        "try": request.app[TRIES].seen.get(request.query.get("try", "")),
    }
    return web.json_response(answer)
