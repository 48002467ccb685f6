"""Uploads and downloads, as strangers do them: what is taken, what is refused, what a browser is told of it."""

import asyncio
import io
import os
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from app.chat import files
from app.files import anew
from app.files.pictures import KEPT_PIXELS, MAX_PIXELS
from app.server import Running
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.redis import RedisServer
from tests.support.talker import Talker, new_id, until
from tests.support.uploads import (
    LATITUDE,
    PAGE,
    SVG,
    Uploader,
    address,
    animation,
    bomb,
    photo,
    picture,
    polyglot,
)


@pytest.fixture
async def alice(server: Running) -> Any:
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        yield alice


@pytest.fixture
def uploader(server: Running, alice: Talker) -> Uploader:
    return Uploader(server.url, alice.token)


async def send(who: Talker, file: dict[str, Any], room: str = "lobby", **more: Any) -> dict[str, Any]:
    answer = await who.ask("send", {"room": room, "id": new_id(), "file": file["id"], **more})
    assert answer["ok"], answer
    message: dict[str, Any] = answer["message"]
    return message


def kept(server: Running) -> list[str]:
    """The bytes that are stored, by their keys."""
    folder = Path(server.settings.file_store)
    return sorted(one.name for one in folder.glob("??/*"))


# --- pictures ---


async def test_a_photo_loses_its_metadata_and_is_turned_as_it_is_to_be_seen(uploader: Uploader) -> None:
    file = await uploader.stored(photo((60, 40), orientation=6), "holiday.jpeg")
    assert (file["type"], file["width"], file["height"], file["name"]) == ("image/jpeg", 40, 60, "holiday.jpeg")
    status, content, headers = await uploader.gets(address(file))
    assert (status, headers["Content-Type"], len(content)) == (200, "image/jpeg", file["bytes"])
    assert LATITUDE.encode() not in content and b"ACME" not in content
    shown = Image.open(io.BytesIO(content))
    assert (shown.size, dict(shown.getexif())) == ((40, 60), {})


@pytest.mark.parametrize(
    ("form", "kind", "name"),
    [
        ("PNG", "image/png", "x.png"),
        ("GIF", "image/gif", "x.gif"),
        ("WEBP", "image/webp", "x.webp"),
        ("AVIF", "image/webp", "x.webp"),
    ],
)
async def test_pictures_of_every_kind_are_made_anew(uploader: Uploader, form: str, kind: str, name: str) -> None:
    file = await uploader.stored(picture(form), f"x.{form.lower()}")
    assert (file["type"], file["name"], file["width"], file["height"]) == (kind, name, 60, 40)
    _, content, headers = await uploader.gets(address(file))
    assert headers["Content-Disposition"].startswith("inline;")
    assert Image.open(io.BytesIO(content)).size == (60, 40)
    assert "thumbnail" not in file, "it is small enough by itself"
    assert (await uploader.gets(address(file, thumbnail=True)))[0] == 404


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
async def test_an_animation_goes_on_moving_and_has_a_thumbnail_that_stands_still(uploader: Uploader, form: str) -> None:
    file = await uploader.stored(animation(form, frames=4))
    assert (file["animated"], file["thumbnail"]) == (True, True)
    _, content, _ = await uploader.gets(address(file))
    moving = Image.open(io.BytesIO(content))
    assert getattr(moving, "n_frames", 1) == 4
    _, small, headers = await uploader.gets(address(file, thumbnail=True))
    assert (headers["Content-Type"], getattr(Image.open(io.BytesIO(small)), "n_frames", 1)) == ("image/webp", 1)


async def test_a_large_picture_is_kept_smaller_and_its_thumbnail_smaller_still(uploader: Uploader) -> None:
    width, height = 7_000, 5_000
    assert KEPT_PIXELS < width * height < MAX_PIXELS
    file = await uploader.stored(picture("JPEG", (width, height)))
    assert file["width"] * file["height"] <= KEPT_PIXELS
    assert abs(file["width"] / file["height"] - 1.4) < 0.01
    _, small, _ = await uploader.gets(address(file, thumbnail=True))
    assert max(Image.open(io.BytesIO(small)).size) == 800


