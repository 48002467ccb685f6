"""What one address may have, and one person store: enough for a class of pupils, too little for a flood."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from math import ceil
from typing import Any
from uuid import uuid4

import pytest

from app.chat import Chat, access, doors
from app.chat.opening import in_room
from app.chat.quotas import KEPT, Quotas
from app.chat.verbs import VERBS, perform
from app.model import NOT_YET, ROW_BYTES, Connection, Person, Refused
from app.store import queries
from tests.conftest import Start
from tests.support.talker import until

SCHOOL, ELSEWHERE = "198.51.100.7", "198.51.100.8"
LONG = "x" * 4_000

Come = Callable[..., Awaitable[Connection]]


@pytest.fixture
def come() -> Come:
    async def come(chat: Chat, name: str, address: str = SCHOOL, room: str = "lobby") -> Connection:
        connection = await doors.arrive(chat, f"socket of {name}", [chat.tokens.new()], name, address=address)
        assert (await perform(chat, connection, "join", {"room": room}))["ok"]
        return connection

    return come


async def say(chat: Chat, who: Connection, text: str, id: str = "", room: str = "lobby") -> dict[str, Any]:
    return await perform(chat, who, "send", {"room": room, "text": text, "id": id or uuid4().hex})


def left(quotas: Quotas, who: Connection) -> tuple[int, int]:
    """Bytes that a person and their address may still store."""
    person, address = quotas.person_bytes.buckets, quotas.address_bytes.buckets
    return round(person.now(who.person.id).left if person else -1), round(
        address.now(who.address).left if address else -1
    )


async def test_a_person_stores_so_much_and_is_told_when_to_go_on(start_server: Start, come: Come) -> None:
    """A tenth of an hour's at once: four of the longest messages, of 4,300 bytes."""
    chat = (await start_server(rate_limit=100, person_bytes=190_000)).chat
    alice, bob = await come(chat, "alice"), await come(chat, "bob")
    answers = [await say(chat, alice, f"{n}{LONG[1:]}") for n in range(5)]
    assert [answer["ok"] for answer in answers] == [True] * 4 + [False]
    refused = answers[-1]
    assert (refused["error"], refused["limit"]) == ("too_many", "person_bytes")
    assert 10 < refused["retry_after"] < 100
    assert f"Try again in {ceil(refused['retry_after'] - 0.06)} s." in refused["text"]
    assert (await say(chat, alice, "x"))["ok"], "there is room for a short one"
    assert (await say(chat, bob, LONG))["ok"], "one person's limit is not another's"
    assert chat.counts.refusals["person_bytes"] == 1


async def test_with_the_rate_switched_off_no_person_is_limited(start_server: Start, come: Come) -> None:
    chat = (await start_server(person_bytes=20_000)).chat
    alice = await come(chat, "alice")
    assert all([(await say(chat, alice, LONG))["ok"] for _ in range(10)])


async def test_what_is_not_stored_is_given_back(start_server: Start, come: Come) -> None:
    chat = (await start_server(rate_limit=1_000, person_bytes=20_000, address_bytes=200_000)).chat
    alice = await come(chat, "alice")
    before = left(chat.quotas, alice)
    assert (await say(chat, alice, "hello", "message-1"))["ok"]
    after_one = left(chat.quotas, alice)
    assert [b - a for b, a in zip(before, after_one, strict=True)] == pytest.approx([ROW_BYTES + 5] * 2, abs=50)
    for _ in range(50):
        assert (await say(chat, alice, "hello", "message-1"))["ok"], "sent again, stored once"
        assert (await say(chat, alice, "another", "message-1"))["error"] == "id_reused"
        seq = {"room": "lobby", "seq": 1}
        assert (await perform(chat, alice, "edit", seq | {"text": "hello"}))["ok"]
        assert (await perform(chat, alice, "edit", {"room": "lobby", "seq": 99, "text": "hello"}))["error"]
        assert not (await perform(chat, alice, "topic", {"room": "lobby", "topic": "x" * 201}))["ok"]
    assert min(b - a for b, a in zip(left(chat.quotas, alice), after_one, strict=True)) >= 0


