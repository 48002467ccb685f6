"""/metrics for Prometheus. The numbers are read when it asks; counting costs nothing else. Any of several workers tells
the numbers of all."""

import asyncio
import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from aiohttp import HttpVersion11, web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.samples import Sample

from app.chat import Chat
from app.chat.counts import BOUNDS, Durations, Reading
from app.web.siblings import SIBLINGS, Siblings

PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
LAG_INTERVAL_S = 0.5  # between measurements of the event loop's lag


@dataclass(frozen=True)
class SocketStats:
    """The sockets' own numbers."""

    by_transport: Callable[[], dict[str, int]]  # open sessions
    broadcasts: Callable[[], tuple[int, int]]  # events sent to rooms, and their deliveries
    refused: Callable[[], int]  # connections, because their address had too many


@dataclass
class LoopLag:
    """How late the event loop runs its timers: while one step takes long, everybody waits."""

    durations: Durations = field(default_factory=Durations)
    _timer: asyncio.TimerHandle | None = None

    def measure(self, due: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        if due is not None:
            self.durations.note(max(0.0, loop.time() - due))
        following = loop.time() + LAG_INTERVAL_S
        self._timer = loop.call_at(following, self.measure, following)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()


@dataclass(eq=False)
class Metrics:
    """A collector of prometheus-client: reads the numbers from the parts that hold them."""

    chat: Chat
    sockets: SocketStats
    loop_lag: LoopLag = field(default_factory=LoopLag)
    more: list[Callable[[], Iterable[Reading]]] = field(default_factory=list)  # of parts that not every server has

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        for library in (ProcessCollector, PlatformCollector, GCCollector):
            library(registry=self.registry)

    def collect(self) -> Iterator[Metric]:
        chat = self.chat
        events, deliveries = self.sockets.broadcasts()
        yield GaugeMetricFamily("parlor_people", "People connected to this process.", len(chat.presence.online))
        yield GaugeMetricFamily("parlor_rooms", "Rooms with somebody in them.", len(chat.presence.rooms))
        sockets = GaugeMetricFamily("parlor_sockets", "Open connections.", labels=["transport"])
        for transport, count in self.sockets.by_transport().items():
            sockets.add_metric([transport], count)
        yield sockets
        text = "Connections refused because their address had too many."
        yield CounterMetricFamily("parlor_refused_connections", text, self.sockets.refused())
        yield CounterMetricFamily("parlor_messages", "Messages said.", chat.counts.said)
        verbs = CounterMetricFamily("parlor_verbs", "What was asked, and how it ended.", labels=["verb", "end"])
        for (verb, end), count in sorted(chat.counts.verbs.items()):
            verbs.add_metric([verb, end], count)
        yield verbs
        text = "What was refused because a limit was reached, by the limit."
        refusals = CounterMetricFamily("parlor_refusals", text, labels=["limit"])
        for limit, count in sorted(chat.counts.refusals.items()):
            refusals.add_metric([limit], count)
        yield refusals
        yield CounterMetricFamily("parlor_told", "Events told to rooms.", events)
        yield CounterMetricFamily("parlor_deliveries", "Events told to rooms, once for each socket.", deliveries)
        for readings in self.more:
            for name, text, value, is_counter in readings():
                yield (CounterMetricFamily if is_counter else GaugeMetricFamily)(name, text, value)
        yield _histogram("parlor_answer_seconds", "From a payload to its ack.", chat.counts.answers)
        yield _histogram("parlor_loop_late_seconds", "How late the event loop was.", self.loop_lag.durations)


METRICS = web.AppKey("metrics", Metrics)


@dataclass(frozen=True)
class Readers:
    """Who may read the numbers: everybody where it `is_open`; whoever sends the token; programs on this machine."""

    token: str = ""
    is_open: bool = False

    def check(self, request: web.Request) -> None:
        """Raises HTTPUnauthorized, HTTPForbidden."""
        if self.is_open or self._has_token(request) or _is_local(request):
            return
        if self.token:
            text = "Send the token of PARLOR_METRICS_TOKEN: Authorization: Bearer TOKEN."
            raise web.HTTPUnauthorized(text=text, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
        text = (
            "Only programs on the server's own machine read this. Its operator can set PARLOR_METRICS_TOKEN, or open "
            "it to everybody with PARLOR_METRICS_OPEN."
        )
        raise web.HTTPForbidden(text=text)

    def _has_token(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        sent = token.strip().encode("utf-8", "surrogateescape")
        return bool(self.token) and scheme.lower() == "bearer" and hmac.compare_digest(sent, self.token.encode())


METRICS_READERS = web.AppKey("metrics_readers", Readers)


def _is_local(request: web.Request) -> bool:
    """True where the connection is this machine's, and nothing tells of a proxy: one that speaks HTTP/1.0 (nginx by
    default), or has a header that proxies add, may bring somebody from elsewhere."""
    is_direct = request.version >= HttpVersion11 and not any(name in request.headers for name in PROXY_HEADERS)
    return is_direct and _is_loopback(_peer(request))


def _peer(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text, for those who may read it."""
    request.config_dict[METRICS_READERS].check(request)
    own = request.app[METRICS].registry
    siblings = request.app.get(SIBLINGS)
    body = generate_latest(_Workers(await _tell_all(own, siblings)) if siblings else own)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def measuring(app: web.Application) -> Any:
    """Measures the event loop's lag while the application runs, and tells other workers of it."""
    app[METRICS].loop_lag.measure()
    if siblings := app.get(SIBLINGS):
        await siblings.start()
    yield
    app[METRICS].loop_lag.stop()
    if siblings:
        await siblings.close()


def told(registry: CollectorRegistry) -> bytes:
    """All of a worker's numbers, for another one to tell."""
    families = [
        (one.name, one.documentation, one.type, [(sample.name, sample.labels, sample.value) for sample in one.samples])
        for one in registry.collect()
    ]
    return json.dumps(families).encode()


async def _tell_all(own: CollectorRegistry, siblings: Siblings) -> dict[int, bytes | None]:
    """By the numbers of the workers; None of those that do not answer."""
    return dict(sorted([*(await siblings.ask_others()).items(), (siblings.number, told(own))]))


class _Workers:
    """A registry of what several workers have told: the same families, with the worker's number as a label."""

    def __init__(self, by_number: dict[int, bytes | None]) -> None:
        self._by_number = by_number

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("parlor_worker_up", "Whether the worker told its numbers.", labels=["worker"])
        families: dict[str, Metric] = {}
        for number, text in self._by_number.items():
            up.add_metric([str(number)], text is not None)
            for name, documentation, kind, samples in json.loads(text or b"[]"):
                family = families.setdefault(name, Metric(name, documentation, kind))
                family.samples += [
                    Sample(sample, labels | {"worker": str(number)}, value) for sample, labels, value in samples
                ]
        yield up
        yield from families.values()


def _histogram(name: str, text: str, durations: Durations) -> HistogramMetricFamily:
    reached, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), durations.buckets, strict=True):
        reached += count
        buckets.append((bound, float(reached)))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=durations.total)
