"""How the process ends: on signals, with clients of every kind connected, and when it cannot begin."""

import asyncio
import contextlib
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.process import Process, refusal, serving
from tests.support.talker import Talker, new_id

PROMISED = 5.0  # seconds from the signal to the end, on a machine at rest
WITHIN = 15.0  # where others want the processor too
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@contextlib.asynccontextmanager
async def a_crowd(server: Process) -> AsyncIterator[tuple[Talker, Talker]]:
    """Clients of both transports, and what the internet is full of: half a request, half an upgrade, a hung poll."""
    async with contextlib.AsyncExitStack() as stack:
        alice = await stack.enter_async_context(Talker(server.url, "alice"))
        bob = await stack.enter_async_context(Talker(server.url, "bob", transport="polling"))
        for one in (alice, bob):
            await one.join("lobby")
        silent = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
        silent += (
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        posts = "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n4"
        for words in ("", "GET / HTTP/1.1\r\nHost: ", posts, silent, silent.replace("/socket.io/", "/ws/echo")):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            stack.callback(lambda writer=writer: writer.transport.abort())  # which keeps it: a lost writer closes
            writer.write(words.encode())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        address = f"{server.url}/socket.io/?EIO=4&transport=polling"
        opened = (await (await session.get(address)).text())[1:]
        sid = opened.split('"sid":"')[1].split('"')[0]
        stack.callback(asyncio.create_task(session.get(f"{address}&sid={sid}")).cancel)
        echo = await stack.enter_async_context(session.ws_connect(f"{server.url}/ws/echo", autoclose=False))
        await echo.send_str("here")
        assert await echo.receive_str() == "here"
        yield alice, bob


def faults(errors: str) -> str:
    """What the log holds from the first fault on."""
    lines = errors.splitlines()
    first = next((n for n, line in enumerate(lines) if " ERROR " in line or "Traceback" in line), len(lines))
    return "\n".join(lines[first:])


def is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return True
    return False


@pytest.mark.alone
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_signal_ends_it_within_5_s_whoever_is_connected(
    tmp_path: Path, number: signal.Signals, times: int
) -> None:
    async with serving(tmp_path) as server, a_crowd(server):
        for _ in range(times):
            server.signal(number)
        code, errors = await server.ended(PROMISED)
        assert code == 0
        assert not faults(errors), faults(errors)
        assert is_free(server.port)


async def test_signals_while_it_stops_change_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, a_crowd(server) as (alice, _):
        gone = asyncio.Event()
        alice.client.on("disconnect", lambda *_: gone.set())
        server.signal(signal.SIGTERM)
        await asyncio.wait_for(gone.wait(), WITHIN)
        with contextlib.suppress(ProcessLookupError):
            for number in SIGNALS:
                server.signal(number)
        code, errors = await server.ended(WITHIN)
        assert code == 0
        assert not faults(errors), faults(errors)


async def test_signals_that_go_on_until_it_has_ended_change_nothing(tmp_path: Path) -> None:
    """Some hosts send a second SIGTERM a second after the first: it may come when the loop is closed already."""
    async with serving(tmp_path) as server:
        with contextlib.suppress(ProcessLookupError):
            while server.process.returncode is None:
                server.signal(signal.SIGTERM)
                await asyncio.sleep(0.005)
        assert (await server.ended(WITHIN))[0] == 0


async def test_it_ends_with_nobody_connected(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        server.signal(signal.SIGTERM)
        assert (await server.ended(WITHIN))[0] == 0


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_what_was_under_way_at_the_signal_is_stored_and_acked(tmp_path: Path, transport: str) -> None:
    """Somebody else holds the database's lock, so the send is surely under way when the signal comes."""
    async with (
        serving(tmp_path) as server,
        Talker(server.url, "alice", transport=transport) as alice,
        Talker(server.url, "bob") as bob,
    ):
        await alice.join("lobby")
        await bob.join("lobby")
        with contextlib.closing(sqlite3.connect(tmp_path / "parlor.db", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            typing = asyncio.create_task(alice.ask("typing", {"room": "lobby"}))
            said = asyncio.create_task(alice.say("lobby", "just in time"))
            await typing  # it went before the words, so they have arrived too, or are about to
            await bob.hears("typing")
            server.signal(signal.SIGTERM)
            await no_longer_listens(server.port)
            assert not said.done()
            lock.execute("ROLLBACK")
        message = await said
        assert (await server.ended(WITHIN))[0] == 0
    async with serving(tmp_path) as server, Talker(server.url, "bob") as bob:
        assert (await bob.join("lobby"))["messages"] == [message]


SILENT = """
import os, socket, time
from pathlib import Path

answering = socket.getaddrinfo

def asked(host, *rest, **more):
    if host != "silent.test":
        return answering(host, *rest, **more)
    Path(os.environ["ASKED"]).touch()
    time.sleep(60)

socket.getaddrinfo = asked
"""


async def test_a_name_server_that_does_not_answer_keeps_it_from_nothing(tmp_path: Path) -> None:
    """Anybody can name such a host: the threads in which names are looked up are not waited for."""
    (tmp_path / "sitecustomize.py").write_text(SILENT)
    asked = tmp_path / "asked"
    begun = serving(tmp_path / "data", PYTHONPATH=str(tmp_path), ASKED=str(asked))
    async with begun as server, Talker(server.url, "alice") as alice:
        await alice.join("own")
        hooking = asyncio.create_task(alice.ask("hook", {"room": "own", "url": "https://silent.test/"}))
        async with asyncio.timeout(WITHIN):
            while not asked.exists():
                await asyncio.sleep(0.01)
        server.signal(signal.SIGTERM)
        code, errors = await server.ended(WITHIN)
        hooking.cancel()
        assert code == 0
        assert not faults(errors), faults(errors)


HANGING = """
import shutil, time

def hang(*_, **__):
    time.sleep(60)

shutil.rmtree = hang
"""


async def test_a_disk_that_does_not_answer_keeps_it_from_nothing(tmp_path: Path) -> None:
    """The log tells what it was that hung."""
    (tmp_path / "sitecustomize.py").write_text(HANGING)
    begun = serving(tmp_path / "data", PYTHONPATH=str(tmp_path))
    async with begun as server, Talker(server.url, "alice") as alice, aiohttp.ClientSession() as session:
        form = aiohttp.FormData()
        form.add_field("file", b"here", filename="a.txt", content_type="text/plain")
        bearer = {"Authorization": f"Bearer {alice.token}"}
        upload = asyncio.create_task(session.post(f"{server.url}/files", data=form, headers=bearer))
        async with asyncio.timeout(WITHIN):
            while not list((tmp_path / "data").rglob("parlor-*/upload")):
                await asyncio.sleep(0.01)
        server.signal(signal.SIGTERM)
        code, errors = await server.ended(WITHIN)
        upload.cancel()
        assert code == 0
        assert "sitecustomize.py:5 hang" in errors


async def no_longer_listens(port: int) -> None:
    async with asyncio.timeout(WITHIN):
        with contextlib.suppress(ConnectionError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_what_was_acked_before_the_end_is_there_after_it(tmp_path: Path, transport: str) -> None:
    """Said in one breath with the signal: each is acked and stored, or said once when it is sent again."""
    texts = [f"last words {n}" for n in range(50)]
    ids = [new_id() for _ in texts]
    off = "--rate-limit", "off"
    async with serving(tmp_path, *off) as server, Talker(server.url, "alice", transport=transport) as alice:
        await alice.join("lobby")
        sends = [
            asyncio.create_task(alice.ask("send", {"room": "lobby", "text": text, "id": id}))
            for text, id in zip(texts, ids, strict=True)
        ]
        await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)
        server.signal(signal.SIGTERM)
        assert (await server.ended(WITHIN))[0] == 0
        done, lost = await asyncio.wait(sends, timeout=1)
        for one in lost:
            one.cancel()
        acked = [one.result()["message"] for one in done if not one.exception() and one.result()["ok"]]
        token = alice.token
    assert acked, "at least the first was acked"
    async with serving(tmp_path, *off) as server, Talker(server.url, token=token, transport=transport) as alice:
        stored = {one["id"]: one for one in (await alice.join("lobby"))["messages"]}
        assert [stored.get(one["id"]) for one in acked] == acked
        for text, id in zip(texts, ids, strict=True):
            await alice.say("lobby", text, id)
        log = (await alice.ask("history", {"room": "lobby"}))["messages"]
        assert [one["text"] for one in log] == texts, "resent, all are there once, in the order they were said"


async def refused(*flags: str, **environment: str) -> str:
    """The one sentence with which it does not begin."""
    code, out, errors = await refusal("--host", "127.0.0.1", *flags, **environment)
    assert (code, out) == (1, "")
    assert errors.startswith("Parlor cannot start: ")
    assert errors.count("\n") == 1, errors
    return errors


async def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is taken" in await refused("--data", str(tmp_path), "--port", str(port))


async def test_a_data_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    """Below a file, where not even root can make a folder."""
    (tmp_path / "file").write_text("not a folder")
    folder = tmp_path / "file" / "data"
    assert f"Messages cannot be stored in the data folder {folder} (PARLOR_DATA)" in await refused(
        "--data", str(folder), "--port", "0"
    )


async def test_a_database_that_is_none_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "parlor.db").write_bytes(b"this is no database\n" * 500)
    assert "not a database" in await refused("--data", str(tmp_path), "--port", "0")


async def test_an_unknown_setting_is_told_in_one_sentence(tmp_path: Path) -> None:
    sentence = await refused("--data", str(tmp_path), "--port", "0", PARLOR_TRANSPORT="polling")
    assert "PARLOR_TRANSPORT is no setting of Parlor" in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARLOR_TRANSPORTS", "carrier-pigeon"),
        ("PARLOR_TRANSPORTS", "polling,polling"),
        ("PARLOR_TRANSPORTS", ","),
        ("PARLOR_PING_INTERVAL", "soon"),
        ("PARLOR_PING_INTERVAL", "nan"),
        ("PARLOR_MAX_WEBSOCKETS", "-1"),
        ("PARLOR_ORIGINS", "chat.example.org"),
        ("PARLOR_LOG_LEVEL", "loud"),
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("DATABASE_URL", "oracle://somewhere"),
    ],
)
async def test_a_bad_value_is_told_in_one_sentence_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    sentence = await refused("--data", str(tmp_path), **{name: value})
    assert name in sentence
