"""Every setting once: its name, type, default and help. Read from flags and environment, flags first.

`PARLOR_TRANSPORTS` in the environment is `--transports` on the command line; those that hosts set themselves (`PORT`,
`HOST`, `DATABASE_URL`, ...) have no prefix.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import quote, urlsplit

import idna
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

Transport = Literal["websocket", "polling", "sse"]
PREFIX = "PARLOR_"


class BadSetting(Exception):
    """One sentence that names the setting and what is wrong with it."""


def _word(value: Any) -> Any:
    """One of a few words, in any case."""
    return value.lower() if isinstance(value, str) else value


def _switch(value: Any) -> Any:
    """`on` or `off`, also as flags say it."""
    word = _word(value)
    return {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}.get(str(word), word)


def _level(value: Any) -> Any:
    return "warning" if _word(value) == "warn" else _word(value)


def _language(value: Any) -> Any:
    """Also as locales say it: `de_DE.UTF-8`, `de-AT`."""
    return re.split("[-_.]", value.lower())[0] if isinstance(value, str) else value


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _split_words(value: Any) -> Any:
    return _split(_word(value))


def _once_each(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or len(set(value)) != len(value):
        raise ValueError("name websocket, polling and sse, or some of them, in the order to try them")
    if "sse" in value[:-1]:
        raise ValueError("sse is tried last, so it is named last")
    return value


def _rate(value: Any) -> Any:
    return None if _word(value) in ("off", "none", "0", 0) else value


def _no_limit(value: Any) -> Any:
    return 0 if _word(value) in ("off", "none") else value


PLANS = {"free": 5, "shared": 35, "basic": 350}  # WebSockets that an instance of Azure's plan lets through


def _plan(value: Any) -> Any:
    return PLANS.get(_word(value), value)


SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]*", re.ASCII)  # the last label of what browsers read as IPv4
EMOJI = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")
APP_HOST = re.compile(r"[a-z0-9._~-]+")  # of an app's own scheme: `localhost`, an extension's id, `.`
DEFAULT_PORTS = {"http": "80", "https": "443"}


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(origin.lower() if origin.lower() in ("*", "null") else canonical_origin(origin) for origin in value)


def _embed(value: tuple[str, ...]) -> tuple[str, ...]:
    """Sources of the CSP's `frame-ancestors`, which knows neither `null` nor IPv6 addresses (CSP 3, 2.3.1)."""
    for origin in value:
        if origin.lower() == "null" or "[" in origin:
            raise ValueError(f"browsers cannot be told of {origin!r} as a page that frames others")
    return _origins(value)


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(canonical_host(host) for host in value)


def canonical_origin(text: str) -> str:
    """An origin as browsers write it: small letters, punycode, no default port (RFC 6454, 6.2; WHATWG URL, 4.7).
    A host may begin with `*.`, for any one label. Raises ValueError with a sentence."""
    scheme, separator, rest = text.partition("://")
    scheme, rest = scheme.lower(), rest.removesuffix("/")
    if not separator or not SCHEME.fullmatch(scheme):
        raise ValueError(f"an origin is like https://chat.example.org, not {text!r}")
    if scheme == "file" and not rest:
        return "file://"  # what the web views of some phones send
    if re.search(r"[/?#@\s]", rest):
        raise ValueError(f"an origin is a scheme, a host and a port, with no path: not {text!r}")
    if scheme in ("ws", "wss"):
        raise ValueError(f"pages have origins with http or https; write {scheme.replace('ws', 'http')}://{rest}")
    host, port = _split_port(rest, text)
    known = _host(host, text, HOST).rstrip(".") if scheme in DEFAULT_PORTS else _host(host, text, APP_HOST)
    return f"{scheme}://{known}" + (f":{port}" if port and port != DEFAULT_PORTS.get(scheme) else "")


def canonical_host(text: str) -> str:
    """A host as browsers write it in `Host`, with its port where one is given. Raises ValueError with a sentence."""
    if "://" in text or re.search(r"[/?#@\s]", text):
        raise ValueError(f"a host is like chat.example.org or chat.example.org:8443, not {text!r}")
    host, port = _split_port(text, text)
    return _host(host, text, HOST).rstrip(".") + (f":{port}" if port else "")


