"""Long-polling: the handshake, how long an idle poll is held, and whether polls come in storms."""

from time import monotonic

from app.tools.doctor.refusals import SESSION, down, is_error, switched_off
from app.tools.doctor.sessions import CLOSE, PING, PONG, WEBSOCKET, Ended, Polls, WebSocket, packets
from app.tools.doctor.site import Finding, Reply, Site, skipped

STORM_RATE = 5.0  # polls a second of an idle session; more is a busy loop
COUNT_S = 2.0  # for which polls are counted, or less where silence is watched for less
HELD_AFTER_S = 0.5  # an idle poll that is answered sooner, but for the line's round trip, was not held
MAX_INTERVAL_S = 30.0  # some hosts cut polls that are silent for longer (docs/hosts.md)
PROBE_TIMEOUT_S = 1.0  # and the line's own round trip


async def handshake(site: Site) -> list[Finding]:
    """Handshake, CONNECT, answer, as the page does it where there is no WebSocket."""
    async with Polls.open(site) as polls:
        first = polls.handshake
        if not polls.sid:
            return [_no_session(site, first)]
        site.facts.add("handshake")
        site.interval = float(polls.opened.get("pingInterval", 20_000)) / 1000
        joined, reply = await polls.join()
    if not joined:
        return [_no_round_trip(site, reply)]
    site.facts.add("polling")
    site.works.setdefault("polling", True)
    return [Finding(f"session in {first.seconds * 1000:.0f} ms, messages go and come; {_heartbeat(site)}")]


def _heartbeat(site: Site) -> str:
    switched = "" if "websocket" in site.offered else "; WebSocket is switched off here (PARLOR_TRANSPORTS)"
    return f"a heartbeat every {site.interval:g} s{switched}"


def _no_session(site: Site, reply: Reply) -> Finding:
    if switched_off(site, reply):
        return Finding("polling is switched off here (PARLOR_TRANSPORTS): the operator's choice")
    site.mark_unusable("polling")
    if not reply.status or is_error(reply.status):
        return Finding(str(reply), "bad", *down(site, reply))
    if reply.refusal:
        return Finding(str(reply), "bad", "the server itself refuses the handshake", "its sentence says why.")
    cause = "nothing speaks Socket.IO at /socket.io/: this is not Parlor, or a proxy keeps the path from it"
    seen = f"{reply.status} {reply.headers.get('content-type', '')}, no Engine.IO packet"
    return Finding(seen, "bad", cause, "look at the address; send everything to Parlor, /socket.io/ included.")


def _no_round_trip(site: Site, reply: Reply) -> Finding:
    site.mark_unusable("polling")
    if reply.refusal and reply.refusal[0] == SESSION:
        cause = "what followed the handshake met a process that does not know its session"
        return Finding(str(reply), "bad", cause, "see `caching` and `stickiness` below.")
    cause = "the handshake passes, what follows does not: a proxy breaks POST requests or holds answers back"
    seen = "CONNECT gets no answer" if reply.status == 200 else str(reply)
    return Finding(seen, "bad", cause, site.mend("buffer", "let POST pass, and do not buffer /socket.io/."))


async def idle(site: Site) -> list[Finding]:
    """An idle poll is held until the heartbeat; proxies may cut it before."""
    async with Polls.open(site) as polls:
        await polls.join()
        begun, beats, longest = monotonic(), 0, 0.0
        while (left := begun + site.watch_s - monotonic()) > 0:
            reply = await polls.receive(within=left)
            longest = max(longest, min(reply.seconds, site.watch_s))
            if not reply.status and reply.seconds >= left:
                break
            if CLOSE in packets(reply) or (reply.refusal and reply.refusal[0] == SESSION):
                lasted = f"closed in good order after {monotonic() - begun:.1f} s"
                return [Finding(f"{lasted}: by PARLOR_MAX_CONNECTION_AGE, or the server was restarted")]
            if reply.status != 200:
                return [_cut(site, reply, polls.round_trip)]
            if PING in packets(reply):
                beats += 1
                await polls.send(PONG)
            elif reply.seconds < HELD_AFTER_S + polls.round_trip:
                cause = "something answers polls in the server's place, or the server does not hold them"
                return [
                    Finding(f"answered after {reply.seconds:.2f} s with nothing", "warn", cause, "see `poll storm`.")
                ]
    seen = f"held for {longest:.1f} s" + (f", {beats} heartbeats" if beats else "") + f" in {site.watch_s:g} s"
    if site.interval > MAX_INTERVAL_S:
        cause = f"the heartbeat of {site.interval:g} s is longer than the {MAX_INTERVAL_S:g} s"
        cause += " that some hosts hold a request"
        return [Finding(seen, "warn", cause, "set PARLOR_PING_INTERVAL to 20.")]
    return [Finding(seen)]


