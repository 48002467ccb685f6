"""Who may import whom. The imports are read with `ast`; this table is the law (see app/__init__.py for the map)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APP = ROOT / "app"

# Room of the house -> what of ours it may import (prefixes), and which libraries it must not touch.
MAY = {
    "app.model": (),
    "app.languages": ("app.model", "app.languages"),
    "app.config": (),
    "app.logs": (),
    "app.paths": (),
    "app.workers": ("app.config", "app.process"),
    "app.store": ("app.model", "app.store"),
    "app.chat": ("app.model", "app.paths", "app.languages", "app.chat", "app.store.queries", "app.store"),
    "app.engineio": ("app.engineio",),
    "app.socketio": ("app.engineio", "app.socketio"),
    "app.live": ("app.model", "app.languages", "app.chat", "app.engineio", "app.socketio", "app.live"),
    "app.files": ("app.model", "app.files"),
    "app.web": (
        "app.model",
        "app.paths",
        "app.languages",
        "app.chat",
        "app.files",
        "app.web",
        "app.store.queries",
        "app.store",
    ),
    "app.tools": ("app.config", "app.model", "app.tools"),
    "app.server": ("app",),
    "app.routes": ("app",),
    "app.takeover": ("app.config", "app.model", "app.chat", "app.store"),
    "app.joined": ("app",),
    "app.advice": ("app.config", "app.workers"),
    "app.export": ("app",),
    "app.copy": ("app",),
    "app.__main__": ("app",),
    "app": (),
}
HOMES = {
    "sqlalchemy": ("app.store", "app.takeover", "app.copy"),
    "alembic": ("app.store",),
    "psycopg": ("app.store.address", "app.store.notifications", "app.store.notified", "app.store.postgres"),
    "socketio": ("app.socketio", "app.live", "app.tools"),
    "engineio": ("app.tools",),
    "httptools": ("app.engineio",),
    "redis": ("app.live.redis",),
    "aiohttp": (
        "app.engineio",
        "app.socketio",
        "app.live",
        "app.web",
        "app.server",
        "app.routes",
        "app.joined",
        "app.logs",
        "app.tools",
    ),
    "babel": ("app.languages",),
    "jinja2": ("app.web",),
    "click": ("app.__main__",),
    "prompt_toolkit": ("app.tools.terminal.prompt",),
    "prometheus_client": ("app.web.metrics",),
    "argon2": ("app.chat.people",),
    "obstore": ("app.files.blobs",),
    "PIL": ("app.files.pictures",),
}
ONLY_QUERIES = ("app.chat", "app.web")  # of the store they know the questions, not the database


def modules() -> list[tuple[str, Path]]:
    names = []
    for path in sorted(APP.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return names


def imports(path: Path) -> list[str]:
    """Every module named in an import, `from app.chat import people` as app.chat.people."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def room_of(module: str) -> str:
    return max((room for room in MAY if module == room or module.startswith(f"{room}.")), key=len)


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_point_downwards(module: str, path: Path) -> None:
    for imported in imports(path):
        if imported.startswith("app.") and imported != "app.__version__":
            assert within(imported, MAY[room_of(module)]), f"{module} may not import {imported}"
            if within(module, ONLY_QUERIES) and imported.startswith("app.store"):
                assert within(imported, ("app.store.queries",)), f"{module} knows the questions only, not {imported}"
        library = imported.partition(".")[0]
        if library in HOMES:
            assert within(module, HOMES[library]), f"{module} may not import {library}"


def imported_modules() -> dict[str, set[str]]:
    """The modules of ours that each imports anywhere in its file: under `TYPE_CHECKING` and in functions, too."""
    ours = {name for name, _ in modules()}
    return {
        module: {
            one if one in ours else one.rpartition(".")[0]
            for one in imports(path)
            if one in ours or one.rpartition(".")[0] in ours
        }
        for module, path in modules()
    }


def circle_in(graph: dict[str, set[str]]) -> list[str] | None:
    """The modules of a circle in their order, the first one again at the end; None where there is none."""
    done: set[str] = set()

    def search(module: str, way: list[str]) -> list[str] | None:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return None
        found = (search(one, [*way, module]) for one in sorted(graph[module]))
        circle = next(filter(None, found), None)
        done.add(module)
        return circle

    return next(filter(None, (search(module, []) for module in sorted(graph))), None)


def test_a_circle_is_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_no_files_import_each_other_in_a_circle() -> None:
    circle = circle_in(imported_modules())
    assert circle is None, " -> ".join(circle or ())


MAX_METHODS, MAX_ATTRIBUTES = 15, 12


def methods_of(node: ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]


def attributes_of(node: ast.ClassDef) -> set[str]:
    """The names that its methods assign to on `self`."""
    return {
        part.attr
        for method in methods_of(node)
        for part in ast.walk(method)
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
        if isinstance(part.value, ast.Name) and part.value.id == "self"
    }


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_class_has_one_reason_to_change(module: str, path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        named = [one.name for one in methods_of(node) if not one.name.startswith("__")]
        assert len(named) <= MAX_METHODS, f"{module}.{node.name} has {len(named)} methods"
        assert len(attributes_of(node)) <= MAX_ATTRIBUTES, (
            f"{module}.{node.name} has {len(attributes_of(node))} attributes"
        )


def test_who_waits_takes_no_task_of_its_own_for_that() -> None:
    """On Python 3.11 `asyncio.wait_for` begins one each time, and may swallow what cancels it: `asyncio.timeout` does
    not."""
    for path in sorted(APP.rglob("*.py")):
        assert "asyncio.wait_for(" not in path.read_text(), f"{path.name}: asyncio.timeout"


def test_the_page_writes_no_html() -> None:
    for path in sorted((ROOT / "static" / "js").glob("*.js")):
        text = path.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, f"{path.name} uses {word}"


def test_templates_hold_no_inline_script_or_style() -> None:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert "<style" not in text and " style=" not in text, path.name
        assert "|safe" not in text.replace(" ", ""), path.name
        for tag in text.split("<script")[1:]:
            assert " src=" in tag.partition(">")[0], f"{path.name} holds an inline script"


def test_no_test_lets_the_page_evaluate_a_string() -> None:
    """Playwright does from the second look on, and the page's policy forbids it: a test that passes by chance."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path != Path(__file__) and "page.wait_for_function(" in path.read_text(encoding="utf-8"):
            raise AssertionError(f"{path.name}: Visitor.waits_for looks without the page's own eval")


def test_hosts_find_one_way_to_build_it() -> None:
    """Each of these changes how some host builds the project (docs/hosts.md)."""
    unwanted = ["package.json", "package-lock.json", "Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock"]
    unwanted += ["runtime.txt", "Dockerfile", "setup.py", "setup.cfg", "environment.yml"]
    assert [name for name in unwanted if (ROOT / name).exists()] == []
    assert list(ROOT.glob("*.py")) == []
