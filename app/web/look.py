"""How a page looks to this reader, before a script has run: what its cookie says, which the page itself writes
(static/js/look.js). Nothing in it is secret, and nothing depends on it but the look of the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from aiohttp import web

from app.languages import LANGUAGES
from app.web import edge

COOKIE = "parlor_look"
CHOICES = {
    "theme": ("light", "dark"),
    "text": ("large", "larger"),
    "rows": ("compact",),
    "motion": ("still",),
}
LANGUAGE = "lang-"  # with which that part begins: `lang-de`


@dataclass(frozen=True)
class Look:
    """is_known: this browser has chosen a nickname, so that a room is shown at once. chosen: what was chosen, by the
    name of the choice; what is not in it is as the system has it. is_framed: the page is shown within another one,
    where nothing may take the focus by itself. language: what the reader has chosen; empty: nothing."""

    is_known: bool
    chosen: dict[str, str]
    is_framed: bool = False
    language: str = ""

    @property
    def theme(self) -> str:
        return self.chosen.get("theme", "")


def look_of(request: web.Request) -> Look:
    is_framed = request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")  # W3C Fetch Metadata
    return replace(read(edge.cookies(request, COOKIE)), is_framed=is_framed)


def read(cookies: Iterable[str]) -> Look:
    """What is not known is passed over."""
    said = [part for cookie in cookies for part in cookie.split(".")]
    chosen = {name: next((part for part in said if part in values), "") for name, values in CHOICES.items()}
    languages = [part.removeprefix(LANGUAGE) for part in said if part.startswith(LANGUAGE)]
    language = next((one for one in languages if one in LANGUAGES), "")
    return Look("in" in said, {name: value for name, value in chosen.items() if value}, language=language)


def choose_language(request: web.Request, response: web.StreamResponse, language: str) -> None:
    """As the page itself writes it, where no script did."""
    look = look_of(request)
    chosen = [look.chosen.get(name, "") for name in CHOICES]
    value = ".".join(filter(None, ("in" if look.is_known else "", *chosen, LANGUAGE + language)))
    edge.give_readable(request, response, COOKIE, value, look.is_framed)
