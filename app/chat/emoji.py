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


def _characters(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """As keyboards type them: without U+FE0F behind what is a picture anyway, as in static/js/emoji-data.js."""
    for entry in entries:
        yield entry["hexcode"], _NEEDLESS.sub("", entry["unicode"])
        yield from _characters(entry.get("skins", []))
