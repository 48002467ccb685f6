"""The socket door, with the Python client on both transports."""

import asyncio
from typing import Any

import pytest
import socketio

from app.languages import translated
from app.model import COOKIE, Sentence, span
from app.server import Running
from tests.support import PATIENCE
from tests.support.talker import Talker, hang_up, new_id

TRANSPORTS = ("websocket", "polling")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_two_people_talk(url: str, transport: str) -> None:
    async with Talker(url, "alice", transport=transport) as alice, Talker(url, "bob", transport=transport) as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        said = await alice.say("lobby", "hello bob")
        heard = await bob.hears("message")
        assert heard == {"room": "lobby", "message": said}
        assert await alice.hears("message") == heard, (
            "a message goes to every socket of the room, the author's included"
        )
        assert (said["seq"], said["rev"], said["nickname"], said["kind"]) == (1, 1, "alice", "said")


async def test_the_order_of_one_person_is_kept(url: str, transport: str) -> None:
    async with Talker(url, "alice", transport=transport) as alice, Talker(url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        answers = await asyncio.gather(*(alice.say("lobby", f"{n}") for n in range(100)))
        texts = [str(n) for n in range(100)]
        assert [one["text"] for one in sorted(answers, key=lambda one: one["seq"])] == texts
        assert await bob.hears_texts("lobby", 100) == texts


async def test_welcome_comes_once_and_before_any_ack(url: str, transport: str) -> None:
    async with Talker(url, "alice", transport=transport) as alice:
        await alice.ask("echo", {"a": 1})
        assert [name for name, _ in alice.heard] == ["welcome"]
        assert alice.welcome["server"]["limits"]["text"] == 4000
        assert alice.welcome["server"]["transports"] == ["websocket", "polling"]


async def test_a_token_names_a_person_for_ever(url: str, transport: str) -> None:
    async with Talker(url, "alice", transport=transport) as alice:
        assert alice.token
    async with Talker(url, token=alice.token, transport=transport) as again:
        assert again.me == alice.me
        assert "token" not in again.welcome, "a token is told once"


async def test_a_taken_wish_lets_one_in_as_a_guest(url: str, transport: str) -> None:
    async with Talker(url, "alice"), Talker(url, "ALICE", transport=transport) as other:
        assert other.me["nickname"].startswith("guest-")
        answer = await other.ask("join", {"room": "lobby", "nickname": "alice"})
        assert (answer["ok"], answer["error"], answer["suggestion"]) == (False, "nickname_taken", "alice2")


async def test_two_tabs_are_one_person(url: str) -> None:
    async with Talker(url, "alice") as alice, Talker(url, "bob") as bob:
        await alice.join("lobby")
        async with Talker(url, token=alice.token) as tab:
            assert (await tab.join("lobby"))["count"] == 1
            assert (await bob.join("lobby"))["count"] == 2
            await alice.ask("leave", {"room": "lobby"})
            assert (await bob.ask("people", {"room": "lobby"}))["count"] == 2
        left = await bob.hears("people", lambda event: bool(event["left"]))
        assert [one["nickname"] for one in left["left"]] == ["alice"]
        assert left["count"] == 1


@pytest.mark.parametrize("payload", [None, [], "x", 1, True, [1, 2]])
async def test_a_payload_that_is_no_object_is_refused(url: str, payload: Any) -> None:
    async with Talker(url, "alice") as alice:
        answer = await alice.client.call("send", payload)
        assert answer["error"] == "bad_payload"


BAD = {
    "NaN": '{"room":"lobby","id":"12345678","text":NaN}',
    "infinity": '{"room":"lobby","id":"12345678","text":-Infinity}',
    "too large a number": '{"room":"lobby","id":"12345678","text":1e999}',
    "too large an integer": '{"room":"lobby","id":"12345678","text":123456789012345678901234567890}',
    "a lone surrogate": '{"room":"lobby","id":"12345678","text":"\\ud800"}',
    "deep nesting": '{"room":"lobby","id":"12345678","text":' + "[" * 100_000 + "]" * 100_000 + "}",
    "nesting that can be read": '{"a":' + "[" * 300 + "]" * 300 + "}",
}


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD.keys())
async def test_what_no_browser_can_read_is_refused_and_the_connection_lives(
    server: Running, transport: str, payload: str
) -> None:
    """Sent as raw packets, for no JSON writer of a client would write them."""
    async with Talker(server.url, "alice", transport=transport) as alice:
        await alice.join("lobby")
        acked: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        number = alice.client._generate_ack_id("/", lambda *answer: acked.set_result(answer[0]))
        await alice.client.eio.send(f'2{number}["send",{payload}]')
        answer = await asyncio.wait_for(acked, 5)
        assert (answer["ok"], answer["error"]) == (False, "bad_payload")
        assert (await alice.say("lobby", "still here"))["seq"] == 1


