"""What is counted over all processes: guesses at passphrases; by address new people, rooms, connections, bytes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.chat import Chat, doors, people
from app.chat.guesses import CAP, CAP_REGAIN_S, FIRST_PAUSE_S, FREE
from app.chat.rates import Rates
from app.chat.verbs import perform
from app.live.redis.buckets import RedisBuckets
from app.live.redis.connection import RedisConnection
from app.model import ROW_BYTES, Refused
from tests.chat.conftest import arrives
from tests.conftest import Start
from tests.support.redis import RedisServer
from tests.support.talker import until

PHRASE = "correct horse battery"
ADDRESS = "198.51.100.7"


@pytest.fixture
async def two(redis: RedisServer) -> AsyncIterator[list[Rates]]:
    """Of two processes, with buckets of ten seconds' worth at two points a second."""
    connections = [RedisConnection(redis.url, name, "epoch") for name in ("process1", "process2")]
    rates = [Rates(2) for _ in connections]
    for one, connection in zip(rates, connections, strict=True):
        await connection.start()
        one.shared = RedisBuckets(connection)
    yield rates
    for connection in connections:
        await connection.close()


async def refusal(rates: Rates, cost: float = 12) -> float:
    """The seconds after which it would pass; 0 where it did."""
    try:
        await rates.spend_everywhere("what is tried", cost)
    except Refused as refused:
        assert refused.code == "too_fast"
        return float(refused.extra["retry_after"])
    return 0.0


async def test_what_is_spent_at_one_process_is_spent_at_the_other(two: list[Rates]) -> None:
    one, other = two
    assert await refusal(one) == 0
    assert 0 < await refusal(other) <= 2.1, "4 points are missing"


async def test_of_many_at_once_as_many_pass_as_there_are_points(two: list[Rates]) -> None:
    waits = await asyncio.gather(*(refusal(rates, 1) for rates in two for _ in range(20)))
    assert waits.count(0) in (20, 21), "one may be regained meanwhile"


async def test_a_bucket_is_gone_once_it_is_full_again(two: list[Rates], redis: RedisServer) -> None:
    await refusal(two[0], 4)
    (key,) = await redis.call("KEYS", "*rate:*")
    assert 0 < await redis.call("PTTL", key) <= 2_001
    assert "what" not in key, "names may hold addresses"


@pytest.mark.parametrize("how", ["killed", "suspended"])
async def test_without_an_answer_each_process_counts_by_itself_and_nobody_waits_long(
    two: list[Rates], redis: RedisServer, how: str
) -> None:
    if how == "killed":
        await redis.kill()
    else:
        redis.suspend()
    async with asyncio.timeout(5):
        assert [await refusal(rates) for rates in two] == [0, 0]
        assert await refusal(two[0]) > 0
    redis.resume() if how == "suspended" else None


async def test_guesses_at_a_passphrase_are_counted_over_all_processes(start_server: Start, redis: RedisServer) -> None:
    both = [(await start_server(redis_url=redis.url, rate_limit=20)).chat for _ in range(2)]
    alice = await arrives(both[0], "socket of alice", "alice", address="198.51.100.8")
    await people.reserve(both[0], alice, passphrase=PHRASE)
    errors = []
    for n in range(FREE + 2):
        guesser = await arrives(both[n % 2], f"guesser {n}", address=ADDRESS)
        with pytest.raises(Refused) as refused:
            await people.identify(both[n % 2], guesser, nickname="alice", passphrase="a wrong guess")
        errors.append(refused.value.code)
    assert errors == FREE * ["not_allowed"] + 2 * ["too_fast"]
    elsewhere = await arrives(both[1], "socket of alice elsewhere", address="198.51.100.8")
    assert (await people.identify(both[1], elsewhere, nickname="alice", passphrase=PHRASE))["me"]["nickname"] == "alice"


async def test_guesses_at_a_room_are_counted_over_all_processes_and_only_the_wrong_ones(
    start_server: Start, redis: RedisServer, tmp_path: Path
) -> None:
    data = tmp_path / "both"
    both = [(await start_server(data=data, redis_url=redis.url, rate_limit=20)).chat for _ in range(2)]
    alice = await arrives(both[0], "socket of alice", "alice", address="198.51.100.8")
    await perform(both[0], alice, "join", {"room": "den"})
    await perform(both[0], alice, "settings", {"room": "den", "passphrase": PHRASE})
    answers = []
    for n in range(2 * FREE + 2):
        visitor = await arrives(both[n % 2], f"visitor {n}", address=ADDRESS)
        said = PHRASE if n < FREE else "a wrong guess"
        answers.append(await perform(both[n % 2], visitor, "join", {"room": "den", "passphrase": said}))
    assert [one.get("error") for one in answers] == FREE * [None] + FREE * ["wrong_passphrase"] + 2 * ["too_fast"]
    other = await arrives(both[1], "somewhere else", address="198.51.100.9")
    assert (await perform(both[1], other, "join", {"room": "den", "passphrase": PHRASE}))["ok"]


