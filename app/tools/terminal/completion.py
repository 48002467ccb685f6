"""What can be completed while one types: `/commands`, `@people`, `#rooms` and `:emoji:`."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

EMOJI = (range(0x2600, 0x27C0), range(0x1F300, 0x1F650), range(0x1F680, 0x1F700), range(0x1F900, 0x1FB00))
MAX_EMOJI = 20  # that are offered
_WORD = re.compile(r"(?:^|(?<=\s))([@#:])(\S*)$")


@dataclass(frozen=True)
class Suggestion:
    """text: takes the place of the last `replaces` characters. help: shown beside it."""

    text: str
    replaces: int
    help: str = ""


def suggestions(
    before: str, commands: Iterable[tuple[str, str]], people: Iterable[str], rooms: Iterable[tuple[str, str]]
) -> list[Suggestion]:
    """For the text before the cursor. commands and rooms: with what is to be said of them."""
    if re.fullmatch(r"/\w*", before):
        return [Suggestion(f"/{name} ", len(before), help) for name, help in commands if f"/{name}".startswith(before)]
    if found := re.fullmatch(r"/join #?(\S*)", before):
        return _starting(found[1], rooms, "")
    found = _WORD.search(before)
    if not found:
        return []
    sign, begun = found[1], found[2]
    if sign == "@":
        return _starting(begun, ((name, "") for name in people), sign)
    if sign == "#":
        return _starting(begun, rooms, sign)
    return _emoji(begun) if len(begun) > 1 else []


def _starting(begun: str, names: Iterable[tuple[str, str]], sign: str) -> list[Suggestion]:
    length = len(begun) + len(sign)
    wanted = begun.casefold()
    return [Suggestion(f"{sign}{one} ", length, help) for one, help in names if one.casefold().startswith(wanted)]


def _emoji(begun: str) -> list[Suggestion]:
    begun = begun.casefold().rstrip(":")
    named = [(name, sign) for name, sign in _all_emoji() if begun in name]
    named.sort(key=lambda one: (not one[0].startswith(begun), one[0]))
    return [Suggestion(sign, len(begun) + 1, f":{name}:") for name, sign in named[:MAX_EMOJI]]


@cache
def _all_emoji() -> list[tuple[str, str]]:
    named = ((unicodedata.name(chr(number), ""), chr(number)) for block in EMOJI for number in block)
    return [(name.casefold().replace(" ", "_"), sign) for name, sign in named if name]
