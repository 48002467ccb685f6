"""Plain WebSockets into rooms: lines of text, or every verb as JSON. The same gate, rights, limits and words."""

import asyncio
import contextlib
import socket

import aiohttp
import orjson
import pytest

from app.model import COOKIE
from app.routes import ROOM_SOCKETS
from app.server import Running
from tests.conftest import Start
from tests.support.mounted import TRANSPORTS
from tests.support.plain import PlainTalker
from tests.support.raw import UPGRADE, Line, head
from tests.support.talker import Talker, until


async def test_two_plain_clients_and_two_of_socketio_trade_lines(server: Running) -> None:
    async with contextlib.AsyncExitStack() as stack:
        talkers = [await stack.enter_async_context(Talker(server.url, one, transport=one)) for one in TRANSPORTS]
        for one in talkers:
            await one.join("lobby")
        ann = await stack.enter_async_context(PlainTalker(server.url, "lobby", "Ann"))
        await ann.hears("Ann has connected.")
        async with PlainTalker(server.url, "Lobby", "Bob") as bob:
            await bob.hears("Bob has connected.")
            await ann.hears("Bob has connected.")
            await ann.say("hello\nyou two")
            await bob.say("/me waves")
            await talkers[0].say("lobby", "from afar")
            for one in (ann, bob):
                await one.hears("Ann said: hello\nyou two")
                await one.hears("* Bob waves")
                await one.hears(f"{talkers[0].me['nickname']} said: from afar")
            for talker in talkers:
                assert set(await talker.hears_texts("lobby", 3)) == {"hello\nyou two", "waves", "from afar"}
                await talker.hears("people", lambda told: "Bob" in [one["nickname"] for one in told["joined"]])
        await ann.hears("Bob has gone away.")
        await talkers[0].hears("people", lambda told: "Bob" in [one["nickname"] for one in told["left"]])
        assert ann.heard.count("Bob has connected.") == ann.heard.count("Bob has gone away.") == 1


