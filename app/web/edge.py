"""The HTTP edge: headers of trusted proxies, which hosts and methods are served, security headers, caching, cookies."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from http.cookies import Morsel
from ipaddress import ip_address
from typing import Any

from aiohttp import web

from app.model import COOKIE, HOST_COOKIE

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PART_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
MAX_COOKIES = 2  # of one name, that are looked at
PROBES = ("/healthz", "/readyz", "/metrics")
PAGES = ("GET", "HEAD")
YEAR_S = 365 * 24 * 3600
PARTITIONED = "; Partitioned"  # http.cookies knows it from Python 3.14 on

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", re.ASCII)
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,4000}", re.ASCII)
_UPWARDS = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443"}

Values = Callable[[str], Sequence[str]]  # name of a header -> its values in the request, unchanged
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Edge:
    """The operator's settings of the edge.

    proxies: the number of trusted ones. base: the site's path, empty at the root. hosts: those that are served; all
    where none is named. embed: origins whose pages may frame this site. hsts: seconds of Strict-Transport-Security.
    """

    proxies: int = 0
    base: str = ""
    hosts: tuple[str, ...] = ()
    embed: tuple[str, ...] = ()
    hsts: int = 0

    def forwarded_scheme(self, values: Values) -> str:
        """`http` or `https` from X-Forwarded-Proto; empty without a trusted proxy. Of several values (`https, http`
        occurs) the first is the visitor's; a visitor who forges it harms nobody else. Some proxies send `ws` or `wss`
        for a WebSocket."""
        schemes = self._forwarded(values, "X-Forwarded-Proto")
        named = schemes[0].lower() if schemes else ""
        return {"ws": "http", "wss": "https", "http": "http", "https": "https"}.get(named, "")

    def host(self, values: Values) -> str:
        """The host (and port, if any) in the visitor's address bar, as the outermost trusted proxy received it. Empty
        where there is none."""
        named_hosts = self._forwarded(values, "X-Forwarded-Host")
        forwarded = named_hosts[-min(self.proxies, len(named_hosts))] if named_hosts else ""
        named = forwarded if is_host(forwarded) else next(iter(values("Host")), "")
        return named if is_host(named) else ""

    def visitor(self, values: Values, peer: str) -> str:
        """The visitor's address: as the outermost proxy that is trusted saw it, else that of the connection."""
        return self.told_visitor(values) or peer

    def told_visitor(self, values: Values) -> str:
        """The visitor's address as a trusted proxy tells it; empty where none does."""
        said = self._forwarded(values, "X-Forwarded-For")
        return _address(said[-min(self.proxies, len(said))]) if said else ""

    def serves(self, values: Values) -> bool:
        """False where the operator has named hosts (PARLOR_HOSTS), and this is none of them."""
        return not self.hosts or _is_served(self.hosts, self.host(values), self.forwarded_scheme(values))

    def headers(self, is_https: bool, is_part: bool = False) -> dict[str, str]:
        """The security headers of every answer. is_part: it is a static file, a part of a page: there, what a page may
        do says nothing, and a first visit would have it seven times."""
        headers = dict(PART_HEADERS) if is_part else self._page_headers()
        if self.hsts and is_https:
            headers["Strict-Transport-Security"] = f"max-age={self.hsts}"
        return headers

    def _page_headers(self) -> dict[str, str]:
        framers = " ".join(("'self'", *self.embed)) if self.embed else "'none'"
        headers = HEADERS | {"Content-Security-Policy": f"{POLICY}; frame-ancestors {framers}"}
        if not self.embed:  # it cannot name origins: with some, only the policy counts
            headers["X-Frame-Options"] = "DENY"
        return headers

    def header_lines(self, values: Values, scheme: str) -> str:
        """The same as text. scheme: that of the connection."""
        is_https = bool(self.hsts) and (self.forwarded_scheme(values) or scheme) == "https"
        return self._lines[is_https]

    @cached_property
    def _lines(self) -> tuple[str, str]:
        """The security headers as text: by http, by https."""
        return _written(self.headers(is_https=False)), _written(self.headers(is_https=True))

    def cookie_name(self, is_https: bool) -> str:
        """Of the cookie that holds a browser's token. A name with `__Host-` wants the path `/`: the base path is in it,
        for other sites of the host have cookies of their own."""
        return HOST_COOKIE + self.base.replace("/", ".") if is_https else COOKIE

    def tokens(self, values: Values) -> list[str]:
        """What the browser's cookies may hold of tokens: first the one that came by https, then the older one. One
        broken cookie does not hide the others."""
        return [*self.cookies(values, self.cookie_name(True)), *self.cookies(values, self.cookie_name(False))]

    def cookies(self, values: Values, wanted: str) -> list[str]:
        """The values of the cookies of this name."""
        pairs = [part.strip().partition("=") for line in values("Cookie") for part in line.split(";")]
        return [value.strip('"') for name, _, value in pairs if name == wanted][:MAX_COOKIES]

    def _forwarded(self, values: Values, header: str) -> list[str]:
        """The values of all lines of a header, in order: each proxy appends its own (RFC 9110, 5.3)."""
        if not self.proxies:
            return []
        return [word.strip() for word in ",".join(values(header)).split(",") if word.strip()]

    @property
    def probes(self) -> tuple[str, ...]:
        """The paths of health checks: under the base path, and without it."""
        return tuple(dict.fromkeys((*PROBES, *(self.base + path for path in PROBES))))


