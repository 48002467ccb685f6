"""Ways by which somebody who is banned comes back to the room: none of them leads there.

Each way is a generator: what it does before the ban, `yield`, what it tries afterwards. Bob is in the room with two
tabs, one over each transport, and whatever is tried is tried by both. In the end nothing of the room is another than it
was, and nobody of his has heard a word of it since he was told that he is out.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from sqlalchemy import Connection as Db
from sqlalchemy import text

from app.chat import retention
from app.model import COOKIE
from app.server import Running
from tests.conftest import Start
from tests.support.http import Asker
from tests.support.mounted import TRANSPORTS
from tests.support.plain import EventReader, PlainTalker
from tests.support.raw import Polls, Socket
from tests.support.stored import dump
from tests.support.talker import Talker, new_id
from tests.support.uploads import Uploader
from tests.support.uploads import address as file_path

ROOM = "lobby"
OUT = {"banned", "not_member"}
BOB, NEIGHBOUR, ELSEWHERE = "2001:db8:1:2::3", "2001:db8:1:2:ffff::9", "2001:db8:9:9::1"
OF_ROOMS = ("message", "react", "typing", "people", "room", "report", "standing")


class Scene:
    """Alice's room, in which bob has said something."""

    def __init__(self, stack: AsyncExitStack, start: Start) -> None:
        self._stack, self._start = stack, start
        self.ban: dict[str, Any] = {"reason": "spam", "address": False}
        self.his: list[Talker] = []  # all connections that are bob's, whoever they say they are
        self.gone: dict[Talker, int] = {}  # those that had gone before: how much they had heard
        self.alices = ["of alice", "of bob"]  # what the room holds in the end

    async def begin(self) -> None:
        self.server: Running = await self._start(trust_proxies=1)
        self.alice = await self.come("alice", address=ELSEWHERE)
        self.alice_joined = await self.alice.join(ROOM)
        await self.alice.say(ROOM, "of alice", "of-alice")
        self.bob = await self.bobs("websocket", nickname="bob")
        self.tab = await self.bobs("polling")
        for one in (self.bob, self.tab):
            await one.join(ROOM)
        await self.bob.say(ROOM, "of bob", "first-of-bob")
        await self.bob.ask("react", {"room": ROOM, "seq": 1, "emoji": "👍", "on": True})
        await self.tab.hears_texts(ROOM, 1)

    async def come(self, nickname: str, **how: Any) -> Talker:
        return await self._stack.enter_async_context(Talker(self.server.url, nickname, **how))

    async def bobs(self, transport: str = "websocket", nickname: str = "bob", **how: Any) -> Talker:
        """One more connection of bob's, with his token, or with what is said."""
        how = {"token": self.bob.token if self.his else None, "address": BOB} | how
        self.his.append(await self.come(nickname, transport=transport, **how))
        return self.his[-1]

    async def both(self, **how: Any) -> list[Talker]:
        """A new one over each transport."""
        return [await self.bobs(transport, **how) for transport in TRANSPORTS]

    async def bans(self) -> None:
        self.gone = {one: len(one.heard) for one in self.his if not one.client.connected}
        await self.does("ban", person=self.bob.me["id"], **self.ban)
        for one in (self.bob, self.tab):
            if one.client.connected:
                await one.hears("removed")
        self.before = await self.server.database.read(_of_the_room)

    async def does(self, verb: str, **payload: Any) -> dict[str, Any]:
        """By alice."""
        answer = await self.alice.ask(verb, {"room": ROOM} | payload)
        assert answer["ok"], (verb, answer)
        return answer

    async def key(self, verb: str, **payload: Any) -> str:
        """Of a link of alice's."""
        return urlsplit((await self.does(verb, **payload))["url"]).fragment.partition("=")[2]

    async def refused(self, verb: str, *by: Talker, codes: set[str] = OUT, **payload: Any) -> None:
        """By each of bob's connections, or these."""
        for one in by or self.his:
            answer = await one.ask(verb, {"room": ROOM} | payload)
            assert not answer["ok"] and answer["error"] in codes, (verb, answer)
            if verb == "join" and self.ban.get("reason"):
                assert answer["reason"] == self.ban["reason"], answer

    async def check(self) -> None:
        """Nothing came through, and nobody of his hears what is said now."""
        now = await self.server.database.read(_of_the_room)
        assert now == self.before
        await self.alice.say(ROOM, "are they gone?")
        told = (await self.alice.ask("history", {"room": ROOM}))["messages"]
        assert [one["text"] for one in told] == [*self.alices, "are they gone?"]
        assert told[0]["reactions"] == {"👍": ["bob"]}
        assert [one["nickname"] for one in (await self.alice.ask("people", {"room": ROOM}))["people"]] == ["alice"]
        for one in self.his:
            if one.client.connected:
                await one.ask("echo")
            assert self.overheard(one) == []

    def overheard(self, talker: Talker) -> list[Any]:
        """What one of his was told of the room after the ban."""
        names = [name for name, _ in talker.heard]
        begin = len(names) - names[::-1].index("removed") if "removed" in names else self.gone.get(talker, 0)
        return [(name, told) for name, told in talker.heard[begin:] if name in OF_ROOMS and about(told) == ROOM]


