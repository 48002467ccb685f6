"""docs/clients.md: what stands there works as it stands, against the shipped server."""

import asyncio
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.tools.client import Client
from tests.conftest import Start
from tests.support import need
from tests.support.process import PROJECT
from tests.support.proxy import Proxy
from tests.support.talker import until
from tests.tools.terminal import ENDS_WITHIN, Process, Shell

SITE = "http://localhost:8000"
LIBRARY = PROJECT / "app" / "tools" / "library"


def examples(heading: str, language: str) -> list[str]:
    """The code under a heading of the page."""
    page = (PROJECT / "docs" / "clients.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@asynccontextmanager
async def running(folder: Path, url: str, text: str, *program: str) -> AsyncIterator[Process]:
    """An example of the page, as a file in an empty folder."""
    assert SITE in text
    file = folder / f"example.{'py' if program[0] == sys.executable else 'mjs'}"
    file.write_text(text.replace(SITE, url), encoding="utf-8")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
    paths = {"PYTHONPATH": f"{PROJECT}{os.pathsep}{LIBRARY}"}
    process = await asyncio.create_subprocess_exec(*program, file, cwd=folder, env=os.environ | paths, **pipes)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_the_first_example_says_good_morning(url: str, tmp_path: Path) -> None:
    first, _, refused = examples("Python", "python")
    for _ in range(2):
        async with running(tmp_path, url, first, sys.executable) as program, asyncio.timeout(ENDS_WITHIN):
            assert await program.communicate() == (b"", b"")
    async with Client(url) as reader:
        said = (await reader.enter("lobby")).messages
    assert [(one["nickname"], one["text"], one["reactions"]) for one in said] == [
        ("robin", "Good morning!", {"☕": ["robin"]})
    ] * 2
    assert said[0]["author"] == said[1]["author"], "the token was kept"
    async with running(tmp_path, url, refused, sys.executable) as program, asyncio.timeout(ENDS_WITHIN):
        out, errors = await program.communicate()
    assert (out.split()[0], errors) == (b"bad_room", b"")


async def test_the_bot_answers_each_once_through_a_lost_connection(url: str, tmp_path: Path) -> None:
    _, bot, _ = examples("Python", "python")
    async with Client(url, "alice") as alice, Proxy(url) as proxy:
        lobby = await alice.enter("lobby")
        async with running(tmp_path, proxy.url, bot, sys.executable), asyncio.timeout(ENDS_WITHIN):
            while "echo" not in [one["nickname"] for one in await lobby.people()]:
                await asyncio.sleep(0.05)
            await lobby.say("one")
            await until(lambda: len(lobby.messages) == 2)
            await proxy.refuse()
            await lobby.say("two")
            await lobby.say("three")
            await proxy.accept()
            await until(lambda: len(lobby.messages) == 6, ENDS_WITHIN)
        answers = [(one["text"], one["reply_to"]) for one in lobby.messages if one["nickname"] == "echo"]
        assert answers == [("I heard: one", 1), ("I heard: two", 3), ("I heard: three", 4)]


async def test_the_official_javascript_client_loses_nothing_in_so_few_lines(
    start_server: Start, tmp_path: Path
) -> None:
    server = await start_server()
    node = need.program(["node"], "the official JavaScript client")
    (tmp_path / "node_modules").symlink_to(PROJECT / "tests" / "js" / "node_modules")
    [text] = examples("JavaScript", "js")
    async with Client(server.url, "alice") as alice, Proxy(server.url) as proxy:
        lobby = await alice.enter("lobby")
        await lobby.say("before")
        async with running(tmp_path, proxy.url, text, node) as program:
            assert program.stdin and program.stdout
            shown: list[str] = []

            async def reads(count: int) -> None:
                assert program.stdout
                async with asyncio.timeout(ENDS_WITHIN):
                    while len(shown) < count:
                        line = await program.stdout.readline()
                        assert line, await program.stderr.read() if program.stderr else ""
                        shown.append(line.decode().rstrip("\n"))

            program.stdin.write(b"hello from Node\n")
            await reads(2)
            for n in range(2):
                await proxy.refuse()
                program.stdin.write(f"mine {n}\n".encode())
                await asyncio.gather(*(lobby.say(f"round {n}: {k}") for k in range(120)))
                await proxy.accept()
                await until(lambda n=n: lobby.messages[-1]["text"] == f"mine {n}", ENDS_WITHIN)
            await reads(len(lobby.messages))
        assert shown == [f"{one['nickname']}: {one['text']}" for one in lobby.messages]
        assert {one["nickname"] for one in lobby.messages} == {"alice", "jay"}
        assert len({one["author"] for one in lobby.messages}) == 2


async def test_the_commands_of_the_page_do_what_it_says(url: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    [text] = examples("Terminal", "sh")
    lines = [line.partition("#")[0] for line in text.replace(SITE, url).splitlines()]
    commands = [line.partition("python -m app ")[2].split() for line in lines if " chat " not in line]
    said = await shell.run(*[one.strip('"') for one in commands[0]])
    assert (said.code, said.errors) == (0, "")
    assert (await shell.run(*commands[1], stdin=b"it burns\n")).code == 0
    assert "deploy done" in (await shell.run(*[one for one in commands[2] if one != "--follow"])).out


def test_a_clone_has_the_library_after_make_run(tmp_path: Path) -> None:
    """The venv that make prepares finds it from any folder; without the packages that it would bring from outside."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    make = ["make", "--silent", f"VENV={venv}", f"PYTHON={sys.executable}", "INSTALL=true", f"{venv}/run.ready"]
    subprocess.run(make, cwd=PROJECT, check=True, timeout=120)
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    program = "import parlor; print(parlor.Client.__name__, parlor.__file__)"
    done = subprocess.run(
        [venv / "bin" / "python", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": packages, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["Client", str(LIBRARY / "parlor" / "__init__.py")], done.stderr


def test_the_wheel_has_the_library_with_its_types() -> None:
    wheel = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    [(folder, name)] = [(path, name) for path, name in wheel["force-include"].items() if path.startswith("app/")]
    assert name == "parlor"
    assert (PROJECT / folder / "__init__.py").exists() and (PROJECT / folder / "py.typed").exists()
    assert (PROJECT / "app" / "py.typed").exists()
