"""The files that hosts read."""

import hashlib
import json
import re
import shutil
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Settings, load
from tests.deploy.rules import MISTAKEN, PACKAGE_FILES, objections

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "static" / "vendor"


def test_requirements_are_the_project_s_own_dependencies_all_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert lines == project["dependencies"]
    pinned = r"[a-z0-9-]+(\[[a-z]+\])?==[0-9.]+(; sys_platform != \"win32\")?"
    assert all(re.fullmatch(pinned, line) for line in lines)


def test_the_procfile_replaces_its_shell() -> None:
    """Without `exec` some hosts signal the shell and leave the old process alive with its clients."""
    assert (ROOT / "Procfile").read_text() == "web: exec python -m app\n"


def test_the_python_version_is_one_that_we_support() -> None:
    major, minor = (ROOT / ".python-version").read_text().strip().split(".")
    assert (int(major), int(minor)) >= (3, 11)


def test_third_party_browser_code_is_the_published_build() -> None:
    known = json.loads((VENDOR / "versions.json").read_text())
    on_disk = {path.name for path in VENDOR.iterdir() if path.is_dir()}
    assert set(known) == on_disk
    for package, facts in known.items():
        assert facts["version"] and facts["license"]
        sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (VENDOR / package).iterdir()}
        assert sums == facts["files"], f"{package} is not what was published; run `make vendor`"
        assert "LICENSE" in sums


# What the sections that web.config names may hold, by the schemas of IIS 10, URL Rewrite 2.1 and the handler.
# An element or attribute that is not known there, or a value that does not fit, is an error 500.19 for the whole site.
TEXT, FLAG = r"(?s).+", "true|false"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
ALLOWED: dict[str, dict[str, str]] = {
    "webSocket": {"enabled": FLAG, "receiveBufferLimit": r"\d+", "pingInterval": r"\d\d:\d\d:\d\d"},
    "handlers": {"accessPolicy": TEXT},
    "handlers/clear": {},
    "handlers/remove": {"name": TEXT},
    "handlers/add": {
        "name": TEXT,
        "path": TEXT,
        "verb": TEXT,
        "modules": TEXT,
        "resourceType": "File|Directory|Either|Unspecified",
        "requireAccess": "None|Read|Write|Script|Execute",
    },
    "httpPlatform": {
        "processPath": TEXT,
        "arguments": TEXT,
        "startupTimeLimit": r"\d{1,3}|[12]\d{3}|3[0-5]\d\d|3600",
        "startupRetryCount": r"\d\d?|100",
        "rapidFailsPerMinute": r"\d\d?|100",
        "requestTimeout": r"(\d\.)?\d\d:\d\d:00",
        "stdoutLogEnabled": FLAG,
        "stdoutLogFile": TEXT,
        "processesPerApplication": r"[1-9]\d?|100",
        "forwardWindowsAuthToken": FLAG,
    },
    "httpPlatform/environmentVariables": {},
    "httpPlatform/environmentVariables/environmentVariable": {"name": VARIABLE, "value": TEXT},
    "httpPlatform/recycleOnFileChange": {},
    "httpPlatform/recycleOnFileChange/file": {"path": TEXT},
    "httpErrors": {"existingResponse": "Auto|Replace|PassThrough", "errorMode": "DetailedLocalOnly|Custom|Detailed"},
    "urlCompression": {"doStaticCompression": FLAG, "doDynamicCompression": FLAG},
    "security": {},
    "security/requestFiltering": {"allowDoubleEscaping": FLAG, "allowHighBitCharacters": FLAG},
    "security/requestFiltering/hiddenSegments": {"applyToWebDAV": FLAG},
    "security/requestFiltering/hiddenSegments/remove": {"segment": TEXT},
    "rewrite": {},
    "rewrite/rules": {},
    "rewrite/rules/rule": {
        "name": TEXT,
        "enabled": FLAG,
        "stopProcessing": FLAG,
        "patternSyntax": "ECMAScript|Wildcard",
    },
    "rewrite/rules/rule/match": {"url": TEXT, "ignoreCase": FLAG, "negate": FLAG},
    "rewrite/rules/rule/conditions": {"logicalGrouping": "MatchAll|MatchAny", "trackAllCaptures": FLAG},
    "rewrite/rules/rule/conditions/add": {"input": TEXT, "pattern": TEXT, "ignoreCase": FLAG, "negate": FLAG},
    "rewrite/rules/rule/action": {
        "type": "None|Redirect|Rewrite|CustomResponse|AbortRequest",
        "url": TEXT,
        "redirectType": "Permanent|Found|SeeOther|Temporary",
        "appendQueryString": FLAG,
    },
}
GONE = {"1.2": {}, "2": {"httpPlatform": {"startupRetryCount"}}}  # version of the handler -> what it does not know


def web_config() -> ElementTree.Element:
    root = ElementTree.parse(ROOT / "web.config").getroot()
    assert (root.tag, [one.tag for one in root]) == ("configuration", ["system.webServer"])
    return root[0]


def sections(element: ElementTree.Element, path: str = "") -> Iterator[tuple[str, ElementTree.Element]]:
    for one in element:
        here = f"{path}/{one.tag}".lstrip("/")
        yield here, one
        yield from sections(one, here)


