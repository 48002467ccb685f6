"""/metrics: what happened is counted where it happened."""

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.config import BadSetting, load
from app.server import Running
from tests.conftest import Start
from tests.support.raw import Line, head
from tests.support.talker import Talker

TOKEN = "a token of the operator's"


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


async def test_refusals_are_counted_by_the_limit_that_was_reached(start_server: Start) -> None:
    server = await start_server(rate_limit=100)
    async with Talker(server.url, "owner") as owner, Talker(server.url, "alice") as alice:
        await owner.join("lobby")  # and may say something often
        await alice.join("lobby")
        for n in range(5):
            await alice.ask("send", {"room": "lobby", "text": "the same", "id": f"message-{n}"})
    assert (await read(server.url))["parlor_refusals_total", "repeats"] == 2


async def asks(server: Running, *, version: str = "1.1", **headers: str) -> tuple[int, str]:
    """The status of /metrics, and the first words of the answer."""
    request = head("GET", "/metrics", headers)
    async with await Line.to(server.url) as line:
        await line.write(request.replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
        top, _, rest = (await line.reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        body = await line.reader.read(100)
        return int(top.split()[1]), rest.decode() + body.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-Proto": "https"},
        {"X-Real-IP": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"version": "1.0"},
        {"Authorization": f"Bearer {TOKEN}"},
    ],
    ids=["visitor", "scheme", "real", "forwarded", "via", "nginx", "no-token-is-set"],
)
async def test_what_a_proxy_brings_from_elsewhere_reads_no_numbers(
    start_server: Start, headers: dict[str, str]
) -> None:
    server = await start_server()
    if "Authorization" in headers:
        headers = headers | {"Via": "1.1 proxy"}
    status, text = await asks(server, **headers)
    assert (status, "PARLOR_METRICS_TOKEN" in text, "parlor_people" in text) == (403, True, False)
    assert (await asks(server))[0] == 200


async def test_the_token_opens_the_numbers_from_anywhere(start_server: Start) -> None:
    server = await start_server(metrics_token=TOKEN)
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    for wrong in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
    ):
        status, text = await asks(server, **elsewhere, **wrong)
        assert (status, 'WWW-Authenticate: Bearer realm="metrics"' in text) == (401, True)
    assert (await asks(server, **elsewhere, Authorization=f"Bearer {TOKEN}"))[0] == 200
    assert (await asks(server, **elsewhere, Authorization=f"bearer  {TOKEN}"))[0] == 200
    assert (await asks(server))[0] == 200, "this machine needs none"


async def test_the_operator_can_open_the_numbers_to_everybody(start_server: Start) -> None:
    server = await start_server(metrics_open=True, base_path="/chat")
    assert (await asks(server, Via="1.1 proxy", Host="chat.example.org"))[0] == 200


def test_a_token_that_can_be_guessed_stops_the_start() -> None:
    with pytest.raises(BadSetting, match="PARLOR_METRICS_TOKEN is too short to be safe from guessing"):
        load({}, {"PARLOR_METRICS_TOKEN": "short"})