@pytest.mark.parametrize(
    ("verb", "payload", "size"),
    [
        ("send", {"text": "\u00e4" * 500, "id": "message-2"}, 1_000 + ROW_BYTES),
        ("edit", {"seq": 1, "text": "\u00e4" * 500}, 1_000),
        ("topic", {"topic": "\u00e4" * 200}, 400),
        ("react", {"seq": 1, "emoji": "👍", "on": True}, ROW_BYTES),
    ],
    ids=["send", "edit", "topic", "react"],
)
async def test_every_verb_that_stores_text_counts(
    start_server: Start, come: Come, verb: str, payload: dict[str, Any], size: int
) -> None:
    chat = (await start_server(rate_limit=1_000, person_bytes=20_000, address_bytes=200_000)).chat
    alice = await come(chat, "alice")
    assert (await say(chat, alice, "hello"))["ok"]
    before = left(chat.quotas, alice)
    assert (await perform(chat, alice, verb, {"room": "lobby"} | payload))["ok"]
    assert [b - a for b, a in zip(before, left(chat.quotas, alice), strict=True)] == pytest.approx([size] * 2, abs=50)


async def test_what_an_owner_does_without_end_is_limited_as_well(start_server: Start, come: Come) -> None:
    """Each kick is a row of the audit: in a room of one's own one could write as much as one likes."""
    chat = (await start_server(rate_limit=1_000, person_bytes=30_000)).chat
    alice, bob = await come(chat, "alice", room="den"), await come(chat, "bob", room="den")
    mute = {"room": "den", "person": bob.person.id, "minutes": 5, "reason": "x" * 150}
    answers = [await perform(chat, alice, "mute", mute) for _ in range(8)]
    assert [answer["ok"] for answer in answers] == [True] * 6 + [False] * 2
    assert answers[-1]["limit"] == "person_bytes"
    for _ in range(20):
        assert (await perform(chat, bob, "mute", mute))["error"] == "not_allowed", "nothing is stored, nothing counted"
    assert (await perform(chat, bob, "report", {"room": "den", "seq": 99}))["error"] == "no_such_message"


def test_every_verb_that_writes_a_row_counts() -> None:
    """The others only read, are counted where they write, or change what is there."""
    counted_themselves = {"send", "edit", "react", "topic", "join", "open", "push"}
    changing = {"delete", "rename", "reserve", "identify", "notify", "card"}
    reading = {"leave", "reacted", "typing", "sync", "history", "people", "rooms", "sanctions", "audit", "echo"}
    reading |= {"search", "seen", "mentions", "person", "hooks", "away", "preview"}
    storing = {name for name, verb in VERBS.items() if verb.adds_row}
    assert storing.isdisjoint(counted_themselves | changing | reading)
    assert storing | counted_themselves | changing | reading >= VERBS.keys()


async def test_a_flood_from_an_address_does_not_silence_those_who_were_there_before(
    start_server: Start, come: Come
) -> None:
    """New people at the address of alice and bob write what they can. Most of it is kept for the two, who write little;
    elsewhere nobody notices."""
    chat = (await start_server(rate_limit=1_000)).chat
    alice, bob, carol = await come(chat, "alice"), await come(chat, "bob"), await come(chat, "carol", ELSEWHERE)
    refused = 0
    for n in range(30):
        hostile = await come(chat, f"hostile {n}", room="flood")
        refused += sum([not (await say(chat, hostile, LONG, room="flood"))["ok"] for _ in range(3)])
    assert refused > 10
    assert chat.counts.refusals["address_bytes"] == refused
    for n in range(10):
        for who in (alice, bob, carol):
            assert (await say(chat, who, f"short one {n}"))["ok"]
    assert (await say(chat, alice, LONG)).get("limit") == "address_bytes", "who was there writes little meanwhile"
    answers = [await say(chat, alice, f"{n} {LONG[:600]}") for n in range(60)]
    assert answers[-1].get("limit") == "address_bytes", "and not without end"
    assert (await say(chat, bob, "a short one"))["ok"]
    assert left(chat.quotas, bob)[1] > 0


