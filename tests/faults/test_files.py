"""SIGKILL in the middle of uploads: what was acked is there, and no bytes are there that no row leads to."""

import asyncio
import os
import random
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import aiohttp

from app.chat import files
from app.files.blobs import Blobs
from app.web.files import FILES
from tests.conftest import servers
from tests.support.process import Standing
from tests.support.talker import Talker, new_id, until
from tests.support.uploads import Uploader, photo

KILLS = 3
UPLOADERS = 3


async def test_killed_in_the_middle_of_uploads_it_loses_no_acked_file_and_orphans_no_bytes(tmp_path: Path) -> None:
    acked: dict[str, int] = {}
    async with Standing(tmp_path / "data", "--rate-limit", "off") as server:
        async with Talker(server.url, "alice") as alice:
            await alice.join("lobby")
            token = alice.token
        for _ in range(KILLS):
            work = [asyncio.create_task(upload(server.url, token, acked)) for _ in range(UPLOADERS)]
            await until(lambda: acked)  # of the first ones; a slow machine may need a while for any
            await asyncio.wait(work, timeout=random.uniform(0.3, 0.9))  # at any moment
            await server.kill()
            await asyncio.gather(*work)
            await server.begin()
        async with Talker(server.url, token=token) as alice:
            await alice.join("lobby")
            sent = next(iter(acked))
            assert (await alice.ask("send", {"room": "lobby", "id": new_id(), "file": sent}))["ok"]
    folder = tmp_path / "data" / "files"
    assert {id: (folder / id[:2] / id).stat().st_size for id in acked} == acked
    assert kept(folder) <= rows(server.database), "each has a row, whether it was acked or not"
    async with servers(tmp_path) as start:
        running = await start()
        blobs = running.runner.app[FILES].blobs
        assert isinstance(blobs, Blobs)
        await files.sweep(running.chat, blobs, time.time_ns() // 1_000_000 + 2 * files.UNSENT_MS)
        assert kept(folder) == rows(server.database) == {sent}, "a day later only what was sent is left"


def kept(folder: Path) -> set[str]:
    """The files of which there are bytes: their own, their thumbnail's, or some that were being written."""
    return {one.name[:32] for one in folder.glob("??/*")}


def rows(database: Path) -> set[str]:
    with sqlite3.connect(database) as db:
        return {id for (id,) in db.execute("SELECT id FROM files")}


async def upload(url: str, token: str | None, acked: dict[str, int]) -> None:
    """One file after the other, until the server is gone."""
    with suppress(aiohttp.ClientError, OSError):
        while True:
            content = random.choice((photo((900, 700)), os.urandom(3_000_000)))
            file = await Uploader(url, token).stored(content)
            acked[file["id"]] = file["bytes"]