def _split_port(authority: str, text: str) -> tuple[str, str]:
    found = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(\d{1,5}))?", authority, re.ASCII)
    if not found or int(found[2] or 0) > 65535:
        raise ValueError(f"{text!r} names no host, or a port that is none")
    return found[1], str(int(found[2])) if found[2] else ""


def _host(host: str, text: str, form: re.Pattern[str]) -> str:
    if host.startswith("["):
        return f"[{_ipv6(host[1:-1], text)}]"
    star, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    if not name.isascii():
        try:
            name = _punycode(name)
        except (idna.IDNAError, UnicodeError):
            raise ValueError(f"{text!r} names a host that no browser would ask for") from None
    if form is HOST and NUMBER.fullmatch(name.rstrip(".").rpartition(".")[2]) and (star or not _is_ipv4(name)):
        raise ValueError(f"{text!r} names an IPv4 address that is none, or not as browsers write it: four numbers")
    if not form.fullmatch(name.lower()):
        raise ValueError(f"{text!r} names no host; `*` stands for one whole label, the first: https://*.example.org")
    return star + name.lower()


def _ipv6(address: str, text: str) -> str:
    """As browsers write it (WHATWG URL, 3.5): without a zone, and in hexadecimal to its end."""
    try:
        known = IPv6Address(address)
        if known.scope_id:
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} names an IPv6 address that is none") from None
    if not known.ipv4_mapped:
        return known.compressed
    last = int(known) & 0xFFFFFFFF
    return f"::ffff:{last >> 16:x}:{last & 0xFFFF:x}"


def _is_ipv4(name: str) -> bool:
    try:
        return str(IPv4Address(name)) == name
    except ValueError:
        return False


def _punycode(name: str) -> str:
    """As browsers ask for it. IDNA 2008 knows no emoji; browsers do (UTS 46)."""
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        labels = idna.uts46_remap(name).split(".")
        if not any(EMOJI.search(label) for label in labels):
            raise
        return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


