"""Join the browser's modules, `make bundle`: what each page loads is one file of static/bundle. esbuild does it.

Its version is that of tests/js/package-lock.json. The first line of a bundle names the checksum of the modules that it
was made from (app/web/assets.py).
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from app.web.assets import bundle_mark

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "static"
ESBUILD = ROOT / "tests/js/node_modules/.bin/esbuild"
PAGES = ("diagnostics", "door", "echo", "landing", "main")
FIRST = "older-browsers.js"  # what it fills in is there before anything else runs
TARGET = "chrome92,edge92,firefox91,safari15"  # docs/hosts.md, "Browsers"


def bundle(static: Path, folder: Path) -> None:
    """Write a bundle for each page into `folder`, which may lie anywhere; beside it what the page loads later, by
    `import()`, and one file with all that these share with the page. Each page by itself: what two pages share is in
    both, which costs fewer requests. Raises CalledProcessError."""
    files = {path.relative_to(static).as_posix(): path.read_bytes() for path in static.rglob("*.js")}
    for page in PAGES:
        with tempfile.TemporaryDirectory() as scratch:
            shared = _built(static, page, Path(scratch))
            common = Path(scratch) / "common.js"
            if shared:  # by esbuild's own rule they would be in a file for each set of parts that share them
                common.write_text("".join(f'import "{one}";\n' for one in [static / "js" / FIRST, *shared]))
            _built(static, page, folder, *([f"--inject:{common}"] if shared else []))
        made = folder / f"{page}.js"
        made.write_bytes(bundle_mark(files) + made.read_bytes())


def _built(static: Path, page: str, folder: Path, *more: str) -> list[Path]:
    """The modules that the page shares with what it loads later."""
    found = folder / f"{page}.json"
    command: list[str | Path] = [ESBUILD, static / "js" / f"{page}.js", f"--outdir={folder}", f"--metafile={found}"]
    command += ["--bundle", "--splitting", "--chunk-names=[name]-[hash]", "--format=esm", "--minify", *more]
    command += ["--charset=utf8", f"--target={TARGET}", "--log-level=warning"]
    command += ["--external:../vendor/*"]  # third-party code is served as it was published
    subprocess.run(command, check=True, cwd=ROOT)
    outputs = json.loads(found.read_text(encoding="utf-8"))["outputs"].values()
    found.unlink()
    shared = {name for output in outputs if "entryPoint" not in output for name in output["inputs"]}
    return sorted(ROOT / name for name in shared)


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
