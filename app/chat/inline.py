"""Marks within a line of text -> a tree of words: emphasis, code, links, mentions, rooms, emoji.

markdown-it does the pairing. Where a mark may begin and end is our own say: Markdown was made for documents, and in
talk `2*3*4`, `/path/*/x`, `__init__` and `*_*` are what they are. What is ambiguous stays as it was typed; a backslash
in front of a mark keeps it, and itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import regex
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline, backtick, emphasis, strikethrough
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token

from app.chat import emoji, links
from app.chat.visible import is_blank

Tree = list[Any]

MAX_LINKS = 50  # in one text; what has more is no conversation, and finding them would cost everybody's time
MAX_NODES = 400  # and marks that may become some
MAX_NESTED = 6  # marks within marks
MAX_LABEL = 200  # characters of a link's text


class TooMuch(Exception):
    """The text has so many marks that they are not worth anybody's time."""


@dataclass(slots=True)
class Reading:
    """Of one text. mentions: nickname as typed -> id of the person."""

    mentions: Mapping[str, str]
    nodes: int = 0
    links: int = 0
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = sorted(self.mentions, key=len, reverse=True)

    def count(self, nodes: int = 1) -> None:
        """Raises TooMuch."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise TooMuch

    def inline(self, text: str) -> Tree:
        """The tree of a paragraph. Raises TooMuch."""
        begins = links.begins_in(text)
        self.links += len(begins)
        if self.links > MAX_LINKS:
            raise TooMuch
        if not begins and not _MARK.search(text):
            return [text] if text else []
        found = {begin: (end, href) for begin, end, href in links.addresses(text, begins)}
        return _tree(_markdown.inline.parse(text, _markdown, {"reading": self, "addresses": found}, []))


# Letters that stand beside others without a blank between words: a mark between them is one. Between others it is not.
_JOINED = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Georgian}"
_WORD = regex.compile(rf"[{_JOINED}\p{{N}}]")
_ANY_WORD = regex.compile(r"[\p{L}\p{N}\p{M}]")
_NOT_BEFORE = frozenset("!#$%&)+,-./:;=>?@\\]^`|}")  # an opening mark
_NOT_FIRST = frozenset(",.;!?/\\)]}|&=^%>")  # behind it
_NOT_LAST = frozenset(",;/\\([{|&=^<+")  # before a closing mark
_NOT_AFTER = frozenset("#$%&(+/<=@[\\^`{|")
_QUOTES = frozenset("\"'")
_CONTENT = regex.compile(  # a word, or a picture; a letter within punctuation is a face
    r"[\p{L}\p{N}\p{M}]{2}|(?:^|\s)[\p{L}\p{N}](?:[\s.,:;!?]|$)|[\p{So}\p{Extended_Pictographic}]"
)

_MARK = regex.compile(r"[\\`*_~\[@#:]")
_STOP = regex.compile(  # where something may begin or end; a mark within a word is none
    r"\\|`|\[(?=[^\[\]\n]+\]\()|@(?=[^\s@])|#(?=[A-Za-z0-9])|:(?=[a-z0-9_+-])|~~|https?://|www\."
    r"|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])"
    rf"|(?<![{_JOINED}\p{{N}}])\*|\*(?![{_JOINED}\p{{N}}])",
    regex.IGNORECASE,
)
_ESCAPED = frozenset("\\`*_~[#:@")
_ROOM = regex.compile(r"#([A-Za-z0-9][A-Za-z0-9_-]{0,63})(?![\p{L}\p{N}\p{M}_-])")
_NO_ROOM = regex.compile(  # a number, a colour
    r"[\d_-]+|(?=.*\d)(?:[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})|([0-9a-f])\1{2}(?:\1{3})?", regex.IGNORECASE
)
_GLUED = regex.compile(rf"[{_JOINED}\p{{N}}_#/&@]")
_LABEL = regex.compile(rf"\[([^\[\]\n]{{1,{MAX_LABEL}}})\]\(")
_DOMAIN = regex.compile(r"[\p{L}\p{N}-]+[.\u2024\u3002\uff0e\uff61\ufe52][\p{L}\p{N}-]{2,}|://")
_SCHEME = regex.compile(r"^(?:https?://)?(?:www\.)?", regex.IGNORECASE)
_TURNS = regex.compile(r"\p{Bidi_Control}")
_DUNDER = regex.compile(r"__([A-Za-z0-9_]+?)__(?![\p{L}\p{N}_])")
_DUNDERS = frozenset(
    name.strip("_") for kind in (object, type, int, list, dict, str, type(len), BaseException) for name in dir(kind)
)
_OTHER_DUNDERS = regex.compile(
    "all|annotations|attribute|await|aenter|aexit|aiter|anext|author|builtins|cached|code|COUNTER|DATE|del|dirname|enter"
    "|exit|FILE|file|filename|FUNCTION|future|func|get|import|index|iter|LINE|main|matmul|missing|mocks|next|package"
    "|path|post_init|proto|pycache|set|set_name|slots|spec|tests?|TIME|truediv|typename|VA_ARGS|VERSION|version|wrapped"
)


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        """Whether marks there may begin, and end, what they mark."""
        scanned = super().scanDelims(start, True)
        end = start + scanned.length
        before, after = self.src[start - 1 : start] if start else "", self.src[end : end + 1]
        if before in _QUOTES and before == after:  # `'*'`
            return Scanned(False, False, scanned.length)
        word = _ANY_WORD if self.src[start] == "_" else _WORD
        opens = before not in _NOT_BEFORE and not word.match(before) and after not in _NOT_FIRST
        closes = before not in _NOT_LAST and after not in _NOT_AFTER and not word.match(after)
        return Scanned(scanned.can_open and opens, scanned.can_close and closes, scanned.length)


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _text(state: StateInline, silent: bool) -> bool:
    """Up to where something may begin."""
    stop = _STOP.search(state.src, state.pos)
    end = stop.start() if stop else state.posMax
    if end == state.pos:
        return False
    state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def _address(state: StateInline, silent: bool) -> bool:
    end, href = state.env["addresses"].get(state.pos, (0, ""))
    if not end:
        return False
    _push(state, {"link": href, "words": [state.src[state.pos : end]]}, end)
    return True


def _escaped(state: StateInline, silent: bool) -> bool:
    """The backslash stays to be seen, for it may be part of a path."""
    if state.src[state.pos] != "\\" or state.src[state.pos + 1 : state.pos + 2] not in _ESCAPED:
        return False
    return _plain(state, state.pos + 2)


def _code(state: StateInline, silent: bool) -> bool:
    """An apostrophe within a word begins no code. An address as code is a link all the same."""
    if state.src[state.pos] != "`":
        return False
    if state.pos and _WORD.match(state.src[state.pos - 1]):
        return _plain(state, _end_of_run(state))
    start = state.pos
    backtick(state, silent)
    if state.tokens and state.tokens[-1].type == "code_inline":
        content = state.tokens.pop().content
        state.tokens_meta.pop()
        if is_blank(content):
            state.append_pending(state.src[start : state.pos])
            return True
        address = next(links.addresses(content, links.begins_in(content)[:1]), None)
        is_address = address is not None and address[:2] == (0, len(content))
        node = {"code": content}
        _push(state, {"link": address[2], "words": [node]} if address and is_address else node, state.pos)
    return True


def _labelled(state: StateInline, silent: bool) -> bool:
    """`[text](address)`: unless the text looks like an address itself, or turns the writing over."""
    found = _LABEL.match(state.src, state.pos)
    if not found or state.src[state.pos - 1 : state.pos] == "!":
        return False
    end, href = state.env["addresses"].get(found.end(), (0, ""))
    label = found[1]
    if not end or state.src[end : end + 1] != ")" or is_blank(label) or _TURNS.search(label):
        return False
    if _DOMAIN.search(label) and not _same_address(label, href):
        return False
    _push(state, {"link": href, "words": state.env["reading"].inline(label)}, end + 1)
    return True


def _same_address(label: str, href: str) -> bool:
    """The text is the beginning of the address, or all of it."""
    shown, real = str(_SCHEME.sub("", label)).rstrip("/"), str(_SCHEME.sub("", href))
    return real == shown or real.startswith((f"{shown}/", f"{shown}?", f"{shown}#"))


def _mention(state: StateInline, silent: bool) -> bool:
    """Where a name ends within a word of a writing without blanks, whoever resolved it knows."""
    if state.src[state.pos] != "@" or _is_glued(state):
        return False
    reading: Reading = state.env["reading"]
    start = state.pos + 1
    for name in reading.names:
        is_cut = _WORD.match(name[-1:]) and _WORD.match(state.src, start + len(name))
        if state.src.startswith(name, start) and not is_cut:
            _push(state, {"mention": reading.mentions[name], "words": [f"@{name}"]}, start + len(name))
            return True
    return False


def _room(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "#" or _is_glued(state) or state.pos + 1 in state.env["addresses"]:
        return False
    found = _ROOM.match(state.src, state.pos)
    name = found[1].rstrip("-_") if found else ""
    if not name or _NO_ROOM.fullmatch(name):
        return False
    _push(state, {"room": name.lower(), "words": [f"#{name}"]}, state.pos + 1 + len(name))
    return True


def _emoji(state: StateInline, silent: bool) -> bool:
    before = state.src[state.pos - 1 : state.pos] if state.pos else ""
    if state.src[state.pos] != ":" or before == ":" or _WORD.match(before):
        return False
    names = emoji.named_at(state.src, state.pos)
    for name in names:
        _push(state, {"emoji": emoji.by_name()[name], "name": name}, state.pos + len(name) + 2)
    return bool(names)


def _dunder(state: StateInline, silent: bool) -> bool:
    found = _DUNDER.match(state.src, state.pos)
    is_name = found and (found[1] in _DUNDERS or _OTHER_DUNDERS.fullmatch(found[1]))
    return bool(is_name) and _plain(state, found.end())


def _idle_marks(state: StateInline, silent: bool) -> bool:
    """Marks that can neither begin nor end anything, and rows of them, are text."""
    if state.src[state.pos] not in "*_~":
        return False
    scanned = state.scanDelims(state.pos, True)
    state.env["reading"].count()
    is_one_tilde = state.src[state.pos] == "~" and scanned.length != 2
    if scanned.length <= 3 and (scanned.can_open or scanned.can_close) and not is_one_tilde:
        return False
    return _plain(state, state.pos + scanned.length)


def _plain(state: StateInline, end: int) -> bool:
    state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def _end_of_run(state: StateInline) -> int:
    end = state.pos
    while state.src[end : end + 1] == state.src[state.pos]:
        end += 1
    return end


def _is_glued(state: StateInline) -> bool:
    return bool(state.pos > 0 and _GLUED.match(state.src[state.pos - 1]))


def _push(state: StateInline, node: dict[str, Any], end: int) -> None:
    state.env["reading"].count()
    state.push("node", "", 0).meta = node
    state.pos = end


def _parser() -> MarkdownIt:
    """markdown-it with our rules. Links, images, HTML, entities and whatever else it knows are not among them."""
    markdown = MarkdownIt("zero")
    markdown.inline = inline = _Inline()
    rules = [_text, _address, _escaped, _code, _labelled, _mention, _room, _emoji, _dunder, _idle_marks]
    for rule in rules:
        inline.ruler.before("strikethrough", rule.__name__, rule)
    inline.ruler.enableOnly([*(rule.__name__ for rule in rules), "strikethrough", "emphasis"])
    assert strikethrough and emphasis  # theirs
    return markdown


_markdown = _parser()
_NAMES = {"em_open": "em", "strong_open": "strong", "s_open": "strike"}


def _tree(tokens: list[Token]) -> Tree:
    """Of the flat list of markdown-it. Marks around nothing but punctuation, and too deep ones, are text."""
    tree: Tree = []
    opened: list[tuple[Tree, Token]] = []
    for token in tokens:
        if token.type in _NAMES:
            opened.append((tree, token))
            tree = []
        elif token.type.endswith("_close"):
            inner, (tree, opening) = tree, opened.pop()
            if len(opened) < MAX_NESTED and any(_has_content(node) for node in inner):
                tree.append({_NAMES[opening.type]: inner})
            else:
                for node in (opening.markup, *inner, token.markup):
                    append(tree, node)
        else:
            append(tree, token.meta if token.type == "node" else token.content)
    return tree


def linked(text: str) -> Tree:
    """The text with its addresses alone. Raises TooMuch."""
    begins = links.begins_in(text)
    if len(begins) > MAX_LINKS:
        raise TooMuch
    tree: Tree = []
    end = 0
    for begin, after, href in links.addresses(text, begins):
        append(tree, text[end:begin])
        tree.append({"link": href, "words": [text[begin:after]]})
        end = after
    append(tree, text[end:])
    return tree


def append(tree: Tree, node: Any) -> None:
    """Text that follows text is one with it."""
    if isinstance(node, str) and tree and isinstance(tree[-1], str):
        tree[-1] += node
    elif node:
        tree.append(node)


def _has_content(node: Any) -> bool:
    return not isinstance(node, str) or bool(_CONTENT.search(node))
