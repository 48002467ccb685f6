"""Connects the parts, starts them, and stops them without cutting off running verbs. The only module that knows all
others."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from aiohttp import ClientConnectionResetError, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

from app import __version__, languages, process
from app.advice import has_files_apart, warnings
from app.chat import Chat, access, people, previewing, pushing, retention, selves
from app.chat import files as kept_files
from app.chat.leases import Lease
from app.chat.looking import Looking
from app.chat.quotas import Quotas
from app.chat.rates import Rates
from app.config import BadSetting, Settings
from app.ending import Ending
from app.engineio.request import Request
from app.files.blobs import Blobs, UnusablePlace
from app.joined import connect_redis, relay_of, share_by_database, share_by_redis
from app.live.admin import AdminUI
from app.live.broadcaster import Broadcaster
from app.live.feed import Feed
from app.live.redis.connection import RedisConnection
from app.live.redis.directory import RedisDirectory
from app.live.relay import Relay
from app.live.relay.local import LocalCarrier
from app.live.socket import create_server, listen, register_handlers
from app.logs import AccessLogger, access_log, log_request
from app.model import LIMITS, Refused
from app.routes import ROOM_EVENTS, application, edge_of, network_of, site_of
from app.socketio import AddressLimit, Listener, Server
from app.socketio.adapter import UnfitLibrary
from app.socketio.queue import Tasks
from app.store.database import Database
from app.store.lock import ServingLock
from app.takeover import open_store, take_over, watch_files
from app.web import (
    api,
    deliveries,
    ops,
)
from app.web.branding import Branding, branding
from app.web.metrics import METRICS, told
from app.web.previews import PageReader
from app.web.siblings import SIBLINGS, Siblings
from app.web.webpush import WebPush
from app.workers import STOP_SIGNALS, Worker, on_signals

try:
    import uvloop
except ImportError:  # not on Windows
    uvloop = None  # type: ignore[assignment]

log = logging.getLogger("parlor")

VERBS_TIMEOUT_S = 2.5  # for running verbs, when the server stops
LOCK_TIMEOUT_S = 1.5  # within it, for another process's lock on the database; the rest is for sending the answer
CLOSE_TIMEOUT_S = 1.0  # for connections to close
SHUTDOWN_TIMEOUT_S = CLOSE_TIMEOUT_S / 2  # aiohttp waits twice: for a request to be answered, and to be cancelled
KEEPALIVE_S = 75.0  # longer than the 60 s of common proxies: a proxy must not send into a connection we have closed
POINTS_PER_ACTION = 10  # that a connection may spend for each action of its person: pongs, polls, refusals cost as well
MIN_POINTS = 200  # a second, however few actions people are allowed
MAX_PER_ADDRESS = 2_000  # connections, and sessions, by default
DIRECTS_AN_HOUR = 30  # people to whom one may begin to talk
SILENT_SHARE = 4  # silent connections may have a quarter of the descriptors


_PEER_ERRORS = (HttpProcessingError, web.RequestPayloadError, ClientConnectionResetError)


def _shorten_peer_errors(record: logging.LogRecord) -> bool:
    """For a peer that sends no HTTP, or is gone, aiohttp logs a traceback, with which anybody could fill the disk: one
    line instead."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, _PEER_ERRORS):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args = "a request came to nothing: %.100s", (repr(" ".join(str(error).split())),)
        record.exc_info = record.exc_text = None
    return record.levelno >= log.getEffectiveLevel()


server_logger.addFilter(_shorten_peer_errors)


@dataclass
class Running:
    """A server that is serving, at `url`; empty before it listens."""

    settings: Settings
    chat: Chat
    sockets: Server
    database: Database
    runner: web.AppRunner
    lock: ServingLock
    lease: Lease
    must_stop: asyncio.Future[str]  # resolves with the reason where it may not go on serving
    feed: Feed | None  # where others may serve the same rooms
    redis: RedisConnection | None
    directory: RedisDirectory | None
    relay: Relay | None
    url: str = ""
    listeners: list[Listener] = field(default_factory=list)
    background_tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def stop(self) -> None:
        """Accept nothing new, let running verbs finish and answer, disconnect everybody, close the store. Each step has
        its time; what hangs all the same is ended by `Ending`."""
        for listener in self.listeners:
            listener.close()
        self.sockets.stop_accepting()
        self.database.set_lock_deadline(LOCK_TIMEOUT_S)
        released = [self.relay.release_all()] if self.relay else []
        calls = self.runner.app[api.CALLS].wait_idle(VERBS_TIMEOUT_S)
        await asyncio.gather(self.sockets.wait_idle(VERBS_TIMEOUT_S), calls, *released)
        self.chat.is_stopping = True
        self.sockets.close_all()
        self.runner.app[ROOM_EVENTS].close_all()
        await self.runner.cleanup()
        await self.sockets.wait_idle(CLOSE_TIMEOUT_S)
        self.chat.presence.stop()
        for task in self.background_tasks:
            task.cancel()
        with contextlib.suppress(Refused):
            await self.chat.marks.save()
        await self.lease.end()
        if self.directory:
            await self.directory.close()
        if self.relay:
            self.relay.close()
        if self.feed:
            self.feed.stop()
        if self.redis:
            await self.redis.close()
        await self.database.close()
        self.lock.release()


