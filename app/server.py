"""Connects the parts, starts them, and stops them without cutting off running verbs. The only module that knows all
others."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
import time
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from aiohttp import ClientConnectionResetError, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger
from aiohttp.typedefs import Middleware
from sqlalchemy.exc import SQLAlchemyError

from app import __version__, engineio, process
from app.chat import Chat, access, people, previewing, pushing, retention, selves
from app.chat import files as kept_files
from app.chat.leases import Lease
from app.chat.looking import Looking
from app.chat.quotas import Quotas
from app.chat.rates import Rates
from app.config import HOSTS_OWN_WORKERS, POSTGRES, BadSetting, Settings, injected
from app.engineio.addresses import is_public, network
from app.engineio.frames import GOING_AWAY
from app.engineio.origins import Origins
from app.engineio.plain import PlainWebSockets
from app.engineio.request import Request
from app.files.blobs import Blobs, UnusablePlace
from app.live.admin import AdminUI
from app.live.broadcaster import Broadcaster
from app.live.echo import echoes
from app.live.events import RoomEvents
from app.live.feed import Feed
from app.live.plain import RoomDoor, Visitor
from app.live.redis.buckets import RedisBuckets
from app.live.redis.bus import RedisBus
from app.live.redis.carrier import RedisCarrier
from app.live.redis.connection import RedisConnection, Unusable
from app.live.redis.directory import RedisDirectory
from app.live.redis.guesses import RedisGuesses
from app.live.relay import Relay
from app.live.relay.carriers import Carrier
from app.live.relay.local import LocalCarrier
from app.live.socket import attach, create_server, listen, register_handlers
from app.logs import AccessLogger, access_log, log_request
from app.model import LIMITS, Refused
from app.socketio import AddressLimit, Listener, Server
from app.socketio.adapter import UnfitLibrary
from app.socketio.queue import Tasks
from app.store import queries
from app.store.database import Database
from app.store.engine import CannotUpgrade
from app.store.lock import ServingLock
from app.web import (
    CHAT,
    api,
    compression,
    cookies,
    deliveries,
    diagnostics,
    edge,
    files,
    hooks,
    installed,
    language,
    operator,
    ops,
    pages,
    visitors,
)
from app.web import log as log_page
from app.web.assets import ASSETS, Assets, templates
from app.web.branding import Branding, branding
from app.web.metrics import METRICS, METRICS_READERS, Metrics, Readers, SocketStats, measuring, metrics, told
from app.web.previews import PageReader
from app.web.siblings import SIBLINGS, Siblings
from app.web.webpush import WebPush
from app.workers import STOP_SIGNALS, Worker, how_many, on_signals

try:
    import uvloop
except ImportError:  # not on Windows
    uvloop = None  # type: ignore[assignment]

log = logging.getLogger("parlor")

VERBS_TIMEOUT_S = 2.5  # for running verbs, when the server stops
LOCK_TIMEOUT_S = 1.5  # within it, for another process's lock on the database; the rest is for sending the answer
CLOSE_TIMEOUT_S = 1.0  # for connections to close
WATCH_INTERVAL_S = 1.0  # between checks of the database's files
TAKEOVER_INTERVAL_S = 0.25  # between attempts to take the lock over from the previous version
FIRST_ANSWER_S = 10.0  # for which a start waits for the database
SHARING_ATTEMPTS = 4  # in so many intervals, for one that starts to be done
MAX_OVERLAP_S = 300.0  # Dokku stops the old version 60 s after the new one answers, or some minutes later
HOST_IDLE_LIMIT_S = 30.0  # the strictest known host cuts a request that has brought no byte for so long
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
ECHOES = web.AppKey("echoes", PlainWebSockets)
ROOM_EVENTS = web.AppKey("room events", RoomEvents)
ROOM_SOCKETS = web.AppKey("room sockets", PlainWebSockets)


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
        """Accept nothing new, let running verbs finish and answer, disconnect everybody, close the store. Under 5 s."""
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
        await self.sockets.wait_closed(CLOSE_TIMEOUT_S)
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
    lock, database, epoch = await _open_store(settings)
    site = _edge(settings)

    def visitor(request: Request) -> str:
        return site.visitor(request.all, request.peer)

    def wait_before(request: Request) -> float:
        wait = quotas.handshakes.wait(_network_of(site, request))
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
    redis = await _connect_redis(settings, process_id, epoch, lock, database, required=not (worker and worker.again))
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
    register_handlers(sockets, chat, partial(_network_of, site), partial(_site_of, site), cookies_of)
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
        shutdown_timeout=CLOSE_TIMEOUT_S,
        keepalive_timeout=KEEPALIVE_S,
        access_log=access_log if settings.access_log else None,
        access_log_class=AccessLogger,
    )
    runner.app[METRICS].more.append(lease.readings)
    if push:
        runner.app[METRICS].more.append(push[1].readings)
        runner.app.on_cleanup.append(lambda _: push[0].close())
    cards = _previews(settings, chat, runner.app)
    if _has_files_apart(settings):
        runner.app[ops.PARTS]["files"] = lambda: ops.FILES_APART
    directory = None
    if feed:
        feed.on_replaced = start_over
        directory = _share_rooms(runner.app, chat, feed, redis)
    beside = LocalCarrier(worker.folder, process_id) if worker else None
    relay = _relay(app, sockets, beside, redis)
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
    watch = _watch(database, lock) if lock.is_held else _take_over(settings, lease, database, lock, must_stop)
    work: list[Coroutine[Any, Any, None]] = [
        retention.run(chat),
        retention.forget_deleted(chat),
        lease.run(),
        chat.marks.run(),
        chat.indexing.run(),
        watch,
        selves.run(chat),
        runner.app[ops.DESCRIPTORS].watch(),
        runner.app[deliveries.DELIVERIES].run(),
    ]
    if blobs:
        work.append(kept_files.run(chat, blobs))
    if feed:
        work.append(feed.run())
    if feed and not redis:
        work.append(Looking(chat, lease).run())
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


def _site_of(site: edge.Edge, request: Request) -> str:
    """The site's address without a slash at its end, as this visitor has it; only its path where that is not known."""
    host = site.host(request.all)
    return f"{site.forwarded_scheme(request.all) or request.scheme}://{host}{site.base}" if host else site.base


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