async def test_colours_that_are_meant_otherwise_become_those_of_every_screen(uploader: Uploader) -> None:
    """A profile that turns red and blue over: what is stored as blue is meant red."""
    plain = await uploader.stored(picture("PNG", colour="red"))
    assert Image.open(io.BytesIO((await uploader.gets(address(plain)))[1])).getpixel((1, 1)) == (255, 0, 0)
    profile = swapped_profile()
    file = await uploader.stored(picture("PNG", colour="blue", icc_profile=profile))
    shown = Image.open(io.BytesIO((await uploader.gets(address(file)))[1]))
    red, _, blue = shown.convert("RGB").getpixel((1, 1))  # type: ignore[misc]
    assert red > 200 and blue < 60 and "icc_profile" not in shown.info


def swapped_profile() -> bytes:
    """That of sRGB with the primaries of red and blue in each other's place."""
    from PIL import ImageCms

    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    entries = {made[at : at + 4]: at for at in range(132, 132 + 12 * int.from_bytes(made[128:132]), 12)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    swapped = bytearray(made)
    swapped[red + 4 : red + 12], swapped[blue + 4 : blue + 12] = made[blue + 4 : blue + 12], made[red + 4 : red + 12]
    return bytes(swapped).replace("sRGB".encode("utf-16-be"), "BGRs".encode("utf-16-be")).replace(b"sRGB", b"BGRs")


HOSTILE = {
    "an enormous picture": (bomb(60_000, 60_000), 413, "file_too_large"),
    "one that says it is smaller than it could be": (bomb(7_000, 7_000)[:-300], 415, "file_type"),
    "half a photo": (photo((600, 400))[:2_000], 415, "file_type"),
    "a page that begins as a picture": (b"GIF89a" + PAGE, 415, "file_type"),
    "the head of a JPEG and a script": (b"\xff\xd8\xff\xe0" + PAGE, 415, "file_type"),
    "an animation of very many frames": (animation("GIF", frames=1_100, size=(2, 2)), 413, "file_too_large"),
    "nothing": (b"", 400, "bad_payload"),
}


@pytest.mark.parametrize(("content", "status", "code"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_is_no_picture_or_too_much_of_one_is_refused_with_a_sentence(
    server: Running, uploader: Uploader, content: bytes, status: int, code: str
) -> None:
    found, answer = await uploader.uploads(content, "innocent.png", "image/png")
    assert (found, answer["ok"], answer["error"]) == (status, False, code)
    assert answer["text"].endswith(".")
    assert kept(server) == []


async def test_a_picture_that_takes_too_long_is_given_up(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anew, "TIMEOUT_S", 0.01)
    status, answer = await uploader.uploads(photo((3_000, 2_000)))
    assert (status, answer["error"]) == (413, "file_too_large")


async def test_of_a_polyglot_the_picture_alone_is_left(uploader: Uploader) -> None:
    file = await uploader.stored(polyglot(), "x.html")
    assert (file["type"], file["name"]) == ("image/gif", "x.html.gif")
    _, content, headers = await uploader.gets(address(file))
    assert b"script" not in content and b"svg" not in content
    assert headers["Content-Type"] == "image/gif"


# --- everything else is a download ---

DOWNLOADS = {
    "a drawing with a script": (SVG, "drawing.svg", "text/plain"),
    "a page": (PAGE, "page.html", "text/plain"),
    "a document": (b"%PDF-1.7\n1 0 obj", "letter.pdf", "application/pdf"),
    "a program": (b"MZ\x90\x00\x03\x00", "setup.exe", "application/octet-stream"),
    "a song": (b"ID3\x04\x00\x00", "song.mp3", "audio/mpeg"),
    "a film": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "film.mp4", "video/mp4"),
    "a photo that this server cannot read": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "IMG_1.HEIC", "image/heic"),
}


@pytest.mark.parametrize(("content", "name", "kind"), DOWNLOADS.values(), ids=DOWNLOADS.keys())
async def test_whatever_is_no_picture_is_a_download_that_runs_nowhere(
    uploader: Uploader, content: bytes, name: str, kind: str
) -> None:
    status, answer = await uploader.uploads(content, name, "image/png")
    file = answer["file"]
    assert (status, file["name"], file["type"], file["bytes"]) == (200, name, kind, len(content))
    assert "width" not in file
    status, stored, headers = await uploader.gets(address(file))
    assert (status, stored) == (200, content)
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cache-Control"] == "private, max-age=31536000, immutable"


async def test_a_name_is_told_to_every_reader_as_it_can_read_it(uploader: Uploader) -> None:
    file = await uploader.stored(b"x", 'Ünï "q" 100%.txt')
    assert file["name"] == "Ünï _q_ 100%.txt"
    status, _, headers = await uploader.gets(address(file))
    assert status == 200
    assert headers["Content-Disposition"] == (
        "attachment; filename=\"_n_ _q_ 100_.txt\"; filename*=UTF-8''%C3%9Cn%C3%AF%20_q_%20100%25.txt"
    )
    assert (await uploader.gets(f"/files/{file['id']}/other.txt"))[0] == 404


async def test_a_part_of_a_file_can_be_asked_for(uploader: Uploader) -> None:
    content = bytes(range(256)) * 2_000
    file = await uploader.stored(content)
    where, tag = address(file), f'"{file["id"]}"'
    asked = {
        "bytes=0-9": (206, content[:10], f"bytes 0-9/{len(content)}"),
        "bytes=511990-": (206, content[-10:], f"bytes 511990-511999/{len(content)}"),
        "bytes=-5": (206, content[-5:], f"bytes 511995-511999/{len(content)}"),
        "bytes=10-999999999": (206, content[10:], f"bytes 10-511999/{len(content)}"),
        "bytes=512000-": (416, b"", f"bytes */{len(content)}"),
        "bytes=-0": (416, b"", f"bytes */{len(content)}"),
        "bytes=5-2": (200, content, None),
        "bytes=0-1,5-6": (200, content, None),
        "lines=1-2": (200, content, None),
    }
    for what, wanted in asked.items():
        status, body, headers = await uploader.gets(where, Range=what)
        assert (status, body, headers.get("Content-Range")) == wanted, what
    assert (await uploader.gets(where, **{"Range": "bytes=0-9", "If-Range": '"another"'}))[0] == 200
    status, body, headers = await uploader.gets(where, **{"If-None-Match": tag})
    assert (status, body, headers["ETag"]) == (304, b"", tag)
    async with aiohttp.ClientSession(headers=uploader.headers) as http, http.head(uploader.url + where) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(content)))