async def start(settings: Settings, worker: Worker | None = None) -> Running:
    """Open the store, then listen; as a `worker` beside others, where there are several. Raises BadSetting with one
    sentence where that cannot be done."""
    process_id = process.new_process_id()
    brand = _branding(settings)
    blobs = _blobs(settings)
    lock, database, epoch = await open_store(settings)
    site = edge_of(settings)

    def visitor(request: Request) -> str:
        return site.visitor(request.all, request.peer)

    def wait_before(request: Request) -> float:
        wait = quotas.handshakes.wait(network_of(site, request))
        if wait:
            chat.counts.refusals[quotas.handshakes.limit] += 1
            quotas.handshakes.note_refused()
        return wait

    quotas = _quotas(settings)
    sockets = create_server(
        process=process_id,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_payload=settings.max_payload,
        transports=settings.transports,
        origins=settings.origins,
        outbox_limit=settings.outbox_limit,
        max_websockets=settings.max_websockets,
        max_age=settings.max_connection_age,
        addresses=_address_limit(settings),
        visitor=visitor,
        wait_before=wait_before,
        points_per_second=settings.rate_limit and max(MIN_POINTS, POINTS_PER_ACTION * settings.rate_limit),
        own_host=lambda request: site.host(request.all),
        own_scheme=lambda request: site.forwarded_scheme(request.all),
        is_served=lambda request: site.serves(request.all),
        headers=lambda request: site.header_lines(request.all, request.scheme),
    )
    local = Broadcaster(sockets)
    redis = await connect_redis(settings, process_id, epoch, lock, database, required=not (worker and worker.again))
    feed = Feed(local, database, epoch) if redis or not settings.database.startswith("sqlite:") else None
    chat = Chat(
        store=database,
        broadcaster=feed or local,
        process=process_id,
        epoch=epoch,
        version=__version__,
        transports=settings.transports,
        nickname_hold=settings.nickname_hold,
        rates=Rates(settings.rate_limit),
        quotas=quotas,
        grace=settings.grace,
        keep_days=settings.keep_days,
        keep_messages=settings.keep_messages,
        keep_bytes=settings.keep_bytes,
        guest_days=settings.guest_days,
        owner_days=settings.owner_days,
        secret=settings.secret.get_secret_value(),
        site=settings.site,
        limits=replace(LIMITS, file=settings.file_limit if blobs else 0),
        hook_private=settings.hook_private,
    )
    refreshing = Tasks("the rules of a room could not be read")
    if feed:
        feed.lookup.on_rules = lambda room: refreshing.begin(access.refresh(chat, room))
    else:  # nobody else tells of what an operator's command writes
        database.on_foreign_write = lambda: refreshing.begin(access.look(chat))
    chat.on_rules = lambda room: refreshing.begin(access.tell(chat, room))
    chat.on_person = partial(access.settle, chat)
    chat.on_leaving_person = partial(access.leave_directs, chat)
    push = _push(settings, chat)
    lease = Lease(chat)
    with contextlib.suppress(Refused):  # it begins with the first look
        await lease.begin()
    await _renew_skeletons(chat)
    with contextlib.suppress(Refused):  # they are read when somebody comes
        await chat.tokens.ready()
        if push:
            await push[0].public_key()
    cookies_of = lambda request: site.tokens(request.all)  # noqa: E731
    register_handlers(sockets, chat, partial(network_of, site), partial(site_of, site), cookies_of)
    if password := settings.admin_password.get_secret_value():
        AdminUI(sockets, password, visitor)

    def start_over(epoch: str) -> None:
        """The database was replaced by another one: everybody reconnects, and starts over with what it holds."""
        chat.epoch = epoch
        chat.presence.online.start_over()
        chat.rules.clear()
        chat.tokens.start_over()
        if push:
            push[0].start_over()
        if redis:
            redis.change_epoch(epoch)
        if feed:
            feed.start_over(epoch)
        app[ROOM_EVENTS].start_over()
        sockets.disconnect_all_within(CLOSE_TIMEOUT_S)
        running.background_tasks.append(asyncio.create_task(_renew_skeletons(chat)))

    database.replaced = start_over
    app = application(settings, chat, sockets, local, brand, blobs)
    if worker:
        registry = app[METRICS].registry
        app[SIBLINGS] = Siblings(worker.number, worker.of, worker.folder, lambda: told(registry))
    runner = web.AppRunner(
        app,
        handle_signals=False,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
        keepalive_timeout=KEEPALIVE_S,
        access_log=access_log if settings.access_log else None,
        access_log_class=AccessLogger,
    )
    runner.app[METRICS].more.append(lease.readings)
    if push:
        runner.app[METRICS].more.append(push[1].readings)
        runner.app.on_cleanup.append(lambda _: push[0].close())
    cards = _previews(settings, chat, runner.app)
    if has_files_apart(settings):
        runner.app[ops.PARTS]["files"] = lambda: ops.FILES_APART
    directory = looking = None
    if feed:
        feed.on_replaced = start_over
        if redis:
            directory = share_by_redis(runner.app, chat, feed, redis)
        elif database.notifications:
            looking = Looking(chat, lease)
            share_by_database(runner.app, chat, feed, database.notifications, looking)
    beside = LocalCarrier(worker.folder, process_id) if worker else None
    relay = relay_of(app, sockets, beside, redis)
    if beside:
        await beside.start()
    await runner.setup()
    must_stop: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = Running(
        *(settings, chat, sockets, database, runner, lock, lease, must_stop, feed, redis, directory, relay)
    )
    try:
        addresses = None if settings.trust_proxies else sockets.engine.settings.addresses
        running.listeners = await _listen(runner, settings, addresses, shared=worker is not None)
    except BadSetting:
        await running.stop()
        raise
    watching = watch_files(database, lock) if lock.is_held else take_over(settings, lease, database, lock, must_stop)
    work: list[Coroutine[Any, Any, None]] = [
        retention.run(chat),
        retention.forget_deleted(chat),
        lease.run(),
        chat.marks.run(),
        chat.indexing.run(),
        watching,
        selves.run(chat),
        runner.app[ops.DESCRIPTORS].watch(),
        runner.app[deliveries.DELIVERIES].run(),
    ]
    if blobs:
        work.append(kept_files.run(chat, blobs))
    if feed:
        work.append(feed.run())
    if looking:
        work.append(looking.run())
    if push:
        work.append(push[1].run())
    if cards:
        work.append(cards.run())
    if directory:
        work += [directory.run(), chat.quotas.run()]
    running.background_tasks += [asyncio.create_task(one) for one in work]
    running.url = _url(settings, running.listeners)
    return running


