"""What an HTML page says of itself: its title and description, as it has them for those who show links to it (Open
Graph, https://ogp.me), or for everybody. The page may be anything at all: what cannot be read says nothing.
"""

import codecs
import re
import unicodedata
from html.parser import HTMLParser

MAX_TITLE, MAX_DESCRIPTION, MAX_SITE = 200, 300, 60  # characters
MAX_HEAD = 1 << 20  # bytes that are looked at
PIECE = 1 << 16  # characters that are parsed at a time
MAX_TAG = 1 << 15  # characters of one tag or comment that does not end; behind it nothing is read
PRESCAN = 2_048  # bytes in which a page names its encoding (WHATWG HTML, 13.2.3.2, has it in 1,024)

TITLES = ("og:title", "twitter:title", "title")
DESCRIPTIONS = ("og:description", "twitter:description", "description")
SITES = ("og:site_name", "application-name")
WANTED = frozenset((*TITLES, *DESCRIPTIONS, *SITES)) - {"title"}

_META_CHARSET = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# The encodings of the web (WHATWG Encoding), as Python calls those that it calls otherwise.
_AS_ON_THE_WEB = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-16": "utf-16-le",
}
_LABELS = {"x-sjis": "cp932", "windows-31j": "cp932", "x-gbk": "gb18030", "windows-874": "cp874", "x-euc-jp": "euc_jp"}
_ON_THE_WEB = re.compile(
    r"utf-8|utf-16-[lb]e|cp125\d|cp874|cp866|cp932|cp949|iso8859-\d+|koi8-[ru]|mac-roman|mac-cyrillic"
    r"|gb18030|big5|euc_jp|iso2022_jp"
)


def words_of(page: bytes, charset: str | None = None) -> dict[str, str] | None:
    """`{title, description?, site?}` of the beginning of a page; None where it has no title. charset: as the answer
    named it."""
    found = _Head()
    found.read(decoded(page[:MAX_HEAD], charset))
    title = _first(found.words, TITLES, MAX_TITLE)
    if not title:
        return None
    description = _first(found.words, DESCRIPTIONS, MAX_DESCRIPTION)
    more = {"description": "" if description == title else description, "site": _first(found.words, SITES, MAX_SITE)}
    return {"title": title} | {name: text for name, text in more.items() if text}


def decoded(page: bytes, charset: str | None = None) -> str:
    """By its mark of the byte order, the answer's charset, the page's own, or as UTF-8. What does not fit is
    replaced."""
    for bom, name in _BOMS:
        if page.startswith(bom):
            return page[len(bom) :].decode(name, "replace")
    own = _META_CHARSET.search(page[:PRESCAN])
    named = _known(own[1].decode("ascii")) if own else None
    if named and named.startswith("utf-16"):  # what says so in ASCII is not
        named = "utf-8"
    return page.decode((_known(charset) if charset else None) or named or "utf-8", "replace")


def _known(label: str) -> str | None:
    """An encoding of the web; Python has others, of which some are no encodings of text."""
    label = label.strip().strip("\"'").lower()
    try:
        name = _LABELS.get(label) or codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _AS_ON_THE_WEB.get(name, name)
    return name if _ON_THE_WEB.fullmatch(name) else None


class _Head(HTMLParser):
    """The words of a page's head."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: dict[str, str] = {}
        self.is_over = False
        self._title: list[str] | None = None
        self._within_svg = 0

    def read(self, text: str) -> None:
        """In pieces, up to the end of the head. A tag without an end is read again with every piece: there is an end to
        that."""
        for at in range(0, len(text), PIECE):
            try:
                self.feed(text[at : at + PIECE])
            except AssertionError:  # a declaration that html.parser does not understand
                return
            if self.is_over or (len(self.rawdata) > MAX_TAG and self.cdata_elem is None):
                return

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.is_over:
            return
        self._end_title()
        if tag == "meta":
            self._note_meta({name: value or "" for name, value in attrs})
        elif tag == "title" and "title" not in self.words and not self._within_svg:
            self._title = []
        elif tag == "svg":
            self._within_svg += 1
        elif tag == "body":
            self.is_over = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._end_title()
        elif tag == "svg":
            self._within_svg = max(0, self._within_svg - 1)
        elif tag == "head":
            self._end_title()
            self.is_over = True

    def handle_data(self, data: str) -> None:
        if self._title is not None:
            self._title.append(data)

    def _end_title(self) -> None:
        if self._title is not None:
            self.words.setdefault("title", "".join(self._title))
            self._title = None

    def _note_meta(self, attributes: dict[str, str]) -> None:
        names = (attributes.get("property", ""), attributes.get("name", ""))
        for name in " ".join(names).lower().split():
            if name in WANTED and attributes.get("content", "").strip():
                self.words.setdefault(name, attributes["content"])


def _first(words: dict[str, str], names: tuple[str, ...], most: int) -> str:
    """The first of them that says anything, in one line and not too long."""
    for name in names:
        if text := _line(words.get(name, ""), most):
            return text
    return ""


def _line(text: str, most: int) -> str:
    """Without line ends, control characters, and what turns the direction of writing or cannot be seen."""
    shown = "".join(char if not _is_harmful(char) else " " if char.isspace() else "" for char in text[: 20 * most])
    line = " ".join(shown.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _is_harmful(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or char in _UNSEEN


# Marks of direction, and what is not seen. Joiners stay: words and emoji are written with them.
_UNSEEN = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad")
