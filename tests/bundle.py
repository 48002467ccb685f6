"""Join the browser's modules, `make bundle`: what each page loads is one file of static/bundle. esbuild does it.

Its version is that of tests/js/package-lock.json. The first line of a bundle names the checksum of the modules that it
was made from (app/web/assets.py).
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from app.web.assets import bundle_mark, files_in

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "static"
ESBUILD = ROOT / "tests/js/node_modules/.bin/esbuild"
PAGES = ("diagnostics", "door", "echo", "landing", "main")
TARGET = "chrome92,edge92,firefox91,safari15"  # docs/hosts.md, "Browsers"


def bundle(static: Path, folder: Path) -> None:
    """Write a bundle for each page into `folder`, which may lie anywhere; beside it what the page loads later, by
    `import()`. Each page by itself: what two pages share is in both, which costs fewer requests.
    Raises CalledProcessError."""
    mark = bundle_mark(files_in(static))
    for page in PAGES:
        with tempfile.TemporaryDirectory() as scratch:
            _build(static, page, Path(scratch))
            _flatten(page, Path(scratch))
            shutil.copytree(scratch, folder, dirs_exist_ok=True)
        made = folder / f"{page}.js"
        made.write_bytes(mark + made.read_bytes())


def _build(static: Path, page: str, folder: Path) -> None:
    """What is loaded later is told to import the page itself: so all of the page is in one file that they share, whose
    only importer besides is a file of one line. By esbuild's own rule there would be a file for each set of parts that
    share something."""
    entry = static / "js" / f"{page}.js"
    command: list[str | Path] = [ESBUILD, entry, f"--outdir={folder}", f"--inject:{entry}"]
    command += ["--bundle", "--splitting", "--chunk-names=[name]-[hash]", "--format=esm", "--minify"]
    command += ["--charset=utf8", f"--target={TARGET}", "--log-level=warning"]
    command += ["--external:../vendor/*"]  # third-party code is served as it was published
    subprocess.run(command, check=True, cwd=ROOT)


def _flatten(page: str, folder: Path) -> None:
    """The shared file in place of that of one line."""
    made = folder / f"{page}.js"
    only = re.fullmatch(r'import"\./(chunk-\w+\.js)";\s*', made.read_text(encoding="utf-8"))
    if not only:
        return
    (folder / only[1]).replace(made)
    for path in folder.glob("*.js"):
        path.write_text(path.read_text(encoding="utf-8").replace(f'"./{only[1]}"', f'"./{page}.js"'), encoding="utf-8")


def main() -> int:
    if not ESBUILD.exists():
        print("esbuild is missing: cd tests/js && npm ci", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        bundle(STATIC, Path(folder))
        shutil.rmtree(STATIC / "bundle", ignore_errors=True)
        shutil.copytree(folder, STATIC / "bundle")
    return 0


if __name__ == "__main__":
    sys.exit(main())
