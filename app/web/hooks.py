"""`POST /hooks/{secret}`: what other programs say in a room, as the systems that build and watch things send it."""

from typing import Any
from uuid import uuid4

from aiohttp import web

from app.chat import hooks
from app.model import Refused
from app.web import CHAT, hook_shapes, visitors
from app.web.answers import answered
from app.web.api import answers, idempotency_key, limits, message_id, perform_for, spend_handshake
from app.web.bodies import BadBody, is_json, read, read_json

# By which senders tell that it is the same again; besides Idempotency-Key.
KEYS = ("webhook-id", "X-GitHub-Delivery", "X-Gitlab-Event-UUID")


@answers
async def say(request: web.Request) -> web.Response:
    """Whatever it is, under the nickname that it names, or the hook's own."""
    chat = request.app[CHAT]
    found = hook_shapes.read(request.headers, await _given(request))
    where = visitors.network(request)
    called = await hooks.caller(chat, request.match_info["secret"], found.nickname if found else None, where)
    if called is None:
        spend_handshake(request)
        raise Refused("no_such_hook", "There is no hook at this address; perhaps it was removed.")
    if found is None:
        return answered({"ok": True, "text": "There is nothing to say of this."})
    connection, room = called
    payload = {"room": room, "text": found.text, "id": _id(request)}
    answer = await perform_for(request, connection, "send", payload)
    return answered(answer, headers=limits(chat, connection.person.id))


async def _given(request: web.Request) -> Any:
    """The body: of JSON or a form what it holds, else its text."""
    body, kind = await read(request), request.content_type
    if is_json(kind):
        return read_json(body)
    text = _text(body)
    if kind == "application/x-www-form-urlencoded":
        return hook_shapes.form(text)
    if kind.startswith("text/") or kind == "application/octet-stream":  # which aiohttp takes for none
        return text
    raise BadBody(415, "bad_payload", "A hook takes JSON, a form or plain text.")


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refused("bad_payload", "This is no UTF-8.") from None


def _id(request: web.Request) -> str:
    """The message's: made of the sender's key, where it has one, so that it is said once."""
    keys = (idempotency_key(request), *(request.headers.get(name) for name in KEYS))
    key = next((key for key in keys if key), None)
    return uuid4().hex if key is None else message_id(key)
