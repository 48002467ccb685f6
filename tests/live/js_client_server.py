"""What the suite of the official JavaScript client talks to: `python -m tests.live.js_client_server [PORT]`.

The suite stands in the socket.io repository under packages/socket.io-client/test. It starts a Node server of its own on
port 3210; with that left out (its support/hooks.ts) it runs against this one, which listens to the same events. Only
`connection state recovery` cannot pass: it is not spoken here (docs/engine.md).
"""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from socketio.exceptions import ConnectionRefusedError

from app.socketio import Server, attach, create_server

NAMESPACES = ("/", "/foo", "/timeout_socket", "/valid", "/asd", "/abc", "/no")
DELAY = 0.01  # seconds before a handshake is answered, so that a client's timeout of 0 comes first
TEXTS = ("てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string")
BYTES = b"asdfasdf"
ANSWERED_BY_BYTES = {"buffa": "buffack", "blob": "back"}
ANSWERED_BY_MIXED = {"jsonbuff": "jsonbuff-ack", "jsonblob": "jsonblob-ack"}
IN_ORDER = {"abuff2": (["abuff1"], "abuff2-ack"), "blob3": (["blob1", "blob2"], "blob3-ack")}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_server() -> Server:
    server = create_server(ping_interval=2)
    handshakes: dict[str, dict[str, Any]] = {}
    heard: dict[str, list[str]] = {}

    def on_connect(namespace: str) -> Any:
        async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
            handshakes[sid] = {"query": dict(parse_qsl(environ["QUERY_STRING"])), "auth": auth or {}}
            if namespace == "/no":
                raise ConnectionRefusedError("Auth failed (custom namespace)")
            if namespace == "/" and "fail" in handshakes[sid]["query"]:
                raise ConnectionRefusedError("Auth failed (main namespace)")
            if namespace == "/abc":
                await server.emit("handshake", handshakes[sid], to=sid, namespace=namespace)

        return connect

    async def event(name: str, sid: str, *values: Any) -> Any:
        async def say(answer: str, *more: Any) -> None:
            await server.emit(answer, more, to=sid)

        async def acked(a: Any = None, b: Any = None) -> None:
            if a == 5 and b["test"]:
                await say("got it")

        heard.setdefault(sid, []).append(name)
        match name:
            case "hi":
                await say("hi")
            case "echo":
                return values[:1]  # a tuple: a null is answered as one, where None alone would be no value
            case "ack":
                await server.emit("ack", to=sid, callback=acked)
            case "getId":
                return sid
            case "getHandshake":
                return handshakes[sid]
            case "getAckDate":
                return now()
            case "getDate":
                await say("takeDate", now())
            case "getDateObj":
                await say("takeDateObj", {"date": now()})
            case "getUtf8":
                for text in TEXTS:
                    await say("takeUtf8", text)
            case "false":
                await say("false", False)
            case "doge" | "getbin":
                await say({"doge": "doge", "getbin": "takebin"}[name], BYTES)
            case _ if name in ANSWERED_BY_BYTES and isinstance(values[0], bytes):
                await say(ANSWERED_BY_BYTES[name])
            case _ if name in ANSWERED_BY_MIXED and isinstance(values[0]["message"], bytes):
                assert (values[0]["hello"], values[0]["goodbye"]) == ("lol", "gotcha")
                await say(ANSWERED_BY_MIXED[name])
            case _ if name in IN_ORDER and isinstance(values[0], bytes | str):
                before, answer = IN_ORDER[name]
                if [one for one in heard[sid] if one in before] == before:
                    await say(answer)
        return server.not_handled

    for namespace in NAMESPACES:
        server.on("connect", on_connect(namespace), namespace=namespace)
    server.on("*", event)
    server.on("getId", lambda sid: sid, namespace="/foo")
    return server


@web.middleware
async def late(request: web.Request, handler: Any) -> web.StreamResponse:
    """Of a connection's first request, which comes by aiohttp: `serve` sees to that."""
    if "sid" not in request.query:
        await asyncio.sleep(DELAY)
    return await handler(request)


def build_app() -> web.Application:
    app = web.Application(middlewares=[late])
    attach(build_server(), app)
    return app


async def serve(app: web.Application, port: int) -> None:
    """Serve until the process ends, by a site of aiohttp's: what `listen` serves never comes to a middleware."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(build_app(), int(sys.argv[1]) if len(sys.argv) > 1 else 3210))
