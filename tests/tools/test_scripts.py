"""`say` and `read`, as scripts use them: processes of their own against the shipped server."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from app.tools.client import Client
from app.tools.terminal.site import Usage, address, token_file
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.process import free_port
from tests.tools.terminal import ENDS_WITHIN, Process, Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


async def lines_of(process: Process, count: int) -> list[str]:
    assert process.stdout
    async with asyncio.timeout(ENDS_WITHIN):
        return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]


async def ended(process: Process) -> int:
    async with asyncio.timeout(PATIENCE):
        return await process.wait()


async def test_what_is_said_is_stored_and_can_be_read(url: str, shell: Shell, tmp_path: Path) -> None:
    said = await shell.run("say", url, "--room", "lobby", "--nickname", "build", "deploy", "done")
    assert (said.code, said.out, said.errors) == (0, "", "")
    piped = await shell.run("say", f"{url}/r/lobby", "--nickname", "build", "--json", stdin=b"one\r\n\n  \ntwo \xff\n")
    stored = [json.loads(line) for line in piped.lines]
    assert [(one["seq"], one["text"], one["nickname"]) for one in stored] == [
        (2, "one", "build"),
        (3, "two �", "build"),
    ]
    whole = await shell.run("say", url, "-r", "#Lobby", "--nickname", "build", "--whole", stdin=b"a\n12:00 eve: b\n")
    assert (whole.code, whole.errors) == (0, "")

    (tmp_path / "report.txt").write_text("all is well")
    sent = await shell.run(
        *(
            "say",
            url,
            "-r",
            "files",
            "--nickname",
            "build",
            "--file",
            str(tmp_path / "report.txt"),
            "--json",
            "the report",
        )
    )
    assert sent.code == 0 and (json.loads(sent.out)["kind"], json.loads(sent.out)["text"]) == ("file", "the report")
    assert (
        "build: [report.txt, text/plain, 11 bytes]\n    the report" in (await shell.run("read", f"{url}/r/files")).out
    )

    read = await shell.run("read", f"{url}/r/lobby/log", "--last", "3")
    assert [line[20:] for line in read.lines[:3]] == ["build: one", "build: two �", "build: a"]
    assert read.lines[3] == "    12:00 eve: b", "no text looks like a message of its own"
    after = await shell.run("read", url, "--room", "lobby", "--after", "2", "--json")
    assert [json.loads(line)["seq"] for line in after.lines] == [3, 4]


async def test_said_again_under_the_same_id_it_is_said_once(url: str, shell: Shell) -> None:
    for _ in range(2):
        assert (await shell.run("say", url, "-r", "lobby", "--nickname", "ci", "--id", "build-4711", "done")).code == 0
        assert (
            await shell.run("say", url, "-r", "lobby", "--nickname", "ci", "--id", "log-4711", stdin=b"a\nb\n")
        ).code == 0
    async with Client(url) as reader:
        told = [(one["id"], one["text"]) for one in (await reader.enter("lobby")).messages]
    assert told == [("build-4711", "done"), ("log-4711-1", "a"), ("log-4711-2", "b")]
    other = await shell.run("say", url, "-r", "lobby", "--nickname", "ci", "--id", "build-4711", "failed")
    assert other.code == 1 and other.errors.startswith("parlor: ")


async def test_each_way_to_end_has_a_code_of_its_own(url: str, shell: Shell, tmp_path: Path) -> None:
    async with Client(url, "alice") as alice:
        den = await alice.enter("den")
        await den.do("settings", passphrase="open sesame")
        refused = await shell.run("say", url, "--room", "den", "hello")
        assert refused.code == 1 and "passphrase" in refused.errors
        known = await shell.run("say", url, "--room", "den", "hello", PARLOR_PASSPHRASE="open sesame")
        assert (known.code, known.errors) == (0, "")
        taken = await shell.run("say", url, "--room", "lobby", "--nickname", "alice", "hello")
        assert taken.code == 1 and "alice" in taken.errors
        as_alice = await shell.run("say", url, "--room", "den", "mine", PARLOR_TOKEN=alice.token or "")
        assert as_alice.code == 0 and den.messages[-1]["author"] == alice.me["id"]
        forged = await shell.run("say", url, "--room", "lobby", "hello", PARLOR_TOKEN="x" * 43)
        assert forged.code == 1 and "token is not good" in forged.errors
        long = await shell.run("say", url, "--room", "lobby", stdin=b"short\n" + b"x" * 5_000 + b"\nlast\n")
        assert long.code == 1 and "5000" in long.errors, "the others are said"
        assert [one["text"] for one in (await alice.enter("lobby")).messages] == ["short", "last"]
    nothing = await shell.run("say", url, "--room", "lobby")
    assert nothing.code == 1 and "nothing to say" in nothing.errors
    for usage in (
        ("say", url),
        ("read", "ftp://chat.test", "-r", "lobby"),
        ("read", url, "-r", "lobby", "--last", "x"),
    ):
        wrong = await shell.run(*usage)
        assert wrong.code == 2 and "Traceback" not in wrong.errors, wrong
    nowhere = await shell.run("say", f"http://127.0.0.1:{free_port()}", "-r", "lobby", "--wait", "0.3", "hello")
    assert nowhere.code == 3 and "cannot be reached" in nowhere.errors


async def test_followed_it_is_read_through_a_restart_without_a_gap_until_interrupted(
    start_server: Start, shell: Shell
) -> None:
    server, port = await start_server(), 0
    port = int(server.url.rpartition(":")[2])
    async with Client(server.url, "alice", pauses=(0.05, 0.2)) as alice:
        lobby = await alice.enter("lobby")
        await lobby.say("before")
        async with shell.begin("read", server.url, "-r", "lobby", "--follow") as reading:
            assert (await lines_of(reading, 1))[0].endswith("alice: before")
            await lobby.say("live")
            assert (await lines_of(reading, 1))[0].endswith("alice: live")
            await server.stop()
            waiting = [lobby.say(f"later {n}") for n in range(3)]
            await start_server(port=port)
            assert [one[20:] for one in await lines_of(reading, 3)] == [f"alice: later {n}" for n in range(3)]
            await asyncio.gather(*waiting)
            reading.send_signal(signal.SIGINT)
            assert await ended(reading) == 130
            assert reading.stderr and b"Traceback" not in await reading.stderr.read()


async def test_a_reader_who_has_seen_enough_ends_it(url: str, shell: Shell) -> None:
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        await lobby.say("hello")
        async with shell.begin("read", url, "-r", "lobby", "--follow") as reading:
            await lines_of(reading, 1)
            reading._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
            assert await ended(reading) == 0, "at once, although nothing more was said"
            assert reading.stderr and await reading.stderr.read() == b""


async def test_nothing_of_what_others_wrote_reaches_the_terminal_as_a_command(url: str, shell: Shell) -> None:
    """Nor where the terminal knows ASCII alone."""
    evil = "\x1b]0;owned\x07 \x9b31m \x08\x08 \u202eevil\u2066 a\rb\u2028c \U000e0041"
    async with Client(url, "müller") as alice:
        await (await alice.enter("lobby")).say(evil)
    for environment in ({}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}):
        async with shell.begin("read", url, "-r", "lobby", environment=environment) as process:
            out, errors = await process.communicate()
        assert process.returncode == 0, errors
        text = out.decode()
        assert "m" in text and "evil" in text and "<U+001B>" in text and "<U+202E>" in text
        assert not [letter for letter in text if letter != "\n" and not (letter.isprintable() or letter == " ")]
        assert all(line[:4] in ("2026", "    ") or line[:2] == "20" for line in text.splitlines())


async def test_who_is_sent_out_while_reading_is_told_why(url: str, shell: Shell) -> None:
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        async with shell.begin("read", url, "-r", "lobby", "--follow", "--nickname", "bob") as reading:
            await lobby.say("hello")
            await lines_of(reading, 1)
            bob = next(one for one in await lobby.people() if one["nickname"] == "bob")
            await lobby.do("ban", person=bob["id"], reason="noise")
            assert await ended(reading) == 1
            assert reading.stderr and b"noise" in await reading.stderr.read()


@pytest.mark.parametrize(
    ("url", "room", "meant"),
    [
        ("http://chat.test", "Lobby", ("http://chat.test", "lobby", None)),
        ("https://chat.test/r/den/", None, ("https://chat.test", "den", None)),
        ("https://host.test/chat/r/den/log/2026-11-28#4", None, ("https://host.test/chat", "den", None)),
        ("https://chat.test/r/den#invite=abcdefghijklmnop", None, ("https://chat.test", "den", "abcdefghijklmnop")),
        ("localhost:8000", "#ops", ("http://localhost:8000", "ops", None)),
        ("192.168.0.7:8000/r/ops", None, ("http://192.168.0.7:8000", "ops", None)),
        ("[::1]:8000", "ops", ("http://[::1]:8000", "ops", None)),
        ("chat.test/r/ops", None, ("https://chat.test", "ops", None)),
        ("chat.test/r/ops", "lobby", ("https://chat.test", "lobby", None)),
    ],
)
def test_an_address_is_read_as_people_write_it(url: str, room: str | None, meant: tuple[str, str, str | None]) -> None:
    assert address(url, room) == meant


@pytest.mark.parametrize("url", ["", "http://", "ftp://chat.test", "http://chat.test:port", "http://[::1"])
def test_what_is_no_address_is_said_in_a_sentence(url: str) -> None:
    with pytest.raises(Usage, match="address"):
        address(url, "lobby")


def test_each_site_and_nickname_has_a_token_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    people = [None, "ann", "Bob", "../../x", "a/b", "日" * 32, "日" * 31 + "本", "x" * 500]
    files = {
        token_file(site, who) for site in ("http://a.test", "http://a.test/b", "http://a.test:81") for who in people
    }
    assert len(files) == 3 * len(people)
    for file in files:
        assert file and file.is_relative_to(tmp_path) and ".." not in file.parts and len(file.name.encode()) < 255
    assert token_file("http://a.test", "ann") == token_file("http://a.test", "Ann")
