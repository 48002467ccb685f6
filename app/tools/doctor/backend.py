"""Behind the address: how many processes answer, whether something caches, which process gets a session's requests."""

from itertools import pairwise

from app.model import COOKIE, HOST_COOKIE
from app.tools.doctor.refusals import SESSION, down, is_error
from app.tools.doctor.sessions import POLLING, PONG, Polls, opened
from app.tools.doctor.site import Finding, Reply, Site, skipped

HEALTH_REQUESTS = 8
PASSED_ON = "the processes pass them on to each other: no stickiness is needed"
NOT_PASSED_ON = "the processes pass requests on to each other, but lost some: Redis or one of them went away meanwhile"
POSTS = 6  # of one session; with two processes and no stickiness, 63 of 64 tries find it


async def processes(site: Site) -> list[Finding]:
    """Each start of Parlor has its own boot id: two behind one address are two processes."""
    replies = [await site.get("/healthz") for _ in range(HEALTH_REQUESTS)]
    site.boots = [str(reply.json["boot"]) for reply in replies if "boot" in reply.json]
    failing = next((reply for reply in replies if reply.status >= 500 or not reply.status), None)
    if not site.boots:
        return [_no_parlor(site, failing or replies[-1])]
    site.version = next(str(reply.json.get("version", "")) for reply in replies if "boot" in reply.json)
    several = sorted(set(site.boots))
    seen = f"Parlor {site.version}, boot {', '.join(several)} in {len(replies)} answers"
    if failing:
        cause, mend = down(site, failing)
        return [Finding(f"{seen}; but also {failing}", "bad", f"some requests do not arrive: {cause}", mend)]
    if len(several) == 1:
        return [Finding(seen)]
    healths = [reply.json for reply in replies if "boot" in reply.json]
    site.others = {str(health.get("others", "")) for health in healths}
    if "" in site.others or len({health.get("history") for health in healths}) > 1:
        mend = site.mend(
            "processes", "run one process (one worker), or give all one database and one Redis (REDIS_URL)."
        )
        return [Finding(seen, "bad", _why_several(site.boots), mend)]
    seen += f": {len(several)} processes of one Parlor"
    return [Finding(seen, "warn", *WHY_SLOW[one]) for one in WHY_SLOW if one in site.others] or [Finding(seen)]


WHY_SLOW = {
    "redis away": (
        "Redis is away: people on different processes hear each other up to 2 s late, and polls that do not reach the "
        "process with their session are refused",
        "see what /readyz and the log say of Redis.",
    ),
    "notify": (
        "without Redis people on different processes do not see each other in the list of people, and polls that do "
        "not reach the process with their session are refused",
        "set REDIS_URL, the same for all processes, or run one.",
    ),
    "database": (
        "without Redis, and without PostgreSQL's notifications, people on different processes hear each other up to "
        "2 s late, and polls that do not reach the process with their session are refused",
        "set REDIS_URL, the same for all processes, or run one.",
    ),
}


async def readiness(site: Site) -> list[Finding]:
    """What the server says of its database, and of parts without which it serves; and of what it does beyond that."""
    reply = await site.get("/readyz")
    if "ok" not in reply.json:
        return skipped("/readyz says nothing, or is not let through")
    if not reply.json["ok"]:
        cause, mend = str(reply.json.get("text", "it does not say why")), "see what the log says."
        return [Finding(f"/readyz: {reply.status}", "bad", cause, mend)]
    parts = [f"{name}: {state}" for name, state in reply.json.items() if name != "ok" and isinstance(state, str)]
    return [Finding("; ".join(["ready", *parts])[:240])]


def _why_several(boots: list[str]) -> str:
    turns = sum(one != other for one, other in pairwise(boots))
    if turns == 1:
        return "Parlor started anew while we looked, or several processes answer: who is on one hears nobody on another"
    return "several processes answer behind one address: who is on one hears nobody on another"


