"""Bring the catalogues of sentences up to date, `make languages`: what the code says is in app/languages/*.po, and what
the browser's modules say of it in static/languages/*/*.js, which pages that are not English load before their modules:
a file for each page (`main`), one for what that loads later by itself (`main-later`), one for what it loads with its
dialogs (`main-wanted`), and one for the service worker (`worker`).

Nothing that is translated is lost: what the code no longer says stays in the catalogue as obsolete, and comes back with
the sentence.
"""

import ast
import json
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from babel.plural import to_gettext
from jinja2.ext import babel_extract
from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Token

from app.languages import ENGLISH, FOLDER, LANGUAGES, forms
from app.web.assets import IMPORT, imported
from app.web.installed import WORKERS
from tests.bundle import PAGES

ROOT = Path(__file__).parents[1]
MODULES = "static/js"
SCRIPTS = ROOT / "static/languages"
MADE = datetime(2026, 11, 28, tzinfo=UTC)  # of every catalogue, so that the same code makes the same file
WIDTH = 120

# Function -> which of its arguments are sentences, counted from 1: one, or that of one and that of many.
PYTHON = {"Refused": (2,), "Sentence": (1,), "counted": (1, 2), "translate": (2,), "ntranslate": (2, 3)}
PYTHON |= {"fault": (2,), "Unfit": (1,)}  # chat/kinds.py, files/pictures.py
TEMPLATES = {"_": (1,), "ngettext": (1, 2)}
JAVASCRIPT = {"t": (1,), "tn": (1, 2), "parts": (1,), "partsn": (1, 2)}

# What says nothing to the page: the command line, and the doors for programs, whose sentences are English.
ELSEWHERE = ("app/tools/", "app/export.py", "app/copy.py", "app/store/queries/transfer.py", "app/live/plain.py")
ELSEWHERE += ("app/live/events.py", "app/web/api.py", "app/web/bodies.py", "app/web/hook_shapes.py", "app/web/hooks.py")

# By static/js/late-page.js: what is wanted seldom, and all else that is imported when it is needed.
_IMPORT_WANTED = re.compile(r'\bwith(?:Page|WantedWords)\(\(\) => import\(\s*"(\.{1,2}/[^"]+)"')
_IMPORT_LATER = re.compile(r'(?<!withPage\(\(\) => )(?<!withWantedWords\(\(\) => )\bimport\(\s*"(\.{1,2}/[^"]+)"')
_ISOLATED = re.compile("\u2068(#?[{]\\w+[}])\u2069")

Found = tuple[int, str | tuple[str, ...]]  # line, and the sentence: one, or that of one and that of many


def from_python(content: bytes) -> Iterator[Found]:
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Call) and (wanted := PYTHON.get(name_of(node.func))):
            found = [_literal(node.args[at - 1]) for at in wanted if at <= len(node.args)]
            yield from _sentence(node.lineno, found)


def name_of(called: ast.expr) -> str:
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _sentence(line: int, found: list[str | None]) -> Iterator[Found]:
    texts = tuple(text for text in found if text)
    if texts and len(texts) == len(found):
        yield line, texts[0] if len(texts) == 1 else texts


def from_template(content: bytes) -> Iterator[Found]:
    for line, sentence, _, _ in extract(babel_extract, BytesIO(content), keywords=dict(TEMPLATES)):
        yield line, sentence


def from_javascript(content: bytes) -> Iterator[Found]:
    """By Pygments' lexer: Babel's own extractor passes over a call within another one's arguments."""
    parts = [part for part in JavascriptLexer(stripnl=False).get_tokens_unprocessed(content.decode()) if _is_code(part)]
    for at, (index, kind, name) in enumerate(parts):
        wanted = JAVASCRIPT.get(name) if kind in Token.Name else None
        if wanted and _is_call(parts, at):
            found, at = [], at + 2
            for _ in wanted:
                text, at = _text_at(parts, at)
                found.append(text)
            yield from _sentence(content[:index].count(b"\n") + 1, found)


Part = tuple[int, Any, str]  # where it stands, what it is, its text


def _is_code(part: Part) -> bool:
    return part[1] not in Token.Comment and bool(part[2].strip())


def _is_call(parts: list[Part], at: int) -> bool:
    return parts[at - 1][2] not in (".", "function") and parts[at + 1][2] == "("


def _text_at(parts: list[Part], at: int) -> tuple[str | None, int]:
    """A string, or several with `+` between them, and where the next argument begins; None where it is no literal."""
    text = ""
    while parts[at][1] in (Token.Literal.String.Double, Token.Literal.String.Single):
        text, after = text + ast.literal_eval(parts[at][2]), parts[at + 1][2]
        if after != "+":
            return (text, at + 2) if after in (",", ")") else (None, at)
        at += 2
    return None, at


def sentences(root: Path = ROOT) -> tuple[Catalog, dict[Path, set[str]]]:
    """All that the code says, and the keys of what each of the browser's modules says."""
    catalogue = Catalog(fuzzy=False, creation_date=MADE)
    in_browser: dict[Path, set[str]] = defaultdict(set)
    for folder, ending, found_in in (
        ("app", "*.py", from_python),
        ("templates", "*.html", from_template),
        (MODULES, "*.js", from_javascript),
    ):
        for path in sorted((root / folder).rglob(ending)):
            if path.relative_to(root).as_posix().startswith(ELSEWHERE):
                continue
            for _, sentence in sorted(found_in(path.read_bytes()), key=lambda found: found[0]):
                one = _with_its_forms(catalogue, sentence)
                catalogue.add(one, locations=[(path.relative_to(root).as_posix(), 0)])
                if ending == "*.js":
                    in_browser[path].add(sentence if isinstance(sentence, str) else sentence[0])
    return catalogue, in_browser


