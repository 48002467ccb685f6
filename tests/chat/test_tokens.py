"""Tokens: only what was issued is taken, and identifying brings another one."""

import base64

import pytest

from app.chat import Chat, doors, people
from app.chat.tokens import Tokens, is_token
from app.model import Refused
from app.server import Running
from app.store.tables import tokens as table
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start
from tests.support.talker import Talker, until

PHRASE = "correct horse battery"
FORGED = [
    "t" * 43,
    "t" * 64,
    "A" * 128,
    base64.urlsafe_b64encode(bytes(48)).decode(),
    "",
    "x",
    None,
    7,
    {"token": "t" * 43},
]


@pytest.mark.parametrize("forged", FORGED, ids=range(len(FORGED)))
async def test_a_token_that_was_never_issued_is_not_taken(server: Running, forged: object) -> None:
    async with Talker(server.url, "alice", token=forged) as alice:  # type: ignore[arg-type]
        assert alice.welcome["token"] != forged
        assert is_token(alice.welcome["token"])
        await alice.join("lobby")
        async with Talker(server.url, token=forged) as mallory:  # type: ignore[arg-type]
            assert mallory.me["id"] != alice.me["id"]
        async with Talker(server.url, token=alice.welcome["token"]) as again:
            assert again.me == alice.me


async def test_every_changed_character_makes_a_token_another_one(chat: Chat) -> None:
    token = chat.tokens.new()
    assert chat.tokens.is_signed(token)
    for at in range(len(token)):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert not chat.tokens.is_signed(changed), at


async def test_older_tokens_that_are_stored_stay_good(chat: Chat) -> None:
    alice, unsigned = await arrives(chat, "socket", "alice"), "u" * 43
    digest = people.fingerprint(chat, unsigned)
    await chat.store.write(
        lambda db: db.execute(table.insert().values(fingerprint=digest, person=alice.person.id, created_at=1)) and None
    )
    assert (await doors.arrive(chat, "again", [unsigned])).person == alice.person


async def test_all_processes_of_a_database_take_each_other_s_tokens_through_restarts(start_server: Start) -> None:
    one, other = await start_server(), await start_server()
    token = one.chat.tokens.new()
    assert other.chat.tokens.is_signed(token)
    for server in (one, other):
        await server.stop()
    assert (await start_server()).chat.tokens.is_signed(token)


async def test_with_a_secret_they_are_good_after_the_loss_of_the_database(
    start_server: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = await start_server(secret="a secret of the operator's", data=tmp_path_factory.mktemp("first"))
    async with Talker(first.url, "alice") as alice:
        await alice.join("lobby")
    again = await start_server(secret="a secret of the operator's", data=tmp_path_factory.mktemp("again"))
    async with Talker(again.url, "alice", token=alice.token) as late:
        assert (late.me, "token" in late.welcome) == (alice.me, False)
    other = await start_server(data=tmp_path_factory.mktemp("other"))
    async with Talker(other.url, token=alice.token) as stranger:
        assert stranger.me["id"] != alice.me["id"]


async def test_without_a_key_nobody_comes_in_and_it_is_said_why(chat: Chat) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        Tokens(None, "").new()


# --- identify ---


async def test_a_planted_token_opens_nothing_once_its_victim_has_identified(server: Running) -> None:
    """Mallory has put her own token into bob's browser, and is connected with it, too."""
    async with Talker(server.url, "alice") as alice, Talker(server.url, "mallory") as mallory:
        await alice.ask("reserve", {"passphrase": PHRASE})
        await mallory.join("lobby")
        async with Talker(server.url, token=mallory.token) as victim:
            await victim.join("lobby")
            answer = await victim.ask("identify", {"nickname": "alice", "passphrase": PHRASE})
            assert answer["me"]["id"] == alice.me["id"]
            assert (await mallory.say("lobby", "who am I?"))["author"] == mallory.me["id"]
            async with Talker(server.url, token=mallory.token) as again:
                assert again.me["id"] == mallory.me["id"], "nobody is locked out before the new one is confirmed"
            assert (await victim.say("lobby", "it is me"))["author"] == alice.me["id"]
            async with Talker(server.url, token=answer["token"]) as tab:
                assert tab.me["id"] == alice.me["id"]
                await until(lambda: not mallory.client.connected)
                assert (await victim.say("lobby", "still me"))["author"] == alice.me["id"], "who asked stays"
        async with Talker(server.url, token=mallory.token) as late:
            assert late.me["id"] not in (alice.me["id"], mallory.me["id"])
            assert late.welcome["token"] not in (mallory.token, answer["token"])
        async with Talker(server.url, token=answer["token"]) as again:
            assert again.me["id"] == alice.me["id"]


async def test_a_lost_answer_locks_nobody_out(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.ask("reserve", {"passphrase": PHRASE})
        async with Talker(server.url, "phone") as phone:
            await phone.join("lobby")
            await phone.ask("identify", {"nickname": "alice", "passphrase": PHRASE})
        for _ in range(2):
            async with Talker(server.url, token=phone.token) as again:
                assert again.me["id"] == phone.me["id"]
                answer = await again.ask("identify", {"nickname": "alice", "passphrase": PHRASE})
                assert answer["me"]["id"] == alice.me["id"]
        async with Talker(server.url, token=answer["token"]) as there:
            assert there.me["id"] == alice.me["id"]


async def test_whoever_identifies_as_who_they_are_gets_another_token_as_well(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.ask("reserve", {"passphrase": PHRASE})
        answer = await alice.ask("identify", {"nickname": "alice", "passphrase": PHRASE})
        assert answer["token"] != alice.token
        async with Talker(server.url, token=answer["token"]) as again:
            assert again.me["id"] == alice.me["id"]
        async with Talker(server.url, token=alice.token) as thief:
            assert thief.me["id"] != alice.me["id"]


async def test_a_refused_passphrase_changes_no_token(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.ask("reserve", {"passphrase": PHRASE})
        answer = await bob.ask("identify", {"nickname": "alice", "passphrase": "a wrong guess"})
        assert not {"token", "renew"} & answer.keys()
        async with Talker(server.url, token=bob.token) as again:
            assert again.me == bob.me


async def test_somebody_new_who_identifies_leaves_nobody_behind(chat: Chat, ask: Ask) -> None:
    alice = await arrives(chat, "socket of alice", "alice")
    await ask(alice, "reserve", passphrase=PHRASE)
    phone = await doors.arrive(chat, "phone", [chat.tokens.new()], "phone")
    assert (await ask(phone, "identify", nickname="alice", passphrase=PHRASE))["ok"]
    assert phone.person.id == alice.person.id
    assert len(chat.newcomers) == 0
    assert await chat.store.read(lambda db: db.exec_driver_sql("SELECT count(*) FROM people").scalar()) == 1