def _network_of(site: edge.Edge, request: Request) -> str:
    """From where somebody asks, as limits count it; empty where nobody can tell for certain: no trusted proxy said so,
    and the connection comes from a private network, where a proxy may stand that nobody told of."""
    told = site.told_visitor(request.all)
    where = network(told or request.peer)
    return where if told or is_public(where) else ""


def _relay(
    app: web.Application, sockets: Server, beside: LocalCarrier | None, redis: RedisConnection | None
) -> Relay | None:
    """Requests of sessions that other processes have go to those: to other workers directly, to others by Redis."""
    carriers: list[Carrier] = [*([beside] if beside else []), *([RedisCarrier(redis)] if redis else [])]
    if not carriers:
        return None
    relay = sockets.engine.relay = Relay(sockets.engine, carriers)
    app[METRICS].more.append(relay.readings)
    return relay


async def _connect_redis(
    settings: Settings, process_id: str, epoch: str, lock: ServingLock, database: Database, required: bool
) -> RedisConnection | None:
    """Raises BadSetting where it cannot be used, if it is required."""
    url = settings.redis_url.get_secret_value()
    if not url:
        return None
    try:
        redis = RedisConnection(
            url, process_id, epoch, settings.secret.get_secret_value(), verify=settings.redis_verify
        )
        await redis.start(required)
    except Unusable as error:
        await database.close()
        lock.release()
        end = "" if str(error).endswith("?") else "."
        raise BadSetting(f"REDIS_URL: {error}{end}") from None
    return redis


