"""web.config, as the HttpPlatformHandler reads it."""

from pathlib import Path

import pytest

from tests.deploy.builds import Builds
from tests.deploy.conftest import Visit
from tests.deploy.iis import site
from tests.deploy.project import Project
from tests.support.proxy import Proxy


@pytest.fixture
def project(tmp_path: Path, builds: Builds) -> Project:
    """Installed as docs/hosts.md says: with a `.venv`, laid out as on Windows, and folders for log and data."""
    copy = Project(tmp_path / "site")
    venv = builds.venv(copy.folder / "requirements.txt")
    for name in (".venv/Scripts", "logs", "data"):
        (copy.folder / name).mkdir(parents=True)
    (copy.folder / ".venv" / "Scripts" / "python.exe").symlink_to(venv / "bin" / "python")
    for name in ("pyvenv.cfg", "lib"):
        (copy.folder / ".venv" / name).symlink_to(venv / name)
    return copy


async def test_under_iis_two_browsers_talk_by_polling(project: Project, visit: Visit) -> None:
    async with site(project.folder) as iis:
        await two_talk(iis, visit, "polling")
        assert iis.counts["websocket"] == 2, "each tried one, was answered 400, and went on without"
    assert "serves http://127.0.0.1:" in (project.folder / "logs" / "parlor.log").read_text()


@pytest.mark.thorough
async def test_under_iis_with_one_word_changed_two_browsers_talk_by_websocket(project: Project, visit: Visit) -> None:
    written = (project.folder / "web.config").read_text()
    project.write("web.config", written.replace('<webSocket enabled="false" />', '<webSocket enabled="true" />'))
    async with site(project.folder) as iis:
        await two_talk(iis, visit, "websocket")


async def two_talk(iis: Proxy, visit: Visit, transport: str) -> None:
    alice, bob = await visit(iis.url, "alice"), await visit(iis.url, "bob")
    for one in (alice, bob):
        await one.enters("bin")  # which IIS would hide
        await one.is_in(transport)
    await alice.says("hello bob")
    await bob.reads(["hello bob"])
    await bob.says("hello alice")
    await alice.reads(["hello bob", "hello alice"])
