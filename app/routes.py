"""The aiohttp application: all its routes, and what their handlers find in it."""

from functools import lru_cache, partial

from aiohttp import web
from aiohttp.typedefs import Middleware

from app import __version__, engineio, process
from app.chat import Chat
from app.config import Settings
from app.engineio.addresses import is_public, network
from app.engineio.frames import GOING_AWAY
from app.engineio.origins import Origins
from app.engineio.plain import PlainWebSockets
from app.engineio.request import Request
from app.files.blobs import Blobs
from app.live.broadcaster import Broadcaster
from app.live.echo import echoes
from app.live.events import RoomEvents
from app.live.plain import RoomDoor, Visitor
from app.live.socket import attach
from app.socketio import Server
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
from app.web.branding import Branding
from app.web.metrics import METRICS, METRICS_READERS, Metrics, Readers, SocketStats, measuring, metrics

ECHOES = web.AppKey("echoes", PlainWebSockets)
ROOM_EVENTS = web.AppKey("room events", RoomEvents)
ROOM_SOCKETS = web.AppKey("room sockets", PlainWebSockets)


def application(
    settings: Settings, chat: Chat, sockets: Server, broadcaster: Broadcaster, brand: Branding, blobs: Blobs | None
) -> web.Application:
    """The aiohttp application with all its routes."""
    app = web.Application(middlewares=_middlewares(settings), client_max_size=settings.max_payload)
    base = settings.base_path
    assets = app[ASSETS] = Assets(base, more=brand.files)
    chat.page, app[installed.NAME] = assets.hash, settings.site
    app[language.OF_SITE] = settings.language
    app[edge.EDGE] = edge_of(settings)
    app[CHAT], app[ops.BOOT] = chat, ops.new_boot()
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
    visitor = Visitor(partial(network_of, site), partial(site_of, site), lambda request: site.tokens(request.all))
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
            web.post(f"{base}/language", pages.choose_language),
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
        network=lambda request: network_of(site, _as_parsed(request)),
        refusal=refusal,
        is_own=lambda request: "Origin" in request.headers and own.allow(_as_parsed(request)),
    )


def _as_parsed(request: web.Request) -> Request:
    """The head of a request of aiohttp's as the engine knows it."""
    parsed = Request(request.method, request.raw_path.encode(), peer=request.remote or "", scheme=request.scheme)
    for name, value in request.raw_headers:
        parsed.add(name, value)
    return parsed


def network_of(site: edge.Edge, request: Request) -> str:
    """From where somebody asks, as limits count it; empty where nobody can tell for certain: no trusted proxy said so,
    and the connection comes from a private network, where a proxy may stand that nobody told of."""
    told = site.told_visitor(request.all)
    where = network(told or request.peer)
    return where if told or is_public(where) else ""


def site_of(site: edge.Edge, request: Request) -> str:
    """The site's address without a slash at its end, as this visitor has it; only its path where that is not known."""
    host = site.host(request.all)
    return _address(site.forwarded_scheme(request.all) or request.scheme, host, site.base) if host else site.base


@lru_cache(64)
def _address(scheme: str, host: str, base: str) -> str:
    """One for all who have it so."""
    return f"{scheme}://{host}{base}"


def edge_of(settings: Settings) -> edge.Edge:
    return edge.Edge(settings.trust_proxies, settings.base_path, settings.hosts, settings.embed, settings.hsts)


def _middlewares(settings: Settings) -> list[Middleware]:
    """The outermost middleware first."""
    chosen = [(edge.only_hosts, settings.hosts), (edge.force_https, settings.force_https)]
    always = [edge.methods, compression.compress_pages, pages.show_errors, ops.short_of_descriptors, edge.tidy]
    return [middleware for middleware, wanted in chosen if wanted] + always