# --- who may ---


async def test_an_upload_is_its_sender_s_alone_until_a_message_carries_it(server: Running, alice: Talker) -> None:
    mine, stranger = Uploader(server.url, alice.token), Uploader(server.url)
    file = await mine.stored(picture())
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        his = Uploader(server.url, bob.token)
        assert [(await who.gets(address(file)))[0] for who in (mine, his, stranger)] == [200, 404, 404]
        refused = await bob.ask("send", {"room": "lobby", "id": new_id(), "file": file["id"]})
        assert refused["error"] == "no_such_file"
        message = await send(alice, file)
        assert message["kind"] == "file" and message["file"] == file and message["text"] == ""
        heard = await bob.hears("message", lambda event: event["message"]["seq"] == message["seq"])
        assert heard["message"] == message
    assert [(await who.gets(address(file)))[0] for who in (mine, his, stranger)] == [200, 200, 200]


async def test_of_a_closed_room_the_files_are_of_those_who_may_read_it(server: Running, alice: Talker) -> None:
    await alice.ask("join", {"room": "cellar", "listed": False})
    file = await Uploader(server.url, alice.token).stored(picture(), room="cellar")
    await send(alice, file, "cellar")
    async with Talker(server.url, "bob") as bob, Talker(server.url, "carol") as carol:
        await bob.join("cellar")
        await carol.join("lobby")
        for who, status in ((alice, 200), (bob, 200), (carol, 404)):
            assert (await Uploader(server.url, who.token).gets(address(file)))[0] == status, who.nickname
        assert (await Uploader(server.url).gets(address(file)))[0] == 404
        assert (await Uploader(server.url, Cookie=f"parlor_token={bob.token}").gets(address(file)))[0] == 200
        banned = await alice.ask("ban", {"room": "cellar", "person": bob.me["id"]})
        assert banned["ok"], banned
        assert (await Uploader(server.url, bob.token).gets(address(file)))[0] == 404


