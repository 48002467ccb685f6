"""Code in colours: what is said stays what was said, in a bounded time whatever it is."""

import random
import re

import pytest

from app.chat.highlight import LANGUAGES, MAX_CODE, MAX_TOKENS, highlighted
from tests.support.spent import measured

ALIASES = sorted(alias for aliases in LANGUAGES.values() for alias in aliases)
UNITS = [
    '"',
    "'",
    "`",
    "(",
    "[",
    "{",
    "<",
    "/",
    "\\",
    "*",
    "#",
    "-",
    "_",
    ":",
    ";",
    "=",
    "a",
    " ",
    "\n",
    "\t",
    "0",
    "$",
]
UNITS += [
    "%",
    "@",
    "!",
    "&",
    "|",
    ".",
    '"\\',
    "'''",
    "/*",
    "//",
    "${",
    "<!--",
    "a=",
    "--",
    "0x",
    "1e",
    "r'",
    'f"',
    "<<A\n",
]
UNITS += ["=>", "a<", "a<a,", "::", "def ", "class ", "if ", "</", "<a ", "a:", "- ", "*/", "\\\n", "é", "😀"]


def classes(code: str, language: str) -> list[tuple[str, str]]:
    runs = highlighted(code, language)
    end, found = 0, []
    for kind, length in zip(runs[::2], runs[1::2], strict=True):
        assert isinstance(kind, str) and isinstance(length, int)
        found.append((kind, code[end : end + length].strip()))
        end += length
    assert end <= len(code)
    return [(kind, text) for kind, text in found if kind]


def test_few_classes_cover_what_is_read() -> None:
    code = "def f(x):  # hello\n    return 'a' + 12\n"
    assert classes(code, "py") == [
        ("keyword", "def"),
        ("name", "f"),
        ("comment", "# hello"),
        ("keyword", "return"),
        ("string", "'a'"),
        ("number", "12"),
    ]
    code = '#include <x>\nint main(void) { /* hm */ return printf("%d", 0x1F); }'
    assert classes(code, "C++") == [
        ("keyword", "#include"),
        ("keyword", "int"),
        ("name", "main"),
        ("keyword", "void"),
        ("comment", "/* hm */"),
        ("keyword", "return"),
        ("name", "printf"),
        ("string", '"%d"'),
        ("number", "0x1F"),
    ]


def test_every_language_has_a_lexer() -> None:
    code = 'key: 12 # d\nif (x == 1) { return "a"; } // c\n<a b="c">'
    assert [alias for alias in ALIASES if not set(highlighted(code, alias)[::2]) - {""}] == []


def test_what_is_not_known_or_no_code_has_no_colours() -> None:
    assert highlighted("def f(): pass", "klingon") == []
    assert highlighted("def f(): pass\n" * (MAX_CODE // 10), "py") == []
    assert highlighted("def" + " " * 60 + "f(): pass", "py") == []
    assert highlighted("x = '" + "a" * 200 + "'", "py") == []
    assert len(highlighted("a=1;" + " a=1;" * 400, "js")) <= 2 * MAX_TOKENS


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_no_text_is_slow(language: str) -> None:
    """Those that were left out took half a second and more; these take a few milliseconds on an idle machine."""
    chance = random.Random(language)
    highlighted("a", LANGUAGES[language][0])
    texts = [
        _filled(chance, units) for units in [[unit] for unit in UNITS] + [chance.sample(UNITS, 3) for _ in range(20)]
    ]
    slowest = min(max(_cost(text, language) for text in texts) for _ in range(2))
    assert slowest < 0.15, "seconds of the processor"


def _filled(chance: random.Random, units: list[str]) -> str:
    text = "".join(chance.choices(units, k=MAX_CODE))[:MAX_CODE]
    blank = chance.choice(" \n")
    return re.sub(r"(\s{45})(?=\s)", r"\1a", re.sub(r"(\S{150})(?=\S)", rf"\1{blank}", text))[:MAX_CODE]


def _cost(code: str, language: str) -> float:
    with measured() as spent:
        highlighted(code, LANGUAGES[language][0])
    return spent.seconds
