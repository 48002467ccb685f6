"""Messages with files, by the rules: whose file it is, when it goes, and that it goes with its message."""

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import Connection as Db
from sqlalchemy import text

from app.chat import Chat, files, retention
from app.chat.file_names import LONGEST, file_name
from app.files.blobs import Blobs
from app.model import Connection
from app.server import Running
from app.store import queries
from app.web.files import FILES
from tests.chat.conftest import Ask
from tests.conftest import Start

DAY_MS = 86_400_000


@pytest.fixture
async def joined(ask: Ask, alice: Connection, bob: Connection) -> None:
    for who in (alice, bob):
        await ask(who, "join", room="lobby")


def blobs_of(server: Running) -> Blobs:
    found = server.runner.app[FILES].blobs
    assert found
    return found


async def uploaded(chat: Chat, who: Connection, id: str = "f" * 32, **more: Any) -> str:
    """As an upload leaves it, but for the bytes."""
    row = {"id": id, "person": who.person.id, "name": "x.png", "type": "image/png", "bytes": 100, "width": 6}
    await chat.store.write(queries.begin_file, row | {"height": 4, "thumbnail": 10, "animated": False} | more)
    assert await chat.store.write(queries.finish_file, id)
    return id


async def is_there(chat: Chat, id: str = "f" * 32) -> bool:
    return await chat.store.read(queries.file, id) is not None


async def send(ask: Ask, who: Connection, id: str, **payload: Any) -> dict[str, Any]:
    return await ask(who, "send", room="lobby", id=id, **payload)


async def seqs(ask: Ask, who: Connection) -> list[int]:
    return [one["seq"] for one in (await ask(who, "history", room="lobby"))["messages"]]


async def test_a_message_tells_what_it_carries(chat: Chat, ask: Ask, joined: None, alice: Connection) -> None:
    file = await uploaded(chat, alice)
    message = (await send(ask, alice, "message-1", file=file, text="  the /me of it "))["message"]
    assert (message["kind"], message["text"]) == ("file", "  the /me of it")
    told = {"id": file, "name": "x.png", "type": "image/png", "bytes": 100, "width": 6, "height": 4, "thumbnail": True}
    assert message["file"] == told
    for answer in (await ask(alice, "history", room="lobby"), await ask(alice, "sync", room="lobby", after=0)):
        assert answer["messages"] == [message]


async def test_without_a_file_a_message_has_words(ask: Ask, joined: None, alice: Connection) -> None:
    for payload in ({"text": ""}, {"text": " \u200b\n"}, {}):
        refused = await send(ask, alice, "message-1", **payload)
        assert (refused["error"], refused["field"]) == ("bad_payload", "text")
    said = (await send(ask, alice, "message-2", text="words"))["message"]
    refused = await ask(alice, "edit", room="lobby", seq=said["seq"], text=" ")
    assert (refused["error"], refused["field"]) == ("bad_payload", "text")


async def test_sending_a_file_twice_says_it_once(chat: Chat, ask: Ask, joined: None, alice: Connection) -> None:
    file = await uploaded(chat, alice)
    answers = await asyncio.gather(*(send(ask, alice, "message-1", file=file, text="once") for _ in range(9)))
    assert all(answer == answers[0] for answer in answers) and answers[0]["ok"]
    other = await uploaded(chat, alice, "e" * 32)
    assert (await send(ask, alice, "message-1", file=other, text="once"))["error"] == "id_reused"
    assert (await send(ask, alice, "message-1", text="once"))["error"] == "id_reused"
    assert await seqs(ask, alice) == [1]


async def test_one_file_is_carried_by_one_message(chat: Chat, ask: Ask, joined: None, alice: Connection) -> None:
    file = await uploaded(chat, alice)
    await ask(alice, "join", room="attic")
    answers = await asyncio.gather(
        *(ask(alice, "send", room=room, id=f"message-{n}", file=file) for n, room in enumerate(("lobby", "attic") * 3))
    )
    assert sorted(answer.get("error", "") for answer in answers) == ["", *["no_such_file"] * 5]


