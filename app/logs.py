"""Logging: one line for each event, as text or as JSON, without control characters, tokens and session ids."""

import logging
import re
import sys
from typing import Any

import orjson
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

access_log = logging.getLogger("parlor.access")

_HOOK = re.compile(r"/hooks/[^/]+")  # whose address is a secret
_ROOM = re.compile(r"/r/[^/]+")  # whose name is nobody's business where it is in no list
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(level: str, form: str, worker: int | None = None) -> None:
    """Log everything to stderr from now on. form: text or json. worker: its number, where there are several."""
    handler = LineHandler()
    handler.setFormatter(JSONFormatter(worker) if form == "json" else TextFormatter(worker))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _preload(handler)


def _preload(handler: logging.Handler) -> None:
    """Import now what formatting a traceback imports: later there may be no descriptor left to open a module's file."""
    try:
        raise RuntimeError("\u2028")
    except RuntimeError:
        handler.format(logging.LogRecord("parlor", logging.ERROR, "", 0, "", (), sys.exc_info()))


class LineHandler(logging.StreamHandler[Any]):
    """Where a line cannot be formatted, a short one says so: the traceback of the standard handler may be endless."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[0]
        text = one_line(f"{record.levelname} {record.name}: {record.msg!r:.200}")
        self.stream.write(f"a log line could not be written ({error and error.__name__}): {text}\n")


class TextFormatter(logging.Formatter):
    """`2026-11-21 12:00:00,000 INFO parlor: what happened`, of a worker `... INFO [2] parlor: ...`; a traceback stays
    on the line."""

    def __init__(self, worker: int | None = None) -> None:
        named = "" if worker is None else f"[{worker}] "
        super().__init__(f"%(asctime)s %(levelname)s {named}%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


class JSONFormatter(logging.Formatter):
    """`{"at", "level", "worker"?, "name", "text", "error"?}` and, for a request, the fields of the access log."""

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._named: dict[str, Any] = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03}",
            "level": record.levelname.lower(),
            **self._named,
            "name": record.name,
            "text": one_line(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line | getattr(record, "fields", {}), default=str).decode()


class AccessLogger(AbstractAccessLogger):
    """One line for each finished request. Without its query, which may hold a session id, and without its headers."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        log_request(request.remote or "", request.method, request.path, "", response.status, response.body_length, time)


def log_request(peer: str, method: str, path: str, transport: str, status: int, size: int, seconds: float) -> None:
    """One line of the access log."""
    fields = {
        "method": method[:20],
        "path": _ROOM.sub("/r/-", _HOOK.sub("/hooks/-", one_line(path)[:200])),
        "status": status,
        "bytes": size,
        "ms": round(seconds * 1000, 1),
        "from": peer,
        "transport": transport[:20],
    }
    text = "{from} {method} {path} {transport} {status} {bytes} B {ms} ms".format(**fields).replace("  ", " ")
    access_log.info("%s", text, extra={"fields": fields})


def one_line(text: str) -> str:
    """The text with control characters escaped: nobody can forge a line, or clear a terminal."""
    return _CONTROL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    """As Python writes it: `\\n`, `\\x1b`, `\\u2028`. Not by a codec, which would have to be imported."""
    return repr(found[0])[1:-1]
