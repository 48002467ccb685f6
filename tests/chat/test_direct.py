"""Rooms of two: whoever is not one of the two can neither come in, nor read, nor be told, nor find anything of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from app.chat import Chat, direct, retention
from app.chat.verbs import VERBS
from app.model import COOKIE, Connection, Refused
from app.server import Running
from app.store import queries
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.mounted import on_both_transports
from tests.support.talker import Talker, new_id


def at(who: Connection | Talker) -> str:
    """As others call their room with them."""
    return f"@{who.person.id if isinstance(who, Connection) else who.me['id']}"


async def opens(ask: Ask, who: Connection, whom: Connection) -> dict:
    answer = await ask(who, "open", person=whom.person.id)
    assert answer["ok"], answer
    return answer


@on_both_transports
async def test_two_talk_and_each_calls_the_room_by_the_other(url: str, transport: str) -> None:
    async with Talker(url, "alice", transport=transport) as alice, Talker(url, "bob", transport=transport) as bob:
        opened = await alice.ask("open", {"person": bob.me["id"]})
        assert (opened["room"]["name"], opened["room"]["kind"]) == (at(bob), "direct")
        assert opened["room"]["person"] == bob.me and opened["room"]["role"] is None
        assert await bob.hears("opened") == {"room": at(alice), "person": alice.me}
        joined = await bob.join(at(alice))
        assert joined["room"]["person"] == alice.me and joined["count"] == 2
        said = await alice.say(at(bob), "psst")
        heard = await bob.hears("message")
        assert heard == {"room": at(alice), "message": said}
        reply = await bob.ask("send", {"room": at(alice), "text": "what?", "id": new_id(), "reply_to": said["seq"]})
        assert (await alice.hears("message", lambda told: told["message"]["seq"] == 2))["room"] == at(bob)
        await bob.ask("react", {"room": at(alice), "seq": 1, "emoji": "👍", "on": True})
        assert (await alice.hears("react"))["room"] == at(bob)
        await alice.ask("typing", {"room": at(bob)})
        assert (await bob.hears("typing"))["room"] == at(alice)
        edited = await alice.ask("edit", {"room": at(bob), "seq": 1, "text": "hello"})
        assert (await bob.hears("message", lambda told: "edited" in told["message"]))["message"] == edited["message"]
        page = await bob.ask("history", {"room": at(alice)})
        assert [one["text"] for one in page["messages"]] == ["hello", "what?"] and reply["ok"]
        assert (await bob.ask("sync", {"room": at(alice), "after": 0}))["rev"] == 4
        await alice.client.disconnect()
        assert (await bob.hears("people", lambda told: told["left"] != []))["room"] == at(alice)


@pytest.fixture
async def carol(chat: Chat) -> AsyncIterator[Connection]:
    yield await arrives(chat, "socket of carol", "carol")


async def test_a_third_person_gets_nowhere(
    chat: Chat, server: Running, ask: Ask, alice: Connection, bob: Connection, carol: Connection
) -> None:
    await opens(ask, alice, bob)
    await ask(alice, "send", room=at(bob), text="secret", id=new_id())
    stored = direct.stored_name(alice.person.id, at(bob))
    names = [stored, stored[1:], f"@{stored[1:]}", at(alice), at(bob)]
    for verb, payload in (
        ("send", {"text": "x", "id": new_id()}),
        ("history", {}),
        ("sync", {"after": 0}),
        ("people", {}),
        ("seen", {"seq": 1}),
        ("delete", {"seq": 1}),
        ("search", {"query": "secret"}),
    ):
        for name in names:
            answer = await ask(carol, verb, room=name, **payload)
            assert answer["error"] in ("not_member", "bad_room"), (verb, name, answer)
    assert (await ask(carol, "join", room=stored))["error"] == "no_such_person"
    assert (await ask(carol, "search", query="secret"))["messages"] == []
    mine = await ask(carol, "join", room=at(alice))
    assert mine["ok"] and mine["messages"] == []
    listed = await ask(carol, "rooms")
    assert [room["name"] for room in listed["direct"]] == [at(alice)] and listed["rooms"] == []
    async with aiohttp.ClientSession() as http:
        for name in names:
            async with http.get(f"{server.url}/r/{name}/log") as page:
                assert page.status == 404


async def test_both_find_it_by_search_in_the_list_and_in_the_log(server: Running) -> None:
    async with AsyncExitStack() as stack:
        alice, bob = [await stack.enter_async_context(Talker(server.url, name)) for name in ("alice", "bob")]
        await alice.ask("open", {"person": bob.me["id"]})
        await alice.say(at(bob), "meet me at noon")
        for me, other in ((alice, bob), (bob, alice)):
            (found,) = (await me.ask("search", {"query": "noon"}))["messages"]
            assert found["room"] == at(other)
            (found,) = (await me.ask("search", {"query": "noon", "room": at(other)}))["messages"]
            (listed,) = (await me.ask("rooms"))["direct"]
            assert listed | {"at": ""} == {
                "name": at(other),
                "person": {"id": other.me["id"], "nickname": other.me["nickname"]},
                "seen": 0,
                "unread": 1 if me is bob else 0,
                "at": "",
            }
            async with aiohttp.ClientSession(cookies={COOKIE: me.token}) as http:
                async with http.get(f"{server.url}/r/{at(other)}/log") as page:
                    assert page.status == 200 and "meet me at noon" in await page.text()
                async with http.get(f"{server.url}/r/{at(other)}") as page:
                    assert page.status == 200


async def test_there_is_no_moderation_no_topic_and_no_door(ask: Ask, alice: Connection, bob: Connection) -> None:
    await opens(ask, alice, bob)
    await opens(ask, bob, alice)
    await ask(alice, "send", room=at(bob), text="hello", id=new_id())
    person = {"person": alice.person.id}
    payloads = {
        "topic": {"topic": "x"},
        "settings": {"topic": "x"},
        "appoint": person | {"role": "owner"},
        "kick": person,
        "mute": person,
        "ban": person,
        "report": {"seq": 1},
    }
    for verb, row in VERBS.items():
        if row.is_for_members and not row.direct:
            answer = await ask(bob, verb, room=at(alice), **payloads.get(verb, {}))
            assert answer["error"] == "not_allowed", (verb, answer)
    assert (await ask(bob, "delete", room=at(alice), seq=1))["error"] == "not_allowed"
    assert (await ask(alice, "delete", room=at(bob), seq=1))["ok"]
    assert (await ask(bob, "restore", room=at(alice), seq=1))["error"] == "not_allowed"
    assert (await ask(alice, "restore", room=at(bob), seq=1))["message"]["text"] == "hello"


async def test_nobody_opens_one_with_themselves_or_with_nobody(ask: Ask, alice: Connection) -> None:
    assert (await ask(alice, "open", person=alice.person.id))["error"] == "not_allowed"
    assert (await ask(alice, "join", room=at(alice)))["error"] == "not_allowed"
    for person in ("nobody", "0" * 32):
        assert (await ask(alice, "open", person=person))["error"] == "no_such_person"


async def test_whoever_is_ignored_is_not_told_so_and_opens_nothing(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await bob.ask("ignore", {"person": alice.me["id"], "on": True})
        assert (await alice.ask("open", {"person": bob.me["id"]}))["ok"]
        await alice.say(at(bob), "are you there?")
        assert (await bob.ask("rooms"))["direct"] == []
        assert "opened" not in [name for name, _ in bob.heard]
        await bob.ask("ignore", {"person": alice.me["id"], "on": False})
        assert [one["unread"] for one in (await bob.ask("rooms"))["direct"]] == [1]
        await alice.say(at(bob), "and now?")
        assert await bob.hears("opened")


async def test_whoever_was_away_finds_it_and_what_is_unread(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        async with Talker(server.url, "bob") as bob:
            await alice.ask("open", {"person": bob.me["id"]})
        await alice.say(at(bob), "call me")
        await alice.ask("rename", {"nickname": "Alice in Chains"})
        async with Talker(server.url, token=bob.token) as bob:
            (listed,) = (await bob.ask("rooms"))["direct"]
            assert (listed["person"]["nickname"], listed["unread"]) == ("Alice in Chains", 1)
            joined = await bob.join(at(alice))
            assert (joined["seen"], joined["unread"]) == (0, 1)


async def test_a_tab_that_becomes_somebody_else_hears_nothing_more(server: Running) -> None:
    async with AsyncExitStack() as stack:
        alice, bob, carol = [
            await stack.enter_async_context(Talker(server.url, name)) for name in ("alice", "bob", "carol")
        ]
        await carol.ask("reserve", {"passphrase": "correct horse"})
        await alice.ask("open", {"person": bob.me["id"]})
        await bob.join(at(alice))
        assert (await bob.ask("identify", {"nickname": "carol", "passphrase": "correct horse"}))["ok"]
        before = len(bob.heard)
        await alice.say(at(bob), "for the one who was bob")
        await bob.ask("echo")
        assert [told for name, told in bob.heard[before:] if name == "message"] == []
        assert (await bob.ask("history", {"room": at(alice)}))["error"] == "not_member"


async def test_one_opens_a_few_with_strangers_in_an_hour(start_server: Start) -> None:
    server = await start_server(rate_limit=1_000)
    async with AsyncExitStack() as stack:
        alice = await stack.enter_async_context(Talker(server.url, "alice"))
        server.chat.quotas.directs.buckets.full = 2
        answers = []
        for nth in range(3):
            other = await arrives(server.chat, f"socket {nth}", f"other {nth}")
            answers.append(await alice.ask("open", {"person": other.person.id}))
        assert [one["ok"] for one in answers] == [True, True, False]
        assert (answers[2]["error"], answers[2]["limit"]) == ("too_many", "new_directs")
        again = await alice.ask("open", {"person": answers[0]["room"]["person"]["id"]})
        assert again["ok"]


async def test_a_conversation_that_several_tabs_open_at_once_counts_once(start_server: Start) -> None:
    chat = (await start_server(rate_limit=1_000)).chat
    alice, bob = await arrives(chat, "socket 1", "alice"), await arrives(chat, "socket 2", "bob")
    assert chat.quotas.directs.buckets
    chat.quotas.directs.buckets.full = 1
    rooms = await asyncio.gather(*(direct.begin(chat, alice, bob.person.id) for _ in range(5)))
    assert len(set(rooms)) == 1


async def is_known(chat: Chat, who: Talker) -> bool:
    try:
        await chat.store.read(queries.known_person, who.me["id"])
    except Refused:
        return False
    return True


async def test_who_has_a_conversation_is_not_forgotten_and_an_empty_one_is(
    start_server: Start,
) -> None:
    server = await start_server(guest_days=0.000001, nickname_hold=0.001)
    chat = server.chat
    async with Talker(server.url, "alice") as alice:
        async with Talker(server.url, "bob") as bob, Talker(server.url, "carol") as carol:
            await alice.ask("open", {"person": bob.me["id"]})
            await alice.say(at(bob), "hello")
            await alice.ask("open", {"person": carol.me["id"]})
            await alice.ask("leave", {"room": at(carol)})
            await bob.ask("rename", {"nickname": "bob2"})
            await carol.ask("rename", {"nickname": "carol2"})
        async with asyncio.timeout(PATIENCE):  # until it is noted that they have left
            while await is_known(chat, carol):
                await retention.forget_unused(chat)
        assert (await alice.ask("open", {"person": carol.me["id"]}))["error"] == "no_such_person"
        assert [one["name"] for one in (await alice.ask("rooms"))["direct"]] == [at(bob)]
        async with Talker(server.url, token=bob.token) as again:
            assert again.me["id"] == bob.me["id"]
            assert [one["unread"] for one in (await again.ask("rooms"))["direct"]] == [1]
