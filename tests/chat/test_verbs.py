"""The gate: whatever comes in, an answer goes out, and a bad one says which field and why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.chat import Chat, faults
from app.chat.verbs import VERBS, perform
from app.model import ERRORS, Connection
from app.store import queries
from tests.chat.conftest import Ask
from tests.support.thorough import share

GOOD = {
    "room": "lobby",
    "text": "hello",
    "id": "abcdefgh",
    "after": 0,
    "before": 1,
    "limit": 10,
    "nickname": "alice",
    "topic": "tea",
    "reply_to": 1,
    "follows": "first-message",
    "seq": 1,
    "query": "first",
    "seqs": [1],
    "emoji": "👍",
    "on": True,
    "epoch": "0" * 32,
    "passphrase": "open sesame",
    "invite": "a-key-that-opens-nothing",
    "key": "a-key-that-opens-nothing",
    "listed": True,
    "locked": False,
    "welcome": "hello",
    "slow": 5,
    "keep_days": 30.0,
    "topic_by": "member",
    "person": "bob",
    "role": "moderator",
    "reason": "because",
    "minutes": 5.0,
    "address": False,
    "uses": 3,
    "hours": 2.0,
    "file": "f" * 32,
    "level": "mentions",
    "until": f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M:%S.000Z}",
    "last_seen": True,
    "endpoint": "https://push.example.org/alice",
    "p256dh": "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "url": "https://1.1.1.1/parlor",
}
NULLS = {("reserve", "passphrase"), ("appoint", "role"), ("settings", "passphrase"), ("settings", "keep_days")}
OPTIONAL = {("history", "after"), ("send", "file")}  # which a good payload does without
OPTIONAL |= {("bot", "remove"), ("hook", "remove"), ("mentions", "before")}
OTHERWISE = {"people": {"after": "alice"}, "bot": {"nickname": "robot"}, "hook": {"nickname": "builds"}}  # than by GOOD
WRONG: list[Any] = [
    None,
    True,
    1.5,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    "\0",
    "\ud800",
    "",
    " ",
    "x" * 5000,
    -1,
    2**70,
    b"x",
]


def good(verb: str) -> dict[str, Any]:
    """A payload that the verb takes; people come in the order of names, so there `after` is one. History goes one way
    at a time."""
    payload = {name: GOOD[name] for name in fields(verb) if (verb, name) not in OPTIONAL}
    return payload | OTHERWISE.get(verb, {})


def fields(verb: str) -> list[str]:
    takes = VERBS[verb].takes
    return list(takes.json_schema()["properties"]) if takes else []


@pytest.mark.parametrize(("verb", "field"), [(verb, field) for verb in VERBS for field in fields(verb)])
async def test_each_field_with_a_wrong_value_is_refused_and_nothing_breaks(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, verb: str, field: str
) -> None:
    await ask(alice, "join", room="lobby")
    await ask(alice, "send", room="lobby", text="first", id="first-message")
    if verb == "identify":
        await ask(alice, "reserve", passphrase=GOOD["passphrase"])
    payload = good(verb) | ({"person": bob.person.id} if "person" in fields(verb) else {})
    if verb == "claim":
        payload["key"] = (await ask(alice, "owner_key", room="lobby"))["key"]
    if field == "file":
        row = {"id": GOOD["file"], "person": alice.person.id, "name": "x", "type": "text/plain", "bytes": 1}
        await chat.store.write(queries.begin_file, row)
        await chat.store.write(queries.finish_file, GOOD["file"])
        payload["file"] = GOOD["file"]
    if verb == "restore":
        await ask(bob, "join", room="lobby")
        payload["seq"] = (await ask(bob, "send", room="lobby", text="oh", id="second-message"))["message"]["seq"]
        await ask(alice, "delete", room="lobby", seq=payload["seq"])
    assert (await perform(chat, alice, verb, payload))["ok"] is True, "the good payload is good"
    alice.language = "de"
    for wrong in WRONG:
        answer = await perform(chat, alice, verb, payload | {field: wrong})
        fits = wrong is None and field not in VERBS[verb].takes.json_schema().get("required", [])  # type: ignore[union-attr]
        fits = fits or (field in ("on", "listed", "address", "locked", "last_seen") and wrong is True)
        fits = fits or (wrong is None and (verb, field) in NULLS)
        fits = fits or (field in ("minutes", "hours", "keep_days") and wrong == 1.5)
        fits = fits or (field in ("reason", "text", "welcome") and wrong in ("", " "))
        fits = fits or (verb == "settings" and field == "topic" and wrong in ("", " "))
        fits = fits or (field == "text" and wrong == "x" * 5000 and verb not in ("send", "report"))
        fits = fits or (field in ("topic", "after") and wrong in ("", " ", "x" * 5000) and verb in ("topic", "people"))
        if not fits:
            assert answer["ok"] is False, (field, wrong)
        assert answer.get("error") != "broken", (field, wrong)
        assert answer["ok"] or answer["text"], (field, wrong)
        assert answer["ok"] or " should " not in answer["text"], "in the reader's language"


def test_what_pydantic_says_is_said_in_the_same_words() -> None:
    said: set[str] = set()
    for verb in VERBS.values():
        for field in verb.takes.json_schema()["properties"] if verb.takes else []:
            for wrong in (*WRONG, [1] * 101):
                with pytest.raises(ValidationError) as error:
                    verb.takes.validate_python({field: wrong, "unheard_of": 1})  # type: ignore[union-attr]
                for fault in error.value.errors(include_url=False, include_input=False):
                    if "sentence" not in fault.get("ctx", {}):
                        assert faults.why(fault) == fault["msg"]
                        said.add(fault["type"])
    assert said == set(faults.SENTENCES), "and all that it can say here is known"


async def test_echo_takes_any_names(chat: Chat, alice: Connection) -> None:
    answer = await perform(chat, alice, "echo", {"chat": 1, "person": 2, "self": 3})
    assert {"chat": 1, "person": 2, "self": 3, "ok": True}.items() <= answer.items()


async def test_an_extra_field_is_refused(chat: Chat, ask: Ask, alice: Connection) -> None:
    await ask(alice, "join", room="lobby")
    for verb in VERBS:
        if verb != "echo":
            answer = await perform(chat, alice, verb, good(verb) | {"surprise": 1})
            assert (answer["error"], answer["field"]) == ("bad_payload", "surprise"), verb


async def test_a_missing_field_is_refused(chat: Chat, ask: Ask, alice: Connection) -> None:
    await ask(alice, "join", room="lobby")
    for verb, row in VERBS.items():
        for field in row.takes.json_schema().get("required", []) if row.takes else []:
            payload = {name: value for name, value in good(verb).items() if name != field}
            answer = await perform(chat, alice, verb, payload)
            assert (answer["error"], answer["field"]) == ("bad_payload", field), verb


async def test_what_is_for_members_is_refused_to_others(chat: Chat, alice: Connection) -> None:
    for verb in (name for name, row in VERBS.items() if row.is_for_members):
        answer = await perform(chat, alice, verb, good(verb))
        assert answer["error"] == "not_member", verb


async def test_an_unknown_verb_is_named(ask: Ask, alice: Connection) -> None:
    answer = await ask(alice, "fly")
    assert answer["error"] == "no_such_verb"
    assert "fly" in answer["text"]


async def test_a_bug_is_answered_with_a_reference_that_the_log_has(
    chat: Chat, ask: Ask, alice: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """The bug is a real one: presence forgets somebody whose socket is still asking."""
    await ask(alice, "join", room="lobby")
    chat.presence.online._by_id.clear()
    answer = await perform(chat, alice, "join", {"room": "attic"})
    assert answer["error"] == "broken"
    assert answer["ref"] in caplog.text
    assert answer["ref"] in answer["text"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = JSON | st.fixed_dictionaries({}, optional={name: st.just(GOOD[name]) | JSON for name in GOOD})


@settings(max_examples=share(400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=st.sampled_from(list(VERBS)) | st.text(max_size=9), payload=PAYLOADS)
async def test_no_payload_whatever_breaks_the_gate(chat: Chat, alice: Connection, verb: str, payload: Any) -> None:
    answer = await perform(chat, alice, verb, payload)
    assert answer["ok"] in (True, False)
    assert answer["ok"] or (answer["error"] in ERRORS and answer["error"] != "broken" and answer["text"])
