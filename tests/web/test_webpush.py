"""Web push, to a push service of the tests' own: who is woken, by what, and who is not."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.resolver import ThreadedResolver
from py_vapid import Vapid02

from app.chat import pushing, targets
from app.server import Running
from app.web.webpush import WebPush
from tests.conftest import Start
from tests.support.pushes import PushService, claims_of, push_service
from tests.support.talker import Talker, until


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PushService]:
    monkeypatch.setattr(pushing, "DELAY_S", 0.05)
    async with push_service() as one:
        yield one


@pytest.fixture
async def server(start_server: Start, service: PushService) -> Running:
    """Which asks it."""
    return await start_server(push_private=True)


async def away(server: Running, service: PushService, nickname: str, *rooms: str, **levels: str) -> dict[str, Any]:
    """Somebody who has been in these rooms, has a browser of that name, and is away now. Their token and id."""
    async with Talker(server.url, nickname) as one:
        for room in rooms:
            await one.join(room)
            await one.say(room, "I am here")
        for room, level in levels.items():
            assert (await one.ask("notify", {"room": room, "level": level}))["ok"]
        answer = await one.ask("push", service.browser(nickname).subscription)
        assert answer["ok"] and answer["on"], answer
        found = {"token": one.token, "id": one.me["id"], "key": answer["key"]}
    await until(lambda: not server.chat.presence.online.is_here(one.me["id"]))
    return found


async def settled(server: Running) -> None:
    """What was to be sent is sent."""
    waking = server.chat.on_said.__self__  # type: ignore[attr-defined]
    await until(lambda: waking.is_idle)


async def test_who_is_mentioned_while_away_is_told_in_words_that_nobody_else_can_read(
    server: Running, service: PushService
) -> None:
    ann = await away(server, service, "Ann", "lobby")
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "nothing for anybody")
        said = await bob.say("lobby", "hello @ann " + "x" * 3_000)
        (told,) = await service.browser("Ann").gets(1)
    assert told == {
        "room": "lobby",
        "seq": said["seq"],
        "nickname": "bob",
        "text": ("hello @ann " + "x" * 3_000)[:200] + "…",
        "kind": "said",
        "count": 1,
    }
    (headers,) = service.browser("Ann").headers
    assert (headers["Content-Encoding"], headers["TTL"], headers["Urgency"]) == ("aes128gcm", "86400", "high")
    assert len(headers["Topic"]) == 32 and "lobby" not in headers["Topic"]
    claims = claims_of(headers["Authorization"])
    assert claims["aud"] == service.url
    assert claims["sub"].startswith(("mailto:", "https:"))
    assert headers["Authorization"].endswith(f"k={ann['key']}")
    assert Vapid02.verify(headers["Authorization"])


async def test_several_in_a_row_are_told_in_one(server: Running, service: PushService) -> None:
    await away(server, service, "Ann", "lobby")
    server.chat.on_said.__self__._delay = 0.5  # type: ignore[attr-defined]
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "@ann one")
        await bob.say("lobby", "@ann two")
        await bob.say("lobby", "@ann three")
        (told,) = await service.browser("Ann").gets(1)
        assert (told["text"], told["count"]) == ("@ann three", 3)
        gone = await bob.say("lobby", "@ann a mistake")
        await bob.ask("delete", {"room": "lobby", "seq": gone["seq"]})
        await settled(server)
    assert service.browser("Ann").asked == 1


async def test_an_edit_tells_those_whom_it_calls_and_who_were_not_called_before(
    server: Running, service: PushService
) -> None:
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")  # which is his: he may call everybody
        for name in ("Ann", "Cid", "Dan"):
            await away(server, service, name, "lobby", lobby="all")
        seq = (await bob.say("lobby", "hello @ann"))["seq"]
        await service.browser("Ann").gets(1)

        async def edit(text: str) -> None:
            await settled(server)
            assert (await bob.ask("edit", {"room": "lobby", "seq": seq, "text": text}))["ok"]
            await settled(server)

        for text in ("hello @ann!", "hello", "hello @cid"):
            await edit(text)
        assert [one["text"] for one in await service.browser("Cid").gets(1)] == ["hello @cid"]
        await edit("hello @everyone and @cid")
        for name in ("Ann", "Dan"):
            assert (await service.browser(name).gets(2 if name == "Ann" else 1))[-1]["text"].startswith(
                "hello @everyone"
            )
        await edit("hello @everyone, @cid, @dan")
        server.chat.on_said.__self__._delay = 0.5  # type: ignore[attr-defined]
        await bob.ask("edit", {"room": "lobby", "seq": seq, "text": "hello"})
        await bob.ask("edit", {"room": "lobby", "seq": seq, "text": "hello @dan"})
        await bob.ask("edit", {"room": "lobby", "seq": seq, "text": "a mistake"})
        await settled(server)
    assert {name: one.asked for name, one in service.browsers.items()} == {"Ann": 2, "Cid": 1, "Dan": 1}


async def test_nobody_is_woken_who_is_here_ignores_or_chose_so_or_may_not_read(
    start_server: Start, server: Running, service: PushService
) -> None:
    ann = await away(server, service, "Ann", "lobby", "attic", "cellar")
    await away(server, service, "Eve", "lobby", lobby="none")
    await away(server, service, "Stranger")
    beside = await start_server(push_private=True)
    async with Talker(server.url, "bob") as bob, Talker(server.url, "owner") as owner:
        for room in ("lobby", "attic", "cellar"):
            await owner.join(room)
            await bob.join(room)
        async with Talker(beside.url, token=ann["token"]) as here:
            await here.join("attic")
            await bob.say("lobby", "@ann @eve @stranger")
            await settled(server)
            await here.ask("ignore", {"person": bob.me["id"], "on": True})
        await until(lambda: not beside.chat.presence.online.is_here(ann["id"]))
        await bob.say("lobby", "@ann, do you hear me?")
        await settled(server)
        assert {name: one.asked for name, one in service.browsers.items()} == {"Ann": 0, "Eve": 0, "Stranger": 0}
        await owner.say("lobby", "@ann, I do")
        await service.browser("Ann").gets(1)


async def test_what_is_written_to_somebody_alone_is_told_under_the_name_by_which_they_call_the_room(
    server: Running, service: PushService
) -> None:
    ann = await away(server, service, "Ann")
    async with Talker(server.url, "bob") as bob, Talker(server.url, "cid") as cid:
        for one, said in ((bob, "hello"), (cid, "psst")):
            assert (await one.ask("open", {"person": ann["id"]}))["ok"]
            await one.say(f"@{ann['id']}", said)
        told = sorted(await service.browser("Ann").gets(2), key=lambda one: str(one["nickname"]))
        assert [(one["room"], one["nickname"], one["text"]) for one in told] == [
            (f"@{bob.me['id']}", "bob", "hello"),
            (f"@{cid.me['id']}", "cid", "psst"),
        ]
        async with Talker(server.url, token=ann["token"]) as here:
            await here.ask("open", {"person": bob.me["id"]})
            levels = await here.ask("notify", {"room": f"@{bob.me['id']}", "level": "none"})
            assert levels["levels"] == {f"@{bob.me['id']}": "none"}
            await here.ask("ignore", {"person": cid.me["id"], "on": True})
        await until(lambda: not server.chat.presence.online.is_here(ann["id"]))
        for one in (bob, cid):
            await one.say(f"@{ann['id']}", "once more, @Ann")
        await settled(server)
        assert (await here_again(server, ann["token"])) == []
    assert service.browser("Ann").asked == 2


async def here_again(server: Running, token: str) -> list[str]:
    """Their mentions: what is said to them alone is none."""
    async with Talker(server.url, token=token) as here:
        return [one["text"] for one in (await here.ask("mentions"))["messages"]]


async def test_everybody_are_those_who_have_chosen_to_hear_of_the_room(server: Running, service: PushService) -> None:
    async with Talker(server.url, "owner") as owner:
        await owner.join("lobby")
        await away(server, service, "Ann", "lobby", lobby="mentions")
        await away(server, service, "Eve", "lobby", lobby="none")
        await away(server, service, "Cid", "lobby")
        await owner.say("lobby", "@everyone: tea")
        await service.browser("Ann").gets(1)
        await settled(server)
        await owner.ask(
            "ban", {"room": "lobby", "person": (await away(server, service, "Dan", "lobby", lobby="all"))["id"]}
        )
        await owner.say("lobby", "@everyone: cake")
        await service.browser("Ann").gets(2)
        await settled(server)
    assert {name: one.asked for name, one in service.browsers.items()} == {"Ann": 2, "Eve": 0, "Cid": 0, "Dan": 0}


async def test_a_service_that_knows_a_browser_no_more_is_not_asked_again(
    server: Running, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "FIRST_PAUSE_S", 0.01)
    await away(server, service, "Ann", "lobby")
    ann = service.browser("Ann")
    ann.answers = [503, 429, 201]
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "@ann one")
        await ann.gets(1)
        assert ann.asked == 3
        ann.answers = [500] * 9
        await bob.say("lobby", "@ann two")
        await ann.is_asked(3 + pushing.ATTEMPTS)
        await settled(server)
        ann.answers = [400, 410]
        await bob.say("lobby", "@ann three")
        await settled(server)
        await bob.say("lobby", "@ann four")
        await settled(server)
        await bob.say("lobby", "@ann five")
        await settled(server)
    assert ann.asked == 3 + pushing.ATTEMPTS + 2
    assert server.chat.on_said.__self__.outcomes == {"sent": 1, "failed": 2, "gone": 1}  # type: ignore[attr-defined]


async def test_a_browser_is_one_persons_and_a_person_has_some(
    server: Running, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "MAX_BROWSERS", 2)
    shared = service.browser("shared").subscription
    async with Talker(server.url, "Ann") as ann, Talker(server.url, "Eve") as eve, Talker(server.url, "bob") as bob:
        for one in (ann, eve, bob):
            await one.join("lobby")
            await one.say("lobby", "hello")
        for browser in ("one", "two", "three"):
            await ann.ask("push", service.browser(browser).subscription)
        await ann.ask("push", shared)
        await eve.ask("push", shared)
        assert (await ann.ask("push", {"endpoint": shared["endpoint"], "on": False}))["ok"], "it is Eve's: nothing ends"
        two = service.browser("two").subscription
        assert (await ann.ask("push", {"endpoint": two["endpoint"], "on": False}))["on"] is False
        await ann.client.disconnect()
        await eve.client.disconnect()
        await until(lambda: len(server.chat.presence.online) == 1)
        await bob.say("lobby", "@ann @eve")
        await service.browser("shared").gets(1)
        await settled(server)
    assert {name: one.asked for name, one in service.browsers.items()} == {"one": 0, "two": 0, "three": 1, "shared": 1}


async def test_keys_are_made_once_and_pushes_can_be_switched_off(start_server: Start, tmp_path: Path) -> None:
    first = await start_server(push_private=True)
    async with Talker(first.url, "Ann") as ann:
        key = (await ann.ask("push"))["key"]
        for wrong in (
            {"endpoint": "http://localhost/x"},
            {"endpoint": "ftp://push.example/x", "p256dh": "A" * 87, "auth": "A" * 22},
            {"endpoint": "https://push.example/ x", "p256dh": "A" * 87, "auth": "A" * 22},
            {"endpoint": "https://push.example/x", "p256dh": "?" * 87, "auth": "A" * 22},
        ):
            assert (await ann.ask("push", wrong))["error"] == "bad_payload", wrong
    await first.stop()
    second = await start_server(push="off")
    async with Talker(second.url, "Ann") as ann:
        answer = await ann.ask("push")
        assert (answer["error"], "switched pushes off" in answer["text"]) == ("not_allowed", True)
    third = await start_server(data=first.settings.data)
    async with Talker(third.url, "Ann") as ann:
        assert (await ann.ask("push"))["key"] == key
        for private in ("http://push.example/x", "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x"):
            asked = {"endpoint": private, "p256dh": "A" * 87, "auth": "A" * 22}
            assert (await ann.ask("push", asked))["error"] == "bad_payload", private


PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *(
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "ff02::1",
    ),
    *("", "no address"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_public(address: str) -> None:
    assert not targets.is_public(address)


def test_a_public_address_is() -> None:
    assert all(targets.is_public(one) for one in ("93.184.215.14", "2606:4700::6810:84e5", "::ffff:93.184.215.14"))


REFUSED = (
    *("http://push.example/x", "https://push.example:8443/x", "https://user@push.example/x", "https://push/x"),
    *("https:///x", "https://[::1/x", "https://10.0.0.1/x", "https://[::ffff:10.0.0.1]/x", "ws://push.example/x"),
    *("https://push.example:99999/x",),
)


@pytest.mark.parametrize("endpoint", REFUSED)
def test_an_endpoint_is_at_a_public_host_by_https(endpoint: str) -> None:
    async def load(new: str) -> str:
        return new

    assert not WebPush(load).is_allowed(endpoint)
    assert WebPush(load).is_allowed("https://fcm.googleapis.com/fcm/send/x")


async def test_a_name_that_leads_to_a_private_address_is_not_asked(
    service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at when the connection is made, and not before: a name may lead elsewhere by then."""

    async def resolve(_self: Any, host: str, port: int = 0, family: int = socket.AF_INET) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)

    async def load(new: str) -> str:
        return new

    push = WebPush(load)
    browser = service.browser("Ann")
    to = pushing.Browser(
        "f", "Ann", "https://push.example/Ann", browser.subscription["p256dh"], browser.subscription["auth"]
    )
    assert await push.send(to, b"{}", "topic", "") == (pushing.Outcome.LATER, 0)
    bad = to._replace(p256dh="AAAA")
    assert (await push.send(bad, b"{}", "topic", ""))[0] is pushing.Outcome.GONE
    await push.close()
    assert browser.asked == 0
