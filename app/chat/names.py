"""Nicknames: what may be one, and which two nobody can tell apart."""

import re
import secrets
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

import regex
from confusable_homoglyphs import __version__ as _confusables_version
from confusable_homoglyphs.confusables import confusables_data
from precis_i18n import get_profile

from app.chat.emoji import PART, REGION
from app.chat.visible import with_plain_blanks, without_unseen
from app.model import LIMITS, Refused, Sentence
from app.store import queries

RULE = f"4 {unicodedata.unidata_version} {regex.__version__} {_confusables_version}"  # by which skeletons are made
MAX_MARKS = 3  # on one letter
MAX_WISH = 16 * LIMITS.nickname  # code points as typed, before they are looked at one by one
MAX_NAME = 8 * LIMITS.nickname  # code points of a nickname: an emoji of a family has seven

# Mistaken for the site itself or for everybody; its own name joins them.
NOBODYS = ("system", "everyone", "here", "you", "all", "channel")

_PLAIN = re.compile(r"[a-z0-9-]+", re.ASCII)
_STYLES = str.maketrans(dict.fromkeys("\ufe0e\ufe0f"))  # an emoji as text or in colour: RFC 8266 knows no such thing
_PART = rf"{PART}\ufe0f?"
# RFC 8266 has no joiners. These are emoji of several parts (UTS 51): joined ones, flags of regions, keycaps. And it has
# a middle dot between two l alone, as Catalan; in Chinese it stands between the parts of names from elsewhere. Of an
# accent that stands alone NFKC makes a blank and a mark: O´Neil has neither.
_KEYCAP = r"[0-9#*]\ufe0f?\u20e3"
_AS_TYPED = regex.compile(
    rf"{_PART}(?:\u200d{_PART})+|{REGION}|{_KEYCAP}"
    r"|(?<=[\p{L}\p{M}\p{N}])\u00b7(?=[\p{L}\p{N}])"
    r"|[\u00a8\u00af\u00b4\u00b8\u02d8-\u02dd\u0384\u0385\u2017\u203e\u309b\u309c]"
)
_LEADING_MARKS = regex.compile(r"^[\p{M}\s]+")  # on no letter: they would sit on what stands before the name
_TOO_MANY_MARKS = regex.compile(rf"(?:[\p{{Mn}}\p{{Me}}]\p{{Mc}}*){{{MAX_MARKS + 1}}}")

_STROKES = str.maketrans({"i": "l", "1": "l", "|": "l"})  # one stroke is as good as another
# Apostrophes, quotation marks, accents that stand alone, dots and commas of all scripts: too small to tell two names
# apart.
_SMALL = regex.compile(
    r"[\p{Quotation_Mark}'`\u00b0\u02b9-\u02df\u02e5-\u02ff\u2032-\u2037\u055a-\u055f\u05f3\u05f4\ua78b\ua78c\u0640"
    r".,:;\u00b7\u0387\u060c\u061b\u066b\u066c\u06d4\u2022\u2024-\u2027\u2219\u22c5\u2e31-\u2e35\u2e41"
    r"\u3001\u3002\u30fb\ufe10-\ufe14\ufe45\ufe46\ufe50-\ufe55"
    r"\u0559\u0589\u061e\u0674\u0701-\u0709\u07f8\u0970\u0971\u09fd\u0a76\u0af0\u0f0b\u0f0c\u1361-\u1366\u1802-\u1804"
    r"\u1808\u1809\u2056\u2058-\u205e"
    r"\u2cfe\u2e49\u2e4c\ua60d\ua60e\ua6f3-\ua6f6\ufe30\U00010101\U0001091f\U00010a50\U00010af4\U00010af5"
    r"\U00010b3a-\U00010b3d\U00010f88\U00010f89\U00011049\U0001104a\U0001123a\U0001144d\U0001145a\U000115c4"
    r"\U00011a41\U00011a44\U00011a9a\U00011c43\U00011f49-\U00011f4b\U00016af5\U00016e97\U00016e98\U0001bc9f]"
    r"|(?!\p{Emoji_Modifier})\p{Sk}"
)
_OPTIONAL_MARKS = {"HEBREW", "ARABIC", "SYRIAC", "SAMARITAN"}  # scripts that are mostly written without them
_VOICED = {"\u3099", "\u309a"}  # of kana, which makes other syllables
_OF_LETTERS = {"\u06db", "\u0615"}  # dots and the small tah, which make other letters of Arabic ones
_NUKTA = regex.compile(r"\p{InSC=Nukta}")  # a dot below, often left out
_ZEROS = regex.compile(r"(?<![\p{Arabic}٠-٩])[٠۰]+(?![\p{Arabic}٠-٩])")  # away from Arabic writing they are dots
_LONE_INDICATOR = regex.compile(r"(?<!\p{RI})\p{RI}(?!\p{RI})")  # a letter in a box; two are a flag
_LTR = "\u200e"
_NO_SIGNS = "י٠۰"  # letters and digits that look like an apostrophe or a dot: without them words would be others
# What confusables.txt has had since the version of the package's data, of what people write, and what it leaves out:
# two strokes of any length, two yods as one character.
_SINCE = {
    **dict(zip("३૩ւƒþƿϸ০୦०០೦ӏŋ", "33ifpppooooOln", strict=True)),
    **dict(zip("ⲂⲎⲒⲔⲘⲚⲞⲢⲤⲦⲨⲬⲌⲀⲈⲓⲃⲏⲛⲧⲙⲩⲡϭ", "BHIKMNOPCTYXZAEibhntmyπo", strict=True)),
    **dict(zip("ಐಗಝಟದನರಳಿುೃ", "ఐగఝటదనరళిుృ", strict=True)),
    **dict(zip("ー〜│❤✔ᴪꭥ", "-~l♥✓ψω", strict=True)),
    **dict(zip(("ײ", "ױ", "ڏ", "ݒ"), ("יי", "וי", "دۛ", "ىۛ"), strict=True)),
}
_OUTER = regex.compile(r"^[\p{P}\p{S}]+|[\p{P}\p{S}]+$")

