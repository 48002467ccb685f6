"""What hosts refuse, or read another way than we mean it, when they find it at the root of a push (docs/hosts.md)."""

import re
from pathlib import Path

PACKAGE_FILES = ("requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "Pipfile")
MISTAKEN = {
    "runtime.txt": "Heroku wants .python-version in its place",
    "Dockerfile": "Dokku, Railway and Render build it instead of the Python project",
    "package.json": "Heroku, Dokku and Railway take the project for one of Node's",
    "go.mod": "it is taken for one of Go's",
    "Gemfile": "it is taken for one of Ruby's",
    "composer.json": "it is taken for one of PHP's",
    "pom.xml": "it is taken for one of Java's",
    "Cargo.toml": "it is taken for one of Rust's",
    "manage.py": "Heroku and Railway take the project for one of Django's",
    "setup.py": "Azure installs the project in place of requirements.txt",
    "environment.yml": "it is taken for one of conda's",
    "gunicorn.conf.py": "gunicorn reads it wherever it is started here, and Azure does not (docs/hosts.md)",
    "main.py": "Railway starts it",
    "application.py": "Azure starts it, as Flask's",
    "app.py": "Azure and Railway start it, as Flask's",
    "run.py": "Azure starts it, as Flask's",
    "index.py": "Azure starts it, as Flask's",
    "server.py": "Azure starts it, as Flask's",
}


def objections(folder: Path) -> list[str]:
    """What hosts have against this checkout: one sentence each, none where it is welcome everywhere."""
    there = {path.name for path in folder.iterdir()}
    found = [f"{name}: {why}." for name, why in MISTAKEN.items() if name in there]
    package_files = [name for name in PACKAGE_FILES if name in there]
    if package_files != ["requirements.txt"]:
        found.append(f"Exactly one package file is wanted, requirements.txt; found: {', '.join(package_files)}.")
    found += _procfile(folder) + _python_version(folder) + _requirements(folder) + _wsgi(folder)
    return found


def _procfile(folder: Path) -> list[str]:
    kinds = [kind for kind, _ in processes(folder)]
    if kinds == ["web"]:
        return []
    return [f"Procfile names {kinds or 'nothing'}; hosts route to `web`, and we have no more."]


def processes(folder: Path) -> list[tuple[str, str]]:
    """The Procfile: kinds of processes and their commands."""
    file = folder / "Procfile"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(found[1], found[2]) for line in lines if (found := re.fullmatch(r"([A-Za-z0-9_-]+):\s*(.+)", line))]


def _python_version(folder: Path) -> list[str]:
    file = folder / ".python-version"
    known = file.exists() and re.fullmatch(r"3\.\d+\n?", file.read_text())
    return [] if known else [".python-version holds no version like 3.13."]


def _requirements(folder: Path) -> list[str]:
    """Only packages with their versions: some hosts install before the project is there, so `.` is none of them."""
    file = folder / "requirements.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return [
        f"requirements.txt: {line!r} is no pinned package."
        for line in lines
        if not re.fullmatch(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[0-9.]+(; sys_platform [!=]= [\"'][a-z0-9]+[\"'])?", line)
    ]


def _wsgi(folder: Path) -> list[str]:
    """Azure starts the wsgi.py of the first folder, in the order of the alphabet, that has one."""
    found = [path.parent.name for path in folder.glob("*/wsgi.py")]
    return [] if set(found) <= {"app"} else [f"wsgi.py is in {', '.join(sorted(found))}; Azure starts the first."]
