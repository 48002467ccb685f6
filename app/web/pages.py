"""The pages people see: landing, room, echo, and what is shown where there is nothing."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from jinja2 import Environment
from pydantic_core import PydanticCustomError

from app.chat import people, rooms
from app.chat.kinds import room_name
from app.model import COOKIE, Refused
from app.web import CHAT, edge

TEMPLATES = web.AppKey("templates", Environment)

YEAR = 365 * 24 * 3600

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SENTENCES = {
    404: ("Nothing here", "There is no page at this address."),
    405: ("Not like that", "This address does not take such a request."),
    500: ("Something broke", "The server met a fault it did not expect. It is logged; trying again may help."),
    503: ("Not just now", "The message store cannot be reached. Try again in a moment."),
}


async def landing(request: web.Request) -> web.StreamResponse:
    """Nickname, room, and the public rooms. `?room=` takes a browser without JavaScript to the room it typed."""
    if wanted := request.query.get("room"):
        raise web.HTTPSeeOther(edge.at(request, f"/r/{_room(wanted)}"))
    return _page(request, "landing.html", rooms=await rooms.public(request.app[CHAT]))


async def room(request: web.Request) -> web.StreamResponse:
    """The chat page of one room."""
    return _page(request, "room.html", room=room_of(request))


async def echo(request: web.Request) -> web.StreamResponse:
    return _page(request, "echo.html")


async def diagnostics(request: web.Request) -> web.StreamResponse:
    """The doctor for the browser at hand."""
    return _page(request, "diagnostics.html")


def room_of(request: web.Request, behind: str = "") -> str:
    """The room that the address names. Redirects to its proper spelling, with what stands `behind` it."""
    asked = request.match_info["room"]
    name = _room(asked)
    if name != asked:
        raise web.HTTPPermanentRedirect(edge.at(request, f"/r/{name}{behind}"))
    return name


def nothing(request: web.Request, text: str) -> web.Response:
    """The page for an address at which there is nothing, with a sentence of its own."""
    return page(request, "error.html", 404, title=SENTENCES[404][0], text=text)


def _room(text: str) -> str:
    """The room that somebody means who types an address: `My Room` is my-room, as in the page's own boxes."""
    try:
        return room_name("-".join(text.removeprefix("#").split()))
    except PydanticCustomError as error:
        raise Refused("bad_room", error.message()) from None


def page(request: web.Request, template: str, /, status: int = 200, **values: Any) -> web.Response:
    """A page that is only read."""
    html = request.app[TEMPLATES].get_template(template).render(status=status, **values)
    return web.Response(text=html, content_type="text/html", status=status)


def _page(request: web.Request, template: str, /, status: int = 200, **values: Any) -> web.Response:
    """A page, never stored; with it the browser gets the token that will name its person."""
    response = page(request, template, status, **values)
    if status == HTTPStatus.OK and not people.is_token(request.cookies.get(COOKIE)):
        edge.give_cookie(request, response, COOKIE, people.new_token(), YEAR)
    return response


@web.middleware
async def show_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What went wrong, as a page with a sentence."""
    try:
        return await handler(request)
    except Refused as refusal:
        status = 503 if refusal.code == "storage" else 404
        return _page(request, "error.html", status, title=SENTENCES[status][0], text=refusal.text)
    except web.HTTPException as error:
        if error.status < 400 or "text/html" not in request.headers.get("Accept", ""):
            raise
        title, text = SENTENCES.get(error.status, (HTTPStatus(error.status).phrase, error.text or ""))
        return _page(request, "error.html", error.status, title=title, text=text)
