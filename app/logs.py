"""One event, one line: as text or as JSON, with no control characters, no tokens and no session ids in it."""

import logging
import re
import sys
from typing import Any

import orjson
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

access_log = logging.getLogger("parlor.access")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def begin(level: str, form: str) -> None:
    """From now on everything is logged to stderr, in `form` text or json."""
    lines = Lines()
    lines.setFormatter(JSON() if form == "json" else Text())
    logging.basicConfig(level=level.upper(), handlers=[lines], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    _load(lines)


def _load(lines: logging.Handler) -> None:
    """What is imported to write a traceback, now: later there may be no descriptor left to read a module by."""
    try:
        raise RuntimeError("\u2028")
    except RuntimeError:
        lines.format(logging.LogRecord("parlor", logging.ERROR, "", 0, "", (), sys.exc_info()))


class Lines(logging.StreamHandler[Any]):
    """Of a line that cannot be made, so much: a traceback for each would be worse than the line's loss."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[0]
        text = one_line(f"{record.levelname} {record.name}: {record.msg!r:.200}")
        self.stream.write(f"a log line could not be written ({error and error.__name__}): {text}\n")


class Text(logging.Formatter):
    """`2026-11-21 12:00:00,000 INFO parlor: what happened`; a traceback stays on the line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


class JSON(logging.Formatter):
    """`{"at", "level", "name", "text", "error"?}` and, of a request, what the access log notes."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03}",
            "level": record.levelname.lower(),
            "name": record.name,
            "text": one_line(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line | getattr(record, "seen", {}), default=str).decode()


class Access(AbstractAccessLogger):
    """A line a request, when it is over. Never its query, which may hold a session id, and no header but one."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        note(request.remote or "", request.method, request.path, "", response.status, response.body_length, time)


def note(peer: str, method: str, path: str, transport: str, status: int, size: int, seconds: float) -> None:
    """One line of the access log."""
    seen = {
        "method": method[:20],
        "path": one_line(path)[:200],
        "status": status,
        "bytes": size,
        "ms": round(seconds * 1000, 1),
        "from": peer,
        "transport": transport[:20],
    }
    text = "{from} {method} {path} {transport} {status} {bytes} B {ms} ms".format(**seen).replace("  ", " ")
    access_log.info("%s", text, extra={"seen": seen})


def one_line(text: str) -> str:
    """With control characters written out: nobody can forge a line, or clear a terminal."""
    return _CONTROL.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    """As Python writes it: `\\n`, `\\x1b`, `\\u2028`. Not by a codec, which would have to be loaded."""
    return repr(found[0])[1:-1]