async def test_only_who_is_here_may_upload_and_only_from_our_own_pages(server: Running, alice: Talker) -> None:
    cookie = f"parlor_token={alice.token}"
    for token in (None, "t" * 43, ""):
        status, answer = await Uploader(server.url, token).uploads(b"x")
        assert (status, answer["error"]) == (401, "bad_token")
    page = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Origin": server.url}
    assert (await Uploader(server.url, **page).uploads(b"x"))[0] == 200
    assert (await Uploader(server.url, Cookie=cookie, Origin=server.url).uploads(b"x"))[0] == 200, "an older browser"
    for site in ("cross-site", "same-site", "none"):
        assert (await Uploader(server.url, **page | {"Sec-Fetch-Site": site}).uploads(b"x"))[0] == 401, site
    elsewhere = page | {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    status, answer = await Uploader(server.url, **elsewhere).uploads(b"x")
    assert (status, answer["error"]) == (403, "not_allowed")


async def test_a_program_that_never_connected_uploads_and_sends_by_its_token_alone(server: Running) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{server.url}/api/token", json={"nickname": "robot"}) as answer:
            token = (await answer.json())["token"]
        file = await Uploader(server.url, token).stored(picture())
        payload = {"room": "lobby", "file": file["id"], "text": "a plot"}
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post(f"{server.url}/api/send", json=payload, headers=headers) as answer:
            assert (await answer.json())["message"]["file"] == file


async def test_who_is_muted_or_names_no_room_is_told_before_the_bytes_are_taken(server: Running, alice: Talker) -> None:
    async with Talker(server.url, "bob") as bob:
        await bob.join("lobby")
        assert (await alice.ask("mute", {"room": "lobby", "person": bob.me["id"], "minutes": 5}))["ok"]
        his = Uploader(server.url, bob.token)
        assert [(await his.uploads(b"x", room=room))[1].get("error") for room in ("lobby", "nowhere", "!", None)] == [
            "muted",
            "no_such_room",
            "bad_room",
            None,
        ]


async def test_of_two_people_s_room_the_files_are_of_those_two(server: Running, alice: Talker) -> None:
    async with Talker(server.url, "bob") as bob, Talker(server.url, "carol") as carol:
        await bob.join("lobby")
        await carol.join("lobby")
        room = f"@{bob.me['id']}"
        assert (await alice.ask("open", {"person": bob.me["id"]}))["ok"]
        file = await Uploader(server.url, alice.token).stored(picture(), room=room)
        await send(alice, file, room)
        who = (alice, bob, carol)
        assert [(await Uploader(server.url, one.token).gets(address(file)))[0] for one in who] == [200, 200, 404]


async def test_where_the_operator_wants_none_there_are_none(start_server: Start) -> None:
    server = await start_server(files="off")
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        assert alice.welcome["server"]["limits"]["file"] == 0
        status, answer = await Uploader(server.url, alice.token).uploads(b"x")
        assert (status, answer["error"]) == (403, "not_allowed")
        assert not Path(server.settings.data / "files").exists()


async def test_whichever_of_two_processes_is_asked_the_rights_are_the_same(
    start_server: Start, redis: RedisServer
) -> None:
    one, other = [await start_server(redis_url=redis.url) for _ in range(2)]
    async with Talker(one.url, "alice") as alice, Talker(one.url, "bob") as bob, Talker(one.url, "carol") as carol:
        await alice.join("cellar", listed=False)
        await bob.join("cellar")
        await carol.join("lobby")
        file = await Uploader(other.url, alice.token).stored(picture(), room="cellar")
        message = await send(alice, file, "cellar")
        at_the_other = [Uploader(other.url, who.token) for who in (alice, bob, carol)]
        async with asyncio.timeout(PATIENCE):  # until it is noted that bob, who says nothing, was there
            while (await at_the_other[1].gets(address(file)))[0] != 200:
                await asyncio.sleep(0.05)
        assert [(await who.gets(address(file)))[0] for who in at_the_other] == [200, 200, 404]
        await alice.ask("delete", {"room": "cellar", "seq": message["seq"]})
        assert [(await who.gets(address(file)))[0] for who in at_the_other] == [404, 404, 404]


# --- how much ---


async def test_a_file_larger_than_the_limit_is_refused_before_it_is_read_and_while_it_is(start_server: Start) -> None:
    server = await start_server(file_limit=200_000)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        assert alice.welcome["server"]["limits"]["file"] == 200_000
        uploader = Uploader(server.url, alice.token)
        assert (await uploader.uploads(b"x" * 200_000))[0] == 200
        for size in (200_001, 3_000_000):
            status, answer = await uploader.uploads(b"x" * size)
            assert (status, answer["error"]) == (413, "file_too_large")

        async def endless() -> Any:
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
            while True:
                yield b"x" * 10_000

        status, answer = await uploader.posts(endless(), **{"Content-Type": "multipart/form-data; boundary=b"})
        assert (status, answer["error"]) == (413, "file_too_large"), "without a length it is counted as it comes"


async def test_what_follows_a_refused_upload_on_its_connection_is_a_request_and_what_is_in_it_is_none(
    start_server: Start,
) -> None:
    server = await start_server(file_limit=100_000)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        request, length = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200_000
        reader, writer = await asyncio.open_connection("127.0.0.1", server.settings.port)
        writer.write(
            f"POST /files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\nContent-Length: {length}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode()
        )
        writer.write((request * length)[:length] + request.replace(b"1.1\r\n", b"1.1\r\nConnection: close\r\n"))
        async with asyncio.timeout(PATIENCE):
            answers = await reader.read()
        writer.close()
    assert answers.startswith(b"HTTP/1.1 413") and answers.count(b"HTTP/1.1 ") <= 2
    assert b"HTTP/1.1 2" not in answers or answers.count(b"HTTP/1.1 200") == 1


async def test_a_large_file_is_never_in_memory_as_a_whole(server: Running, uploader: Uploader) -> None:
    before = largest_memory()
    content = os.urandom(24_000_000)
    file = await uploader.stored(content)
    assert (await uploader.gets(address(file)))[1] == content
    ours = largest_memory() - before
    assert ours < 6 * len(content), "this process holds it thrice itself: to send, to get, and to compare"


def largest_memory() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def test_a_person_and_an_address_have_so_many_bytes_an_hour(start_server: Start) -> None:
    server = await start_server(rate_limit=1000, person_files=300_000, address_files=400_000, trust_proxies=1)
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    async with Talker(server.url, "alice") as alice, Talker(server.url, "bob") as bob:
        await alice.join("lobby")
        await bob.join("lobby")
        hers, his = (Uploader(server.url, who.token, **forwarded) for who in (alice, bob))
        assert (await hers.uploads(b"\xff" * 200_000))[0] == 200
        status, answer = await hers.uploads(b"\xff" * 200_000)
        assert (status, answer["error"], answer["limit"]) == (429, "too_many", "person_files")
        assert answer["retry_after"] > 0
        status, answer = await his.uploads(b"\xff" * 200_000)
        assert (status, answer["limit"]) == (429, "address_files")
        assert (await his.uploads(b"", room="nowhere"))[0] == 404
        assert (await his.uploads(b"\xff" * 60_000))[0] == 200, "what was refused so far does not count"
        assert (await his.uploads(picture()[:60]))[0] == 415
        status, answer = await his.uploads(b"\xff" * 80_000)
        assert (status, answer["limit"]) == (429, "address_files"), "but for a picture that was read for nothing"


async def test_an_upload_that_stops_or_breaks_off_leaves_nothing(server: Running, alice: Talker) -> None:
    incoming = Path(server.settings.file_store) / "incoming"
    _, writer = await asyncio.open_connection("127.0.0.1", server.settings.port)
    writer.write(
        f"POST /files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\nContent-Length: 1000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode()
        + b"x" * 100_000
    )
    await writer.drain()
    await until(lambda: any(one.stat().st_size for one in incoming.glob("*/upload")))
    writer.close()
    await until(lambda: not list(incoming.iterdir()))
    assert kept(server) == []


async def test_an_upload_that_falls_silent_is_answered(
    server: Running, alice: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.web import files as web_files

    monkeypatch.setattr(web_files, "SILENCE_S", 0.2)

    async def silent() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nbegun'
        await asyncio.Event().wait()

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    status, answer = await Uploader(server.url, alice.token).posts(silent(), **headers)
    assert (status, answer["error"]) == (400, "bad_payload")


NO_FORMS = {
    "no multipart": ("application/json", b"{}"),
    "no boundary": ("multipart/form-data", b"--b\r\n"),
    "no end": ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="room"\r\n\r\nlobby'),
    "no file": ("multipart/form-data; boundary=b", b"--b--\r\n"),
    "garbage": ("multipart/form-data; boundary=b", bytes(range(256)) * 20),
    "a field that nobody knows": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="extra"\r\n\r\nx\r\n--b--\r\n',
    ),
    "a form in the form": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Type: multipart/mixed; boundary=c\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        b"--c--\r\n--b--\r\n",
    ),
}