def _share_rooms(app: web.Application, chat: Chat, feed: Feed, redis: RedisConnection | None) -> RedisDirectory | None:
    """Other processes may serve the same rooms: hear of what happens there, and tell."""
    feed.lookup.describe = partial(access.as_told, chat)
    app[METRICS].more.append(feed.readings)
    app[ops.OTHERS] = lambda: "database" if redis is None else "redis" if redis.is_connected else "redis away"
    if redis is None:
        log.warning(
            "No REDIS_URL: should other processes serve the same database, people on different ones hear each other "
            "up to 2 s later, and do not see each other in the list of people."
        )
        return None
    bus = feed.bus = RedisBus(redis, feed)
    app[METRICS].more.append(bus.readings)
    app[ops.PARTS]["redis"] = lambda: "connected" if redis.is_connected else "away"
    directory = chat.directory = RedisDirectory(redis, chat)
    buckets = chat.rates.shared = RedisBuckets(redis)
    chat.quotas.share(buckets)
    chat.guesses.shared = RedisGuesses(redis)
    app[METRICS].more.append(directory.readings)
    return directory


async def _renew_skeletons(chat: Chat) -> None:
    try:
        await people.renew_skeletons(chat)
    except Refused as refusal:
        log.warning("names are not yet compared by today's rule: %s", refusal.text)


async def _watch(database: Database, lock: ServingLock) -> None:
    """Check the files every second, so that one that was removed or replaced is noticed in silent rooms, too."""
    while True:
        await asyncio.sleep(WATCH_INTERVAL_S)
        await database.watch()
        if not await asyncio.to_thread(lock.take):
            log.error("%s", _other_server(lock, database))


async def _take_over(
    settings: Settings, lease: Lease, database: Database, lock: ServingLock, must_stop: asyncio.Future[str]
) -> None:
    """Serve beside the previous version until it has ended, `PARLOR_OVERLAP` at most. Only then are the people who are
    not connected here marked as gone."""
    overlap = _overlap(settings, lock, os.environ)
    log.warning("%s; for %g s at most both serve", _other_server(lock, database), overlap)
    until = time.monotonic() + overlap
    while not await asyncio.to_thread(lock.take):
        if time.monotonic() > until:
            must_stop.set_result(
                f"{_other_server(lock, database)}: both have served for {overlap:g} s (PARLOR_OVERLAP)."
            )
            return
        await asyncio.sleep(TAKEOVER_INTERVAL_S)
        await database.watch()
    if await asyncio.to_thread(lock.take, alone=True):
        log.info("the version before has ended: this one serves alone")
        with contextlib.suppress(Refused):  # nothing can be stored at present: the next start does it
            await lease.end_others()
    await _watch(database, lock)


