"""/diagnostics: what the server saw of a browser's attempts. The page tries the transports and asks here what arrived
of each attempt: a browser cannot see which headers a proxy removed."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from app.web import edge

MAX_TRIES = 200  # remembered; the page asks for each within seconds
PROXY_HEADERS = (
    "Via",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "CF-Ray",
    "X-Azure-Ref",
)
HANDSHAKE_HEADERS = ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions")


@dataclass
class Tries:
    """What arrived of WebSocket handshakes, by the name that the page gave each attempt."""

    seen: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)

    def note(self, name: str, header: Callable[[str], str], full: bool) -> None:
        """Remember a request that has a name. header: the value of each. full: no more WebSockets are accepted at
        present."""
        if not 8 <= len(name) <= 64:
            return
        headers = {one: header(one)[:100] for one in HANDSHAKE_HEADERS if header(one)}
        self.seen[name] = {"headers": headers, "full": full}
        while len(self.seen) > MAX_TRIES:
            self.seen.popitem(last=False)


TRIES = web.AppKey("tries", Tries)


async def seen(request: web.Request) -> web.Response:
    """How this request arrived, and the WebSocket handshake named by `?try=`; null where none arrived."""
    answer = {
        "scheme": edge.scheme(request),
        "host": edge.host(request),
        "from": request.remote,
        "version": f"{request.version.major}.{request.version.minor}",
        "proxies": {name: request.headers[name][:200] for name in PROXY_HEADERS if name in request.headers},
        "cookie": bool(edge.tokens(request)),
        "trusted": request.config_dict[edge.EDGE].proxies,
        "try": request.app[TRIES].seen.get(request.query.get("try", "")),
    }
    return web.json_response(answer)
