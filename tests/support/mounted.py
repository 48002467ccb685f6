"""A server mounted without the chat: ours, or the stock one that ours repairs."""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web

from app.socketio import attach, create_server, listen
from tests.support.raw import Polls, Socket, Speech, Stream
from tests.support.talker import until

SETTLES = 0.5  # seconds of the loop's own time: longer than any timer that these scenarios set
ROUNDS = 300  # questions of a witness, each answered: more turns of the loop than a scenario needs for all it does
LIBRARY_SETTINGS = {"max_payload": "max_http_buffer_size", "origins": "cors_allowed_origins"}
WITNESS, NAMESPACE = "X-Witness", "/witness"
OUR_SETTINGS = ("outbox_limit", "max_websockets")

TRANSPORTS = ("websocket", "polling")
on_both_transports = pytest.mark.parametrize("transport", TRANSPORTS)


class Mount:
    """`mounted = await mount(ping_interval=0.1, stock={...})`: settings for either, options for the stock one alone."""

    def __init__(self, stock: bool) -> None:
        self.stock = stock
        self.mounted: list[Mounted] = []

    async def __call__(self, *, stock: dict[str, Any] | None = None, **settings: Any) -> "Mounted":
        mounted = Mounted(self.stock, stock or {}, settings)
        await mounted.start()
        self.mounted.append(mounted)
        return mounted