@pytest.mark.parametrize(("kind", "body"), NO_FORMS.values(), ids=NO_FORMS.keys())
async def test_what_is_no_form_with_a_file_is_refused(uploader: Uploader, kind: str, body: bytes) -> None:
    status, answer = await uploader.posts(body, **{"Content-Type": kind})
    assert (status, answer["error"]) == (400, "bad_payload")


# --- how it goes ---


async def test_a_deleted_message_takes_its_file_along(server: Running, alice: Talker) -> None:
    uploader = Uploader(server.url, alice.token)
    file = await uploader.stored(animation("GIF"))
    message = await send(alice, file, text="look")
    assert kept(server) == [file["id"], f"{file['id']}t"]
    deleted = (await alice.ask("delete", {"room": "lobby", "seq": message["seq"]}))["message"]
    assert "file" not in deleted
    assert (await uploader.gets(address(file)))[0] == 404, "at once"
    blobs = server.runner.app[web_files_key()].blobs
    assert blobs
    assert await files.sweep(server.chat, blobs) == 0, "it may be undone for a while"
    assert await files.sweep(server.chat, blobs, int(time.time() * 1000) + files.GONE_MS + 1_000) == 1
    assert kept(server) == []


def web_files_key() -> Any:
    from app.web.files import FILES

    return FILES


