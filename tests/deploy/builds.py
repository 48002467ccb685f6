"""Virtual environments as hosts make them: fresh, from requirements.txt alone. One for each content of that file,
for all workers of a run (pytest-xdist) together."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

PIP_MAY_TAKE = 300.0  # seconds
PASSED_ON = ("PIP_", "SSL_", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "HOME")


class BuildFailed(Exception):
    """What the build wrote."""


class Builds:
    """`builds.venv(checkout / "requirements.txt")`: a folder with everything in it that the file names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def venv(self, requirements: Path) -> Path:
        """Raises BuildFailed. Blocks."""
        venv = self.folder / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
        built = venv / "built"
        with venv.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not built.exists():
                _run(_base_python(), "-m", "venv", "--clear", "--without-pip", str(venv))
                pip = (sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "--quiet")
                _run(*pip, "--no-compile", "--requirement", str(requirements))  # a third of it is ever imported
                built.touch()
        return venv


def _base_python() -> str:
    """The interpreter below ours: nothing of our virtual environment reaches the new one."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _run(*command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name.upper().startswith(PASSED_ON)}
    environment |= {"PATH": os.defpath, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        subprocess.run(
            command, env=environment, check=True, timeout=PIP_MAY_TAKE, text=True, stdout=-1, stderr=subprocess.STDOUT
        )
    except subprocess.CalledProcessError as error:
        raise BuildFailed(error.stdout) from None
