"""What the official protocol suites talk to: `python -m tests.live.conformance PORT [--loop asyncio|uvloop]`,
on the loopback; uvloop where nothing is said and there is one. With `--processes 3 --redis URL` so many serve,
behind a proxy at that port that sends each connection, with one request, to the next of them.

The suites stand in the socket.io repository under docs/: engine.io-protocol/v4-test-suite and
socket.io-protocol/v5-test-suite. They expect http://localhost:3000, pings of 300/200 ms and payloads of 1e6 bytes.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from app import engineio, socketio
from app.engineio import EngineServer, Session, Settings
from app.live.redis.carrier import RedisCarrier
from app.live.redis.connection import RedisConnection
from app.live.relay import Relay
from app.process import new_process_id
from app.server import uvloop
from app.socketio import Server, create_server
from tests.support.proxy import RoundRobin

SETTINGS: dict[str, Any] = {"ping_interval": 0.3, "ping_timeout": 0.2, "max_payload": 1_000_000}


def echo_engine(**settings: Any) -> EngineServer:
    """Engine.IO: every message comes back as it was."""
    engine = EngineServer(Settings(**SETTINGS, **settings))
    engine.on_message = Session.send
    return engine


def echo_server(**settings: Any) -> Server:
    """Socket.IO, on `/` and `/custom`: `auth` on connect, `message` comes back, `message-with-ack` is acked."""
    server = create_server(**SETTINGS, **settings)

    def open_namespace(namespace: str) -> None:
        async def connect(sid: str, _environ: Any, auth: Any) -> None:
            await server.emit("auth", auth or {}, to=sid, namespace=namespace)

        async def message(sid: str, *values: Any) -> None:
            await server.emit("message-back", values, to=sid, namespace=namespace)

        async def message_with_ack(_sid: str, *values: Any) -> tuple[Any, ...]:
            return values

        server.on("connect", connect, namespace=namespace)
        server.on("message", message, namespace=namespace)
        server.on("message-with-ack", message_with_ack, namespace=namespace)

    open_namespace("/")
    open_namespace("/custom")
    return server


async def suites_app(redis: str = "") -> web.Application:
    """redis: where other processes are asked for sessions that they have."""
    app = web.Application()
    one, two = new_process_id(), new_process_id()
    engine, server = echo_engine(process=one), echo_server(process=two)
    if redis:
        engine.relay = await relay(redis, one, engine)
        server.engine.relay = await relay(redis, two, server.engine)
    engineio.attach(engine, app, "/engine.io/")
    socketio.attach(server, app, "/socket.io/")
    return app


async def relay(redis: str, process: str, engine: EngineServer) -> Relay:
    connection = RedisConnection(redis, process, "conformance")
    await connection.start()
    return Relay(engine, [RedisCarrier(connection)])


async def serve_suites(port: int, redis: str) -> None:
    await serve(await suites_app(redis), port)


async def serve(app: web.Application, port: int) -> None:
    """Serve until the process ends; the first line says where."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1)
    await runner.setup()
    listener = await engineio.listen(runner, "127.0.0.1", port)
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


async def serve_several(port: int, processes: int, redis: str) -> None:
    """The same, by several processes."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(suites_process(redis)) for _ in range(processes)]
        proxy = RoundRobin(*urls)
        proxy.port = port
        await stack.enter_async_context(proxy)
        print(proxy.url, flush=True)
        end = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
        await end.wait()


@asynccontextmanager
async def suites_process(redis: str) -> AsyncIterator[str]:
    """The URL of a process of its own."""
    command = [sys.executable, "-m", "tests.live.conformance", "0", "--redis", redis]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="uvloop" if uvloop else "asyncio")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--redis", default="", metavar="URL")
    asked = parser.parse_args()
    factory = uvloop.new_event_loop if uvloop and asked.loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        if asked.processes > 1:
            runner.run(serve_several(asked.port, asked.processes, asked.redis))
        else:
            runner.run(serve_suites(asked.port, asked.redis))
