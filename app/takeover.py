"""The database at a start, and who serves it: a lock says so, which the next version takes over from the one before."""

import asyncio
import contextlib
import logging
import math
import os
import socket
import time
from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from app.chat.leases import Lease
from app.config import BadSetting, Settings
from app.model import Refused
from app.store import queries
from app.store.database import Database
from app.store.engine import CannotUpgrade
from app.store.lock import ServingLock

log = logging.getLogger("parlor")

WATCH_INTERVAL_S = 1.0  # between checks of the database's files
TAKEOVER_INTERVAL_S = 0.25  # between attempts to take the lock over from the previous version
FIRST_ANSWER_S = 10.0  # for which a start waits for the database
SHARING_ATTEMPTS = 4  # in so many intervals, for one that starts to be done
MAX_OVERLAP_S = 300.0  # Dokku stops the old version 60 s after the new one answers, or some minutes later


async def open_store(settings: Settings) -> tuple[ServingLock, Database, str]:
    """The lock on the database, the database, and its epoch. Raises BadSetting where another server holds the lock."""
    lock = None
    try:
        if not settings.database_url:
            settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(settings.database)
        lock = ServingLock(database.file, shared=bool(settings.redis_url.get_secret_value()))
        alone = lock.take(alone=True)
        if not alone and not await _shares(lock) and not overlap_of(settings, lock, os.environ):
            raise BadSetting(
                f"{_other_server(lock, database)}: stop that one, or give this one a folder of its own (PARLOR_DATA)."
            )
        await database.start(alone)
        if alone:
            lock.take()
        epoch = await _first_answer(database)
    except Refused as refusal:
        if lock:
            lock.release()
        raise BadSetting(refusal.text) from None
    except (OSError, SQLAlchemyError, CannotUpgrade) as error:
        if lock:
            lock.release()
        reason = error.strerror if isinstance(error, OSError) else getattr(error, "orig", error)
        where = "DATABASE_URL" if settings.database_url else f"the data folder {settings.data} (PARLOR_DATA)"
        raise BadSetting(f"Messages cannot be stored in {where}: {reason}.") from None
    return lock, database, epoch


async def _first_answer(database: Database) -> str:
    """The epoch. A busy server may take longer for its first connections than anybody waits who is connected already.
    Raises Refused."""
    until = time.monotonic() + FIRST_ANSWER_S
    while True:
        try:
            return str(await database.read(queries.epoch))
        except Refused as refusal:
            if "retry_after" not in refusal.extra or time.monotonic() > until:
                raise
            await asyncio.sleep(TAKEOVER_INTERVAL_S)


async def _shares(lock: ServingLock) -> bool:
    """Whether it could be taken. Another one that shares it has it for itself while it starts."""
    for _ in range(SHARING_ATTEMPTS):
        if lock.take():
            return True
        await asyncio.sleep(TAKEOVER_INTERVAL_S)
    return False


async def watch_files(database: Database, lock: ServingLock) -> None:
    """Check the files every second, so that one that was removed or replaced is noticed in silent rooms, too."""
    while True:
        await asyncio.sleep(WATCH_INTERVAL_S)
        await database.watch()
        if not await asyncio.to_thread(lock.take):
            log.error("%s", _other_server(lock, database))


async def take_over(
    settings: Settings, lease: Lease, database: Database, lock: ServingLock, must_stop: asyncio.Future[str]
) -> None:
    """Serve beside the previous version until it has ended, `PARLOR_OVERLAP` at most. Only then are the people who are
    not connected here marked as gone."""
    overlap = overlap_of(settings, lock, os.environ)
    log.warning("%s; for %g s at most both serve", _other_server(lock, database), overlap)
    until = time.monotonic() + overlap
    while not await asyncio.to_thread(lock.take):
        if time.monotonic() > until:
            must_stop.set_result(
                f"{_other_server(lock, database)}: both have served for {overlap:g} s (PARLOR_OVERLAP)."
            )
            return
        await asyncio.sleep(TAKEOVER_INTERVAL_S)
        await database.watch()
    if await asyncio.to_thread(lock.take, alone=True):
        log.info("the version before has ended: this one serves alone")
        with contextlib.suppress(Refused):  # nothing can be stored at present: the next start does it
            await lease.end_others()
    await watch_files(database, lock)


def overlap_of(settings: Settings, lock: ServingLock, environment: Mapping[str, str]) -> float:
    """Seconds that this server may serve beside another one. Not 0 on hosts that start a new version before they stop
    the old one: known by their environment (Dokku sets DYNO), or by another host name (each container has its own)."""
    if settings.overlap is not None:
        return settings.overlap
    holder = lock.holder()
    host, is_ours = holder.get("host"), holder.get("pid") == os.getpid()
    if is_ours and host == socket.gethostname():  # one application with two servers: its own choice
        return math.inf
    is_release = (
        "DYNO" in environment or "KUBERNETES_SERVICE_HOST" in environment or host not in (None, socket.gethostname())
    )
    return MAX_OVERLAP_S if is_release else 0


def _other_server(lock: ServingLock, database: Database) -> str:
    other = {"pid": "?", "host": "?", "since": "?"} | lock.holder()
    return (
        f"another Parlor, process {other['pid']} on {other['host']}, has served {database.file} since "
        f"{other['since']} UTC, and people on the two would not hear each other"
    )