def application(
    settings: Settings, chat: Chat, sockets: Server, broadcaster: Broadcaster, brand: Branding, blobs: Blobs | None
) -> web.Application:
    """The aiohttp application with all its routes."""
    app = web.Application(middlewares=_middlewares(settings), client_max_size=settings.max_payload)
    base = settings.base_path
    assets = app[ASSETS] = Assets(base, more=brand.files)
    chat.page, app[installed.NAME] = assets.hash, settings.site
    app[language.OF_SITE] = settings.language
    app[edge.EDGE] = _edge(settings)
    app[CHAT] = chat
    app[api.CALLS] = api.Calls()
    app[deliveries.DELIVERIES] = deliveries.Deliveries(chat)
    app[visitors.VISITORS] = _visitors(app[edge.EDGE], sockets)
    app[METRICS] = Metrics(
        chat,
        SocketStats(
            lambda: sockets.engine.sessions_by_transport() | {"events": len(app[ROOM_EVENTS])},
            lambda: (broadcaster.events, broadcaster.deliveries),
            lambda: sockets.engine.settings.addresses.refused,
        ),
    )
    app[METRICS].more.append(app[deliveries.DELIVERIES].readings)
    app.cleanup_ctx.append(measuring)
    app[pages.TEMPLATES] = templates(
        assets,
        base=base,
        site=settings.site,
        version=__version__,
        transports=list(settings.transports),
        push=settings.push,
        file_limit=chat.limits.file,
        brand=brand,
        brand_styles=["colour"] if brand.has_colour else [],
    )
    app[operator.OPERATOR] = operator.Operator(settings.operator_password.get_secret_value(), settings.data)
    tries = app[diagnostics.TRIES] = diagnostics.Tries()
    app[ops.DESCRIPTORS] = ops.Descriptors(process.descriptor_limit)
    app[ops.PARTS] = {}
    app[files.FILES] = files.Files(blobs, settings.file_limit)
    app[files.FILES].clear_leftovers()
    app[ops.INDEX_ROOMS] = settings.index_rooms
    app[METRICS_READERS] = Readers(settings.metrics_token.get_secret_value(), settings.metrics_open)
    app.on_response_prepare.append(edge.add_headers)
    attach(sockets, app, f"{base}/socket.io/")
    app[ECHOES] = echoes(sockets, lambda request, full: tries.note(request.query.get("try", ""), request.get, full))
    engineio.attach(app[ECHOES], app, f"{base}/ws/echo")
    site = app[edge.EDGE]
    visitor = Visitor(partial(_network_of, site), partial(_site_of, site), lambda request: site.tokens(request.all))
    app[ROOM_SOCKETS] = RoomDoor(sockets, chat, broadcaster, visitor).sockets()
    engineio.attach(app[ROOM_SOCKETS], app, f"{base}/ws/r/{{room}}")
    events = app[ROOM_EVENTS] = RoomEvents(sockets.engine, chat, broadcaster, visitor)
    engineio.attach(events, app, f"{base}/r/{{room}}/events")
    for plain in (app[ECHOES], app[ROOM_SOCKETS]):
        sockets.on_close_all.append(partial(plain.close_all, GOING_AWAY, "the server stops or begins anew: come again"))
    app.add_routes(
        [
            web.get(f"{base}/", pages.landing),
            web.get(f"{base}/r/{{room}}", pages.room),
            web.get(f"{base}/r/{{room}}/log", log_page.log),
            web.get(f"{base}/r/{{room}}/log/{{day}}", log_page.log),
            web.post(f"{base}/token", cookies.renew),
            web.get(f"{base}/api", api.describe),
            web.route("*", f"{base}/hooks/{{secret}}", hooks.say),
            web.route("*", f"{base}/api/token", api.token),
            web.route("*", f"{base}/api/{{verb}}", api.call),
            web.route("*", f"{base}/api/{{rest:.+}}", api.nothing),
            web.route("*", f"{base}/files", files.upload),
            web.get(f"{base}/files/{{id}}/{{name}}", files.download),
            web.get(f"{base}/files/{{id}}/thumbnail/{{name}}", files.thumbnail),
            web.get(f"{base}/dialogs", pages.dialogs),
            web.get(f"{base}/echo", pages.echo),
            web.get(f"{base}/diagnostics", pages.diagnostics),
            web.get(f"{base}/diagnostics/seen", diagnostics.seen),
            web.get(f"{base}/favicon.ico", assets.icon),
            web.get(f"{base}/apple-touch-icon.png", assets.icon),
            web.get(f"{base}/manifest.webmanifest", installed.manifest),
            web.get(f"{base}/sw.js", installed.service_worker),
            web.get(f"{base}/robots.txt", ops.robots),
            web.get(f"{base}/operator", operator.show),
            web.post(f"{base}/operator", operator.enter),
            web.post(f"{base}/operator/leave", operator.leave),
            web.get(f"{base}/static/{{path:.+}}", assets.serve),
        ]
    )
    for where in dict.fromkeys((base, "")):  # health checks may not know the base path
        probes = {"/healthz": ops.healthz, "/readyz": ops.readyz, "/metrics": metrics}
        app.add_routes([web.get(where + path, probe) for path, probe in probes.items()])
    if base:
        app.add_routes([web.get(base, pages.landing)])
    return app


