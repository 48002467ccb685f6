"""Limits, as a person meets them: a sentence that says why and for how long, and nothing that was typed is lost."""

import pytest
from playwright.async_api import expect

from app.chat import doors
from tests.browser.conftest import Start, Visit
from tests.support.talker import Talker

SCHOOL = {"X-Forwarded-For": "192.0.2.7"}


async def test_where_too_many_new_people_come_from_an_address_the_page_says_why_it_waits(
    start_server: Start, visit: Visit
) -> None:
    server = await start_server(trust_proxies=1, transports=("polling",), address_people=1)
    await doors.arrive(server.chat, "the one before", [], None, address="192.0.2.7")
    alice = await visit(server.url, "alice", extra_http_headers=SCHOOL)
    alice.forgives_network = True  # the library polls once more beside its goodbye, and may come behind it: 400
    await alice.page.goto(f"{server.url}/r/lobby")
    await alice.nickname_box.fill("alice")
    await alice.nickname_box.press("Enter")
    sentence = "Too many new people have come from your address. Try again in 60 min."
    await expect(alice.page.get_by_text(sentence)).to_be_visible()
    await expect(alice.page.get_by_text("in 60 min", exact=True)).to_be_visible()
    server.chat.quotas.people.give_back("192.0.2.7", 1)
    await alice.page.get_by_role("button", name="Retry now").click()
    await alice.is_in("polling")
    await expect(alice.page.get_by_text(sentence)).to_be_hidden()


async def test_a_text_that_is_said_again_and_again_waits_with_a_sentence_and_goes_by_itself(
    start_server: Start, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.chat.floods.REPEATS_S", 3.0)
    server = await start_server(rate_limit=20)
    async with Talker(server.url, "owner") as owner:  # who may say something often
        await owner.join("lobby")
    alice = await visit(server.url, "alice")
    await alice.enters("lobby")
    for _ in range(4):
        await alice.types("the same")
    await expect(alice.log.get_by_text("You have said the same several times.")).to_be_visible()
    await alice.reads(["the same"] * 4)
    assert server.chat.counts.refusals["repeats"] > 0