def _base_path(value: str) -> str:
    parts = value.strip("/").split("/") if value.strip("/") else []
    if any(not re.fullmatch(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", part) for part in parts):
        raise ValueError("a path is like /chat, of letters, digits and - . _ ~")
    return "".join(f"/{part}" for part in parts)


def _addresses(value: str) -> str:
    if not all(part.strip() for part in value.split(",")):
        raise ValueError("name an address, or several with commas between them")
    for part in map(str.strip, value.split(",")):
        if re.fullmatch(r"[^:]*:\d*|\[.*\]:\d*", part):
            raise ValueError("an address has no port here; that is PORT")
        if re.search(r"[/\s*]", part):
            raise ValueError(
                "an address is like 0.0.0.0, ::1 or localhost; `0.0.0.0` is all of IPv4, `::` all there are"
            )
    return value


def _contact(value: str) -> str:
    value = _with_small_scheme(value)
    if value and not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://[^\s]+", value):
        raise ValueError("it is like mailto:you@example.org, or https://example.org/contact")
    return value


def _with_small_scheme(url: str) -> str:
    return re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*:", lambda found: found[0].lower(), url)


REDIS_SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")


def _redis(value: SecretStr) -> SecretStr:
    """An address of Redis. The sentences do not show it: it may hold a password."""
    url = _with_small_scheme(value.get_secret_value().strip())
    value = SecretStr(url)
    if not url:
        return value
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in REDIS_SCHEMES:
        raise ValueError("it is like redis://:PASSWORD@host:6379/0, or rediss:// for TLS, or unix:///path/to/socket")
    if scheme == "unix":
        return value
    try:
        parts = urlsplit(url)
        named, _ = parts.hostname, parts.port
    except ValueError:
        named = None
    if not named:
        raise ValueError("it names no host, or a port that is none; in a password write / as %2F, # as %23 and so on")
    if not re.fullmatch(r"/?\d*", parts.path):
        raise ValueError("behind the host comes the number of a database, or nothing")
    return value


STORES = ("s3", "s3a", "az", "azure", "abfs", "abfss", "adl", "gs", "memory")


def _files(value: str) -> str:
    """A folder, the URL of a store, or `off`."""
    if value.lower() in ("off", "none"):
        return OFF
    if "://" in value:
        value = _with_small_scheme(value)
    scheme, separator, rest = value.partition("://")
    if separator and (scheme not in STORES or not (rest or scheme == "memory")):
        raise ValueError("it is a folder, a URL like s3://bucket/folder, az://container/folder, gs://bucket, or off")
    return value


OFF = "off"


def _colour(value: str) -> str:
    found = re.fullmatch(r"#?([0-9a-f]{3}|[0-9a-f]{6})", value.lower())
    if value and not found:
        raise ValueError("a colour is like #0f6f67")
    digits = found[1] if found else ""
    return f"#{''.join(digit * 2 for digit in digits) if len(digits) == 3 else digits}" if digits else ""


UNSAFE = re.compile(r"[\s\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols, by their properties


def _site(value: str) -> str:
    """It stands in titles, sentences and log lines."""
    name = " ".join(value.split())
    if CONTROLS.search(name) or not any(char.isprintable() and char not in f" {BLANK}" for char in name):
        raise ValueError("a name can be seen, and has no control characters")
    return name


def _database(value: str) -> str:
    """As libraries of other languages and frameworks write it as well: `postgresql+psycopg2://`."""
    return re.sub(r"^(postgres|postgresql)\+\w+:", r"\1:", _with_small_scheme(value))


def _link(value: str) -> str:
    """For a page of our own: nothing that a browser would run."""
    value = _with_small_scheme(value)
    if value and (not re.match(r"(https?://[^\s/]|mailto:[^\s]+@|/(?!/))", value) or UNSAFE.search(value)):
        raise ValueError("a link is like https://example.org/imprint, /imprint or mailto:me@example.org")
    return value


LOGOS = (".svg", ".png")
MAX_LOGO = 200_000  # bytes


def _logo(value: Path | None) -> Path | None:
    if value is None:
        return None
    if value.suffix.lower() not in LOGOS:
        raise ValueError("a logo is a file that ends with .svg or .png")
    try:
        size = value.stat().st_size
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    if size > MAX_LOGO:
        raise ValueError(f"the file has {size:,} bytes; {MAX_LOGO:,} at most, for everybody loads it")
    return value


Switch = Annotated[Literal["on", "off"], BeforeValidator(_switch)]
Amount = Annotated[int | None, BeforeValidator(_rate)]
Transports = Annotated[tuple[Transport, ...], BeforeValidator(_split_words), AfterValidator(_once_each)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_origins)]
Embedders = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_embed)]
Hosts = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_hosts)]