def _visitors(site: edge.Edge, sockets: Server) -> visitors.Visitors:
    """Whoever asks over HTTP is judged as whoever connects."""
    origins, own = sockets.engine.admission.origins, Origins((), sockets.engine.settings.own_host, lambda request: "")

    def refusal(request: web.Request) -> str:
        asked = _as_parsed(request)
        return "" if origins.allow(asked) else origins.refusal(asked)

    return visitors.Visitors(
        network=lambda request: _network_of(site, _as_parsed(request)),
        refusal=refusal,
        is_own=lambda request: "Origin" in request.headers and own.allow(_as_parsed(request)),
    )


def _as_parsed(request: web.Request) -> Request:
    """The head of a request of aiohttp's as the engine knows it."""
    parsed = Request(request.method, request.raw_path.encode(), peer=request.remote or "", scheme=request.scheme)
    for name, value in request.raw_headers:
        parsed.add(name, value)
    return parsed


def _branding(settings: Settings) -> Branding:
    """Raises BadSetting."""
    try:
        return branding(settings.logo, settings.colour, settings.welcome, settings.imprint, settings.privacy)
    except ValueError as error:
        raise BadSetting(str(error)) from None


def _edge(settings: Settings) -> edge.Edge:
    return edge.Edge(settings.trust_proxies, settings.base_path, settings.hosts, settings.embed, settings.hsts)


def _middlewares(settings: Settings) -> list[Middleware]:
    """The outermost middleware first."""
    chosen = [(edge.only_hosts, settings.hosts), (edge.force_https, settings.force_https)]
    always = [edge.methods, compression.compress_pages, pages.show_errors, ops.short_of_descriptors, edge.tidy]
    return [middleware for middleware, wanted in chosen if wanted] + always


async def serve(settings: Settings, worker: Worker | None = None) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, or until a worker's parent is gone. A second signal changes nothing."""
    running = await start(settings, worker)
    if worker is None or worker.number == 1:
        for warning in warnings(settings, os.environ):
            log.warning("%s", warning)
    asyncio.get_running_loop().set_exception_handler(partial(_on_fault, running.runner.app[ops.DESCRIPTORS]))
    end = asyncio.Event()
    on_signals(lambda _: end.set())
    if worker:
        worker.on_parent_gone(end.set)
    print(_greeting(running), flush=True)
    running.background_tasks.append(asyncio.create_task(running.runner.app[ASSETS].compress_all()))
    running.must_stop.add_done_callback(lambda _: end.set())
    await end.wait()
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


