"""The engine without the chat, by the names that others rely on."""

import aiohttp
from aiohttp import web

from app.live.engine import attach, create_server, listen
from tests.support.raw import Polls, Socket


async def test_it_is_mounted_at_a_path_and_speaks_there_on_both_transports() -> None:
    server, app = (
        create_server(ping_interval=0.3, ping_timeout=0.2, max_payload=50_000, transports=["polling", "websocket"]),
        web.Application(),
    )
    server.on("connect", lambda *_: None)
    server.on("say", lambda _sid, word: word)
    attach(server, app, "/socket.io/")
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    listener = await listen(runner, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as http:
        for kind in (Polls, Socket):
            async with kind(http, url) as speech:
                await speech.join()
                assert await speech.ask('421["say","hello"]') == ["hello"]
    listener.close()
    server.close_all()
    await runner.cleanup()