async def test_the_shared_count_of_guesses_pauses_caps_and_forgets(start_server: Start, redis: RedisServer) -> None:
    server = await start_server(redis_url=redis.url)
    shared = server.chat.guesses.shared
    assert shared
    assert [await shared.spend("a", False, counts=False) for _ in range(FREE + 1)] == (FREE + 1) * [0]
    assert [await shared.spend("a", False) for _ in range(FREE)] == FREE * [0]
    assert 0 < (await shared.spend("a", False, counts=False) or 0) <= FIRST_PAUSE_S
    assert 0 < (await shared.spend("a", False) or 0) <= FIRST_PAUSE_S
    await shared.forget("a")
    assert await shared.spend("a", False) == 0
    assert [await shared.spend("b", True) for _ in range(CAP)] == CAP * [0]
    assert 0 < (await shared.spend("b", True) or 0) <= CAP_REGAIN_S


async def test_new_people_of_an_address_are_counted_over_all_processes(start_server: Start, redis: RedisServer) -> None:
    """Five may come; whoever is known comes in all the same."""
    chats = [(await start_server(redis_url=redis.url, address_people=5)).chat for _ in range(2)]
    token = chats[0].tokens.new()
    await arrives(chats[0], "socket of alice", "alice", token, address=ADDRESS)
    for n in range(4):
        await doors.arrive(chats[n % 2], f"socket {n}", [], None, address=ADDRESS)
    for chat in chats:
        with pytest.raises(Refused) as refused:
            await doors.arrive(chat, "one more", [], None, address=ADDRESS)
        assert (refused.value.code, refused.value.extra["retry_after"] > 0) == ("too_many", True)
    await doors.arrive(chats[1], "another socket of alice", [token], address=ADDRESS)
    await doors.arrive(chats[1], "somewhere else", [], None, address="198.51.100.8")


async def test_whoever_makes_tokens_up_is_a_new_person_each_time(start_server: Start) -> None:
    chat = (await start_server(address_people=5)).chat
    for n in range(5):
        await doors.arrive(chat, f"socket {n}", [chat.tokens.new()], None, address=ADDRESS)
    with pytest.raises(Refused):
        await doors.arrive(chat, "one more", [chat.tokens.new()], None, address=ADDRESS)


def left(chat: Chat) -> float:
    """What the address may still store, as far as this process knows; whoever spends there is told by the others."""
    buckets = chat.quotas.address_bytes.buckets
    chat.quotas.address_bytes.wait(ADDRESS, 0)
    assert buckets
    return buckets.now(ADDRESS).left


async def test_bytes_of_an_address_are_told_to_other_processes_soon(start_server: Start, redis: RedisServer) -> None:
    """A send does not wait for it. What was given back is told as well."""
    chats = [(await start_server(redis_url=redis.url, address_bytes=2_000_000)).chat for _ in range(2)]
    spent = 0
    for n, chat in enumerate(chats):
        alice = await doors.arrive(chat, "socket of alice", [], None, address=ADDRESS)
        await perform(chat, alice, "join", {"room": "lobby"})
        for m in range(2):
            message = {"room": "lobby", "text": "x" * 4_000, "id": f"message-{n}-{m}"}
            assert (await perform(chat, alice, "send", message))["ok"]
            assert (await perform(chat, alice, "send", message))["ok"], "again, and stored once"
            spent += 4_000 + ROW_BYTES
    await until(lambda: all(left(chat) < 200_000 - spent + 5_000 for chat in chats))
    assert all(left(chat) >= 200_000 - spent for chat in chats)
    assert chats[0].quotas.address_bytes.wait(ADDRESS, 170_000) == 0
    await until(lambda: left(chats[1]) < 50_000)
    carol = await doors.arrive(chats[1], "socket of carol", [], None, address=ADDRESS)
    await perform(chats[1], carol, "join", {"room": "lobby"})
    refused = await perform(chats[1], carol, "send", {"room": "lobby", "text": "x" * 4_000, "id": "message-9"})
    assert refused["limit"] == "address_bytes"


async def test_new_rooms_of_an_address_are_counted_over_all_processes(start_server: Start, redis: RedisServer) -> None:
    chats = [(await start_server(redis_url=redis.url, address_rooms=3)).chat for _ in range(2)]
    answers = []
    for n in range(5):
        chat = chats[n % 2]
        alice = await doors.arrive(chat, f"socket {n}", [], None, address=ADDRESS)
        answers.append(await perform(chat, alice, "join", {"room": f"room-{n}"}))
    assert [answer["ok"] for answer in answers] == [True] * 3 + [False] * 2
    assert answers[-1]["limit"] == "new_rooms"


async def test_handshakes_of_an_address_are_told_to_other_processes_soon(
    start_server: Start, redis: RedisServer
) -> None:
    chats = [(await start_server(redis_url=redis.url, address_handshakes=4)).chat for _ in range(2)]
    one, other = (chat.quotas.handshakes for chat in chats)
    assert [one.wait(ADDRESS) for _ in range(3)] == [0] * 3
    assert other.wait(ADDRESS) == 0, "nobody has told it yet"
    await until(lambda: one.wait(ADDRESS) > 0 and other.wait(ADDRESS) > 0)
