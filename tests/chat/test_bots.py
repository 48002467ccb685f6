"""Bots: programs that the owners of a room let in."""

import asyncio
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as Refusal

from app.model import BOT
from tests.conftest import Start
from tests.support.http import Asker
from tests.support.talker import Talker, new_id, until


async def bot_of(owner: Talker, room: str = "lobby", nickname: str = "build") -> dict[str, Any]:
    answer = await owner.ask("bot", {"room": room, "nickname": nickname})
    assert answer["ok"], answer
    made: dict[str, Any] = answer["bot"]
    return made


async def test_an_owner_gives_a_bot_its_token_and_it_speaks_by_every_door(start_server: Start) -> None:
    url = (await start_server()).url
    async with Talker(url, "owner") as owner, Talker(url, "member") as member:
        await owner.join("lobby")
        await member.join("lobby")
        made = await bot_of(owner)
        assert made["id"].startswith(BOT) and made["nickname"] == "build"
        async with Asker(url, made["token"]) as script, Talker(url, token=made["token"]) as socket:
            said = (await script.ask("send", {"room": "lobby", "text": "green"}))["message"]
            assert (said["author"], said["nickname"], said["bot"]) == (made["id"], "build", True)
            assert (await socket.join("lobby"))["room"]["role"] == "bot"
            here = (await member.ask("people", {"room": "lobby"}))["people"]
            assert {one["nickname"]: one.get("role") for one in here} == {
                "build": "bot",
                "member": None,
                "owner": "owner",
            }
            await socket.say("lobby", "again")
            assert await member.hears_texts("lobby", 2) == ["green", "again"]
        listed = (await owner.ask("bot", {"room": "lobby"}))["bots"]
        assert [(one["id"], one["nickname"], one["by"]) for one in listed] == [(made["id"], "build", "owner")]
        assert "token" not in listed[0]
        entries = (await owner.ask("audit", {"room": "lobby"}))["entries"]
        assert [(one["what"], one["whom"]) for one in entries] == [("bot", "build")]


async def test_a_bot_is_let_into_its_room_however_it_is_closed_and_into_no_other(start_server: Start) -> None:
    url = (await start_server()).url
    async with Talker(url, "owner") as owner:
        await owner.join("lobby")
        await owner.join("kitchen")
        made = await bot_of(owner)
        await owner.ask("settings", {"room": "lobby", "passphrase": "open sesame", "locked": True, "slow": 100})
        async with Asker(url, made["token"]) as script, Talker(url, token=made["token"]) as socket:
            for text in ("a", "a", "a", "a", "a"):
                await script.ask("send", {"room": "lobby", "text": text})
            assert (await socket.join("lobby"))["ok"]
            for room in ("kitchen", "attic"):
                for verb in ("send", "history", "join"):
                    payload = {"room": room} | ({"text": "x", "id": new_id()} if verb == "send" else {})
                    answers = await script.ask(verb, payload), await socket.ask(verb, payload)
                    assert {one["error"] for one in answers} <= {"not_allowed", "no_such_room", "not_member"}, answers
            for verb, payload in {
                "rename": {"nickname": "other"},
                "join": {"room": "lobby", "nickname": "other"},
                "reserve": {"passphrase": "open sesame"},
                "identify": {"nickname": "owner", "passphrase": "open sesame"},
                "claim": {"room": "kitchen", "key": "a-key-of-some-kind"},
                "invite": {"room": "lobby"},
                "open": {"person": owner.me["id"]},
                "ban": {"room": "lobby", "person": owner.me["id"]},
                "bot": {"room": "lobby"},
            }.items():
                answer = await script.post(verb, payload)
                assert (answer.status, answer.body["error"]) == (403, "not_allowed"), verb
        assert (await owner.ask("open", {"person": made["id"]}))["error"] == "not_allowed"
        assert not (await owner.ask("appoint", {"room": "lobby", "person": made["id"], "role": "moderator"}))["ok"]