async def test_among_many_messages_at_once_files_keep_their_place(
    chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection
) -> None:
    ids = [await uploaded(chat, alice, f"{n:032x}") for n in range(10)]
    sends = []
    for n, file in enumerate(ids):
        sends += [send(ask, alice, f"picture-{n}", file=file), send(ask, alice, f"words-of-{n}", text=f"{n}")]
        sends.append(send(ask, bob, f"message-{n}", text=f"{n}"))
    answers = await asyncio.gather(*sends)
    assert all(answer["ok"] for answer in answers), answers
    mine = [one for one in (await ask(alice, "history", room="lobby"))["messages"] if one["author"] == alice.person.id]
    assert [one["id"].partition("-")[0] for one in mine] == ["picture", "words"] * 10
    assert [one["file"]["id"] for one in mine if one["kind"] == "file"] == ids


async def test_another_s_or_an_unfinished_file_cannot_be_sent(
    chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection
) -> None:
    file = await uploaded(chat, alice)
    await chat.store.write(
        queries.begin_file,
        {"id": "e" * 32, "person": bob.person.id} | dict.fromkeys(("name",), "x") | {"type": "x", "bytes": 1},
    )
    for id in (file, "e" * 32, "d" * 32):
        assert (await send(ask, bob, "message-1", file=id))["error"] == "no_such_file"
    assert await seqs(ask, bob) == []


async def test_an_edit_changes_the_caption_alone(chat: Chat, ask: Ask, joined: None, alice: Connection) -> None:
    sent = (await send(ask, alice, "message-1", file=await uploaded(chat, alice), text="frist"))["message"]
    edited = (await ask(alice, "edit", room="lobby", seq=1, text="first"))["message"]
    assert (edited["text"], edited["file"], edited["kind"]) == ("first", sent["file"], "file")
    assert (await ask(alice, "edit", room="lobby", seq=1, text=""))["message"]["text"] == ""
    again = await send(ask, alice, "message-1", file=sent["file"]["id"], text="frist")
    assert again["message"]["rev"] == 3, "a resend finds it as it looks now"


async def test_deleted_it_is_gone_for_good_after_a_while(
    server: Running, chat: Chat, ask: Ask, joined: None, alice: Connection
) -> None:
    file = await uploaded(chat, alice)
    await send(ask, alice, "message-1", file=file, text="oops")
    assert "file" not in (await ask(alice, "delete", room="lobby", seq=1))["message"]
    assert not await is_there(chat)
    now = int(time.time() * 1000)
    assert await files.sweep(chat, blobs_of(server), now) == 0
    assert await files.sweep(chat, blobs_of(server), now + files.GONE_MS + 1_000) == 1


async def test_what_a_moderator_took_away_comes_back_with_its_file(
    chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection
) -> None:
    file = await uploaded(chat, bob)
    sent = (await send(ask, bob, "message-1", file=file))["message"]
    await ask(alice, "delete", room="lobby", seq=1)
    assert not await is_there(chat)
    restored = (await ask(alice, "restore", room="lobby", seq=1))["message"]
    assert restored["file"] == sent["file"] and await is_there(chat)


async def test_where_the_bytes_have_gone_the_message_stays_deleted(
    server: Running, chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection
) -> None:
    await send(ask, bob, "message-1", file=await uploaded(chat, bob))
    await ask(alice, "delete", room="lobby", seq=1)
    await files.sweep(chat, blobs_of(server), int(time.time() * 1000) + files.GONE_MS + 1_000)
    assert (await ask(alice, "restore", room="lobby", seq=1))["error"] == "not_allowed"


async def test_what_was_never_sent_goes_after_a_day(
    server: Running, chat: Chat, ask: Ask, joined: None, alice: Connection
) -> None:
    file = await uploaded(chat, alice)
    half = {"id": "e" * 32, "person": alice.person.id, "name": "x", "type": "x", "bytes": 1}
    await chat.store.write(queries.begin_file, half)
    blobs, now = blobs_of(server), int(time.time() * 1000)
    assert await files.sweep(chat, blobs, now + DAY_MS - 60_000) == 0
    assert await is_there(chat)
    assert await files.sweep(chat, blobs, now + DAY_MS + 60_000) == 2
    assert not await is_there(chat)
    assert (await send(ask, alice, "message-1", file=file))["error"] == "no_such_file"
    assert not await chat.store.write(queries.finish_file, "e" * 32), "and what arrives so late is not taken"


