"""WebSockets: the handshake and what follows, compression, HTTP versions, idle connections, their limit."""

import asyncio
import ssl
from contextlib import AsyncExitStack
from time import monotonic

from app.tools.doctor.polling import too_silent
from app.tools.doctor.refusals import refused_websocket
from app.tools.doctor.sessions import PING, POLLING, PONG, WEBSOCKET, Ended, WebSocket, join, opened
from app.tools.doctor.site import REQUEST_TIMEOUT_S, Finding, Site, skipped, trust

PARALLEL_HANDSHAKES = 10
LATE_AFTER_S = 2.5  # a heartbeat, as the page has it (static/js/diagnostics/silence.js)
WEBSOCKETS_OVER_H2 = 8  # SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, 3)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"  # RFC 9113, 3.4


async def handshake(site: Site) -> list[Finding]:
    """101, the first frame, and an answer to CONNECT."""
    begun = monotonic()
    async with await WebSocket.open(site, WEBSOCKET) as socket:
        if not socket.is_open:
            finding = refused_websocket(site, socket.reply)
            if finding.verdict == "bad":
                site.mark_unusable("websocket")
            return [finding]
        site.facts.add("upgrade")
        trouble = await _conversation(site, socket)
    if trouble:
        site.mark_unusable("websocket")
        return [trouble]
    site.facts.add("websocket")
    site.works.setdefault("websocket", True)
    return [Finding(f"101, first frame, answer to CONNECT, in {(monotonic() - begun) * 1000:.0f} ms")]


async def _conversation(site: Site, socket: WebSocket) -> Finding | None:
    """What goes wrong after a 101; None where nothing does."""
    heard = False
    begun = monotonic()
    try:
        first = opened(await socket.receive())
        if not first:
            cause = "something else than Parlor speaks WebSocket at /socket.io/"
            return Finding("101, but no Engine.IO packet", "bad", cause, "send /socket.io/ to Parlor.")
        heard = True
        site.interval = float(first.get("pingInterval", 20_000)) / 1000
        await join(site, socket)
    except Ended as end:
        lasted, what = monotonic() - begun, "the first frame" if not heard else "an answer"
        if heard and end.in_good_order:
            cause = "the server ends connections before this line has carried a question there and the answer back"
            seen = f"101, then {end} after {lasted:.1f} s, in good order, before {what}"
            mend = f"set PARLOR_MAX_CONNECTION_AGE far above {lasted:.0f}, or leave it out."
            return Finding(seen, "bad", cause, mend)
        return Finding(
            f"101, then {end} after {lasted:.1f} s, before {what}",
            "bad",
            "a proxy answers the handshake, but does not keep the connection: it knows no WebSocket behind the 101, or "
            "has no way to the server",
            site.mend("upgrade", "let it tunnel what follows a 101, or take it out of the way of /socket.io/."),
        )
    except TimeoutError:
        return Finding(
            "101, then silence" if not heard else "101 and a first frame, but what we say gets no answer",
            "bad",
            "a proxy answers the handshake and then passes no frames" + (" to the server" if heard else ""),
            site.mend(
                "upgrade", "let it tunnel what follows a 101; switch off inspection and buffering of /socket.io/."
            ),
        )
    return None


async def deflate(site: Site) -> list[Finding]:
    """The same, with permessage-deflate offered as browsers do."""
    async with await WebSocket.open(site, WEBSOCKET, deflate=True) as socket:
        if socket.is_open and socket.compressed:
            seen = "permessage-deflate offered and taken"
        else:
            seen = "permessage-deflate offered, not taken"
        trouble = await _conversation(site, socket) if socket.is_open else refused_websocket(site, socket.reply)
    if not trouble:
        return [Finding(f"{seen}; frames go and come")]
    site.mark_unusable("websocket")
    cause = "a proxy on the way breaks WebSockets that offer permessage-deflate, as every browser's does"
    mend = site.mend("deflate", "let the proxy drop Sec-WebSocket-Extensions from requests, or update it.")
    return [Finding(f"{seen}; {trouble.seen}", "bad", cause, mend)]


async def alpn(site: Site) -> list[Finding]:
    """Browsers open WebSockets over HTTP/1.1, or over HTTP/2 where its SETTINGS allow it (RFC 8441)."""
    if not site.secure:
        return skipped("there is no TLS")
    old, _ = await _chosen(site, trust(anything=not site.believes))
    new, tunnels = await _chosen(site, trust(anything=not site.believes, alpn="h2 http/1.1"))
    seen = f"pages by {new or 'HTTP/1.1'}, WebSockets by {old or 'HTTP/1.1'}" + (" or h2 (RFC 8441)" if tunnels else "")
    if old in ("http/1.1", ""):
        return [Finding(seen)]
    site.mark_unusable("websocket")
    cause = "the TLS in front does not speak HTTP/1.1, without which most browsers open no WebSocket"
    return [Finding(seen, "bad", cause, site.mend("alpn", "offer http/1.1 beside h2 in its ALPN protocols."))]