async def test_a_class_of_60_that_comes_at_once_and_reloads_and_types_reaches_no_limit(
    start_server: Start, come: Come
) -> None:
    """With the limits as they are by default; three visits and ten messages of each within a moment."""
    chat = (await start_server(rate_limit=20)).chat
    tokens = [chat.tokens.new() for _ in range(60)]
    pupils: list[Connection] = []
    for visit in range(3):
        for n, token in enumerate(tokens):
            assert chat.quotas.handshakes.wait(SCHOOL) == 0
            connection = await doors.arrive(chat, f"{visit} {n}", [token], f"pupil {n}", address=SCHOOL)
            assert (await perform(chat, connection, "join", {"room": f"room-{n}"}))["ok"]
            pupils.append(connection)
    for n in range(10):
        for pupil in pupils[-60:]:
            room = f"room-{pupil.id.split()[1]}"
            payload = {"room": room, "text": f"{n}: {'what pupils say ' * 5}", "id": uuid4().hex}
            answer = await perform(chat, pupil, "send", payload)
            assert answer["ok"], answer
    assert not chat.counts.refusals


async def test_new_rooms_of_an_address_are_counted_and_old_ones_are_open(
    start_server: Start, come: Come, caplog: pytest.LogCaptureFixture
) -> None:
    chat = (await start_server(address_rooms=4)).chat
    alice = await come(chat, "alice", room="room-0")
    made = [await perform(chat, alice, "join", {"room": f"room-{n}"}) for n in range(1, 6)]
    assert [answer["ok"] for answer in made] == [True] * 3 + [False] * 2
    assert (made[-1]["error"], made[-1]["limit"]) == ("too_many", "new_rooms")
    assert 800 < made[-1]["retry_after"] <= 901
    assert "Try again in 15 min." in made[-1]["text"]
    assert [one.message for one in caplog.records if "limit" in one.message] == [
        "a limit was reached: new_rooms (PARLOR_ADDRESS_ROOMS)"
    ], "operators are told once a minute"
    with pytest.raises(Refused):
        await chat.store.read(queries.room, "room-5")
    assert (await perform(chat, alice, "join", {"room": "room-2"}))["ok"], "a room that there is"
    assert (await perform(chat, await come(chat, "bob", ELSEWHERE, "room-9"), "join", {"room": "room-8"}))["ok"]
    assert (await perform(chat, alice, "send", {"room": "room-5", "text": "x", "id": "message-1"}))[
        "error"
    ] == "not_member"


async def test_whose_address_has_made_too_many_rooms_keeps_nobody_else_from_making_it(
    start_server: Start, come: Come
) -> None:
    chat = (await start_server()).chat
    bob = await come(chat, "bob", ELSEWHERE)
    opening: Any = asyncio.get_running_loop().create_future()
    chat.opening["den"] = opening  # somebody else makes it at this moment
    joining = asyncio.create_task(perform(chat, bob, "join", {"room": "den"}))
    await until(lambda: opening._callbacks)  # bob waits for them
    del chat.opening["den"]
    opening.set_exception(chat.quotas.rooms.refusal(10))
    assert (await joining)["ok"]


async def test_many_who_need_a_new_room_at_once_make_one(start_server: Start) -> None:
    lessons = [f"lesson-{n}" for n in range(10)]
    chat = (await start_server(address_rooms=len(lessons), address_people="off")).chat

    async def comes_and_joins(name: str, lesson: str) -> dict[str, Any]:
        who = await doors.arrive(chat, name, [chat.tokens.new()], name, address=SCHOOL)
        return await perform(chat, who, "join", {"room": lesson})

    for lesson in lessons:
        answers = await asyncio.gather(*(comes_and_joins(f"pupil {n} of {lesson}", lesson) for n in range(60)))
        assert [answer for answer in answers if not answer["ok"]] == []


