"""Where bytes are kept: the same on a disk, in memory, and in a store of objects (a small one of these tests' own)."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from aiohttp import web

from app.config import BadSetting, Settings, load
from app.files.blobs import PART, Blobs, UnusablePlace
from app.model import Refused
from tests.conftest import Start
from tests.support.process import free_port
from tests.support.talker import Talker
from tests.support.uploads import Uploader, address, photo

KEY = "0123456789abcdef"


class ObjectStore:
    """As much of S3 as is asked of it: objects, ranges, and objects in parts."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.is_away = False

    async def handle(self, request: web.Request) -> web.Response:
        if self.is_away:
            return web.Response(status=503)
        key, query = request.path, request.query
        body = await request.read()
        if request.method == "POST" and "uploads" in query:
            self.parts["u"] = {}
            return _xml("InitiateMultipartUploadResult", Bucket="b", Key=key, UploadId="u")
        if request.method == "POST" and "delete" in query:
            names = [one.text for one in ElementTree.fromstring(body).iter() if one.tag.endswith("Key")]
            for name in names:
                self.objects.pop(f"{key}/{name}", None)
            deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
            return web.Response(text=f"<DeleteResult>{deleted}</DeleteResult>", content_type="application/xml")
        if request.method == "POST":
            self.objects[key] = b"".join(part for _, part in sorted(self.parts.pop("u").items()))
            return _xml("CompleteMultipartUploadResult", Location=key, Bucket="b", Key=key, ETag='"e"')
        if request.method == "PUT" and "partNumber" in query:
            self.parts["u"][int(query["partNumber"])] = body
            return web.Response(headers={"ETag": f'"{query["partNumber"]}"'})
        if request.method == "PUT":
            self.objects[key] = body
            return web.Response(headers={"ETag": '"e"'})
        return self._get(request, key)

    def _get(self, request: web.Request, key: str) -> web.Response:
        if key not in self.objects:
            return web.Response(status=404)
        headers = {"ETag": '"e"', "Last-Modified": "Sat, 28 Nov 2026 12:00:00 GMT"}
        whole, asked = self.objects[key], request.http_range
        if asked.start is None:
            return web.Response(body=whole, headers=headers)
        part = whole[asked]
        headers["Content-Range"] = f"bytes {asked.start}-{asked.start + len(part) - 1}/{len(whole)}"
        return web.Response(status=206, body=part, headers=headers)


def _xml(name: str, **fields: str) -> web.Response:
    root = ElementTree.Element(name)
    for field, value in fields.items():
        ElementTree.SubElement(root, field).text = value
    return web.Response(body=ElementTree.tostring(root), content_type="application/xml")


@asynccontextmanager
async def object_store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ObjectStore]:
    """One that the environment names, as it names Amazon's."""
    store, port = ObjectStore(), free_port()
    app = web.Application(client_max_size=100_000_000)
    app.router.add_route("*", "/{path:.*}", store.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    yield store
    await runner.cleanup()


@pytest.mark.parametrize("place", ["folder", "memory://", "s3://bucket/below"])
async def test_what_is_put_is_there_in_full_until_it_is_removed(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with object_store(monkeypatch) as store:
        blobs = Blobs(str(tmp_path / "kept") if place == "folder" else place)
        for size in (1, PART + 70_000):
            content, source = os.urandom(size), tmp_path / "source"
            source.write_bytes(content)
            await blobs.put(KEY, source)
            assert [b"".join([piece async for piece in blobs.read(KEY, 0, size)]), await blobs.has(KEY)] == [
                content,
                True,
            ]
            assert b"".join([piece async for piece in blobs.read(KEY, size // 2, size)]) == content[size // 2 :]
        if place.startswith("s3"):
            assert list(store.objects) == [f"/bucket/below/01/{KEY}"]
        await blobs.remove([KEY, "fedcba9876543210"])
        await blobs.remove([KEY])
        assert not await blobs.has(KEY)
        with pytest.raises(FileNotFoundError):
            async for _ in blobs.read(KEY, 0, 1):
                pass


async def test_files_are_sent_and_got_by_way_of_a_store_of_objects(
    start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.files.blobs.RETRIES", {"max_retries": 0})
    async with object_store(monkeypatch) as store:
        server = await start_server(files="s3://bucket")
        async with Talker(server.url, "alice") as alice:
            await alice.join("lobby")
            uploader = Uploader(server.url, alice.token)
            file = await uploader.stored(photo((1_000, 700)))
            assert len(store.objects) == 2, "the picture and its thumbnail"
            status, content, _ = await uploader.gets(address(file))
            assert (status, len(content)) == (200, file["bytes"])
            store.is_away = True
            status, answer = await uploader.uploads(b"x")
            assert (status, answer["error"]) == (503, "storage")
            status, _, headers = await uploader.gets(address(file))
            assert (status, headers["Retry-After"]) == (503, "10")
        assert not (server.settings.data / "files").exists()


async def test_a_folder_that_cannot_be_is_told_at_the_start(start_server: Start, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UnusablePlace):
        Blobs(str(tmp_path / "taken"))
    with pytest.raises(BadSetting, match="PARLOR_FILES"):
        await start_server(files=str(tmp_path / "taken"))


async def test_a_folder_may_be_made_with_the_first_file(tmp_path: Path) -> None:
    blobs, beside = (Blobs(str(tmp_path / "kept"), is_late=True) for _ in range(2))
    assert not await blobs.has(KEY)
    await blobs.remove([KEY])
    with pytest.raises(FileNotFoundError):
        async for _ in blobs.read(KEY, 0, 1):
            pass
    assert not (tmp_path / "kept").exists()
    (tmp_path / "source").write_bytes(b"x")
    await blobs.put(KEY, tmp_path / "source")
    assert await beside.has(KEY)


async def test_a_full_or_lost_disk_is_a_refusal(tmp_path: Path) -> None:
    blobs, source = Blobs(str(tmp_path / "kept")), tmp_path / "source"
    source.write_bytes(b"x")
    (tmp_path / "kept" / KEY[:2]).write_text("in the way of the folder")
    with pytest.raises(Refused, match="cannot be stored"):
        await blobs.put(KEY, source)


def test_the_setting_is_a_folder_a_url_or_off() -> None:
    for given, wanted in (("off", ""), ("OFF", ""), ("", "data/files"), ("/srv/files", "/srv/files")):
        assert Settings(files=given).file_store == wanted
    assert Settings(files="s3://bucket/x").file_store == "s3://bucket/x"
    for wrong in ("ftp://x/y", "s3://", "http://example.org/files"):
        with pytest.raises(BadSetting, match="PARLOR_FILES"):
            load({}, {"PARLOR_FILES": wrong})
