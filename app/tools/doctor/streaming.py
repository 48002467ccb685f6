"""Server-sent events, where the operator offers them to pages: a stream whose packets come as they are sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import aiohttp

from app.tools.doctor.polling import timeout_mend
from app.tools.doctor.sessions import CLOSE, PING, PONG, connect, joined_in, opened
from app.tools.doctor.site import Finding, Reply, Site, trouble

STREAM = "/socket.io/?EIO=4&transport=sse"
FIRST_EVENT_S = 4.0  # as long as the page waits for it


class Broken(Exception):
    """`finding` says how."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


class Stream:
    """A session over a stream and POST."""

    def __init__(self, site: Site, http: aiohttp.ClientSession, response: aiohttp.ClientResponse) -> None:
        self._site, self._http, self._response = site, http, response
        self.sid = ""

    async def receive(self, within: float) -> str:
        """The next packet. Raises TimeoutError, OSError, aiohttp.ClientError."""
        async with asyncio.timeout(within):
            while line := (await self._response.content.readline()).decode("utf-8", "replace"):
                if line.startswith("data: "):
                    return line[len("data: ") :].rstrip("\n")
        raise ConnectionResetError

    async def send(self, packet: str, within: float = FIRST_EVENT_S) -> Reply:
        headers = {"Content-Type": "text/plain;charset=UTF-8"}
        address = f"{STREAM}&sid={self.sid}"
        return await self._site.ask(self._http, "POST", address, within=within, body=packet, headers=headers)


@asynccontextmanager
async def _begun(site: Site) -> AsyncIterator[Stream]:
    """A stream that has brought its first packet. Raises Broken."""
    async with site.session(keeps_cookies=True) as http:
        try:
            async with asyncio.timeout(FIRST_EVENT_S):
                response = await http.get(site.root + STREAM, timeout=aiohttp.ClientTimeout(None))
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise Broken(_buffered(site, trouble(error, FIRST_EVENT_S))) from None
        async with response:
            if response.status != 200 or response.content_type != "text/event-stream":
                text = (await response.content.read(1_000)).decode("utf-8", "replace")
                seen = f"{response.status} {response.content_type}: {text[:100]}"
                cause = "something answers in the server's place, or refuses what it does not know"
                raise Broken(Finding(seen, "bad", cause, "let GET to /socket.io/ through, unchanged."))
            stream = Stream(site, http, response)
            try:
                stream.sid = str(opened(await stream.receive(FIRST_EVENT_S)).get("sid", ""))
            except (OSError, TimeoutError, aiohttp.ClientError) as error:
                raise Broken(_buffered(site, f"200, then {trouble(error, FIRST_EVENT_S)}")) from None
            try:
                yield stream
            finally:
                await stream.send(CLOSE, within=1)


def _buffered(site: Site, seen: str) -> Finding:
    cause = "a proxy collects the answer before it passes it on, or cuts answers that do not end"
    mend = site.mend("buffer", "switch buffering and compression off for /socket.io/; keep X-Accel-Buffering.")
    return Finding(seen, "bad", cause, mend)


async def stream(site: Site) -> list[Finding]:
    """A session as the page has it, which then stays open with nothing but heartbeats. No line where these are not
    offered."""
    if "sse" not in site.offered:
        return []
    try:
        async with _begun(site) as one:
            seen = await _conversation(site, one)
    except Broken as broken:
        site.mark_unusable("sse")
        return [broken.finding]
    site.works.setdefault("sse", True)
    return [Finding(seen)]


async def _conversation(site: Site, one: Stream) -> str:
    """CONNECT and its answer, then silence. Raises Broken."""
    begun = monotonic()
    reply = await one.send(connect(site))
    if reply.status != 200:
        cause = "the stream begins, what is said does not arrive: a proxy breaks POST requests"
        raise Broken(Finding(f"POST: {reply}", "bad", cause, "let POST to /socket.io/ pass."))
    try:
        while not joined_in(site, [await one.receive(FIRST_EVENT_S)]):
            pass
    except (OSError, TimeoutError, aiohttp.ClientError) as error:
        raise Broken(_buffered(site, f"a first event, then {trouble(error, monotonic() - begun)}")) from None
    answered = monotonic() - begun
    beats = await _silence(site, one)
    return f"answer to CONNECT in {answered * 1000:.0f} ms; open for {site.watch_s:g} s" + (
        f" with {beats} heartbeats" if beats else ""
    )


async def _silence(site: Site, one: Stream) -> int:
    """The heartbeats that came. Raises Broken."""
    begun, beats = monotonic(), 0
    while (left := begun + site.watch_s - monotonic()) > 0:
        try:
            packet = await one.receive(left)
        except TimeoutError:
            break
        except (OSError, aiohttp.ClientError):
            spent = monotonic() - begun
            cause = f"something cuts streams after {spent:.1f} s"
            raise Broken(Finding(f"cut after {spent:.1f} s", "bad", cause, timeout_mend(site, spent))) from None
        if packet == PING:
            beats += 1
            await one.send(PONG)
    return beats