async def test_retention_takes_files_along(start_server: Start, ask: Ask, chat: Chat, alice: Connection) -> None:
    await ask(alice, "join", room="lobby")
    for n in range(3):
        await send(ask, alice, f"message-{n}", file=await uploaded(chat, alice, f"{n:032x}"))
    await chat.store.write(queries.keep, room="lobby", days=None, messages=1, bytes=None)
    await retention.prune(chat)
    assert [await is_there(chat, f"{n:032x}") for n in range(3)] == [False, False, True]
    assert await seqs(ask, alice) == [3]
    assert await chat.store.read(queries.file_sizes) == (1, 110)


async def test_a_room_in_slow_mode_takes_files_in_turn(
    chat: Chat, ask: Ask, joined: None, alice: Connection, bob: Connection
) -> None:
    await ask(alice, "settings", room="lobby", slow=60)
    one, two = await uploaded(chat, bob), await uploaded(chat, bob, "e" * 32)
    assert (await send(ask, bob, "message-1", file=one))["ok"]
    assert (await send(ask, bob, "message-1", file=one))["ok"], "the same again is no second one"
    assert (await send(ask, bob, "message-2", file=two))["error"] == "slow_mode"


async def test_a_file_may_be_the_first_thing_that_a_guest_says(
    server: Running, chat: Chat, ask: Ask, joined: None, bob: Connection
) -> None:
    await uploaded(chat, bob)
    assert (await send(ask, bob, "message-1", file="f" * 32))["ok"]

    def rows(db: Db) -> list[Any]:
        return list(db.execute(text("SELECT room, seq, person FROM files")).all())

    assert [tuple(row) for row in await chat.store.read(rows)] == [("lobby", 1, bob.person.id)]


NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "/": "file",
    "": "file",
    "...": "file",
    ".htaccess": "htaccess",
    "con": "_con",
    "NUL.txt": "_NUL.txt",
    "COM1.tar.gz": "_COM1.tar.gz",
    "console.log": "console.log",
    "a\0b\r\nc\x1b[31m.txt": "abc[31m.txt",
    "photo\u202egnp.exe": "photognp.exe",
    "a\u200bb\ufeff.txt": "ab.txt",
    'a<b>:"c|d?*.txt': "a_b___c_d__.txt",
    "name . ": "name",
    "two  \t blanks.txt": "two blanks.txt",
    "e\u0301t\u00e9.pdf": "\u00e9t\u00e9.pdf",
    "\ud800half.txt": "half.txt",
    "\u2800": "file",
    "日本語.txt": "日本語.txt",
    "a\u00ad\u180e\u3164\U000e0041b\u2800.txt": "ab.txt",
    "می\u200cخواهم.pdf": "می\u200cخواهم.pdf",
    "👩\u200d💻 ❤\ufe0f\u200d🔥.txt": "👩\u200d💻 ❤\ufe0f\u200d🔥.txt",
    "\u200dend\u200d.txt": "end.txt",
}


@pytest.mark.parametrize(("given", "wanted"), NAMES.items(), ids=[f"name-{n}" for n in range(len(NAMES))])
def test_a_name_is_made_fit_for_every_system(given: str, wanted: str) -> None:
    assert file_name(given, "application/pdf") == wanted


def test_a_picture_s_name_says_that_it_is_one() -> None:
    assert file_name("x.PNG", "image/png") == "x.PNG"
    assert file_name("x.jpg", "image/png") == "x.png"
    assert file_name("x.avif", "image/webp") == "x.webp"
    assert file_name("x.html", "image/png") == "x.html.png"
    assert file_name("x", "image/jpeg") == "x.jpg"
    assert file_name(".png", "image/png") == "png.png"
    assert file_name("\0", "image/gif") == "picture.gif"


def test_a_long_name_keeps_its_ending() -> None:
    for name in ("x" * 5_000 + ".tar.gz", "字" * 300 + ".pdf", "🎉" * 200, "x" * 300 + "." + "y" * 300):
        short = file_name(name, "application/pdf")
        assert len(short) <= LONGEST and len(short.encode()) <= 200
        assert name.endswith(short[-3:]) or "." not in name[-20:]
