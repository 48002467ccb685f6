"""Whose pages may speak with us: browsers name the page's origin, and other sites' pages may not speak with our
visitors' cookies (RFC 6454)."""

import re
from collections.abc import Callable, Iterable

from app.engineio.request import Request

_LABEL = re.compile("[a-z0-9_-]+")  # of a host: what a star stands for
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Origins:
    """listed: let in besides the page's own, as browsers write them: `https://chat.example`, `null`;
    `https://*.example` stands for any one label in the star's place, `*` for all. host, scheme: those of the page, as
    its visitors ask for it; the scheme is empty where nobody can tell, as behind a proxy that is not trusted."""

    def __init__(self, listed: Iterable[str], host: Callable[[Request], str], scheme: Callable[[Request], str]) -> None:
        self._listed, self._host, self._scheme = frozenset(listed), host, scheme

    def allow(self, request: Request) -> bool:
        if "Origin" not in request:
            return True
        origin = request.get("Origin")
        if not origin.isascii():  # names none, and is not repeated in a header
            return False
        if "*" in self._listed or self._is_listed(origin):
            return True
        return is_own(origin, self._host(request), self._scheme(request))

    def is_own_page(self, request: Request) -> bool:
        """True where no other site's page asks, one that is let in included: then the visitor's cookies count."""
        return "Origin" not in request or is_own(request.get("Origin"), self._host(request), self._scheme(request))

    def refusal(self, request: Request) -> str:
        """What was refused, and which setting mends it: behind a proxy the page's host is mostly another than ours."""
        scheme, host = self._scheme(request), _shown(self._host(request))
        return (
            f"{_shown(request.get('Origin'))} is not an accepted origin: this server is asked as "
            f"{f'{scheme}://' if scheme else ''}{host}. Where a proxy in front names the host in X-Forwarded-Host, set "
            "PARLOR_TRUST_PROXIES; to let other sites' pages in, list them in PARLOR_ORIGINS"
        )

    def _is_listed(self, origin: str) -> bool:
        scheme, host = _parts(origin)
        if "*" in origin:
            return False
        label, _, rest = host.partition(".")
        written = (
            (f"{scheme}://{host}", f"{scheme}://*.{rest}" if _LABEL.fullmatch(label) else "") if scheme else (origin,)
        )
        return not self._listed.isdisjoint(written)


def _shown(text: str) -> str:
    """What a client sent, in a sentence: its bytes may be no text."""
    return text[:200].encode("ascii", "backslashreplace").decode()


def is_own(origin: str, host: str, scheme: str) -> bool:
    """Is it that of the page which is served at this host? Some proxies put a default port in."""
    named, address = _parts(origin)
    if not address or named not in _DEFAULT_PORTS or (scheme and scheme != named):
        return False
    host = _without_root(host.lower())
    return address in (host, *(host.removesuffix(port) for port in _DEFAULT_PORTS.values()))


def _without_root(host: str) -> str:
    """Without the dot of the DNS root behind the name, which some proxies take away (nginx's `$host`)."""
    name, separator, port = host.partition(":")
    return f"{name.removesuffix('.')}{separator}{port}"


def _parts(origin: str) -> tuple[str, str]:
    """Scheme, and host with its port, but for a default one. Two empty ones where it names none, as `null`."""
    scheme, separator, host = origin.lower().partition("://")
    if separator and scheme in _DEFAULT_PORTS:
        host = _without_root(host.removesuffix(_DEFAULT_PORTS[scheme]))
    return (scheme, host) if separator else ("", "")
