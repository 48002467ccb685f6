"""The address of a PostgreSQL database, as hosts hand it out, read by PostgreSQL's own library."""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.model import Refused

MALFORMED = (
    "DATABASE_URL is not the address of a PostgreSQL database: it is like postgres://user:password@host:5432/name, "
    "with what is special in a password written in percents (%40 for @, %2F for /)."
)
_UNKNOWN = re.compile(r'invalid URI query parameter: "(\w+)"')

# Where the address does not say otherwise. A peer whose machine is gone is noticed within 25 s.
DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
    "application_name": "parlor",
}


def parameters(url: str) -> dict[str, Any]:
    """For the library. Raises Refused, with nothing of the password in it."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        if found := _UNKNOWN.search(str(error)):
            text = f"DATABASE_URL has a parameter that PostgreSQL's library does not know, {found[1]}: leave it out."
            raise Refused("storage", text) from None
        raise Refused("storage", MALFORMED) from None
    hosts, ports = str(given.get("host", "")), str(given.get("port", ""))
    parts = f"{hosts}{given.get('dbname', '')}{given.get('user', '')}"
    if re.search(r"[@\s]", parts) or not re.fullmatch(r"[\d,]*", ports, re.ASCII):
        raise Refused("storage", MALFORMED)
    several = {"target_session_attrs": "read-write"} if "," in hosts else {}
    return DEFAULTS | several | given | {"client_encoding": "UTF8"}


def place(parameters: dict[str, Any]) -> str:
    """Where that is, for people: without user and password."""
    host, port = parameters.get("host", "localhost"), parameters.get("port")
    name = parameters.get("dbname", parameters.get("user", ""))
    return f"postgresql://{host}{f':{port}' if port else ''}/{name}"


def reason(error: BaseException | None) -> str:
    """Why, in one line. Of several addresses of a host the first one's."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    return re.sub(r"^connection failed: |^- host: .*?connection failed: ", "", line)[:300].rstrip(".")
