"""The site that is examined: its address, requests to it, and what the checks have found so far."""

import asyncio
import json
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from time import monotonic
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp

from app import __version__
from app.tools.doctor import known_hosts

Verdict = Literal["ok", "warn", "bad", "unknown"]

REQUEST_TIMEOUT_S = 5.0  # for a request that the server answers at once
MAX_BODY = 400_000  # bytes that are read of an answer
AGENT = f"Mozilla/5.0 (compatible; Parlor-doctor/{__version__})"
TRANSPORTS = ("websocket", "polling")


class BadAddress(ValueError):
    """The given text is no address of a site; one sentence says why."""


@dataclass(frozen=True)
class Finding:
    """What was seen and what it means. `cause` and `mend` are empty where there is nothing to mend."""

    seen: str
    verdict: Verdict = "ok"
    cause: str = ""
    mend: str = ""


def skipped(because: str) -> list[Finding]:
    return [Finding(f"not looked at, because {because}", "unknown")]


@dataclass(frozen=True)
class Reply:
    """The answer to one request. `status` is 0 where none came; then `trouble` says how the request ended.

    Header names are in small letters, values of one name joined; `cookies` are the Set-Cookie lines; `seconds` is the
    time until all of it was read.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    body: str = ""
    seconds: float = 0.0
    trouble: str = ""

    @property
    def refusal(self) -> tuple[int, str] | None:
        """Engine.IO's own refusal: its code and sentence. None where something else answers."""
        said = self.json
        return (int(said["code"]), str(said["message"])) if {"code", "message"} <= said.keys() else None

    @property
    def json(self) -> dict[str, Any]:
        """The object in the body; an empty one where there is none."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def is_html(self) -> bool:
        return "text/html" in self.headers.get("content-type", "")

    def __str__(self) -> str:
        """For people: the status and, where it helps, the sentence that came with it."""
        if not self.status:
            return self.trouble
        said = self.refusal[1] if self.refusal else "" if self.is_html or self.status < 400 else self.body
        line = " ".join(said.split())[:240]
        return f"{self.status}: {line}" if line else str(self.status)


@dataclass
class Site:
    """The site, and what the checks have found for each other."""

    scheme: str
    host: str
    port: int
    base: str = ""  # the site's path; empty at the root of its host
    watch_s: float = 7.0  # seconds for which idle connections are watched
    most: int = 0  # WebSockets to open at once; 0: their limit is not examined
    plain: str = ""  # where the same site would answer by http; empty where that is not known
    note: str = ""  # about the address as it was given

    facts: set[str] = field(default_factory=set)  # for later checks: Check.needs
    works: dict[str, bool] = field(default_factory=dict)  # transport -> a browser can use it; absent: not known
    offered: tuple[str, ...] = TRANSPORTS  # as far as is known, what the operator allows
    recognised: list[known_hosts.Host] = field(default_factory=list)
    boots: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)  # how its processes hear each other; one that does not: ""
    version: str = ""  # of the Parlor that answers
    interval: float = 20.0  # seconds between heartbeats, as announced
    token: str = ""  # of our guest, so that all checks are one person
    own_refused: bool = False  # the site takes its own origin for a foreign one
    page: Reply = field(default_factory=Reply)
    believes: bool = True  # certificates; False: the rest is examined without verifying the site's

    @property
    def origin(self) -> str:
        """As a browser writes it."""
        usual = {"http": 80, "https": 443}[self.scheme]
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{name}" + ("" if self.port == usual else f":{self.port}")

    @property
    def root(self) -> str:
        """The address that all of the site's paths follow."""
        return self.origin + self.base

    @property
    def authority(self) -> str:
        return self.origin.partition("://")[2]

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @cached_property
    def tls(self) -> ssl.SSLContext | bool:
        """For aiohttp; True is its default, which a site without TLS never uses."""
        return trust(anything=not self.believes) if self.secure else True

    @property
    def is_private(self) -> bool:
        """On this machine or in a network of its own, by its name."""
        try:
            return ip_address(self.host).is_private
        except ValueError:
            return self.host == "localhost" or "." not in self.host

    def mend(self, problem: str, otherwise: str) -> str:
        """How to mend a problem here: the commands of the recognised hosts, or general advice."""
        ways = [f"{host.name}: {host.mends[problem]}" for host in self.recognised if problem in host.mends]
        return " ".join(ways) or otherwise

    def mark_unusable(self, *transports: str) -> None:
        """These do not work in a browser; checks that need them are skipped."""
        self.works.update(dict.fromkeys(transports, False))
        self.facts -= set(transports)

    def session(self, *, keeps_cookies: bool = False, keeps_alive: bool = False) -> aiohttp.ClientSession:
        """For requests. Each uses a new connection, unless `keeps_alive`: so a proxy that distributes connections over
        several processes shows it."""
        connector = aiohttp.TCPConnector(ssl=self.tls, limit=0, force_close=not keeps_alive)
        jar = aiohttp.CookieJar(unsafe=True) if keeps_cookies else aiohttp.DummyCookieJar()
        traces = [] if keeps_alive else [_once()]
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=jar, headers={"User-Agent": AGENT}, trace_configs=traces
        )

    async def get(self, address: str, *, within: float = REQUEST_TIMEOUT_S, **headers: str) -> Reply:
        """One request on its own. `address` is a path of the site, or a whole address."""
        async with self.session() as http:
            return await self.ask(http, "GET", address, within=within, headers=headers)

    async def ask(
        self,
        http: aiohttp.ClientSession,
        method: str,
        address: str,
        *,
        within: float = REQUEST_TIMEOUT_S,
        body: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Never raises for what a site or a network can do."""
        url = address if "://" in address else self.root + address
        start = monotonic()
        try:
            async with (
                asyncio.timeout(within),
                http.request(
                    method, url, data=body, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(None)
                ) as response,
            ):
                text = (await response.content.read(MAX_BODY)).decode("utf-8", "replace")
                while more := (await response.content.read(MAX_BODY)).decode("utf-8", "replace"):
                    text = (text + more)[:MAX_BODY]
                spent = monotonic() - start
                pairs = [(name.lower(), value) for name, value in response.headers.items()]
                reply = Reply(response.status, joined(pairs), cookies(pairs), text, spent)
        except (OSError, TimeoutError, ValueError, aiohttp.ClientError) as error:
            return Reply(seconds=monotonic() - start, trouble=trouble(error, monotonic() - start))
        self.recognise(reply)
        return reply

    def recognise(self, reply: Reply) -> None:
        for host in known_hosts.recognise(reply.headers, " ".join(reply.cookies)):
            if host not in self.recognised:
                self.recognised.append(host)


def site_of(url: str, **choices: Any) -> Site:
    """The site that an address is on; https where it names no scheme. Raises BadAddress."""
    address = url.strip() if "://" in url else f"https://{url.strip()}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"{url} is no address: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in address:
        raise BadAddress(f"{url or 'Nothing'} is no address of a site; one is like https://chat.example.org.")
    base = PAGES.sub("", parts.path).rstrip("/")
    site = Site(parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme], base, **choices)
    if parts.path.strip("/") != base.strip("/"):
        site.note = f"looked at {site.root}, for that is a page of it"
    if not site.plain and site.secure and port in (None, 443):
        site.plain = f"http://{site.root.partition('://')[2]}"
    return site


# Paths that people copy from the address bar, after the site's own path.
PAGES = re.compile(r"/(r/.*|diagnostics|echo|healthz|readyz|metrics|socket\.io/?|ws/.*|static/.*)$")


def _once() -> aiohttp.TraceConfig:
    """aiohttp repeats a GET whose connection broke; the doctor must see that it broke."""

    async def refuse_another(_: aiohttp.ClientSession, request: SimpleNamespace, __: object) -> None:
        if vars(request).setdefault("connections", 0):
            raise aiohttp.ServerDisconnectedError
        request.connections += 1

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(refuse_another)
    return trace


def trust(*, anything: bool = False, alpn: str = "http/1.1") -> ssl.SSLContext:
    """The trusted certificates of this machine, SSL_CERT_FILE included. As lenient as browsers, which Python 3.13 is
    not by default. anything: no certificate is verified."""
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(alpn.split())
    if anything:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name, several of one name joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def cookies(pairs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(value for name, value in pairs if name == "set-cookie")


def trouble(error: BaseException, seconds: float) -> str:
    """How a request without an answer ended, for people."""
    if isinstance(error, TimeoutError):
        return f"no answer in {seconds:.0f} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return "the certificate is not accepted"
    if isinstance(error, ConnectionRefusedError) or isinstance(
        getattr(error, "os_error", None), ConnectionRefusedError
    ):
        return "the connection is refused"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.os_error.strerror or error.os_error})"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientPayloadError | EOFError):
        return f"the connection was closed after {seconds:.1f} s without an answer"
    return f"no answer that is HTTP ({type(error).__name__})"
