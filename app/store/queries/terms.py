"""The words of a text as the search finds them, and what somebody looks for. The same on every database: what is stored
for the search, what is asked of it, and what is compared without it are made here.

A term is a word in small letters, without the marks that are laid over letters (accents, the vowels of Arabic and
Hebrew). Of scripts that are written without blanks (Chinese, Japanese, Thai, ...) and of Korean, each character is a
term of its own, and a word is a run of them: so it is found wherever it stands. Every emoji is a term, whatever its
colour. Terms hold no blanks, quotation marks or signs of a query language; only those that no text can hold begin with
`=`: an emoji, an author, a nickname.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

import regex

from app.model import Refused, Sentence

MAX_TERM = 64  # characters of a word that count; longer ones are cut, in texts and in questions
MAX_TERMS = 32  # of a question
DAY_MS = 86_400_000

Span = tuple[int, int]

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\u30fc"
_WITHIN = r"\u00ad\u034f\u200c\u200d\u2060\ufeff"  # hyphens to come and joiners: no word ends there
_TERM = regex.compile(
    rf"(?P<emoji>\p{{Extended_Pictographic}}|\p{{Regional_Indicator}})"
    rf"|(?P<sign>[{_UNSPACED}]\p{{M}}*)"
    rf"|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{N}}\p{{M}}{_WITHIN}]--[{_UNSPACED}]]*",
    regex.VERSION1,
)
# The letters of Arabic as keyboards of other countries have them, and the stroke that makes words longer.
_KEYBOARDS = str.maketrans("یىکہھە", "ييكههه", "ـ")
_QUOTES = regex.compile(r"[“”„‟«»＂「」『』❝❞〝〞〟]")  # which phones and other languages put for a straight one
_PLAIN = re.compile("[a-z0-9]+")
_OVERLAYS = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Syriac}]")
_PART = regex.compile(
    r'(?:(?P<key>from|before|after|on)[:：])?(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))', regex.IGNORECASE
)


# --- the terms of a text ---


def terms(text: str) -> list[str]:
    if text.isascii():
        return [one[:MAX_TERM] for one in _PLAIN.findall(text.lower())]
    return [term for term, _ in spans(text)]


def spans(text: str) -> Iterator[tuple[str, Span]]:
    """Each term with where it stands in the text."""
    for found in _TERM.finditer(text):
        if found["emoji"]:
            yield f"=e{ord(found[0]):x}", found.span()
        elif term := _folded(found[0]):
            yield term[:MAX_TERM], found.span()


def _folded(word: str) -> str:
    """In small letters, as NFKC has it, without what is laid over its letters."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKC", word).casefold().translate(_KEYBOARDS)
    if _OVERLAYS.search(plain):
        letters = unicodedata.normalize("NFD", plain)
        plain = unicodedata.normalize("NFC", "".join(one for one in letters if unicodedata.category(one) != "Mn"))
    return "".join(one for one in plain if one.isalnum() or unicodedata.category(one)[0] == "M")


@lru_cache(4_096)
def of_author(person: str) -> str:
    return f"=p{_digest(person)}"


@lru_cache(4_096)
def of_nickname(nickname: str) -> str:
    return f"=n{_digest(unicodedata.normalize('NFKC', nickname).casefold())}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


# --- a question ---


