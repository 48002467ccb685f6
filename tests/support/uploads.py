"""Files to upload, whole and hostile, made here; and a person who uploads them as a stranger would."""

import io
import struct
import zlib
from typing import Any

import aiohttp
from PIL import Image

Answer = tuple[int, dict[str, Any]]

LATITUDE = "48.1374"  # in what a camera adds; nobody else is to learn it


def picture(form: str = "PNG", size: tuple[int, int] = (60, 40), colour: str = "teal", **how: Any) -> bytes:
    """A picture of one colour."""
    made = io.BytesIO()
    Image.new("RGB", size, colour).save(made, form, **how)
    return made.getvalue()


def photo(size: tuple[int, int] = (60, 40), orientation: int = 1) -> bytes:
    """As a camera makes them: turned, with its maker and the place in it."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = orientation, "ACME", LATITUDE
    return picture("JPEG", size, exif=exif, comment=LATITUDE.encode())


def animation(form: str, frames: int = 3, size: tuple[int, int] = (60, 40)) -> bytes:
    drawn = [Image.new("RGB", size, (40 * n % 256, 90, 20)) for n in range(frames)]
    made = io.BytesIO()
    drawn[0].save(made, form, save_all=True, append_images=drawn[1:], duration=[80] * frames, loop=0)
    return made.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that says how large it is, and holds as many pixels where they are few enough."""
    rows = zlib.compress(b"\0" * min(height * (1 + (width + 7) // 8), 1_000_000), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def polyglot() -> bytes:
    """A GIF that is a script and a page, too."""
    return (
        picture("GIF").replace(b"GIF87a", b"GIF89a")
        + b"/*<script>alert(document.cookie)</script><svg onload=alert(1)>*/"
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
PAGE = b"<!doctype html><script>alert(document.cookie)</script>"


class Uploader:
    """Uploads and downloads with a token, or as the page does with a cookie."""

    def __init__(self, url: str, token: str | None = None, **headers: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.headers |= headers

    async def uploads(
        self, content: bytes, name: str = "file.bin", kind: str = "application/octet-stream", room: str | None = None
    ) -> Answer:
        form = aiohttp.FormData(quote_fields=False)
        if room is not None:
            form.add_field("room", room)
        form.add_field("file", content, filename=name, content_type=kind)
        return await self.posts(form)

    async def posts(self, body: Any, **headers: str) -> Answer:
        async with (
            aiohttp.ClientSession(headers=self.headers | headers) as http,
            http.post(f"{self.url}/files", data=body) as answer,
        ):
            return answer.status, await answer.json()

    async def stored(self, content: bytes, name: str = "file.bin", room: str | None = None) -> dict[str, Any]:
        """What the answer says of a file that is taken."""
        status, answer = await self.uploads(content, name, room=room)
        assert (status, answer["ok"]) == (200, True), answer
        file: dict[str, Any] = answer["file"]
        return file

    async def gets(self, path: str, **headers: str) -> tuple[int, bytes, Any]:
        async with (
            aiohttp.ClientSession(headers=self.headers | headers, auto_decompress=False) as http,
            http.get(f"{self.url}{path}", allow_redirects=False) as answer,
        ):
            return answer.status, await answer.read(), answer.headers


def address(file: dict[str, Any], thumbnail: bool = False) -> str:
    from urllib.parse import quote

    return f"/files/{file['id']}/{'thumbnail/' if thumbnail else ''}{quote(file['name'], safe='')}"