async def test_an_unreadable_event_without_ack_is_told_as_a_notice(url: str) -> None:
    async with Talker(url, "alice") as alice:
        await alice.client.eio.send('2["send",{"text":NaN}]')
        assert (await alice.hears("notice"))["code"] == "bad_payload"


async def test_words_in_a_deep_echo_come_back(url: str) -> None:
    async with Talker(url, "alice") as alice:
        payload = {"list": [1, [2, {"deep": None}]], "ok": "mine"}
        answer = await alice.ask("echo", payload)
        assert answer["list"] == payload["list"]
        assert answer["ok"] is True, "the ack's own key wins"
        assert answer["at"].endswith("Z")


async def test_a_restart_loses_nothing(start_server: Any) -> None:
    first = await start_server()
    async with Talker(first.url, "alice") as alice:
        await alice.join("lobby")
        said = await alice.say("lobby", "remember me", id := new_id())
    await first.stop()
    second = await start_server()
    async with Talker(second.url, token=alice.token) as again:
        joined = await again.join("lobby", after=0)
        assert joined["messages"] == [said]
        assert again.me == alice.me
        assert await again.say("lobby", "remember me", id) == said, (
            "the same id is the same message, even after a restart"
        )


async def test_a_broken_cookie_of_another_site_s_making_does_not_hide_the_token(url: str) -> None:
    """Over polling: on a WebSocket the Python client parses the header itself, and loses the token on its own."""
    async with Talker(url, "alice") as alice:
        cookies = f'settings={{"a": [1, 2]}}; {COOKIE}={alice.token}'
        client = socketio.AsyncClient(reconnection=False, request_timeout=PATIENCE)
        welcomed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.on("welcome", welcomed.set_result)
        await client.connect(url, transports=["polling"], headers={"Cookie": cookies})
        assert (await asyncio.wait_for(welcomed, 5))["me"] == alice.me
        await hang_up(client)


async def test_what_is_refused_is_told_in_the_language_of_the_connection(url: str) -> None:
    english = "Join #lobby first."
    german = translated("de", Sentence("Join #{room} first.", room="lobby"))
    assert german != english and "#lobby" in german
    for language, text in [(None, english), ("de", german), ("tlh", english), ({"de": 1}, english)]:
        async with Talker(url, "alice", language=language) as alice:
            answer = await alice.ask("typing", {"room": "lobby"})
            assert (answer["error"], answer["text"]) == ("not_member", text)
    async with Talker(url, "alice", token=alice.token, language="de") as again, Talker(url, "bob") as bob:
        assert (await bob.ask("typing", {"room": "lobby"}))["text"] == english
        assert (await again.ask("typing", {"room": "lobby"}))["text"] == german


async def test_who_is_banned_is_told_so_in_their_language(url: str) -> None:
    async with Talker(url, "alice") as alice, Talker(url, "bob", language="de") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        ban = {"room": "lobby", "person": bob.me["id"], "minutes": 120, "reason": "spam {n}"}
        assert (await alice.ask("ban", ban))["ok"]
        told = (await bob.hears("removed"))["text"]
        what = Sentence("You are banned from #{room} for {time}", room="lobby", time=span(7_200))
        assert told == translated("de", Sentence("{what}: {reason}", what=what, reason="spam {n}"))
        assert "2 Stunden" in told and told.endswith("spam {n}")
        assert (await bob.ask("join", {"room": "lobby"}))["text"] == told
