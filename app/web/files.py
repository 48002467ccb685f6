"""`POST /files` takes a file, `GET /files/{id}/{name}` gives it to whoever may read the room that it was sent to.

An upload is written to a folder of its own, piece by piece, looked at, and then put where files are kept. Whatever
breaks off on the way leaves nothing. A browser shows nothing of what was uploaded but pictures that were made anew
here; all else is a download, and runs nowhere.
"""

import asyncio
import logging
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import BodyPartReader, MultipartReader, web

from app.chat import Chat, files
from app.chat.file_names import file_name
from app.chat.kinds import room_ref
from app.files import sniff
from app.files.anew import made_anew
from app.files.blobs import Blobs, make_folder
from app.languages import ENGLISH
from app.model import Refused, Sentence
from app.store import queries
from app.web import CHAT, api, edge, visitors
from app.web.answers import answered
from app.web.language import language_of

log = logging.getLogger("parlor.files")

FRAMING = 65_536  # bytes of a request around its file
ROOM_BYTES = 512  # of the field `room`
MAX_PARTS = 8
SILENCE_S = 60.0  # without a byte, on either way
UPLOAD_S = 3_600.0
SHOWN = ("image/jpeg", "image/png", "image/gif", "image/webp")  # by a browser, as they were made here
THUMBNAIL = "image/webp"
HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Accept-Ranges": "bytes",
}
LEFTOVER_S = 86_400  # an upload that is as old was broken off by the end of its process

_ID = re.compile(r"[a-z0-9]{16,32}")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_ATTR = "!#$&+-.^_`|~"  # of RFC 8187, beside letters and digits


@dataclass(frozen=True)
class Files:
    """blobs: None where nothing can be sent. limit: bytes of a file."""

    blobs: Blobs | None
    limit: int
    uploads: files.Uploads = field(default_factory=files.Uploads)

    @property
    def incoming(self) -> Path | None:
        """The folder of uploads that are on their way; the system's own where files are kept elsewhere."""
        return self.blobs.folder / "incoming" if self.blobs and self.blobs.folder else None

    def clear_leftovers(self) -> None:
        """Of processes that ended in the middle of an upload."""
        with suppress(OSError):
            if self.incoming is None:
                return
            for one in self.incoming.iterdir():
                if time.time() - one.stat().st_mtime > LEFTOVER_S:
                    shutil.rmtree(one, ignore_errors=True)


FILES = web.AppKey("files", Files)


# --- up ---


def _language(request: web.Request) -> str:
    """Pages come with a cookie, programs with a token."""
    return language_of(request) if visitors.bearer(request) is None else ENGLISH


@partial(api.answers, language_of=_language)
async def upload(request: web.Request) -> web.Response:
    """`{ok, file: {id, name, type, bytes, width?, height?, thumbnail?, animated?}}`, or why not."""
    try:
        async with asyncio.timeout(UPLOAD_S):
            stored = await _upload(request, request.app[CHAT], request.app[FILES])
    except TimeoutError:
        raise Refused("bad_payload", "The upload took too long.") from None
    except ConnectionError:
        raise Refused("bad_payload", "The upload was broken off.") from None
    return answered({"ok": True, "file": stored})


async def _upload(request: web.Request, chat: Chat, here: Files) -> dict[str, Any]:
    if here.blobs is None:
        raise Refused("not_allowed", "Files cannot be sent here.")
    uploader = await api.visitor(request)
    chat.rates.spend(uploader.person.id, files.UPLOAD_COST)
    announced = request.content_length
    if announced is not None and announced > here.limit + FRAMING:
        raise _too_large(here.limit)
    if request.content_type != "multipart/form-data":
        raise Refused("bad_payload", "This takes multipart/form-data, with the file in its field “file”.")
    person = uploader.person.id
    with here.uploads.one(person), files.counted(chat, uploader, announced or here.limit):
        async with _folder(here.incoming) as folder:
            given, source = await _receive(request, chat, person, folder / "upload", here.limit)
            return await _keep(chat, here.blobs, person, given, source)