def about(told: dict[str, Any]) -> str:
    room = told.get("room")
    return str(room["name"] if isinstance(room, dict) else room)


def _of_the_room(db: Db) -> Any:
    """All that others see of it."""
    stored = dump(db)
    row = db.execute(text("SELECT seq, rev, topic FROM rooms WHERE name = :room"), {"room": ROOM}).one()
    said = [one for one in stored["messages"] if one[0] == ROOM]
    return tuple(row), said, stored["reactions"], stored["removed"]


Way = Callable[[Scene], AsyncIterator[None]]
WAYS: list[Way] = []


def way(one: Way) -> Way:
    WAYS.append(one)
    return one


@pytest.mark.usefixtures("long_kicks")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_who_is_banned_does_not_come_back(start_server: Start, way: Way) -> None:
    async with AsyncExitStack() as stack:
        scene = Scene(stack, start_server)
        await scene.begin()
        steps = way(scene)
        await anext(steps)
        await scene.bans()
        assert await anext(steps, None) is None
        await scene.check()


# --- the same connections ---


@way
async def joining_again(scene: Scene) -> AsyncIterator[None]:
    yield
    for payload in ({}, {"after": 0}, {"after": 1}, {"after": 2**40}, {"epoch": "0" * 32}, {"listed": False}):
        await scene.refused("join", **payload)


@way
async def the_name_in_another_spelling(scene: Scene) -> AsyncIterator[None]:
    yield
    for spelling in ("LOBBY", " lobby ", "Lobby\n"):
        await scene.refused("join", room=spelling)
        await scene.refused("history", room=spelling)


@way
async def leaving_and_joining(scene: Scene) -> AsyncIterator[None]:
    for one in scene.his:
        await one.ask("leave", {"room": ROOM})
        await one.join(ROOM)
    yield
    await scene.refused("leave")
    await scene.refused("join")


@way
async def another_nickname(scene: Scene) -> AsyncIterator[None]:
    yield
    assert (await scene.bob.ask("rename", {"nickname": "robert"}))["ok"]
    await scene.refused("join")
    await scene.refused("join", nickname="bobby")
    assert (await scene.bob.ask("rename", {"nickname": "bob"}))["me"]["nickname"] == "bob", "and not bobby"


@way
async def a_reserved_nickname(scene: Scene) -> AsyncIterator[None]:
    yield
    assert (await scene.bob.ask("reserve", {"passphrase": "open sesame"}))["ok"]
    await scene.refused("join")


