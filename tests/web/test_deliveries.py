"""What is said in a room is delivered to its hooks: signed, in order, until it has come."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import text

from app.chat import targets
from app.model import Refused
from app.server import Running
from app.store.queries import hooks as hook_queries
from app.web import deliveries
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.http import Asker
from tests.support.receiver import Receiver
from tests.support.talker import Talker
from tests.web.test_hooks import hook_of, post


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr(deliveries, "RETRIES_S", (0.02,) * 8)


async def test_what_is_said_edited_and_deleted_is_delivered_signed_and_in_order(start_server: Start) -> None:
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Receiver() as receiver:
        await owner.join("lobby")
        await owner.join("kitchen")
        await owner.say("lobby", "before there was a hook")
        made = await hook_of(owner, url=receiver.url)
        assert made["secret"].startswith("whsec_") and made["url"] == receiver.url
        first = await owner.say("lobby", "@owner: first **bold** #lobby")
        for n in range(20):
            await owner.say("lobby", f"number {n}")
        await owner.say("kitchen", "elsewhere")
        await owner.ask("edit", {"room": "lobby", "seq": first["seq"], "text": "first, changed"})
        await owner.ask("react", {"room": "lobby", "seq": first["seq"], "emoji": "👍", "on": True})
        await owner.ask("delete", {"room": "lobby", "seq": first["seq"]})
        expected = [
            ("message.created", "@owner: first **bold** #lobby"),
            *(("message.created", f"number {n}") for n in range(20)),
        ]
        expected += [("message.edited", "first, changed"), ("message.deleted", "")]
        await receiver.takes(lambda: len(receiver.taken) >= len(expected))
        assert receiver.events() == expected
        verified = receiver.verified(made["secret"])
        assert verified == receiver.taken
        assert verified[0]["data"] == {"room": "lobby", "message": first}
        assert verified[0]["timestamp"] == first["at"] or verified[0]["timestamp"] > first["at"]
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert len(set(ids)) == len(ids)
        assert receiver.got[0][0]["content-type"] == "application/json"
        await is_empty(server)


async def left(server: Running) -> int:
    """Events that wait."""
    return await server.database.read(lambda db: db.execute(text("SELECT count(*) FROM deliveries")).scalar_one())


async def is_empty(server: Running) -> None:
    """Until nothing waits."""
    async with asyncio.timeout(PATIENCE):
        while await left(server):
            pass


async def test_what_fails_is_tried_again_and_what_is_behind_it_waits(start_server: Start, soon: None) -> None:
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Receiver() as receiver:
        await owner.join("lobby")
        made = await hook_of(owner, url=receiver.url)
        for status in (500, 302, 404):
            receiver.status, receiver.headers = status, {"Location": f"{receiver.url}/elsewhere"}
            before = len(receiver.got)
            await owner.say("lobby", f"while it answers {status}")
            await receiver.takes(lambda before=before: len(receiver.got) > before)
        listed = await owner.ask("hooks", {"room": "lobby"})
        assert listed["hooks"][0]["waiting"] == 3
        receiver.status = 204
        await receiver.takes(lambda: len(receiver.taken) >= 3)
        assert [text for _, text in receiver.events()] == [f"while it answers {one}" for one in (500, 302, 404)]
        assert set(receiver.follows) == {"/here"}, "no redirect is followed"
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert len(set(ids)) == 3, "a second attempt has the id of the first"
        assert receiver.verified(made["secret"])


async def test_one_that_fails_for_too_long_is_given_up_and_its_owners_are_told(start_server: Start, soon: None) -> None:
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Talker(server.url, "member") as member, Receiver() as receiver:
        await owner.join("lobby")
        await member.join("lobby")
        await hook_of(owner, url=receiver.url, nickname="relay")
        receiver.status = 503
        await owner.say("lobby", "nobody takes this")
        told = await owner.hears("notice", lambda notice: notice["code"] == "hook_failed")
        assert told["room"] == "lobby" and "relay" in told["text"] and "503" in told["text"]
        assert len(receiver.got) == 9
        entry = (await owner.ask("audit", {"room": "lobby"}))["entries"][0]
        assert (entry["what"], entry["who"], entry["whom"], entry["reason"]) == (
            *("hook_failed", "Parlor", "relay"),
            "It answered 503.",
        )
        listed = (await owner.ask("hooks", {"room": "lobby"}))["hooks"][0]
        assert listed["given_up"] and listed["trouble"] == "It answered 503." and "waiting" not in listed
        receiver.status = 200
        await owner.say("lobby", "nor this")
        assert await left(server) == 0 and len(receiver.got) == 9
        assert [name for name, _ in member.heard if name == "notice"] == [], "members are not told"


async def test_a_receiver_that_is_gone_for_good_is_given_up_at_once(start_server: Start) -> None:
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Receiver() as receiver:
        await owner.join("lobby")
        await hook_of(owner, url=receiver.url)
        receiver.status = 410
        await owner.say("lobby", "x")
        await owner.hears("notice")
        assert len(receiver.got) == 1


async def test_a_hook_does_not_hear_itself_and_hears_other_bots(start_server: Start) -> None:
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Asker(server.url) as script, Receiver() as receiver:
        await owner.join("lobby")
        made = await hook_of(owner, url=receiver.url)
        other = await hook_of(owner)
        own = made["post"].rpartition("/")[2]
        assert (await post(script, own, {"text": "its own words"})).status == 200
        assert (await post(script, other["secret"], {"text": "of another hook"})).status == 200
        await receiver.takes(lambda: receiver.taken)
        assert receiver.events() == [("message.created", "of another hook")]


async def test_a_full_queue_is_given_up_and_costs_the_room_nothing(
    start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_queries, "MAX_QUEUED", 5)
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Receiver() as receiver:
        await owner.join("lobby")
        await hook_of(owner, url=receiver.url)
        receiver.status = 500
        for n in range(8):
            assert (await owner.say("lobby", f"number {n}"))["seq"] == n + 1
        await owner.hears("notice", lambda notice: "no place for more" in notice["text"])
        assert await left(server) == 0


async def test_a_removed_hook_gets_nothing_more(start_server: Start, soon: None) -> None:
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Receiver() as receiver:
        await owner.join("lobby")
        made = await hook_of(owner, url=receiver.url)
        receiver.status = 500
        await owner.say("lobby", "x")
        await receiver.takes(lambda: receiver.got)
        assert (await owner.ask("hook", {"room": "lobby", "remove": made["id"]}))["ok"]
        assert await left(server) == 0
        receiver.status, before = 200, len(receiver.got)
        await owner.say("lobby", "y")
        assert (await owner.ask("hooks", {"room": "lobby"}))["hooks"] == []
        assert len(receiver.taken) <= 1 and len(receiver.got) <= before + 1


async def test_what_waits_is_delivered_after_a_restart(start_server: Start, soon: None) -> None:
    server = await start_server(hook_private=True)
    async with Receiver() as receiver:
        async with Talker(server.url, "owner") as owner:
            await owner.join("lobby")
            await hook_of(owner, url=receiver.url)
            receiver.status = 500
            for n in range(3):
                await owner.say("lobby", f"number {n}")
            await receiver.takes(lambda: receiver.got)
        await server.stop()
        receiver.status = 200
        again = await start_server(hook_private=True)
        await receiver.takes(lambda: len(receiver.taken) >= 3)
        assert [text for _, text in receiver.events()] == [f"number {n}" for n in range(3)]
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(Talker(again.url, "somebody"))
            await is_empty(again)


PRIVATE = (
    *("http://127.0.0.1:9999/", "http://localhost/", "http://[::1]/", "http://10.1.2.3/", "http://192.168.0.1/"),
    *("http://169.254.169.254/latest/meta-data", "http://0.0.0.0/", "http://2130706433/", "http://0x7f.1/"),
    *("http://[::ffff:127.0.0.1]/", "http://[fd00::1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/"),
    *("http://100.64.0.1/", "http://224.0.0.1/", "http://127.1/", "http://[fe80::1%25lo]/"),
)
ODD = (
    *(
        "ftp://example.org/",
        "file:///etc/passwd",
        "example.org",
        "https://",
        "https:///x",
        "http://a b/",
        "//example.org",
    ),
    *("http://example.org:22/", "http://example.org:6379x/", "http://example.org:6000/", "http://example.org:99999/"),
    *("http://ann:secret@example.org/", "http://example.org/\n", "http://example.org\\@127.0.0.1/", "gopher://x/"),
    *(
        "http://nowhere.invalid/",
        f"http://example.org/{'x' * 1000}",
        "",
        "http://\u0130\u0307..example/",
        "http://[::1/",
    ),
)


async def test_nothing_is_delivered_to_private_networks_or_odd_places(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "owner") as owner:
        await owner.join("lobby")
        for url in (*PRIVATE, *ODD):
            answer = await owner.ask("hook", {"room": "lobby", "url": url})
            assert not answer["ok"] and answer["error"] == "bad_payload" and answer["field"] == "url", (url, answer)
        assert (await owner.ask("hooks", {"room": "lobby"}))["hooks"] == []


async def test_a_host_that_moves_into_a_private_network_gets_nothing(start_server: Start, soon: None) -> None:
    """DNS rebinding: it was judged when the hook was made, and is at each connection."""
    server = await start_server(hook_private=True)
    async with Talker(server.url, "owner") as owner, Receiver() as receiver:
        await owner.join("lobby")
        await hook_of(owner, url=receiver.url.replace("127.0.0.1", "localhost"))
        await hook_of(owner, url=receiver.url)
        server.chat.hook_private = False
        await owner.say("lobby", "x")
        for _ in range(2):
            told = await owner.hears("notice", lambda notice: "private network" in notice["text"])
            owner.heard.remove(("notice", told))
        assert receiver.got == []


@pytest.mark.parametrize("url", [one for one in ODD if "invalid" not in one], ids=range(len(ODD) - 1))
def test_an_odd_address_is_refused_without_looking_it_up(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        targets.host_of(url)
    assert refusal.value.code == "bad_payload"


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_public_addresses_are_public(address: str) -> None:
    assert targets.is_public(address)


async def test_a_room_without_hooks_writes_as_before(server: Running) -> None:
    """Its sends go into one commit by a few statements for all: no other question is asked of the database."""
    asked: list[Any] = []
    write = server.chat.store.write

    async def noting(ask: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(ask.__name__)
        return await write(ask, *args, **kwargs)

    async with Talker(server.url, "owner") as owner:
        await owner.join("lobby")
        server.chat.store.write = noting  # type: ignore[method-assign]
        await owner.say("lobby", "x")
    assert asked[0] == "insert_message" and "and_queue" not in asked


async def test_of_two_processes_one_delivers_at_a_time_and_the_order_is_that_of_the_room(start_server: Start) -> None:
    servers = [await start_server(hook_private=True) for _ in range(2)]
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        alice, bob = [await stack.enter_async_context(Talker(one.url)) for one in servers]
        await alice.join("lobby")
        await bob.join("lobby")
        await hook_of(alice, url=receiver.url)  # the other process learns of it with its next message

        async def talks(talker: Talker) -> None:
            for n in range(25):
                await talker.say("lobby", f"{n} of {talker.me['nickname']}")

        await asyncio.gather(talks(alice), talks(bob))
        await receiver.takes(lambda: len(receiver.taken) >= 50)
        seqs = [one["data"]["message"]["seq"] for one in receiver.taken]
        assert seqs == list(range(1, 51))
