"""A start that cannot be: one sentence, exit code 1, and no password in it; where there are workers, once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.config import BadSetting, Settings
from app.server import start
from tests.support.postgres import Cluster
from tests.support.process import free_port, refusal
from tests.support.redis import redis_server

SECRET = "hush-hush"


async def why_not(data: Path, *flags: str, **environment: str) -> str:
    """The one sentence."""
    begun = ("--data", str(data), "--host", "127.0.0.1", "--port", "0")
    code, out, errors = await refusal(*begun, *flags, **environment)
    assert (code, out) == (1, "")
    assert errors.startswith("Parlor cannot start: ") and errors.endswith(".\n"), errors
    assert errors.count("\n") == 1 and SECRET not in errors, errors
    return errors


async def test_two_workers_that_cannot_start_say_so_once(tmp_path: Path, postgres: Cluster) -> None:
    url = postgres.database()
    nobody = f"redis://:{SECRET}@127.0.0.1:{free_port()}"
    two = ("--workers", "2")
    async with redis_server(tmp_path / "redis", requirepass="another") as redis:
        for given, word in (
            ({"DATABASE_URL": postgres.url("postgres", password=SECRET)}, "password authentication failed"),
            ({"DATABASE_URL": f"postgres://a:{SECRET}@127.0.0.1:{free_port()}/a"}, "Connection refused"),
            ({"DATABASE_URL": url, "REDIS_URL": nobody}, "cannot be reached"),
            ({"DATABASE_URL": url, "REDIS_URL": redis.url.replace("//", f"//:{SECRET}@")}, "not take this password"),
        ):
            assert word in await why_not(tmp_path / "data", *two, **given)


@asynccontextmanager
async def dies_at(url: str, first: bytes, then: bytes) -> AsyncIterator[str]:
    """The URL of a database that is gone for good as soon as it is asked this, after it was asked that."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    writers: list[asyncio.StreamWriter] = []
    asked_first = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onwards = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((writer, onwards))
        back = asyncio.create_task(pipe(there, writer))
        await pipe(reader, onwards, watched=True)
        await back

    async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter, watched: bool = False) -> None:
        nonlocal asked_first
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if watched and asked_first and then in data:
                    listening.close()
                    for one in writers:
                        one.transport.abort()
                    return
                asked_first = asked_first or (watched and first in data)
                sink.write(data)
        sink.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield url.replace(f":{port}/", f":{listening.sockets[0].getsockname()[1]}/") + "?sslmode=disable"
    finally:
        listening.close()
        for one in writers:
            one.transport.abort()


async def test_a_database_that_goes_right_after_it_was_opened_is_one_sentence(
    tmp_path: Path, postgres: Cluster
) -> None:
    async with dies_at(postgres.database(), b"rules.version", b"epochs.epoch") as url:
        with pytest.raises(BadSetting, match="The message store cannot be reached"):
            await start(Settings(host="127.0.0.1", port=0, data=tmp_path, database_url=url))
