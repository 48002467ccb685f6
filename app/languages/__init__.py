"""The sentences of pages and answers in the reader's language.

A sentence stands in the code in English, which is also its key. Its translations are in gettext catalogues, one for
each language (`de.po`), which Babel reads. Places for values are named: `{who}`. What counts has all the forms that the
language has (CLDR). `make languages` brings the catalogues up to date (tests/languages.py); docs/contributing.md says
how a language is added.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.pofile import read_po
from babel.plural import PluralRule

from app.model import Sentence

ENGLISH = "en"
LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "ar": "العربية",
}  # as each calls itself
RIGHT_TO_LEFT = frozenset({"ar"})
FOLDER = Path(__file__).parent
_PLACE = re.compile(r"#?\{(\w+)\}")
_QUANTITIES = re.compile(r"\{(\w+)\} (?:[kKMG]?B|m?s|min|h)(?![a-z])")
FORMS = ("zero", "one", "two", "few", "many", "other")  # of a word that counts, in CLDR's order


def direction(language: str) -> str:
    """Of its writing, as HTML has it."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def translate(language: str, text: str, values: Mapping[str, Any] | None = None) -> str:
    """The sentence with this key, with its values in their places. English where it has no translation. A value that
    is itself a Sentence is translated, too."""
    return _filled(language, pattern(language, text), values or {})


def ntranslate(language: str, one: str, other: str, n: int, values: Mapping[str, Any] | None = None) -> str:
    """A sentence that counts, in the form that fits `n`, which is one of its values."""
    return _filled(language, pattern(language, one, other, n), {"n": n, **(values or {})})


def pattern(language: str, one: str, other: str = "", n: int | None = None) -> str:
    """A sentence's translation, with its places. `other` and `n` where it counts: in the form that fits. A number
    stands in one line with its unit (U+00A0), as in static/js/language.js."""
    text = _form(language, one, n) or (other if n is not None and n != 1 else one)
    for name in _QUANTITIES.findall(other or one):
        text = text.replace(f"{{{name}}} ", f"{{{name}}}\u00a0")
    return text


def translated(language: str, text: str) -> str:
    """A sentence from anywhere: a Sentence, or words that are their own key."""
    if not isinstance(text, Sentence):
        return translate(language, text)
    if text.other:
        return ntranslate(language, text.pattern, text.other, text.values["n"], text.values)
    return translate(language, text.pattern, text.values)


def answer_in(language: str, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of the gate, with its sentence in this language."""
    if answer["ok"] or language == ENGLISH:
        return answer
    return answer | {"text": translated(language, answer["text"])}


@cache
def forms(language: str) -> list[str]:
    """The plural forms that the language has, in the order in which its catalogue lists them."""
    tags = {*_plural_form(language).tags, "other"}
    return [form for form in FORMS if form in tags]


def _form(language: str, key: str, n: int | None) -> str:
    """Empty where there is no translation."""
    found = _words(language).get(key, "") if language != ENGLISH else ""
    if isinstance(found, str):
        return found
    number = forms(language).index(_plural_form(language)(1 if n is None else n))
    return found[number] if number < len(found) else ""


def isolated(language: str, text: str, values: Mapping[str, Any]) -> str:
    """The pattern of a sentence whose values keep their own direction in a line from right to left (U+2068, U+2069): a
    name, an address, a room with its sign. As static/js/language.js does."""
    if language not in RIGHT_TO_LEFT:
        return text
    return _PLACE.sub(lambda place: f"\u2068{place[0]}\u2069" if _is_words(values.get(place[1])) else place[0], text)


def _is_words(value: Any) -> bool:
    """Not what is in the language of the sentence, nor an element that isolates itself."""
    return type(value) is str


def _filled(language: str, text: str, values: Mapping[str, Any]) -> str:
    if not values:
        return text
    return isolated(language, text, values).format(**{name: _value(language, value) for name, value in values.items()})


def _value(language: str, value: Any) -> Any:
    return translated(language, value) if isinstance(value, Sentence) else value


@cache
def _words(language: str) -> dict[str, str | tuple[str, ...]]:
    """Translations by the English sentence; of what counts, the forms by that of one."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    found = ((one.id, one.string or "") for one in catalogue if one.id)
    return {_first(id): said if isinstance(said, str) else tuple(said) for id, said in found}


def read_all() -> None:
    """All catalogues. It takes 50 ms, so a server does it in a thread, before somebody wants the first of them."""
    for language in LANGUAGES:
        if language != ENGLISH:
            _words(language)
            forms(language)


def _first(id: str | tuple[str, ...] | list[str]) -> str:
    return id if isinstance(id, str) else id[0]


def _plural_form(language: str) -> PluralRule:
    return Locale.parse(language).plural_form
