"""Names by what can be seen of them: which are refused, which are the same, which are nobody's, and what is told."""

import sqlite3
import sys
import unicodedata
from pathlib import Path

import pytest
import regex

from app.chat import Chat, doors, names, people
from app.chat.doors import Ending
from app.chat.visible import is_blank
from app.model import Connection, Refused
from app.store import queries
from tests.chat.conftest import Ask, arrives
from tests.conftest import Start

PHRASE = "correct horse battery"
IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
NOTHING = {
    "braille blank": "\u2800",
    "null notehead": "\U0001d159",
    "object replacement": "\ufffc",
    "khitan filler": "\U00016fe4",
    "egyptian full blank": "\U00013441",
    "hangul filler": "\u3164",
    "hangul choseong filler": "\u115f",
    "halfwidth hangul filler": "\uffa0",
    "khmer inherent vowel": "\u17b4",
    "mongolian vowel separator": "\u180e",
    "soft hyphen": "\u00ad",
    "zero width space": "\u200b",
    "joiner": "\u200d",
    "non-joiner": "\u200c",
    "word joiner": "\u2060",
    "invisible plus": "\u2064",
    "byte order mark": "\ufeff",
    "right-to-left override": "\u202e",
    "right-to-left mark": "\u200f",
    "isolate": "\u2068",
    "grapheme joiner": "\u034f",
    "variation selector": "\ufe0f",
    "variation selector 17": "\U000e0100",
    "tag": "\U000e0041",
    "musical begin beam": "\U0001d173",
    "shorthand format": "\U0001bca0",
    "interlinear anchor": "\ufff9",
    "en quad": "\u2000",
    "ideographic space": "\u3000",
    "ogham space": "\u1680",
    "line separator": "\u2028",
}


def is_refused(name: str, site: str = "Parlor") -> bool:
    try:
        names.bearable(names.nickname(name), site)
    except Refused as refusal:
        assert refusal.code == "bad_nickname"
        return True
    return False


def same(one: str, other: str) -> bool:
    return not set(names.skeletons(one)).isdisjoint(names.skeletons(other))


@pytest.mark.parametrize("blank", NOTHING.values(), ids=NOTHING.keys())
def test_what_cannot_be_seen_is_no_name_and_makes_no_other(blank: str) -> None:
    assert is_blank(blank)
    assert is_refused(blank) and is_refused(blank * 2) and is_refused(f" {blank}\u2800")
    for name in ("Ann", "Paul Smith"):
        for other in (f"{name}{blank}", f"{blank}{name}", f"{name[:2]}{blank}{name[2:]}"):
            assert same(name, other)
            assert is_refused(other) or same(name, names.nickname(other))
    assert same("Paul Smith", f"Paul{blank}Smith")


def test_no_ignorable_character_of_unicode_makes_another_name() -> None:
    chars = [char for char in map(chr, range(sys.maxunicode + 1)) if IGNORABLE.match(char)]
    assert len(chars) > 4_000
    assert [char for char in chars if not is_blank(char) or not same("Admin", f"Admin{char}")] == []


