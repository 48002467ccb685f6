"""The description of `/api` for programs: OpenAPI 3.1, made from the table of verbs."""

import inspect
from functools import lru_cache
from typing import Any

from app.chat.kinds import MAX_MINUTES, MAX_SLOW_S
from app.chat.verbs import VERBS, Verb
from app.model import ERRORS, LIMITS
from app.web.answers import status_of

Schema = dict[str, Any]

INTRODUCTION = """\
Every verb of Parlor over HTTP: the payload is the body, the answer is the one that Socket.IO acks.

`POST /api/token` gives a token, which names a person for ever; send it as `Authorization: Bearer ...`. Pages of the
site itself may go without: the browser's cookie counts for them. Nobody needs to join a room before: its rules let a
person in for what they ask. `join` shows a passphrase or an invite, once."""

NUMBER: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _object(required: dict[str, Schema], **more: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": required | more}


SHAPES: dict[str, Schema] = {
    "Message": _object(
        {"seq": NUMBER, "rev": NUMBER, "id": TEXT, "author": TEXT, "nickname": TEXT, "text": TEXT}
        | {"at": {"type": "string", "format": "date-time"}, "kind": TEXT},
        reply_to=NUMBER,
        edited={"type": "string", "format": "date-time"},
        deleted=FLAG,
        words={"type": "array", "description": "the text as a tree, where it has more than plain text"},
        reactions={"type": "object", "additionalProperties": _list(TEXT)},
    ),
    "Room": _object({"name": TEXT, "topic": TEXT, "rev": NUMBER}, kind=TEXT, people=NUMBER),
    "Me": _object({"id": TEXT, "nickname": TEXT}, reserved=FLAG),
    "Person": _object({"id": TEXT, "nickname": TEXT}, role=TEXT),
    "File": _object({"id": TEXT, "name": TEXT, "type": TEXT, "bytes": NUMBER}, width=NUMBER, height=NUMBER),
    "Refusal": _object(
        {"ok": {"const": False}, "error": {"type": "string", "enum": list(ERRORS)}, "text": TEXT},
        retry_after={"type": "number", "description": "seconds after which the same may be sent again"},
    ),
}
# What answers hold, by name.
FIELDS: dict[str, Schema] = {
    "message": _ref("Message"),
    "messages": _list(_ref("Message")),
    "room": _ref("Room"),
    "me": _ref("Me"),
    "people": _list(_ref("Person")),
    "rooms": _list(_object({"name": TEXT, "topic": TEXT, "people": NUMBER, "rev": NUMBER})),
    "count": NUMBER,
    "rev": NUMBER,
    "more": FLAG,
    "reset": FLAG,
    "mine": {"type": "object", "additionalProperties": _list(TEXT)},
    "ignored": _list(TEXT),
    **dict.fromkeys(("key", "url", "qr", "token", "renew"), TEXT),
    **dict.fromkeys(("entries", "sanctions"), _list({"type": "object"})),
}
# What fields of payloads hold, by name, where a type says too little.
VALUES: dict[str, Schema] = {
    "room": {"pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"},
    "id": {"pattern": "^[A-Za-z0-9_-]{8,64}$"},
    "follows": {"pattern": "^[A-Za-z0-9_-]{8,64}$"},
    "person": {"pattern": "^[A-Za-z0-9_.-]{1,32}$"},
    "key": {"pattern": "^[A-Za-z0-9_-]{16,128}$"},
    "invite": {"pattern": "^[A-Za-z0-9_-]{16,128}$"},
    "epoch": {"pattern": "^[0-9a-f]{32}$"},
    "text": {"maxLength": LIMITS.text},
    "nickname": {"minLength": 1},
    "topic": {"maxLength": LIMITS.topic},
    "welcome": {"maxLength": LIMITS.welcome},
    "reason": {"maxLength": LIMITS.reason},
    "passphrase": {"minLength": 8, "maxLength": 200},
    "role": {"enum": ["owner", "moderator"]},
    "topic_by": {"enum": ["owner", "member"]},
    "seq": {"minimum": 1},
    "reply_to": {"minimum": 1},
    "before": {"minimum": 1},
    "limit": {"minimum": 1},
    "rev": {"minimum": 0},
    "minutes": {"minimum": 0, "maximum": MAX_MINUTES},
    "slow": {"minimum": 0, "maximum": MAX_SLOW_S},
    "uses": {"minimum": 1, "maximum": 10_000},
    "hours": {"exclusiveMinimum": 0, "maximum": 8_760},
    "keep_days": {"minimum": 0, "maximum": 36_500},
    "seqs": {"minItems": 1, "maxItems": LIMITS.page, "items": {"type": "integer", "minimum": 1}},
}
REFUSED = {
    400: "The payload is not what the verb takes.",
    401: "No token, or one that is good no longer.",
    403: "Not yours to do, or the room does not let you.",
    404: "There is no such verb, room, message or person.",
    409: "Another one has the name or the id, or it is not its turn.",
    413: "Too long.",
    415: "Not JSON, or compressed.",
    429: "Too much at once: `Retry-After` says when it may be sent again.",
    500: "A fault of the server, logged under `ref`.",
    503: "The message store cannot be reached.",
}
RATES: Schema = {
    "RateLimit-Policy": {"schema": TEXT, "description": "points at once (q), regained in so many seconds (w)"},
    "RateLimit": {"schema": TEXT, "description": "points that are left (r), seconds until all are there again (t)"},
}


@lru_cache(8)  # whatever hosts it is asked for
def description(version: str, site: str) -> Schema:
    """site: its address, as whoever asks has it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parlor", "version": version, "description": INTRODUCTION},
        "servers": [{"url": site or "/"}],
        "security": [{"token": []}, {"cookie": []}],
        "paths": {"/api/token": _token()}
        | {f"/api/{name}": _path(name, verb) for name, verb in VERBS.items()}
        | {"/hooks/{secret}": _hook(), "/files": _upload()}
        | {f"/files/{{id}}/{part}{{name}}": _download(part) for part in ("", "thumbnail/")},
        "components": {
            "schemas": SHAPES,
            "responses": {str(status): _refusal(status) for status in REFUSED},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "parlor_token",
                    "description": "of pages of the site itself alone; by https `__Host-parlor_token`",
                },
            },
        },
    }


def _path(name: str, verb: Verb) -> Schema:
    summary, _, rest = (inspect.getdoc(verb.act) or "").partition("\n\n")
    schema = _payload(verb)
    parameters = []
    if name == "send":  # the key is the message's id
        schema["required"] = [one for one in schema["required"] if one != "id"]
        key = {"type": "string", "minLength": 1}
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "schema": key, "description": "the message's `id`"}
        )
    return {
        "post": {
            "operationId": name,
            "summary": " ".join(summary.split()),
            "description": rest or " ".join(summary.split()),
            "parameters": parameters,
            "requestBody": _body(schema),
            "responses": {"200": _answer(_answered(verb))} | _refusals(),
        }
    }


def _token() -> Schema:
    schema = {"type": "object", "properties": {"nickname": TEXT}, "additionalProperties": False}
    answer = _object({"ok": {"const": True}, "me": _ref("Me")}, token=TEXT)
    text = "A token, and who one is by it. With a token: who one is."
    return {
        "post": {
            "operationId": "token",
            "summary": text,
            "security": [{}, {"token": []}],
            "requestBody": _body(schema),
            "responses": {"200": _answer(answer)} | _refusals(),
        }
    }


def _hook() -> Schema:
    said = {"type": "object", "properties": {"text": TEXT, "nickname": {"type": "string", "minLength": 1}}}
    kinds = {"application/json": said, "application/x-www-form-urlencoded": said, "text/plain": TEXT}
    text = "Say something in the room of an incoming hook, under the nickname that is named, or the hook's own."
    answer = _object({"ok": {"const": True}}, message=_ref("Message"), text=TEXT)
    return {
        "post": {
            "operationId": "say_by_hook",
            "summary": text,
            "description": f"{text} The address is the secret. What GitHub, GitLab and others send is taken, too.",
            "security": [],
            "parameters": [_in_path("secret", "^[A-Za-z0-9_-]{1,128}$")],
            "requestBody": {"required": True, "content": {kind: {"schema": one} for kind, one in kinds.items()}},
            "responses": {"200": _answer(answer)} | _refusals(),
        }
    }


def _upload() -> Schema:
    form = _object({"file": {"type": "string", "contentMediaType": "application/octet-stream"}}, room=TEXT)
    text = "Upload a file. `send` shows it in a room, by its id as `file`."
    return {
        "post": {
            "operationId": "upload",
            "summary": text,
            "description": f"{text} One that is not sent is removed some hours later.",
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
            "responses": {"200": _answer(_object({"ok": {"const": True}, "file": _ref("File")}))} | _refusals(),
        }
    }


def _download(part: str) -> Schema:
    """part: "thumbnail/" for a small picture of it."""
    text = "A file of a message that one may read" + (", as a small picture." if part else ".")
    whole = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
    said = {
        "206": "A part of it, as `Range` asks.",
        "304": "It is the one that `If-None-Match` names.",
        "400": "This is no request.",
        "403": "Not from this page.",
        "404": "There is no such file, or not for whoever asks.",
        "416": "It has no such part.",
        "429": REFUSED[429],
        "503": "The file cannot be read now: `Retry-After` says when to ask again.",
    }
    return {
        "get": {
            "operationId": "thumbnail" if part else "download",
            "summary": text,
            "parameters": [_in_path("id", "^[A-Za-z0-9_-]{1,64}$"), _in_path("name", "^[A-Za-z0-9][A-Za-z0-9 ._-]*$")],
            "responses": {"200": {"description": "The file.", "content": {"*/*": whole}}}
            | {status: {"description": one} for status, one in said.items()},
        }
    }


def _in_path(name: str, pattern: str) -> Schema:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _payload(verb: Verb) -> Schema:
    if verb.takes is None:
        return {"type": "object"}
    schema = verb.takes.json_schema()
    schema.pop("title", None)
    for name, spec in schema.get("properties", {}).items():
        kinds = [one for one in spec.get("anyOf", [spec]) if one.get("type") != "null"]
        for one in (spec, *kinds):
            if title := one.pop("title", None):
                spec.setdefault("description", title)
        if "default" in spec and spec["default"] is None:
            del spec["default"]
        kinds[0].update(VALUES.get(name, {}))
    schema.setdefault("required", [])
    return schema


def _answered(verb: Verb) -> Schema:
    names = [one.strip() for one in verb.adds.split(",") if one.strip().rstrip("?").isidentifier()]
    fields = {name.rstrip("?"): FIELDS.get(name.rstrip("?"), {}) for name in names}
    required = [name for name in names if not name.endswith("?")]
    return {
        "type": "object",
        "required": ["ok", *required],
        "properties": {"ok": {"const": True}, **fields},
    }


def _body(schema: Schema) -> Schema:
    required = bool(schema.get("required"))
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _answer(schema: Schema) -> Schema:
    return {"description": "Done.", "headers": RATES, "content": {"application/json": {"schema": schema}}}


def _refusals() -> Schema:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in REFUSED}


def _refusal(status: int) -> Schema:
    codes = [code for code in ERRORS if status_of(code) == status]
    wait = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return {
        "description": f"{REFUSED[status]} {', '.join(f'`{code}`' for code in codes)}".strip(),
        "headers": RATES | (wait if status in (429, 503) else {}),
        "content": {"application/json": {"schema": _ref("Refusal")}},
    }
