"""Every sentence in every language: what the code says, what the catalogues know, and what the browser gets of it."""

import ast
import re
import tomllib
from fnmatch import fnmatch
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages import Message
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from app.languages import (
    ENGLISH,
    FOLDER,
    LANGUAGES,
    _words,
    formats,
    forms,
    isolated,
    ntranslate,
    read_all,
    translate,
    translated,
)
from app.model import Refused, Sentence, counted, span
from tests import languages

TEMPLATES = languages.ROOT / "templates"


def test_sentences_are_found_wherever_they_stand_in_a_script() -> None:
    script = b"""
      x.textContent = t("Hello {who}" + " and more", { who: t("nested") });
      tn("{n} a", "{n} b", rows.map((x) => `${t("in a template")} x`).length); // t("in a comment")
      const r = /["']/.test(a) ? t('q\\u2019') : a / 2; object.t("another's"); not("ours"); parts("x {a}", { a: b });
      t(cond ? "a" : "b"); export function t(text) {}
    """
    assert [sentence for _, sentence in languages.from_javascript(script)] == [
        "Hello {who} and more",
        "nested",
        ("{n} a", "{n} b"),
        "in a template",
        "q’",
        "x {a}",
    ]


def test_sentences_are_found_wherever_they_stand_in_python() -> None:
    code = b"""
raise Refused("code", "Plain, " "in two parts.", limit=3)
raise model.Refused("code", Sentence("{who} waits {time}.", who=who, time=counted("{n} day", "{n} days", days)))
raise Refused(code, text)
"""
    assert sorted(str(sentence) for _, sentence in languages.from_python(code)) == [
        "('{n} day', '{n} days')",
        "Plain, in two parts.",
        "{who} waits {time}.",
    ]


def test_a_catalogue_keeps_what_is_translated_also_while_the_code_does_not_say_it() -> None:
    said = languages.Catalog()
    said.add("Room")
    said.add(("{n} room", "{n} rooms"))
    empty = languages.updated("ar", said, b"")
    assert read_po(BytesIO(empty), locale="ar").get("{n} room").string == ("",) * 6
    filled = empty.replace(b'msgid "Room"\nmsgstr ""', 'msgid "Room"\nmsgstr "غرفة"'.encode())
    without = languages.updated("ar", languages.Catalog(), filled)
    again = languages.updated("ar", said, without)
    assert read_po(BytesIO(again), locale="ar").get("Room").string == "غرفة"
    assert languages.updated("ar", said, again) == again, "the same twice"
    said.add("In #{room}")
    isolated = again + 'msgid "In #{room}"\nmsgstr "في \u2068#{room}\u2069"\n'.encode()
    assert (
        read_po(BytesIO(languages.updated("ar", said, isolated)), locale="ar").get("In #{room}").string == "في #{room}"
    )


@pytest.mark.parametrize(
    ("language", "named"),
    [
        ("en", ["one", "other"]),
        ("de", ["one", "other"]),
        ("fr", ["one", "many", "other"]),
        ("ar", ["zero", "one", "two", "few", "many", "other"]),
    ],
)
def test_a_language_has_its_own_forms(language: str, named: list[str]) -> None:
    assert forms(language) == named


def test_a_sentence_is_english_and_knows_its_parts() -> None:
    wait = counted("{n} day", "{n} days", 2)
    said = Sentence("“{who}” waits {wait}.", who="{ann}", wait=wait)
    assert said == "“{ann}” waits 2 days."
    assert Refused("code", said).answer()["text"] == "“{ann}” waits 2 days."
    assert (translated("en", said), translated("de", Sentence("Not in {catalogue}", catalogue=1))) == (
        "“{ann}” waits 2 days.",
        "Not in 1",
    )
    assert counted("{n} day", "{n} days", 1) == "1 day"
    assert (ntranslate("en", "{n} day", "{n} days", 5), translate("en", "{who}", {"who": "x"})) == ("5 days", "x")


def test_words_that_hold_braces_are_left_alone() -> None:
    assert translated("de", "Not a place: {“nickname”?: text}") == "Not a place: {“nickname”?: text}"


SAID_BY_TAGS = ("aria-label", "title", "placeholder", "alt")
NO_SENTENCE = {
    "Parlor",
    "lobby",
    "UTC",
    "python -m app doctor",
    "echo.parlor",
    "chat",
    "echo.parlor, chat",
    "ms",
    "from:",
}
NO_SENTENCE |= {"light dark", "after:2026-11-01", "before:2026-12-01", "https://example.org/hook"}


