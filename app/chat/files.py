"""Files: who may upload one and who may get it, and when its bytes go.

An upload is a row before its bytes are stored, and until they are removed: after a crash at any step either nothing is
there, or a row that leads to what is. It belongs to whoever uploaded it until a message carries it, then to the room.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from app.chat import Chat, access, people
from app.chat.direct import SIGN, is_direct, stored_name
from app.chat.rules import BAN, MUTE
from app.model import Connection, Refused, Sentence
from app.store import queries

log = logging.getLogger("parlor.files")

UNSENT_MS = 86_400_000  # for which an upload waits for its message
GONE_MS = 90_000  # until the bytes of a deleted message go; a deletion can be undone for 60 s
SWEEP_INTERVAL_S = 30.0
FILES_PER_SWEEP = 100
FILE_BYTES = 20_000  # that each file counts beside its own
UPLOAD_COST = 10  # points of the rate
COSTLY = ("file_type", "file_too_large")  # refusals that take the server's time
MAX_UPLOADS, MAX_UPLOADS_OF_ONE = 100, 6  # at once


class Blobs(Protocol):
    """Where the bytes are."""

    async def remove(self, keys: Iterable[str]) -> None: ...


def thumbnail_of(id: str) -> str:
    """Of the bytes of its thumbnail the key."""
    return f"{id}t"


# --- uploading ---


class Uploads:
    """Those that are on their way, in this process."""

    def __init__(self) -> None:
        self._by_person: dict[str, int] = {}

    @contextmanager
    def one(self, person: str) -> Iterator[None]:
        """Raises `too_many`."""
        mine = self._by_person.get(person, 0)
        if mine >= MAX_UPLOADS_OF_ONE or sum(self._by_person.values()) >= MAX_UPLOADS:
            text = Sentence("Too many files are being uploaded at once. Try again in a moment.")
            raise Refused("too_many", text, retry_after=2, limit="uploads")
        self._by_person[person] = mine + 1
        try:
            yield
        finally:
            self._by_person[person] -= 1
            if not self._by_person[person]:
                del self._by_person[person]


async def may_send_to(chat: Chat, room: str, person: str) -> None:
    """Before the bytes are taken: would the room take them? Raises `banned`, `muted`, `no_such_room`. (The gate looks
    again when the message is sent.)"""
    found = await access.known(chat, stored_name(person, room))
    for kind in (BAN, MUTE):
        if sanction := found.sanction(person, kind):
            raise sanction.refusal(room)


@contextmanager
def counted(chat: Chat, uploader: Connection, size: int) -> Iterator[None]:
    """Counts so many bytes; gives them back where nothing comes of it, unless a picture was read for nothing. Raises
    `too_many`."""
    person, address, cost = uploader.person.id, uploader.address, size + FILE_BYTES
    chat.quotas.upload(person, address, cost)
    try:
        yield
    except BaseException as error:
        if not (isinstance(error, Refused) and error.code in COSTLY):
            chat.quotas.upload(person, address, -cost)
        raise


# --- getting ---


async def readable(chat: Chat, id: str, tokens: Sequence[str]) -> dict[str, Any]:
    """The row of a file that whoever has these tokens may get. Raises `no_such_file`: whether there is one is nobody
    else's business."""
    found = await chat.store.read(queries.file, id)
    if found is None or not await _may_get(chat, found, tokens):
        raise Refused("no_such_file", "There is no such file, or it is not yours to see.")
    return found


async def _may_get(chat: Chat, found: dict[str, Any], tokens: Sequence[str]) -> bool:
    room, uploader = found["room"], str(found["person"])
    if room is not None and not is_direct(room) and await access.may_read(chat, room, tokens):
        return True
    reader = await people.stored(chat, tokens)
    if reader is None:
        return False
    if room is None:
        return reader == uploader
    if is_direct(room):
        return reader == uploader or room == stored_name(reader, SIGN + uploader)
    return await access.may_person_read(chat, room, reader) or await _was_there(chat, room, reader)


async def _was_there(chat: Chat, room: str, reader: str) -> bool:
    """They have come into the room, at whatever process, and learned of the file there, though they have said nothing:
    its id cannot be guessed."""
    barred: bool = (await access.known(chat, room)).sanction(reader, BAN) is not None
    return not barred and room in await chat.marks.of(reader)


# --- going ---


async def run(chat: Chat, blobs: Blobs) -> None:
    """Removes what nobody gets any more, for as long as the server runs."""
    while True:
        await asyncio.sleep(SWEEP_INTERVAL_S)
        try:
            await sweep(chat, blobs)
        except Refused as refusal:  # the next run tries again
            log.warning("files could not be removed: %s", refusal.text)


async def sweep(chat: Chat, blobs: Blobs, now: int | None = None) -> int:
    """Lets uploads go that were never sent; removes the bytes of all that went a while ago, then their rows. The number
    of these."""
    now = now or queries.now()
    await chat.store.write(queries.let_go_unsent, before=now - UNSENT_MS)
    removed = 0
    while ids := await chat.store.read(queries.gone, now - GONE_MS, FILES_PER_SWEEP):
        await blobs.remove(key for id in ids for key in (id, thumbnail_of(id)))
        removed += await chat.store.write(queries.forget_files, ids=ids)
        if len(ids) < FILES_PER_SWEEP:
            break
    return removed