async def _chosen(site: Site, context: ssl.SSLContext) -> tuple[str, bool]:
    """The protocol that the server chooses, and whether it accepts WebSockets over HTTP/2."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(site.host, site.port, ssl=context, server_hostname=site.host)
            chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol() or ""
            tunnels = chosen == "h2" and await _tunnels(reader, writer)
            writer.transport.abort()
    except (OSError, TimeoutError):
        return "nothing", False
    return chosen, tunnels


async def _tunnels(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """The first frame of an HTTP/2 server is its SETTINGS (RFC 9113, 3.4)."""
    try:
        writer.write(PREFACE)
        head = await reader.readexactly(9)
        settings = await reader.readexactly(int.from_bytes(head[:3], "big"))
    except (OSError, EOFError):
        return False
    pairs = [settings[place : place + 6] for place in range(0, len(settings), 6)]
    return any(pair[:2] == WEBSOCKETS_OVER_H2.to_bytes(2, "big") and pair[-1] == 1 for pair in pairs)


async def idle(site: Site) -> list[Finding]:
    """Whether heartbeats keep an idle connection open."""
    async with await WebSocket.open(site, WEBSOCKET, deflate=True) as socket:
        watch = _Watch(site)
        try:
            await socket.receive()
            watch.joined(await join(site, socket))
            while (left := watch.end - monotonic()) > 0:
                if await socket.receive(left) == PING:
                    watch.beat()
                    await socket.send(PONG)
        except TimeoutError:
            pass
        except Ended as end:
            return [watch.ended(end)]
    return [watch.over()]


class _Watch:
    """A connection on which nothing passes but the heartbeat, and what its end says."""

    def __init__(self, site: Site) -> None:
        self._site, self._begun = site, monotonic()
        self.joined(0.0)

    def joined(self, round_trip: float) -> None:
        """From now on it is silent. round_trip: seconds."""
        self._round_trip, self._heard = round_trip, monotonic()
        self._beats, self._longest = 0, 0.0
        self.end = self._heard + self._site.watch_s

    def beat(self) -> None:
        self._longest, self._heard = max(self._longest, self._silent), monotonic()
        self._beats += 1

    @property
    def _silent(self) -> float:
        return monotonic() - self._heard

    def over(self) -> Finding:
        """It was never cut: it lives, if heartbeats came as long as they were due."""
        interval, silent = self._site.interval, self._silent
        if silent > interval + self._round_trip + LATE_AFTER_S:
            cause = "something on the way has forgotten the connection, without a word to either end"
            mend = f"set PARLOR_PING_INTERVAL below {interval:g}, so that it is never silent for long."
            return Finding(f"no heartbeat for {silent:.1f} s", "bad", cause, self._site.mend("idle", mend))
        lasted = f"lives after {self._site.watch_s:g} s" + (f", {self._beats} heartbeats" if self._beats else "")
        return Finding(f"{lasted}; `--idle 300` looks longer" if self._site.watch_s < 60 else lasted)

    def ended(self, how: Ended) -> Finding:
        """A heartbeat's answer and the news of the cut each need a way: what cuts saw a silence that was shorter than
        ours by up to a round trip. A connection that had stood as much before was not cut for its silence."""
        lasted, silent = monotonic() - self._begun, self._silent
        if how.in_good_order:
            return Finding(
                f"{how} after {lasted:.1f} s, in good order: by PARLOR_MAX_CONNECTION_AGE, or the server was restarted"
            )
        if self._beats and silent - self._round_trip <= self._longest:
            cause = f"a proxy ends connections {lasted:.0f} s after their beginning, whatever passes"
            mend = self._site.mend("idle", "raise its longest duration.")
            return Finding(f"{how} after {lasted:.1f} s", "warn", cause, mend)
        cause, mend = too_silent(self._site, "connections", silent, self._round_trip)
        return Finding(f"{how} after {silent:.1f} s of silence", "bad", cause, mend)


async def limit(site: Site) -> list[Finding]:
    """How many WebSockets at once, up to `most`; and whether polling works beyond the limit."""
    if not site.most:
        return skipped("it opens many connections: ask for it with --max 50")
    async with AsyncExitStack() as held:
        stood = 0
        while stood < site.most:
            wanted = min(PARALLEL_HANDSHAKES, site.most - stood)
            sockets = await asyncio.gather(*(WebSocket.open(site, WEBSOCKET) for _ in range(wanted)))
            for socket in sockets:
                await held.enter_async_context(socket)
            stood += sum(socket.is_open for socket in sockets)
            refused = next((socket.reply for socket in sockets if not socket.is_open), None)
            if refused:
                polling = await site.get(POLLING)
                return [_full(site, stood, refused_websocket(site, refused), polling.status == 200)]
    return [Finding(f"{stood} at once")]


def _full(site: Site, stood: int, refusal: Finding, polls: bool) -> Finding:
    seen = f"{stood} of {site.most} at once, then {refusal.seen}; " + (
        "polling still works" if polls else "nor polling"
    )
    if "PARLOR_MAX_WEBSOCKETS" in refusal.seen and polls:
        return Finding(f"{seen}, as PARLOR_MAX_WEBSOCKETS says")
    mend = site.mend("limit", f"PARLOR_MAX_WEBSOCKETS={stood}, or a plan or proxy that allows more.")
    return Finding(seen, "warn" if polls else "bad", refusal.cause, mend)
