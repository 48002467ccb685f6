"""IIS with the HttpPlatformHandler, acted out from web.config itself: starts the process, forwards to it.

What it does to a WebSocket follows from the file too: with IIS's own module switched off the upgrade's headers are lost
on the way (FACTS.md, "web.config"), with it switched on they pass.
"""

import os
import re
import shlex
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.deploy.started import started
from tests.support.process import free_port
from tests.support.proxy import Fault, Proxy


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Proxy]:
    """`async with site(folder) as iis`: visit `iis.url`. The folder holds a project with its `.venv`."""
    server = ElementTree.parse(folder / "web.config").getroot()[0]
    platform = _section(server, "httpPlatform").attrib
    port = free_port()
    with _path(folder, platform["stdoutLogFile"]).open("wb") as log:
        process = started(
            str(_path(folder, platform["processPath"])),
            *shlex.split(platform["arguments"]),
            port=port,
            within=float(platform["startupTimeLimit"]),
            cwd=folder,
            env=_environment(server, port),
            stdout=log,
            stderr=log,
        )
        async with process, Proxy(f"http://127.0.0.1:{port}") as iis:
            passes = _section(server, "webSocket").attrib["enabled"] == "true"
            iis.websocket = Fault.NONE if passes else Fault.STRIPPED
            iis.idle = _seconds(platform["requestTimeout"])
            yield iis


def _section(server: ElementTree.Element, path: str) -> ElementTree.Element:
    found = server.find(path)
    assert found is not None, path
    return found


def _path(folder: Path, named: str) -> Path:
    """One that begins with a dot is below the site's folder."""
    assert named.startswith(".\\"), named
    return folder / named.replace("\\", "/")


def _environment(server: ElementTree.Element, port: int) -> dict[str, str]:
    """The handler's variable, and those of the file, in which it may be named: %HTTP_PLATFORM_PORT%."""
    known = {"HTTP_PLATFORM_PORT": str(port), "PATH": os.defpath}
    given = {one.attrib["name"]: one.attrib["value"] for one in _section(server, "httpPlatform/environmentVariables")}
    return known | {name: re.sub(r"%(\w+)%", lambda named: known[named[1]], value) for name, value in given.items()}


def _seconds(span: str) -> int:
    hours, minutes, seconds = map(int, span.split(":"))
    return hours * 3600 + minutes * 60 + seconds