@pytest.mark.parametrize("version", GONE)
def test_web_config_holds_only_what_iis_and_the_handler_know(version: str) -> None:
    for path, element in sections(web_config()):
        assert path in ALLOWED, path
        known = {name: form for name, form in ALLOWED[path].items() if name not in GONE[version].get(path, set())}
        for name, value in element.attrib.items():
            assert name in known, f"{path} {name}"
            assert re.fullmatch(known[name], value), f"{path} {name} = {value!r}"


def one(path: str) -> ElementTree.Element:
    found = web_config().findall(path)
    assert len(found) == 1, path
    return found[0]


def test_web_config_keeps_the_host_s_websocket_module_out() -> None:
    """And tells how to let it in, for that is one word."""
    assert one("webSocket").get("enabled") == "false"
    assert "change false to true" in (ROOT / "web.config").read_text()


def test_web_config_gives_everything_to_one_process_of_ours() -> None:
    added = one("handlers/add")
    assert (added.get("path"), added.get("verb"), added.get("modules")) == ("*", "*", "httpPlatformHandler")
    platform = one("httpPlatform")
    assert platform.get("processesPerApplication") == "1"
    assert platform.get("forwardWindowsAuthToken") == "false"
    assert platform.get("arguments") == "-m app"
    hours, minutes, _ = map(int, (platform.get("requestTimeout") or "").split(":"))
    assert hours * 3600 + minutes * 60 > Settings().ping_interval + Settings().ping_timeout


def test_web_config_sets_what_parlor_knows() -> None:
    variables = {each.get("name"): each.get("value") for each in one("httpPlatform/environmentVariables")}
    assert variables["PORT"] == "%HTTP_PLATFORM_PORT%"
    environment = {str(name): str(value).replace("%HTTP_PLATFORM_PORT%", "4711") for name, value in variables.items()}
    settings, _ = load({}, environment)
    assert (settings.host, settings.port, settings.trust_proxies) == ("127.0.0.1", 4711, 1)


def test_web_config_starts_parlor_anew_when_files_change_that_there_are() -> None:
    for file in one("httpPlatform/recycleOnFileChange"):
        assert (ROOT / (file.get("path") or "").replace("\\", "/")).is_file(), file.get("path")


def test_web_config_lets_parlor_s_own_words_through_at_once() -> None:
    assert one("httpErrors").get("existingResponse") == "PassThrough"
    assert one("urlCompression").get("doDynamicCompression") == "false"


def test_web_config_hides_no_room() -> None:
    """IIS hides these by default, and web.config, which no room can be called. It ignores case."""
    removed = {(segment.get("segment") or "").lower() for segment in one("security/requestFiltering/hiddenSegments")}
    hidden = "App_code App_GlobalResources App_LocalResources App_WebReferences App_Data App_Browsers bin"
    assert removed == set(hidden.lower().split())


@pytest.mark.parametrize(
    ("path", "asked", "redirected"),
    [
        ("", {}, True),
        ("r/lobby", {}, True),
        ("r/lobby", {"REQUEST_METHOD": "HEAD"}, True),
        ("healthzone", {}, True),
        ("r/socket.io", {}, True),
        ("r/lobby", {"REQUEST_METHOD": "POST"}, False),
        ("r/lobby", {"HTTPS": "on"}, False),
        ("healthz", {}, False),
        ("readyz", {}, False),
        ("metrics", {}, False),
        ("socket.io/", {}, False),
        ("ws/echo", {}, False),
        ("echo", {"HTTP_UPGRADE": "websocket"}, False),
    ],
)
def test_web_config_redirects_people_to_https_and_nobody_else(
    path: str, asked: dict[str, str], redirected: bool
) -> None:
    """By the rule as URL Rewrite applies it: the path without its first slash, all conditions, case ignored."""
    variables = {"HTTPS": "off", "REQUEST_METHOD": "GET", "HTTP_UPGRADE": ""} | asked
    rule = one("rewrite/rules/rule")
    matches = re.search(str(one("rewrite/rules/rule/match").get("url")), path, re.IGNORECASE)
    holds = [
        re.search(str(condition.get("pattern")), variables[str(condition.get("input")).strip("{}")], re.IGNORECASE)
        for condition in one("rewrite/rules/rule/conditions")
    ]
    assert bool(matches and all(holds)) is redirected
    assert rule.get("enabled") == "false", "who has no certificate yet is not sent to https"


def test_hosts_have_nothing_against_this_project() -> None:
    assert objections(ROOT) == []


@pytest.mark.parametrize("name", [*MISTAKEN, *PACKAGE_FILES[1:]])
def test_hosts_object_to_a_file_that_changes_how_they_build(tmp_path: Path, name: str) -> None:
    for known in ("Procfile", ".python-version", "requirements.txt"):
        shutil.copy(ROOT / known, tmp_path)
    assert objections(tmp_path) == []
    (tmp_path / name).touch()
    assert len(found := objections(tmp_path)) == 1 and name in found[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Procfile", "web: exec python -m app\nworker: exec python -m app\n"),
        ("Procfile", "exec python -m app\n"),
        (".python-version", "3.13.0-slim\n"),
        ("requirements.txt", ".\n"),
        ("requirements.txt", "aiohttp>=3\n"),
        ("requirements.txt", "-r more.txt\n"),
    ],
)
def test_hosts_object_to_a_file_that_says_something_else_to_each(tmp_path: Path, name: str, text: str) -> None:
    for known in ("Procfile", ".python-version", "requirements.txt"):
        shutil.copy(ROOT / known, tmp_path)
    (tmp_path / name).write_text(text)
    assert len(found := objections(tmp_path)) == 1 and name in found[0]
