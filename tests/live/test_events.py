"""Server-sent events of a room: read by `curl -N`, for ever and without a gap."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import Connection as Db
from sqlalchemy import text

from app.engineio import stream
from app.model import COOKIE
from app.routes import ROOM_EVENTS
from app.server import Running
from tests.conftest import Start
from tests.support.plain import EventReader, PlainTalker
from tests.support.process import Standing
from tests.support.raw import Line, head
from tests.support.talker import Talker, until


async def test_a_message_is_told_as_it_is_and_as_it_becomes(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "before")
        async with EventReader(server.url, "lobby") as reader:
            assert reader.answer.headers["Content-Type"] == "text/event-stream; charset=UTF-8"
            assert reader.answer.headers["X-Accel-Buffering"] == "no"
            said = await alice.say("lobby", "helo")
            assert (await reader.hears_text("helo")).data == said
            await alice.ask("react", {"room": "lobby", "seq": 2, "emoji": "👍", "on": True})
            await alice.ask("edit", {"room": "lobby", "seq": 2, "text": "hello"})
            await alice.ask("delete", {"room": "lobby", "seq": 1})
            await alice.say("lobby", "end")
            await reader.hears_text("end")
            assert [one.name for one in reader.told] == ["message"] * len(reader.told)
            revs = [int(one.id) for one in reader.told]
            assert revs == sorted(set(revs)) == [one.data["rev"] for one in reader.told]
            last = {one.data["seq"]: one.data for one in reader.told}
            history = (await alice.ask("history", {"room": "lobby"}))["messages"]
            assert list(last.values()) == [history[1], history[0], history[2]], "in the order of their changes"
            assert last[2]["reactions"] == {"👍": ["alice"]} and last[1]["deleted"]


@pytest.mark.parametrize("how", ["header", "query"])
async def test_whoever_comes_back_misses_nothing(server: Running, how: str) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for n in range(250):
            await alice.say("lobby", str(n))
        headers, query = ({"Last-Event-ID": "10"}, {}) if how == "header" else ({}, {"after": 10})
        saying = asyncio.create_task(_say_on(alice, 250, 300))
        async with EventReader(server.url, "lobby", headers=headers, **query) as reader:  # type: ignore[arg-type]
            await saying
            await reader.hears_text("299")
            assert reader.texts == [str(n) for n in range(10, 300)]


async def _say_on(alice: Talker, first: int, end: int) -> None:
    for n in range(first, end):
        await alice.say("lobby", str(n))


async def test_whoever_is_too_far_behind_starts_over(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for first in range(0, 1_200, 300):
            await asyncio.gather(*(alice.say("lobby", str(n)) for n in range(first, first + 300)))
        for after in ("5", "99999"):
            async with EventReader(server.url, "lobby", headers={"Last-Event-ID": after}) as reader:
                await reader.hears(lambda one: one.id == "1200")
                assert reader.told[0].name == "reset" and reader.told[0].data["rev"] == 1_200
                assert [int(one.id) for one in reader.told[1:]] == list(range(1_101, 1_201))


async def test_an_id_may_carry_the_history(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        epoch = (await alice.join("lobby"))["room"]["epoch"]
        for n in range(3):
            await alice.say("lobby", str(n))
        async with EventReader(server.url, "lobby", after=1, epoch=epoch) as reader:
            assert (await reader.hears_text("2")).id == f"3:{epoch}"
            await alice.say("lobby", "3")
            assert (await reader.hears_text("3")).id == f"4:{epoch}"
        async with EventReader(server.url, "lobby", headers={"Last-Event-ID": f"2:{'0' * 32}"}) as reader:
            assert (await reader.hears(lambda one: one.name == "reset")).data["epoch"] == epoch
            await reader.hears_text("3")
            assert reader.texts == ["0", "1", "2", "3"]


async def test_a_reader_is_told_when_the_history_is_another(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "old")
        async with EventReader(server.url, "lobby", after=0) as reader:
            await reader.hears_text("old")
            await server.database.write(_another_epoch)
            server.database.replaced("f" * 32)
            told = await reader.hears(lambda one: one.name == "reset")
            assert told.data == {"room": "lobby", "rev": 1, "epoch": "f" * 32}


def _another_epoch(db: Db) -> None:
    db.execute(text("UPDATE epochs SET epoch = :epoch"), {"epoch": "f" * 32})


async def test_silence_is_filled_with_comments(start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "COMMENT_S", 0.05)
    server = await start_server()
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        async with EventReader(server.url, "lobby") as reader:
            await until(lambda: reader.comments > 3)


async def test_a_room_that_may_not_be_read_is_not_there(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        for one in (alice, bob):
            await one.join("lobby")
        await alice.ask("settings", {"room": "lobby", "listed": False})
        for headers, status in (
            ({}, 404),
            ({"Cookie": f"{COOKIE}={alice.token}"}, 200),
            ({"Authorization": f"Bearer {alice.token}"}, 200),
            ({"Authorization": "Bearer nonsense"}, 404),
            ({"Cookie": f"{COOKIE}={alice.token}", "Origin": "null"}, 403),
        ):
            async with EventReader(server.url, "lobby", headers=headers) as reader:
                assert reader.status == status, headers
        async with EventReader(server.url, "nowhere") as reader:
            assert reader.status == 404 and '"no_such_room"' in reader.body


@pytest.mark.parametrize("change", ["ban", "unlisted", "locked"])
async def test_a_stream_ends_when_the_room_closes_to_its_reader(server: Running, change: str) -> None:
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        for one in (alice, bob):
            await one.join("lobby")
        await bob.say("lobby", "hello")
        headers = {"Cookie": f"{COOKIE}={bob.token}"} if change == "ban" else {}
        own = {"Cookie": f"{COOKIE}={alice.token}"}
        async with (
            EventReader(server.url, "lobby", headers=headers) as reader,
            EventReader(server.url, "lobby", headers=own) as other,
        ):
            if change == "ban":
                await alice.ask("ban", {"room": "lobby", "person": bob.me["id"]})
            else:
                await alice.ask(
                    "settings", {"room": "lobby", "listed" if change == "unlisted" else "locked": change != "unlisted"}
                )
            await reader.ended()
            assert reader.told[-1].name == "removed"
            await alice.say("lobby", "are they gone?")
            await other.hears_text("are they gone?")
            assert "are they gone?" not in reader.texts
            async with EventReader(server.url, "lobby", headers=headers, after=0) as again:
                assert again.status == 404
        await until(lambda: not len(server.runner.app[ROOM_EVENTS]))


async def test_requests_that_are_none(start_server: Start) -> None:
    server = await start_server(origins="https://friend.test")
    own = server.url.removeprefix("http://")
    async with Talker(server.url, "alice") as alice, aiohttp.ClientSession() as http:
        await alice.join("lobby")

        async def ask(method: str, path: str, **headers: str) -> aiohttp.ClientResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with http.request(method, f"{server.url}{path}", headers=named, allow_redirects=False) as answer:
                await answer.read() if answer.headers.get("Content-Length") else None
                return answer

        assert (await ask("HEAD", "/r/lobby/events")).status == 200
        assert (await ask("POST", "/r/lobby/events")).headers["Allow"] == "GET, HEAD, OPTIONS"
        preflight = await ask("OPTIONS", "/r/lobby/events", Origin="https://friend.test", Host=own)
        assert preflight.status == 204 and "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://friend.test"
        assert (await ask("GET", "/r/lobby/events", Origin="https://elsewhere.test", Host=own)).status == 403
        moved = await ask("GET", "/r/My%20Lobby/events?after=3")
        assert moved.status == 308 and moved.headers["Location"] == "/r/my-lobby/events?after=3"
        assert (await ask("GET", "/r/lobby/events/")).headers["Location"] == "/r/lobby/events"
        for path, headers in (
            ("/r/no!room/events", {}),
            ("/r/lobby/events?after=x", {}),
            ("/r/lobby/events?after=-1", {}),
            ("/r/lobby/events?after=" + "9" * 16, {}),
            ("/r/lobby/events?epoch=x", {}),
            ("/r/lobby/events", {"Last_Event_ID": "soon"}),
        ):
            answer = await ask("GET", path, **headers)
            assert answer.status == 400 and answer.content_type == "application/json", path


async def test_it_counts_as_a_connection_of_its_address(start_server: Start) -> None:
    server = await start_server(max_per_address=2, trust_proxies=1)
    async with Talker(server.url, "alice", address="192.0.2.7") as alice:
        await alice.join("lobby")
        who = {"X-Forwarded-For": "192.0.2.7"}
        async with EventReader(server.url, "lobby", headers=who) as one:
            assert one.status == 200
            async with EventReader(server.url, "lobby", headers=who) as other:
                assert other.status == 429
            async with aiohttp.ClientSession(server.url) as http, http.get("/metrics") as response:
                assert 'parlor_sockets{transport="events"} 1.0' in await response.text()
        await until(lambda: not len(server.runner.app[ROOM_EVENTS]))
        async with EventReader(server.url, "lobby", headers=who) as third:
            assert third.status == 200


async def test_a_slow_reader_is_ended_and_resumes_by_its_id(start_server: Start) -> None:
    server = await start_server(outbox_limit=200_000)
    async with Talker(server.url, "alice") as alice, await Line.to(server.url, limit=1_000) as line:
        await alice.join("lobby")
        await line.write(head("GET", "/r/lobby/events", {}))
        streams = server.runner.app[ROOM_EVENTS]
        await until(lambda: len(streams) == 1)
        n = 0
        while len(streams):
            await asyncio.gather(*(alice.say("lobby", f"{n + one} " + "x" * 3_900) for one in range(50)))
            n += 50
        await alice.say("lobby", "end")
        got = bytearray()
        try:
            while data := await line.reader.read(65_536):
                got += data
        except ConnectionError:
            pass
        last = max(int(one[4:]) for one in bytes(got).split(b"\n") if one.startswith(b"id: "))
        async with EventReader(server.url, "lobby", after=last) as reader:
            await reader.hears_text("end")
            assert [int(one.id) for one in reader.told] == list(range(last + 1, n + 2))


async def test_many_pages_wait_for_a_slow_reader_without_filling_memory(server: Running) -> None:
    async with Talker(server.url, "alice") as alice, await Line.to(server.url, limit=1_000) as line:
        await alice.join("lobby")
        for first in range(0, 900, 100):
            await asyncio.gather(*(alice.say("lobby", f"{first + n} " + "x" * 3_900) for n in range(100)))
        await line.write(head("GET", "/r/lobby/events?after=0", {}))
        await until(lambda: len(server.runner.app[ROOM_EVENTS]) == 1)
        got = b""
        while b'"899 x' not in got[-10_000:]:
            got += await line.reader.read(65_536)
        ids = [int(one[4:]) for one in got.split(b"\n") if one.startswith(b"id: ")]
        assert ids == list(range(1, 901))


async def test_no_gap_and_no_double_through_kills_and_cut_lines(tmp_path: Path) -> None:
    async with Standing(tmp_path / "data") as standing, AsyncExitStack() as stack:
        alice = await stack.enter_async_context(Talker(standing.url, "alice"))
        await alice.join("lobby")
        reader = await stack.enter_async_context(EventReader(standing.url, "lobby", again=True, after=0))
        for round in range(3):
            await _say_on(alice, 40 * round, 40 * round + 40)
            if round == 1:
                _cut(reader)  # the line, and the server lives on
                continue
            standing.signal(signal.SIGKILL)
            await standing.ended(10)
            await standing.begin()
            alice = await stack.enter_async_context(Talker(standing.url, token=alice.token))
            await alice.join("lobby")
        await alice.say("lobby", "end")
        await reader.hears_text("end")
        assert reader.texts == [*map(str, range(120)), "end"]
        assert reader.retries >= 3


def _cut(reader: EventReader) -> None:
    connection = reader.answer.connection
    assert connection and connection.transport
    connection.transport.abort()


async def test_a_reader_that_leaves_before_it_is_answered_leaves_nothing_behind(server: Running) -> None:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for wait in range(6):
            for _ in range(5):
                async with await Line.to(server.url) as line:
                    await line.write(head("GET", "/r/lobby/events", {}))
                    for _ in range(wait):
                        await asyncio.sleep(0)
        broadcaster, streams = server.chat.broadcaster, server.runner.app[ROOM_EVENTS]
        await until(lambda: not streams._tasks and not len(streams))
        assert not broadcaster._plain._by_id and not broadcaster._plain.by_room  # type: ignore[attr-defined]


async def test_an_old_stream_is_ended_and_its_reader_goes_on(start_server: Start) -> None:
    server = await start_server(max_connection_age=1)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        async with EventReader(server.url, "lobby", again=True, after=0) as reader:
            await alice.say("lobby", "before")
            await until(lambda: reader.retries)
        async with Talker(server.url, token=alice.token) as again, EventReader(server.url, "lobby", after=1) as reader:
            await again.join("lobby")
            await again.say("lobby", "behind")
            await reader.hears_text("behind")
            assert reader.texts == ["behind"]


async def test_a_site_has_its_streams_and_sockets_below_its_path(start_server: Start) -> None:
    server = await start_server(base_path="/chat")
    site = f"{server.url.removesuffix('/').removesuffix('/chat')}/chat"
    async with PlainTalker(site, "lobby", "Ann") as ann, aiohttp.ClientSession() as http:
        await ann.hears("Ann has connected.")
        async with EventReader(site, "lobby") as reader:
            await ann.say("hello")
            await reader.hears_text("hello")
        async with http.get(f"{site}/r/Lobby/events", allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/chat/r/lobby/events"


async def test_a_conversation_of_two_is_read_by_them_alone(server: Running) -> None:
    async with AsyncExitStack() as stack:
        alice, bob, eve = [await stack.enter_async_context(Talker(server.url, one)) for one in ("alice", "bob", "eve")]
        for one in (alice, bob, eve):
            await one.join("lobby")
            await one.say("lobby", "stored")
        assert (await alice.ask("open", {"person": bob.me["id"]}))["ok"]
        with_bob, with_alice = f"@{bob.me['id']}", f"@{alice.me['id']}"
        bearer = {one.me["nickname"]: {"Authorization": f"Bearer {one.token}"} for one in (alice, bob, eve)}
        readers = [
            await stack.enter_async_context(EventReader(server.url, with_bob, headers=bearer["alice"])),
            await stack.enter_async_context(EventReader(server.url, with_alice, headers=bearer["bob"])),
        ]
        lines = await stack.enter_async_context(PlainTalker(server.url, with_alice, headers=bearer["bob"]))
        await lines.hears("bob has connected.")
        said = await alice.say(with_bob, "psst")
        for reader in readers:
            assert (await reader.hears_text("psst")).data == said
        await lines.hears("alice said: psst")
        assert (await alice.hears("message", lambda told: told["room"] == with_bob))["message"] == said
        for headers in ({}, bearer["eve"]):
            async with EventReader(server.url, with_bob, headers=headers) as reader:
                assert reader.status == 404
        assert lines.heard.count("bob has connected.") == 1