SAME = [
    ("Admin", "Admin'"),
    ("Admin", "Admin’"),
    ("Admin", "‘Admin’"),
    ("Admin", '"Admin"'),
    ("Admin", "Adminʼ"),
    ("Admin", "Admin´"),
    ("Admin", "Admin`"),
    ("Admin", "Admin."),
    ("Admin", "Ad·min"),
    ("Admin", "Admin。"),
    ("Admin", "Admin,"),
    ("Admin", "Admin…"),
    ("Admin", "Admi\u0274"),
    ("Admin", "ᴀᴅᴍɪɴ"),
    ("Admin", "Aᵈmin"),
    ("Admin", "ＡＤＭＩＮ"),
    ("Admin", "𝐀𝐝𝐦𝐢𝐧"),
    ("Admin", "Ⓐdmin"),
    ("Admin", "🅐dmin"),
    ("Admin", "🅰dmin"),
    *(("Admin", f"A{chr(overlay)}dmin") for overlay in range(0x334, 0x339)),
    ("Admin", "Ádmin"),
    ("Admin", "Admin\u0323"),
    ("Admin", "A\u20dddmin"),
    ("Admin", "Ann\u1039".replace("Ann", "Admin")),
    ("Admin", "Admin\u0e31"),
    ("Admin", "A d m i n"),
    ("O'Neil", "ONeil"),
    ("J.R.", "JR"),
    ("Søren", "Soren"),
    ("Łukasz", "Lukasz"),
    ("José", "Jose"),
    ("👩‍💻 Kim", "👩💻 Kim"),
    ("🏳️‍🌈", "🏳🌈"),
    ("مُحَمَّد", "محمد"),
    ("gʀᴇᴇn", "green"),
    # small capitals as Cyrillic and Greek letters have them, and two strokes for a wide letter
    ("Bob", "вob"),
    ("kevin", "кevin"),
    ("тom", "Tom"),
    ("hanna", "наnnа"),
    ("mama", "мaмa"),
    ("will", "vvill"),
    ("ƒred", "fred"),
    ("🇦dmin", "Admin"),
    # what is written from the right: other letters, digits, forms and keyboards
    ("علي", "علی"),
    ("کریم", "كريم"),
    ("ميلاد", "میلاد"),
    ("شهباز", "شہباز"),
    ("ندیم", "ندیم\u200c"),
    ("يوسف١", "یوسف۱"),
    ("Admin1", "Admin١"),
    ("Admin1", "Admin۱"),
    ("Admin", "Admin٠"),
    ("hello", "heااo"),
    ("שלום", "שלוםּ"),
    ("ייִדיש", "ײִדיש"),
    ("پارسا", "ٮۛارسا"),
    ("Ann1", "Annו"),
    ("ߊli", "lli"),
    ("ʿAlī", "ՙAli"),
    # dots below, marks that lie on each other, marks in another order, and letters made of two others
    ("क़ासिम", "कासिम"),
    ("গড়", "গড"),
    ("กี", "กีี"),
    ("นี้", "น้ี"),
    ("แม่", "เเม่"),
    ("ನದರ", "నదర"),
    # dashes and accents
    *(("Jean-Luc", f"Jean{dash}Luc") for dash in "‐‑‒–—―−－﹣⁃ー"),
    ("Ann~", "Ann〜"),
    ("O'Neil", "O´Neil"),
    ("Ann❤️", "Ann♥"),
    ("Ann॰", "Ann"),
    # dots and commas of other scripts
    *(("Admin", f"Admin{dot}") for dot in "։؞܁܂܃߸་፡፣᠂᠃⁘⳾꘍꛳꛵︰𐄁𐩐𐫵𐽈𑁉𑑍𑗄𑩁𑪚𑱃𑽉𖫵𛲟"),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=[f"{n}" for n in range(len(SAME))])
def test_doubles_that_nobody_can_tell_apart_are_one_name(one: str, other: str) -> None:
    assert same(one, other)


def test_marks_that_make_other_letters_make_other_names() -> None:
    different = [
        "राम",
        "रमा",
        "रीम",
        "かき",
        "がき",
        "かぎ",
        "パパ",
        "ハハ",
        "กา",
        "กี",
        "ക്ഷമ",
        "കഷമ",
        "👍🏽",
        "👍",
        "Jean-Luc",
        "JeanLuc",
        "Admin",
        "Admin!",
        "سارا",
        "شارا",
        "تامر",
        "ثامر",
        "علي١",
        "علي١٠",
        "علي",
        "ירון",
        "רון",
        "יעל",
        "על",
        "ใหม่",
        "ไหม",
        "🇩🇪",
        "De",
        "Ann²",
    ]
    looks = [look for name in different for look in names.skeletons(name)]
    assert len(set(looks)) == len(looks)


