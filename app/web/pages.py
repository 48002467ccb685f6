"""The pages for people: landing, room, echo, diagnostics, and errors."""

import contextlib
import secrets
import string
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment

from app.chat import doorway, people, rooms
from app.chat.kinds import room_as_typed
from app.languages import LANGUAGES
from app.model import Refused, Sentence
from app.web import CHAT, edge, look, ops
from app.web.language import language_of, say_in

TEMPLATES = web.AppKey("templates", Environment)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DEFAULT_ROOM = "lobby"
MAX_WISH = 200  # characters; the page's own checks come after it

SENTENCES = {
    400: (Sentence("Not like that"), Sentence("This request could not be understood.")),
    403: (Sentence("Not from there"), Sentence("Only the pages of this site may ask for that.")),
    404: (Sentence("Nothing here"), Sentence("There is no page at this address.")),
    405: (Sentence("Not like that"), Sentence("This address does not take such a request.")),
    413: (Sentence("Too much"), Sentence("That is more than what is taken here.")),
    500: (
        Sentence("Something broke"),
        Sentence("The server met a fault it did not expect. It is logged; trying again may help."),
    ),
    503: (Sentence("Not just now"), Sentence("The message store cannot be reached. Try again in a moment.")),
}


async def landing(request: web.Request) -> web.StreamResponse:
    """The landing page. `?room=` redirects to a room: its form without JavaScript."""
    chat, wish = request.app[CHAT], _wish(request)
    if wanted := request.query.get("room") or (wish and DEFAULT_ROOM):
        name = room_as_typed(wanted)
        if not edge.comes_from_here(request):
            raise web.HTTPSeeOther(edge.at(request, f"/r/{name}"))
        if "listed" in request.query or "nickname" not in request.query:
            raise web.HTTPSeeOther(edge.at(request, f"/r/{name}") + _query(wish))
        raise web.HTTPSeeOther(edge.at(request, f"/r/{_unguessable(name)}") + _query(wish) + "#unlisted")
    offered = doorway.suggested(chat, "")
    return await _page(request, "landing.html", rooms=await rooms.public(chat), offered=offered)


async def room(request: web.Request) -> web.StreamResponse:
    """The chat page of one room: its doorway, or for who has a nickname already the room. `?nickname=` is the form of
    the doorway, where no script was there (yet)."""
    chat, name, wish = request.app[CHAT], room_of(request), _wish(request)
    seen = await doorway.look(chat, name, edge.tokens(request))
    return await _page(
        request,
        "room.html",
        room=name,
        seen=seen,
        wish=wish,
        goes_in=bool(wish) and edge.comes_from_here(request),
        offered=doorway.suggested(chat, name),
        may_index=request.app[ops.INDEX_ROOMS] and seen.is_public,
        origin=edge.origin(request),
    )


async def dialogs(request: web.Request) -> web.StreamResponse:
    """The elements of a room's page that its script loads when the first of them is wanted, in the language that this
    page has: its reader may have chosen another one meanwhile, in another tab."""
    return page(request, "dialogs.html", language=asked if (asked := request.query.get("lang")) in LANGUAGES else "")


async def choose_language(request: web.Request) -> web.Response:
    """The languages at the foot of a page, where no script took the choice: leads back to that page."""
    form = await request.post()
    language, back = (str(form.get(name, "")) for name in ("language", "back"))
    if language not in LANGUAGES:
        raise Refused("bad_payload", "There is no such language here.")
    response = web.Response(status=303, headers={"Location": edge.path_of_site(request, back)})
    look.choose_language(request, response, language)
    return response


async def echo(request: web.Request) -> web.StreamResponse:
    return await _page(request, "echo.html")


async def diagnostics(request: web.Request) -> web.StreamResponse:
    """The diagnostics of the browser's connection."""
    return await _page(request, "diagnostics.html")


def _wish(request: web.Request) -> str:
    """The nickname that was suggested, where that was pressed; else the one that was typed."""
    return (request.query.get("offered") or request.query.get("nickname", "")).strip()[:MAX_WISH]


def _query(wish: str) -> str:
    return f"?{urlencode({'nickname': wish})}" if wish else ""


def _unguessable(room: str) -> str:
    """As the page's script makes it (static/js/room-key.js)."""
    end = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))
    return f"{room[:53]}-{end}"


def room_of(request: web.Request, suffix: str = "") -> str:
    """The room in the path. Redirects to its proper spelling, with `suffix` after it."""
    asked = request.match_info["room"]
    name = room_as_typed(asked)
    if name != asked:
        raise web.HTTPPermanentRedirect(edge.at(request, f"/r/{name}{suffix}"))
    return name


def not_found(request: web.Request, text: str) -> web.Response:
    """A 404 page with this sentence."""
    return page(request, "error.html", 404, title=SENTENCES[404][0], text=text)


def page(request: web.Request, template: str, /, status: int = 200, language: str = "", **values: Any) -> web.Response:
    """A page without a cookie. language: if not its reader's."""
    language = language or language_of(request)
    shown = {"status": status, "look": look.look_of(request), "language": language, **values}
    html = request.app[TEMPLATES].get_template(template).render(shown, page_path=_path_of(request))
    response = web.Response(text=html, content_type="text/html", status=status)
    say_in(response, language)
    return response


def _path_of(request: web.Request) -> str:
    """The page's address, without what would enter a room."""
    return str(request.rel_url.without_query_params("nickname", "offered"))


async def _page(request: web.Request, template: str, /, **values: Any) -> web.Response:
    """A page, with the cookie that holds the browser's token: a new one where it has none that was issued here."""
    response = page(request, template, **values)
    with contextlib.suppress(Refused):  # nothing can be read at present: it keeps what it has
        chat = request.app[CHAT]
        await chat.tokens.ready()
        token = await people.first_good(chat, edge.tokens(request), trusts=True)
        if token is None or not edge.has_token(request, token):
            edge.give_token(request, response, token or chat.tokens.new())
    return response


@web.middleware
async def show_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Show errors as a page with a sentence, to browsers."""
    try:
        return await handler(request)
    except Refused as refusal:
        status = 503 if refusal.code == "storage" else 404
        return page(request, "error.html", status, title=SENTENCES[status][0], text=refusal.text)
    except web.HTTPException as error:
        if error.status < 400 or "text/html" not in request.headers.get("Accept", ""):
            raise
        title, text = SENTENCES.get(error.status, (HTTPStatus(error.status).phrase, error.text or ""))
        return page(request, "error.html", error.status, title=title, text=text)
