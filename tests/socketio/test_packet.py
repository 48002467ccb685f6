"""What breaks the protocol's grammar closes the session at once, with one line in the log and no traceback."""

import logging
from typing import Any

import pytest

from tests.support.mounted import Mount, Mounted, on_both, on_both_transports
from tests.support.raw import Encoded, Speech
from tests.support.talker import until
from tests.support.together import at_once

MALFORMED: dict[str, tuple[Encoded, ...]] = {
    "no packet at all": ("x",),
    "an unknown Engine.IO type": ("7",),
    "a type in another script": ("٤2",),
    "an OPEN from a client": ("0{}",),
    "a PING from a client": ("2",),
    "no Socket.IO type": ("4",),
    "an unknown Socket.IO type": ("47",),
    "a letter for a type": ("4abc",),
    "a CONNECT_ERROR from a client": ("44{}",),
    "a second CONNECT": ("40",),
    "a CONNECT with text": ('40/other,"x"',),
    "a CONNECT with a list": ("40/other,[]",),
    "a CONNECT with half an object": ('40/other,{"a"',),
    "a CONNECT with NaN": ('40/other,{"a":NaN}',),
    "a DISCONNECT with a payload": ("41{}",),
    "an event without a payload": ("42",),
    "an event that is an object": ("42{}",),
    "an event that is a string": ('42"say"',),
    "an event that is a number": ("421",),
    "an event without a name": ("42[]",),
    "an event named by a number": ("42[1]",),
    "an event named by null": ("42[null]",),
    "an event named by a list": ('42[["say"]]',),
    "half an event": ('42["say"',),
    "two events in one": ('42["say"]["say"]',),
    "an event named connect": ('42["connect",{}]',),
    "an event named disconnect": ('42["disconnect","x"]',),
    "an event named connect_error": ('42["connect_error"]',),
    "an event named disconnecting": ('42["disconnecting"]',),
    "an event named newListener": ('42["newListener"]',),
    "an event named removeListener": ('42["removeListener"]',),
    "an event for a namespace never joined": ('42/other,["say"]',),
    "an event whose namespace does not end": ('42/other["say"]',),
    "an id of letters": ('42abc["say"]',),
    "an id of other digits": ('42٣["say"]',),
    "an id that is negative": ('42-1["say"]',),
    "an id without end": ("42" + "9" * 5_000 + '["say"]',),
    "an ack without an id": ("43[]",),
    "an ack that is an object": ("431{}",),
    "an ack without a payload": ("431",),
    "attachments announced for a text event": ('421-["say"]',),
    "a binary event that announces none": ('45["say"]',),
    "a binary event with zero attachments": ('450-["say"]',),
    "eleven attachments": ('4511-["say",{"_placeholder":true,"num":0}]',),
    "ten billion attachments": ('459999999999-["say"]',),
    "attachments without end": ("45" + "9" * 5_000 + '-["say"]',),
    "a negative number of attachments": ('45-1-["say"]',),
    "text where an attachment is due": ('451-["say",{"_placeholder":true,"num":0}]', '42["say"]'),
    "an attachment nobody announced": (b"\x00",),
    "a placeholder without an attachment": ('451-["say",{"_placeholder":true,"num":1}]', b"\x00"),
    "a placeholder with a negative number": ('451-["say",{"_placeholder":true,"num":-1}]', b"\x00"),
    "a placeholder with half a number": ('451-["say",{"_placeholder":true,"num":0.5}]', b"\x00"),
    "a placeholder with no number": ('451-["say",{"_placeholder":true}]', b"\x00"),
    "a placeholder numbered by text": ('451-["say",{"_placeholder":true,"num":"0"}]', b"\x00"),
    "an attachment in the place of the name": ('451-[{"_placeholder":true,"num":0}]', b"\x00"),
    "a binary ack without an id": ('461-[{"_placeholder":true,"num":0}]', b"\x00"),
}
FRAMES_ONLY: dict[str, tuple[Encoded, ...]] = {
    "an empty frame": ("",),
    "base64 that is none": ("b!!!!",),
    "base64 that is cut short": ("bAAA",),
    "an empty binary frame": (b"",),
}


def listening(mounted: Mounted) -> list[Any]:
    called: list[Any] = []
    for name in ("connect", "disconnect", "say", "*"):
        mounted.server.on(name, lambda *values, name=name: called.append((name, values[1:])))
    return called


async def is_let_go_for(speech: Speech, packets: tuple[Encoded, ...]) -> None:
    async with speech:
        await speech.join()
        for packet in packets:
            await speech.send(packet)
        await speech.is_let_go()


@on_both
@on_both_transports
async def test_a_malformed_packet_closes_the_session(
    mount: Mount, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "parlor.engineio")
    mounted = await mount()
    called = listening(mounted)
    cases = MALFORMED | (FRAMES_ONLY if transport == "websocket" else {})
    await at_once(cases.values(), lambda packets: is_let_go_for(mounted.over(transport), packets))
    await until(lambda: mounted.left() == {})
    assert {name for name, _ in called} == {"connect", "disconnect"}
    assert len(called) == 2 * len(cases)
    records = [one for one in caplog.records if one.name == "parlor.engineio"]
    assert [one for one in caplog.records if one.exc_info] == []
    assert len(records) == len(cases), "one line each"
    assert all(len(one.getMessage()) < 200 for one in records)


