"""Every sentence of the page goes through `t`, `tn` or `parts` (static/js/language.js): none stands bare in static/js.

A scan of the literals, no parser: what looks like words for people is either the argument of one of these, or of
something that is no text (a selector, a key, a header), or one of the few that are named here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "static/js"
DATA = {"emoji-data.js"}  # the names of emoji are English
SAID = re.compile(r"(?:(?<![\w.])(?:t|parts)\(|(?<![\w.])tn\((?:\s*\"(?:[^\"\\]|\\.)*\",)?)\s*$")
WORDS = re.compile(r"[A-Za-z]{2,}[,;:.!?…”]? [A-Za-z“]{2,}|^[A-Z][a-z]{2,}[.…?!:]?$|^(?:in|by|and)$|\b[a-z]{3,}[.…?!]$")
NO_TEXT = re.compile(
    r"(?:querySelector(?:All)?|closest\??\.?|matches\??\.?|media|addEventListener|setProperty|String\.raw|createPolicy|Option"
    r"|new (?:BrowserStorage|Dialog|Error|Set|Event|CustomEvent|Map))\(\[?\s*(?:\"[^\"]*\",\s*)*$"
    r"|(?:className|rel|state|key|kind|type|mode|cache|role|Content-Type|Content-Security-Policy|Cache-Control"
    r"|credentials|headers|color-scheme\]\"\)\.content = theme \|\||return kind ===)\"?\s*(?:[=:]+|===)\s*$"
    r"|(?:===|!==|case|in|import|from)\s*$"
)
KEYS = {"Escape", "Enter", "Tab", "Home", "End", "Dead", "Files", "Upgrade", "Connection", "AltGraph", "Authorization"}
KNOWN = {  # by file: names that only the code reads, selectors, examples of commands
    "commands.js": {"/list on"},
    "diagnostics.js": {"Server", "Way", "Browser", "Polling", "Server-sent events"},
    "diagnostics/silence.js": {"Silent WebSocket", "Silent polling"},
    "diagnostics/verdict.js": {"Polling", "Server-sent events", "Silent"},
    "echo.js": {"in"},
    "emoji-picker.js": {"Recent", "Found"},
    "event-stream.js": {"too many tabs have a stream", "the stream broke"},  # to socket.io-client
    "look.js": {"in", "light dark", "SameSite=None; Secure; Partitioned"},
    "menu.js": {"menu-item is-grave"},
    "person-card.js": {"button button-quiet", "text-button is-grave"},
    "room-commands.js": {
        f"/{name} Ann{more}"
        for name, more in (
            ("ignore", ""),
            ("unignore", ""),
            ("report", " spam"),
            ("kick", " spam"),
            ("mute", " 10 spam"),
            ("ban", " 60 spam"),
            ("unmute", ""),
            ("unban", ""),
            ("mod", ""),
            ("owner", ""),
            ("unmod", ""),
        )
    },
}


def literals(code: str) -> Iterator[tuple[int, str]]:
    """Where each text begins, and its characters; of a template literal the pieces between its values, in one."""
    at = 0
    while at < len(code):
        if code.startswith("//", at):
            at = code.find("\n", at) if "\n" in code[at:] else len(code)
        elif code.startswith("/*", at):
            at = code.index("*/", at) + 2
        elif found := _regex(code, at) or re.compile(r"'(?:[^'\\\n]|\\.)*'").match(code, at):
            at = found.end()
        elif found := re.compile(r'"((?:[^"\\\n]|\\.)*)"').match(code, at):
            yield at, found[1]
            at = found.end()
        elif code[at] == "`":
            end, text, inner = _template(code, at + 1)
            yield at, text
            for begin, value in inner:
                for offset, one in literals(value):
                    yield begin + offset, one
            at = end
        else:
            at += 1


def _regex(code: str, at: int) -> re.Match[str] | None:
    if code[at] != "/" or not re.search(r"(?:[(,=:\[!&|?{};+]|return|^)\s*$", code[max(0, at - 20) : at]):
        return None
    return re.compile(r"/(?![/*])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*").match(code, at)


def _template(code: str, at: int) -> tuple[int, str, list[tuple[int, str]]]:
    text, inner = "", []
    while code[at] != "`":
        if code.startswith("${", at):
            begin, at = at + 2, _end_of_value(code, at + 2)
            inner.append((begin, code[begin:at]))
            text += "{}"
        elif code[at] == "\\":
            text += code[at + 1]
            at += 1
        else:
            text += code[at]
        at += 1
    return at + 1, text, inner


def _end_of_value(code: str, at: int) -> int:
    depth = 0
    while depth or code[at] != "}":
        if code[at] == "`":
            at = _template(code, at + 1)[0] - 1
        elif code[at] in "\"'":
            at = code.index(code[at], at + 1)
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        at += 1
    return at


def bare(code: str) -> Iterator[str]:
    for at, text in literals(code):
        before = code[max(0, at - 300) : at]
        words = re.sub(r"<style>[\s\S]*?</style>|<[^>]*>", "", text)
        is_selector = re.search(r"\[[a-z-]+[=\]]", text)
        is_key = re.match(r"[^\n]*?\"\s*:", code[at + 1 + len(text) :][:3]) and re.search(r"[{,]\s*$", before)
        if WORDS.search(words) and not (is_selector or is_key or SAID.search(before) or NO_TEXT.search(before)):
            yield text


def test_no_sentence_stands_bare_in_a_script() -> None:
    found = set()
    for path in sorted(SCRIPTS.rglob("*.js")):
        name = path.relative_to(SCRIPTS).as_posix()
        if name not in DATA:
            texts = set(bare(path.read_text(encoding="utf-8"))) - KEYS - KNOWN.get(name, set())
            found |= {(name, text) for text in texts}
    assert found == set()


def test_a_bare_sentence_is_found_wherever_it_stands() -> None:
    code = """
      // A comment: "in words".
      a.title = "Show more"; b(c ? `${n} new messages` : t("Said well")); d = { label: "Undo" };
      e = `${f ? "Nothing was found." : ""}`; g.querySelector("button, input"); tn("{n} day", "{n} days", 3);
      h = /"no words"/;
    """
    assert list(bare(code)) == ["Show more", "{} new messages", "Undo", "Nothing was found."]
