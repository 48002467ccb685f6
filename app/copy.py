"""A whole history moved into another database, from SQLite to PostgreSQL or back: for a room that outgrew its machine.

It is the same history afterwards: clients that come back go on where they were. An interrupted copy goes on where it
ended; nobody can serve from it before it is whole.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.chat.files import thumbnail_of
from app.config import POSTGRES, Settings, check_database
from app.files.blobs import Blobs, UnusablePlace
from app.model import Refused
from app.store import queries
from app.store.database import Database
from app.store.lock import ServingLock
from app.store.queries import transfer

ROWS_AT_ONCE = 500
NAME = "application_name=parlor-copy"  # by which servers are told from us


async def copy(source_url: str, target_url: str) -> AsyncIterator[tuple[str, int, int]]:
    """Yields `(what, done, of)` in rows, for people. Raises Refused, BadSetting."""
    for name, url in (("the source", source_url), ("the target", target_url)):
        check_database(url, name)
    if source_url == target_url:
        raise Refused("storage", "Source and target are the same database.")
    source, target = Database(_named(source_url)), Database(_named(target_url))
    try:
        source.open_existing()
        with _alone(source, "the source"), _alone(target, "the target"):
            await _start(target)
            await _ensure_unused(source, "the source")
            await _ensure_unused(target, "the target")
            await _ensure_same_schema(source, target)
            epoch = await source.read(queries.epoch)
            async for step in _copy(source, target, epoch):
                yield step
            async for step in _check(source, target):
                yield step
            await target.write(transfer.finish_copy, epoch)
    finally:
        await source.close()
        await target.close()


def _named(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{NAME}" if url.startswith(POSTGRES) else url


@contextmanager
def _alone(database: Database, which: str) -> Iterator[None]:
    """While no server can have the file. Raises Refused."""
    with ServingLock(database.file) as lock:
        if not lock.is_held:
            pid = lock.holder().get("pid", "?")
            raise Refused("storage", f"A server has {which} open ({database.place}, process {pid}): stop it first.")
        yield


async def _start(target: Database) -> None:
    try:
        await target.start(alone=False, unfinished=True)
    except (SQLAlchemyError, OSError) as error:
        raise Refused("storage", f"The target cannot be opened ({getattr(error, 'orig', error)}).") from None


async def _ensure_unused(database: Database, which: str) -> None:
    """Where others may use a database at the same time, it knows whom it talks to. Raises Refused."""
    if database.file is None and await database.read(transfer.servers) > 0:
        raise Refused("storage", f"A server has {which} open ({database.place}): stop it first.")


async def _ensure_same_schema(source: Database, target: Database) -> None:
    found, wanted = await source.read(transfer.schema), await target.read(transfer.schema)
    if found != wanted:
        text = (
            f"The source has the tables of another Parlor ({found}, and {wanted} is wanted): start this one on it once."
        )
        raise Refused("storage", text)


async def _copy(source: Database, target: Database, epoch: str) -> AsyncIterator[tuple[str, int, int]]:
    first, done = await target.write(transfer.begin_copy, epoch)
    names = transfer.transferred()
    for table in names[names.index(first) :]:
        total = await source.read(transfer.count_rows, table)
        yield table, done, total
        after, offset = None, done
        while rows := await source.read(transfer.rows_after, table, after, offset, ROWS_AT_ONCE):
            done, offset, after = done + len(rows), 0, transfer.key_of(table, rows[-1])
            await target.write(transfer.add_rows, epoch, table, [_storable(row) for row in rows], done)
            yield table, done, total
        done = 0


async def _check(source: Database, target: Database) -> AsyncIterator[tuple[str, int, int]]:
    """Every row of the one with that of the other. Raises Refused."""
    for table in transfer.transferred():
        total, found = await source.read(transfer.count_rows, table), await target.read(transfer.count_rows, table)
        after, done, same = None, 0, total == found
        while same and (rows := await source.read(transfer.rows_after, table, after, 0, ROWS_AT_ONCE)):
            wanted = {transfer.key_of(table, row): row for row in map(_storable, rows)}
            same = await target.read(transfer.rows_of, table, list(wanted)) == wanted
            done, after = done + len(rows), transfer.key_of(table, rows[-1])
            yield f"{table}, compared", done, total
        if not same:
            text = (
                f"The {table} of the two are not the same: something was written to the source while it was copied, or "
                "between two attempts. Empty the target, and copy again."
            )
            raise Refused("storage", text)


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """An old SQLite may hold NUL characters, which PostgreSQL has no place for."""
    return {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in row.items()}


async def copy_files(settings: Settings, place: str) -> tuple[int, int]:
    """Of every file that is not gone the bytes, with the thumbnail's, to another place. How many were not there yet,
    and how many are missing. Raises Refused."""
    if not settings.file_store:
        raise Refused("storage", "PARLOR_FILES is off: it does not say where files are.")
    try:
        source, target = Blobs(settings.file_store), Blobs(place)
    except UnusablePlace as error:
        raise Refused("storage", f"Nothing can be kept there: {error}.") from None
    database, after, copied, missing = Database(settings.database), "", 0, 0
    try:
        database.open_existing()
        while page := await database.read(queries.stored_files, after, ROWS_AT_ONCE):
            for id, size, small in page:
                for key, length in ((id, size), (thumbnail_of(id), small)):
                    if length and not await target.has(key):
                        is_copied = await _copy_one(source, target, key, length)
                        copied, missing = copied + (is_copied and key == id), missing + (not is_copied)
            after = page[-1][0]
    finally:
        await database.close()
    return copied, missing


async def _copy_one(source: Blobs, target: Blobs, key: str, size: int) -> bool:
    with tempfile.NamedTemporaryFile() as held:
        try:
            async for piece in source.read(key, 0, size):
                held.write(piece)
        except FileNotFoundError:
            return False
        held.flush()
        await target.put(key, Path(held.name))
    return True