BEARABLE = [
    "李娜",
    "نگار",
    "Zoë",
    "O'Neil",
    "J.R.",
    "👩‍💻 Kim",
    "🏳️‍🌈",
    "ക്ഷമ",
    "Jean-Luc",
    "Admin",
    "Ali",
    "ALI",
    "👨‍👩‍👧‍👦",
    "🕵🏽‍♀️ Sam",
    "🐈‍⬛",
    "👍🏽",
    "🇩🇪",
    "1️⃣",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "क्‍ष",
    "Nguyễn",
    "שָׁלוֹם",
    "བསྒྲུབས",
    "a\u0301\u0301",
    "Yousef",
    "Heredia",
    "Allison",
    "Systema",
    "卡尔·马克思",
    "古力娜扎·拜合提亚尔",
    "Gal·la",
    "レオナルド・ダ",
    "ג׳ורג׳",
    "נתניהו",
    "می\u200cخواهم",
    "Ọláyínká",
    "Seán Ó Briain",
    "ʻOkina",
    "Q'eqchi'",
    "김 철수",
    "བསྟན་འཛིན",
    "አዲስ",
    "*️⃣",
    "#️⃣",
    "ツ",
]


@pytest.mark.parametrize("name", BEARABLE, ids=[f"{n}" for n in range(len(BEARABLE))])
def test_names_of_many_peoples_and_emoji_of_several_parts_are_let_in_as_typed(name: str) -> None:
    assert names.bearable(names.nickname(name), "Parlor") == unicodedata.normalize("NFKC", name)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("O´Neil", "O´Neil"),
        ("¯\\_(ツ)_/¯", "¯\\_(ツ)_/¯"),
        ("\u0301Ann", "Ann"),
        (" \u20e3 Ann", "Ann"),
        ("\u0e31ก", "ก"),
    ],
)
def test_an_accent_that_stands_alone_stays_and_a_mark_on_no_letter_goes(name: str, kept: str) -> None:
    assert names.nickname(name) == kept == names.nickname(kept)


@pytest.mark.parametrize(
    "name",
    [
        "·a",
        "a··b",
        "\u20e3",
        "a\u200db",
        "\u200d",
        "👩\u200d",
        "Kim\u200d💻",
        "Z" + "\u0301" * 4,
        "Z\u0338\u0337\u0336\u0335",
        "´`",
        "^^",
        "…",
        "'",
    ],
)
def test_joiners_elsewhere_heaps_of_marks_and_mere_dots_are_refused(name: str) -> None:
    assert is_refused(name)


@pytest.mark.parametrize(
    "name",
    [
        "system",
        "everyone",
        "You",
        "HERE",
        "all",
        "All",
        "Channel",
        "Parlor",
        "PARLOR",
        "P a r l o r",
        "s.y.s.t.e.m",
        "ѕystem",
        "sʏsᴛᴇᴍ",
        "@everyone",
        "#channel",
        "(you)",
        "*system*",
        "héré",
        "Y0U",
        "aIl",
        "Pаrlor",
        "you\u2800",
        "|you|",
        "🇾ou",
        "неre",
        "»all«",
    ],
)
def test_what_means_the_site_or_everybody_is_nobody_s(name: str) -> None:
    assert is_refused(name)


def test_the_site_s_own_name_is_nobody_s_whatever_it_is() -> None:
    assert is_refused("Бесѣда", "Бесѣда") and is_refused("бесѣда", "Бесѣда")
    assert is_refused("bookclub", "Book Club") and not is_refused("Parlor", "Book Club")
    assert not is_refused("Ann", "💬") and is_refused("💬", "💬")


async def test_nobody_s_names_are_refused_on_every_way_and_passed_over_at_the_door(chat: Chat, ask: Ask) -> None:
    person = await arrives(chat, "socket", "Everyone")
    assert person.person.nickname.startswith("guest-")
    for answer in (await ask(person, "rename", nickname="@here"), await ask(person, "join", room="a", nickname="You")):
        assert answer["error"] == "bad_nickname"
        assert "nobody's name" in answer["text"]


