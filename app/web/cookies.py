"""`POST /token`: a browser's cookie with its token is replaced, without a script that sees it.

The page asks where its cookie was none that was issued here, and where somebody has identified: then it sends the
handle that the answer told. It asks once more when it has the cookie, which confirms it: from then on the former token
is good no longer, and the browser's other tabs come again with the new one.
"""

import orjson
from aiohttp import web

from app.chat import people
from app.languages import answer_in
from app.model import Refused
from app.web import CHAT, edge
from app.web.language import language_of

STATUS = {"not_allowed": 403, "storage": 503}


async def renew(request: web.Request) -> web.Response:
    """`{handle?, seed?}`. Other sites cannot ask: what is no JSON, or comes from one, is refused."""
    try:
        given = await _payload(request)
        handle, seed = given.get("handle"), given.get("seed")
        token = await people.renew_cookie(request.app[CHAT], edge.tokens(request), handle, seed)
    except Refused as refusal:
        return web.json_response(
            answer_in(language_of(request), refusal.answer()), status=STATUS.get(refusal.code, 400)
        )
    response = web.json_response({"ok": True})
    if token:
        edge.give_token(request, response, token)
    return response


async def _payload(request: web.Request) -> dict[str, object]:
    """Raises Refused."""
    if request.content_type != "application/json":
        raise Refused("bad_payload", "This takes JSON.")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Refused("not_allowed", "Only the pages of this site may ask for that.")
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise Refused("bad_payload", "The payload is one JSON object.")
    return given