def _written(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


EDGE = web.AppKey("edge", Edge)


def at(request: web.Request, path: str) -> str:
    """A path of the site with the base path before it."""
    return request.config_dict[EDGE].base + path


def path_of_site(request: web.Request, said: str) -> str:
    """A path that a form says, where it is one of this site; else that of the landing page. A browser goes elsewhere by
    `//` and `/\\`, and up by `/..`, however that is written."""
    path = said.partition("?")[0]
    is_ours = path.startswith(at(request, "/")) and _PATH.fullmatch(said) and not _UPWARDS.search(path)
    return said if is_ours else at(request, "/")


def scheme(request: web.Request) -> str:
    """`http` or `https`, as in the visitor's address bar."""
    return forwarded_scheme(request) or request.scheme


def forwarded_scheme(request: web.Request) -> str:
    """As a trusted proxy names it; empty without one."""
    return request.config_dict[EDGE].forwarded_scheme(_values(request))


def host(request: web.Request) -> str:
    """The host (and port, if any) in the visitor's address bar. Empty where there is none."""
    return request.config_dict[EDGE].host(_values(request))


def _values(request: web.Request) -> Values:
    return lambda name: request.headers.getall(name, ())


def _address(text: str) -> str:
    """Without the port and brackets that some proxies add; empty where it is none."""
    found = re.fullmatch(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+", text)
    try:
        return str(ip_address((found[1] or found[2] or "") if found else text))
    except ValueError:
        return ""


def is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return bool(found) and int(found[1] or 0) < 65_536  # type: ignore[index]


def tokens(request: web.Request) -> list[str]:
    """See Edge.tokens."""
    return request.config_dict[EDGE].tokens(_values(request))


def cookies(request: web.Request, name: str) -> list[str]:
    """See Edge.cookies."""
    return request.config_dict[EDGE].cookies(_values(request), name)


def origin(request: web.Request) -> str:
    """As in the visitor's address bar; empty where it is not known."""
    named = host(request)
    return f"{scheme(request)}://{named}" if named else ""


def comes_from_here(request: web.Request) -> bool:
    """A page of this site led here, as the browser says."""
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


def has_token(request: web.Request, token: str) -> bool:
    """Is it in the browser's cookie, of the name that it is to have?"""
    edge = request.config_dict[EDGE]
    return token in edge.cookies(_values(request), edge.cookie_name(scheme(request) == "https"))


def give_token(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """The browser's token, in an HttpOnly cookie. By https its name says that no other host can have set it
    (`__Host-`); one of the old name goes. In a frame of another site browsers accept only SameSite=None, over https;
    some also require Partitioned (CHIPS)."""
    secure, edge = scheme(request) == "https", request.config_dict[EDGE]
    framed = secure and bool(edge.embed)
    path = edge.base or "/"
    attributes: dict[str, Any] = {"httponly": True, "secure": secure, "samesite": "None" if framed else "Lax"}
    lines = [
        _cookie(edge.cookie_name(secure), token, attributes | {"path": "/" if secure else path, "max-age": YEAR_S})
    ]
    if secure and edge.cookies(_values(request), COOKIE):
        lines.append(_cookie(COOKIE, "", attributes | {"path": path, "max-age": 0}))
    for line in lines:
        response.headers.add("Set-Cookie", line + (PARTITIONED if framed else ""))


def give_readable(request: web.Request, response: web.StreamResponse, name: str, value: str, is_framed: bool) -> None:
    """A cookie that the page's scripts read and write as well (static/js/look.js)."""
    secure = scheme(request) == "https"
    framed = secure and is_framed
    attributes: dict[str, Any] = {"secure": secure, "samesite": "None" if framed else "Lax"}
    attributes |= {"path": request.config_dict[EDGE].base or "/", "max-age": YEAR_S}
    response.headers.add("Set-Cookie", _cookie(name, value, attributes) + (PARTITIONED if framed else ""))


def _cookie(name: str, value: str, attributes: dict[str, Any]) -> str:
    line: Morsel[str] = Morsel()
    line.set(name, value, value)
    line.update(attributes)
    return line.OutputString()


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers, and no-store unless the handler has set Cache-Control."""
    is_part = request.path.startswith(at(request, "/static/"))
    for name, value in request.config_dict[EDGE].headers(scheme(request) == "https", is_part).items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def force_https(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Redirect pages to https where a trusted proxy says that they were requested by http. Without a trusted proxy
    nothing is redirected, or there would be loops."""
    page = request.method in PAGES and "Upgrade" not in request.headers
    exempt = request.path in request.config_dict[EDGE].probes or request.path.startswith(at(request, "/socket.io"))
    if page and not exempt and forwarded_scheme(request) == "http":
        named = host(request)
        if not named:
            raise web.HTTPBadRequest(text="The Host header names no host, so there is nowhere to redirect to.")
        raise web.HTTPPermanentRedirect(f"https://{without_default_port(named)}{request.path_qs}")
    return await handler(request)


def without_default_port(host: str) -> str:
    """Without :443, and without :80, which some proxies add to https requests."""
    return host.removesuffix(":80").removesuffix(":443")


@web.middleware
async def only_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 421 to hosts that are not in PARLOR_HOSTS: with DNS rebinding another site's name points here, and a
    browser then takes our pages for that site's. Health checks are exempt: they use IP addresses."""
    edge = request.config_dict[EDGE]
    if request.path in edge.probes or edge.serves(_values(request)):
        return await handler(request)
    named = host(request)[:100] or "a host without a name"
    return web.Response(status=421, text=f"{named} is not served here. Its operator can name it in PARLOR_HOSTS.")


def _is_served(hosts: tuple[str, ...], host: str, scheme: str) -> bool:
    name, _, port = host.lower().rpartition(":") if re.search(r":\d+$", host) else (host.lower(), "", "")
    name = name.removesuffix(".")
    label, _, rest = name.partition(".")
    names = [name, f"*.{rest}"] if label and rest else [name]
    ports = [port] if port else [_DEFAULT_PORTS[scheme]] if scheme else list(_DEFAULT_PORTS.values())
    return bool(name) and any(one in hosts or any(f"{one}:{port}" in hosts for port in ports) for one in names)


@web.middleware
async def methods(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer OPTIONS on every existing path, and add Allow to every 405."""
    refusal = request.match_info.http_exception
    if not isinstance(refusal, web.HTTPMethodNotAllowed):
        return await handler(request)
    allowed = ", ".join(sorted({*refusal.allowed_methods, "OPTIONS"}))
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": allowed})
    try:
        response = await handler(request)
    except web.HTTPMethodNotAllowed as error:
        error.headers["Allow"] = allowed
        raise
    response.headers["Allow"] = allowed
    return response


tidy = web.normalize_path_middleware(
    append_slash=False, remove_slash=True
)  # `/r/lobby/` and `//r/lobby` are `/r/lobby`
