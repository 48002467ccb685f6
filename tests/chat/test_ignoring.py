"""Whom somebody ignores: the same on all of their devices, and nobody else's business."""

from app.chat import Chat, doors
from app.chat.doors import Ending
from app.model import LIMITS, Connection
from app.store import queries
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start
from tests.support.talker import Talker

PHRASE = "correct horse battery"


async def test_who_is_ignored_is_told_to_ones_other_tabs_and_to_nobody_else(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        async with Talker(server.url, token=alice.token) as tab:
            answer = await alice.ask("ignore", {"person": bob.me["id"], "on": True})
            assert answer == {"ok": True, "ignored": [bob.me["id"]]}
            assert await tab.hears("ignored") == {"ignored": [bob.me["id"]]}
            answer = await tab.ask("ignore", {"person": bob.me["id"], "on": False})
            assert answer == {"ok": True, "ignored": []}
            assert await alice.hears("ignored") == {"ignored": []}
        assert "ignored" not in [event for event, _ in bob.heard]


async def test_a_connection_knows_from_the_start_who_is_ignored(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        assert alice.welcome["ignored"] == []
        await alice.ask("ignore", {"person": bob.me["id"], "on": True})
        async with Talker(server.url, token=alice.token) as tab:
            assert tab.welcome["ignored"] == [bob.me["id"]]
        async with Talker(server.url, token=bob.token) as tab:
            assert tab.welcome["ignored"] == []


async def test_on_another_device_of_a_reserved_name_the_same_are_ignored(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.ask("reserve", {"passphrase": PHRASE})
        await alice.ask("ignore", {"person": bob.me["id"], "on": True})
        async with Talker(server.url, "guest") as phone:
            await phone.ask("identify", {"nickname": "alice", "passphrase": PHRASE})
            assert await phone.hears("ignored") == {"ignored": [bob.me["id"]]}
            await phone.ask("ignore", {"person": bob.me["id"], "on": False})
            assert (await alice.hears("ignored", lambda event: not event["ignored"])) == {"ignored": []}


async def test_ignoring_twice_is_ignoring_once_and_the_first_one_stays_first(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    carol = await arrives(chat, "socket of carol", "carol")
    both = [bob.person.id, carol.person.id]
    for other in (bob, carol, bob):
        answer = await ask(alice, "ignore", person=other.person.id, on=True)
    assert answer == {"ok": True, "ignored": both}
    assert (await ask(alice, "ignore", person=bob.person.id, on=False))["ignored"] == both[1:]
    assert (await ask(alice, "ignore", person=bob.person.id, on=False))["ignored"] == both[1:]
    assert (await ask(bob, "ignore", person=carol.person.id, on=True))["ignored"] == both[1:]


async def test_nobody_ignores_themselves_nor_somebody_who_does_not_exist(ask: Ask, alice: Connection) -> None:
    assert (await ask(alice, "ignore", person=alice.person.id, on=True))["error"] == "not_allowed"
    assert (await ask(alice, "ignore", person="nobody", on=True))["error"] == "no_such_person"
    assert (await ask(alice, "ignore", person="nobody", on=False)) == {"ok": True, "ignored": []}
    for wrong in ("", "x" * 33, "a b", "<b>", "a\n", "\ud800"):
        assert (await ask(alice, "ignore", person=wrong, on=True))["error"] == "bad_payload"
    assert (await ask(alice, "ignore", person="nobody", on="yes"))["error"] == "bad_payload"


async def test_one_ignores_so_many_and_no_more(chat: Chat, ask: Ask, alice: Connection, bob: Connection) -> None:
    chat.limits = type(LIMITS)(ignored=1)
    carol = await arrives(chat, "socket of carol", "carol")
    await ask(alice, "ignore", person=bob.person.id, on=True)
    answer = await ask(alice, "ignore", person=carol.person.id, on=True)
    assert answer["error"] == "too_many"
    assert (await ask(alice, "ignore", person=bob.person.id, on=True))["ok"], "who is ignored already stays so"


async def test_a_guest_who_is_forgotten_is_ignored_by_nobody(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    await ask(alice, "ignore", person=bob.person.id, on=True)
    await ask(bob, "ignore", person=alice.person.id, on=True)
    await doors.depart(chat, bob, Ending.DELIBERATE)
    later = queries.now() + 1
    assert await chat.store.write(queries.forget_guests, [bob.person.id], later) == 1
    assert await chat.store.read(queries.ignored_by, alice.person.id) == []
    assert await chat.store.read(queries.ignored_by, bob.person.id) == []
