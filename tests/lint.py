"""Style and types, `make lint`: ruff, and mypy --strict over app/. Ends with 1 where one complains."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMANDS = (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy",))


def main() -> int:
    codes = [subprocess.run([sys.executable, "-m", *one], cwd=ROOT, check=False).returncode for one in COMMANDS]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