@on_both
@pytest.mark.parametrize("name", ["connect", "disconnect"])
async def test_a_client_cannot_call_the_handlers_of_coming_and_going(mount: Mount, name: str) -> None:
    mounted = await mount()
    called = listening(mounted)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send(f'42["{name}","from the client"]')
        await socket.is_let_go()
        await until(lambda: mounted.left() == {})
    assert "from the client" not in str(called)


WELL_FORMED = {
    "an event": ('42["say",1]',),
    "an event that wants an answer": ('4212["say"]',),
    "an id of twenty digits": ("42" + "9" * 20 + '["say"]',),
    "the main namespace by its name": ('42/,["say"]',),
    "a namespace with a query": ('42/?token=x,["say"]',),
    "a NOOP": ("6", '42["say"]'),
    "ten attachments": (
        "4510-" + str(["say", *({"_placeholder": True, "num": n} for n in range(10))]),
        *[b"\x00"] * 10,
    ),
    "an attachment of no bytes": ('451-["say",{"_placeholder":true,"num":0}]', b""),
    "a placeholder used twice": ('451-["say",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', b"\x00"),
    "a placeholder that is no longer one": ('451-["say",{"_placeholder":false},{"_placeholder":true,"num":0}]', b"x"),
    "an ack nobody waits for": ("4399[]", '42["say"]'),
}


@on_both_transports
@pytest.mark.parametrize("packets", WELL_FORMED.values(), ids=WELL_FORMED.keys())
async def test_an_unusual_packet_is_taken(mounted: Mounted, transport: str, packets: tuple[Encoded, ...]) -> None:
    called = listening(mounted)
    async with mounted.over(transport) as speech:
        await speech.join()
        await speech.send(*(_json(one) for one in packets))
        await until(lambda: "say" in dict(called))


def _json(packet: Encoded) -> Encoded:
    return packet if isinstance(packet, bytes) else packet.replace("'", '"').replace("True", "true")


@on_both
@on_both_transports
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_number_that_no_browser_reads_is_not_passed_on(mount: Mount, transport: str, number: str) -> None:
    """Python's json reads and writes these; one of them would disconnect every JavaScript client of a room."""
    mounted = await mount()
    mounted.server.on("connect", lambda *_: None)

    async def say(_sid: str, value: Any) -> Any:
        await mounted.server.emit("news", value)
        return {"ok": True}

    mounted.server.on("say", say)
    async with mounted.over(transport) as alice, mounted.over(transport) as bob:
        await alice.join()
        await bob.join()
        (answer,) = await alice.ask(f'421["say",{number}]')
        assert (answer["ok"], answer["error"]) == (False, "bad_payload")
        await mounted.server.emit("news", "fit to read")
        assert await bob.event() == ["news", "fit to read"]


UNACCEPTABLE = {
    "a lone surrogate": '"\\ud800"',
    "half a pair": '"\\ud83d x"',
    "an integer too large": "123456789012345678901234567890",
    "an integer just too large": "18446744073709551616",
    "a negative integer too large": "-123456789012345678901234567890",
    "an integer that takes a page": "9" * 5_000,
    "a long integer in deep nesting": "[" * 1_000 + "12345678901234567" + "]" * 1_000,
    "nesting that is not even closed": "[" * 100_000,
    "nesting without end": "[" * 100_000 + "]" * 100_000,
    "nesting that cannot be answered": "[" * 400 + "]" * 400,
    "objects without end": '{"a":' * 5_000 + "1" + "}" * 5_000,
}


@on_both_transports
@pytest.mark.parametrize("value", UNACCEPTABLE.values(), ids=UNACCEPTABLE.keys())
async def test_what_is_refused_is_answered_and_the_session_lives(mounted: Mounted, transport: str, value: str) -> None:
    called = listening(mounted)
    async with mounted.over(transport) as speech:
        await speech.join()
        (answer,) = await speech.ask(f'427["say",{value}]', 7)
        assert (answer["ok"], answer["error"]) == (False, "bad_payload")
        await speech.send(f'42["say",{value}]')
        name, notice = await speech.event()
        assert (name, notice["code"]) == ("notice", "bad_payload")
        assert "say" not in dict(called)


@pytest.mark.parametrize("value", ["18446744073709551615", "-9223372036854775808", "1e308", '"\\ud83d\\ude00"', "-0.0"])
async def test_what_is_within_the_limits_is_taken(mounted: Mounted, value: str) -> None:
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("say", lambda _sid, value: value)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.ask(f'421["say",{value}]')


async def test_attachments_together_have_a_limit(mount: Mount) -> None:
    mounted = await mount(max_payload=10_000)
    listening(mounted)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send('453-["say",{"_placeholder":true,"num":0}]', *[b"x" * 4_000] * 3)
        await socket.is_let_go()
        await until(lambda: mounted.left() == {})
