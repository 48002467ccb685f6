"""Every setting once: its name, type, default and help. Read from flags and environment, flags first.

`PARLOR_TRANSPORTS` in the environment is `--transports` on the command line; those that hosts set themselves (`PORT`,
`HOST`, `DATABASE_URL`, ...) have no prefix.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

Transport = Literal["websocket", "polling"]
PREFIX = "PARLOR_"


class BadSetting(Exception):
    """One sentence that names the setting and what is wrong with it."""


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _once_each(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or len(set(value)) != len(value):
        raise ValueError("name websocket, polling, or both in the order to try them")
    return value


def _rate(value: Any) -> Any:
    return None if value in ("off", "none", "0", 0) else value


PLANS = {"free": 5, "shared": 35, "basic": 350}  # WebSockets that an instance of Azure's plan lets through


def _plan(value: Any) -> Any:
    return PLANS.get(value, value) if isinstance(value, str) else value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s]+/?", origin):
            raise ValueError(f"an origin is like https://chat.example.org, not {origin!r}")
    return tuple(origin.rstrip("/") for origin in value)


Transports = Annotated[tuple[Transport, ...], NoDecode, BeforeValidator(_split), AfterValidator(_once_each)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_origins)]


class Settings(BaseSettings):
    """What an operator can choose. Durations are seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, populate_by_name=True
    )

    host: str = Field(
        "0.0.0.0",  # noqa: S104 - hosts route to the container's address, not to its loopback
        validation_alias="HOST",
        description="Address to listen on. Hosts may call it BIND_ADDRESS.",
    )
    port: int = Field(
        8000,
        ge=0,
        le=65535,
        validation_alias="PORT",
        description="Port to listen on; 0 takes a free one. IIS calls it HTTP_PLATFORM_PORT.",
    )
    transports: Transports = Field(
        ("websocket", "polling"),
        description="What server and page speak, in the order to try: `websocket,polling`, `polling`, `websocket` or "
        "`polling,websocket`.",
    )
    data: Path = Field(Path("data"), description="Folder of the SQLite database; made if there is none.")
    database_url: str = Field(
        "", validation_alias="DATABASE_URL", description="Database; SQLite in the data folder where empty."
    )
    site: str = Field("Parlor", min_length=1, max_length=60, description="Name of the site, shown on every page.")
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
    compression: bool = Field(
        False, description="Offer permessage-deflate on WebSockets. Costs 120 KB a connection; some proxies break it."
    )
    origins: Origins = Field(
        (),
        description="Other origins whose pages may connect, e.g. `https://a.example,https://b.example`; `*`: all.",
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
    max_websockets: Annotated[int | None, BeforeValidator(_plan)] = Field(
        None,
        ge=0,
        description="WebSockets at once; the next one is answered 503, and that browser talks by polling. Also as the "
        "name of an Azure plan: `free` (5), `shared` (35), `basic` (350).",
    )
    max_connection_age: float | None = Field(
        None,
        ge=1,
        allow_inf_nan=False,
        description="Seconds after which a connection is closed, up to a tenth earlier; the client comes back at once, "
        "on a new one. For edges that cut old connections.",
    )
    nickname_hold: float = Field(
        86_400,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that a nickname stays its owner's after their last connection has gone.",
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
        description="Actions a second that one person may sustain, ten times that at once; `off`: no limit.",
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="Mixed into the stored fingerprints of tokens. Changing it makes everybody a new person.",
    )
    keep_days: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Days that messages are kept, unless a room says otherwise."
    )
    keep_messages: int | None = Field(
        None, ge=1, description="Messages that are kept of a room, the newest, unless the room says otherwise."
    )
    admin_password: SecretStr = Field(
        SecretStr(""),
        description="Opens the Socket.IO Admin UI (numbers only) to `admin` with this password; empty: closed. The "
        "UI's own origin goes into PARLOR_ORIGINS.",
    )
    loop: Literal["uvloop", "asyncio"] = Field(
        "uvloop", description="The event loop; uvloop's is faster, and taken only where there is one (not on Windows)."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    log_format: Literal["text", "json"] = Field("text", description="One line an event: as text, or as a JSON object.")
    access_log: bool = Field(
        False, description="Log a line for each request: method, path, status, bytes, time; no queries, no tokens."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` found: it knows flags and the hosts' own names, and can say where each value came from."""
        return (init_settings,)

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'parlor.db'}"


# Where hosts have names of their own for a setting: tried after its first name, in this order.
ALSO = {"host": ("BIND_ADDRESS",), "port": ("HTTP_PLATFORM_PORT",)}


def environment_names(name: str, field: FieldInfo) -> tuple[str, ...]:
    """The names under which the environment may give a setting, the first one first."""
    first = field.validation_alias if isinstance(field.validation_alias, str) else PREFIX + name.upper()
    return (first, *ALSO.get(name, ()))


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
        if value is not None:
            given[name] = value
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise BadSetting(_sentence(error, given, origin)) from None
    _check(settings, origin)
    return settings, origin


def _find(name: str, field: FieldInfo, flags: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, Any]:
    if flags.get(name) is not None:
        return flag(name), flags[name]
    for candidate in environment_names(name, field):
        if environment.get(candidate):
            return candidate, environment[candidate]
    return "default", None


def _unknown(environment: Mapping[str, str]) -> None:
    known = {name for field, info in Settings.model_fields.items() for name in environment_names(field, info)}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            raise BadSetting(f"{name} is no setting of Parlor. `python -m app check-config` lists them all.")


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
    if not settings.database.startswith("sqlite:"):
        scheme = settings.database.partition(":")[0]
        raise BadSetting(f"{origin['database_url']} names a {scheme} database; this version stores in SQLite only.")
    if not re.fullmatch(r"sqlite:///[^:?].*", settings.database):
        raise BadSetting(f"{origin['database_url']} names no file; it is like sqlite:///folder/parlor.db.")
    if settings.force_https and not settings.trust_proxies:
        raise BadSetting(
            f"{origin['force_https']} needs PARLOR_TRUST_PROXIES: without a proxy that is believed, "
            "nobody knows who came by http."
        )
