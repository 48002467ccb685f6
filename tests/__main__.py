"""The whole suite, as `make test` runs it: `python -m tests [--lint] [--workers 4] [--marked EXPRESSION] [PATH...]`.

First what can run side by side: the Python tests in several worker processes, and beside them ruff, mypy and the
browser's own modules under node. Then those marked `alone`, two side by side on the machine's two cores and beside
nothing else. Ends with the ten slowest tests of all and the total; the exit code is 0 only where every part passed. A
PATH (a folder, a file, or one test as pytest names it) leaves the rest out; one under tests/js runs node's alone.
What is marked `thorough` is left for THOROUGH=1 (`make thorough`), but for a test that is named.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from xml.etree import ElementTree

from tests.support.thorough import IS_THOROUGH

ROOT = Path(__file__).parents[1]
JS = "tests/js"
WORKERS = 4  # for 2 cores: most of a test is waiting
WORKERS_ALONE = 2  # one core each
SLOWEST = 10
IN_MEMORY = Path("/dev/shm")  # where folders of tests lie, if there is room: a sixth of the suite's time was the disk's
ROOM_IN_MEMORY = 4 << 30  # bytes; a whole run leaves less than 1 GB there, until it ends
NOTHING_SELECTED = 5  # pytest's exit code


@dataclass(frozen=True)
class Case:
    """One test that was run, as a JUnit report tells of it. `end` is passed, failed or skipped."""

    name: str
    seconds: float
    end: str


def main() -> int:
    """The exit code."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of some hundred processes would compile all of app/ anew
    chosen = arguments()
    marked = chosen.marked
    if not IS_THOROUGH and not any("::" in path for path in chosen.paths):
        marked = both("not thorough", marked)
    began = time.monotonic()
    js = [path for path in chosen.paths if path.startswith(JS)]
    python = [path for path in chosen.paths if path not in js]
    wants_node = bool(js) or (not chosen.paths and not chosen.marked)
    workers = 0 if python and all("::" in path for path in python) else chosen.workers
    with tempfile.TemporaryDirectory(prefix="parlor-", dir=in_memory()) as folder, ExitStack() as stack:
        Path(folder).chmod(0o711)  # PostgreSQL, which is another user, has its own in it
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        reports = [Path(folder) / f"{part}.xml" for part in ("beside", "node", "alone")]
        os.environ["TESTS_SHARED"] = folder  # what one worker makes for all
        node = node_command(js, reports[1]) if wants_node else None
        commands = [node] if node else []
        commands += [[sys.executable, "-m", "tests.lint"]] if chosen.lint else []
        programs = [stack.enter_context(Beside(command)) for command in commands]
        codes = []
        if python or not js:
            codes.append(run_pytest(python, both("not alone", marked), reports[0], workers))
        codes += [program.ended() for program in programs]
        if (python or not js) and (found := with_marker("pytest.mark.alone", python)):
            codes.append(run_pytest(found, both("alone", marked), reports[2], min(workers, WORKERS_ALONE)))
        cases = [case for report in reports if report.exists() for case in read(report)]
    print_summary(cases, time.monotonic() - began)
    if "not thorough" in marked:
        print("left for `make thorough`: what is marked so (tests/support/thorough.py)")
    if wants_node and not node:
        print("NOT RUN: tests/js, for there is no node")
        codes += [1] if os.environ.get("REQUIRE_ALL") else []
    return exit_code(codes)


def in_memory() -> Path | None:
    """None where there is no room, or somebody has said where folders are to lie. Who is killed there loses no more
    than on a disk: files outlive their process."""
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ROOM_IN_MEMORY
    return IN_MEMORY if has_room and "TMPDIR" not in os.environ else None


