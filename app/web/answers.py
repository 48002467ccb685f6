"""Answers of verbs as answers of HTTP: the same object, under the status that says the same."""

import math
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

STATUS = {
    "bad_token": 401,
    "not_allowed": 403,
    "not_member": 403,
    "banned": 403,
    "muted": 403,
    "locked": 403,
    "wrong_passphrase": 403,
    "nickname_taken": 409,
    "id_reused": 409,
    "out_of_order": 409,
    "too_long": 413,
    "file_too_large": 413,
    "file_type": 415,
    "too_fast": 429,
    "too_many": 429,
    "slow_mode": 429,
    "broken": 500,
    "too_slow": 503,
    "storage": 503,
}
BY_BEGINNING = {"no_such_": 404, "bad_": 400}


def status_of(code: str) -> int:
    """Of an error code; 400 for one that nobody has foreseen."""
    return STATUS.get(code) or next((status for begin, status in BY_BEGINNING.items() if code.startswith(begin)), 400)


def answered(answer: Mapping[str, Any], status: int | None = None, headers: Mapping[str, str] = {}) -> web.Response:
    """The answer as JSON."""
    status = status or (200 if answer["ok"] else status_of(answer["error"]))
    response = web.Response(body=orjson.dumps(answer), content_type="application/json", status=status)
    if (wait := answer.get("retry_after")) is not None and not answer["ok"]:
        response.headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="parlor"'
    response.headers.update(headers)
    return response
