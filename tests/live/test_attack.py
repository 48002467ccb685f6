"""Peers that hold on to a server without using it. People who talk do not notice, and nothing is left in the end."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from app.server import Running
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.mounted import Mount
from tests.support.raw import UPGRADE, Line, Polls, Socket, Speech, head
from tests.support.talker import Talker, until

MANY = int(os.environ.get("ATTACKERS", "300"))  # 2,000 by hand: `ulimit -n 10000; ATTACKERS=2000 pytest -k attack`
ENOUGH = max(MANY // 6, 10)  # of the attacks where each attacker is a session
MESSAGES = 20
POLL = "/socket.io/?EIO=4&transport=polling"

Turn = Callable[[], Awaitable[None]]


class Attack:
    """What the attackers hold open. `turn`, where set, is what they do between two messages of those who talk."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url, self.stack = url, stack
        self.turn: Turn | None = None
        self.http: aiohttp.ClientSession | None = None

    async def lines(self, words: bytes, count: int = MANY) -> list[Line]:
        lines = [await self.stack.enter_async_context(await Line.to(self.url)) for _ in range(count)]
        for line in lines:
            await line.write(words)
        return lines

    async def sessions(self, kind: type[Speech], count: int = ENOUGH) -> list[Any]:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        self.http = await self.stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        return [await self.stack.enter_async_context(kind(self.http, self.url)) for _ in range(count)]

    async def beside(self, work: Callable[[Any], Awaitable[None]], each: list[Any]) -> None:
        group = await self.stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(work(one)) for one in each]  # type: ignore[arg-type]
        self.stack.callback(lambda: [task.cancel() for task in tasks])


async def silent_sockets(attack: Attack) -> None:
    await attack.lines(b"")


async def half_sent_headers(attack: Attack) -> None:
    await attack.lines(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: parlor_")


async def half_sent_handshakes(attack: Attack) -> None:
    await attack.lines(head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE)[:-20])


async def sessions_that_only_answer_pings(attack: Attack) -> None:
    async def answer(socket: Socket) -> None:
        while await socket.packet() == "2":
            await socket.send("3")

    await attack.beside(answer, await attack.sessions(Socket))


async def bodies_a_byte_at_a_time(attack: Attack) -> None:
    sessions = await attack.sessions(Polls)
    lines = await attack.lines(b"", len(sessions))
    for line, polls in zip(lines, sessions, strict=True):
        await line.write(head("POST", f"{POLL}&sid={polls.sid}", {"Content-Length": "1000"}))

    async def drip() -> None:
        for line in lines:
            await line.write(b"4")

    attack.turn = drip


async def polls_never_read(attack: Attack) -> None:
    """All of them sit in the room and ask for what is said there, and none takes it."""
    sessions = await attack.sessions(Polls)
    lines = await attack.lines(b"", len(sessions))

    async def ask(line: Line, polls: Polls) -> None:
        await polls.send("40", '420["join",{"room":"lobby"}]')
        await line.write(head("GET", f"{POLL}&sid={polls.sid}", {}) * 5)

    await asyncio.gather(*map(ask, lines, sessions))


async def requests_without_end(attack: Attack) -> None:
    """Pipelined, and no answer taken."""
    lines = await attack.lines(b"", ENOUGH)
    for line in lines:
        line.writer.write(head("GET", POLL, {}) * 20)


ATTACKS = (
    silent_sockets,
    half_sent_headers,
    half_sent_handshakes,
    sessions_that_only_answer_pings,
    bodies_a_byte_at_a_time,
    polls_never_read,
    requests_without_end,
)


@asynccontextmanager
async def under(attack: Callable[[Attack], Awaitable[None]], url: str) -> AsyncIterator[Attack]:
    async with AsyncExitStack() as stack:
        held = Attack(url, stack)
        await attack(held)
        yield held


async def talk(alice: Talker, bob: Talker, words: str, turn: Turn | None = None) -> None:
    """Each answers the other; every message is heard by both, in time and in order."""
    async with asyncio.timeout(PATIENCE):
        for number in range(MESSAGES):
            speaks, hears = (alice, bob) if number % 2 else (bob, alice)
            said = f"{words} {number}"
            await speaks.say("lobby", said)
            await hears.hears("message", lambda payload, said=said: payload["message"]["text"] == said)
            if turn:
                await turn()
    for one in (alice, bob):
        heard = [text for text in await one.hears_texts("lobby", MESSAGES) if text.startswith(words)]
        assert heard == [f"{words} {number}" for number in range(MESSAGES)]


def left(server: Running) -> dict[str, int]:
    """What the server keeps of anybody."""
    sockets, presence = server.sockets, server.chat.presence
    counts = {
        "sessions": len(sockets.engine.sessions),
        "websockets": sockets.engine.websockets,
        "tasks": len(sockets.tasks),
        "clients": len(sockets.clients),
        "environ": len(sockets.environ),
        "rooms": sum(map(len, sockets.manager.rooms.values())),
        "people": len(presence.online._by_id),
        "present": len(presence.rooms._rooms),
        "news": len(presence._news._pending),
        "awaited": len(presence._grace._timers),
        "connections": len(server.listeners[0].connections),
    }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_people_who_talk_do_not_notice_the_attack(
    start_server: Start, attack: Callable[[Attack], Awaitable[None]]
) -> None:
    # time enough for an answer on a busy machine, and little enough for who has gone to be forgotten within the test
    server = await start_server(ping_interval=0.5, ping_timeout=2.5, grace=0)
    tasks = len(asyncio.all_tasks())
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob", transport="polling") as bob:
        for one in (alice, bob):
            await one.join("lobby")
        await talk(alice, bob, "in peace")
        async with under(attack, server.url) as held:
            await talk(alice, bob, "under attack", held.turn)
        await talk(alice, bob, "in peace again")
    await until(lambda: left(server) == {})
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


