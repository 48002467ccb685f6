"""Who asks for an answer gets one, whatever happens: an ack that never comes is resent for ever."""

import asyncio
import logging
from typing import Any

import pytest

from tests.support.mounted import Mount, Mounted, on_both, on_both_transports


def answering(mounted: Mounted, answer: Any) -> None:
    async def ask(_sid: str, *_values: Any) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("ask", ask)


@on_both
@on_both_transports
async def test_a_verb_that_breaks_is_answered(mount: Mount, transport: str) -> None:
    mounted = await mount()
    answering(mounted, RuntimeError("out of cheese"))
    async with mounted.over(transport) as speech:
        await speech.join()
        (answer,) = await speech.ask('421["ask"]')
        assert (answer["ok"], answer["error"]) == (False, "broken")
        assert answer["ref"] in answer["text"]
        assert "cheese" not in str(answer)


async def test_what_broke_is_logged_under_the_reference_that_was_told(
    mounted: Mounted, caplog: pytest.LogCaptureFixture
) -> None:
    answering(mounted, RuntimeError("out of cheese"))
    async with mounted.socket() as socket:
        await socket.join()
        (answer,) = await socket.ask('421["ask"]')
    (record,) = [one for one in caplog.records if one.exc_info]
    assert answer["ref"] in record.getMessage()
    assert "out of cheese" in caplog.text


async def test_a_verb_that_breaks_unasked_is_logged_and_nothing_is_sent(
    mounted: Mounted, caplog: pytest.LogCaptureFixture
) -> None:
    answering(mounted, RuntimeError("out of cheese"))
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send('42["ask"]')
        assert len(await socket.ask('428["ask"]', 8)) == 1
    assert [one.levelno for one in caplog.records] == [logging.ERROR] * 2


@on_both_transports
@pytest.mark.parametrize(
    ("answer", "ack"),
    [(None, []), ("one", ["one"]), ((1, 2), [1, 2]), ([1, 2], [[1, 2]]), ({}, [{}]), (False, [False]), ((), [])],
    ids=str,
)
async def test_what_a_verb_returns_is_the_ack(mounted: Mounted, transport: str, answer: Any, ack: list[Any]) -> None:
    answering(mounted, answer)
    async with mounted.over(transport) as speech:
        await speech.join()
        assert await speech.ask('42123["ask",{"a":[]}]', 123) == ack


@on_both_transports
async def test_a_verb_may_return_bytes(mounted: Mounted, transport: str) -> None:
    answering(mounted, {"file": b"\x00\x01", "more": [b"\xff"]})
    async with mounted.over(transport) as speech:
        await speech.join()
        await speech.send('421["ask"]')
        assert await speech.hears() == (
            '462-1[{"file":{"_placeholder":true,"num":0},"more":[{"_placeholder":true,"num":1}]}]'
        )
        attachments = [await speech.packet(), await speech.packet()]
        assert attachments == ([b"\x00\x01", b"\xff"] if transport == "websocket" else ["bAAE=", "b/w=="])


@pytest.mark.parametrize(
    "answer",
    [{1, 2}, object(), {"a": 10**30}, {1: "number as key"}, "\ud800"],
    ids=["set", "object", "big integer", "number as key", "lone surrogate"],
)
async def test_a_return_value_that_json_cannot_hold_is_answered_as_broken(mounted: Mounted, answer: Any) -> None:
    answering(mounted, answer)
    async with mounted.socket() as socket:
        await socket.join()
        assert (await socket.ask('421["ask"]'))[0]["error"] == "broken"


@on_both
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_what_is_written_is_json_that_a_browser_reads(mount: Mount, number: float) -> None:
    """One NaN in a broadcast disconnects every JavaScript client of the room with a `parse error`."""
    mounted = await mount()
    answering(mounted, {"number": number})
    async with mounted.socket() as socket:
        sid = await socket.join()
        assert await socket.ask('421["ask"]') == [{"number": None}]
        await mounted.server.emit("news", {"number": number}, to=sid)
        assert await socket.event() == ["news", {"number": None}]


async def test_an_event_nobody_listens_to_is_not_answered(mounted: Mounted) -> None:
    answering(mounted, 1)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send('421["unheard"]')
        assert await socket.ask('422["ask"]', 2) == [1]


@on_both_transports
async def test_a_verb_whose_own_work_is_cancelled_does_not_take_the_others_along(
    mounted: Mounted, transport: str
) -> None:
    answering(mounted, asyncio.CancelledError())
    mounted.server.on("said", lambda _sid, value: value)
    async with mounted.over(transport) as speech:
        await speech.join()
        await speech.send('421["ask"]', '422["said",2]')
        assert [await speech.hears(), await speech.hears()] == ["431[]", "432[2]"]


@on_both_transports
async def test_a_task_that_a_verb_started_is_not_waited_for(mounted: Mounted, transport: str) -> None:
    going = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    def watch(_sid: str) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(going.wait()))
        return tasks[0]

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("watch", watch)
    mounted.server.on("said", lambda _sid, value: value)
    async with mounted.over(transport) as speech:
        await speech.join()
        await speech.send('42["watch"]', '422["said",2]')
        assert await speech.hears() == "432[2]"
    going.set()
    await asyncio.gather(*tasks)