async def test_the_log_page_shows_pictures_and_offers_files(server: Running, alice: Talker) -> None:
    uploader = Uploader(server.url, alice.token)
    large, other = await uploader.stored(photo((1_600, 400)), "sea & sky.jpg"), await uploader.stored(b"x", "a.txt")
    for file in (large, other):
        await send(alice, file)
    _, page, _ = await Uploader(server.url).gets("/r/lobby/log", **{"Accept-Encoding": "identity"})
    small = f"/files/{large['id']}/thumbnail/sea%20%26%20sky.jpg"
    assert f'<img src="{small}" width="400" height="100" loading="lazy" alt="sea &amp; sky.jpg"' in page.decode()
    assert f'href="/files/{other["id"]}/a.txt" download="a.txt"' in page.decode()
    for path in (small, address(other)):
        assert (await Uploader(server.url).gets(path))[0] == 200


async def test_bytes_that_are_missing_are_no_fault_of_the_server_s(server: Running, uploader: Uploader) -> None:
    file = await uploader.stored(b"here and gone")
    (Path(server.settings.file_store) / file["id"][:2] / file["id"]).unlink()
    assert (await uploader.gets(address(file)))[0] == 404


async def test_leftovers_of_a_process_that_was_killed_go_after_a_day(start_server: Start, tmp_path: Path) -> None:
    old, new = (tmp_path / "files" / "incoming" / name for name in ("parlor-old", "parlor-new"))
    for one in (old, new):
        one.mkdir(parents=True)
        (one / "upload").write_bytes(b"x")
    os.utime(old, (1, 1))
    await start_server(files=str(tmp_path / "files"))
    assert (old.exists(), new.exists()) == (False, True)
