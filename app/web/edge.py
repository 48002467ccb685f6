"""The edge: what a proxy in front says and whether to believe it, security headers, caching, errors as pages."""

import re
from collections.abc import Awaitable, Callable

from aiohttp import web

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PROBES = ("/healthz", "/readyz", "/metrics")
PAGES = ("GET", "HEAD")

_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.ASCII)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TRUST = web.AppKey("trust", int)  # how many proxies in front are believed


def scheme(request: web.Request) -> str:
    """`http` or `https`, as the visitor's browser has it. Of several (`https, http` occurs) the first is the visitor's;
    who writes it themselves deceives nobody else."""
    return forwarded_scheme(request) or request.scheme


def forwarded_scheme(request: web.Request) -> str:
    """What a trusted proxy says of it; empty where none does."""
    said = _forwarded(request, "X-Forwarded-Proto")[:1]
    return said[0] if said and said[0] in ("http", "https") else ""


def host(request: web.Request) -> str:
    """The host, and port if any, in the visitor's address bar: as the outermost proxy that is trusted heard it."""
    said = _forwarded(request, "X-Forwarded-Host")
    believed = said[-min(request.config_dict[TRUST], len(said))] if said else ""
    return believed if _HOST.fullmatch(believed) else request.host


def _forwarded(request: web.Request, header: str) -> list[str]:
    if not request.config_dict.get(TRUST, 0):
        return []
    return [part.strip() for part in request.headers.get(header, "").split(",") if part.strip()]


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer says what a browser may do with it; none is cached unless its handler said so."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def force_https(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send pages that a trusted proxy says came by http to https. Without its word, nothing: no circles."""
    page = request.method in PAGES and "Upgrade" not in request.headers
    exempt = request.path in PROBES or request.path.startswith("/socket.io")
    if page and not exempt and forwarded_scheme(request) == "http":
        raise web.HTTPPermanentRedirect(f"https://{host(request)}{request.path_qs}")
    return await handler(request)
