"""What an operator does to a room from the command line, beside a server that runs."""

import asyncio
import html
import json
import sys
from pathlib import Path

import pytest

from app.server import Running
from tests.conftest import Start
from tests.support.process import PROJECT, STARTS_WITHIN
from tests.support.talker import Talker, new_id, until
from tests.support.uploads import Uploader, animation

HOSTILE = '<script>alert(1)</script> & "quotes" \u202e'


async def command(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *words, cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(STARTS_WITHIN):
        out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


@pytest.fixture
async def data(start_server: Start, tmp_path: Path) -> Path:
    """A room with everything in it; its server goes on."""
    server: Running = await start_server(data=tmp_path)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        for n in range(3):
            await alice.say("lobby", f"word {n}")
        await alice.say("lobby", HOSTILE)
        await alice.ask("send", {"room": "lobby", "text": "an answer", "id": "the-answer", "reply_to": 1})
        await alice.ask("react", {"room": "lobby", "seq": 2, "emoji": "👍", "on": True})
        await alice.ask("delete", {"room": "lobby", "seq": 3})
        await alice.ask("edit", {"room": "lobby", "seq": 1, "text": "changed"})
    return tmp_path


async def test_a_room_is_exported_as_json_lines_in_the_order_of_saying(data: Path) -> None:
    code, out, _ = await command("export", "lobby", "--data", str(data))
    messages = [json.loads(line) for line in out.splitlines()]
    assert (code, [one["seq"] for one in messages]) == (0, [1, 2, 3, 4, 5])
    assert (messages[0]["text"], messages[2]["deleted"], messages[3]["text"]) == ("changed", True, HOSTILE.strip())
    assert (messages[1]["reactions"], messages[4]["reply_to"]) == ({"👍": ["alice"]}, 1)


async def test_a_room_is_exported_as_a_page_with_everything_escaped(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "lobby.html"
    code, _, errors = await command("export", "lobby", "--format", "html", "--output", str(page), "--data", str(data))
    text = page.read_text(encoding="utf-8")
    assert (code, errors) == (0, "")
    assert "<script" not in text and html.escape("<script>alert(1)</script>") in text
    assert all(f'id="{seq}"' in text for seq in range(1, 6))
    assert "changed" in text and "word 2" not in text and "👍 alice" in text


async def test_a_room_that_is_not_there_is_a_sentence(data: Path, tmp_path: Path) -> None:
    code, out, errors = await command("export", "attic", "--data", str(data))
    assert (code, out, errors) == (1, "", "Error: There is no room #attic.\n")
    code, out, errors = await command("export", "lobby", "--data", str(tmp_path / "elsewhere"))
    assert (code, out) == (1, "") and "There is no database at" in errors
    assert not (tmp_path / "elsewhere").exists(), "looking makes nothing"


async def test_a_rule_for_keeping_reaches_the_server_that_runs(start_server: Start, tmp_path: Path) -> None:
    server = await start_server(data=tmp_path)
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        code, out, _ = await command("keep", "lobby", "--messages", "2", "--bytes", "5000000", "--data", str(tmp_path))
        kept, size = out.splitlines()
        assert (code, kept) == (0, "#lobby: days as the server has it, messages 2, bytes 5,000,000")
        assert size == "It has 0 messages now, which take 0 bytes."
        database = server.database
        await until(lambda: not len(database._cache))  # what another process writes is seen a moment later
        assert (await alice.join("lobby"))["room"]["keep"] == {"messages": 2, "bytes": 5_000_000}


async def test_what_was_sent_is_exported_beside_the_page_and_copied_elsewhere(
    start_server: Start, tmp_path: Path
) -> None:
    server: Running = await start_server(data=tmp_path / "data")
    async with Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        uploader = Uploader(server.url, alice.token)
        sent = [await uploader.stored(animation("GIF"), "a \u00fc.gif"), await uploader.stored(b"%PDF-1", "b #1.pdf")]
        for file in sent:
            await alice.ask("send", {"room": "lobby", "id": new_id(), "file": file["id"], "text": "<look>"})
        await uploader.stored(b"never sent")
    page, folder, where = (
        tmp_path / "out" / "lobby.html",
        tmp_path / "out" / "lobby files",
        ("--data", f"{tmp_path / 'data'}"),
    )
    page.parent.mkdir()
    asked = ("export", "lobby", "--format", "html", "--output", str(page), *where)
    code, _, errors = await command(*asked)
    text = page.read_text(encoding="utf-8")
    assert (code, errors) == (0, "")
    assert "a \u00fc.gif" in text and "<img" not in text and "image/gif" in text
    code, _, errors = await command(*asked, "--with-files", str(folder))
    text = page.read_text(encoding="utf-8")
    assert code == 0 and errors.startswith("2 files are in")
    assert (
        f'<img src="lobby%20files/{sent[0]["id"]}/a%20%C3%BC.gif" width="60"' in text and 'alt="&lt;look&gt;"' in text
    )
    assert f'href="lobby%20files/{sent[1]["id"]}/b%20%231.pdf"' in text
    assert (folder / sent[1]["id"] / "b #1.pdf").read_bytes() == b"%PDF-1"
    assert (folder / sent[0]["id"] / "a \u00fc.gif").stat().st_size == sent[0]["bytes"]
    target = tmp_path / "elsewhere"
    for wanted in ("3 files were copied", "0 files were copied"):
        code, out, _ = await command("copy-files", str(target), *where)
        assert code == 0 and out.startswith(wanted), out
    kept = {one.name: one.read_bytes() for one in (tmp_path / "data" / "files").glob("??/*")}
    assert {one.name: one.read_bytes() for one in target.glob("??/*")} == kept and len(kept) == 4