def _cut(site: Site, reply: Reply, round_trip: float) -> Finding:
    """A poll that ended without the server's answer. Its way there and that of the news of its end were no silence."""
    cause, mend = too_silent(site, "requests", reply.seconds, round_trip)
    return Finding(f"cut after {reply.seconds:.1f} s ({reply})", "bad", cause, mend)


def too_silent(site: Site, what: str, seconds: float, round_trip: float) -> tuple[str, str]:
    """The cause and the mend of a cut that came after `seconds` of silence, as it was here. Where it was made it was
    shorter by up to a round trip: the mend must hold for the shortest."""
    least = max(0.1, seconds - round_trip)
    lasting = f"{least:.1f} s" if seconds - least < 0.1 else f"{least:.1f} to {seconds:.1f} s"
    cause = f"a proxy cuts {what} that are silent for {lasting}, before the heartbeat of {site.interval:g} s"
    return cause, timeout_mend(site, least)


def timeout_mend(site: Site, seconds: float) -> str:
    """A longer timeout in the proxy, or a shorter heartbeat."""
    longer = site.mend("idle", f"raise the proxy's read timeout above {site.interval:g} s.")
    return (
        f"{longer} Or set PARLOR_PING_INTERVAL={max(1, round(seconds * 0.6))}, so that it is never silent for so long."
    )


async def storm(site: Site) -> list[Finding]:
    """How often an idle browser polls, also while an upgrade hangs: a server that does not hold polls then gets
    hundreds a second."""
    if "cached" in site.facts:
        return skipped("handshakes come from a cache")
    calm = await _rate(site, upgrades=False)
    hanging = await _rate(site, upgrades=True) if "upgrade" in site.facts else 0.0
    seen = f"{calm:.1f} polls a second of an idle session" + (f", {hanging:.1f} beside an upgrade" if hanging else "")
    if max(calm, hanging) < STORM_RATE:
        return [Finding(seen)]
    if calm >= STORM_RATE:
        cause = "polls come back at once with nothing: something answers in the server's place, or it holds none"
        return [Finding(seen, "bad", cause, site.mend("cache", "let every request to /socket.io/ reach the server."))]
    cause = "polls come back at once with nothing while an upgrade hangs: the server takes it to be done"
    return [Finding(seen, "bad", cause, "PARLOR_TRANSPORTS=polling, until the proxy lets WebSockets pass.")]


async def _rate(site: Site, *, upgrades: bool) -> float:
    async with Polls.open(site) as polls:
        await polls.join()
        if upgrades:
            async with await WebSocket.open(site, f"{WEBSOCKET}&sid={polls.sid}") as socket:
                return 0.0 if await _upgraded(socket, polls.round_trip) else await _count(polls)
        return await _count(polls)


async def _upgraded(socket: WebSocket, round_trip: float) -> bool:
    """Whether the upgrade's probe is answered; then the page stops polling."""
    if not socket.is_open:
        return False
    try:
        await socket.send(f"{PING}probe")
        return await socket.receive(PROBE_TIMEOUT_S + round_trip) == f"{PONG}probe"
    except (TimeoutError, Ended):
        return False


async def _count(polls: Polls) -> float:
    """Answers a second that hold neither a heartbeat nor an event."""
    begun, answers, watched = monotonic(), 0, min(COUNT_S, polls.site.watch_s)
    while (left := begun + watched - monotonic()) > 0:
        reply = await polls.receive(within=left)
        if reply.status != 200:
            break
        if PING in packets(reply):
            await polls.send(PONG)
        else:
            answers += 1
    return answers / watched
