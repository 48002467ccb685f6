"""/metrics: what happened is counted where it happened."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from app.server import Running
from tests.support.talker import Talker


async def read(url: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, in the order of their names."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = text_string_to_metric_families(await answer.text())
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


async def test_people_sockets_words_and_refusals_are_counted(server: Running) -> None:
    async with (
        Talker(server.url, "alice") as alice,
        Talker(server.url, token=alice.token, transport="polling") as again,
        Talker(server.url, "bob") as bob,
    ):
        for one in (alice, again, bob):
            await one.join("lobby")
        await alice.say("lobby", "hello")
        await bob.hears_texts("lobby", 1)
        await bob.ask("send", {"room": "lobby", "text": "x" * 5_000, "id": "message-2"})
        await bob.ask("fly", {})
        seen = await read(server.url)
    assert (seen["parlor_people",], seen["parlor_rooms",]) == (2, 1), "heads are people"
    assert (seen["parlor_sockets", "websocket"], seen["parlor_sockets", "polling"]) == (2, 1)
    assert seen["parlor_messages_total",] == 1
    assert (seen["parlor_verbs_total", "ok", "send"], seen["parlor_verbs_total", "too_long", "send"]) == (1, 1)
    assert seen["parlor_verbs_total", "no_such_verb", "?"] == 1
    assert seen["parlor_deliveries_total",] >= 3
    assert seen["parlor_answer_seconds_count",] == 6
    assert seen["parlor_answer_seconds_bucket", "+Inf"] == 6


async def test_a_name_made_up_by_a_stranger_is_no_label(server: Running) -> None:
    async with Talker(server.url) as one:
        for n in range(20):
            await one.ask(f"verb-{n}", {})
    assert not [name for name in await read(server.url) if "verb-1" in name]


async def test_the_loop_s_lateness_is_measured(server: Running) -> None:
    async def beats() -> float:
        return (await read(server.url))["parlor_loop_late_seconds_count",]

    before, after = await beats(), 0.0

    async def look() -> None:
        nonlocal after
        while after <= before:
            after = await beats()

    await look()
    assert after > before