def _no_parlor(site: Site, reply: Reply) -> Finding:
    if not reply.status or is_error(reply.status):
        cause, mend = down(site, reply)
        return Finding(f"/healthz: {reply}", "bad", cause, mend)
    cause = "what answers here is not Parlor, or a proxy keeps /healthz from it"
    mend = "look at the address: where Parlor lives under a path (PARLOR_BASE_PATH), that belongs to it."
    return Finding(f"/healthz: {reply.status} {reply.headers.get('content-type', '')}, no boot id", "bad", cause, mend)


async def caching(site: Site) -> list[Finding]:
    """A cached handshake gives one session to many; a cached page gives one token, that is one person, to many."""
    async with site.session() as http:
        one, again, other = [await site.ask(http, "GET", f"{POLLING}&t={t}") for t in ("one", "one", "other")]
    first, again_first, second = (opened(reply.body).get("sid") for reply in (one, again, other))
    signs = _signs(again)
    mend = site.mend("cache", "exempt /socket.io/ from every cache (CDN, proxy_cache, the host's own).")
    if first and first == second:
        site.facts.add("cached")
        site.mark_unusable("polling")
        cause = "a cache keeps handshakes, although they say no-store: everybody gets the same session"
        return [Finding(f"handshakes repeat session {first}{signs}", "bad", cause, mend)]
    if first and first == again_first:
        cause = "a cache keeps handshakes, although they say no-store; browsers escape it by asking each time otherwise"
        return [Finding(f"the same handshake repeats session {first}{signs}", "warn", cause, mend)]
    if site.version and "no-store" not in again.headers.get("cache-control", ""):
        cause = "a proxy replaces Cache-Control: the next cache may hand one session to many"
        return [Finding(f"every handshake is new{signs}, but not marked no-store", "warn", cause, mend)]
    return [await _pages(site) or Finding(f"every handshake is new{signs}")]


async def _pages(site: Site) -> Finding | None:
    tokens = [_token(site.page), _token(await site.get("/")), _token(await site.get("/"))]
    if not tokens[0] or len(set(tokens)) == len(tokens):
        return None
    return Finding(
        "two strangers get the same token with the page",
        "bad",
        "a cache keeps pages with their cookies: two visitors become one person",
        site.mend("cache", "let the cache obey Cache-Control: no-store, or exempt everything but /static/."),
    )


def _token(page: Reply) -> str:
    return next((line.partition(";")[0] for line in page.cookies if line.startswith((COOKIE, HOST_COOKIE))), "")


def _signs(reply: Reply) -> str:
    """The headers by which caches show themselves."""
    names = ("age", "x-cache", "cf-cache-status", "x-cache-status", "x-proxy-cache")
    return "".join(f"; {name}: {reply.headers[name]}" for name in names if name in reply.headers)


async def stickiness(site: Site) -> list[Finding]:
    """Requests of one session on several connections, with its cookies, as a browser sends them."""
    if "cached" in site.facts:
        return skipped("handshakes come from a cache")
    async with Polls.open(site) as polls:
        if not polls.sid:
            return [Finding(f"no second session: {polls.handshake}", "warn", *down(site, polls.handshake))]
        replies = [await polls.send(PONG) for _ in range(POSTS)]
        by_cookie = ", ".join(line.partition("=")[0] for line in polls.handshake.cookies)
    lost = [reply for reply in replies if reply.status != 200]
    seen = f"{POSTS - len(lost)} of {POSTS} requests of one session arrive at it" + (
        f" (cookie {by_cookie})" if by_cookie else ""
    )
    if not lost:
        return [Finding(f"{seen}; {PASSED_ON}" if site.others == {"redis"} else seen)]
    site.mark_unusable("polling")
    if site.others == {"redis"}:
        return [Finding(seen, "bad", NOT_PASSED_ON, "see what /readyz and the log say of Redis, and look again.")]
    if lost[0].refusal and lost[0].refusal[0] == SESSION:
        several = "several processes, and no stickiness" if len(set(site.boots)) > 1 else "the process forgets sessions"
        cause = f"{several}: a session lives in one process, and the others answer `{lost[0].refusal[1]}`"
        return [
            Finding(seen, "bad", cause, site.mend("sticky", "run one process, or make the proxy's balance sticky."))
        ]
    return [Finding(f"{seen}; {lost[0]}", "bad", "a proxy breaks POST requests to /socket.io/", "let them through.")]
