"""Where a request begins and ends: a poll is answered below HTTP only where aiohttp alone would see the same poll."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.support.known import Known, door, known
from tests.support.mounted import Mounted
from tests.support.raw import Line, Polls, head
from tests.support.talker import until

SAID = b'42["news",1]'
BYE = head("GET", "/socket.io/", {"Connection": "close"})

Segments = list[bytes]


def in_bytes(data: bytes) -> Segments:
    return [data[n : n + 1] for n in range(len(data))]


def cut(data: bytes, at: int) -> Segments:
    return [data[:at], data[at:]]


def said(who: Known, length: int = len(SAID), **headers: str) -> bytes:
    return who.to("POST", "1", Content_Length=str(length), **headers) + SAID


Case = Callable[[Known, bytes], Segments]
CASES: dict[str, Case] = {
    "post, then get": lambda who, get: [who.post(b"6hi"), get],
    "get behind a post": lambda who, get: [who.post(b"6hi") + get],
    "get behind half a post": lambda who, get: [who.post(b"6hi")[:-1], b"i" + get],
    "two gets": lambda _, get: [get, get],
    "two gets at once": lambda _, get: [get + get, get],
    "three gets while one waits": lambda _, get: [get, get + get, get],
    "a post while a get waits": lambda who, get: [get, who.post(b"6hi"), get],
    "a large post while a get waits": lambda who, get: [get, *cut(who.post(b"6" + b"x" * 500_000), 20_000), get],
    "much while a get waits": lambda who, get: [get, who.get(Cookie="x" * 4_000) * 3, get],
    "forty gets while one waits": lambda _, get: [get, get * 20, get * 20, get],
    "a wrong post while a get waits": lambda who, get: [get, b"NONSENSE\r\n\r\n", get],
    "a get in two": lambda _, get: [*cut(get, 30), get],
    "a get cut before its last byte": lambda _, get: [*cut(get, -1), get],
    "a get byte by byte": lambda _, get: [*in_bytes(get), get],
    "a get with a body": lambda who, get: [who.get(Content_Length=str(len(get))) + get, get],
    "a get, then its body": lambda who, get: [who.get(Content_Length=str(len(get))), get, get],
    "a get that says it has none": lambda who, get: [who.get(Content_Length="0")] * 2 + [get],
    "empty lines between": lambda _, get: [b"\r\n", get, b"\r\n\r\n", get],
    "half an empty line": lambda _, get: [b"\r", b"\n" + get, get],
    "an unread post": lambda _, get: [head("POST", "/none", {"Content-Length": str(len(get))}), get, get],
    "an unread post byte by byte": lambda _, get: [
        *in_bytes(head("POST", "/none", {"Content-Length": str(len(get))}) + get),
        get,
    ],
    "chunks": lambda who, get: [
        who.to("POST", "1", Transfer_Encoding="chunked") + b"1\r\n6\r\n%x\r\n" % len(get),
        get,
        b"\r\n0\r\n\r\n",
        get,
    ],
    "chunks with a trailer": lambda who, get: [
        who.to("POST", "1", Transfer_Encoding="chunked") + b"2\r\n6x\r\n0\r\n",
        b"X-Get: " + get,
        get,
    ],
    "chunks and a length": lambda who, get: [
        who.to("POST", "1", Transfer_Encoding="chunked", Content_Length=str(len(get))),
        get,
    ],
    "two lengths": lambda who, get: [who.post(b"6" + get, content_length="1"), get],
    "a length in another way": lambda who, get: [who.to("POST", "1", Content_Length="+3") + b"6hi", get],
    "a length on the next line": lambda who, get: [who.to("POST", "1", Content_Length="\r\n 3") + b"6hi", get],
    "a length before a space": lambda who, get: [who.to("POST", "1", **{"Content-Length ": "3"}) + b"6hi", get],
    "bare line feeds": lambda who, get: [get.replace(b"\r\n", b"\n"), get],
    "one bare line feed": lambda who, get: [who.post(b"6hi").replace(b"\r\n", b"\n", 1), get],
    "a bare carriage return": lambda who, get: [who.post(b"6hi").replace(b"\r\nHost", b"\rHost"), get],
    "a connect with a body": lambda _, get: [head("CONNECT", "x:1", {"Content-Length": "5"}) + b"GET /", get],
    "an upgrade to nothing": lambda who, get: [who.get(Connection="Upgrade", Upgrade="h2c"), get],
    "http 1.0": lambda _, get: [get.replace(b"HTTP/1.1", b"HTTP/1.0"), get],
    "a get that is the last": lambda who, get: [who.get(Connection="close"), get],
    "messages": lambda who, _: [said(who)] * 3,
    "messages at once": lambda who, _: [said(who), said(who) * 3, said(who)],
    "a message, then a get": lambda who, get: [said(who), get, said(who), get],
    "a get behind a message": lambda who, get: [said(who), said(who) + get, said(who)],
    "a message behind a get": lambda who, get: [said(who), get + said(who), said(who)],
    "a message while a get waits": lambda who, get: [said(who), get, said(who), said(who)],
    "a message in two": lambda who, get: [said(who), *cut(said(who), 30), get],
    "a message cut behind its head": lambda who, get: [said(who), *cut(said(who), -len(SAID)), get],
    "a message cut before its last byte": lambda who, get: [said(who), *cut(said(who), -1), said(who), get],
    "a message byte by byte": lambda who, get: [said(who), *in_bytes(said(who)), said(who), get],
    "a message longer than it says": lambda who, get: [said(who), said(who, len(SAID) - 1), get],
    "a message shorter than it says": lambda who, get: [said(who), said(who, len(SAID) + 1), get],
    "a message of another length": lambda who, get: [said(who), who.post(SAID.replace(b"1", b"1000")), get],
    "a message and a get as its body": lambda who, get: [said(who), who.post(SAID + get), get],
    "a length with a zero before it": lambda who, get: [
        *[who.to("POST", "1", Content_Length=f"0{len(SAID)}") + SAID] * 2,
        get,
    ],
    "messages with two lengths": lambda who, get: [said(who), said(who, content_length=str(len(SAID))), get],
    "a message after a cookie": lambda who, get: [said(who), said(who, Cookie="a=1"), said(who), get],
    "a message with another t": lambda who, get: [said(who), who.to("POST", "2", Content_Length="12") + SAID, get],
    "two messages in a post": lambda who, get: [said(who), who.post(SAID + b"\x1e" + SAID), get],
    "bytes": lambda who, get: [said(who), who.post(b"bAAAA"), get],
    "bytes that complete a message": lambda who, get: [
        *[who.post(b'451-["news",{"_placeholder":true,"num":%d}]' % num) for num in (0, 0)],
        who.post(b"bAAAA"),
        get,
    ],
    "bytes that are not asked for": lambda who, get: [
        *[who.post(b'451-["news",{"_placeholder":true,"num":7}]')] * 2,
        *[who.post(b"bAAAA")] * 2,
        get,
    ],
    "a pong": lambda who, get: [said(who), who.post(b"3"), get],
    "a message that says nothing": lambda who, get: [said(who), who.post(b"4"), get],
    "a message that is none": lambda who, get: [said(who), who.post(b'42"news"'), get],
    "a message that cannot be taken": lambda who, _: [said(who), who.post(b'42["news",NaN]'), said(who)],
    "a message that is no text": lambda who, get: [said(who), who.post(b"4\xff"), get],
    "no message": lambda who, get: [said(who), who.post(b""), get],
    "a goodbye": lambda who, get: [said(who), who.post(b"1"), said(who), get],
    "a message that is the last": lambda who, get: [said(who, Connection="close"), get],
    "a message in http 1.0": lambda who, get: [said(who).replace(b"HTTP/1.1", b"HTTP/1.0"), get],
    "a message with another method": lambda who, get: [said(who), said(who).replace(b"POST ", b"PUT "), get],
    "expect": lambda who, get: [who.to("POST", "1", Content_Length="3", Expect="100-continue"), b"6hi", get],
}


async def told(one: Known, segments: Segments, slowly: bool) -> list[tuple[int, dict[str, str], bytes]]:
    """Everything that is answered to these; slowly: each comes when the ones before have been looked at. Each poll is
    told one thing, once it waits."""
    answers: list[tuple[int, dict[str, str], bytes]] = []

    async def hear() -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while answer := await one.line.answer():
                body = answer.body.replace(one.polls.sid.encode(), b"")
                answers.append((answer.status, answer.headers | {"date": ""}, body))

    async def tell() -> None:
        for n in range(100):
            await until(lambda: one.session.polling and not one.session.is_waited_for)
            await one.says(f"{n}")

    telling, hearing = asyncio.create_task(tell()), asyncio.create_task(hear())
    for segment in (*segments, BYE):
        with contextlib.suppress(ConnectionError):
            await one.line.write(segment)
        if slowly:
            await one.polls.http.get(one.polls.url)  # a round trip
            await until(lambda: not one.session.polling)
    await hearing
    telling.cancel()
    return answers


@asynccontextmanager
async def joined(mounted: Mounted) -> AsyncIterator[Polls]:
    """A session that may say something."""
    async with mounted.polls() as polls:
        await polls.join()
        yield polls


@pytest.mark.parametrize("slowly", [False, True])
@pytest.mark.parametrize("case", CASES)
async def test_everything_is_answered_as_by_aiohttp_alone(mounted: Mounted, case: str, slowly: bool) -> None:
    answers = []
    async with door(mounted) as ours, door(mounted, plain=True) as theirs:
        for url in (ours, theirs):
            async with joined(mounted) as polls, known(mounted.server, polls, url) as one:
                answers.append(await told(one, CASES[case](one, one.get("2")), slowly))
    assert answers[0] == answers[1]
    assert answers[0], "something was answered"


async def test_chance_finds_no_difference_from_aiohttp_alone(mounted: Mounted) -> None:
    dice = random.Random(4)
    async with door(mounted) as ours, door(mounted, plain=True) as theirs:
        for _ in range(25):
            first, seed = [], dice.random()
            for url in (ours, theirs):
                async with joined(mounted) as polls, known(mounted.server, polls, url) as one:
                    fate = random.Random(seed)
                    kinds = [
                        one.get("2"),
                        said(one),
                        one.post(b"6hi"),
                        one.post(b"6" + one.get("2")),
                        one.get(Cookie="a=1"),
                    ]
                    stream = b"".join(fate.choices(kinds, k=6))
                    ends = sorted([*fate.choices(range(len(stream)), k=4), stream.find(kinds[0]) % len(stream)])
                    pieces = [stream[a:b] for a, b in zip([0, *ends], [*ends, len(stream)], strict=True)]
                    first.append(await told(one, [piece for piece in pieces if piece], fate.random() < 0.5))
            assert first[0] == first[1]
            assert len(first[0]) == 7


async def test_a_body_that_looks_like_a_poll_is_a_body_wherever_it_is_cut(mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice:
        get = alice.get("2")
        for at in range(len(get) + 1):
            for path, body, answer in (("/none", get, 404), (polls.address, b"6" + get, 200)):
                top = head("POST", path.removeprefix(polls.url), {"Content-Length": str(len(body))})
                await alice.line.write(top, *cut(body, at))
                assert (await alice.line.answer()).status == answer
                assert not alice.session.polling
        assert alice.engine.short_polls == 0
        assert (await alice.hears(get)).body == b"4news"
        assert alice.engine.short_polls == 1, "and the connection is not lost track of"


async def test_two_polls_at_once_are_never_taken_for_one(mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice:
        for _ in range(3):
            async with await Line.to(polls.url) as alice.line:
                await alice.says("news")
                await alice.line.write(alice.get() + alice.get())
                assert (await alice.line.answer()).body == b"4news"
                await alice.says("more")
                assert (await alice.line.answer()).body == b"4more"


async def test_what_comes_behind_a_poll_that_waits_is_not_read_without_end(mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice:
        await alice.waits()
        alice.line.writer.write(alice.post(b"6" + b"x" * 20_000_000))
        for _ in range(100):
            await mounted.http.get(mounted.url)
        assert alice.line.writer.transport.get_write_buffer_size() > 1_000_000
        await alice.says("news")
        assert [(await alice.line.answer()).status for _ in range(2)] == [200, 413]


async def test_after_much_that_came_behind_a_poll_the_connection_is_read_on(mounted: Mounted) -> None:
    async with mounted.polls() as polls, known(mounted.server, polls) as alice:
        await alice.waits()
        await alice.line.write(alice.get(Cookie="x" * 4_000) * 3)
        await mounted.http.get(mounted.url)
        for _ in range(4):
            await alice.says("news")
            assert (await alice.line.answer()).body == b"4news"
        assert (await alice.hears(alice.get())).body == b"4news"
