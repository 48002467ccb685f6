"""Debian's nginx in front of Parlor: with the text of docs/hosts.md as it stands, and without its upgrade lines."""

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from app.tools.doctor import examine
from tests.browser.conftest import Start, Visit
from tests.browser.test_conversation import on_record, talk
from tests.doctor.test_browsers import enter
from tests.doctor.test_faults import BOTH, line
from tests.support.need import program
from tests.support.process import PROJECT, STARTS_WITHIN, free_port

pytestmark = pytest.mark.slow

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{ours}
}}
"""
UPGRADE = re.compile(r"^\s*proxy_(?:http_version|set_header (?:Upgrade|Connection)) .*\n", re.MULTILINE)


def ours(server_url: str, port: int) -> str:
    """What docs/hosts.md says, for these addresses."""
    text = (PROJECT / "docs" / "hosts.md").read_text(encoding="utf-8")
    fence = re.search(r"```nginx\n(.+?)```", text, re.DOTALL)
    assert fence, "docs/hosts.md shows nginx's configuration no more"
    told = re.sub(r"^\s*listen \[::\].*\n", "", fence[1], flags=re.MULTILINE)
    told = re.sub(r"listen 80\b", f"listen 127.0.0.1:{port}", told)
    told, count = re.subn(r"http://127\.0\.0\.1:8000", server_url, told)
    assert count and f"127.0.0.1:{port}" in told, "its addresses are written otherwise now"
    return told


@asynccontextmanager
async def nginx(folder: Path, server_url: str, *, upgrades: bool = True) -> AsyncIterator[str]:
    path = program(["nginx", "/usr/sbin/nginx"], "the configuration of docs/hosts.md is tried by nobody")
    port = free_port()
    told = ours(server_url, port)
    if not upgrades:
        told, count = UPGRADE.subn("", told)
        assert count == 3, "the lines that let upgrades pass are written otherwise now"
    folder.mkdir()
    conf = folder / "nginx.conf"
    conf.write_text(MAIN.format(folder=folder, ours=told), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(path, "-p", str(folder), "-c", str(conf), "-e", str(folder / "error.log")), stdout=DEVNULL, stderr=PIPE
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await _serves(url, process)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _serves(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(STARTS_WITHIN), aiohttp.ClientSession() as http:
        while True:
            if process.returncode is not None:
                _, errors = await process.communicate()
                raise AssertionError(errors.decode())
            try:
                async with http.get(f"{url}/healthz"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)


async def test_nginx_as_documented_and_without_its_upgrade_lines(start_server: Start, tmp_path: Path) -> None:
    server = await start_server(trust_proxies=1)
    async with (
        nginx(tmp_path / "whole", server.url) as whole,
        nginx(tmp_path / "without", server.url, upgrades=False) as without,
    ):
        well, stripped = await asyncio.gather(examine(whole, idle=2.0, most=20), examine(without, idle=2.0))
    assert [one for _, one in well.findings if one.verdict in ("warn", "bad")] == []
    assert well.exit_code == 0 and set(well.usable) == set(BOTH) and well.host == "nginx"
    assert line(well, "websocket limit")[0].seen == "20 at once"
    assert stripped.exit_code == 1 and stripped.usable == ["polling"]
    found = line(stripped, "websocket")[0]
    assert "strips the Upgrade header" in found.cause
    assert found.mend.startswith("nginx: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;")


async def test_two_browsers_talk_behind_nginx_with_and_without_its_upgrade_lines(
    start_server: Start, visit: Visit, tmp_path: Path
) -> None:
    for transport, upgrades in (("websocket", True), ("polling", False)):
        server = await start_server(data=tmp_path / f"data {transport}", trust_proxies=1)
        async with nginx(tmp_path / transport, server.url, upgrades=upgrades) as url:
            alice, bob = await enter(visit, url, transport)
            texts = await talk(alice, bob, [], about=transport)
            assert await on_record(server.url) == texts
            for visitor in (alice, bob):
                await visitor.page.close()


async def test_nginx_in_front_of_nobody(tmp_path: Path) -> None:
    async with nginx(tmp_path / "nobody", "http://127.0.0.1:1") as url:
        report = await examine(url, idle=0.5)
    found = line(report, "processes")[0]
    assert "does not reach Parlor" in found.cause and "`proxy_pass`" in found.mend
    assert report.exit_code == 2