async def test_taken_back_it_is_gone_at_once_and_its_name_is_free(start_server: Start) -> None:
    url = (await start_server()).url
    async with Talker(url, "owner") as owner, Talker(url, "member") as member:
        await owner.join("lobby")
        made = await bot_of(owner)
        assert (await member.ask("rename", {"nickname": "Build"}))["error"] == "nickname_taken"
        async with Asker(url, made["token"]) as script, Talker(url, token=made["token"]) as socket:
            await socket.join("lobby")
            await script.ask("send", {"room": "lobby", "text": "last words"})
            assert (await owner.ask("bot", {"room": "lobby", "remove": made["id"]}))["bots"] == []
            await until(lambda: not socket.client.connected)
            for verb in ("send", "history", "rooms"):
                refused = await script.post(verb, {"room": "lobby", "text": "x"})
                assert (refused.status, refused.body["error"]) == (401, "bad_token")
            with pytest.raises(Refusal):
                async with Talker(url, token=made["token"]):
                    pass
        again = await owner.ask("bot", {"room": "lobby", "remove": made["id"]})
        assert again["error"] == "no_such_person"
        assert (await member.ask("rename", {"nickname": "Build"}))["ok"]
        said = (await owner.ask("history", {"room": "lobby"}))["messages"]
        assert [(one["text"], one["nickname"], one["bot"]) for one in said] == [("last words", "build", True)]


async def test_a_banned_bot_is_out(start_server: Start) -> None:
    url = (await start_server()).url
    async with Talker(url, "owner") as owner:
        await owner.join("lobby")
        made = await bot_of(owner)
        async with Asker(url, made["token"]) as script, Talker(url, token=made["token"]) as socket:
            await socket.join("lobby")
            assert (await owner.ask("ban", {"room": "lobby", "person": made["id"], "reason": "too loud"}))["ok"]
            await socket.hears("removed")
            assert (await script.post("send", {"room": "lobby", "text": "x"})).body["error"] == "banned"
            assert (await socket.ask("join", {"room": "lobby"}))["error"] == "banned"
            await owner.ask("ban", {"room": "lobby", "person": made["id"], "minutes": 0})
            await script.ask("send", {"room": "lobby", "text": "back"})


async def test_the_names_of_bots_are_judged_as_those_of_people(start_server: Start) -> None:
    url = (await start_server()).url
    async with Talker(url, "owner") as owner, Talker(url, "member") as member:
        await owner.join("lobby")
        await member.join("lobby")
        for nickname, error in {
            "MEMBER": "nickname_taken",
            "owner": "nickname_taken",
            "\u200b": "bad_nickname",
        }.items():
            answer = await owner.ask("bot", {"room": "lobby", "nickname": nickname})
            assert answer["error"] == error, answer
        both = await owner.ask("bot", {"room": "lobby", "nickname": "x", "remove": "y"})
        assert both["error"] == "bad_payload"
        assert (await owner.ask("bot", {"room": "lobby"}))["bots"] == []
        assert (await member.ask("bot", {"room": "lobby"}))["error"] == "not_allowed"


async def test_bots_count_among_no_newcomers_and_have_a_rate(start_server: Start) -> None:
    server = await start_server(trust_proxies=1, address_people=2, rate_limit=2)
    async with Talker(server.url, "owner", address="198.51.100.7") as owner:
        await owner.join("lobby")
        made = await bot_of(owner)
        async with Asker(server.url, made["token"], **{"X-Forwarded-For": "198.51.100.7"}) as script:
            answers = await asyncio.gather(*(script.post("send", {"room": "lobby", "text": f"{n}"}) for n in range(60)))
            refused = [one for one in answers if one.status != 200]
            assert 20 <= len(answers) - len(refused) < 60
            assert {(one.status, one.body["error"]) for one in refused} == {(429, "too_fast")}
            assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
