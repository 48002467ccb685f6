"""Code -> runs of few classes, by the lexers of Pygments.

Lexers are regular expressions that others wrote, and a text can be made to be slow for them. So only languages are
known whose lexers stay quick with whatever passes the guards here (tests/chat/test_highlight.py tries), and the work
ends after MAX_TOKENS tokens: what follows has no colours.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

from pygments.lexer import Lexer, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String, Text, _TokenType

MAX_CODE = 2_500  # characters
MAX_TOKENS = 500
# Much of the same at a stretch is no code, and it is where lexers become slow.
_NO_CODE = re.compile(r"\s{50}|\S{160}")
_KEYWORDS = (  # of C, C++, C# and Java
    "abstract|as|async|auto|await|base|bool|boolean|break|byte|case|catch|char|class|const|constexpr|"
    "continue|decimal|default|delete|do|double|else|enum|event|explicit|export|extends|extern|false|final|"
    "finally|float|for|foreach|friend|get|goto|if|implements|import|in|inline|instanceof|int|interface|"
    "internal|is|let|lock|long|mutable|namespace|native|new|noexcept|null|nullptr|object|operator|out|"
    "override|package|params|private|protected|public|readonly|record|ref|register|return|sealed|set|short|"
    "signed|sizeof|static|string|struct|super|switch|synchronized|template|this|throw|throws|transient|true|"
    "try|typedef|typename|typeof|union|unsigned|using|var|virtual|void|volatile|where|while|yield"
)


class CFamilyLexer(RegexLexer):
    """C, C++, C# and Java: those of Pygments take seconds for some texts."""

    name = "C family"
    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"\s+", Text),
            (r"//[^\n]*", Comment),
            (r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/", Comment),
            (r'"(?:[^"\\\n]|\\.)*"|' r"'(?:[^'\\\n]|\\.){1,8}'", String),
            (r"#[ \t]*[a-z]+", Keyword),
            (r"0[xX][0-9A-Fa-f']+\w*|\d[\w.']*", Number),
            (rf"(?:{_KEYWORDS})\b", Keyword),
            (r"@?[A-Za-z_]\w*(?=[ \t]?\()", Name.Function),
            (r"@?[A-Za-z_]\w*", Name),
            (r".", Text),
        ]
    }


LANGUAGES: dict[str, tuple[str, ...]] = {  # Pygments' name of the lexer: what people write behind a fence
    "python": ("python", "py", "python3", "py3"),
    "javascript": ("javascript", "js", "mjs", "jsx", "node"),
    "typescript": ("typescript", "ts", "tsx"),
    "json": ("json", "jsonc", "json5"),
    "bash": ("bash", "sh", "shell", "zsh"),
    "sql": ("sql", "sqlite", "postgres", "postgresql", "mysql"),
    "html": ("html", "xml", "svg"),
    "css": ("css", "scss", "less"),
    "go": ("go", "golang"),
    "rust": ("rust", "rs"),
    "kotlin": ("kotlin", "kt"),
    "swift": ("swift",),
    "ruby": ("ruby", "rb"),
    "php": ("php",),
    "lua": ("lua",),
    "yaml": ("yaml", "yml"),
    "toml": ("toml",),
    "c family": ("c", "h", "cpp", "c++", "cc", "hpp", "cs", "csharp", "c#", "java"),
}
_BY_ALIAS = {alias: name for name, aliases in LANGUAGES.items() for alias in aliases}
_CLASSES = (
    (Comment, "comment"),
    (String, "string"),
    (Number, "number"),
    (Keyword, "keyword"),
    (Name.Tag, "keyword"),
    (Name.Builtin, "name"),
    (Name.Function, "name"),
    (Name.Class, "name"),
    (Name.Attribute, "name"),
    (Name.Decorator, "name"),
)


def highlighted(code: str, language: str) -> list[str | int]:
    """Class and number of characters by turns, from the beginning: `["keyword", 3, "", 1, "name", 4]`. "" is plain, and
    so is what is behind the last run. Empty where the language is not known."""
    name = _BY_ALIAS.get(language.lower())
    if name is None or len(code) > MAX_CODE or _NO_CODE.search(code):
        return []
    kinds: list[str] = []
    lengths: list[int] = []
    for kind, length in _runs(_lexer(name), code):
        if kinds and kinds[-1] == kind:
            lengths[-1] += length
        else:
            kinds.append(kind)
            lengths.append(length)
    if kinds and not kinds[-1]:
        del kinds[-1], lengths[-1]
    return [part for run in zip(kinds, lengths, strict=True) for part in run]


def _runs(lexer: Lexer, code: str) -> Iterator[tuple[str, int]]:
    """A blank belongs to what is before it: that makes fewer runs."""
    kind = ""
    end = 0
    for count, (start, token, value) in enumerate(lexer.get_tokens_unprocessed(code)):
        if count >= MAX_TOKENS or start != end:  # a lexer that skips something, or goes back
            return
        if not value.isspace():
            kind = _class_of(token)
        end += len(value)
        if value:
            yield kind, len(value)


@cache
def _class_of(token: _TokenType) -> str:
    return next((name for kind, name in _CLASSES if token in kind), "")


@cache
def _lexer(name: str) -> Lexer:
    if name == "c family":
        return CFamilyLexer()
    return get_lexer_by_name(name, **({"startinline": True} if name == "php" else {}))