class Mounted:
    """A Socket.IO server that serves at `url`; `asked` holds method and transport of every request."""

    def __init__(self, stock: bool, options: dict[str, Any], settings: dict[str, Any]) -> None:
        self.stock = stock
        self.server: Any = stock_server(options, settings) if stock else create_server(**settings)
        self.asked: list[str] = []

    async def start(self) -> None:
        @web.middleware
        async def note(request: web.Request, handler: Any) -> web.StreamResponse:
            if WITNESS not in request.headers:
                self.asked.append(f"{request.method} {request.query.get('transport')}")
            return await handler(request)

        app = web.Application(middlewares=[note])
        if self.stock:
            self.server.attach(app)
        else:
            self._note_requests()
            attach(self.server, app)
        # the stock server is mounted as web.run_app would, ours as app/server.py does
        self.runner = web.AppRunner(app, handler_cancellation=not self.stock, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        if self.stock:
            await web.TCPSite(self.runner, "127.0.0.1", 0).start()
            port = self.runner.addresses[0][1]
        else:
            self.listener = await listen(self.runner, "127.0.0.1", 0)
            port = self.listener.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    @property
    def is_awaiting_body(self) -> bool:
        """True while the head of a POST has arrived and its body has not."""
        if self.stock:
            return self.asked[-1] == "POST polling"
        transports = (session.transport for session in self.server.engine.sessions.values())
        return any(transport.name == "polling" and transport.posts._post for transport in transports)

    def _note_requests(self) -> None:
        engine = self.server.engine
        handle = engine.handle

        def noted(request: Any, connection: Any) -> None:
            self.asked.append(f"{request.method} {request.query.get('transport')}")
            handle(request, connection)

        engine.handle = noted

    async def stop(self) -> None:
        await self.http.close()
        if self.stock:
            await self.server.shutdown()
        else:
            self.listener.close()
            self.server.close_all()
        await self.runner.cleanup()

    def polls(self) -> Polls:
        return Polls(self.http, self.url)

    def stream(self, posts_to: str | None = None) -> Stream:
        return Stream(self.http, self.url, posts_to)

    def socket(self, of: Polls | None = None, **headers: str) -> Socket:
        return Socket(self.http, self.url, of, **headers)

    def over(self, transport: str) -> Speech:
        return self.polls() if transport == "polling" else self.socket()

    def left(self) -> dict[str, Any]:
        """What the server still keeps of anybody."""
        manager = self.server.manager
        kept = {
            "sessions": dict(self.server.eio.sockets if self.stock else self.server.engine.sessions),
            "environ": dict(self.server.environ),
            "rooms": {name: rooms for name, rooms in manager.rooms.items() if rooms},
            "callbacks": dict(manager.callbacks),
            "leaving": {name: sids for name, sids in manager.pending_disconnect.items() if sids},
            "clients": {} if self.stock else dict(self.server.clients),
            "binary": dict(self.server._binary_packet),
        }
        return {name: things for name, things in kept.items() if things}


def watch(mounted: Mounted, connect: Any = lambda *_: None) -> list[str]:
    """Let people in, or do with them as `connect` says. The reasons of those who left, each as often as it is told."""
    reasons: list[str] = []
    mounted.server.on("connect", connect)
    mounted.server.on("disconnect", lambda _sid, reason: reasons.append(reason))
    return reasons


async def empty(mounted: Mounted) -> None:
    """Wait until nothing is kept of anybody."""
    await until(lambda: mounted.left() == {})


def stock_server(options: dict[str, Any], settings: dict[str, Any]) -> Any:
    quiet = logging.getLogger("tests.stock")
    quiet.setLevel(logging.ERROR)
    settings = {LIBRARY_SETTINGS.get(name, name): value for name, value in settings.items() if name not in OUR_SETTINGS}
    return socketio.AsyncServer(async_mode="aiohttp", logger=quiet, engineio_logger=quiet, **settings | options)


def on_both(scenario: Callable[..., Coroutine[Any, Any, None]]) -> Any:
    """Run a scenario on our server, which must pass it, and on the stock one, which must fail it (`pytest -rP` shows
    how): by what it answers, or by not answering while it answers others that ask later. The day the stock one passes,
    the test says so, and our mend can go."""

    @functools.wraps(scenario)
    async def test(mount: Mount, **more: Any) -> None:
        if mount.stock:
            await fails(mount, asyncio.create_task(scenario(mount=mount, **more)))
        else:
            await scenario(mount=mount, **more)

    return pytest.mark.parametrize("mount", ["ours", "stock"], indirect=True)(test)


async def fails(mount: Mount, running: asyncio.Task[None]) -> None:
    """Wait until the scenario has failed, or until it is plain that it waits for ever. No clock is the judge of that:
    everything here runs in one loop, which calls its timers in their order and leaves nobody out in a turn."""
    await asyncio.wait([running], timeout=SETTLES)
    while not running.done() and not await waits_in_vain(mount.mounted, running):
        pass
    if not running.done():
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        print(f"the stock server: no answer, while a later one was answered {ROUNDS} times")
    elif failure := running.exception():
        if not isinstance(failure, AssertionError):
            raise failure
        print(f"the stock server: {failure!r:.300}")
    else:
        pytest.fail("The library has mended this: drop our mend.")


async def waits_in_vain(all_mounted: "list[Mounted]", running: asyncio.Task[None]) -> bool:
    """Does the scenario stand where it stood, after others were answered on each of its servers?"""
    before = standing(running)
    for mounted in all_mounted:
        await witness(mounted)
    await asyncio.wait([running], timeout=SETTLES)
    return bool(all_mounted) and standing(running) == before


def standing(task: asyncio.Task[Any]) -> list[tuple[str, int]]:
    """The line of each coroutine in which the task waits."""
    frames, coroutine = [], task.get_coro()
    while coroutine is not None and (frame := getattr(coroutine, "cr_frame", None)):
        frames.append((frame.f_code.co_qualname, frame.f_lineno))
        coroutine = coroutine.cr_await
    return frames


async def witness(mounted: Mounted) -> None:
    """Somebody else, in a namespace of their own, asks and is answered, and goes again."""
    mounted.server.on("connect", lambda *_: None, namespace=NAMESPACE)
    mounted.server.on("ask", lambda _sid, n: n, namespace=NAMESPACE)
    async with mounted.socket(**{WITNESS: "1"}) as socket:
        await socket.join(NAMESPACE)
        for n in range(ROUNDS):
            await socket.send(f'42{NAMESPACE},{n}["ask",{n}]')
            assert await socket.hears(f"43{NAMESPACE},{n}[") == f"43{NAMESPACE},{n}[{n}]"
        sid = socket.sid
    await until(lambda: sid not in mounted.server.eio.sockets)