async def test_changes_are_told_as_lines(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, PlainTalker(server.url, "lobby", "Ann") as ann:
        await ann.hears("Ann has connected.")
        await alice.join("lobby")
        await ann.hears("alice has connected.")
        said = await alice.say("lobby", "helo")
        await alice.ask("react", {"room": "lobby", "seq": said["seq"], "emoji": "👍", "on": True})
        await alice.ask("edit", {"room": "lobby", "seq": said["seq"], "text": "hello"})
        await alice.ask("delete", {"room": "lobby", "seq": said["seq"]})
        await alice.ask("topic", {"room": "lobby", "topic": "Tea"})
        await alice.ask("rename", {"nickname": "Alicia"})
        await ann.hears("alice is now called Alicia.")
        await ann.hears("The topic is now: Tea")
        assert [line for line in ann.heard if "connected" not in line] == [
            "alice said: helo",
            "alice corrected: hello",
            "alice took a message back.",
            "The topic is now: Tea",
            "alice is now called Alicia.",
        ]


async def test_a_newcomer_hears_from_now_on_or_what_they_ask_for(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for n in range(5):
            await alice.say("lobby", str(n))
        for name, query, expected in (
            ("Ann", {}, []),
            ("Ben", {"history": 2}, ["3", "4"]),
            ("Cay", {"after": 1}, ["1", "2", "3", "4"]),
            ("Dan", {"after": 99}, ["0", "1", "2", "3", "4"]),  # of a history that there is not
        ):
            async with PlainTalker(server.url, "lobby", name, **query) as ann:  # type: ignore[arg-type]
                await ann.hears(f"{name} has connected.")
                assert [line for line in ann.heard if "said" in line and line[0] != "!"] == [
                    f"alice said: {one}" for one in expected
                ]
                assert any(line.startswith("! reset: ") for line in ann.heard) == (query == {"after": 99})


async def test_many_pages_that_were_missed_come_before_what_is_said_now(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for n in range(250):
            await alice.say("lobby", str(n))
        saying = asyncio.create_task(_say_on(alice))
        async with PlainTalker(server.url, "lobby", "Ann", after=10) as ann:
            await ann.hears("alice said: last")
        await saying
        said = [line for line in ann.heard if " said: " in line]
        assert said == [*(f"alice said: {n}" for n in range(10, 300)), "alice said: last"]


async def _say_on(alice: Talker) -> None:
    for n in range(250, 300):
        await alice.say("lobby", str(n))
    await alice.say("lobby", "last")


async def test_a_name_that_cannot_be_had_makes_a_guest(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        async with (
            PlainTalker(server.url, "lobby", "Alice") as second,
            PlainTalker(server.url, "lobby", "a\u200db\u0007") as bad,
            PlainTalker(server.url, "lobby") as nameless,
        ):
            await second.hears(lambda line: line.startswith("! nickname_taken: “Alice” is taken. You are "))
            await bad.hears(lambda line: line.startswith("! bad_nickname: "))
            for one in (second, bad, nameless):
                await one.hears(lambda line: line.endswith(" has connected."))
            assert not nameless.heard[0].startswith("!")
            await nameless.say("who am I?")
            name = nameless.heard[0].removesuffix(" has connected.")
            await second.hears(f"{name} said: who am I?")


async def test_refusals_come_as_lines_and_the_connection_lives_on(server: Running) -> None:
    async with PlainTalker(server.url, "lobby", "Ann") as ann:
        await ann.say("   ")
        await ann.hears(lambda line: line.startswith("! bad_payload: "))
        await ann.say("x" * 4_001)
        await ann.hears(lambda line: line.startswith("! too_long: "))
        await ann.ws.send_bytes(b"\x00\xff")
        await ann.hears("! bad_payload: Binary frames mean nothing here: send text.")
        await ann.say("well")
        await ann.hears("Ann said: well")


async def test_what_is_said_behind_the_handshake_at_once_is_said_in_order(server: Running) -> None:
    async with PlainTalker(server.url, "lobby", "Ann") as ann:
        for n in range(200):
            await ann.say(str(n))
        await ann.hears("Ann said: 199")
        assert ann.heard == ["Ann has connected.", *(f"Ann said: {n}" for n in range(200))]


@pytest.mark.parametrize(
    ("room", "rules", "error", "code"),
    [
        ("no!room", None, "bad_room", 4400),
        ("lobby", {"locked": True}, "locked", 4423),
        ("lobby", {"passphrase": "open sesame"}, "wrong_passphrase", 4401),
    ],
)
async def test_whoever_is_not_let_in_is_told_why(
    server: Running, room: str, rules: dict[str, object] | None, error: str, code: int
) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        if rules:
            assert (await alice.ask("settings", {"room": "lobby", **rules}))["ok"]
        async with PlainTalker(server.url, room, "Ann") as ann:
            await ann.say("too early")
            assert await ann.closed() == code
            assert [line.partition(":")[0] for line in ann.heard] == [f"! {error}"]
        assert not alice.texts("lobby")


@pytest.mark.parametrize("speaks_json", [False, True], ids=["lines", "json"])
@pytest.mark.parametrize(("verb", "code"), [("kick", 4410), ("ban", 4403)])
async def test_a_ban_closes_it_and_keeps_it_closed(server: Running, speaks_json: bool, verb: str, code: int) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as known:
        await alice.join("lobby")
        await known.join("lobby")
        await known.say("lobby", "here")  # stored: a ban is of somebody who is known
        cookie = {"Cookie": f"{COOKIE}={known.token}"}
        async with PlainTalker(server.url, "lobby", speaks_json=speaks_json, headers=cookie) as bob:
            await until(
                lambda: len(server.chat.presence.online.connections(known.me["id"])) == 2 and len(bob.heard) > 0
            )
            assert (await alice.ask(verb, {"room": "lobby", "person": known.me["id"], "reason": "spam"}))["ok"]
            assert await bob.closed() == code
            told = bob.heard[-1]
            assert told["event"] == "removed" if speaks_json else told.endswith("spam")
        async with PlainTalker(server.url, "lobby", speaks_json=speaks_json, headers=cookie) as again:
            assert await again.closed() == 4403
            told = (
                [one["payload"]["code"] for one in again.heard if one["event"] == "notice"]
                if speaks_json
                else again.heard
            )
            assert len(told) == 1 and "banned" in told[0]


async def test_json_speaks_every_verb(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, PlainTalker(server.url, "lobby", "Ann", speaks_json=True) as ann:
        await alice.join("lobby")
        joined = await ann.hears_event("joined")
        assert joined["ok"] and joined["room"]["name"] == "lobby" and joined["me"]["nickname"] == "Ann"
        assert [frame["event"] for frame in ann.heard[:2]] == ["welcome", "joined"]
        assert ann.ws.protocol == "parlor.v1" and len(ann.heard[0]["payload"]["token"]) == 64
        answer = await ann.ask("send", room="lobby", text="hi", id="of-ann-0001")
        assert answer["ok"] and answer["message"]["seq"] == 1
        heard = await ann.hears_event("message")
        assert heard == {"room": "lobby", "message": answer["message"]}
        assert heard == await alice.hears("message")
        assert (await ann.ask("send", room="lobby", text="hi", id="of-ann-0001"))["message"] == answer["message"]
        await alice.ask("react", {"room": "lobby", "seq": 1, "emoji": "👍", "on": True})
        await ann.hears_event("react")
        await alice.say("den", "unheard") if (await alice.join("den")) else None
        there = await ann.ask("join", room="den", after=0)
        assert [one["text"] for one in there["messages"]] == ["unheard"]
        await alice.say("den", "heard")
        await ann.hears_event("message", lambda told: told["room"] == "den" and told["message"]["text"] == "heard")
        assert (await ann.ask("fly"))["error"] == "no_such_verb"
        assert (await ann.ask("echo", n=1))["n"] == 1


async def test_frames_that_are_malformed_are_answered(server: Running) -> None:
    async with PlainTalker(server.url, "lobby", "Ann", speaks_json=True) as ann:
        for frame in ("", "{", "[]", "1", "null", '{"ref": 7}', '{"verb": "echo", "ref": {}}', '{"verb": 1, "ref": 8}'):
            await ann.say(frame)
        await ann.say('{"verb": "send", "payload": [], "ref": 9}')
        await ann.say('{"verb": "echo", "payload": {"n": NaN}}')
        await ann.say("[" * 5_000)
        await ann.ws.send_bytes(b"{}")
        answer = await ann.ask("echo")
        assert answer["ok"]
        answers = [frame for frame in ann.heard if "ref" in frame][:-1]
        assert len(answers) == 12
        assert {one["answer"]["error"] for one in answers} == {"bad_payload", "no_such_verb"}
        assert [one["ref"] for one in answers if one["ref"] is not None] == [7, 8, 9]


async def test_answers_come_in_the_order_of_asking(server: Running) -> None:
    async with PlainTalker(server.url, "lobby", "Ann", speaks_json=True) as ann:
        for n in range(100):
            verb = ("send", "history", "echo")[n % 3]
            payload = {"room": "lobby"} | ({"text": str(n), "id": f"number-{n:04}"} if verb == "send" else {})
            await ann.say(orjson.dumps({"verb": verb, "payload": payload, "ref": n}).decode())
        await ann.hears(lambda frame: frame.get("ref") == 99)
        answers = [frame for frame in ann.heard if "ref" in frame]
        assert [one["ref"] for one in answers] == list(range(100))
        assert all(one["answer"]["ok"] for one in answers)


async def test_a_room_with_a_passphrase_opens_to_json(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.ask("settings", {"room": "lobby", "passphrase": "open sesame"})
        async with PlainTalker(server.url, "lobby", "Ann", speaks_json=True) as ann:
            assert (await ann.hears_event("notice"))["code"] == "wrong_passphrase"
            assert (await ann.ask("join", room="lobby", passphrase="open sesame"))["ok"]


@pytest.mark.parametrize("how", ["subprotocol", "bearer", "cookie"])
async def test_a_token_is_shown_by_header_or_subprotocol(server: Running, how: str) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "me")
        headers = {
            "bearer": {"Authorization": f"Bearer {alice.token}"},
            "cookie": {"Cookie": f"{COOKIE}={alice.token}"},
        }
        token = alice.token if how == "subprotocol" else None
        async with PlainTalker(
            server.url, "lobby", speaks_json=True, token=token, headers=headers.get(how, {})
        ) as again:
            welcome = await again.hears_event("welcome")
            assert welcome["me"]["id"] == alice.me["id"] and "token" not in welcome
            assert again.ws.protocol == "parlor.v1", "a token is never echoed"


async def test_a_token_in_the_address_counts_for_nothing(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, aiohttp.ClientSession() as http:
        await alice.join("lobby")
        await alice.say("lobby", "me")
        address = f"{server.url}/ws/r/lobby?token={alice.token}"
        async with http.ws_connect(address, protocols=["parlor.v1"]) as ws:
            assert (await ws.receive_json())["payload"]["me"]["id"] != alice.me["id"]


async def test_a_page_of_another_site_does_not_act_with_the_cookie(start_server: Start) -> None:
    server = await start_server(origins="https://friend.test")
    own = server.url.removeprefix("http://")
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "me")
        cookie = {"Cookie": f"{COOKIE}={alice.token}", "Host": own}

        async def person(origin: str) -> str:
            async with PlainTalker(server.url, "lobby", speaks_json=True, headers=cookie | {"Origin": origin}) as one:
                return str((await one.hears_event("welcome"))["me"]["id"])

        assert await person(f"http://{own}") == alice.me["id"]
        assert await person("https://friend.test") != alice.me["id"]
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await person("https://elsewhere.test")


async def test_whom_one_ignores_is_not_in_the_lines(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob, Talker(server.url, "eve") as eve:
        for one in (alice, bob, eve):
            await one.join("lobby")
            await one.say("lobby", f"of {one.me['nickname']}")
        await alice.ask("ignore", {"person": bob.me["id"], "on": True})
        cookie = {"Cookie": f"{COOKIE}={alice.token}"}
        async with PlainTalker(server.url, "lobby", headers=cookie, history=10) as lines:
            await lines.hears("alice has connected.")
            await bob.say("lobby", "psst")
            await alice.ask("ignore", {"person": eve.me["id"], "on": True})
            await eve.say("lobby", "psst")
            await alice.say("lobby", "end")
            await lines.hears("alice said: end")
            assert not [line for line in lines.heard if line.startswith(("bob said", "eve said: psst"))]
            assert "eve said: of eve" in lines.heard


async def test_it_has_the_limits_of_every_connection(start_server: Start) -> None:
    server = await start_server(rate_limit=1)
    async with PlainTalker(server.url, "lobby", "Ann", speaks_json=True) as ann:
        await ann.hears_event("joined")
        answers = [await ann.ask("echo") for _ in range(12)]
        refused = [one for one in answers if not one["ok"]]
        assert refused and {one["error"] for one in refused} == {"too_fast"} and refused[0]["retry_after"] > 0
    async with PlainTalker(server.url, "lobby", "Bob") as bob:
        for n in range(20):
            await bob.say(f"word {n}")
        await bob.hears(lambda line: line.startswith("! too_fast: "))


async def test_new_people_of_an_address_are_counted(start_server: Start) -> None:
    server = await start_server(trust_proxies=1, address_people=2)
    who = {"X-Forwarded-For": "192.0.2.7"}
    async with (
        PlainTalker(server.url, "lobby", headers=who) as one,
        PlainTalker(server.url, "lobby", headers=who) as two,
    ):
        for each in (one, two):
            await each.hears(lambda line: line.endswith(" has connected."))
        async with PlainTalker(server.url, "lobby", headers=who) as third:
            assert await third.closed() == 1013
            assert third.heard[0].startswith("! too_many: ")


async def test_a_reader_that_is_too_slow_is_told_so_and_nobody_waits_for_it(start_server: Start) -> None:
    server = await start_server(outbox_limit=300_000)
    async with Talker(server.url, "alice") as alice, await Line.to(server.url, limit=1_000) as line:
        await alice.join("lobby")
        await line.write(head("GET", "/ws/r/lobby?name=Slow", UPGRADE))
        await alice.hears("people", lambda told: "Slow" in [one["nickname"] for one in told["joined"]])
        writer = next(iter(server.runner.app[ROOM_SOCKETS]._sockets)).transport.writer
        for end in (writer.transport, line.writer.transport):  # what the kernel holds counts for nothing
            for size in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, size, 100_000)
        n = 0
        while not writer.is_closed:
            n += 1
            await alice.say("lobby", f"{n} " + "x" * 3_900)
        assert server.sockets.engine.websockets == 1
        rest = await line.reader.read()
        assert rest.endswith(b"too slow: more waits for you than is kept")
        assert rest[rest.rindex(b"too slow: more") - 2 :][:2] == (4408).to_bytes(2)


async def test_the_end_of_the_server_is_told(start_server: Start) -> None:
    server = await start_server()
    async with PlainTalker(server.url, "lobby", "Ann") as ann:
        await ann.hears("Ann has connected.")
        await server.stop()
        assert await ann.closed() == 1001


async def test_a_broken_line_waits_for_whoever_can_return(server: Running) -> None:
    """Somebody with a token is awaited, as on every door; nobody else can come back as the same."""
    async with Talker(server.url, "alice") as alice, PlainTalker(server.url, "lobby", "Bob", speaks_json=True) as bob:
        await alice.join("lobby")
        token = (await bob.hears_event("welcome"))["token"]
        await alice.hears("people", lambda told: any(one["nickname"] == "Bob" for one in told["joined"]))
        _cut(bob)
        async with PlainTalker(server.url, "lobby", token=token) as again:
            assert (await again.hears_event("welcome"))["me"]["nickname"] == "Bob"
            async with PlainTalker(server.url, "lobby", "Carl") as carl:
                await carl.hears("Carl has connected.")
                _cut(carl)
                await alice.hears("people", lambda told: any(one["nickname"] == "Carl" for one in told["left"]))
        assert not [told for name, told in alice.heard if name == "people" and "Bob" in str(told["left"])]


def _cut(one: PlainTalker) -> None:
    connection = one.ws._response.connection
    assert connection and connection.transport
    connection.transport.abort()


async def test_a_name_is_free_at_once_when_nobody_can_come_back_for_it(server: Running) -> None:
    for _ in range(2):
        async with PlainTalker(server.url, "lobby", "Ann") as ann:
            await ann.hears("Ann has connected.")
            await ann.say("hello")
            await ann.hears("Ann said: hello")
            _cut(ann)
        await until(lambda: len(server.chat.presence.online) == 0)
        await server.database.write(_anything)


def _anything(db: object) -> None:
    """In the order of asking: what was written before is there."""


async def test_an_old_connection_is_told_to_come_again(start_server: Start) -> None:
    server = await start_server(max_connection_age=1)
    async with PlainTalker(server.url, "lobby", "Ann") as ann:
        assert await ann.closed() == 1001
