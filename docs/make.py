"""Generates docs/protocol.md and docs/settings.md from the code: `make docs`. A test compares them."""

import inspect
from pathlib import Path
from typing import Any

from app.chat.presence.news import LARGE_INTERVAL_S, LARGE_ROOM
from app.chat.verbs import VERBS, Verb
from app.config import Settings, environment_names, flag
from app.languages import LANGUAGES
from app.model import ERRORS, LIMITS

HERE = Path(__file__).parent

PROTOCOL = """\
# Protocol

Made from the code by `make docs`; do not edit.

Parlor speaks Socket.IO 5 over Engine.IO 4 at `/socket.io/`, namespace `/`. Any Socket.IO client works.

## Handshake

`auth` is `{{"nickname"?: string, "token"?: string, "tab"?: true, "language"?: string}}`. A token is a secret that identifies a person for ever; a
browser has its own in an HttpOnly cookie (`parlor_token`, by https `__Host-parlor_token`). A client without a token gets one in
`welcome`, and is the same person whenever it connects with that token. Only tokens that this site has issued are taken; with
another one, a client is told a new one in `welcome` as well. `tab` says that the token will be lost with a browser's tab: then, and where nobody is known to keep
the token, the nickname is free for others after `PARLOR_GRACE` instead of `PARLOR_NICKNAME_HOLD`. A nickname is a wish: if it
is taken or cannot be used, the person gets a guest name. Of somebody new nothing is stored before the first verb that stores
something (`join`, say): where the name was taken meanwhile, an event `me` says how they are called. Exactly one `welcome` comes per connection, before any ack.
`language` ({languages}) is that of the sentences in answers and events of this connection; English where none of these is named.

`POST /token` sets a browser's cookie, and takes JSON: `{{"seed"?: 16 to 64 of A-Za-z0-9_-, "handle"?: string}}`. A browser whose
cookie was not taken (`renew: true` in `welcome`) asks with a seed that all its tabs share, and connects again. `identify` brings
another token: in its answer as `token`, or, where the token came in a cookie, as the handle `renew`, with which the browser asks
here, and then once more without it. With the first use of the new token the former one is good no longer, and connections with
it are closed.

## Verbs

Every event from a client is a verb: one JSON object as payload, and an ack, which is
`{{"ok": true, ...}}` or `{{"ok": false, "error": code, "text": sentence, ...}}`. There is always an ack.
Fields marked `?` may be left out. A field that a verb does not take is refused.

{verbs}

## Events from the server

| event | payload | when |
|---|---|---|
| `welcome` | `{{me: {{id, nickname}}, ignored?: [id], token?, renew?, server: {{version, page, transports, limits}}}}` | once per connection; `page` is the checksum of the files of its pages: another one means that a page is older than its server; `token` only when a new one was made, `renew` where the cookie was none of this site's |
| `message` | `{{room, message}}` | to every socket of the room, the author's own included, after it is stored, in the order of `rev` |
| `react` | `{{room, seq, rev, emoji, on, person, nickname, count, names?}}` | somebody reacted to a message or took that back, in the order of `rev` among the messages; `names` where the first ones are others now |
| `people` | `{{room, joined: [person], left: [person], changed?: [person], beyond?: [id], partial?, count}}` | who came or bears another name (`joined`), who left, who is reconnecting or back again, is away, has another status or role (`changed`), gathered for up to half a second; in large rooms see below |
| `me` | `{{me}}` | to the other sockets of a person: they were renamed; to all of them where their name was taken before they were stored |
| `ignored` | `{{ignored: [id]}}` | to the other sockets of a person: they ignore somebody else, or no longer |
| `typing` | `{{room, nickname}}` | somebody types; it passes by itself |
| `room` | `{{room: {{name, topic, rev, epoch, people, keep?}}}}` | the topic changed |
| `notice` | `{{room?, code, text}}` | something to tell that answers no request |

A person is `{{id, nickname, role?, reserved?, status?, away?, reconnecting?}}`: `away` where nobody has touched any of their pages for
some minutes. Whose connection broke is `reconnecting: true` for a while (`PARLOR_GRACE`)
and counted; back in time, nobody is told that they left or joined. `me` is `{{id, nickname, reserved?, status?, status_until?, shows_last_seen?}}`.

In a room of more than {large} people a `people` event comes every {interval} s at most and is `partial: true`: it holds the
`count` and what has changed on the first page of people ({first}, in the order of names). `changed` then also holds those who
moved up onto that page, `beyond` the ids of those who moved down from it. The verb `people` brings the others.

`room.keep` is `{{days?, messages?}}`: the oldest messages are let go past that. Their numbers are not used again.

## A message

`{{seq, rev, id, author, nickname, text, words?, at, kind, reply_to?, edited?, deleted?, reactions?, reaction_counts?, mentions?, file?, card?}}`

- `seq` counts the messages of a room from 1, `rev` the changes of its messages from 1; neither has gaps.
- `id` is the author's own. The same id again is answered with the same message and not told again; with another text it
  is refused (`id_reused`). So whoever got no ack sends it again, as often as they like.
- `kind` is `said`, or `action` for `/me waves`, whose text is then `waves`, or `file`.
- `file` is `{{id, name, type, bytes, width?, height?, thumbnail?, animated?}}`; `text` is its caption, and may be empty.
  It is at `/files/{{id}}/{{name}}` (the name as in a URL), and where it has a `thumbnail` of 800 pixels at most, that at
  `/files/{{id}}/thumbnail/{{name}}`.
- `card` is `{{url, title, description?, site, host}}`: what the page at `url`, to which the message links, says of itself, where the
  operator has asked for that (`PARLOR_PREVIEWS`). It comes a moment after the message, as a change of it. `site` is what it calls its
  site, `host` where it was found.
- `edited` is the time of the last edit. `deleted: true` is a tombstone: the text is empty, the place stays.
  Each of these changes takes a `rev` and is told as a `message` with the same `seq`.
- `reaction_counts` is `{{emoji: number}}`, how many people reacted with it; `reactions` is `{{emoji: [nickname]}}`, the first {names} of
  them, under the names of that day. The verb `reacted` says which are one's own. A reaction takes a `rev` and is told as a
  `react` event: from then on the message has that `rev`, and the emoji that `count` (0: it is gone; one that was not there comes
  last) and, where there are any, those `names`.
- `mentions` are the ids of those whom it calls by `@` and their nickname, in capitals or small; `everyone` for `@everyone` and
  `@here` of a moderator. They are persons: a rename loses none.
- `at` is the server's time, ISO 8601 in UTC. `text` is what was typed; `words` is the same as a tree where it has more than plain
  text, made anew from the text whenever it is sent. A tree is a list; a node is a string, or an object with one of these:
  `{{"em": tree}}`, `{{"strong": tree}}`, `{{"strike": tree}}`, `{{"code": text}}`, `{{"quote": tree}}`, `{{"list": [tree, ...], "start"?: number}}`
  (ordered where it has a start), `{{"codeblock": text, "language"?, "tokens"?}}` (class and number of characters by turns: `keyword`,
  `string`, `comment`, `number`, `name` or empty), `{{"link": href, "words": tree}}` (http and https alone),
  `{{"mention": person, "words": tree}}`, `{{"room": name, "words": tree}}`, `{{"emoji": character, "name": name}}`. A client shows the text
  within a node that it does not know.

## Catching up

Remember the last `rev` of each room, and `room.epoch`, the name of the history it counts in. After a connection,
`join {{room, after: rev, epoch}}` brings what changed since, oldest first, each message once as it is now; while `more` is true, `sync {{room, after}}` brings the rest. A live `message` or `react` whose
`rev` is not the next one means that something was missed: `sync` the same way. `reset: true` means more than {behind}
changes behind, or another epoch (the database was replaced): drop what you hold and begin with this page.

## Limits

{limits}

## Error codes

{errors}

## HTTP

| path | what |
|---|---|
| `GET /` | landing: nickname, room, the public rooms |
| `GET /r/{{room}}` | the chat page of a room |
| `GET /r/{{room}}/log[/{{YYYY-MM-DD}}]` | a day of the room's log (the newest, without a date; days are UTC) as plain HTML, no JavaScript; `#{{seq}}` is a message, `?seq=` leads to the day it is on, `?from=seq` is where a long day is read on |
| `GET /ws/r/{{room}}?name=` | a plain WebSocket into the room: lines of text, or with the subprotocol `parlor.v1` verbs (`{{"verb", "payload", "ref"}}`), answers (`{{"ref", "answer"}}`) and events (`{{"event", "payload"}}`, besides those above `joined` with the answer to joining the room of the address) as JSON. More, and what its close codes mean: [clients.md](clients.md#plain-websockets) |
| `GET /r/{{room}}/events` | the room as server-sent events: `event: message`, `id: {{rev}}`, the message as `data`; after `Last-Event-ID` or `?after={{rev}}` ([clients.md](clients.md#server-sent-events)) |
| `POST /api/{{verb}}` | a verb over HTTP: payload and answer as JSON, `Authorization: Bearer {{token}}`; 200, or 4xx with the same object. Whoever asks is in no list of people and joins no room; its rules let them in for what they ask |
| `POST /api/token` | `{{nickname?}}`: a token, and `me`; with a token `me` alone |
| `GET /api` | all of this as OpenAPI 3.1 |
| `POST /files` | takes a file: `multipart/form-data` with the field `file`, and before it `room`, if its rules are to be asked first; by `Authorization: Bearer TOKEN`, or from our own pages by cookie. `{{ok, file}}` as in a message, or `{{ok: false, error, text}}` with 400, 403, 404, 413 (`file_too_large`), 415 (`file_type`), 429 (`retry_after`) or 503. `send` it within a day |
| `GET /files/{{id}}/{{name}}` | the file, to whoever may read the room of its message (cookie or Bearer); before it is sent to who uploaded it. Ranges are served |
| `GET /echo`, `GET /ws/echo` | the echo page and its plain WebSocket (subprotocols `echo.parlor`, `chat`) |
| `GET /healthz`, `GET /readyz` | alive (version, `boot` and `process` id, `history`, and of several processes `worker` and how they hear `others`); able to serve (200 or 503) |
| `GET /metrics` | Prometheus text, for programs on the server's machine and whoever sends `PARLOR_METRICS_TOKEN`; of any worker: the numbers of all, by the label `worker` |
| `/static/<hash>/...` | static files, cached for ever |
| `GET /operator` | the operator's page, where `PARLOR_OPERATOR_PASSWORD` is set |
| `GET /manifest.webmanifest`, `GET /sw.js` | what makes the site one that can be installed; the service worker, which stores nothing |
| `GET /favicon.ico`, `GET /apple-touch-icon.png`, `GET /robots.txt` | the icons; what search engines may read |
| `/socket.io/` | Socket.IO, with the last slash or without; over `websocket`, `polling` and, where it is switched on, `sse`: a GET without `sid` whose answer brings each packet as an event, and POST as with polling |

All of it under `PARLOR_BASE_PATH` where that is set; then the health checks are at the root as well. `OPTIONS` names the
methods that an address takes, and so does a 405. A slash too many (`/r/lobby/`, `//r/lobby`) is redirected. 421: this host
is not served here (`PARLOR_HOSTS`).

A request to `/socket.io/` that cannot be served is answered `{{"code", "message"}}`: 0 transport unknown or switched off,
1 session unknown, 2 method, 3 request, 4 origin, 5 protocol version.

A poll is held until there is something to bring, at most for a heartbeat. With `hold` in its query it is held for that many
milliseconds at most, then answered NOOP (`6`); `hold=0` brings what waits and does not wait for more.
"""