def _push(settings: Settings, chat: Chat) -> tuple[WebPush, pushing.Pushing] | None:
    if settings.push == "off":
        return None
    service = WebPush(partial(pushing.vapid_key, chat), settings.push_contact, settings.push_private)
    waking = pushing.Pushing(chat, service)
    chat.push, chat.on_said, chat.on_edited = service, waking.note, waking.note_edited
    return service, waking


def _previews(settings: Settings, chat: Chat, app: web.Application) -> previewing.Previewing | None:
    if settings.previews == "off":
        return None
    reader = PageReader(__version__, settings.preview_private)
    cards = previewing.Previewing(chat, reader)
    chat.on_linked = cards.note
    app[METRICS].more.append(cards.readings)
    app[ops.PARTS]["previews"] = lambda: "on"
    app.on_cleanup.append(lambda _: reader.close())
    return cards


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        handshakes=settings.address_handshakes,
        people=settings.address_people,
        rooms=settings.address_rooms,
        address_bytes=settings.address_bytes,
        person_bytes=settings.person_bytes if settings.rate_limit else None,
        address_files=settings.address_files,
        person_files=settings.person_files if settings.rate_limit else None,
        directs=DIRECTS_AN_HOUR if settings.rate_limit else None,
    )


def _blobs(settings: Settings) -> Blobs | None:
    """Where files are kept that people send; None where they can send none. Raises BadSetting."""
    if not settings.file_store:
        return None
    try:
        return Blobs(settings.file_store, is_late=not settings.files)
    except UnusablePlace as error:
        raise BadSetting(f"PARLOR_FILES: nothing can be kept in {settings.files} ({error}).") from None


