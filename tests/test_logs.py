"""Logs: one line an event, nothing in it that does not belong there."""

import codecs
import io
import json
import logging
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from app.advice import warnings
from app.config import load
from app.logs import JSONFormatter, LineHandler, TextFormatter, one_line
from tests.support.process import serving
from tests.support.talker import Talker

NASTY = "a\r\n2026-01-01 INFO parlor: forged \x1b[2J \x00 \u2028 end"


def record(text: str) -> logging.LogRecord:
    try:
        raise ValueError(f"broken\n{text}")
    except ValueError:
        return logging.LogRecord("parlor", logging.ERROR, "", 0, "it said %s", (text,), sys.exc_info())


def test_a_line_of_text_stays_one_line_whatever_is_in_it() -> None:
    line = TextFormatter().format(record(NASTY))
    assert all(char.isprintable() for char in line)
    assert "\\r\\n" in line and "Traceback" in line and "ValueError" in line


def test_no_codec_is_loaded_to_write_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors none could be, and each line that fails would bring a traceback."""
    monkeypatch.setattr(codecs, "lookup", None)
    monkeypatch.delitem(sys.modules, "encodings.unicode_escape", raising=False)
    assert one_line("\n\x1b\u2028\x00\x85") == "\\n\\x1b\\u2028\\x00\\x85"
    assert "encodings.unicode_escape" not in sys.modules


def test_a_line_that_cannot_be_made_is_told_in_one_line() -> None:
    lines = LineHandler(io.StringIO())
    lines.setFormatter(TextFormatter())
    lines.handle(logging.LogRecord("parlor", logging.INFO, "", 0, "%d\nbottles", ("ten",), None))
    written = lines.stream.getvalue()
    assert written.count("\n") == 1
    assert "bottles" in written and "Traceback" not in written


def test_a_line_of_json_is_an_object_and_one_line() -> None:
    line = JSONFormatter().format(record(NASTY))
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["name"]) == ("error", "parlor")
    assert "\x1b" not in said["text"] and "Traceback" in said["error"]


@pytest.mark.parametrize("form", ["text", "json"])
async def test_each_request_is_a_line_without_secrets(tmp_path: Path, form: str) -> None:
    flags = "--access-log", "true", "--log-format", form
    async with serving(tmp_path, *flags) as server:
        async with Talker(server.url, "alice", transport="polling") as alice:
            await alice.join("lobby")
            sid, token = alice.client.eio.sid, alice.token
        forged, cookie = f"{server.url}/r/lobby%0d%0aforged", {"Cookie": f"parlor_token={token}"}
        async with aiohttp.ClientSession() as http, http.get(forged, headers=cookie) as page:
            await page.read()
        server.signal(signal.SIGTERM)
        code, errors = await server.ended(5)
    assert code == 0
    assert str(token) not in errors and str(sid) not in errors
    lines = errors.splitlines()
    requests = [line for line in lines if "/socket.io/" in line]
    assert requests
    assert not [line for line in lines if line.startswith("forged")]
    if form == "json":
        seen = [json.loads(line) for line in lines]
        polled = next(one for one in seen if one.get("path") == "/socket.io/")
        assert (polled["status"], polled["transport"], polled["from"]) == (200, "polling", "127.0.0.1")


@pytest.mark.parametrize(
    ("flags", "environment", "word"),
    [
        ({"workers": "2"}, {}, "PARLOR_WORKERS"),
        ({"ping_interval": "60"}, {}, "PARLOR_PING_INTERVAL"),
    ],
)
def test_what_will_not_work_as_thought_is_said_at_the_start(
    flags: dict[str, str], environment: dict[str, str], word: str
) -> None:
    settings, _ = load(flags, {})
    said = list(warnings(settings, environment))
    assert len(said) == 1 and word in said[0]


def test_with_the_defaults_there_is_nothing_to_warn_of() -> None:
    assert list(warnings(load({}, {"WEB_CONCURRENCY": "1"})[0], {})) == []