class Settings(BaseModel):
    """What an operator can choose. Durations are seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    host: Annotated[str, AfterValidator(_addresses)] = Field(
        "0.0.0.0",  # noqa: S104 - hosts route to the container's address, not to its loopback
        validation_alias="HOST",
        description="Address to listen on, or several: `127.0.0.1,::1`. `::` is all of them, IPv6 and IPv4. Hosts may "
        "call it BIND_ADDRESS.",
    )
    port: int = Field(
        8000,
        ge=0,
        le=65535,
        validation_alias="PORT",
        description="Port to listen on; 0 takes a free one. IIS calls it HTTP_PLATFORM_PORT.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that serve on this port together, for more people than one core carries: with "
        "PostgreSQL, or where REDIS_URL is set. Some hosts set WEB_CONCURRENCY by themselves: it counts only where "
        "REDIS_URL is set.",
    )
    transports: Transports = Field(
        ("websocket", "polling"),
        description="What server and page speak, in the order to try: `websocket,polling`, `polling`, `websocket` or "
        "`polling,websocket`; each may end with `,sse`: server-sent events with POST, for networks that cut WebSockets "
        "and hold long polls back.",
    )
    data: Path = Field(Path("data"), description="Folder of the SQLite database; made if there is none.")
    database_url: Annotated[str, AfterValidator(_database)] = Field(
        "",
        validation_alias="DATABASE_URL",
        description="Database: `postgres://user:password@host:5432/name`, as hosts hand it out (PostgreSQL 13 or "
        "later; `?sslmode=require` and other parameters of libpq work), or `sqlite:///folder/file.db`; SQLite in the "
        "data folder where empty.",
    )
    redis_url: Annotated[SecretStr, AfterValidator(_redis)] = Field(
        SecretStr(""),
        validation_alias="REDIS_URL",
        description="Redis 6 or later, or Valkey, by which several processes hear of each other at once: "
        "`redis://:PASSWORD@host:6379/0`, `rediss://...` for TLS. Nothing is stored there that matters. Empty: none.",
    )
    redis_verify: bool = Field(
        True,
        description="Whether the certificate of a Redis has to be one that somebody vouches for. Heroku's is not.",
    )
    site: Annotated[str, AfterValidator(_site)] = Field(
        "Parlor", min_length=1, max_length=60, description="Name of the site, shown on every page. Also PARLOR_NAME."
    )
    logo: Annotated[Path | None, AfterValidator(_logo)] = Field(
        None, description="File of the site's logo, `.svg` or `.png`, in place of ours; read at the start."
    )
    colour: Annotated[str, AfterValidator(_colour)] = Field(
        "",
        description="Colour of links and buttons, e.g. `#0f6f67`, dark enough to be read on a light ground; that on a "
        "dark one is made from it.",
    )
    welcome: str = Field("", max_length=1_000, description="Words of welcome on the first page, in place of ours.")
    imprint: Annotated[str, AfterValidator(_link)] = Field(
        "", description="Link to the site's imprint, at the foot of its pages: `https://...`, `/...` or `mailto:...`."
    )
    privacy: Annotated[str, AfterValidator(_link)] = Field(
        "", description="Link to what the site says about privacy, at the foot of its pages."
    )
    language: Annotated[Literal["en", "de", "es", "fr", "ar"], BeforeValidator(_language)] = Field(
        "en",
        description="Language of pages (`en`, `de`, `es`, `fr`, `ar`) for who has chosen none and whose browser asks "
        "for none of these.",
    )
    operator_password: SecretStr = Field(
        SecretStr(""),
        description="Opens the operator's page, `/operator` (rooms, people, storage, health, refusals), to whoever "
        "types it, of 12 characters at least; empty: there is no such page. Wrong ones have to wait longer each time.",
    )
    ping_interval: float = Field(
        20,
        gt=0,
        le=300,
        description="Seconds between heartbeats. Under 30, or some hosts cut idle polls (docs/hosts.md).",
    )
    ping_timeout: float = Field(
        20, gt=0, le=300, allow_inf_nan=False, description="Seconds to wait for the answer to a heartbeat."
    )
    max_payload: int = Field(
        1_000_000, ge=10_000, le=100_000_000, description="Bytes of one request or WebSocket message."
    )
    outbox_limit: int = Field(
        1_000_000,
        ge=100_000,
        description="Bytes that may wait for one slow reader; beyond, it is dropped and catches up later.",
    )
    origins: Origins = Field(
        (),
        description="Other origins whose pages may connect, e.g. `https://a.example,https://*.b.example` (`*.` stands "
        "for one label), `capacitor://localhost`, `null`; `*`: all.",
    )
    hosts: Hosts = Field(
        (),
        description="Hosts that are served, e.g. `chat.example.org,*.example.net,localhost:8000`; requests for others "
        "are answered 421, but for the health checks. Against DNS rebinding. None named: all.",
    )
    base_path: Annotated[str, AfterValidator(_base_path)] = Field(
        "", description="Path under which the site lives, e.g. `/chat`; a proxy in front passes it on unchanged."
    )
    embed: Embedders = Field(
        (),
        description="Origins whose pages may frame this site, e.g. `https://www.example.org`. Cookies are then made "
        "for frames, which browsers keep over https only.",
    )
    trust_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Proxies in front whose X-Forwarded-* headers are believed, counted from this server outwards.",
    )
    force_https: bool = Field(
        False,
        description="Redirect pages to https where a trusted proxy says that they came by http. Needs trust_proxies.",
    )
    hsts: int = Field(
        0,
        ge=0,
        le=63_072_000,
        description="Seconds for which browsers are told to come by https only (Strict-Transport-Security), where a "
        "trusted proxy says that they came so; 0: they are told nothing. Needs trust_proxies.",
    )
    index_rooms: bool = Field(False, description="Let search engines read rooms (`/robots.txt`).")
    max_websockets: Annotated[int | None, BeforeValidator(_plan)] = Field(
        None,
        ge=0,
        description="WebSockets at once, of each worker; the next one is answered 503, and that browser talks by "
        "polling. Also as the name of an Azure plan: `free` (5), `shared` (35), `basic` (350).",
    )
    max_per_address: Annotated[int | None, BeforeValidator(_no_limit)] = Field(
        None,
        ge=0,
        description="Connections at once from one address (of IPv6: from one /64), the visitor's where proxies are "
        "trusted (trust_proxies), to each worker; the next one is answered 429. A school or an office may come from "
        "one: leave room for two or three for each person. `off` or 0: no limit. Default: 2000, or half of the file "
        "descriptors, for public addresses; no limit for those of private networks, where a proxy may stand that "
        "nobody told of.",
    )
    max_connection_age: float | None = Field(
        None,
        ge=1,
        allow_inf_nan=False,
        description="Seconds after which a connection is closed, up to a tenth earlier; the client comes back at once, "
        "on a new one. For edges that cut old connections.",
    )
    push: Switch = Field(
        "on",
        description="Let people's browsers be woken by their push services (Google, Mozilla, Apple, Microsoft) when "
        "somebody mentions them and no page of theirs is open, for those who want that.",
    )
    push_contact: Annotated[str, AfterValidator(_contact)] = Field(
        "",
        description="Where push services write if something is wrong: `mailto:you@example.org`, or an address with "
        "https. Empty: the address of the site.",
    )
    push_private: bool = Field(
        False,
        description="Let push services be at private addresses, and without https: for one of your own. Without it, "
        "nothing but public addresses is asked.",
    )
    hook_private: bool = Field(
        False,
        description="Let hooks deliver to private networks and to this machine. Anybody who owns a room chooses where "
        "to: only where all of them are trusted.",
    )
    previews: Switch = Field(
        "off",
        description="Let the server read the pages to which people link, and show their titles under the messages. It "
        "asks public addresses alone, for HTML, 1 MB and 3 s at most; whoever runs such a page learns this server's "
        "address, and that somebody here has linked to it. Links within this site have their words without that.",
    )
    preview_private: bool = Field(
        False,
        description="Let these pages be in private networks and on this machine, too. Anybody chooses the links: only "
        "where nothing there tells secrets to whoever asks.",
    )
    nickname_hold: float = Field(
        86_400,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that a nickname stays its owner's after their last connection has gone. Whoever came "
        "without a cookie or token cannot come back for it: then it stays for the grace alone.",
    )
    grace: float = Field(
        10,
        ge=0,
        le=600,
        description="Seconds that rooms show somebody whose connection broke as reconnecting, before they have left.",
    )
    rate_limit: Annotated[float | None, BeforeValidator(_rate)] = Field(
        20,
        ge=1,
        allow_inf_nan=False,
        description="Actions a second that one person may sustain at each worker, ten times that at once; `off`: no "
        "limit.",
    )
    person_bytes: Amount = Field(
        2_000_000,
        ge=20_000,
        description="Bytes that one person may store in an hour, a tenth of them at once; a message counts as its text "
        "and 300 more. `off`, or PARLOR_RATE_LIMIT switched off: no limit.",
    )
    address_bytes: Amount = Field(
        12_000_000,
        ge=20_000,
        description="The same of all who come from one address (of IPv6: from one /64). Where they have had a fifth of "
        "what they may have at once, the rest is for short messages of those who were there before. This limit and the "
        "next three count an address where it is known for certain: a trusted proxy tells it (trust_proxies), or it is "
        "public; over all processes where there is Redis, else in each. `off`: no limit.",
    )
    address_handshakes: Amount = Field(
        600,
        ge=1,
        description="Connections that one address may open in a minute, all of them at once; the next one is answered "
        "429. A class of 60 that comes at once, and reloads, needs 200. `off`: no limit.",
    )
    address_people: Amount = Field(
        400,
        ge=1,
        description="New people who may come from one address in an hour, all of them at once; whoever has been here "
        "before does not count. `off`: no limit.",
    )
    address_rooms: Amount = Field(
        120, ge=1, description="New rooms that may be made from one address in an hour; `off`: no limit."
    )
    files: Annotated[str, AfterValidator(_files)] = Field(
        "",
        description="Where pictures and files are kept that people send: a folder, or a store of objects for hosts "
        "without a disk, `s3://bucket/folder`, `az://container/folder`, `gs://bucket/folder`, whose credentials are in "
        "the environment (docs/hosts.md). `off`: nobody can send any. Default: the folder `files` in the data folder.",
    )
    file_limit: int = Field(25_000_000, ge=10_000, le=2_000_000_000, description="Bytes of a file that is sent.")
    person_files: Amount = Field(
        250_000_000,
        ge=100_000,
        description="Bytes of files that one person may send in an hour; each file counts 20,000 more. `off`, or "
        "PARLOR_RATE_LIMIT switched off: no limit.",
    )
    address_files: Amount = Field(
        1_500_000_000,
        ge=100_000,
        description="The same of all who come from one address, where that is known for certain. `off`: no limit.",
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="Signs tokens, and is mixed into their stored fingerprints. Changing it makes everybody a new "
        "person. Where it is set, tokens stay good after the loss of the database; else the database keeps their key.",
    )
    keep_days: float | None = Field(
        None, gt=0, le=36_500, description="Days that messages are kept, unless a room says otherwise."
    )
    keep_messages: int | None = Field(
        None, ge=1, description="Messages that are kept of a room, the newest, unless the room says otherwise."
    )
    keep_bytes: int | None = Field(
        None,
        ge=1,
        description="Bytes that are kept of a room, its newest messages, unless the room says otherwise; a message "
        "counts as its text, its card and 300 more.",
    )
    guest_days: float = Field(
        7,
        ge=0,
        le=36_500,
        description="Days after which guests who said nothing are forgotten, and rooms in which nobody did; 0: never.",
    )
    owner_days: float = Field(
        90,
        ge=0,
        le=36_500,
        description="Days after which a room whose owners are away, and have no reserved name, goes to its eldest "
        "moderator; 0: never.",
    )
    overlap: float | None = Field(
        None,
        ge=0,
        le=3_600,
        description="Seconds that a new version may serve beside the one before on the same data; 0: none does. "
        "Default: 300 on hosts that change over so (docs/hosts.md), else 0.",
    )
    admin_password: SecretStr = Field(
        SecretStr(""),
        description="Opens the Socket.IO Admin UI (numbers only) to `admin` with this password, of 12 characters at "
        "least; empty: closed. Wrong ones are logged, and have to wait longer each time. The UI's own origin goes into "
        "PARLOR_ORIGINS.",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Opens `/metrics` to whoever sends it (`Authorization: Bearer ...`), of 12 characters at least. "
        "Without it only programs on this machine read it, and none that comes by a proxy.",
    )
    metrics_open: bool = Field(False, description="Let everybody read `/metrics`.")
    loop: Annotated[Literal["uvloop", "asyncio"], BeforeValidator(_word)] = Field(
        "uvloop", description="The event loop; uvloop's is faster, and taken only where there is one (not on Windows)."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_level)] = Field(
        "info", description="How much is logged."
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_word)] = Field(
        "text", description="One line an event: as text, or as a JSON object."
    )
    access_log: bool = Field(
        False, description="Log a line for each request: method, path, status, bytes, time; no queries, no tokens."
    )

    @property
    def database(self) -> str:
        """As a URL: what has a meaning in one is written in percents."""
        return self.database_url or f"sqlite:///{quote(str(self.data / 'parlor.db'), safe=DATA_SAFE)}"

    @property
    def file_store(self) -> str:
        """The folder or URL of what people send; empty where they can send nothing."""
        return "" if self.files == OFF else self.files or str(self.data / "files")

    @property
    def addresses(self) -> tuple[str, ...]:
        """What to listen on, each once."""
        return tuple(dict.fromkeys(part.strip().strip("[]") for part in self.host.split(",")))


POSTGRES = ("postgres://", "postgresql://")  # as hosts hand it out
MIN_PASSWORD = 12  # characters
DATA_SAFE = "/\\: "


# Where hosts have names of their own for a setting: tried after its first name, in this order.
HOSTS_OWN_WORKERS = "WEB_CONCURRENCY"  # which nobody may have chosen
ALSO: dict[str, tuple[str, ...]] = {
    "host": ("BIND_ADDRESS",),
    "port": ("HTTP_PLATFORM_PORT",),
    "workers": (HOSTS_OWN_WORKERS,),
    "site": ("PARLOR_NAME",),
}


def environment_names(name: str, field: FieldInfo) -> tuple[str, ...]:
    """The names under which the environment may give a setting, the first one first."""
    first = field.validation_alias if isinstance(field.validation_alias, str) else PREFIX + name.upper()
    return (first, *ALSO.get(name, ()))


def check_database(url: str, name: str) -> None:
    """name: of where the URL came from. Raises BadSetting."""
    if not url.startswith(("sqlite:", *POSTGRES)):
        named = f"a {url.partition(':')[0][:40]} database" if ":" in url else "no database"
        raise BadSetting(f"{name} names {named}; Parlor stores in PostgreSQL (postgres://) or SQLite.")
    if url.startswith("sqlite:") and not re.fullmatch(r"sqlite:///[^:?].*", url):
        raise BadSetting(f"{name} names no file; it is like sqlite:///folder/parlor.db.")


def without_password(url: str) -> str:
    """For people: no secret that a URL may hold, in its first part or among its parameters."""
    shown = re.sub(r"(://[^:@/?#]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"((?:password|sslpassword)=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def load(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> tuple[Settings, dict[str, str]]:
    """The settings, and for each where it came from. Flags that are None were not given. Raises BadSetting."""
    environment = os.environ if environment is None else environment
    _unknown(environment)
    given: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        source, value = _find(name, field, flags, environment)
        origin[name] = source
        if isinstance(value, str) and HALF_PAIR.search(value):
            raise BadSetting(f"{source} is no text in UTF-8.")
        if value is not None:
            given[name] = _without_blanks(value, field)
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise BadSetting(_sentence(error, given, origin)) from None
    _check(settings, origin)
    if origin["workers"] == HOSTS_OWN_WORKERS and not settings.redis_url.get_secret_value():
        settings = settings.model_copy(update={"workers": 1})
        origin["workers"] = f"default ({HOSTS_OWN_WORKERS} counts where REDIS_URL is set)"
    return settings, origin


HALF_PAIR = re.compile("[\ud800-\udfff]")  # bytes of the environment that are no UTF-8 (PEP 383)


def _without_blanks(value: Any, field: FieldInfo) -> Any:
    """Without blanks around it, as files of settings and of secrets leave there; a secret may begin and end with some,
    but for a line's end, which no browser could send."""
    if not isinstance(value, str):
        return value
    return value.rstrip("\r\n") if field.annotation is SecretStr else value.strip()