def arguments() -> argparse.Namespace:
    parse = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parse.add_argument("--lint", action="store_true", help="style and types as well")
    parse.add_argument("--workers", type=int, default=WORKERS, help="processes side by side; 0 for none")
    parse.add_argument("--marked", default="", metavar="EXPRESSION", help="as pytest's -m, such as 'not slow'")
    parse.add_argument("paths", nargs="*")
    chosen = parse.parse_args()
    chosen.paths = [path for path in chosen.paths if path.rstrip("/") != "tests"]
    return chosen


def both(one: str, other: str) -> str:
    return f"{one} and ({other})" if other else one


def with_marker(marker: str, paths: list[str]) -> list[str]:
    """Those of the paths where there may be a test with this marker; of all test files, where there are no paths. To
    import all of them takes each worker some seconds."""
    named = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if marker in path.read_text("utf-8")]
    chosen = {path: (ROOT / path.partition("::")[0]).resolve() for path in paths}
    if not chosen:
        return list(map(str, named))
    return [path for path, place in chosen.items() if any(one.is_relative_to(place) for one in named)]


def run_pytest(paths: list[str], marked: str, report: Path, workers: int) -> int:
    command = [sys.executable, "-m", "pytest", "-m", marked, f"--junit-xml={report}", *paths]
    if workers:
        compile_first(paths)
        command += ["--numprocesses", str(workers), "--dist", "worksteal"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def compile_first(paths: list[str]) -> None:
    """In a fresh clone each worker would compile all that it imports, libraries too, at the same moment as the others
    and therefore for itself: three times 15 s of the processor for nothing."""
    if not Path(cache_from_source(str(ROOT / "app/server.py"))).exists():
        command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *paths]
        subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


def node_command(paths: list[str], report: Path) -> list[str] | None:
    """How the node tests are run; None where there is no node."""
    node = shutil.which("node")
    if not node:
        return None
    files = [path for path in paths if path.endswith(".mjs")] or sorted(
        str(path) for pattern in ("*.test.mjs", "client/*.test.mjs") for path in (ROOT / JS).glob(pattern)
    )
    options = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    options += ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    return [node, "--test", *options, *files]


class Beside:
    """A program that runs beside the Python tests. What it says is printed when it has ended."""

    def __init__(self, command: list[str]) -> None:
        self.command = command

    def __enter__(self) -> "Beside":
        self.said = tempfile.TemporaryFile("w+")
        environment = os.environ | {"PARLOR_PYTHON": sys.executable}
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=environment, stdout=self.said, stderr=subprocess.STDOUT
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.said.close()

    def ended(self) -> int:
        """Wait for it; its exit code."""
        code = self.process.wait()
        self.said.seek(0)
        print(self.said.read(), end="", flush=True)
        return code


def read(report: Path) -> Iterator[Case]:
    for case in ElementTree.parse(report).iter("testcase"):
        ends = {child.tag for child in case}
        end = "failed" if ends & {"failure", "error"} else "skipped" if "skipped" in ends else "passed"
        module = case.get("classname", "").removeprefix("tests.")
        yield Case(f"{module}: {case.get('name')}", float(case.get("time", 0)), end)


def print_summary(cases: list[Case], seconds: float) -> None:
    """The slowest, and how many there were in how much time."""
    slowest = sorted(cases, key=lambda case: -case.seconds)[:SLOWEST]
    print(f"\nthe {len(slowest)} slowest:")
    for case in slowest:
        print(f"{case.seconds:8.1f} s  {case.name:.140}")
    counts = Counter(case.end for case in cases)
    told = ", ".join(f"{counts[end]:,} {end}" for end in ("failed", "passed", "skipped") if counts[end])
    print(f"in all: {told or 'no test'} in {seconds:.0f} s", flush=True)


def exit_code(codes: list[int]) -> int:
    """The first that tells of a fault. That a part selects nothing is none, as long as another selects something."""
    ran = [code for code in codes if code != NOTHING_SELECTED]
    return next((code for code in ran if code), 0 if ran else NOTHING_SELECTED)


if __name__ == "__main__":
    sys.exit(main())
