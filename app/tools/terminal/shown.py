"""What others wrote, as a terminal may show it: no control character and nothing that turns the direction of writing
reaches it, for such can rewrite what stands on the screen, and worse."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.tools.client import Message

# Escape and the other controls, marks of direction (Unicode, UAX 9: 2.), separators of lines, and lone surrogates.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_TAGS = range(0xE0000, 0xE0080)
CONTINUED = "    "  # begins each further line of a message: no text can look like another's message

Fragments = list[tuple[str, str]]  # pieces of a line: their style, and their text


def harmless(text: str) -> str:
    """One line: what a terminal would act upon is shown by its number, a tab as a blank."""
    text = text.replace("\t", " ")
    text = _HARMFUL.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)
    if any(ord(letter) in _TAGS for letter in text):
        text = "".join(f"<U+{ord(letter):04X}>" if ord(letter) in _TAGS else letter for letter in text)
    return text


def harmless_lines(text: str) -> list[str]:
    return [harmless(line) for line in re.split(r"\r\n|\r|\n", text)]


def size_of(count: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def local_time(message: Message, form: str) -> str:
    """By the clock and zone of this machine."""
    try:
        return datetime.fromisoformat(message["at"]).astimezone().strftime(form)
    except (ValueError, OverflowError, OSError):
        return harmless(message["at"])


def body(message: Message) -> list[str]:
    """The lines of its text."""
    if message.get("deleted"):
        return ["(taken back)"]
    lines = harmless_lines(message["text"]) if message["text"] else []
    if file := message.get("file"):
        lines.insert(
            0, f"[{harmless(str(file['name']))}, {harmless(str(file['type']))}, {size_of(int(file['bytes']))}]"
        )
    return lines or [""]


def plain(message: Message) -> str:
    """`2026-11-28 12:30:00 alice: hello`, and further lines indented."""
    nick, lines = harmless(message["nickname"]), body(message)
    named = f"* {nick} {lines[0]}" if message["kind"] == "action" else f"{nick}: {lines[0]}"
    return "\n".join([f"{local_time(message, '%Y-%m-%d %H:%M:%S')} {named}", *(CONTINUED + line for line in lines[1:])])


def mentions(message: Message, me: dict[str, Any]) -> bool:
    """Is somebody called by name in it, or everybody, by another person?"""
    called = message.get("mentions", [])
    return message["author"] != me["id"] and (me["id"] in called or "everyone" in called)


COLOURS = ("ansigreen", "ansiyellow", "ansiblue", "ansimagenta", "ansicyan", "ansired")


def styled(message: Message, me: dict[str, Any], note: str = "") -> list[Fragments]:
    """The same for `chat`, as lines with styles, each of which says more than colour does. note: what about it, where
    it is not new."""
    nick, lines = harmless(message["nickname"]), body(message)
    is_mine, calls = message["author"] == me["id"], mentions(message, me)
    style = "bold" if is_mine else COLOURS[sum(message["author"].encode()) % len(COLOURS)]
    head: Fragments = [("class:dim", f"[{message['seq']}] {local_time(message, '%H:%M')} ")]
    head += [("class:dim", f"({note}) ")] if note else []
    if reply := message.get("reply_to"):
        head.append(("class:dim", f"(to [{reply}]) "))
    head.append((style, f"* {nick} " if message["kind"] == "action" else f"{nick}: "))
    text = "class:mention" if calls else "class:dim" if message.get("deleted") else ""
    return [[*head, (text, lines[0])], *([("", CONTINUED), (text, line)] for line in lines[1:])]


def unstyled(lines: Iterable[Fragments]) -> str:
    return "\n".join("".join(text for _, text in line) for line in lines)