@dataclass(frozen=True, slots=True)
class Phrase:
    """Terms that stand one after the other. is_prefix: the last one may go on."""

    terms: tuple[str, ...]
    is_prefix: bool = False

    def places(self, found: Sequence[str]) -> list[int]:
        """Where it begins among the terms of a text."""
        last = len(self.terms) - 1
        return [
            at
            for at in range(len(found) - last)
            if found[at : at + last] == list(self.terms[:last]) and self._ends(found[at + last])
        ]

    def _ends(self, term: str) -> bool:
        return term.startswith(self.terms[-1]) if self.is_prefix else term == self.terms[-1]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody looks for: messages that have all these phrases, were said by one of `authors` (terms, as
    `of_author` and `of_nickname`; empty: by anybody), and in that time (milliseconds since 1970; `until` is not part of
    it). nicknames: as they were written."""

    phrases: tuple[Phrase, ...] = ()
    nicknames: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.phrases or self.authors)

    def matches(self, text: str, file: str, author: str, nickname: str, at: int) -> bool:
        """file: the name of the one that the message carries; each phrase is to be in the text or in it."""
        if not self.is_in_time(at):
            return False
        if self.authors and not {of_author(author), of_nickname(nickname)} & {*self.authors}:
            return False
        found = [terms(text), terms(file)] if self.phrases else []
        return all(any(phrase.places(one) for one in found) for phrase in self.phrases)

    def is_in_time(self, at: int) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)

    def marks(self, text: str) -> list[Span]:
        """Where the phrases stand in the text: from, to; in UTF-16 units, as JavaScript counts them."""
        found = list(spans(text))
        names = [term for term, _ in found]
        places = [(at, at + len(phrase.terms) - 1) for phrase in self.phrases for at in phrase.places(names)]
        return _in_utf16(text, _joined((found[first][1][0], found[last][1][1]) for first, last in places))

    def fts5(self) -> str:
        """As SQLite's FTS5 is asked. Every term is quoted, so that none is a word of its language."""
        parts = [f'"{" ".join(one.terms)}"' + (" *" if one.is_prefix else "") for one in self.phrases]
        if self.authors:
            parts.append("(" + " OR ".join(f'"{one}"' for one in self.authors) + ")")
        return " AND ".join(parts)

    def tsquery(self) -> str:
        """As a `tsquery` of PostgreSQL is written."""
        parts = [
            " <-> ".join(f"'{term}'" for term in one.terms) + (":*" if one.is_prefix else "") for one in self.phrases
        ]
        parts = [f"({one})" for one in parts]
        if self.authors:
            parts.append("(" + " | ".join(f"'{one}'" for one in self.authors) + ")")
        return " & ".join(parts)


def question(text: str) -> Question:
    """What somebody has typed: words, all of which are to be there, the last of them perhaps not finished; "several in
    their order"; `from:nickname`, `before:`, `after:` and `on:2026-11-27`. Signs are passed over. Raises `bad_payload`
    for a date that is none."""
    phrases: list[Phrase] = []
    nicknames: list[str] = []
    since: list[int] = []
    until: list[int] = []
    text = _QUOTES.sub('"', text)
    for part in _PART.finditer(text):
        key, said, is_quoted = (part["key"] or "").lower(), part["quoted"] or part["bare"] or "", part["bare"] is None
        if key == "from":
            nicknames.append(said.removeprefix("@"))
        elif key:
            day = _day(key, said)
            since += [day] if key in ("after", "on") else []
            until += [day + (DAY_MS if key == "on" else 0)] if key in ("before", "on") else []
        elif found := terms(said):
            goes_on = part.end() == len(text.rstrip()) and not is_quoted and said[-1].isalnum()
            phrases.append(Phrase(tuple(found), goes_on))
    return Question(
        tuple(phrases[:MAX_TERMS]),
        tuple(nicknames),
        tuple(of_nickname(one) for one in nicknames),
        max(since, default=None),
        min(until, default=None),
    )


def _day(key: str, text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise Refused(
            "bad_payload",
            Sentence("A day is written as year, month and day, for example {example}.", example=f"{key}:2026-11-27"),
            field="query",
        ) from None


def _joined(some: Iterable[Span]) -> list[Span]:
    """In their order; those that touch are one."""
    joined: list[Span] = []
    for first, last in sorted(some):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _in_utf16(text: str, some: list[Span]) -> list[Span]:
    if text.isascii():
        return some
    return [(_units(text[:first]), _units(text[:last])) for first, last in some]


def _units(text: str) -> int:
    return len(text) + sum(one > "\uffff" for one in text)
