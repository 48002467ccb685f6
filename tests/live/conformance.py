"""What the official protocol suites talk to: `python -m tests.live.conformance PORT [--loop asyncio|uvloop]`,
on the loopback; uvloop where nothing is said and there is one.

The suites stand in the socket.io repository under docs/: engine.io-protocol/v4-test-suite and
socket.io-protocol/v5-test-suite. They expect http://localhost:3000, pings of 300/200 ms and payloads of 1e6 bytes.
"""

import argparse
import asyncio
from typing import Any

from aiohttp import web

from app import engineio, socketio
from app.engineio import EngineServer, Session, Settings
from app.server import uvloop
from app.socketio import Server, create_server

SETTINGS: dict[str, Any] = {"ping_interval": 0.3, "ping_timeout": 0.2, "max_payload": 1_000_000}


def echo_engine() -> EngineServer:
    """Engine.IO: every message comes back as it was."""
    engine = EngineServer(Settings(**SETTINGS))
    engine.on_message = Session.send
    return engine


def echo_server() -> Server:
    """Socket.IO, on `/` and `/custom`: `auth` on connect, `message` comes back, `message-with-ack` is acked."""
    server = create_server(**SETTINGS)

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


def suites_app() -> web.Application:
    app = web.Application()
    engineio.attach(echo_engine(), app, "/engine.io/")
    socketio.attach(echo_server(), app, "/socket.io/")
    return app


async def serve(app: web.Application, port: int) -> None:
    """Serve until the process ends; the first line says where."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1)
    await runner.setup()
    listener = await engineio.listen(runner, "127.0.0.1", port)
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="uvloop" if uvloop else "asyncio")
    asked = parser.parse_args()
    factory = uvloop.new_event_loop if uvloop and asked.loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(suites_app(), asked.port))
