"""The names of emoji, as people type them between colons: those of emojibase and of GitHub. The browser's picker reads
the same files (static/vendor/emojibase-data)."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import regex

from app.paths import ROOT

DATA = ROOT / "static" / "vendor" / "emojibase-data"
_NEEDLESS = regex.compile(r"(?<=\p{Emoji_Presentation})\ufe0f")
_STYLES = regex.compile("[\ufe0e\ufe0f]")
PART = r"\p{Extended_Pictographic}\p{Emoji_Modifier}?"  # of an emoji of several, or all of one
REGION = r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"  # its flag
_SHAPE = regex.compile(rf"{PART}(?:\u200d{PART})*|\p{{RI}}{{2}}|{REGION}")
_ROW = regex.compile(r"(?::[a-z0-9_+-]{1,60}:)+(?![\p{L}\p{N}:_])")  # without a blank between them


def named_at(text: str, begin: int) -> list[str]:
    """The names of the emoji that stand there one behind the other, without their colons; empty where one of them is
    none."""
    found = _ROW.match(text, begin)
    names = found[0][1:-1].split("::") if found else []
    return names if all(name in by_name() for name in names) else []


@cache
def by_name() -> dict[str, str]:
    """Name -> emoji."""
    characters = dict(_characters(orjson.loads((DATA / "compact.json").read_bytes())))
    found: dict[str, str] = {}
    for file in ("github.json", "emojibase.json"):
        for code, names in orjson.loads((DATA / file).read_bytes()).items():
            if code in characters:
                found |= dict.fromkeys([names] if isinstance(names, str) else names, characters[code])
    return found


@cache
def _by_shape() -> dict[str, str]:
    """Emoji without what chooses between picture and text -> as keyboards type it."""
    return {_STYLES.sub("", emoji): emoji for emoji in by_name().values()}


def known(text: str) -> str:
    """The emoji that is all of the text, as keyboards type it; empty where it is none. Those that Unicode has had since
    our names have the shape of one (UTS 51, 1.4.9)."""
    bare = _STYLES.sub("", text)
    return _by_shape().get(bare) or (_NEEDLESS.sub("", text.replace("\ufe0e", "")) if _SHAPE.fullmatch(bare) else "")


def _characters(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """As keyboards type them: without U+FE0F behind what is a picture anyway, as in static/js/emoji-data.js."""
    for entry in entries:
        yield entry["hexcode"], _NEEDLESS.sub("", entry["unicode"])
        yield from _characters(entry.get("skins", []))
