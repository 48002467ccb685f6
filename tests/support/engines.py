"""Browsers beside Chromium: Firefox (puppeteer-core from Node, WebDriver BiDi), WebKit (selenium, on its own display).

Both are reduced to what one conversation needs: go, reload, type and press Enter, evaluate. Each test has its own.
"""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.support.need import program, require

JS = Path(__file__).parents[1] / "js"
MINIBROWSER = "*/webkit2gtk-4.*/MiniBrowser"  # below /usr/lib
STARTS_WITHIN = 60  # seconds; on a machine that has much to do
ANSWERS_WITHIN = 60
LONGEST_LINE = 1 << 20  # bytes


class Engine(Protocol):
    version: str

    async def goto(self, url: str) -> None: ...

    async def reload(self) -> None: ...

    async def evaluate(self, expression: str) -> Any: ...

    async def enters(self, selector: str, text: str) -> None:
        """Type a text there, and press Enter."""


class Firefox:
    def __init__(self, process: Process) -> None:
        self._process = process
        self.version = ""

    async def goto(self, url: str) -> None:
        await self._ask({"goto": url})

    async def reload(self) -> None:
        await self._ask({"reload": True})

    async def evaluate(self, expression: str) -> Any:
        return await self._ask({"evaluate": expression})

    async def enters(self, selector: str, text: str) -> None:
        await self._ask({"type": [selector, text]})

    async def hears(self) -> Any:
        assert self._process.stdout
        async with asyncio.timeout(ANSWERS_WITHIN):
            line = await self._process.stdout.readline()
        assert line, "Firefox has gone"
        said = json.loads(line)
        assert "error" not in said, said["error"]
        return said["value"]

    async def _ask(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.hears()


@asynccontextmanager
async def firefox(**preferences: object) -> AsyncIterator[Firefox]:
    """`preferences`: those of about:config, `__` for their dots."""
    path = program(("firefox-esr", "firefox"), "no page is tested in Firefox")
    node = program(("node",), "nobody drives Firefox")
    require((JS / "node_modules" / "puppeteer-core").is_dir(), "puppeteer-core is not installed: nobody drives Firefox")
    chosen = [f"{name.replace('__', '.')}={json.dumps(value)}" for name, value in preferences.items()]
    process = await asyncio.create_subprocess_exec(
        node, str(JS / "engines" / "firefox.mjs"), path, *chosen, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE
    )
    browser = Firefox(process)
    try:
        browser.version = await browser.hears()
        yield browser
    finally:
        assert process.stdin
        process.stdin.close()  # it closes its browser, then ends
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()


class WebKit:
    def __init__(self, driver: webdriver.WebKitGTK) -> None:
        self._driver = driver
        self.version = f"WebKitGTK {driver.capabilities['browserVersion']}"

    async def goto(self, url: str) -> None:
        await self._do(self._driver.get, url)

    async def reload(self) -> None:
        await self._do(self._driver.refresh)

    async def evaluate(self, expression: str) -> Any:
        return await self._do(self._driver.execute_script, f"return ({expression})")

    async def enters(self, selector: str, text: str) -> None:
        box = await self._do(self._driver.find_element, By.CSS_SELECTOR, selector)
        await self._do(box.send_keys, text + Keys.ENTER)

    async def _do(self, act: Callable[..., Any], *args: Any) -> Any:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await asyncio.to_thread(act, *args)


@asynccontextmanager
async def webkit() -> AsyncIterator[WebKit]:
    driver_path = program(("WebKitWebDriver",), "no page is tested in WebKit")
    found = sorted(Path("/usr/lib").glob(MINIBROWSER))
    require(found, "MiniBrowser of webkit2gtk-driver is not installed: no page is tested in WebKit")
    async with display() as name:
        options = Options()
        options.binary_location = str(found[-1])
        options.add_argument("--automation")
        surroundings = {**os.environ, "DISPLAY": name, "WEBKIT_DISABLE_COMPOSITING_MODE": "1", "NO_AT_BRIDGE": "1"}
        surroundings.pop("WAYLAND_DISPLAY", None)
        service = Service(executable_path=driver_path, env=surroundings)
        async with asyncio.timeout(STARTS_WITHIN):
            driver = await asyncio.to_thread(webdriver.WebKitGTK, options=options, service=service)
        try:
            yield WebKit(driver)
        finally:
            await asyncio.to_thread(driver.quit)


@asynccontextmanager
async def display() -> AsyncIterator[str]:
    """A display that nobody else has: the server itself finds a free number."""
    require(shutil.which("Xvfb"), "Xvfb is not installed: there is no display for WebKit")
    ours, theirs = os.pipe()
    size = ("-screen", "0", "1280x900x24", "-nolisten", "tcp")
    server = await asyncio.create_subprocess_exec(
        "Xvfb", "-displayfd", str(theirs), *size, pass_fds=[theirs], stderr=asyncio.subprocess.DEVNULL
    )
    os.close(theirs)
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            number = await asyncio.to_thread(os.read, ours, 16)
        assert number, "Xvfb does not start"
        yield f":{number.decode().strip()}"
    finally:
        os.close(ours)
        if server.returncode is None:
            server.terminate()
        await server.wait()