async def _renew_skeletons(chat: Chat) -> None:
    try:
        await people.renew_skeletons(chat)
    except Refused as refusal:
        log.warning("names are not yet compared by today's rule: %s", refusal.text)


def _branding(settings: Settings) -> Branding:
    """Raises BadSetting."""
    try:
        return branding(settings.logo, settings.colour, settings.welcome, settings.imprint, settings.privacy)
    except ValueError as error:
        raise BadSetting(str(error)) from None


async def serve(settings: Settings, worker: Worker | None = None) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, or until a worker's parent is gone. A second signal changes nothing."""
    running = await start(settings, worker)
    if worker is None or worker.number == 1:
        for warning in warnings(settings, os.environ):
            log.warning("%s", warning)
    asyncio.get_running_loop().set_exception_handler(partial(_on_fault, running.runner.app[ops.DESCRIPTORS]))
    end = asyncio.Event()
    ending = Ending(asyncio.get_running_loop())
    on_signals(lambda _: end.set(), at_once=ending.begin)
    if worker:
        worker.on_parent_gone(end.set)
    print(_greeting(running), flush=True)
    running.background_tasks.append(asyncio.create_task(asyncio.to_thread(languages.read_all)))
    running.must_stop.add_done_callback(lambda _: end.set())
    await end.wait()
    ending.code = int(running.must_stop.done())
    ending.begin()
    log.info("stopping")
    await running.stop()
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if running.must_stop.done():
        raise BadSetting(running.must_stop.result())


def _on_fault(descriptors: ops.Descriptors, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio's exception handler. A lack of descriptors is reported by `ops.Descriptors`. asyncio retries an accept
    that failed for it even after the server has stopped, and fails: ignored."""
    is_late_retry = "_start_serving" in repr(context.get("handle")) and isinstance(context.get("exception"), ValueError)
    if not is_late_retry and not descriptors.is_lack(context):
        loop.default_exception_handler(context)


def _greeting(running: Running) -> str:
    settings = running.settings
    transports = ", then ".join(settings.transports)
    return f"Parlor {__version__} serves {running.url} - transports: {transports} - data in {running.database.place}"


async def _listen(
    runner: web.AppRunner, settings: Settings, addresses: AddressLimit | None, shared: bool
) -> list[Listener]:
    bound: list[socket.socket] = []
    access = _log_request if settings.access_log else None
    try:
        bound += process.bind(settings.addresses, settings.port, shared)
        limit = process.descriptor_limit()
        max_silent = limit and limit // SILENT_SHARE
        return [
            await listen(runner, sock=one, access=access, addresses=addresses, max_silent=max_silent) for one in bound
        ]
    except OSError as error:
        for one in bound:
            one.close()
        raise BadSetting(process.why_not_bound(settings.host, settings.port, error)) from None


def _address_limit(settings: Settings) -> AddressLimit:
    """For connections and sessions. Where no proxy is trusted, nobody can tell whether an address is a proxy's: so by
    default those of private networks do not count."""
    if settings.max_per_address is not None:
        return AddressLimit(settings.max_per_address or None)
    limit = process.descriptor_limit()
    return AddressLimit(min(MAX_PER_ADDRESS, limit // 2) if limit else MAX_PER_ADDRESS, only_public=True)


def _log_request(request: Request, status: int, size: int) -> None:
    """Writes a line of the access log for a request that the engine answered."""
    seconds = time.monotonic() - request.began
    method, path, transport = request.method or "-", request.path or "-", request.query.get("transport", "")
    log_request(request.peer, method, path, transport, status, size, seconds)


def _url(settings: Settings, listeners: list[Listener]) -> str:
    port = listeners[0].sockets[0].getsockname()[1]
    host = settings.addresses[0]
    host = "localhost" if host in ("0.0.0.0", "::", "") else host  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{settings.base_path}"


def run(settings: Settings, worker: Worker | None = None) -> None:
    """Serve in a new event loop: uvloop's, where it is installed."""
    use = uvloop.new_event_loop if uvloop and settings.loop == "uvloop" else asyncio.new_event_loop
    try:
        with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=use) as runner:
            runner.run(serve(settings, worker))
    except UnfitLibrary as error:
        raise BadSetting(str(error)) from None