async def test_what_has_ended_is_nothing_to_wait_for(start_server: Start, come: Come) -> None:
    """Whoever found it done would ask again at once, and again, without ever letting others go on."""
    chat = (await start_server()).chat
    alice = await come(chat, "alice")

    async def ends(waited_for: dict[str, asyncio.Future[Any]], asking: Coroutine[Any, Any, Any]) -> None:
        asked = asyncio.ensure_future(asking)
        while "den" not in waited_for:
            await asyncio.sleep(0)
        one = waited_for["den"]
        while not one.done():
            await asyncio.sleep(0)
        assert "den" not in waited_for
        await asyncio.wait([asked])
        assert not asked.exception()

    await ends(chat.opening, in_room(chat, alice, "den", partial(chat.store.read, queries.room, "den")))
    await ends(chat.looks, access.known(chat, "den"))


async def test_who_hears_too_late_that_there_was_no_room_is_not_charged_for_it(start_server: Start, come: Come) -> None:
    chat = (await start_server(address_rooms=2)).chat
    alice, bob = await come(chat, "alice"), await come(chat, "bob")  # who make the room they come into
    answers = iter((Refused("no_such_room", ""), "joined"))

    async def ask() -> str:
        if isinstance(answer := next(answers), str):
            return answer
        assert (await perform(chat, bob, "join", {"room": "lesson"}))["ok"]  # meanwhile
        raise answer

    assert await in_room(chat, alice, "lesson", ask) == "joined"


async def test_an_address_that_nobody_knows_for_certain_has_no_limit(start_server: Start, come: Come) -> None:
    chat = (await start_server(address_people=1, address_rooms=1, address_bytes=20_000)).chat
    for n in range(5):
        alice = await come(chat, f"alice {n}", "", f"room-{n}")
    for _ in range(10):
        answer = await perform(chat, alice, "send", {"room": "room-4", "text": LONG, "id": uuid4().hex})
        assert answer["ok"], answer


async def test_every_limit_by_address_can_be_switched_off(start_server: Start, come: Come) -> None:
    off = dict.fromkeys(
        ("address_handshakes", "address_people", "address_rooms", "address_bytes", "address_files"), "off"
    )
    chat = (await start_server(**off)).chat
    alice = await come(chat, "alice")
    for n in range(300):
        assert (await perform(chat, alice, "join", {"room": f"room-{n % 200}"})).get("limit") is None
    assert [quota.buckets for quota in chat.quotas.all] == [None] * 7


def known(since: int) -> Connection:
    """Of somebody who was stored first at that moment, whatever their id says."""
    return Connection(uuid4().hex, Person(uuid4().hex, "somebody"), known_since=since)


def test_most_of_what_is_scarce_is_for_those_who_came_before() -> None:
    """Each has a share of it; and whoever comes later, under however many names, has none."""
    quota = Quotas(address_bytes=100_000).address_bytes  # 10,000 at once, 333 of them a share
    old, older, late = (known(since) for since in (1_000, queries.now() - 60_000, NOT_YET))
    set_back, recent = known(queries.now() + 2 * 86_400_000), known(queries.now() + 60_000)
    while not quota.wait("here", 100, late):
        pass
    assert quota.buckets
    assert quota.buckets.now("here").left == pytest.approx(10_000 * KEPT, abs=150)
    for one in (old, older, set_back):
        assert [quota.wait("here", 100, one) > 0 for _ in range(4)] == [False] * 3 + [True], one
    assert quota.wait("here", 100, recent) > 0
    assert quota.wait("elsewhere", 100, late) == 0
