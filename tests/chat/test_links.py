"""Which addresses in a text become links, and how far they reach."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.chat.words import MAX_LINKS, Tree, plain, words

A = "https://example.com/a"
WIKI = "https://en.wikipedia.org/wiki"

UNSEEN = (0xAD, 0x34F, 0x61C, 0x115F, 0x17B4, 0x180E, 0x2062, 0x206A, 0x3164, 0xFEFF, 0x1BCA0, 0x1D173, 0xE0041)

LINKS: list[tuple[str, list[str]]] = [
    # quotation marks and brackets of all scripts
    *(
        (f"{left}{A}{right}", [A])
        for left, right in ["“”", "‘’", "«»", "»«", "‹›", "„“", "‚‘", "「」", "『』", "【】", "《》", "〈〉", "〔〕"]
    ),
    *((f"{left}{A}{right}", [A]) for left, right in ["（）", "［］", "｛｝", "()", "[]", "{}", "<>", '""', "''"]),
    (f"{A}”said", [A]),
    ("https://example.com/docs（中文）了解", ["https://example.com/docs"]),
    # what ends a sentence
    *((f"{A}{end}", [A]) for end in "。，、！？；：．…،؛؟۔।॥։።၊។.,!?;:–—～｡､"),
    *((f"{A}{end}谢谢", [A]) for end in ["。", "，", "！", "：", "……", "——", "～"]),
    (f"{A}...", [A]),
    (f"{A}, and", [A]),
    (f"{A}。{A}、{A}", [A, A, A]),
    # right behind a letter
    ("请看" + A, [A]),
    ("смотри" + A, [A]),
    ("see" + A, [A]),
    ("请看www.example.com/x。", ["http://www.example.com/x"]),
    ("https://example.com谢谢", ["https://example.com"]),
    # marks around it
    *((f"{mark}{A}{mark}", [A]) for mark in ["_", "*", "**", "~", "~~", "`", "|", "**_"[::-1]]),
    ("_https://example.com_", ["https://example.com"]),
    ("_www.example.com_", ["http://www.example.com"]),
    (f"*see {A}*", [A]),
    (f"_{A}_, and", [A]),
    (f"[here]({A})", [A]),
    (f"{A}_b_", [f"{A}_b_"]),
    *((f"{left}{A}{right}", [A]) for left, right in ["❝❞", "❛❜", "❮❯", "🙶🙷", "〝〟", "｢｣", "⟨⟩", "༺༻", "﴾﴿"]),
    (f"{A}` x", [A]),
    (f"´{A}´ │{A}│{A}│ {A}\u200d {A}\u200c.", [A, A, A, A, A]),
    (f"|{A}|{A}|", [A, A]),
    (f"<{A}|words> [{A}|words]", [A, A]),
    (f"#{A}", [A]),
    # what is written around it by programs
    (f'{{"url":"{A}","n":1}}', [A]),
    (f'<a href="{A}">x</a>', [A]),
    *((f"{A}{sign}", [A]) for sign in ["&lt;", "&gt;", "&quot;", "&#39;", "&nbsp;", "&amp;", "&gt;,", "&hellip;"]),
    (f"&lt;{A}&gt;b", [A]),
    (f"{A}?b=1&amp;c=2", [f"{A}?b=1&amp;c=2"]),
    *((f"{A}{between}{A}", [A, A]) for between in ",;|"),
    # parentheses in balance
    (f"(see {A})", [A]),
    (f"{WIKI}/Foo_(bar)", [f"{WIKI}/Foo_(bar)"]),
    (f"({WIKI}/Foo_(bar))", [f"{WIKI}/Foo_(bar)"]),
    (f"({WIKI}/Foo_(bar).)", [f"{WIKI}/Foo_(bar)"]),
    (f"{WIKI}/Foo_(bar_(baz)) ({WIKI}/Foo_(bar_(baz))).", [f"{WIKI}/Foo_(bar_(baz))"] * 2),
    (f"\\({A}\\) 見て→{A}← {A}\\", [A, A, A]),
    # what cannot be seen or turns the writing over
    (f"{A}\u202egpj.exe", [A]),
    *(
        (f"{A}{end}b", [A])
        for end in ["\u202a", "\u2066", "\u200f", "\x1b[31m", "\x07", "\u200b", "\ufeff", "\u2028", "\u3000", "\u2800"]
    ),
    # hosts
    ("www.example.com/x?y=1, and", ["http://www.example.com/x?y=1"]),
    ("WWW.Example.com", ["http://WWW.Example.com"]),
    ("HTTPS://Example.com/A", ["HTTPS://Example.com/A"]),
    ("www.example.co.uk.", ["http://www.example.co.uk"]),
    ("https://例え.テスト/パス", ["https://例え.テスト/パス"]),
    ("https://münchen.de:8080/", ["https://münchen.de:8080/"]),
    ("http://[2001:db8::1]:8000/x, y", ["http://[2001:db8::1]:8000/x"]),
    ("http://[::1]", ["http://[::1]"]),
    ("http://localhost:5000", ["http://localhost:5000"]),
    ("http://127.0.0.1/", ["http://127.0.0.1/"]),
    ("http://[::1]:5000谢谢 http://[::1]谢谢", ["http://[::1]:5000", "http://[::1]"]),
    (
        "http://localhost谢谢 http://localhost:5000谢谢 http://127.0.0.1谢谢",
        ["http://localhost", "http://localhost:5000", "http://127.0.0.1"],
    ),
    ("http://i❤.ws/ http://münchen/", ["http://i❤.ws/", "http://münchen/"]),
    ("http://my_service:8080/x http://a_b.example/", ["http://my_service:8080/x", "http://a_b.example/"]),
    ("http://example.com:/x", ["http://example.com:/x"]),
    ("http://user:pw@example.com/", ["http://user:pw@example.com/"]),
    ("http://user:pw@[::1]:80/x", ["http://user:pw@[::1]:80/x"]),
    ("Site:www.example.com", ["http://www.example.com"]),
    ("https://example.com...and https://example.com: x", ["https://example.com", "https://example.com"]),
    ("http://https://example.com/a https://http://example.com", ["https://example.com/a", "http://example.com"]),
    # what goes on where a host would end is none, and neither is what it begins with
    ("http://a..b/ http://a.com../x http://example.com..evil.com", []),
    ("https://fe80::1/ https://fe80::1 https://2001:db8::1/x https://2001:db8:: http://::1/", []),
    ("http://user:p@ss@example.com/x https://a@b@c/ http://user@/ www.example.com:pw@evil.com", []),
    ("https://a%20b.com https://example.com%2fa", []),
    ("https://exa\u00admple.com/a https://exa\u2060mple.com", []),
    # with the dot of the root behind the host's name
    ("https://example.com./a.", ["https://example.com./a"]),
    ("see https://example.com.:8443/a?b.", ["https://example.com.:8443/a?b"]),
    ("https://example.com.", ["https://example.com"]),
    # what cannot be seen ends an address
    *((f"https://example.com/a{chr(code)}b", ["https://example.com/a"]) for code in UNSEEN),
    ("https://example.com/❤\ufe0f/x", ["https://example.com/❤\ufe0f/x"]),
    ("https://example.com/👩\u200d💻/", ["https://example.com/👩\u200d💻/"]),
    # letters of all scripts in a path
    ("https://example.com/路径?q=值", ["https://example.com/路径?q=值"]),
    ("https://fa.wikipedia.org/wiki/می\u200cخواهم", ["https://fa.wikipedia.org/wiki/می\u200cخواهم"]),
    ("https://ja.wikipedia.org/wiki/レオナルド・ダ", ["https://ja.wikipedia.org/wiki/レオナルド・ダ"]),
    (f"{WIKI}/Foo–Bar", [f"{WIKI}/Foo–Bar"]),
    (f"{A}?b=c&d=e,f;g#h", [f"{A}?b=c&d=e,f;g#h"]),
    (f"https://web.archive.org/web/1/{A}", [f"https://web.archive.org/web/1/{A}"]),
    # no addresses, or none that a page may open
    ("javascript:alert(1) data:text/html,x", []),
    ("javascript://example.com vbscript:x file:///etc/passwd ftp://example.com", []),
    ("mail to a@example.com", []),
    ("a@www.example.com mailto:a@example.com", []),
    ("www.a@b.com www.example www. www..com awww.example.com", []),
    ("https:// http://. //example.com example.com http://[zz]/", []),
    (f"https://{'a.' * 1900}com", []),
]


@pytest.mark.parametrize(("text", "addresses"), LINKS, ids=[f"{n}" for n in range(len(LINKS))])
def test_addresses_become_links_and_nothing_around_them(text: str, addresses: list[str]) -> None:
    tree = words(text)
    links = [node for node in _nodes(tree or []) if "link" in node]
    assert [node["link"] for node in links] == addresses
    shown = plain(tree or text)
    assert re.sub(r"[*_~`]|\[|\]\(.*\)", "", shown) == re.sub(r"[*_~`]|\[|\]\(.*\)", "", text), "no letter is lost"
    for node in links:
        assert plain(node["words"]) in text
        assert "[" in text or node["link"].removeprefix("http://") == plain(node["words"]).removeprefix("http://")


def test_what_is_a_list_of_links_and_no_talk_stays_plain() -> None:
    assert len(words(f"{A} " * MAX_LINKS) or []) == 2 * MAX_LINKS
    assert words(f"{A} " * (MAX_LINKS + 1)) is None


def _nodes(tree: Tree) -> Iterator[dict[str, Any]]:
    for node in tree:
        if isinstance(node, dict):
            yield node
            yield from _nodes(next((value for value in node.values() if isinstance(value, list)), []))