class Bare(HTMLParser):
    """Collects the words of a page that stand in it as they are. EXPRESSION: where a template has put something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found += [part.strip() for part in data.split(EXPRESSION)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SAID_BY_TAGS:
                self.found += [part.strip() for part in (value or "").split(EXPRESSION)]


EXPRESSION = "\0"
_ATTRIBUTES = re.compile(r"\{% block (?:data|body_class) %\}.*?\{% endblock %\}", re.DOTALL)
_TEMPLATE_PART = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def bare_words(template: str) -> list[str]:
    page = Bare()
    page.feed(
        _TEMPLATE_PART.sub(
            lambda part: "" if part[0].startswith("{#") else f" {EXPRESSION} ", _ATTRIBUTES.sub("", template)
        )
    )
    shown = [word for word in page.found if re.search("[A-Za-z]{2}", word)]
    for output in Environment().parse(template).find_all(nodes.Output):
        for one in output.nodes:
            shown += _constants(one)
    return [word for word in shown if word not in NO_SENTENCE]


def _constants(node: nodes.Node) -> list[str]:
    """Words that an expression shows: `"a" if b else "c"`. Not those that it compares, or hands to a function."""
    if isinstance(node, nodes.Const):
        return [node.value] if isinstance(node.value, str) and re.search("[A-Za-z]{2} |^[A-Z][a-z]", node.value) else []
    if isinstance(node, nodes.CondExpr):
        return [*_constants(node.expr1), *(_constants(node.expr2) if node.expr2 else [])]
    if isinstance(node, nodes.Or):
        return [*_constants(node.left), *_constants(node.right)]
    if isinstance(node, nodes.Concat):
        return [word for one in node.nodes for word in _constants(one)]
    return []


def test_bare_words_are_found() -> None:
    assert bare_words('<p title="Some {{ x }}">Hello {% if y %}you{% endif %}</p>{{ "Nobody" if z else _("x") }}') == [
        "Some",
        "Hello",
        "you",
        "Nobody",
    ]


@pytest.mark.parametrize("name", sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html")))
def test_templates_say_nothing_past_the_catalogues(name: str) -> None:
    if name != "export.html":
        assert bare_words((TEMPLATES / name).read_text(encoding="utf-8")) == []


STYLES = languages.ROOT / "static/css"
PHYSICAL = re.compile(
    r"(?:margin|padding|border)-(?:left|right)\b|border-(?:top|bottom)-(?:left|right)-radius"
    r"|(?<![\w-])(?:left|right)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)\b"
)
FOUR_VALUES = re.compile(r"(?:margin|padding|inset|border-width|border-radius)\s*:\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)$")
SIDEWAYS = re.compile(r"translateX?\(\s*(?!-50%)-?[\d.]|inset -?[1-9]\S*")
# What lies at a side of the screen, whatever the language: its notches, the places that a script has measured, and the
# side of the page in a text box, whose text has a direction of its own.
AT_A_SIDE = ("left: var(--x)", "left: var(--x, 0)", "left: 50%")
AT_A_SIDE += (
    "padding-right: 1rem",
    *(f"padding-{side}: calc(0.6rem + var(--tools, 1) * 40px)" for side in ("left", "right")),
)


def physical(style: str) -> list[str]:
    """The declarations that name the left or the right, where the beginning or the end of a line is meant."""
    found = []
    for declaration in re.split(r"[;{}]", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)):
        said = " ".join(declaration.split())
        values = FOUR_VALUES.search(re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "()", said))
        is_radius = said.startswith("border-radius")
        is_lopsided = values and (
            values[1] != values[2] or values[3] != values[4] if is_radius else values[2] != values[4]
        )
        if (PHYSICAL.search(said) or is_lopsided or SIDEWAYS.search(said)) and said not in AT_A_SIDE:
            found.append(said)
    return found


def test_what_lies_at_a_side_is_found() -> None:
    assert physical(
        """.a { margin-left: 1px; text-align: right; inset: 0 auto 0 0; border-radius: 4px 1px 1px 4px; left: 3px }
        .b { margin-inline-start: 1px; padding: 1px 2px 3px 2px; border-radius: 4px 4px 0 0; left: 50%; /* right: 0 */
        padding: 0 max(1rem, env(safe-area-inset-right)) 0 max(1rem, env(safe-area-inset-left)) }
        .c { transform: translateX(5px); box-shadow: inset 3px 0 0 red }"""
    ) == [
        "margin-left: 1px",
        "text-align: right",
        "inset: 0 auto 0 0",
        "border-radius: 4px 1px 1px 4px",
        "left: 3px",
        "transform: translateX(5px)",
        "box-shadow: inset 3px 0 0 red",
    ]


def test_styles_know_where_lines_begin_and_no_left_or_right() -> None:
    found = {path.name: physical(path.read_text(encoding="utf-8")) for path in sorted(STYLES.glob("*.css"))}
    assert {name: declarations for name, declarations in found.items() if declarations} == {}


TRANSLATED = [language for language in LANGUAGES if language != ENGLISH]
_PLACE = re.compile(r"\{(\w+)\}")
_ISOLATED = re.compile("\u2068#?[{]\\w+[}]\u2069")


def catalogue_of(language: str) -> languages.Catalog:
    return read_po(BytesIO((FOLDER / f"{language}.po").read_bytes()), locale=language)


def faults_of(language: str, message: Message) -> list[str]:
    """What is wrong with a translation; nothing where it can be shown."""
    keys = message.id if message.pluralizable else (message.id,)
    said = message.string if message.pluralizable else (message.string,)
    if len(said) != (len(forms(language)) if message.pluralizable else 1) or not all(said):
        return ["not translated"]
    allowed = {place for key in keys for place in _PLACE.findall(key)}
    wanted = allowed - {"n"} if message.pluralizable else allowed  # "one file" need not name its number
    found = []
    for one in said:
        places = set(_PLACE.findall(one))
        if not wanted <= places <= allowed:
            found.append(f"has other places: {one}")
        if ("<" in one or "&" in one) and not any("<" in key or "&" in key for key in keys):
            found.append(f"holds markup: {one}")
        if (one[:1].isspace(), one[-1:].isspace()) != (keys[0][:1].isspace(), keys[0][-1:].isspace()):
            found.append(f"begins or ends with other blanks: {one!r}")
        if _ISOLATED.search(one):  # it would be so twice
            found.append(f"isolates a place, as the code does: {one}")
    return found


def test_faults_of_a_translation_are_found() -> None:
    def faults(key: str | tuple[str, str], said: str | tuple[str, ...]) -> list[str]:
        return [fault.partition(":")[0] for fault in faults_of("de", Message(key, said))]

    assert faults("{who} has come", "{who} ist da") == []
    assert faults("{who} has come", "") == ["not translated"]
    assert faults("{who} has come", "{wer} ist da") == ["has other places"]
    assert faults("{who} has come", "jemand ist da") == ["has other places"]
    assert faults("Rooms", "<b>Räume") == ["holds markup"]
    assert faults("{who} has come", "\u2068{who}\u2069 ist da") == ["isolates a place, as the code does"]
    assert faults(", ", ",") == ["begins or ends with other blanks"]
    assert faults(("{n} file of {who}", "{n} files of {who}"), ("eine von {who}", "{n} Dateien von {who}")) == []
    assert faults(("{n} file", "{n} files"), ("eine Datei", "")) == ["not translated"]
    assert faults(("{n} file of {who}", "{n} files of {who}"), ("{n} Datei", "{n} von {who}")) == ["has other places"]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated(language: str) -> None:
    catalogue = catalogue_of(language)
    found = {str(one.id): faults_of(language, one) for one in catalogue if one.id}
    wrong = {key: faults for key, faults in found.items() if faults}
    assert not wrong, f"{len(wrong)} of {len(found)}, for example {dict(list(wrong.items())[:5])}"
    assert not [one.id for one in catalogue if one.fuzzy and one.id]
    assert (languages.ROOT / f"static/vendor/cldr-annotations-full/{language}.json").exists(), "the names of emoji"


def test_the_catalogues_and_their_scripts_are_made_from_the_code_as_it_is() -> None:
    old = [
        str(path.relative_to(languages.ROOT)) for path, content in languages.make().items() if not _is(path, content)
    ]
    assert old == [], "run `make languages`"


def _is(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content


def test_a_room_and_a_name_keep_their_direction_in_a_line_from_right_to_left() -> None:
    values = {"who": "ann", "room": "tea", "n": 3, "time": Sentence("{n} min", n=3)}
    said = isolated("ar", "{who}, #{room}: {n}, {time}", values)
    assert said == "\u2068{who}\u2069, \u2068#{room}\u2069: {n}, {time}"
    assert isolated("de", "{who}, #{room}", values) == "{who}, #{room}"


AT_THE_START = (
    "app/store/address.py",
    "app/store/database.py",
    "app/store/postgres.py",
    "app/store/sqlite.py",
)  # of a server


def glued(content: bytes) -> list[int]:
    """The lines in which a sentence is put together before anybody could translate it."""
    found = []
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Call) and (wanted := languages.PYTHON.get(languages.name_of(node.func))):
            parts = [node.args[at - 1] for at in wanted if at <= len(node.args)]
            found += [one.lineno for one in parts if isinstance(one, ast.JoinedStr | ast.BinOp)]
    return sorted(found)


def test_what_is_refused_is_not_put_together_before_it_is_translated() -> None:
    assert glued(
        b'Refused("a", f"{x} b")\nRefused("a", "b" + c)\nSentence(f"{d}")\nRefused("a", Sentence("{x}", x=1))'
    ) == [
        1,
        2,
        3,
    ]
    found = {}
    for path in sorted((languages.ROOT / "app").rglob("*.py")):
        name = path.relative_to(languages.ROOT).as_posix()
        if not name.startswith((*languages.ELSEWHERE, *AT_THE_START)) and (lines := glued(path.read_bytes())):
            found[name] = lines
    assert found == {}


def test_the_catalogues_are_in_the_repository_and_in_the_wheel() -> None:
    wheel = tomllib.loads((languages.ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["app"] and wheel["exclude"] == ["app/tools/library"]
    assert wheel["force-include"]["static"] == "app/_pages/static"
    ignored = (languages.ROOT / ".gitignore").read_text().split()  # what is ignored is not in a wheel, either
    for language in set(LANGUAGES) - {ENGLISH}:
        for made in (f"app/languages/{language}.po", f"static/languages/{language}/main.js"):
            assert (languages.ROOT / made).is_file()
            assert not any(fnmatch(f"/{made}", f"*{one.removesuffix('/')}*") for one in ignored)


def test_all_catalogues_are_read_before_somebody_wants_one() -> None:
    """A server does it in a thread when it begins: each takes its time."""
    _words.cache_clear()
    read_all()
    before = _words.cache_info()
    assert [translate(language, "Send") != "Send" for language in LANGUAGES] == [False, True, True, True, True]
    assert _words.cache_info().misses == before.misses


def test_whatever_a_module_says_its_page_has_loaded_before() -> None:
    _, in_browser = languages.sentences()
    said = languages.scripts(languages.ROOT / languages.MODULES, in_browser)
    assert set().union(*said.values()) == set().union(*in_browser.values()), "a module that no page imports"
    assert "Send" in said["main"] - said["main-later"] and "Moderation" not in said["main"] | said["main-later"]
    assert set(said) == {"diagnostics", "echo", "landing", "main", "main-later", "main-wanted", "worker"}


def test_what_a_page_loads_later_is_what_its_modules_name_within_a_function(tmp_path: Path) -> None:
    modules = {
        "main": 'import { a } from "./a.js";\nconst later = () => import("./b.js");',
        "a": 'import "./c.js";\nt("first")',
        "b": 'import { x } from "./d.js"; import "./a.js"; t("later"); t("first");',
        "c": 't("deeper");',
        "d": 'const more = () => import("./e.js"), asked = () => withPage(() => import("./f.js")); t("behind it");',
        "e": 't("last of all");',
        "f": 'import "./dialogs/g.js"; t("deeper");',
        "dialogs/g": 'import "../e.js"; t("wanted"); t("later");',
    }
    for name, code in modules.items():
        path = tmp_path / f"{name}.js"
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    in_browser = {
        path: {str(sentence) for _, sentence in languages.from_javascript(path.read_bytes())}
        for path in tmp_path.rglob("*.js")
    }
    assert languages.scripts(tmp_path, in_browser) == {
        "main": {"first", "deeper"},
        "main-later": {"later", "behind it", "last of all"},
        "main-wanted": {"wanted"},
    }


def test_no_line_ends_between_a_number_and_its_unit() -> None:
    for language in LANGUAGES:
        told = [formats.size_of(language, size) for size in (12, 1_200, 5_000_000, 70_000_000_000)]
        told += [translated(language, wait) for wait in (span(30), span(600))]
        told += [translate(language, "{n} ms", {"n": 3.7})]
        assert not [one for one in told if " " in one], language
        within = translate(language, "A file has {size} MB at most here.", {"size": "25"})
        assert re.search("25\u2069?\u00a0", within), within