def _find(name: str, field: FieldInfo, flags: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, Any]:
    if flags.get(name) is not None:
        return flag(name), flags[name]
    for candidate in environment_names(name, field):
        if environment.get(candidate, "").strip() and not injected({candidate: environment[candidate]}):
            return candidate, environment[candidate]
    return "default", None


# What Kubernetes tells every pod of each Service beside it, and Docker of a linked container, where that is called
# `parlor` or `parlor-something` (Kubernetes: "Accessing the Service", environment variables).
INJECTED = re.compile(
    r"PARLOR_(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|"
    r"PARLOR_(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?(_(START|END))?|PARLOR_(\w+_)?ENV_\w+",
    re.ASCII,
)
INJECTED_BY_VALUE = re.compile(
    r"PARLOR_(\w+_)?PORT(_START|_END)?=(tcp|udp|sctp)://.*|PARLOR_(\w+_)?NAME=/.+/.+"
    r"|WEB_CONCURRENCY=(?!\s*([1-9]|[1-5]\d|6[0-4])?\s*\Z).*",  # of the memory of a large machine, or `auto`
    re.ASCII | re.DOTALL,
)


# What `say`, `read` and `chat` read: whoever runs a server may talk from the same machine.
OF_CLIENTS = frozenset({"PARLOR_TOKEN", "PARLOR_PASSPHRASE"})


