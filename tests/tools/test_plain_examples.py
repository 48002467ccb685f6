"""docs/clients.md: the examples of the plain doors work as they stand."""

import asyncio
import sys
from pathlib import Path

from app.server import Running
from tests.support import need
from tests.support.plain import PlainTalker
from tests.support.process import PROJECT
from tests.support.proxy import Proxy
from tests.support.talker import Talker
from tests.tools.terminal import ENDS_WITHIN
from tests.tools.test_examples import SITE, examples, running


async def test_plain_websockets_in_ten_lines(server: Running, tmp_path: Path) -> None:
    [text] = examples("Plain WebSockets", "js")
    text = text.replace("ws://localhost:8000", server.url.replace("http", "ws")) + f"// {SITE}\n"
    (tmp_path / "node_modules").symlink_to(PROJECT / "tests" / "js" / "node_modules")
    text = f'import {{ WebSocket }} from "ws";\n{text}'  # which browsers have, and Node from 22 on
    async with (
        PlainTalker(server.url, "lobby", "Ann") as ann,
        running(tmp_path, server.url, text, need.program(["node"], "a plain WebSocket of JavaScript")) as program,
        asyncio.timeout(ENDS_WITHIN),
    ):
        assert program.stdout
        assert await program.stdout.readline() == b"Jay has connected.\n"
        assert await program.stdout.readline() == b"Jay said: hello from ten lines\n"
        await ann.hears("Jay said: hello from ten lines")


async def test_json_over_a_plain_websocket(server: Running, tmp_path: Path) -> None:
    [text] = examples("Plain WebSockets", "python")
    text = text.replace("ws://localhost:8000", server.url.replace("http", "ws")) + f"# {SITE}\n"
    for _ in range(2):
        async with running(tmp_path, server.url, text, sys.executable) as program, asyncio.timeout(ENDS_WITHIN):
            assert await program.communicate() == (b"hello from Python\n", b"")


async def test_a_reader_of_events_in_few_lines_misses_nothing(server: Running, tmp_path: Path) -> None:
    [text] = examples("Server-sent events", "python")
    async with Talker(server.url, "alice") as alice, Proxy(server.url) as proxy:
        await alice.join("lobby")
        await alice.say("lobby", "0")
        async with running(tmp_path, proxy.url, text, sys.executable) as program, asyncio.timeout(ENDS_WITHIN):
            assert program.stdout
            for n in range(1, 4):
                assert await program.stdout.readline() == f"alice: {n - 1}\n".encode()
                await proxy.refuse()
                await alice.say("lobby", str(n))
                await proxy.accept()


async def test_curl_reads_a_room(server: Running) -> None:
    curl = need.program(["curl"], "a stream of events that curl reads")
    [text] = examples("Server-sent events", "sh")
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "before")
        for line, expected in zip(text.strip().splitlines(), ("now", "before"), strict=True):
            address = line.partition("#")[0].split()[-1].strip('"').replace(SITE, server.url)
            program = await asyncio.create_subprocess_exec(curl, "-sN", address, stdout=asyncio.subprocess.PIPE)
            assert program.stdout
            async with asyncio.timeout(ENDS_WITHIN):
                await program.stdout.readuntil(b"\n\n")
                await alice.say("lobby", "now")
                told = await program.stdout.readuntil(b"\n\n")
            assert told.startswith(b"event: message\nid: ") and f'"text":"{expected}"'.encode() in told
            program.kill()
            await program.communicate()
