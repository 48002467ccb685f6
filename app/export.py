"""What an operator does to a room from the command line: export it, set its retention, say to whom it belongs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson

from app import __version__
from app.chat import names
from app.chat.messages import as_told
from app.config import Settings
from app.files.blobs import Blobs
from app.model import Refused
from app.store import queries
from app.store.database import Database
from app.web.assets import Assets, templates
from app.web.log import by_day

MESSAGES_PER_READ = 500


async def export_room(settings: Settings, room: str, form: str, files: str = "") -> AsyncIterator[str]:
    """Every message, oldest first, as pieces of a file. form: `jsonl`, or `html` for one page, on which `files` is the
    address of the folder with what people have sent (`export_files`). The database is only
    read, so a server may run meanwhile. Raises Refused where there is no such room or no database."""
    database = Database(settings.database)
    try:
        database.open_existing()
        about = await database.read(queries.room, room)
        pieces = _json(database, room) if form == "jsonl" else _html(settings, database, about, files)
        async for piece in pieces:
            yield piece
    finally:
        await database.close()


async def _pages(database: Database, room: str) -> AsyncIterator[list[dict[str, Any]]]:
    after = 0
    while page := await database.read(queries.said_after, room=room, after=after, limit=MESSAGES_PER_READ):
        yield [as_told(one) for one in page]
        after = page[-1]["seq"]


async def _json(database: Database, room: str) -> AsyncIterator[str]:
    async for page in _pages(database, room):
        for message in page:
            yield orjson.dumps(message).decode() + "\n"


async def _html(settings: Settings, database: Database, about: dict[str, Any], files: str) -> AsyncIterator[str]:
    page = templates(Assets(), site=settings.site, version=__version__).get_template("export.html")
    messages = [one async for some in _pages(database, about["name"]) for one in some]
    by_seq = {message["seq"]: message for message in messages}
    shown = {"room": about["name"], "topic": about["topic"], "days": by_day(messages), "by_seq": by_seq, "files": files}
    for piece in page.generate(**shown):
        yield piece


async def export_files(settings: Settings, room: str, folder: Path) -> tuple[int, int]:
    """What people have sent in the room, each file as `{folder}/{id}/{name}`. How many there are now, and of how many
    the bytes are missing. Raises Refused, UnusablePlace."""
    if not settings.file_store:
        raise Refused("storage", "PARLOR_FILES is off: it does not say where files are.")
    database, blobs = Database(settings.database), Blobs(settings.file_store)
    written = missing = after = 0
    try:
        database.open_existing()
        await database.read(queries.room, room)
        while page := await database.read(queries.kept_files, room, after, MESSAGES_PER_READ):
            for one in page:
                is_written = await _write(blobs, one, folder / one["id"] / one["name"])
                written, missing = written + is_written, missing + (not is_written)
            after = page[-1]["seq"]
    finally:
        await database.close()
    return written, missing


async def _write(blobs: Blobs, file: dict[str, Any], target: Path) -> bool:
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
    with target.open("wb") as written:
        try:
            async for piece in blobs.read(file["id"], 0, file["bytes"]):
                written.write(piece)
        except FileNotFoundError:
            return False
    return True


async def own(settings: Settings, room: str, nickname: str) -> None:
    """Makes whoever bears this nickname an owner of the room; a running server lets that hold within seconds. Raises
    Refused where there is no such room or person."""
    database = Database(settings.database)
    try:
        database.open_existing()
        name = names.nickname(nickname)
        person = await database.read(queries.bearer, name, names.skeletons(name))
        if person is None:
            raise Refused("no_such_person", f"Nobody is called “{name}”.")
        await database.write(queries.own, room=room, by=queries.Actor("", "the operator"), person=person)
    finally:
        await database.close()


async def set_retention(
    settings: Settings, room: str, days: float | None, messages: int | None, bytes: int | None = None
) -> tuple[int, int]:
    """Sets how long a room's messages are kept; a running server applies it at its next run. Returns how many messages
    there are now, and how many bytes they take. Raises Refused."""
    database = Database(settings.database)
    try:
        database.open_existing()
        await database.write(queries.keep, room=room, days=days, messages=messages, bytes=bytes)
        return await database.read(queries.room_size, room)
    finally:
        await database.close()
