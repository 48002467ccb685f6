"""What is more than plain text in what people say, and above all what is not."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.chat.words import MAX_NODES, Tree, _parsed, plain, words
from tests.support.need import program
from tests.support.spent import measured
from tests.support.thorough import share

ROOT = Path(__file__).parents[2]
A = "https://example.com/a"

PLAIN = [
    "hello there",
    "snake_case and other_snake_case, _private and _b",
    "__init__.py has __init__ and __main__ and __FILE__",
    "2*3*4 = 24 and 2 * 3 * 4 and x**2**y",
    "*",
    "* alone",
    "**",
    "****",
    "**********",
    "5* hotel, *terms apply, **kwargs and *args",
    "f(*args, **kwargs)",
    "char *a, *b;",
    "/path/*/x/*/y and *.py,*.js and */",
    "/* a comment */",
    "~5 to ~6, ~/x and ~",
    "~~~",
    "1. alone",
    "1.",
    "1986. A great year.\nAnd then.",
    "2. b\n7. g",
    "-5 degrees\n-6 degrees",
    "- alone",
    "# no heading",
    "no heading\n====",
    "no line\n---",
    "'*' or '*' and \"_\" or \"_\"",
    "_(:з」∠)_ (*ω´*) _;_ *-*",
    "src/**/*.py and **/*.ts",
    "$_GET and $_POST_",
    "- 5 €\n- 3.50 €",
    "+ 1\n+ 1",
    "a:\n        - b\n        - c",
    "- old\n+ new",
    "#5 and #123 and #fff and #C0FFEE and C# and a#b and #Größe and &#39;",
    ":-) :) >:( >.< ;-) :* ^_^ -_- *_* T_T o_O >_> (*_*) :/ :3",
    r"¯\_(ツ)_/¯",
    "10:30:45 and a:smile:b and std::map::iterator and :nobody_has_this:",
    "> ",
    ">",
    ">>> x = 1",
    ">5 people",
    "->x <- y",
    "<b>bold</b> <script>alert(1)</script> &amp; <https>",
    "```",
    "```\n```",
    "``` what does this do\nand that",
    "`",
    "it`s what`s",
    "``quoted''",
    r"\*not\* \_this\_ \`nor\` \:smile: \#room",
    r"C:\*.* and \\server\_share_",
    "[text] (not an address) [x](javascript:alert(1)) [x](/r/lobby) [x]: y [ ] [x]",
    "![alt](x.png)",
    "    indented\n\n\n  lines\n\tand tabs",
    "a\\\nb  \nc",
    "@Ann is nobody here",
    "mail a@b.com",
    "_#_ *.* ~~...~~",
]


@pytest.mark.parametrize("text", PLAIN, ids=[str(n) for n in range(len(PLAIN))])
def test_what_is_ambiguous_stays_plain(text: str) -> None:
    assert words(text) is None


def em(*inner: Any) -> dict[str, Any]:
    return {"em": list(inner)}


def strong(*inner: Any) -> dict[str, Any]:
    return {"strong": list(inner)}


MARKED: list[tuple[str, Tree]] = [
    ("*a* **b** _c_ __d e__ ~~f~~", [em("a"), " ", strong("b"), " ", em("c"), " ", strong("d e"), " ",
                                     {"strike": ["f"]}]),
    ("***a***", [em(strong("a"))]),
    ("**_a_ b**", [strong(em("a"), " b")]),
    ("~~*a* b~~", [{"strike": [em("a"), " b"]}]),
    ("(*a*), “*b*” *c*!", ["(", em("a"), "), “", em("b"), "” ", em("c"), "!"]),
    ("**Note:** x", [strong("Note:"), " x"]),
    ("这是*重点*内容，**中文**。", ["这是", em("重点"), "内容，", strong("中文"), "。"]),
    ("**중요**한", [strong("중요"), "한"]),
    ("*a\nb* and *c\n\nd*", [em("a\nb"), " and *c\n\nd*"]),
    ("**A & B** *x + y* *(sighs)*", [strong("A & B"), " ", em("x + y"), " ", em("(sighs)")]),
    ("**a*", ["*", em("a")]),
    ("👍*a*👍", ["👍", em("a"), "👍"]),
    ("`a*b*` ``c`d`` *`e`*", [{"code": "a*b*"}, " ", {"code": "c`d"}, " ", em({"code": "e"})]),
    (f"`{A}`", [{"link": A, "words": [{"code": A}]}]),
    (f"**{A}**", [strong({"link": A, "words": [A]})]),
    (f"[*so* it is]({A}_(b)) x", [{"link": f"{A}_(b)", "words": [em("so"), " it is"]}, " x"]),
    (f"[example.com]({A})", [{"link": A, "words": ["example.com"]}]),
    ("see #lobby, #Book-Club.", ["see ", {"room": "lobby", "words": ["#lobby"]}, ", ",
                                 {"room": "book-club", "words": ["#Book-Club"]}, "."]),
    ("hi :smile: :+1::tada:", ["hi ", {"emoji": "😄", "name": "smile"}, " ", {"emoji": "👍", "name": "+1"},
                               {"emoji": "🎉", "name": "tada"}]),
    (":wave_tone3:", [{"emoji": "👋🏽", "name": "wave_tone3"}]),
    ("look:\n```py\nx *= 2\n\n    y\n```\nok?", ["look:\n", {"codeblock": "x *= 2\n\n    y", "language": "py",
                                                             "tokens": ["", 5, "number", 7]}, "ok?"]),
    ("```\n<b>\n```", [{"codeblock": "<b>"}]),
    ("```klingon\nqapla'\n```", [{"codeblock": "qapla'", "language": "klingon"}]),
    ("```\na *b* c", [{"codeblock": "a *b* c"}]),
    ("```\na\nb```\nc", [{"codeblock": "a\nb"}, "c"]),
    ("```print(1)\nprint(2)\n```", [{"codeblock": "print(1)\nprint(2)"}]),
    ("````\n```\n````", [{"codeblock": "```"}]),
    ("~~~\na\n~~~", [{"codeblock": "a"}]),
    ("> a\n> *b*\n>\n> c\nd", [{"quote": ["a\n", em("b"), "\n\nc"]}, "d"]),
    ("> > a\n> b", [{"quote": [{"quote": ["a"]}, "b"]}]),
    ("> - a\n> - b", [{"quote": [{"list": [["a"], ["b"]]}]}]),
    ("hello\n\n> q\n\nbye", ["hello\n\n", {"quote": ["q"]}, "\nbye"]),
    ("- a\n- *b*\n  - c\n  - d\nbye", [{"list": [["a"], [em("b"), "\n", {"list": [["c"], ["d"]]}]]}, "bye"]),
    ("Two:\n1. a\n2. b\n\n3. c", ["Two:\n", {"list": [["a"], ["b"], ["c"]], "start": 1}]),
    ("3) a\n4) b", [{"list": [["a"], ["b"]], "start": 3}]),
    ("- a\n  more\n- b\n  ```\n  x\n  ```", [{"list": [["a\nmore"], ["b\n", {"codeblock": "x"}]]}]),
    ("    indented *a*\n\n\n\tb", ["    indented ", em("a"), "\n\n\n\tb"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tree"), MARKED, ids=[str(n) for n in range(len(MARKED))])
def test_marks_become_nodes(text: str, tree: Tree) -> None:
    assert words(text) == tree


@pytest.mark.parametrize(
    "label",
    ["https://bank.com", "bank.com", "www.bank.com/login", "bank。com", "bank․com", "the bank.com page", "\u202ekcilc"],
)
def test_a_link_is_not_called_like_another_address(label: str) -> None:
    tree = words(f"[{label}](https://evil.example/)") or []
    assert plain(tree) == f"[{label}](https://evil.example/)"
    assert [node["words"] for node in tree if isinstance(node, dict) and "evil" in node["link"]] == [
        ["https://evil.example/"]
    ]


def test_those_are_mentioned_whom_the_message_names() -> None:
    known = {"Ann": "p1", "Ann Lee": "p2", "everyone": "everyone", "a_b_c": "p3", "小明": "p4"}
    tree = words("@Ann, @Ann Lee @everyone @a_b_c *@Ann* 你好@小明你 @Annie x@Ann `@Ann`", known) or []
    found = []
    for node in tree:
        node = node["em"][0] if isinstance(node, dict) and "em" in node else node
        if isinstance(node, dict) and "mention" in node:
            found.append((node["mention"], node["words"]))
    assert found == [
        ("p1", ["@Ann"]),
        ("p2", ["@Ann Lee"]),
        ("everyone", ["@everyone"]),
        ("p3", ["@a_b_c"]),
        ("p1", ["@Ann"]),
        ("p4", ["@小明"]),
    ]


def test_an_action_is_one_line() -> None:
    assert words("*waves* at #lobby", is_line=True) == [em("waves"), " at ", {"room": "lobby", "words": ["#lobby"]}]
    for text in ("> q", "- a\n- b", "```\nx\n```"):
        tree = words(text, is_line=True) or []
        assert not any({"quote", "list", "codeblock"} & set(node) for node in tree if isinstance(node, dict))


def test_the_text_of_a_tree_has_no_marks() -> None:
    text = f"*a* `b` [c]({A})\n> d\n```py\ne\n```\n1. f\n2. ~~g~~\n:tada: #lobby"
    assert plain(words(text) or "") == "a b c\nd\ne\n1. f\n2. g\n🎉 #lobby"
    assert plain("as it is") == "as it is"


def test_the_page_has_the_same_text_of_a_tree() -> None:
    program(("node",), "whether the page reads trees as the server does was not seen")
    trees = [words(text) for text, _ in MARKED]
    script = (
        'import { wordsText } from "./static/js/words-text.js"; let all = "";'
        "for await (const part of process.stdin) all += part;"
        "console.log(JSON.stringify(JSON.parse(all).map(wordsText)))"
    )
    asked = json.dumps(trees).encode()
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], input=asked, capture_output=True, cwd=ROOT, check=True
    )
    assert json.loads(done.stdout) == [plain(tree or "") for tree in trees]


EVIL = [
    "*",
    "_",
    "~~",
    "`",
    "[",
    "](",
    "*a",
    "a*",
    "*a*",
    "**a** ",
    "`a",
    "``a",
    f"[a]({A}) ",
    "http://",
    f"{A} ",
    "#a ",
    "@a ",
]
EVIL += [
    ":a",
    ":+1:",
    "::",
    "\\",
    "> ",
    ">\n",
    "> a\n",
    "- a\n",
    "- ",
    "  - a\n",
    "1. a\n",
    "```\n",
    "```",
    "~~~ a\n",
    "``` a b\n",
]
EVIL += [
    "- 5\n",
    "+ 1\n\n",
    "\n",
    " \n",
    "a\n",
    "*_",
    "_*~~",
    "漢*",
    "*漢",
    "__init__ ",
    "```py\n",
    "- a\n```\n",
    "> - > - a\n",
    "\r",
    "![",
    "<",
    "é",
]


def test_no_text_is_slow_or_makes_a_large_tree() -> None:
    """Each takes a few milliseconds on an idle machine; what took long was seconds."""
    chance = random.Random(15)
    texts = [(unit * 4_000)[:4_000] for unit in EVIL]
    texts += ["x" + (unit * 4_000)[:3_999] for unit in EVIL]
    texts += ["".join(chance.choices(chance.sample(EVIL, 4), k=4_000))[:4_000] for _ in range(100)]
    texts += [
        "".join(f"{'> ' * n}a\n" for n in range(80))[:4_000],
        "".join(f"{' ' * n}- a\n" for n in range(80))[:4_000],
    ]
    for text in texts:
        with measured() as spent:
            tree = _parsed(text, (), False)
        assert spent.seconds < 0.15, text[:40]
        assert _depth(tree or []) <= 12
        assert _count(tree or []) <= 3 * MAX_NODES
        assert len(orjson.dumps(tree)) < 40_000


MARKS = st.sampled_from(
    ["*", "**", "_", "~~", "`", "```", "\n", "\n\n", " ", "> ", "- ", "1. ", "[", "](", ")", A, ":+1:", "#a", "@Ann"]
)
TEXTS = st.lists(MARKS | st.text(max_size=4) | st.sampled_from(["a", "b c", "漢", "(", "."]), max_size=40).map("".join)


@settings(max_examples=share(240), deadline=None)
@given(TEXTS)
@example("*a _b* c_")
@example("1. \n1. *a\n- *")
def test_whatever_is_typed_is_shown(text: str) -> None:
    """Nothing but marks may be missing, nothing may be there that was not typed."""
    tree = words(text, {"Ann": "p1"})
    if tree is None:
        return
    shown = "".join(plain(tree).replace("👍", ":+1:").split())
    rest = iter(text.replace("👍", ":+1:"))
    assert all(character in rest for character in shown if character not in "-.0123456789"), (
        "in the order in which it was typed"
    )
    assert _parsed(text, (("Ann", "p1"),), False) == tree
    assert _depth(tree) <= 12


def _inner(node: Any) -> list[Tree]:
    """The trees right within a node."""
    if isinstance(node, str):
        return []
    return (
        list(node["list"])
        if "list" in node
        else [one for one in node.values() if isinstance(one, list) and "tokens" not in node]
    )


def _depth(tree: Tree) -> int:
    return 1 + max((_depth(one) for node in tree for one in _inner(node)), default=0)


def _count(tree: Tree) -> int:
    return len(tree) + sum(_count(one) for node in tree for one in _inner(node))