def injected(environment: Mapping[str, str]) -> list[str]:
    """The names in the environment that a host put there for a Service called like us; they are passed over."""
    return [
        name
        for name, value in sorted(environment.items())
        if INJECTED.fullmatch(name) or INJECTED_BY_VALUE.fullmatch(f"{name}={value}")
    ]


def _unknown(environment: Mapping[str, str]) -> None:
    known = {name for field, info in Settings.model_fields.items() for name in environment_names(field, info)}
    for name in sorted(set(environment) - known - OF_CLIENTS - set(injected(environment))):
        if name.startswith(PREFIX):
            meant = _meant(name, known)
            advice = f"Is {meant} meant? " if meant else ""
            raise BadSetting(f"{name} is no setting of Parlor. {advice}`python -m app check-config` lists them all.")


def _meant(name: str, known: set[str]) -> str:
    """The setting that somebody may have had in mind; those that hosts set have no prefix."""
    bare = sorted(one for one in known if not one.startswith(PREFIX))
    for candidate, names in ((name.upper().removeprefix(PREFIX), bare), (name.upper(), sorted(known))):
        if near := get_close_matches(candidate, names, n=1, cutoff=0.8):
            return near[0]
    return ""


def _sentence(error: ValidationError, given: Mapping[str, Any], origin: Mapping[str, str]) -> str:
    fault = error.errors(include_url=False)[0]
    name = next(
        (name for name in given if str(fault["loc"][0]) in (name, Settings.model_fields[name].validation_alias)), ""
    )
    annotation = Settings.model_fields[name].annotation
    secret = annotation is SecretStr
    wanted = f" (one of {', '.join(get_args(annotation))})" if name in ("log_level", "log_format", "loop") else ""
    shown = "" if secret else f" = {str(given[name])!r}"
    return f"{origin[name]}{shown} cannot be used: {fault['msg'].removeprefix('Value error, ')}{wanted}."


def _check(settings: Settings, origin: Mapping[str, str]) -> None:
    """What single values cannot tell: whether they fit together, and what this version can do."""
    check_database(settings.database, origin["database_url"])
    for name in ("admin_password", "metrics_token", "operator_password"):
        if 0 < len(getattr(settings, name).get_secret_value()) < MIN_PASSWORD:
            raise BadSetting(
                f"{origin[name]} is too short to be safe from guessing: {MIN_PASSWORD} characters at least."
            )
    if settings.force_https and not settings.trust_proxies:
        raise BadSetting(
            f"{origin['force_https']} needs PARLOR_TRUST_PROXIES: without a proxy that is believed, "
            "nobody knows who came by http."
        )
    if settings.hsts and not settings.trust_proxies:
        raise BadSetting(
            f"{origin['hsts']} needs PARLOR_TRUST_PROXIES: without a proxy that is believed, "
            "nobody knows who came by https."
        )
