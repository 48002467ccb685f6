"""The page works in browsers of 2021 (docs/hosts.md, "Browsers"): what came later is filled in, guarded or not used."""

import re
from pathlib import Path

import pytest

from tests.bundle import PAGES

STATIC = Path(__file__).parents[2] / "static"
FILLED = "older-browsers.js"
# What came later than 2020, and how it is written. It may stand where FILLED fills it in, or where it is asked for.
YOUNG = {
    "AbortSignal.timeout": r"AbortSignal\s*\.\s*(timeout|any)",
    "Array.at": r"\.at\(",
    "Array.findLast": r"\.findLast(Index)?\(",
    "copying Array": r"\.(toSorted|toSpliced|toReversed|with)\(|Array\.fromAsync",
    "grouping": r"\b(Object|Map)\.groupBy\(",
    "new Set": r"\.(intersection|union|difference|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom)\(",
    "iterator helpers": r"\.(values|keys|entries)\(\)\s*\.(map|filter|some|every|find|toArray|take|drop)\(",
    "Object.hasOwn": r"\bhasOwn\(",
    "structuredClone": r"\bstructuredClone\b",
    "randomUUID": r"\brandomUUID\b",
    "Segmenter": r"\bIntl\s*\.\s*(Segmenter|DurationFormat)\b",
    "withResolvers": r"\bPromise\s*\.\s*(withResolvers|try)\b",
    "wellformed": r"\.(isWellFormed|toWellFormed)\(",
    "requestSubmit": r"\brequestSubmit\b",
    "submitter": r"\bsubmitter\b",
    "dialog and popover": r"\.(showModal|showPopover|togglePopover|hidePopover)\(",
    "setHTML": r"\b(setHTML|setHTMLUnsafe)\(",
    "scrollend": r"[\"']scrollend[\"']|\bonscrollend\b",
    "checkVisibility": r"\bcheckVisibility\b",
    "view transitions": r"\bstartViewTransition\b",
    "locks": r"\bnavigator\s*\.\s*locks\b",
    "userAgentData": r"\bnavigator\s*\.\s*userAgentData\b",
    "BroadcastChannel": r"\bnew BroadcastChannel\b",
    "SharedWorker": r"\bnew SharedWorker\b",
    "CompressionStream": r"\b(De)?[cC]ompressionStream\b",
    "static block": r"\bstatic\s*\{",
    "private name in": r"#\w+ in \w",
    "error cause": r"\bcause:\s*\w*[eE]rr|, \{ cause \}",
    "abort reason": r"\.abort\(\w|\.throwIfAborted\(|\bsignal\.reason\b",
    "lookbehind": r"\(\?<[=!]",
    "regex v flag": r"/[dgimsuy]*v[dgimsuy]*[.,;)\s]",
    "import attributes": r"\bwith \{ type:",
    "top-level await": r"(?m)^(const .* = )?await ",
}
FILLS = {"Array.at", "Array.findLast", "Object.hasOwn", "requestSubmit"}
GUARDED = {  # by a question or a `try` around it, or by a `catch` of the one who calls
    ("randomUUID", "outbox.js"),
    ("locks", "tab.js"),
    ("BroadcastChannel", "poll-budget.js"),
}


def _code(path: Path) -> str:
    """Without comments: those may name what is not used."""
    return re.sub(r"(?m)/\*[\s\S]*?\*/|(?<![:\"'])//.*$", "", path.read_text(encoding="utf-8"))


SCRIPTS = sorted(path.relative_to(STATIC).as_posix() for path in (STATIC / "js").rglob("*.js"))
STYLES = sorted(path.relative_to(STATIC).as_posix() for path in (STATIC / "css").glob("*.css"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_needs_what_browsers_of_2021_have_not(name: str) -> None:
    code = _code(STATIC / name)
    used = {what for what, written in YOUNG.items() if re.search(written, code)}
    allowed = FILLS | {what for what, file in GUARDED if name.endswith(f"/{file}")}
    assert name.endswith(FILLED) or used <= allowed, f"guard it in {FILLED}, or do without"


def test_what_is_filled_in_is_filled_in_first() -> None:
    """Every page's own script begins with it; the others are imported after it."""
    assert {"main", "landing", "diagnostics"} <= set(PAGES)
    for name in (f"js/{page}.js" for page in PAGES):
        imports = re.findall(r'^import .*?"(.+?)";', _code(STATIC / name), re.MULTILINE)
        assert not imports or imports[0] == f"./{FILLED}", name


@pytest.mark.parametrize("name", STYLES)
def test_no_style_is_lost_in_browsers_of_2021(name: str) -> None:
    """Colours they do not know have another in `@supports not`; lengths they do not know follow one that they do."""
    css = re.sub(r"/\*[\s\S]*?\*/", "", (STATIC / name).read_text(encoding="utf-8"))
    lists = [one.strip() for one in re.findall(r"[^{}]*:has\([^{}]*(?={)", css) if "," in one]
    assert not lists, "the other selectors of the list would be lost with it"
    assert not re.search(r"@layer|@container|@scope|@property|light-dark\(|^\s*&", css, re.MULTILINE)
    if "oklch(" in css:
        assert "@supports not (color: oklch(" in css
    for declared in re.finditer(r"([\w-]+):[^;{}]*\d[dsl]v[hwib]\b", css):
        before = css[: declared.start()].rstrip().rpartition("\n")[2]
        assert before.strip().startswith(f"{declared[1]}:"), f"{declared[0]} has no length before it"


def test_a_colour_is_written_once_and_the_dark_ground_is_asked_for_in_one_place() -> None:
    """So that it is the same by choice and by the system."""
    css = (STATIC / "css/base.css").read_text(encoding="utf-8")
    turned = re.findall(r"--light: ;\s*--dark: initial;", css)
    assert css.count("prefers-color-scheme") == 1 and len(turned) == 2
    others = [name for name in STYLES if name != "css/base.css"]
    assert not [name for name in others if "prefers-color-scheme" in (STATIC / name).read_text(encoding="utf-8")]
