"""Azure App Service's builder for Python (Oryx), acted out: what command it makes of a folder, and runs.

From its startup script generator, in the order in which that looks. The image's own gunicorn.conf.py is named in
GUNICORN_CMD_ARGS, so that one in the project's root is never read.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.deploy.started import started
from tests.support.process import STARTS_WITHIN, free_port

FLASK = ("application.py", "app.py", "run.py", "index.py", "server.py")


def script(folder: Path, venv: Path, startup: str = "") -> str:
    """The shell script that the container runs. venv: what the project was built into, or the image with gunicorn."""
    lines = [f"cd {folder}", "export HOST=0.0.0.0", f"export PATH={venv / 'bin'}:$PATH"]
    command = f'PATH="$PATH:{folder}" {startup}' if startup else _gunicorn(folder)
    return "\n".join(("#!/bin/sh", *lines, command, ""))


def _gunicorn(folder: Path) -> str:
    image = folder.parent / "image" / "gunicorn.conf.py"
    image.parent.mkdir(exist_ok=True)
    image.touch()
    arguments = (
        f"--timeout 600 --access-logfile '-' --error-logfile '-' -c {image} --bind=0.0.0.0:$PORT --chdir={folder}"
    )
    return f'GUNICORN_CMD_ARGS="{arguments}" gunicorn {_found(folder)}'


def _found(folder: Path) -> str:
    """A root folder with wsgi.py, as Django has it; else a file that could be Flask's; else Azure's own page."""
    django = [path.parent.name for path in sorted(folder.glob("*/wsgi.py"))]
    flask = [name.removesuffix(".py") for name in FLASK if (folder / name).exists()]
    return next(iter([f"{name}.wsgi" for name in django] + [f"{name}:app" for name in flask]), "azure's own page")


@asynccontextmanager
async def container(text: str, folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Runs the script, in a clean environment and on the loopback only; where it listens, and its first process."""
    port = free_port()
    environment = {"PORT": str(port), "PATH": os.defpath, "LANG": "C.UTF-8", "PARLOR_DATA": str(folder / "data")}
    (file := folder / "startup.sh").write_text(text.replace("0.0.0.0", "127.0.0.1"))
    async with started("/bin/sh", str(file), port=port, within=STARTS_WITHIN, env=environment) as process:
        yield f"http://127.0.0.1:{port}", process