def warnings(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Settings that work, but probably not as they were meant."""
    if names := injected(environment):
        yield f"{', '.join(names)}: put there by the host for a service called like us, and passed over."
    if why_fewer := how_many(settings)[1] or _why_not_as_hosts_say(settings, environment):
        yield why_fewer
    if settings.ping_interval >= HOST_IDLE_LIMIT_S:
        yield (
            f"PARLOR_PING_INTERVAL is {settings.ping_interval:g} s: hosts that cut a request after "
            f"{HOST_IDLE_LIMIT_S:g} s without a byte (Heroku) will cut every idle poll. "
            "20 to 25 s suits all known hosts."
        )
    if _has_files_apart(settings):
        yield (
            f"PARLOR_FILES is not set: what people send is kept in the folder {settings.file_store} of this machine "
            "alone. Where that does not outlive a restart, or where several machines serve, name a store (s3://...)."
        )
    if settings.embed and not settings.trust_proxies:
        yield (
            "PARLOR_EMBED is set, but no proxy is trusted to say that visitors came by https (PARLOR_TRUST_PROXIES): "
            "over http browsers keep no cookies in frames, so that people there are new at each visit."
        )


def _has_files_apart(settings: Settings) -> bool:
    """What is said is kept elsewhere, what is sent on this machine: nobody has said that this is meant."""
    return not settings.files and settings.database_url.startswith(POSTGRES)


def _why_not_as_hosts_say(settings: Settings, environment: Mapping[str, str]) -> str:
    asked = environment.get(HOSTS_OWN_WORKERS) or "1"
    counts = settings.redis_url.get_secret_value() or environment.get("PARLOR_WORKERS")
    if asked == "1" or counts or settings.workers > 1:
        return ""
    return (
        f"{HOSTS_OWN_WORKERS} is {asked}, but one process serves: some hosts set it by themselves, so it counts only "
        "where REDIS_URL is set. PARLOR_WORKERS counts with PostgreSQL alone, too."
    )


def _greeting(running: Running) -> str:
    settings = running.settings
    transports = ", then ".join(settings.transports)
    return f"Parlor {__version__} serves {running.url} - transports: {transports} - data in {running.database.place}"


async def _open_store(settings: Settings) -> tuple[ServingLock, Database, str]:
    """The lock on the database, the database, and its epoch. Raises BadSetting where another server holds the lock."""
    lock = None
    try:
        if not settings.database_url:
            settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(settings.database)
        lock = ServingLock(database.file, shared=bool(settings.redis_url.get_secret_value()))
        alone = lock.take(alone=True)
        if not alone and not await _shares(lock) and not _overlap(settings, lock, os.environ):
            raise BadSetting(
                f"{_other_server(lock, database)}: stop that one, or give this one a folder of its own (PARLOR_DATA)."
            )
        await database.start(alone)
        if alone:
            lock.take()
        epoch = await _first_answer(database)
    except Refused as refusal:
        if lock:
            lock.release()
        raise BadSetting(refusal.text) from None
    except (OSError, SQLAlchemyError, CannotUpgrade) as error:
        if lock:
            lock.release()
        reason = error.strerror if isinstance(error, OSError) else getattr(error, "orig", error)
        where = "DATABASE_URL" if settings.database_url else f"the data folder {settings.data} (PARLOR_DATA)"
        raise BadSetting(f"Messages cannot be stored in {where}: {reason}.") from None
    return lock, database, epoch


async def _first_answer(database: Database) -> str:
    """The epoch. A busy server may take longer for its first connections than anybody waits who is connected already.
    Raises Refused."""
    until = time.monotonic() + FIRST_ANSWER_S
    while True:
        try:
            return str(await database.read(queries.epoch))
        except Refused as refusal:
            if "retry_after" not in refusal.extra or time.monotonic() > until:
                raise
            await asyncio.sleep(TAKEOVER_INTERVAL_S)


async def _shares(lock: ServingLock) -> bool:
    """Whether it could be taken. Another one that shares it has it for itself while it starts."""
    for _ in range(SHARING_ATTEMPTS):
        if lock.take():
            return True
        await asyncio.sleep(TAKEOVER_INTERVAL_S)
    return False


def _overlap(settings: Settings, lock: ServingLock, environment: Mapping[str, str]) -> float:
    """Seconds that this server may serve beside another one. Not 0 on hosts that start a new version before they stop
    the old one: known by their environment (Dokku sets DYNO), or by another host name (each container has its own)."""
    if settings.overlap is not None:
        return settings.overlap
    holder = lock.holder()
    host, is_ours = holder.get("host"), holder.get("pid") == os.getpid()
    if is_ours and host == socket.gethostname():  # one application with two servers: its own choice
        return math.inf
    is_release = (
        "DYNO" in environment or "KUBERNETES_SERVICE_HOST" in environment or host not in (None, socket.gethostname())
    )
    return MAX_OVERLAP_S if is_release else 0


def _other_server(lock: ServingLock, database: Database) -> str:
    other = {"pid": "?", "host": "?", "since": "?"} | lock.holder()
    return (
        f"another Parlor, process {other['pid']} on {other['host']}, has served {database.file} since "
        f"{other['since']} UTC, and people on the two would not hear each other"
    )


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
