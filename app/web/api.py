"""`POST /api/{verb}`: every verb over HTTP, for programs. `POST /api/token` gives a token, `GET /api` describes it all.

The verbs are those of every door, and so are their rights, limits and answers. Whoever asks is in no list of people,
and needs not join a room before: its rules let them in for what they ask, or the answer says why not.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import uuid4

from aiohttp import web

from app.chat import Chat, doors, people
from app.chat.rates import BURST_S
from app.chat.verbs import VERBS, broken, perform
from app.languages import ENGLISH, answer_in
from app.model import Connection, Refused
from app.web import CHAT, openapi, visitors
from app.web.answers import answered
from app.web.bodies import BadBody, is_json, read, read_json

Answer = dict[str, Any]

KEY = "Idempotency-Key"
METHODS = "OPTIONS, POST"
ASK = "POST /api/token gives one."
PREFLIGHT_S = 600  # for which browsers remember what they may send
ALLOWED = f"Authorization, Content-Type, {KEY}"
EXPOSED = "RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate"

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_KEY = re.compile(r'\s*(?:"([^"]*)"|([^"]*?))\s*')  # a string of RFC 9651, or bare as most send it


class Calls:
    """Verbs that are being performed. One goes on though its client is gone: what is stored is told."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def wait_idle(self, seconds: float) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)


CALLS = web.AppKey("calls", Calls)

Handler = Callable[[web.Request], Awaitable[web.Response]]


def answers(handler: Handler, language_of: Callable[[web.Request], str] = lambda request: ENGLISH) -> Handler:
    """Whatever is asked, and however: the answer is an object of JSON, and pages of other sites may read it where the
    operator has let them in (PARLOR_ORIGINS). language_of: that of the sentences, which for programs are English."""

    async def answering(request: web.Request) -> web.Response:
        try:
            response = await _by_method(request, handler)
        except BadBody as bad:
            response = answered(bad.refusal.answer(), bad.status)
            response.force_close()  # the rest of it is not read
        except Refused as refusal:
            answer = refusal.answer()
            request.app[CHAT].counts.refused(answer)
            response = answered(answer_in(language_of(request), answer))
        except web.HTTPException:
            raise
        except Exception:
            response = answered(broken(request.path))
        _let_read(request, response)
        return response

    return answering


async def _by_method(request: web.Request, handler: Handler) -> web.Response:
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": METHODS})
    if request.method != "POST":
        return answered(Refused("bad_payload", "This takes POST.").answer(), 405, {"Allow": METHODS})
    if refusal := request.config_dict[visitors.VISITORS].refusal(request):
        raise Refused("not_allowed", f"{refusal}.")
    return await handler(request)


def _let_read(request: web.Request, response: web.Response) -> None:
    """CORS (WHATWG Fetch, 3.3): without cookies, which belong to pages of this site."""
    response.headers["Vary"] = "Origin"
    origin = request.headers.get("Origin")
    if origin is None or request.config_dict[visitors.VISITORS].refusal(request):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = ALLOWED
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)


@answers
async def call(request: web.Request) -> web.Response:
    """A verb: its payload as JSON."""
    name = request.match_info["verb"]
    if name not in VERBS:
        raise Refused("no_such_verb", f"There is no verb “{name[:40]}”. There are: {', '.join(VERBS)}.")
    connection = await visitor(request)
    payload = await _payload(request)
    if name == "send":
        payload = _with_id(payload, request)
    answer = await perform_for(request, connection, name, payload)
    return answered(answer, headers=limits(request.app[CHAT], connection.person.id))


async def perform_for(request: web.Request, connection: Connection, verb: str, payload: object) -> Answer:
    """To its end, whatever becomes of the client."""
    return await request.app[CALLS].run(perform(request.app[CHAT], connection, verb, payload))


@answers
async def token(request: web.Request) -> web.Response:
    """`{nickname?}`: a token, and who one is by it. With a token: who one is."""
    chat, payload = request.app[CHAT], await _payload(request)
    nickname = payload.get("nickname")
    if payload and not (isinstance(nickname, str) and len(payload) == 1):
        raise Refused("bad_payload", "This takes {“nickname”?: text}.")
    if visitors.bearer(request) is not None:
        connection = await visitor(request)
        return answered({"ok": True, "me": people.me(chat, connection.person)})
    spend_handshake(request)
    made, connection = await doors.introduce(
        chat, uuid4().hex, nickname, visitors.network(request), visitors.site(request)
    )
    return answered({"ok": True, "token": made, "me": people.me(chat, connection.person)})


@answers
async def nothing(request: web.Request) -> web.Response:
    raise Refused("no_such_verb", "Verbs are at /api/{verb}.")


async def describe(request: web.Request) -> web.Response:
    """OpenAPI 3.1."""
    response = web.json_response(openapi.description(request.app[CHAT].version, visitors.site(request)))
    _let_read(request, response)
    return response


async def visitor(request: web.Request) -> Connection:
    """Who asks. Raises `bad_token`."""
    said, id = visitors.bearer(request), uuid4().hex
    tokens = [] if said is None else [said]
    cookies = visitors.cookies(request) if said is None else ()
    if not tokens and not cookies:
        spend_handshake(request)
        raise Refused("bad_token", f"Send a token (Authorization: Bearer ...). {ASK}")
    where = visitors.network(request), visitors.site(request)
    try:
        return await doors.visit(request.app[CHAT], id, tokens, cookies, *where)
    except Refused as refusal:
        if refusal.code == "bad_token":
            spend_handshake(request)
            raise Refused("bad_token", f"{refusal.text} {ASK}") from None
        raise


def spend_handshake(request: web.Request) -> None:
    """What comes without a good token counts as a connection of its address. Raises `too_many`."""
    request.app[CHAT].quotas.handshakes.spend(visitors.network(request))


def limits(chat: Chat, person: str) -> dict[str, str]:
    """What the person has left of their rate (draft-ietf-httpapi-ratelimit-headers-10)."""
    if not (left := chat.rates.left(person)):
        return {}
    return {
        "RateLimit-Policy": f'"actions";q={left[0]};w={BURST_S}',
        "RateLimit": f'"actions";r={left[1]};t={left[2]}',
    }


async def _payload(request: web.Request) -> dict[str, Any]:
    body = await read(request)
    if not body:
        return {}
    if not is_json(request.content_type):
        raise BadBody(415, "bad_payload", "The payload is JSON: send Content-Type: application/json.")
    payload = read_json(body)
    if not isinstance(payload, dict):
        raise Refused("bad_payload", "The payload is one JSON object.")
    return payload


def _with_id(payload: dict[str, Any], request: web.Request) -> dict[str, Any]:
    """The message's id: its own, or the key by which the client tells that it is the same again."""
    key = idempotency_key(request)
    if key is None:
        return {"id": uuid4().hex} | payload
    if payload.get("id", key) != key:
        raise Refused("bad_payload", f"“id” and {KEY} are the same thing, and these two differ.", field="id")
    return payload | {"id": message_id(key)}


def idempotency_key(request: web.Request) -> str | None:
    """Raises `bad_payload` for an empty one."""
    said = request.headers.get(KEY)
    if said is None:
        return None
    found = _KEY.fullmatch(said)
    key = (found[1] or found[2]) if found else said
    if not key:
        raise Refused("bad_payload", f"{KEY} is empty.", field=KEY)
    return key


def message_id(key: str) -> str:
    """The same for the same key, whatever it looks like."""
    return key if _ID.fullmatch(key) else hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