_profile = get_profile("NicknameCasePreserved")


def nickname(wish: str) -> str:
    """The nickname as RFC 8266 has it: blanks folded, NFKC, 1 to 32 graphemes; with emoji of several parts. Raises
    `bad_nickname`."""
    if len(wish) > MAX_WISH:
        raise _too_long()
    try:
        name = str(_LEADING_MARKS.sub("", _enforced(with_plain_blanks(wish))))
    except (UnicodeError, ValueError):
        text = Sentence("A nickname has letters, digits and symbols, but no control, joining or invisible characters.")
        raise Refused("bad_nickname", text) from None
    if not any(unicodedata.category(char)[0] in "LNS" or char == "\u20e3" for char in name):
        raise Refused("bad_nickname", "A nickname has at least one letter, digit or symbol that can be seen.")
    if len(name) > MAX_NAME or len(regex.findall(r"\X", name)) > LIMITS.nickname:
        raise _too_long()
    if _TOO_MANY_MARKS.search(unicodedata.normalize("NFD", name)):
        raise Refused("bad_nickname", Sentence("A letter of a nickname bears {most} marks at most.", most=MAX_MARKS))
    if not all(skeletons(name)):
        raise Refused("bad_nickname", "A nickname is more than dots, accents and quotation marks.")
    return name


def _too_long() -> Refused:
    return Refused("bad_nickname", Sentence("A nickname has {limit} characters at most.", limit=LIMITS.nickname))


def _enforced(wish: str) -> str:
    """As the profile has it. Meanwhile a letter stands for each emoji of several parts and what else stays."""
    parts = [found[0] for found in _AS_TYPED.finditer(wish)]
    if not parts:
        plain: str = _profile.enforce(wish.translate(_STYLES))
        return plain
    stand_in = next(char for char in map(chr, range(0x4E00, 0x9FFF)) if char not in wish)
    first, *others = _profile.enforce(_AS_TYPED.sub(stand_in, wish).translate(_STYLES)).split(stand_in)
    return first + "".join(one for pair in zip(parts, others, strict=True) for one in pair)


def named(name: str) -> queries.Name:
    return name, skeletons(name)


def guests() -> Iterator[queries.Name]:
    """Short, and longer ones in case that one is taken: among some thousands of guests two look alike."""
    yield from (guest(size) for size in (3, 3, 6, 12))


def guest(size: int = 3) -> queries.Name:
    return named(f"guest-{secrets.token_hex(size)}")


def spare(name: str, site: str) -> Iterator[queries.Name]:
    """Names like the one that is taken."""
    stem = regex.match(rf"\X{{1,{LIMITS.nickname - 5}}}", name)[0]
    stem = stem.rstrip("0123456789 ") or stem
    numbers = (*range(2, 10), secrets.randbelow(9000) + 1000)
    yield from (named(one) for number in numbers if not is_nobodys(one := f"{stem}{number}", site))


# --- which two look the same ---


def skeletons(name: str) -> tuple[str, ...]:
    """What a nickname looks like: two that share one of these cannot be told apart (UTS 39, 4). Of the name as it is
    written and of the case-folded one: capitals have other look-alikes than small letters.

    Beyond UTS 39: what cannot be seen counts for nothing, nor do blanks, marks and overlays, apostrophes and dots; a
    small capital is its letter. Marks count in scripts that write their vowels with them."""
    if _PLAIN.fullmatch(name):  # as every guest's: there is nothing to fold or to leave out
        return (_folded("".join(map(_prototype, name))),)
    return tuple(sorted({_skeleton(name), _skeleton(unicodedata.normalize("NFKC", name).casefold())}))


def _skeleton(text: str) -> str:
    return unicodedata.normalize("NFD", _folded(_shape(text)))


def _folded(look: str) -> str:
    return look.casefold().translate(_STROKES).replace("vv", "w")


