"""Somebody with an HTTP client, as a script has one: verbs by `POST /api/{verb}`."""

from typing import Any, NamedTuple, Self

import aiohttp


class Answer(NamedTuple):
    status: int
    headers: Any
    body: dict[str, Any]


class Asker:
    """`async with Asker(url) as asker`; token: of whom it asks as."""

    def __init__(self, url: str, token: str | None = None, **headers: str) -> None:
        self.url, self.token, self.headers = url, token, headers

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(headers=self.headers, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def come(self, nickname: str | None = None) -> dict[str, Any]:
        """Get a token; who one is."""
        answer = await self.post("token", {} if nickname is None else {"nickname": nickname})
        assert answer.status == 200, answer
        self.token = answer.body["token"]
        me: dict[str, Any] = answer.body["me"]
        return me

    async def ask(self, verb: str, payload: Any = None, **headers: str) -> dict[str, Any]:
        """The answer to a verb; its status agrees with it."""
        answer = await self.post(verb, {} if payload is None else payload, **headers)
        assert (answer.status == 200) is answer.body["ok"], answer
        return answer.body

    async def post(self, verb: str, payload: Any = None, **headers: str) -> Answer:
        """payload: bytes are sent as they are."""
        sent = {"data": payload} if isinstance(payload, bytes | None) else {"json": payload}
        return await self.send("POST", f"/api/{verb}", headers, **sent)

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, **sent: Any) -> Answer:
        more = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        async with self._http.request(method, self.url + path, headers=more | given, **sent) as answer:
            is_json = answer.content_type == "application/json"
            return Answer(answer.status, answer.headers, await answer.json() if is_json else {})