SETTINGS = """\
# Settings

Made from the code by `make docs`; do not edit.

Each setting is a flag of `python -m app serve` and an environment variable; a flag wins. `python -m app check-config`
prints every value and where it came from. An unknown `PARLOR_` name or a bad value stops the start with a sentence; what
Kubernetes injects for a Service called `parlor` is passed over.

| flag | environment | default | what |
|---|---|---|---|
{rows}
"""


def protocol() -> str:
    return PROTOCOL.format(
        verbs="\n".join(_verb(name, verb) for name, verb in VERBS.items()),
        behind=f"{LIMITS.behind:,}",
        large=LARGE_ROOM,
        interval=f"{LARGE_INTERVAL_S:g}",
        first=LIMITS.first_people,
        names=LIMITS.reaction_names,
        limits=_table("limit", "value", {name: f"{getattr(LIMITS, name):,}" for name in LIMITS.__slots__}),
        errors=_table("code", "meaning", ERRORS),
        languages=", ".join(f"`{one}`" for one in LANGUAGES),
    )


def settings() -> str:
    rows = [
        f"| `{flag(name)}` | {_names(name)} | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return SETTINGS.format(rows="\n".join(rows))


def _verb(name: str, verb: Verb) -> str:
    right = "members of the room" if verb.is_for_members else "everybody"
    return "\n".join(
        (
            f"### `{name}`",
            "",
            inspect.getdoc(verb.act) or "",
            "",
            f"For {right}. Payload: {_payload(verb)} Adds to the ack: {f'`{verb.adds}`' if verb.adds else 'nothing'}.",
            "",
        )
    )


def _payload(verb: Verb) -> str:
    if verb.takes is None:
        return "any object."
    schema = verb.takes.json_schema()
    required = schema.get("required", [])
    fields = [_field(name, spec, name in required) for name, spec in schema.get("properties", {}).items()]
    return f"`{{{', '.join(fields)}}}`."


def _field(name: str, spec: dict[str, Any], required: bool) -> str:
    kind = next(one for one in spec.get("anyOf", [spec]) if one.get("type") != "null")
    return f"{name}{'' if required else '?'}: {kind.get('title', kind['type'])}".replace("`", "")


def _names(name: str) -> str:
    return ", ".join(f"`{one}`" for one in environment_names(name, Settings.model_fields[name]))


def _default(value: Any) -> str:
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if str(value).strip("*") else "none"


def _table(left: str, right: str, rows: dict[str, str]) -> str:
    return "\n".join([f"| {left} | {right} |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in rows.items())])


PAGES = {"protocol.md": protocol, "settings.md": settings}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (HERE / page).write_text(make(), encoding="utf-8")
        print(f"docs/{page}")