def _too_large(limit: int) -> Refused:
    text = Sentence("A file has {size} MB at most here.", size=f"{limit / 1e6:,.3g}")
    return Refused("file_too_large", text, limit=limit)


@asynccontextmanager
async def _folder(where: Path | None) -> AsyncIterator[Path]:
    """One of its own, gone at the end."""
    try:
        name = await asyncio.to_thread(_make_folder, where)
    except OSError as error:
        raise _disk(error) from None
    try:
        yield Path(name)
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, name, ignore_errors=True))


def _make_folder(where: Path | None) -> str:
    if where is not None:
        make_folder(where)
    return tempfile.mkdtemp(prefix="parlor-", dir=where)


def _disk(error: OSError) -> Refused:
    log.error("an upload could not be written: %s", error.strerror or error)
    return Refused("storage", "Files cannot be stored at present. Try again in a moment.", retry_after=10)


async def _receive(request: web.Request, chat: Chat, person: str, target: Path, limit: int) -> tuple[str, Path]:
    """The file's name as it was given, and where its bytes are."""
    given, size = "", -1
    try:
        reader = await request.multipart()
        for _ in range(MAX_PARTS):
            part = await _in_time(reader.next())
            if part is None:
                break
            if isinstance(part, MultipartReader):
                raise Refused("bad_payload", "A field of the form holds another form.")
            if part.name == "room":
                await files.may_send_to(chat, await _room(part), person)
            elif part.name == "file" and size < 0:
                given, size = part.filename or "", await _write(part, target, limit)
            else:
                raise Refused("bad_payload", "The form has one field “file”, and may have one “room”.")
    except (
        ValueError,
        RuntimeError,
        LookupError,
        AssertionError,
    ) as error:  # what aiohttp makes of a form that is none
        log.info("an upload came to nothing: %r", error)
        raise Refused("bad_payload", "This is no form with a file.") from None
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        raise _disk(error) from None
    if size < 0:
        raise Refused("bad_payload", "There is no file in the form: it belongs into the field “file”.")
    if size == 0:
        raise Refused("bad_payload", "The file is empty.")
    return given, target


async def _room(part: BodyPartReader) -> str:
    """Raises `bad_room`."""
    said = bytearray()
    while piece := await _in_time(part.read_chunk(ROOM_BYTES)):
        said += piece
        if len(said) > ROOM_BYTES:
            break
    try:
        return room_ref(said.decode())
    except ValueError:
        raise Refused("bad_room", "There is no room of this name.") from None


async def _write(part: BodyPartReader, target: Path, limit: int) -> int:
    """Piece by piece; the event loop never waits for the disk. How many bytes."""
    size = 0
    with target.open("xb") as file:
        while piece := await _in_time(part.read_chunk(BodyPartReader.chunk_size * 8)):
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            await asyncio.to_thread(file.write, piece)
    return size


async def _in_time(reading: Any) -> Any:
    try:
        async with asyncio.timeout(SILENCE_S):
            return await reading
    except TimeoutError:
        raise Refused(
            "bad_payload", Sentence("Nothing of the upload arrived for {seconds} s.", seconds=f"{SILENCE_S:g}")
        ) from None


async def _keep(chat: Chat, blobs: Blobs, person: str, given: str, source: Path) -> dict[str, Any]:
    """The row first: no bytes are without one, whatever ends in between."""
    kind = sniff.type_of(await asyncio.to_thread(_beginning, source))
    thumbnail, about = None, dict[str, Any]()
    if kind in sniff.PICTURES:
        about, source, thumbnail = await made_anew(source)
        kind = about.pop("type")
    row = {
        "id": secrets.token_hex(16),
        "person": person,
        "name": file_name(given, kind),
        "type": kind,
        "bytes": source.stat().st_size,
        "width": about.get("width"),
        "height": about.get("height"),
        "thumbnail": thumbnail.stat().st_size if thumbnail else None,
        "animated": about.get("animated", False),
    }
    await chat.store.write(queries.begin_file, row)
    await blobs.put(row["id"], source)
    if thumbnail:
        await blobs.put(files.thumbnail_of(row["id"]), thumbnail)
    if not await chat.store.write(queries.finish_file, row["id"]):
        raise Refused("storage", "The upload took too long. Try again.", retry_after=1)
    return queries.described(row)