@pytest.mark.parametrize("words", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nCookie: x"], ids=["nothing", "half the headers"])
async def test_who_sends_no_whole_request_is_let_go(
    start_server: Start, words: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server()
    monkeypatch.setattr(server.listeners[0]._front.heads, "_seconds", 0.2)
    async with await Line.to(server.url) as line:
        await line.write(words)
        await line.ends()
    await until(lambda: left(server) == {})


async def test_headers_that_come_a_byte_at_a_time_win_no_time(
    start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server()
    monkeypatch.setattr(server.listeners[0]._front.heads, "_seconds", 0.2)
    async with await Line.to(server.url) as line, asyncio.timeout(PATIENCE):
        await line.write(b"GET / HTTP/1.1\r\nX: ")
        ended = asyncio.create_task(line.reader.read())
        with contextlib.suppress(ConnectionError):  # what is written to who has gone is answered with a reset
            while not ended.done():
                await line.write(b"x")
                await asyncio.wait([ended], timeout=0.02)
            await ended
    await until(lambda: left(server) == {})


async def test_a_body_that_never_ends_is_given_up_and_its_session_with_it(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = await mount()
    monkeypatch.setattr(mounted.listener._front.bodies, "_seconds", 0.1)
    async with mounted.polls() as polls, await Line.to(mounted.url) as line:
        await line.write(head("POST", f"{POLL}&sid={polls.sid}", {"Content-Length": "1000"}), b"4")
        answer = await line.answer()
    assert answer.status == 408
    await until(lambda: mounted.left() == {})


@pytest.mark.parametrize("origin", ["http://[", "http://[x]", "//]"])
async def test_an_origin_that_is_no_address_is_not_accepted(mount: Mount, origin: str) -> None:
    mounted = await mount()
    async with mounted.http.get(f"{mounted.url}{POLL}", headers={"Origin": origin}) as response:
        assert response.status == 403


@pytest.mark.parametrize("origins", [(), ("*",)], ids=["own", "all"])
async def test_an_origin_that_is_no_text_is_not_accepted_by_any_door(
    start_server: Start, caplog: pytest.LogCaptureFixture, origins: tuple[str, ...]
) -> None:
    server = await start_server(origins=origins)
    for path in (POLL, "/ws/echo", "/ws/r/lobby", "/sse/r/lobby", "/api/send"):
        for sent in (b"\xff", b"http://\xff.example", "http://é.example".encode()):
            async with await Line.to(server.url) as line:
                await line.write(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nOrigin: ".encode() + sent)
                await line.write(b"\r\n\r\n")
                answer = await line.answer()
            assert answer.status < 500, path
            assert "access-control-allow-origin" not in map(str.lower, answer.headers)
    assert [record.exc_info for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("path", [POLL, "/healthz", "/ws/echo", "/r/lobby", "/nothing"])
@pytest.mark.parametrize("header", ["Expect", "Upgrade", "Connection"])
async def test_a_header_of_names_that_is_no_text_is_a_bad_request_and_one_line_in_the_log(
    server: Running, caplog: pytest.LogCaptureFixture, path: str, header: str
) -> None:
    caplog.set_level(logging.INFO)
    async with await Line.to(server.url) as line:
        await line.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n{header}: ".encode() + b"\xff\r\n\r\n")
        assert (await line.answer()).status == 400
    lines = [
        record for record in caplog.records if record.name != "asyncio" and "came to nothing" in record.getMessage()
    ]
    assert [record.exc_info for record in caplog.records if record.exc_info] == []
    assert [record.getMessage() for record in lines] == [
        f"a request from 127.0.0.1 came to nothing: 400 Bad request: {header.lower()} is no text"
    ]


async def test_an_answer_to_a_question_never_asked_harms_no_later_one(mount: Mount) -> None:
    """Under 0 the library keeps its counter of questions."""
    mounted = await mount()
    answers: list[Any] = []

    async def ask(sid: str) -> None:
        await mounted.server.emit("question", to=sid, callback=lambda *values: answers.append(values))

    mounted.server.on("ask", ask)
    async with mounted.socket() as socket:
        await socket.join()
        await socket.send('42["ask"]')
        await socket.hears('421["question"]')
        await socket.send('430["nobody asked"]', '431["yes"]', '42["ask"]')
        await socket.hears('422["question"]')
        await socket.send('432["again"]')
        await until(lambda: answers == [("yes",), ("again",)])


async def test_what_is_no_http_is_one_line_in_the_log(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    for words in (
        b"\x16\x03\x01\0\0",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX\0: y\r\n\r\n",
    ):
        async with await Line.to(server.url) as line:
            await line.write(words)
            assert (await line.answer()).status == 400
    assert [record for record in caplog.records if record.exc_info] == []