def _shape(text: str) -> str:
    """The text in the characters that stand for its own, in the case in which it is written."""
    seen = _ZEROS.sub("", without_unseen(unicodedata.normalize("NFKC", text)))
    seen = _LONE_INDICATOR.sub(lambda found: chr(ord(found[0]) - 0x1F1E6 + ord("A")), seen)
    return "".join(map(_look, _without_marks(unicodedata.normalize("NFD", seen))))


@cache
def _look(char: str) -> str:
    """What stands for a character, without the marks and the small signs that are part of it."""
    look = unicodedata.normalize("NFD", without_unseen(_prototype(char)))
    return str(_SMALL.sub("", look if unicodedata.category(char)[0] == "M" else _without_marks(look)))


def _without_marks(text: str) -> str:
    """Without the marks that are laid over letters of any script; a script's own vowel signs stay, in one order, and
    none twice at the same place."""
    kept: list[str] = []
    base, at = "", 0  # the letter, and where its marks begin
    for char in text:
        if unicodedata.category(char)[0] != "M":
            kept[at:] = [*sorted(kept[at:]), char]
            base, at = char, len(kept)
        elif _belongs(char, base) and not (unicodedata.category(char) == "Mn" and char in kept[at:]):
            kept.append(char)
    return "".join([*kept[:at], *sorted(kept[at:])])


@lru_cache(10_000)
def _belongs(mark: str, base: str) -> bool:
    if not base or _NUKTA.match(mark):
        return False
    if mark in _VOICED:
        return _script(base) in ("HIRAGANA", "KATAKANA")
    if mark in _OF_LETTERS:
        return _script(base) == "ARABIC"
    return _script(mark) == _script(base) not in _OPTIONAL_MARKS


def _script(char: str) -> str:
    """The first word of its name, which is that of the script."""
    return unicodedata.name(char, "").partition(" ")[0]


def _prototypes() -> dict[str, str]:
    """Of each source its prototype. The data names for a source its one prototype, and for a prototype all its sources;
    of a pair that names each other, the smaller stands for both. It puts marks of direction around what is written from
    the right; they belong to no character."""
    alike: dict[str, set[str]] = {}
    for source, entries in confusables_data.items():
        alike.setdefault(source.strip(_LTR), set()).update(entry["c"].strip(_LTR) for entry in entries)
    found = {}
    for source, others in alike.items():
        if len(source) > 1 or len(others) > 1 or source in _NO_SIGNS:
            continue
        (other,) = others
        if len(alike[other]) > 1 or len(other) > 1 or other < source:
            found[source] = other
    found.update(_SINCE)
    for source, other in list(found.items()):  # what looks like a small capital looks like its letter
        if (letter := _plain_letter(source)) and len(other) == 1 and other not in found and letter != other:
            found[other] = letter
    return found


@cache
def _prototype(char: str) -> str:
    """The look-alikes that stand for a character."""
    other = _plain_letter(char) or _PROTOTYPE_OF.get(char, char)
    return other if other == char else "".join(map(_prototype, other))


_CAPITAL = re.compile(
    r"LATIN LETTER SMALL CAPITAL (\w+)|"
    r"(?:NEGATIVE (?:CIRCLED|SQUARED)|CROSSED NEGATIVE SQUARED) LATIN CAPITAL LETTER ([A-Z])|"
    r"MODIFIER LETTER SMALL CAPITAL ([A-Z])"
)


def _plain_letter(char: str) -> str:
    """The small letter of a Latin small capital, and of a letter that stands in a disc or a square; empty for all
    others. The look-alikes of Greek and Cyrillic ones are in the data."""
    found = _CAPITAL.fullmatch(unicodedata.name(char, ""))
    try:
        return unicodedata.lookup(f"LATIN SMALL LETTER {found[1] or found[2] or found[3]}") if found else ""
    except KeyError:
        return ""


_PROTOTYPE_OF = _prototypes()


# --- names that are nobody's ---


def bearable(name: str, site: str) -> str:
    """The name, if somebody may bear it. Raises `bad_nickname`."""
    if is_nobodys(name, site):
        text = Sentence(
            "“{name}” is nobody's name here: it would be mistaken for the site or for everybody. Choose another.",
            name=name,
        )
        raise Refused("bad_nickname", text)
    return name


def is_nobodys(name: str, site: str) -> bool:
    """Does it look like a word that means the site or everybody, with or without signs around it? More strictly than
    `skeletons`, to which Ali and all are the same."""
    return not _shapes(name).isdisjoint(_nobodys(site))


@lru_cache(16)
def _nobodys(site: str) -> frozenset[str]:
    words = [form for word in (*NOBODYS, site) for form in (word, word.title(), word.upper())]
    return frozenset().union(*map(_shapes, words))


def _shapes(text: str) -> set[str]:
    """As it is written and in small letters, with and without what stands around it."""
    plain = unicodedata.normalize("NFKC", text)
    bare = _OUTER.sub("", plain)  # a stroke looks like a letter
    shapes = {_shape(plain), _shape(bare), _shape(plain.casefold()).casefold(), _shape(bare.casefold()).casefold()}
    return (shapes | {_OUTER.sub("", one) for one in shapes}) - {""}
