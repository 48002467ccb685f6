"""The files that hosts read."""

import hashlib
import json
import re
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "static" / "vendor"


def test_requirements_are_the_project_s_own_dependencies_all_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert lines == project["dependencies"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", line) for line in lines)


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


# Section -> attributes it may have (HttpPlatformHandler 1.2 and 2, IIS 10). An unknown one is an error 500.19 there.
ALLOWED: dict[str, set[str]] = {
    "configuration": set(),
    "system.webServer": set(),
    "webSocket": {"enabled", "pingInterval", "receiveBufferLimit"},
    "handlers": set(),
    "clear": set(),
    "add": {"name", "path", "verb", "modules", "resourceType", "input", "pattern", "ignoreCase", "negate"},
    "remove": {"segment", "name"},
    "httpPlatform": {
        "processPath",
        "arguments",
        "processesPerApplication",
        "requestTimeout",
        "startupTimeLimit",
        "rapidFailsPerMinute",
        "forwardWindowsAuthToken",
        "stdoutLogEnabled",
        "stdoutLogFile",
    },
    "environmentVariables": set(),
    "environmentVariable": {"name", "value"},
    "recycleOnFileChange": set(),
    "file": {"path"},
    "httpErrors": {"existingResponse"},
    "urlCompression": {"doStaticCompression", "doDynamicCompression"},
    "security": set(),
    "requestFiltering": set(),
    "hiddenSegments": set(),
    "rewrite": set(),
    "rules": set(),
    "rule": {"name", "enabled", "stopProcessing", "patternSyntax"},
    "match": {"url", "ignoreCase", "negate"},
    "conditions": {"logicalGrouping"},
    "action": {"type", "url", "redirectType", "appendQueryString"},
}


def web_config() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "web.config").getroot()


def test_web_config_holds_only_what_iis_knows() -> None:
    for element in web_config().iter():
        assert set(element.attrib) <= ALLOWED[element.tag], element.tag


def test_web_config_keeps_the_host_s_websocket_module_out() -> None:
    root = web_config()
    socket = root.find(".//webSocket")
    platform = root.find(".//httpPlatform")
    assert socket is not None and socket.get("enabled") == "false"
    assert platform is not None and platform.get("processesPerApplication") == "1"
    assert platform.get("forwardWindowsAuthToken") == "false"
    variables = {one.get("name"): one.get("value") for one in root.iter("environmentVariable")}
    assert variables["PORT"] == "%HTTP_PLATFORM_PORT%"
    hours, minutes, seconds = map(int, (platform.get("requestTimeout") or "").split(":"))
    assert seconds == 0 and hours * 3600 + minutes * 60 > 60


def test_web_config_s_redirect_leaves_health_checks_and_sockets_alone() -> None:
    match = web_config().find(".//rule/match")
    assert match is not None
    pattern = re.compile(match.get("url") or "")
    assert [path for path in ("healthz", "readyz", "metrics", "socket.io/") if pattern.match(path)] == []
    assert all(pattern.match(path) for path in ("", "r/lobby", "echo", "healthzone"))
