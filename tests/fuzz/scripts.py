"""Peers that ask over HTTP: verbs by `POST /api/{verb}`, and what build servers post to hooks."""

import contextlib
import copy
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import uuid4

import orjson

from tests.fuzz import grammar
from tests.fuzz.peers import HEADERS, LOST, SOON, Fault, Line, World
from tests.support.raw import head
from tests.web.test_hooks import SEEN

KINDS = ["application/json"] * 8 + ["text/plain", "application/x-www-form-urlencoded", "x/y", "application/json;;", ""]
SHAPES = [(headers, body) for _, headers, body, *_ in SEEN]


class Script:
    """Acts of a program with a token, and of those that post to its hook."""

    def __init__(self, world: World) -> None:
        self.world, self.token, self.hook = world, "", ""

    async def leave(self) -> None:
        pass

    async def act(self, name: str, r: Random, count: int) -> None:
        for _ in range(min(count, 20) if self.world.pages else 0):  # where there is a chat
            self.world.sent += 1
            with contextlib.suppress(*LOST):
                await ACTS["script"][name](self, r)

    async def verb(self, r: Random) -> None:
        """One that mostly fits, or anything."""
        name, payload = grammar.verb(r)
        body = orjson.dumps(payload, option=orjson.OPT_NON_STR_KEYS, default=str) if _is_json(payload) else b"{"
        await self._post(f"/api/{name}", r, body)

    async def say(self, r: Random) -> None:
        """Something to the hook: a known shape with nonsense somewhere, text, or a form."""
        if not self.hook:
            await self._begin()
        headers, body = r.choice(SHAPES)
        spoilt = _spoil(r, copy.deepcopy(body))
        written = orjson.dumps(spoilt) if _is_json(spoilt) else r.randbytes(r.randrange(50))
        form = r.random() < 0.1
        await self._post(self.hook, r, b"payload=" + written if form else written, **headers)

    async def _begin(self) -> None:
        """A token, and a hook in a room of its own."""
        room = f"room-of-{uuid4().hex}"
        self.token = (await self._asked("token", {}))["token"]
        await self._asked("join", {"room": room})
        self.hook = f"/hooks/{(await self._asked('hook', {'room': room}))['hook']['secret']}"

    async def _asked(self, name: str, payload: Any) -> Any:
        answer = await self._send(f"/api/{name}", orjson.dumps(payload), {"Content-Type": "application/json"})
        told = orjson.loads(answer)
        if not told["ok"]:
            raise Fault(f"{name} of an honest program: {told}")
        return told

    async def _post(self, path: str, r: Random, body: bytes, **more: str) -> None:
        if not self.token:
            await self._begin()
        headers = {"Content-Type": r.choice(KINDS)} | more
        for name in ("Origin", "Cookie", "X-Forwarded-For", "Accept-Encoding"):
            if r.random() < 0.05:
                headers[name] = r.choice(HEADERS[name])
        if r.random() < 0.1:
            headers["Idempotency-Key"] = r.choice(["", '"', '"a', "x" * 500, "é", "0123456789"])
        if r.random() < 0.05:
            headers["Authorization"] = r.choice(["", "Bearer", "Bearer x", "Basic x", "Bearer " + "A" * 64, "\xff"])
        await self._send(path, body, headers)

    async def _send(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Answered in time, and with an object."""
        given = {"Content-Length": str(len(body))} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        async with Line(self.world) as line:
            await line.write(head("POST", path, given | headers) + body)
            status, answer = await line.answer(SOON)
        if status and not (answer.startswith(b"{") and b'"ok":' in answer):
            raise Fault(f"{path} was answered {status} {answer[:200]!r}")
        return answer


def _is_json(value: Any) -> bool:
    with contextlib.suppress(TypeError):
        return bool(orjson.dumps(value))
    return False


def _spoil(r: Random, value: Any) -> Any:
    """With something else in one place, most times."""
    if r.random() < 0.15:
        return grammar.value(r)
    if isinstance(value, dict) and value:
        name = r.choice(list(value))
        return {**value, name: _spoil(r, value[name])}
    if isinstance(value, list) and value:
        at = r.randrange(len(value))
        return [*value[:at], _spoil(r, value[at]), *value[at + 1 :]]
    return value


ACTS: dict[str, dict[str, Callable[..., Any]]] = {"script": {"verb": Script.verb, "say": Script.say}}
PEERS: dict[str, Callable[[World], Any]] = {"script": Script}
