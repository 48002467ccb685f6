"""Guesses at passphrases: slower and slower for whoever guesses, and not for their owner."""

from typing import Any

import pytest

from app.chat import Chat
from app.chat.guesses import CAP, CAP_REGAIN_S, FREE, MAX_PAUSE_S, Guesses, pause
from app.chat.verbs import perform
from app.model import Connection, Person, Refused
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start

PHRASE = "correct horse battery"
WRONG = "a wrong guess"
THERE, HOME, ELSEWHERE = "203.0.113.5", "198.51.100.8", "192.0.2.1"


def at(address: str, token: str = "") -> Connection:
    return Connection("socket", Person("id", "nickname"), token, address=address)


async def waits(guesses: Guesses, connection: Connection, what: str = "passphrase of a", **more: Any) -> float:
    """Makes a guess; the seconds that it has to wait instead."""
    try:
        await guesses.spend(what, connection, **more)
    except Refused as refusal:
        assert (refusal.code, refusal.extra["limit"]) == ("too_fast", "guesses")
        return float(refusal.extra["retry_after"])
    return 0


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("app.chat.guesses.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_each_pause_is_twice_the_one_before_up_to_the_longest() -> None:
    pauses = [pause(count) for count in range(FREE + 40)]
    assert pauses[:FREE] == FREE * [0]
    assert pauses[FREE : FREE + 3] == [2, 4, 8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == MAX_PAUSE_S


async def test_whoever_guesses_waits_longer_each_time_and_others_do_not(clock: Clock) -> None:
    guesses = Guesses()
    assert [await waits(guesses, at(THERE)) for _ in range(FREE)] == FREE * [0]
    told = []
    for _ in range(4):
        told.append(await waits(guesses, at(THERE)))
        assert await waits(guesses, at(THERE)) == told[-1], "asking in the pause does not lengthen it"
        clock.now += told[-1]
        assert await waits(guesses, at(THERE)) == 0
    assert told == sorted(set(told)), "growing"
    assert await waits(guesses, at(HOME)) == 0
    assert await waits(guesses, at(THERE), "passphrase of b") == 0, "of each owner for itself"


async def test_many_networks_together_meet_the_cap_and_a_device_that_knows_does_not(clock: Clock) -> None:
    guesses = Guesses()
    assert [await waits(guesses, at(f"network {n}")) for n in range(CAP)] == CAP * [0]
    wait = await waits(guesses, at("one more"))
    assert 0 < wait <= CAP_REGAIN_S + 1
    assert await waits(guesses, at("one more", "device"), knows=True) == 0
    clock.now += wait
    assert await waits(guesses, at("one more")) == 0


async def test_a_device_that_knows_is_counted_for_itself(clock: Clock) -> None:
    guesses = Guesses()
    stolen = at(THERE, "stolen")
    assert [await waits(guesses, stolen, knows=True) for _ in range(FREE)] == FREE * [0]
    assert await waits(guesses, stolen, knows=True) > 0
    assert await waits(guesses, at(THERE, "another"), knows=True) == 0


async def test_whoever_was_right_begins_anew(clock: Clock) -> None:
    guesses = Guesses()
    for _ in range(FREE):
        await guesses.spend("passphrase of a", at(HOME))
    await guesses.passed("passphrase of a", at(HOME))
    assert [await waits(guesses, at(HOME)) for _ in range(FREE)] == FREE * [0]


async def test_old_guesses_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.chat.guesses.MIN_PAIRS", 10)
    guesses = Guesses()
    guesses._prune_at = 10
    for n in range(10):
        await guesses.spend(f"passphrase of {n}", at(HOME))
    clock.now += 100_000
    await guesses.spend("passphrase of another", at(HOME))
    assert len(guesses._tries) == 2


async def test_guessing_does_not_lock_the_owner_out(start_server: Start) -> None:
    chat = (await start_server(rate_limit=20)).chat
    ask: Ask = _asks(chat)
    alice = await arrives(chat, "socket of alice", "alice", address=HOME)
    await ask(alice, "reserve", passphrase=PHRASE)
    errors = []
    for n in range(FREE + 3):
        guesser = await arrives(chat, f"guesser {n}", address=THERE)
        errors.append((await ask(guesser, "identify", nickname="alice", passphrase=WRONG))["error"])
    assert errors == FREE * ["not_allowed"] + 3 * ["too_fast"]
    phone = await arrives(chat, "phone", address=ELSEWHERE)
    assert (await ask(phone, "identify", nickname="alice", passphrase=PHRASE))["ok"]


async def test_a_device_that_was_the_owner_s_before_passes_by_all_guesses(start_server: Start) -> None:
    """At the network of those who guess, and though it has been somebody else's since."""
    chat = (await start_server(rate_limit=20)).chat
    ask: Ask = _asks(chat)
    for name in ("alice", "bob"):
        await ask(await arrives(chat, f"socket of {name}", name), "reserve", passphrase=f"{PHRASE} of {name}")
    shared = await arrives(chat, "shared device", address=THERE)
    for name in ("alice", "bob"):
        answer = await ask(shared, "identify", nickname=name, passphrase=f"{PHRASE} of {name}")
        shared = await arrives(chat, f"shared device as {name}", token=answer["token"], address=THERE)
    for n in range(FREE + 1):
        guesser = await arrives(chat, f"guesser {n}", address=THERE)
        await ask(guesser, "identify", nickname="alice", passphrase=WRONG)
    stranger = await arrives(chat, "stranger", address=THERE)
    refused = await ask(stranger, "identify", nickname="alice", passphrase=f"{PHRASE} of alice")
    assert (refused["error"], refused["limit"]) == ("too_fast", "guesses")
    assert (await ask(shared, "identify", nickname="alice", passphrase=f"{PHRASE} of alice"))["ok"]


def _asks(chat: Chat) -> Ask:
    async def ask(person: Connection, verb: str, **payload: Any) -> dict[str, Any]:
        return await perform(chat, person, verb, payload)

    return ask
