"""A room's log as plain HTML: one day of it, readable without JavaScript. `#{seq}` is a permalink."""

import asyncio
import re
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from aiohttp import web

from app.chat import access, direct
from app.chat.messages import as_told
from app.model import Sentence
from app.store import queries
from app.web import CHAT, edge, pages

PAGE = 200  # messages

EPOCH = date(1970, 1, 1)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SEQ = re.compile(r"[1-9]\d{0,14}", re.ASCII)

Message = dict[str, Any]


async def log(request: web.Request) -> web.StreamResponse:
    """`/r/{room}/log` is the newest day, `/r/{room}/log/{YYYY-MM-DD}` another; `?from=` is the first seq of a page of a
    long day. `?seq=` redirects to the page with that message, `?day=` to that day."""
    asked, chat = request.match_info.get("day"), request.app[CHAT]
    room = pages.room_of(request, f"/log/{asked}" if asked else "/log")
    if wanted := request.query.get("day"):
        where = f"/{wanted}" if _DAY.fullmatch(wanted) else ""
        raise web.HTTPSeeOther(edge.at(request, f"/r/{room}/log{where}"))
    day = _day(asked) if asked else None
    if asked and day is None:
        return pages.not_found(request, Sentence("A day is written as year, month and day, for example 2026-11-27."))
    stored, tokens = room, edge.tokens(request)
    if direct.is_direct(room):
        stored = await direct.stored_for(chat, tokens, room)
    elif not await access.may_read(chat, room, tokens):
        return pages.not_found(request, Sentence("There is no room #{room}.", room=room))
    if seq := _number(request, "seq"):
        said_on = _date(await chat.store.read(queries.day_of, room=stored, seq=seq))
        raise web.HTTPSeeOther(edge.at(request, f"/r/{room}/log/{said_on}?from={seq}#{seq}"))
    since_1970 = (day - EPOCH).days if day else None
    start = _number(request, "from")
    found = await chat.store.read(queries.said_on, room=stored, day=since_1970, start=start, limit=PAGE)
    found["room"] |= {"name": room}
    return await asyncio.to_thread(_drawn, request, found)  # a thread: the event loop must not wait for it


def by_day(messages: Iterable[Message]) -> list[tuple[date, list[Message]]]:
    """Messages (as sent to clients) of each day."""
    days = groupby(messages, key=lambda message: message["at"][:10])
    return [(date.fromisoformat(day), list(said)) for day, said in days]


def _drawn(request: web.Request, found: dict[str, Any]) -> web.Response:
    return pages.page(request, "log.html", **_shown(found))


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    days = {name: _date(found[name]) for name in ("day", "previous", "next")}
    messages = [as_told(message) for message in found["messages"]]
    return {
        "room": found["room"]["name"],
        "topic": found["room"]["topic"],
        "days": by_day(messages),
        "by_seq": {message["seq"]: message for message in messages},
        "earlier": found["earlier"],
        "later": found["later"],
        **days,
    }


def _date(since_1970: int | None) -> date | None:
    return None if since_1970 is None else EPOCH + timedelta(days=since_1970)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _number(request: web.Request, name: str) -> int | None:
    """A number in the query; None where it is missing or is no number."""
    text = request.query.get(name, "")
    return int(text) if _SEQ.fullmatch(text) else None
