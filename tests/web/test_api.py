"""`POST /api/{verb}`: the verbs over HTTP, as a script uses them."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.chat.verbs import VERBS
from app.model import COOKIE, ERRORS
from app.server import Running
from app.web.answers import BY_BEGINNING, STATUS, status_of
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.http import Asker
from tests.support.talker import Talker
from tests.support.thorough import IS_THOROUGH

JSON = {"Content-Type": "application/json"}


async def test_a_script_gets_a_token_says_something_and_everybody_hears_it(url: str) -> None:
    async with Talker(url, "alice") as alice, Asker(url) as script:
        await alice.join("lobby")
        me = await script.come("build")
        assert me["nickname"] == "build"
        said = (await script.ask("send", {"room": "lobby", "text": "it is green"}))["message"]
        assert (said["nickname"], said["author"]) == ("build", me["id"])
        assert await alice.hears_texts("lobby", 1) == ["it is green"]
        assert (await script.ask("history", {"room": "lobby"}))["messages"] == [said]
        assert (await script.ask("edit", {"room": "lobby", "seq": 1, "text": "it is red"}))["message"]["edited"]
        assert (await alice.ask("people", {"room": "lobby"}))["count"] == 1, "whoever asks by HTTP is in no list"


async def test_the_same_person_comes_by_every_door(url: str) -> None:
    async with Asker(url) as script:
        me = await script.come("alice")
        async with Talker(url, token=script.token) as alice:
            assert alice.me == me
            await script.ask("rename", {"nickname": "alicia"})
            assert (await alice.hears("me"))["me"]["nickname"] == "alicia"
        assert (await script.post("token")).body == {"ok": True, "me": me | {"nickname": "alicia"}}


async def test_somebody_of_whom_nothing_is_stored_yet_may_ask(url: str) -> None:
    async with Talker(url, "newcomer") as newcomer, Asker(url, newcomer.token) as script:
        said = await script.ask("send", {"room": "lobby", "text": "hello"})
        assert said["message"]["author"] == newcomer.me["id"]
        assert (await newcomer.join("lobby"))["me"]["nickname"] == "newcomer"


async def test_nobody_is_made_for_a_name_that_is_taken(server: Running) -> None:
    async with Asker(server.url) as script, Asker(server.url) as other:
        await script.come("alice")
        refused = await other.post("token", {"nickname": "ALICE"})
        assert (refused.status, refused.body["error"]) == (409, "nickname_taken")
        assert refused.body["suggestion"]
        assert (await other.post("token", {"nickname": "\u200b"})).status == 400
        await other.come(refused.body["suggestion"])


async def test_without_a_token_one_is_told_how_to_get_one(url: str) -> None:
    async with Asker(url) as nobody:
        for token in (None, "made-up", "A" * 64, ""):
            nobody.token = token
            answer = await nobody.post("rooms", {}, **({"Authorization": "Basic eDp5"} if token == "" else {}))
            assert (answer.status, answer.body["error"]) == (401, "bad_token")
            assert "POST /api/token" in answer.body["text"]
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_room_decides_who_is_let_in(url: str) -> None:
    async with Talker(url, "owner") as owner, Asker(url) as script:
        await owner.join("den")
        await script.come("script")
        assert (await owner.ask("settings", {"room": "den", "passphrase": "open sesame"}))["ok"]
        for verb, payload in {"send": {"text": "x"}, "history": {}, "typing": {}, "leave": {}}.items():
            refused = await script.post(verb, {"room": "den", **payload})
            assert (refused.status, refused.body["error"]) == (403, "wrong_passphrase"), verb
        assert (await script.post("join", {"room": "den", "passphrase": "a wrong one"})).status == 403
        joined = await script.ask("join", {"room": "den", "passphrase": "open sesame"})
        assert (joined["room"]["name"], joined["count"]) == ("den", 1)
        await script.ask("send", {"room": "den", "text": "let in once, let in again"})
        assert await owner.hears_texts("den", 1)
        await script.ask("leave", {"room": "den"})
        await script.ask("typing", {"room": "den"})
        assert (await owner.hears("typing"))["nickname"] == "script"


async def test_reading_makes_no_room_and_speaking_does(url: str) -> None:
    async with Asker(url) as script:
        await script.come()
        for verb, payload in {"history": {}, "sync": {"after": 0}, "people": {}, "typing": {}}.items():
            assert (await script.post(verb, {"room": "attic", **payload})).status == 404, verb
        assert (await script.ask("rooms"))["rooms"] == []
        await script.ask("send", {"room": "attic", "text": "first"})
        assert (await script.ask("join", {"room": "attic"}))["room"]["role"] == "owner"


async def test_the_same_key_says_it_once(url: str) -> None:
    async with Asker(url) as script:
        await script.come()
        said = {"room": "lobby", "text": "once"}
        key = "0b8f0a8e-key"
        for headers in ({"Idempotency-Key": key}, {"Idempotency-Key": f'"{key}"'}):
            assert (await script.ask("send", said, **headers))["message"]["seq"] == 1
        assert (await script.ask("send", said | {"id": key}))["message"]["seq"] == 1
        assert (await script.post("send", said | {"text": "other"}, **headers)).status == 409
        for bad in ('""', ""):
            assert (await script.post("send", said, **{"Idempotency-Key": bad})).status == 400, bad
        assert (await script.post("send", said | {"id": "another-id"}, **headers)).status == 400
        assert (await script.ask("send", said))["message"]["seq"] == 2, "without a key it is another message"
        for seq, odd in enumerate(("short", "v1.2", '"with blanks in it"', '"one" "two"', "x" * 100, "grün"), start=3):
            for _ in range(2):
                answer = await script.ask("send", said, **{"Idempotency-Key": odd})
                assert answer["message"]["seq"] == seq, odd


async def test_too_much_is_429_and_says_when(start_server: Start) -> None:
    server = await start_server(rate_limit=1)
    async with Asker(server.url) as script:
        await script.come()
        first = await script.post("echo", {"n": 1})
        assert first.headers["RateLimit-Policy"] == '"actions";q=10;w=10'
        assert first.headers["RateLimit"].startswith('"actions";r=9;t=')
        answers = [await script.post("echo", {"n": n}) for n in range(12)]
        refused = answers[-1]
        assert (refused.status, refused.body["error"]) == (429, "too_fast")
        assert int(refused.headers["Retry-After"]) >= refused.body["retry_after"]
        assert '"actions";r=0' in refused.headers["RateLimit"]


async def test_new_people_of_one_address_are_limited_at_this_door_as_well(start_server: Start) -> None:
    server = await start_server(trust_proxies=1, address_people=2, address_handshakes=5)
    async with Asker(server.url, **{"X-Forwarded-For": "198.51.100.7"}) as script:
        for _ in range(2):
            assert (await script.post("token")).status == 200
        refused = await script.post("token")
        assert (refused.status, refused.body["limit"]) == (429, "new_people")
        assert int(refused.headers["Retry-After"]) > 60
        statuses = [(await script.post("rooms")).status for _ in range(4)]
        assert statuses == [401, 401, 429, 429], "so are attempts without a token"


def bodies() -> Iterator[tuple[str, bytes, dict[str, str], int]]:
    yield "no json", b"{", JSON, 400
    yield "nothing but blanks", b"  ", JSON, 400
    yield "a list", b"[]", JSON, 400
    yield "null", b"null", JSON, 400
    yield "NUL in a text", b'{"room":"lobby","text":"a\\u0000b","id":"12345678"}', JSON, 400
    yield "a raw NUL", b'{"room":"lobby","text":"a\x00b"}', JSON, 400
    yield "half a pair", b'{"room":"lobby","text":"\\ud800"}', JSON, 400
    yield "not UTF-8", b'{"room":"lobby","text":"\xff"}', JSON, 400
    yield "infinity", b'{"room":"lobby","text":1e999}', JSON, 400
    yield "not a number", b'{"room":"lobby","text":NaN}', JSON, 400
    yield "an endless number", b'{"room":"lobby","text":' + b"9" * 5000 + b"}", JSON, 400
    yield "a name twice", b'{"room":"lobby","text":"a","text":"b"}', JSON, 400
    yield "deep", b'{"room":' + b"[" * 900 + b"]" * 900 + b"}", JSON, 400
    yield "endlessly deep", b'{"room":' * 50_000, JSON, 400
    yield "a field too many", b'{"room":"lobby","text":"x","x":1}', JSON, 400
    yield "too long a text", b'{"room":"lobby","text":"' + b"x" * 5000 + b'"}', JSON, 413
    yield "too large", b" " * 2_000_000, JSON, 413
    yield "a form", b"room=lobby&text=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415
    yield "text", b'{"room":"lobby","text":"x"}', {"Content-Type": "text/plain"}, 415
    yield "compressed", b'{"room":"lobby","text":"x"}', JSON | {"Content-Encoding": "gzip"}, 415


async def test_whatever_the_body_is_the_answer_is_an_object_and_nothing_is_said(url: str) -> None:
    async with Asker(url) as script:
        await script.come()
        await script.ask("send", {"room": "lobby", "text": "first"})
        for name, body, headers, status in bodies():
            answer = await script.post("send", body, **headers)
            assert answer.status == status, (name, answer)
            assert answer.body["ok"] is False and answer.body["text"] and answer.body["error"] in ERRORS, name
        deep = await script.post("echo", b'{"x":' + b"[" * 300 + b"]" * 300 + b"}", **JSON)
        assert deep.status == 400
        assert len((await script.ask("history", {"room": "lobby"}))["messages"]) == 1


async def test_other_methods_are_told_which_one_it_is(url: str) -> None:
    async with Asker(url) as script:
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
            for path in ("/api/send", "/api/token"):
                answer = await script.send(method, path)
                assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST"), (method, path)
        for path in ("/api/fly", "/api/send/x", "/api/%00"):
            answer = await script.send("POST", path)
            assert (answer.status, answer.body["error"]) == (404, "no_such_verb"), path


async def test_pages_of_other_sites_are_let_in_by_the_operator_alone(start_server: Start) -> None:
    server = await start_server(origins=("https://a.example",))
    async with Asker(server.url) as script:
        await script.come()
        wanted = {"Access-Control-Request-Method": "POST", "Origin": "https://a.example"}
        preflight = await script.send("OPTIONS", "/api/send", wanted)
        assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, "https://a.example")
        assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
        asked = await script.post("rooms", {}, Origin="https://a.example")
        assert asked.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert "Retry-After" in asked.headers["Access-Control-Expose-Headers"]
        for origin in ("https://b.example", "null"):
            refused = await script.post("rooms", {}, Origin=origin)
            assert (refused.status, refused.body["error"]) == (403, "not_allowed")
            preflight = await script.send("OPTIONS", "/api/send", {"Origin": origin})
            assert "Access-Control-Allow-Origin" not in {**preflight.headers, **refused.headers}


async def test_a_cookie_counts_for_pages_of_the_site_alone(server: Running) -> None:
    async with Asker(server.url) as script:
        await script.come()
        token, script.token = script.token, None
        cookie = {"Cookie": f"{COOKIE}={token}"}
        own = server.url
        for said, status in (
            ({}, 401),
            ({"Origin": own}, 200),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({"Sec-Fetch-Site": "same-site"}, 401),
            ({"Sec-Fetch-Site": "cross-site", "Origin": own}, 401),
            ({"Origin": "https://evil.example"}, 403),
        ):
            assert (await script.post("rooms", {}, **cookie, **said)).status == status, said
        script.token = "made-up-by-somebody-else-0123456789"
        answer = await script.post("rooms", {}, **cookie, Origin=own)
        assert answer.status == 401, "a token that is sent is the one that counts"


async def test_identifying_gives_a_token_in_place_of_the_former(url: str) -> None:
    async with Asker(url) as alice, Asker(url) as phone:
        me = await alice.come("alice")
        assert (await alice.ask("reserve", {"passphrase": "open sesame"}))["me"]["reserved"]
        assert (await alice.ask("rename", {"nickname": "alicia"}))["me"]["reserved"]
        await phone.come()
        answer = await phone.ask("identify", {"nickname": "alicia", "passphrase": "open sesame"})
        assert answer["me"]["id"] == me["id"]
        former, phone.token = phone.token, answer["token"]
        assert (await phone.post("token")).body["me"]["id"] == me["id"]
        phone.token = former
        assert (await phone.post("rooms")).status == 401


async def test_what_a_client_asked_for_is_done_and_told_though_it_is_gone(url: str) -> None:
    async with Talker(url, "alice") as alice, Asker(url) as script:
        await alice.join("lobby")
        await script.come()
        body = b'{"room":"lobby","text":"gone before the answer"}'
        host, port = url.removeprefix("http://").split(":")
        for _ in range(5):
            _, writer = await asyncio.open_connection(host, int(port))
            head = f"POST /api/send HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {script.token}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            writer.transport.abort()
        await script.ask("send", {"room": "lobby", "text": "last"})
        stored: list[str] = []
        async with asyncio.timeout(PATIENCE):  # of those who are gone one may be heard after the last
            while "last" not in stored or alice.texts("lobby") != stored:
                stored = [one["text"] for one in (await alice.ask("history", {"room": "lobby"}))["messages"]]


@pytest.mark.parametrize("code", [*ERRORS, *STATUS])
def test_every_refusal_has_its_status(code: str) -> None:
    assert code in STATUS or code.startswith(tuple(BY_BEGINNING)), code
    assert 400 <= status_of(code) < 600


async def test_the_description_names_every_verb_and_its_fields(start_server: Start) -> None:
    server = await start_server(base_path="/chat")
    async with Asker(server.url) as script:
        described = (await script.send("GET", "/api")).body
        assert (described["openapi"], described["servers"]) == ("3.1.0", [{"url": server.url}])
        others = {"/api/token", "/hooks/{secret}", "/files", "/files/{id}/{name}", "/files/{id}/thumbnail/{name}"}
        assert set(described["paths"]) == {*others, *(f"/api/{verb}" for verb in VERBS)}
        send = described["paths"]["/api/send"]["post"]
        schema = send["requestBody"]["content"]["application/json"]["schema"]
        assert (schema["required"], schema["additionalProperties"]) == (["room"], False)
        assert {"200", "400", "401", "403", "404", "409", "413", "415", "429", "500", "503"} <= set(send["responses"])
        me = await script.come()
        assert (await script.ask("join", {"room": "lobby"}))["me"] == me


async def test_a_fuzzer_that_reads_the_description_finds_nothing(server: Running, tmp_path: Path) -> None:
    """Schemathesis: no fault of the server, no status and no answer that is not described, nothing bad that is let
    through."""
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    checks += "response_schema_conformance,unsupported_method,negative_data_rejection"
    refused = "negative_data_rejection.expected-statuses = [400, 401, 403, 404, 409, 413, 415, 429]"
    (tmp_path / "schemathesis.toml").write_text(f"[checks]\n{refused}\n")
    async with Asker(server.url) as script:
        await script.come()
        for n in range(3):
            await script.ask("send", {"room": "lobby", "text": f"message {n}"})
        command: list[Any] = [Path(sys.executable).with_name("st"), "run", f"{server.url}/api", "--no-color"]
        command += ["-H", f"Authorization: Bearer {script.token}", "--phases", "coverage,fuzzing", "--checks", checks]
        command += [
            "--max-examples",
            "1",
            "--max-time",
            "12" if IS_THOROUGH else "4",
            "--seed",
            "1",
            "--generation-database",
            "none",
            "--warnings",
            "off",
        ]
        asked = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asked.communicate()
    assert asked.returncode == 0, said.decode()[-6000:]
