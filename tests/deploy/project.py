"""Somebody's copy of this project, as it lies here now, which they change and push."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.deploy.host import run
from tests.support.process import PROJECT

AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Alice"), ("EMAIL", "alice@example.org"))
}
OWN_CONFIGURATION = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


class Project:
    """`Project(folder)`, then `write`, then `push`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy(folder)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def name_version(self, version: str) -> None:
        """What /healthz will say."""
        text = (self.folder / "app" / "__init__.py").read_text()
        self.write("app/__init__.py", re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', text))

    async def push(self, remote: Path) -> tuple[int, str]:
        """git's exit code, and what it and the host said."""
        if not (self.folder / ".git").exists():
            await self._git("init", "--quiet", "--initial-branch=main")
        await self._git("add", "--all")
        await self._git("commit", "--quiet", "--message", "A change")
        return await self._git("push", "--quiet", str(remote), "main")

    async def take_back(self) -> None:
        """The last change was refused."""
        await self._git("reset", "--quiet", "--hard", "HEAD~1")

    async def _git(self, *words: str) -> tuple[int, str]:
        return await run("git", *words, cwd=self.folder, **os.environ | AUTHOR | OWN_CONFIGURATION)


def copy(folder: Path) -> None:
    """What a push of this project would hold, changes that are not committed yet with it."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    for name in names.split("\0"):
        if name and (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, folder / name)