def _beginning(source: Path) -> bytes:
    with source.open("rb") as file:
        return file.read(sniff.BEGINNING)


# --- down ---


async def download(request: web.Request) -> web.StreamResponse:
    """The file itself."""
    found = await _found(request)
    return await _send(request, found["id"], found["bytes"], found["type"], found["name"])


async def thumbnail(request: web.Request) -> web.StreamResponse:
    """The small picture of a picture; where that is small, it has none."""
    found = await _found(request)
    if not found["thumbnail"]:
        raise web.HTTPNotFound
    return await _send(request, files.thumbnail_of(found["id"]), found["thumbnail"], THUMBNAIL, "thumbnail.webp")


async def _found(request: web.Request) -> dict[str, Any]:
    """The row of the file that is asked for. Raises HTTPNotFound, for all that is not there or not theirs alike."""
    id, name = request.match_info["id"], request.match_info["name"]
    if request.app[FILES].blobs is None or not _ID.fullmatch(id):
        raise web.HTTPNotFound
    said = visitors.bearer(request)
    tokens = edge.tokens(request) if said is None else [said]
    try:
        found = await files.readable(request.app[CHAT], id, tokens)
    except Refused as refusal:
        if refusal.code == "storage":
            raise web.HTTPServiceUnavailable(text=refusal.text, headers={"Retry-After": "10"}) from None
        raise web.HTTPNotFound from None
    if found["name"] != name:
        raise web.HTTPNotFound
    return found


async def _send(request: web.Request, key: str, size: int, kind: str, name: str) -> web.StreamResponse:
    blobs = request.app[FILES].blobs
    assert blobs
    tag = f'"{key}"'
    headers = HEADERS | {"ETag": tag, "Content-Type": kind, "Content-Disposition": _disposition(kind, name)}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    try:
        start, end = _range(request, size, tag)
    except ValueError:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    status = 206 if (start, end) != (0, size) else 200
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = end - start
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    return await _stream(request, response, blobs.read(key, start, end))


async def _stream(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """The answer begins with the first piece: until then it can still say that there is none."""
    try:
        piece = await anext(pieces, b"")
    except FileNotFoundError:
        log.error("the bytes of file %s are missing", request.match_info["id"])
        raise web.HTTPNotFound from None
    except Refused as refusal:
        raise web.HTTPServiceUnavailable(text=refusal.text, headers={"Retry-After": "10"}) from None
    await response.prepare(request)
    with suppress(ConnectionError):  # the reader has gone
        while piece:
            async with asyncio.timeout(SILENCE_S):
                await response.write(piece)
            piece = await anext(pieces, b"")
        await response.write_eof()
    return response


def _disposition(kind: str, name: str) -> str:
    """As RFC 6266 and 8187 have it: for readers that know no UTF-8 a name without, beside the real one."""
    plain = re.sub(r"[^A-Za-z0-9._ ()-]", "_", name)
    how = "inline" if kind in SHOWN else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR)}"


def _range(request: web.Request, size: int, tag: str) -> tuple[int, int]:
    """From where to before where; all of it for whatever is no single range (RFC 9110, 14.2). Raises ValueError where
    there is nothing there."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if asked is None or not (asked[1] or asked[2]) or request.headers.get("If-Range", tag) != tag:
        return 0, size
    if not asked[1]:
        last = int(asked[2])
        if last == 0:
            raise ValueError
        return max(0, size - last), size
    start, end = int(asked[1]), min(size, int(asked[2]) + 1) if asked[2] else size
    if start >= size:
        raise ValueError
    return (start, end) if start < end else (0, size)
