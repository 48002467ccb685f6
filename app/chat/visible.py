"""What can be seen of a text, by the properties that Unicode gives to its characters."""

import re

import regex

# Blank on the screen, though no property says so: braille without dots, the notehead and the fillers of scripts that
# are written in blocks, what stands for a picture or an annotation, and the joiners of single letters.
_BLANK_GLYPHS = (
    "\u2800\ufffc\U0001d159\U00016fe4\U00013441\U00013442"
    "\U00013430-\U00013440\ufff9-\ufffb\u2d7f\U0001107f\U0001bca0-\U0001bca3"
)
_FORMAT = r"\p{Default_Ignorable_Code_Point}\p{InSC=Invisible_Stacker}"
_SEEN = regex.compile(rf"[^\s\p{{Z}}\p{{Cc}}{_FORMAT}{_BLANK_GLYPHS}]")
_UNSEEN = regex.compile(rf"[\s\p{{Z}}\p{{Cc}}\p{{Default_Ignorable_Code_Point}}{_BLANK_GLYPHS}]+")
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_UNSEEN_BEHIND = regex.compile(rf"(?r){_UNSEEN.pattern}$")
_LINE_END = re.compile("[\r\n]")
_GLYPHS = regex.compile(rf"[{_BLANK_GLYPHS}]")
_PLAINLY_SEEN = re.compile("[!-~]")  # what nearly every text has; `regex` lets go of the interpreter for each look
_TURNS = regex.compile(r"[\p{Cc}\u202a-\u202e\u2066-\u2069\u206a-\u206f\ufff9-\ufffb]")


def is_blank(text: str) -> bool:
    """True where the text shows nothing at all."""
    return not (_PLAINLY_SEEN.search(text) or _SEEN.search(text))


def without_unseen(text: str) -> str:
    """The text without blanks and all else that shows nothing."""
    return str(_UNSEEN.sub("", text))


def without_ignorable(text: str) -> str:
    """The text without characters that are drawn by nobody."""
    return str(_IGNORABLE.sub("", text))


def with_plain_blanks(text: str) -> str:
    """The text with a space for each character that is blank without being called a space."""
    return str(_GLYPHS.sub(" ", text))


def without_controls(text: str) -> str:
    """The text without what steers a terminal or turns the writing's direction over. Right-to-left text needs none of
    these within one line; the marks U+200E, U+200F and U+061C stay."""
    return str(_TURNS.sub("", text))


def trimmed(text: str) -> str:
    """The text without blank lines before and behind, be they blank for what cannot be seen, and without blanks behind;
    its first line keeps its indentation."""
    text = text.rstrip()
    start = len(text) - len(text.lstrip())
    if not text.isascii():
        found = _UNSEEN_BEHIND.search(text)
        end = _LINE_END.search(text, found.start()) if found else None
        text = text[: end.start()].rstrip() if end else text
        unseen = _UNSEEN.match(text)
        start = unseen.end() if unseen else 0
    return text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 :]