def _with_its_forms(catalogue: Catalog, sentence: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """The same words are used with and without a number: then they have all forms."""
    known = catalogue.get(sentence) if isinstance(sentence, str) else None
    return known.id if known is not None else sentence


def updated(language: str, said: Catalog, content: bytes) -> bytes:
    """A catalogue with what is said now. content: as it was; empty for a new one."""
    catalogue = read_po(BytesIO(content or _header(language)), locale=language)
    for message in catalogue.obsolete.values():
        catalogue[message.id] = message
    catalogue.obsolete.clear()
    catalogue.update(said, no_fuzzy_matching=True)
    for message in catalogue:
        wanted = len(forms(language))
        if message.pluralizable and len(message.string) != wanted:
            message.string = tuple([*message.string, *[""] * wanted][:wanted])
        if message.string:
            message.string = _places_bare(message.string)
    made = BytesIO()
    write_po(made, catalogue, width=WIDTH, sort_by_file=True, include_lineno=False)
    return made.getvalue()


def _places_bare(said: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Translators isolate a name where they see one; the code does it too, and twice leaves a mark over."""
    return _ISOLATED.sub(r"\1", said) if isinstance(said, str) else tuple(_ISOLATED.sub(r"\1", one) for one in said)


def _header(language: str) -> bytes:
    plurals = to_gettext(Locale.parse(language).plural_form)
    named = {
        "Project-Id-Version": "Parlor",
        "PO-Revision-Date": f"{MADE:%Y-%m-%d %H:%M}+0000",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": plurals,
    }
    lines = "".join(f'"{name}: {value}\\n"\n' for name, value in named.items())
    return f'msgid ""\nmsgstr ""\n{lines}'.encode()


def scripts(folder: Path, in_browser: dict[Path, set[str]]) -> dict[str, set[str]]:
    """What each script in static/languages says, by its name. What is said when a page begins is not said once more in
    what it loads later, and what that says not in what comes with the dialogs. folder: of the modules."""
    said: dict[str, set[str]] = {}

    def imports(begin: Collection[str], *ways: re.Pattern[str]) -> set[str]:
        return set(imported(begin, partial(_code, folder), *ways))

    def says(modules: set[str]) -> set[str]:
        return _of({folder / one for one in modules}, in_browser)

    for page in PAGES:
        first = imports({f"{page}.js"})
        later = imports(imports(first, _IMPORT_LATER) - first, IMPORT, _IMPORT_LATER)
        wanted = imports(imports(first | later, _IMPORT_WANTED) - first - later, IMPORT, _IMPORT_LATER, _IMPORT_WANTED)
        said[page] = says(first)
        said[f"{page}-later"] = says(later) - said[page]
        said[f"{page}-wanted"] = says(wanted) - said[page] - said[f"{page}-later"]
    said["worker"] = _of({folder.parent / one for one in WORKERS}, in_browser)
    return {name: keys for name, keys in said.items() if keys}


def _of(modules: set[Path], in_browser: dict[Path, set[str]]) -> set[str]:
    return {key for module in modules for key in in_browser.get(module, ())}


def _code(folder: Path, name: str) -> str:
    path = folder / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def script(language: str, catalogue: Catalog, keys: Iterable[str]) -> bytes:
    """What static/js/language.js reads: `words`, a translation by its English sentence, or its plural forms by that of
    one; `forms`, the names of these in their order, as Intl.PluralRules has them."""
    words: dict[str, Any] = {}
    for key in sorted(keys):
        message = catalogue.get(key)
        translation = message.string if message else ""
        if translation and (isinstance(translation, str) or all(translation)):
            words[key] = translation
    told = [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in (forms(language), words)]
    begun = f"globalThis.parlorLanguage??={{forms:{told[0]},words:{{}}}};"
    return f"{begun}Object.assign(parlorLanguage.words,{told[1]});\n".encode()


def make(root: Path = ROOT) -> dict[Path, bytes]:
    """The files that the code wants, as they have to be."""
    said, in_browser = sentences(root)
    parts = scripts(root / MODULES, in_browser)
    made: dict[Path, bytes] = {}
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        path = root / FOLDER.relative_to(ROOT) / f"{language}.po"
        made[path] = updated(language, said, path.read_bytes() if path.exists() else b"")
        catalogue = read_po(BytesIO(made[path]), locale=language)
        for name, keys in parts.items():
            made[root / SCRIPTS.relative_to(ROOT) / language / f"{name}.js"] = script(language, catalogue, keys)
    return made


def main() -> int:
    made = make()
    shutil.rmtree(SCRIPTS, ignore_errors=True)
    for path, content in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if path.suffix == ".po":
            catalogue = read_po(BytesIO(content))
            done = sum(
                bool(one.id and one.string and (isinstance(one.string, str) or all(one.string))) for one in catalogue
            )
            print(f"{path.stem}: {done} of {len(catalogue)} sentences are translated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
