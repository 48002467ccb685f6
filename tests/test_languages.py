"""Every sentence in every language: what the code says, what the catalogues know, and what the browser gets of it."""

from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from app.languages import forms, ntranslate, translate, translated
from app.model import Refused, Sentence, counted
from tests import languages


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
