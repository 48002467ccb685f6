"""Text -> a small tree of safe nodes.

A tree is a list; a node is a string, or an object named by its first key: `{"em": [...]}`, `{"strong": [...]}`,
`{"strike": [...]}`, `{"code": text}`, `{"codeblock": text, "language"?, "tokens"?}`, `{"quote": [...]}`,
`{"list": [[...], ...], "start"?}`, `{"link": href, "words": [...]}`, `{"mention": person, "words": [...]}`,
`{"room": name, "words": [...]}`, `{"emoji": character, "name"}`. Only http and https become links, so that no page has
to ask itself whether an address is safe to click. The marks are those of Markdown that people type in talk (inline.py
says what is none); line ends, blank lines and indentation stay as typed.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

import regex

from app.chat.highlight import highlighted
from app.chat.inline import MAX_LINKS, MAX_NODES, Reading, TooMuch, Tree, append, linked
from app.chat.visible import is_blank

__all__ = ["MAX_LINKS", "MAX_NODES", "Tree", "plain", "words"]

MAX_DEPTH = 4  # quotes and lists within each other
LOOK_AHEAD = 10  # nodes: what looking for the end of a block in vain counts
SHORT = 300  # characters
MAX_SHORT, MAX_LONG = 2_000, 300  # texts whose trees are kept: sent, read by who joins, read again

_CHARACTERS = tuple("`*_~#:[>\n")  # of which any is in every text that is more than plain, but for addresses
_WORTH = regex.compile(  # is there anything in it that may become more than text?
    r"(?i:https?://|www\.)|[`*\[]|~~|(?<![\p{L}\p{N}])_\S|#[A-Za-z0-9]|:[a-z0-9_+-]+:"
    r"|^ {0,3}(?:>\s|~~~|[-+]\s|\d{1,3}[.)]\s)",
    regex.MULTILINE,
)
_LINE_ENDS = re.compile("\r\n?")
_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})[ \t]*([^`]*)")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,30}")
_QUOTE = re.compile(r" {0,3}>(?: |$)")
_QUOTED = re.compile(r" {0,3}> +\S")
_ITEM = re.compile(r"( *)(?:([-+*])|(\d{1,3})([.)]))( {1,4})(?=\S)")
_NUMBER = re.compile(r"[\d.,]+\s*\S{0,3}")
_GAP = re.compile(r"(\n(?:[ \t]*\n)+)")
_EMPTY: Mapping[str, str] = {}


def words(text: str, mentions: Mapping[str, str] | None = None, *, is_line: bool = False) -> Tree | None:
    """The tree of a text; None where it is plain. mentions: nickname as typed (without @) -> id of the person, or
    "everyone"; only these become mentions. is_line: no quotes, lists and blocks of code. The tree is shared: callers do
    not change it."""
    if not mentions and not _is_worth_it(text):
        return None
    names = tuple(mentions.items()) if mentions else ()
    return (_short if len(text) <= SHORT else _long)(text, names, is_line)


def _is_worth_it(text: str) -> bool:
    """A quick look at most, for most of what is said is plain."""
    has_any = any(map(text.__contains__, _CHARACTERS)) or "www." in text.lower()
    return has_any and bool(_WORTH.search(text))


def plain(said: Tree | str) -> str:
    """The text without its marks, for a quote of one line and for what is found."""
    return said if isinstance(said, str) else "".join(_plain(said)).rstrip("\n")


def _plain(tree: Tree) -> Iterator[str]:
    for node in tree:
        if isinstance(node, str):
            yield node
        elif "list" in node:
            for number, item in enumerate(node["list"], node.get("start", 0)):
                yield f"{number}. " if "start" in node else "- "
                yield f"{plain(item)}\n"
        elif "quote" in node:
            yield f"{plain(node['quote'])}\n"
        elif "codeblock" in node:
            yield f"{node['codeblock']}\n"
        elif "words" in node:
            yield from _plain(node["words"])
        else:
            kind = next(iter(node))
            yield from _plain(node[kind]) if isinstance(node[kind], list) else [node[kind]]


def _parsed(text: str, names: tuple[tuple[str, str], ...], is_line: bool) -> Tree | None:
    reading = Reading(dict(names))
    text = _LINE_ENDS.sub("\n", text)
    try:
        tree = list(_inlines(reading, text)) if is_line else _blocks(reading, text.split("\n"), 0)
    except TooMuch:
        tree = _links_alone(text)
    return None if all(isinstance(node, str) for node in tree) else tree


def _links_alone(text: str) -> Tree:
    try:
        return linked(text)
    except TooMuch:
        return []


_short = lru_cache(MAX_SHORT)(_parsed)
_long = lru_cache(MAX_LONG)(_parsed)


def _blocks(reading: Reading, lines: list[str], depth: int) -> Tree:
    tree: Tree = []
    said: list[str] = []  # the lines of text before the next block
    at = 0
    while at < len(lines):
        block, after = _block(reading, lines, at, depth)
        if block is None:
            after = max(after, at + 1)
            said += lines[at:after]
            at = after
            continue
        _append_text(reading, tree, said, is_last=False)
        said = []
        reading.count()
        tree.append(block)
        at = after
    _append_text(reading, tree, said, is_last=True)
    return tree


def _append_text(reading: Reading, tree: Tree, lines: list[str], *, is_last: bool) -> None:
    if lines:
        for node in _inlines(reading, "\n".join(lines) + ("" if is_last else "\n")):
            append(tree, node)


def _inlines(reading: Reading, text: str) -> Iterator[object]:
    """No mark reaches over an empty line."""
    for part in _GAP.split(text):
        if part.isspace():
            yield part
        else:
            yield from reading.inline(part)


def _block(reading: Reading, lines: list[str], at: int, depth: int) -> tuple[dict[str, object] | None, int]:
    """The block that begins in that line, and where it ends; None: what is before that place is text."""
    line = lines[at]
    if found := _FENCE.fullmatch(line):
        return _codeblock(reading, lines, at, found)
    if depth < MAX_DEPTH and _QUOTED.match(line) and not is_blank(line.lstrip("> ")):
        return _quote(reading, lines, at, depth)
    if depth < MAX_DEPTH and _ITEM.match(line) and not line.startswith("    "):
        return _list(reading, lines, at, depth)
    return None, at


def _codeblock(
    reading: Reading, lines: list[str], at: int, fence: re.Match[str]
) -> tuple[dict[str, object] | None, int]:
    """Up to the fence that closes it; a line may end with that as well. Without one it reaches to the end, where the
    opening one looks like one: backticks, and a language at most."""
    indent, mark, info = fence[1], fence[2], fence[3].rstrip()
    language = info if _LANGUAGE.fullmatch(info) else ""
    code = [info] if info and not language else []
    for end in range(at + 1, len(lines)):
        line = lines[end]
        bare = line.strip()
        if bare.startswith(mark) and not bare.strip(mark[0]):
            return _code(code, language), end + 1
        if mark[0] == "`" and bare.endswith(mark) and bare.count("`") == len(mark):
            return _code([*code, line.rstrip()[: -len(mark)]], language), end + 1
        code.append(line[len(indent) :] if line.startswith(indent) else line)
    if mark[0] == "~" or (info and not language):
        reading.count(LOOK_AHEAD)
        return None, at
    return _code(code, language), len(lines)


def _code(lines: list[str], language: str) -> dict[str, object] | None:
    text = "\n".join(lines)
    if is_blank(text):
        return None
    tokens = highlighted(text, language) if language else []
    return {"codeblock": text, **({"language": language} if language else {}), **({"tokens": tokens} if tokens else {})}


def _quote(reading: Reading, lines: list[str], at: int, depth: int) -> tuple[dict[str, object], int]:
    end = at
    while end < len(lines) and _QUOTE.match(lines[end]):
        end += 1
    inner = [_QUOTE.sub("", line, count=1) for line in lines[at:end]]
    return {"quote": _blocks(reading, inner, depth + 1)}, end


def _list(reading: Reading, lines: list[str], at: int, depth: int) -> tuple[dict[str, object] | None, int]:
    """A list has two items at least, its items the same mark, and their numbers count. Signs of numbers are none."""
    first = _ITEM.match(lines[at])
    assert first
    margin, start = len(first[1]), int(first[3]) if first[3] else None
    items: list[list[str]] = []
    marks = 0
    end = at
    while end < len(lines):
        line = lines[end]
        found = _ITEM.match(line)
        if found and len(found[1]) <= margin + 1:
            if len(found[1]) < margin or not _continues(first, found, len(items)):
                break
            items.append([line[found.end() :]])
        elif items and line.startswith(" " * (margin + 2)):
            items[-1].append(line[min(len(line) - len(line.lstrip(" ")), first.end()) :])
        elif not line.strip() and end + 1 < len(lines) and _belongs(first, lines[end + 1], len(items)):
            items[-1].append("")
        else:
            break
        marks += bool(found)
        end += 1
    if marks < 2:
        return None, at
    if first[2] in ("-", "+") and all(_NUMBER.fullmatch("".join(item)) for item in items):
        return None, end
    for item in items:
        if not item[-1]:
            item.pop()
    reading.count(len(items))
    trees = [_blocks(reading, item, depth + 1) for item in items]
    return {"list": trees, **({} if start is None else {"start": start})}, end


def _continues(first: re.Match[str], found: re.Match[str], count: int) -> bool:
    """Numbers count up, or are all the same."""
    if (found[2], found[4]) != (first[2], first[4]):
        return False
    return first[3] is None or int(found[3]) in (int(first[3]) + count, int(first[3]))


def _belongs(first: re.Match[str], line: str, count: int) -> bool:
    """The line behind an empty one: another item, or more of the last."""
    found = _ITEM.match(line)
    margin = len(first[1])
    if found and margin <= len(found[1]) <= margin + 1:
        return _continues(first, found, count)
    return line.startswith(" " * (margin + 2)) and bool(line.strip())