async def test_who_bears_such_a_name_already_keeps_it_and_cannot_reserve_it(start_server: Start) -> None:
    first = await start_server(site="Another")
    token = first.chat.tokens.new()
    await arrives(first.chat, "socket", "Parlor", token)
    await first.stop()
    chat = (await start_server()).chat
    again = await arrives(chat, "socket", "Parlor", token)
    assert again.person.nickname == "Parlor"
    await people.rename(chat, again, nickname="Parlor")
    with pytest.raises(Refused, match="nobody's name"):
        await people.reserve(chat, again, passphrase=PHRASE)


async def test_it_is_told_whether_a_name_is_borne_here_kept_or_reserved(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await ask(bob, "rename", nickname="alice")
    assert here["text"] == "Somebody here is called “alice”. Please choose another name, for example alice2."
    assert (here["holder"], here["suggestion"]) == ("here", "alice2")
    nearly = await ask(bob, "join", room="lobby", nickname="Alice")
    assert nearly["text"].startswith("Somebody here is called “alice”, and “Alice” looks like it.")

    await doors.depart(chat, alice, Ending.DELIBERATE)
    left_at = queries.now()
    monkeypatch.setattr("app.store.queries.people.now", lambda: left_at + 30 * 60_000)
    away = await ask(bob, "rename", nickname="alice")
    assert away["text"] == (
        "“alice” is kept for somebody who left 30 min ago, for 24 hours more. If that was you, come back in the "
        "browser that you used; otherwise choose another name, for example alice2."
    )
    assert away["holder"] == "away"
    assert away["until"].endswith("Z")

    monkeypatch.undo()
    again = await arrives(chat, "another socket", "carol")
    await people.reserve(chat, again, passphrase=PHRASE)
    for _ in range(2):  # here or away: it is reserved
        reserved = await ask(bob, "rename", nickname="Carol")
        assert reserved["text"].startswith("“Carol” looks like “carol”, which is reserved. If it is yours, identify")
        assert (reserved["holder"], reserved["reserved"]) == ("reserved", True)
        await doors.depart(chat, again, Ending.DELIBERATE)


@pytest.mark.sqlite
async def test_another_rule_for_names_takes_nobody_s_name_and_compares_all_of_them(
    start_server: Start, tmp_path: Path
) -> None:
    """Two that were different and look the same now keep their names; while one of them bears it, nobody else can."""
    first = await start_server()
    tokens = {name: first.chat.tokens.new() for name in ("Ann", "Bob", "Zoe")}
    ids = {name: (await arrives(first.chat, name, name, token)).person.id for name, token in tokens.items()}
    await first.stop()
    with sqlite3.connect(tmp_path / "data" / "parlor.db") as db:  # as an older rule had it
        db.execute("DELETE FROM rules")
        db.execute("UPDATE people SET nickname = 'Ánn' WHERE id = ?", (ids["Bob"],))
        db.execute("UPDATE skeletons SET skeleton = 'ánn' WHERE person = ?", (ids["Bob"],))

    chat = (await start_server(nickname_hold=0)).chat
    one = await doors.arrive(chat, "one", [tokens["Ann"]], "Ann")
    other = await doors.arrive(chat, "other", [tokens["Bob"]], "Ánn")
    third = await doors.arrive(chat, "third", [tokens["Zoe"]], "Zoe")
    assert [one.person.nickname for one in (one, other, third)] == ["Ann", "Ánn", "Zoe"]
    for gone in (one, other):
        with pytest.raises(Refused, match="nn”"):
            await people.take(chat, third, "ANN")
        await people.take(chat, gone, f"somebody {gone.id}")
    await people.take(chat, third, "ANN")
    assert await chat.store.read(queries.rule, "skeletons") == names.RULE
