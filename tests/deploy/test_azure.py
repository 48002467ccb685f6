"""Azure App Service: with the startup command of docs/hosts.md, and without any."""

import re
from pathlib import Path

import aiohttp
import pytest

from app.wsgi import COMMAND
from tests.deploy.azure import container, script
from tests.deploy.builds import Builds
from tests.deploy.project import Project
from tests.deploy.started import stop
from tests.support.process import PROJECT
from tests.support.talker import Talker

GUNICORN = "gunicorn==27.0.1"  # which the image brings; our requirements do not


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Project(tmp_path / "wwwroot").folder


async def test_with_the_startup_command_of_the_page_people_talk(folder: Path, builds: Builds) -> None:
    """And the first process is Parlor itself: a shell in its place would keep SIGTERM for itself."""
    page = (PROJECT / "docs" / "hosts.md").read_text(encoding="utf-8")
    assert re.findall(r'--startup-file "([^"]+)"', page) == [COMMAND]
    text = script(folder, builds.venv(folder / "requirements.txt"), COMMAND)
    async with (
        container(text, folder.parent) as (url, process),
        Talker(url, "alice") as alice,
        Talker(url, "bob") as bob,
    ):
        for one in (alice, bob):
            await one.join("lobby")
        await alice.say("lobby", "hello bob")
        assert await bob.hears_texts("lobby", 1) == ["hello bob"]
        assert await stop(process) == 0


async def test_without_one_the_page_says_what_is_missing(folder: Path, builds: Builds) -> None:
    """A gunicorn.conf.py of ours could not help: the image names its own, and gunicorn reads one."""
    (folder / "gunicorn.conf.py").write_text("raise SystemExit('it is read after all')\n")
    (image := folder.parent / "image.txt").write_text(GUNICORN)
    text = script(folder, builds.venv(image))
    async with container(text, folder.parent) as (url, _), aiohttp.ClientSession() as http:
        answer = await http.get(f"{url}/r/lobby")
        assert answer.status == 503
        assert COMMAND in await answer.text()