@way
async def reading(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("sync", after=0)
    for payload in ({}, {"before": 3}, {"after": 1}):
        await scene.refused("history", **payload)
    await scene.refused("people")
    await scene.refused("reacted", seqs=[1, 2])


@way
async def reading_what_calls_him(scene: Scene) -> AsyncIterator[None]:
    scene.alices.append("@bob hello")
    await scene.alice.say(ROOM, "@bob hello")
    for one in scene.his:
        assert len((await one.ask("mentions"))["messages"]) == 1
    yield
    for one in [*scene.his, *await scene.both()]:
        assert (await one.ask("mentions"))["messages"] == []


@way
async def searching(scene: Scene) -> AsyncIterator[None]:
    """In the room, and in all rooms in which he has been."""
    yield
    for query in ("alice", "of", "from:alice", "from:bob", "on:2020-01-01 of", '"of alice"'):
        await scene.refused("search", query=query)
        for one in scene.his:
            assert (await one.ask("search", {"query": query})).get("messages", []) == []


@way
async def a_conversation_of_two(scene: Scene) -> AsyncIterator[None]:
    """It goes on, and leads to nothing of the room."""
    alone = {"room": f"@{scene.alice.me['id']}"}
    assert (await scene.bob.ask("open", {"person": scene.alice.me["id"]}))["ok"]
    yield
    for one in (scene.bob, await scene.bobs("polling")):
        assert (await one.ask("join", alone))["ok"]
        await one.say(alone["room"], "let me in, of course")
        found = (await one.ask("search", {"query": "of"}))["messages"]
        assert {message["room"] for message in found} == {alone["room"]}
        for verb, more in (("search", {"query": "alice"}), ("history", {}), ("sync", {"after": 0})):
            told = await one.ask(verb, alone | more)
            assert "of alice" not in str(told)


@way
async def files_of_the_room(scene: Scene) -> AsyncIterator[None]:
    """One that alice has sent, one of his own that he sends now, and one that he uploads for there."""
    url, token = scene.server.url, scene.bob.token
    hers = await Uploader(url, scene.alice.token).stored(b"of alice", "a.txt")
    assert (await scene.alice.ask("send", {"room": ROOM, "text": "read it", "id": new_id(), "file": hers["id"]}))["ok"]
    scene.alices.append("read it")
    assert (await Uploader(url, token).gets(file_path(hers)))[0] == 200
    yield
    for reader in (Uploader(url, token), Uploader(url, Cookie=f"{COOKIE}={token}")):
        status, content, _ = await reader.gets(file_path(hers))
        assert (status, b"of alice" in content) == (404, False)
    own = await Uploader(url, token).stored(b"of bob")
    await scene.refused("send", text="", id=new_id(), file=own["id"])
    status, answer = await Uploader(url, token).uploads(b"of bob", room=ROOM)
    assert answer["error"] in OUT, status


@way
async def marks_levels_and_programs(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("seen", seq=2)
    await scene.refused("notify", level="all")
    await scene.refused("bot", nickname="helper")
    await scene.refused("hook", nickname="helper")
    await scene.refused("hooks")


@way
async def speaking(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("send", text="I am back", id=new_id())
    await scene.refused("send", text="/me is back", id=new_id())
    await scene.refused("typing")
    await scene.refused("topic", topic="bob was here")
    await scene.refused("settings", topic="bob was here")


@way
async def asking_over_http(scene: Scene) -> AsyncIterator[None]:
    """With his token, which no connection has to be open for."""
    async with Asker(scene.server.url, scene.bob.token, **{"X-Forwarded-For": ELSEWHERE}) as script:
        assert (await script.ask("join", {"room": ROOM}))["ok"]
        yield
        for verb, payload in {
            "join": {},
            "send": {"text": "I am back"},
            "edit": {"seq": 2, "text": "something else"},
            "delete": {"seq": 2},
            "react": {"seq": 1, "emoji": "🎉", "on": True},
            "history": {},
            "sync": {"after": 0},
            "people": {},
            "typing": {},
            "topic": {"topic": "bob was here"},
            "leave": {},
            "invite": {},
            "report": {"seq": 1},
        }.items():
            answer = await script.post(verb, {"room": ROOM} | payload)
            assert (answer.status, answer.body["error"], answer.body["reason"]) == (403, "banned", "spam"), verb


@way
async def what_he_said_before(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("edit", seq=2, text="something else")
    await scene.refused("delete", seq=2)
    await scene.refused("react", seq=1, emoji="👍", on=False)
    await scene.refused("react", seq=2, emoji="🎉", on=True)


@way
async def an_outbox_with_what_is_stored(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("send", text="of bob", id="first-of-bob")


@way
async def an_outbox_that_waits(scene: Scene) -> AsyncIterator[None]:
    """Several at once, each following the one before."""
    yield
    for one in scene.his:
        ids = ["first-of-bob", *(new_id() for _ in range(10))]
        sends = [
            one.ask("send", {"room": ROOM, "text": f"number {n}", "id": id, "follows": before})
            for n, (before, id) in enumerate(itertools.pairwise(ids))
        ]
        assert {answer.get("error") for answer in await asyncio.gather(*sends)} <= OUT


@way
async def complaining(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("report", seq=1, text="she banned me")
    assert "report" not in [name for name, _ in scene.alice.heard]


@way
async def inviting_others(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("invite")


@way
async def what_moderators_do(scene: Scene) -> AsyncIterator[None]:
    yield
    himself = {"person": scene.bob.me["id"]}
    for verb, payload in {
        "ban": himself | {"minutes": 0},
        "mute": himself | {"minutes": 0},
        "kick": {"person": scene.alice.me["id"]},
        "restore": {"seq": 1},
        "sanctions": {},
        "audit": {},
        "appoint": himself | {"role": "owner"},
        "owner_key": {},
    }.items():
        await scene.refused(verb, **payload)


@way
async def having_been_a_moderator(scene: Scene) -> AsyncIterator[None]:
    for role in ("moderator", None):
        await scene.does("appoint", person=scene.bob.me["id"], role=role)
    yield
    await scene.refused("ban", person=scene.bob.me["id"], minutes=0)
    await scene.refused("join")


@way
async def another_room(scene: Scene) -> AsyncIterator[None]:
    """Whoever is in one room asks about another."""
    yield
    for one in scene.his:
        await one.join("kitchen")
        assert (await one.ask("history", {"room": "kitchen"}))["messages"] == []
        answer = await one.ask("send", {"room": "kitchen", "text": "x", "id": new_id(), "reply_to": 2})
        assert answer["error"] == "no_such_message"
        assert (await one.ask("report", {"room": "kitchen", "seq": 1}))["error"] == "no_such_message"
        assert (await one.ask("reacted", {"room": "kitchen", "seqs": [1, 2]}))["mine"] == {}
    await scene.refused("history")


@way
async def a_room_of_his_own_in_which_he_owns_all(scene: Scene) -> AsyncIterator[None]:
    await scene.bob.join("of-bob")
    key = (await scene.bob.ask("owner_key", {"room": "of-bob"}))["key"]
    yield
    await scene.refused("claim", key=key, codes={"not_allowed"})
    await scene.refused("join", invite=key)


# --- other connections of his ---


@way
async def a_new_connection(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("join", *await scene.both())


@way
async def a_new_connection_by_another_name(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("join", *await scene.both(nickname="robert"))


@way
async def a_new_connection_from_elsewhere(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.refused("join", *await scene.both(address="198.51.100.7"))


@way
async def a_tab_that_was_in_no_room(scene: Scene) -> AsyncIterator[None]:
    tabs = await scene.both()
    yield
    await scene.refused("join", *tabs)


@way
async def five_tabs_at_once(scene: Scene) -> AsyncIterator[None]:
    tabs = [await scene.bobs(TRANSPORTS[n % 2]) for n in range(5)]
    for one in tabs:
        await one.join(ROOM)
    yield
    for one in tabs:
        assert (await one.hears("removed"))["reason"] == "spam"
    joins = [one.ask("join", {"room": ROOM}) for one in tabs for _ in range(5)]
    assert {answer.get("error") for answer in await asyncio.gather(*joins)} == {"banned"}


@way
async def a_broken_line(scene: Scene) -> AsyncIterator[None]:
    """The room awaits somebody whose connection broke; a ban does not."""
    await scene.bob.client.eio.disconnect(abort=True)
    yield
    await scene.refused("join", await scene.bobs())


@way
async def being_away_meanwhile(scene: Scene) -> AsyncIterator[None]:
    for one in scene.his:
        await one.client.disconnect()
    yield
    await scene.refused("join", *await scene.both())


@way
async def by_cookie(scene: Scene) -> AsyncIterator[None]:
    yield
    async with aiohttp.ClientSession(headers={"Cookie": f"{COOKIE}={scene.bob.token}"}) as http:
        for speech in (Polls(http, scene.server.url), Socket(http, scene.server.url)):
            async with speech:
                await speech.join()
                await speech.hears("42")
                (answer,) = await speech.ask('421["join",{"room":"lobby"}]')
                assert answer["error"] == "banned"


@way
async def an_upgrade_of_a_session_that_was_there(scene: Scene) -> AsyncIterator[None]:
    http = await scene._stack.enter_async_context(aiohttp.ClientSession())
    polls = await scene._stack.enter_async_context(Polls(http, scene.server.url))
    await polls.join(auth=orjson.dumps({"token": scene.bob.token}).decode())
    assert (await polls.event())[0] == "welcome"
    assert (await polls.ask('421["join",{"room":"lobby"}]'))[0]["ok"]
    yield
    while (event := await polls.event())[0] != "removed":
        pass
    assert event[1]["room"] == ROOM
    async with Socket(http, scene.server.url, of=polls) as socket:
        await socket.send("2probe")
        assert await socket.packet() == "3probe"
        await socket.send("5")
        for n, verb in enumerate(
            ('"send",{"room":"lobby","text":"x","id":"by-an-upgrade"}', '"join",{"room":"lobby"}'), 2
        ):
            (answer,) = await socket.ask(f"42{n}[{verb}]", n)
            assert answer["error"] in OUT


@way
async def a_post_with_many_verbs_in_one(scene: Scene) -> AsyncIterator[None]:
    """Nothing between them: what the first one opens, the next one would use."""
    http = await scene._stack.enter_async_context(aiohttp.ClientSession())
    polls = await scene._stack.enter_async_context(Polls(http, scene.server.url))
    await polls.join(auth=orjson.dumps({"token": scene.bob.token}).decode())
    assert (await polls.event())[0] == "welcome"
    yield
    verbs = {
        "join": {"room": ROOM},
        "send": {"room": ROOM, "text": "x", "id": "by-one-post"},
        "sync": {"room": ROOM, "after": 0},
        "history": {"room": ROOM},
        "people": {"room": ROOM},
    }
    packets = [f"42{n}{orjson.dumps([*one]).decode()}" for n, one in enumerate(verbs.items())]
    assert await polls.send(*packets) == (200, "ok")
    answers = [orjson.loads((await polls.hears(f"43{n}"))[3:])[0] for n in range(len(packets))]
    assert {answer.get("error") for answer in answers} <= OUT


# --- doors that he has, or had, a key to ---


@way
async def an_invite_made_before(scene: Scene) -> AsyncIterator[None]:
    key = await scene.key("invite")
    yield
    await scene.refused("join", invite=key)


@way
async def an_invite_made_after(scene: Scene) -> AsyncIterator[None]:
    yield
    key = await scene.key("invite", uses=1)
    await scene.refused("join", invite=key)
    await scene.does("settings", locked=True)
    await scene.refused("join", invite=key)
    carol = await scene.come("carol")
    assert (await carol.ask("join", {"room": ROOM, "invite": key}))["ok"], "it was not used up"
    await carol.ask("leave", {"room": ROOM})


@way
async def an_invite_that_he_made(scene: Scene) -> AsyncIterator[None]:
    """Whoever he gave it to does not come by it either."""
    key = urlsplit((await scene.bob.ask("invite", {"room": ROOM}))["url"]).fragment.partition("=")[2]
    yield
    await scene.does("settings", locked=True)
    await scene.refused("join", invite=key)
    friend = await scene.come("friend")
    assert (await friend.ask("join", {"room": ROOM, "invite": key}))["error"] == "not_allowed"


@way
async def the_passphrase(scene: Scene) -> AsyncIterator[None]:
    await scene.does("settings", passphrase="open sesame")
    yield
    await scene.refused("join", passphrase="open sesame")


@way
async def a_passphrase_that_is_gone(scene: Scene) -> AsyncIterator[None]:
    await scene.does("settings", passphrase="open sesame")
    yield
    await scene.does("settings", passphrase=None)
    await scene.refused("join")


@way
async def a_locked_room(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.does("settings", locked=True)
    await scene.refused("join")
    await scene.does("settings", locked=False)
    await scene.refused("join")


@way
async def an_unlisted_room(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.does("settings", listed=False)
    await scene.refused("join")
    assert ROOM not in [room["name"] for room in (await scene.bob.ask("rooms"))["rooms"]]


@way
async def the_owners_key(scene: Scene) -> AsyncIterator[None]:
    """It makes an owner of whoever has it; a ban holds until it is lifted."""
    key = (await scene.does("owner_key"))["key"]
    yield
    assert (await scene.bob.ask("claim", {"room": ROOM, "key": key}))["ok"]
    await scene.refused("join")
    for verb, payload in {"ban": {"person": scene.bob.me["id"], "minutes": 0}, "audit": {}, "owner_key": {}}.items():
        await scene.refused(verb, **payload)
    await scene.refused("join", *await scene.both())


@way
async def a_role_given_meanwhile(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.does("appoint", person=scene.bob.me["id"], role="moderator")
    await scene.refused("join")
    await scene.refused("ban", person=scene.bob.me["id"], minutes=0)


# --- being somebody else ---


async def reserved(scene: Scene, nickname: str) -> Talker:
    """Somebody whose passphrase bob knows."""
    friend = await scene.come(nickname)
    assert (await friend.ask("reserve", {"passphrase": "open sesame"}))["ok"]
    return friend


@way
async def being_a_friend(scene: Scene) -> AsyncIterator[None]:
    await reserved(scene, "carol")
    yield
    for one in await scene.both():
        assert (await one.ask("identify", {"nickname": "carol", "passphrase": "open sesame"}))["ok"]
        await scene.refused("join", one)
    await scene.refused("join", *await scene.both())


@way
async def being_a_friend_whose_own_ban_is_shorter(scene: Scene) -> AsyncIterator[None]:
    friend = await reserved(scene, "carol")
    await scene.does("ban", person=friend.me["id"], minutes=0.0005, reason="spam")
    yield
    assert (await scene.bob.ask("identify", {"nickname": "carol", "passphrase": "open sesame"}))["ok"]
    await asyncio.sleep(0.04)
    await scene.refused("join")


@way
async def being_himself_in_another_browser(scene: Scene) -> AsyncIterator[None]:
    assert (await scene.bob.ask("reserve", {"passphrase": "open sesame"}))["ok"]
    yield
    for one in await scene.both(token=None, nickname="robert"):
        assert (await one.ask("identify", {"nickname": "bob", "passphrase": "open sesame"}))["ok"]
        await scene.refused("join", one)


@way
async def becoming_himself_within_the_room(scene: Scene) -> AsyncIterator[None]:
    """Another browser, in the room as somebody new, turns out to be his."""
    assert (await scene.bob.ask("reserve", {"passphrase": "open sesame"}))["ok"]
    yield
    for one in await scene.both(token=None, nickname="robert"):
        await one.join(ROOM)
        assert (await one.ask("identify", {"nickname": "bob", "passphrase": "open sesame"}))["ok"]
        assert (await one.hears("removed"))["reason"] == "spam"
        await scene.refused("join", one)
        await scene.refused("history", one)


# --- another browser, where the ban is by address as well ---


@way
async def a_new_browser_at_the_same_address(scene: Scene) -> AsyncIterator[None]:
    scene.ban["address"] = True
    yield
    await scene.refused("join", *await scene.both(token=None, nickname="robert"))


@way
async def a_new_browser_beside_it(scene: Scene) -> AsyncIterator[None]:
    """Of IPv6 one customer has a /64."""
    scene.ban["address"] = True
    yield
    await scene.refused("join", *await scene.both(token=None, nickname="robert", address=NEIGHBOUR))


@way
async def a_new_browser_with_forged_headers(scene: Scene) -> AsyncIterator[None]:
    scene.ban["address"] = True
    yield
    forged = f"{ELSEWHERE}, {BOB}"  # what a client says comes first, what the proxy saw comes last
    await scene.refused("join", *await scene.both(token=None, nickname="robert", address=forged))


@way
async def a_new_browser_when_he_had_gone_before(scene: Scene) -> AsyncIterator[None]:
    """He spoke, left, and is banned by his message: from where he came is known."""
    scene.ban["address"] = True
    for one in scene.his:
        await one.client.disconnect()
    yield
    await scene.refused("join", *await scene.both(token=None, nickname="robert"))


@way
async def a_new_browser_with_an_invite(scene: Scene) -> AsyncIterator[None]:
    scene.ban["address"] = True
    yield
    key = await scene.key("invite")
    await scene.refused("join", *await scene.both(token=None, nickname="robert"), invite=key)


# --- time ---


@way
async def a_kick_before(scene: Scene) -> AsyncIterator[None]:
    await scene.does("kick", person=scene.bob.me["id"], reason="spam")
    for one in scene.his:
        assert (await one.hears("removed"))["error"] == "kicked"
    await scene.refused("join")
    yield
    await scene.refused("join")


@way
async def a_mute_that_is_lifted(scene: Scene) -> AsyncIterator[None]:
    await scene.does("mute", person=scene.bob.me["id"])
    yield
    await scene.does("mute", person=scene.bob.me["id"], minutes=0)
    await scene.refused("join")


@way
async def a_ban_from_before_that_has_ended(scene: Scene) -> AsyncIterator[None]:
    await scene.does("ban", person=scene.bob.me["id"], minutes=0.0002)
    for one in scene.his:
        while not (await one.ask("join", {"room": ROOM}))["ok"]:
            pass
    yield
    await scene.refused("join")


@way
async def a_ban_in_place_of_a_longer_one(scene: Scene) -> AsyncIterator[None]:
    yield
    began = time.monotonic()
    await scene.does("ban", person=scene.bob.me["id"], minutes=5, reason="spam")
    for one in scene.his:
        answer = await one.ask("join", {"room": ROOM})
        passed = time.monotonic() - began
        assert answer["error"] == "banned" and 299 - passed < answer["retry_after"] <= 300


@way
async def the_rules_forgotten(scene: Scene) -> AsyncIterator[None]:
    """A process keeps those of rooms that somebody is in."""
    yield
    await scene.alice.ask("leave", {"room": ROOM})
    scene.server.chat.rules.clear()
    await scene.refused("join")
    await scene.alice.join(ROOM)


@way
async def being_forgotten(scene: Scene) -> AsyncIterator[None]:
    """Guests who said nothing are, after a while; who is banned is not, or the same browser would be somebody new."""
    guest = await scene.bobs(token=None, nickname="guest")
    await scene.does("ban", person=guest.me["id"], reason="spam", address=False)
    await guest.client.disconnect()
    yield
    await scene.server.database.write(_left_long_ago)
    scene.server.chat.guest_days = scene.server.chat.nickname_hold = 1e-9
    await retention.forget_unused(scene.server.chat)
    again = await scene.bobs(token=guest.token, nickname="guest")
    await scene.refused("join", again)


def _left_long_ago(db: Db) -> None:
    db.execute(text("UPDATE people SET left_at = 1, held = 0 WHERE left_at IS NOT NULL"))


@way
async def a_restart(scene: Scene) -> AsyncIterator[None]:
    yield
    await scene.server.stop()
    scene.server = await scene._start(trust_proxies=1)
    scene.alice = await scene.come("alice", token=scene.alice.token)
    await scene.refused("join", *await scene.both())
    await scene.alice.join(ROOM)


# --- the moment ---


@way
async def a_crowd_of_messages_at_the_moment(scene: Scene) -> AsyncIterator[None]:
    """What is acked stands before the ban; nothing comes after its answer."""
    senders = [scene.bob, scene.tab, *await scene.both()]
    for one in senders:
        await one.join(ROOM)
    going = True

    async def talk(one: Talker) -> list[str]:
        acked = []
        while going:
            said = new_id()
            answer = await one.ask("send", {"room": ROOM, "text": said, "id": said})
            if answer["ok"]:
                acked.append(said)
            else:
                assert answer["error"] in OUT
                await asyncio.sleep(0)
        return acked

    talks = [asyncio.create_task(talk(one)) for one in senders]
    await scene.alice.hears_texts(ROOM, 20)
    yield
    for _ in range(20):
        await scene.bob.ask("echo")
    going = False
    acked = {said for talk in talks for said in await talk}
    history = (await scene.alice.ask("history", {"room": ROOM}))["messages"]
    scene.alices = [one["text"] for one in history]
    assert acked == set(scene.alices[2:]), "who was told that it is stored finds it stored"


@way
async def a_join_at_the_moment(scene: Scene) -> AsyncIterator[None]:
    """On its way when the ban falls: before it has read, between that and its answer, after it."""
    tabs = await scene.both()
    for n in range(24):
        await scene.does("ban", person=scene.bob.me["id"], minutes=0)
        joins = [asyncio.create_task(one.ask("join", {"room": ROOM})) for one in tabs]
        for _ in range(n % 12):
            await asyncio.sleep(0)
        await scene.does("ban", person=scene.bob.me["id"], reason="spam", address=n > 12)
        assert {answer.get("error") for answer in await asyncio.gather(*joins)} <= {None, "banned"}
        await scene.refused("history", *tabs)
        seen = (await scene.alice.ask("people", {"room": ROOM}))["people"]
        assert [one["nickname"] for one in seen] == ["alice"]
    for one in scene.his[:2]:
        await one.hears("removed")
    yield
    await scene.refused("join")


# --- plain doors ---


def his_headers(scene: Scene) -> list[dict[str, str]]:
    """How a plain client shows who it is: by its token, or by the browser's cookie."""
    shown = ({"Authorization": f"Bearer {scene.bob.token}"}, {"Cookie": f"{COOKIE}={scene.bob.token}"})
    return [one | {"X-Forwarded-For": BOB} for one in shown]


@way
async def plain_websockets_and_streams(scene: Scene) -> AsyncIterator[None]:
    """Those that were there are closed, new ones are not let in."""
    async with AsyncExitStack() as stack:
        url, his = scene.server.url, his_headers(scene)
        plain = [
            await stack.enter_async_context(PlainTalker(url, ROOM, headers=headers, speaks_json=speaks_json))
            for headers in his
            for speaks_json in (False, True)
        ]
        streams = [await stack.enter_async_context(EventReader(url, ROOM, headers=headers)) for headers in his]
        for one in plain:
            await one.hears(
                lambda told: "has connected" in told if isinstance(told, str) else told["event"] == "joined"
            )
        yield
        for one in plain:
            assert await one.closed() == 4403
        for stream in streams:
            await stream.ended()
        before = [len(one.heard) for one in plain], [len(stream.told) for stream in streams]
        for headers in his:
            for speaks_json in (False, True):
                async with PlainTalker(url, ROOM, "bert", headers=headers, speaks_json=speaks_json, after=0) as again:
                    await again.say('{"verb":"send","payload":{"room":"lobby","text":"!","id":"plain-of-bob"}}')
                    assert await again.closed() == 4403
                    assert "of alice" not in str(again.heard)
            async with EventReader(url, ROOM, headers=headers, after=0) as stream:
                assert stream.status == 404
        await scene.alice.ask("echo")
        assert before == ([len(one.heard) for one in plain], [len(stream.told) for stream in streams])


@way
async def another_room_over_a_plain_websocket(scene: Scene) -> AsyncIterator[None]:
    """From which the first one is joined: the connection lives on, and hears nothing of it."""
    async with PlainTalker(scene.server.url, "den", headers=his_headers(scene)[0], speaks_json=True) as bob:
        assert (await bob.ask("join", room=ROOM))["ok"]
        yield
        await bob.hears_event("removed")
        heard = len(bob.heard)
        for verb, more in (("join", {}), ("send", {"text": "!", "id": "plain-of-bob"}), ("sync", {"after": 0})):
            assert (await bob.ask(verb, room=ROOM, **more))["error"] in OUT
        assert [frame for frame in bob.heard[heard:] if "event" in frame] == []


@way
async def a_new_plain_client_at_the_same_address(scene: Scene) -> AsyncIterator[None]:
    """Somebody new, as every plain client without a token is."""
    scene.ban = {"address": True}
    yield
    for address in (BOB, NEIGHBOUR):
        for speaks_json in (False, True):
            async with PlainTalker(
                scene.server.url, ROOM, "nobody", headers={"X-Forwarded-For": address}, speaks_json=speaks_json
            ) as one:
                assert await one.closed() == 4403


# --- no connection at all ---


@way
async def the_log_of_the_room(scene: Scene) -> AsyncIterator[None]:
    """With his cookie; without one the log of a room that is open to everybody is too."""
    cookie = f"{COOKIE}={scene.bob.token}"
    assert await page(scene, Cookie=cookie) == (200, True)
    yield
    for path in ("", "?seq=1", "/2026-11-01", f"/{datetime.now(UTC):%Y-%m-%d}"):
        assert await page(scene, path, Cookie=cookie) == (404, False)
    assert await page(scene) == (200, True)
    for closed in ({"locked": True}, {"locked": False, "listed": False}):
        await scene.does("settings", **closed)
        assert await page(scene, Cookie=cookie) == await page(scene) == (404, False)
        assert await page(scene, Cookie=f"{COOKIE}={scene.alice.token}") == (200, True)


async def page(scene: Scene, path: str = "", **headers: str) -> tuple[int, bool]:
    """The status of the room's log, and whether what alice said is in it."""
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(f"{scene.server.url}/r/{ROOM}/log{path}", allow_redirects=False) as answer,
    ):
        return answer.status, "of alice" in await answer.text()
