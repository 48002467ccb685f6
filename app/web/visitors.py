"""Who asks over HTTP without a page: from where, for which site, and whether the page that asks may."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from app.web import edge

SAME_ORIGIN = "same-origin"


@dataclass(frozen=True)
class Visitors:
    """network: from where somebody asks, as limits count it; empty where nobody can tell for certain. refusal: of a
    page of another site that the operator has not let in (PARLOR_ORIGINS); empty for all others. is_own: the page is
    one of ours."""

    network: Callable[[web.Request], str]
    refusal: Callable[[web.Request], str]
    is_own: Callable[[web.Request], bool]


VISITORS = web.AppKey("visitors", Visitors)


def network(request: web.Request) -> str:
    return request.config_dict[VISITORS].network(request)


def site(request: web.Request) -> str:
    """The site's address without a slash at its end, as this visitor has it; only its path where that is not known."""
    host, base = edge.host(request), request.config_dict[edge.EDGE].base
    return f"{edge.scheme(request)}://{host}{base}" if host else base


def bearer(request: web.Request) -> str | None:
    """The token of `Authorization: Bearer`; None where there is no such header, empty where it says something else."""
    said = request.headers.get("Authorization")
    if said is None:
        return None
    scheme, _, token = said.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def cookies(request: web.Request) -> Sequence[str]:
    """The tokens of the browser's cookies, where it is a page of ours that asks: any other one's requests carry them as
    well."""
    said = request.headers.get("Sec-Fetch-Site")
    is_own = request.config_dict[VISITORS].is_own(request) if said is None else said == SAME_ORIGIN
    return edge.tokens(request) if is_own else ()
