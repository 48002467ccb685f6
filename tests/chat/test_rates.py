"""Rate limits: generous to people, finite to floods."""

import pytest

from app.chat.rates import Rates
from app.chat.verbs import perform
from app.model import Refused
from tests.chat.conftest import arrives
from tests.conftest import Start


async def test_a_flood_is_told_when_to_come_back(start_server: Start) -> None:
    chat = (await start_server(rate_limit=5)).chat
    alice = await arrives(chat, "socket of alice", "alice")
    bob = await arrives(chat, "socket of bob", "bob")
    answers = [await perform(chat, alice, "echo", {}) for _ in range(60)]
    assert all(answer["ok"] for answer in answers[:50]), "ten seconds' worth may come at once"
    refused = [answer for answer in answers if not answer["ok"]]
    assert {answer["error"] for answer in refused} == {"too_fast"}
    assert all(0 < answer["retry_after"] < 1 for answer in refused)
    assert (await perform(chat, bob, "echo", {}))["ok"], "one person's flood is not another's"


async def test_the_limit_can_be_switched_off(start_server: Start) -> None:
    chat = (await start_server(rate_limit="off")).chat
    alice = await arrives(chat, "socket of alice", "alice")
    assert all([(await perform(chat, alice, "echo", {}))["ok"] for _ in range(500)])


def test_buckets_of_people_who_are_gone_are_let_go() -> None:
    rates = Rates(1_000_000)
    for n in range(5_000):
        rates.spend(f"person {n}", 1)
    assert rates._buckets and len(rates._buckets._by_name) <= 2_001


def test_what_costs_more_than_a_bucket_holds_takes_all_of_it() -> None:
    rates = Rates(1)
    rates.spend("alice", 20)
    with pytest.raises(Refused) as refusal:
        rates.spend("alice", 20)
    assert 0 < refusal.value.extra["retry_after"] <= 10.1
