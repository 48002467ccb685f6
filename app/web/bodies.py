"""What comes with a request, read strictly: of two programs that read it, none takes it for something else."""

import json
from typing import Any

import orjson
from aiohttp import web

from app.model import Refused

MAX_INTEGER = 2**64 - 1


class BadBody(Exception):
    """It is not read. status: 413 or 415."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.refusal = status, Refused(code, text)


async def read(request: web.Request) -> bytes:
    """The body. Raises BadBody."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadBody(415, "bad_payload", "Send the body as it is: compressed ones are not read.")
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise BadBody(413, "too_long", "The body is larger than this server reads.") from error


def is_json(content_type: str) -> bool:
    return content_type in ("application/json", "text/json") or content_type.endswith("+json")


def read_json(body: bytes) -> Any:
    """Raises `bad_payload` for what is no JSON, or what no other program could be told of again: numbers that are too
    large, a name twice in one object, endless nesting."""
    try:
        orjson.dumps(orjson.loads(body))
        return json.loads(body, parse_int=_integer, object_pairs_hook=_object)
    except orjson.JSONDecodeError as error:
        raise Refused("bad_payload", f"This is no JSON: {error}.") from None
    except (RecursionError, TypeError):
        raise Refused("bad_payload", "The payload is nested too deeply.") from None


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise Refused("bad_payload", "A number is too large.")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("bad_payload", "A name stands twice in one object.")
    return found
