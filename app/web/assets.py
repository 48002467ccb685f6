"""Templates and static files, found beside the source or inside the wheel.

All static files share one hash in their path: `/static/<hash>/js/main.js`. So the `./room.js` that a module imports
is hashed too, without an import map (an inline script), and every file can be cached for ever.

A page loads few files. Style sheets are joined here: `css/base+room.css` is base.css and room.css. Scripts are joined
by `make bundle` into static/bundle, which is part of the repository, so that no host builds anything. A bundle names
the checksum of the modules that it was made from. Where the modules have another checksum (somebody is changing them),
pages load the modules themselves. What a page does not need at first is in files of its own beside the bundle, loaded
later (`import()`), which share what is in the page's own. What that imports itself the page names as `preloads`, so
that all come at once.
"""

import hashlib
import logging
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

import regex
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from app.paths import ROOT
from app.web import compression, language

FOREVER = "public, max-age=31536000, immutable"
A_DAY = "public, max-age=86400"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_CSS_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_CSS_SPACE = re.compile(rb"\s*\n\s*")
_INDENTATION = re.compile(r"\n[ \t]+")
IMPORT = re.compile(r"""(?:^|[;}\n])(?:import|export)\s*(?:[\w$*{},\s]+?from\s*)?["'](\.{1,2}/[^"']+)["']""")

SHOWN_WIDTH, SHOWN_HEIGHT, SHOWN_LEAST = 400, 300, 48  # CSS pixels of a picture in a log
ICONS = {"favicon.ico": "favicon.ico", "apple-touch-icon.png": "icon-apple.png"}

log = logging.getLogger(__name__)

_LINE_ENDS = regex.compile("\r\n?|[\x85\u2028\u2029]")
_EMPTY_LINES = regex.compile(r"\n(?:[\t\v\f\p{Zs}\p{Cf}\p{Variation_Selector}\u2800\u3164]*\n){3,}")
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
_CONTROLS |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


@dataclass(frozen=True)
class _File:
    """digest: its SHA-256. `tag`: a part of that, by which a browser knows that it has it."""

    content: bytes
    content_type: str
    digest: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "_File":
        kind = TYPES.get(PurePath(name).suffix, "text/plain; charset=utf-8")
        return cls(content, kind, hashlib.sha256(content).hexdigest())

    @property
    def tag(self) -> str:
        return self.digest[:20]


@cache
def _ours() -> Mapping[str, _File]:
    """A process reads them once, however many servers it begins."""
    return files_in(ROOT / "static")


def files_in(folder: Path) -> Mapping[str, _File]:
    """Static files, by their paths from there on."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in found)
    return {name: _File.of(name, path.read_bytes()) for name, path in names}


class Assets:
    """The static files, in memory. base: the site's path, empty at the root. folder: in place of ours. more: files
    beside those of the folder, or in place of them, by name."""

    def __init__(self, base: str = "", folder: Path | None = None, more: Mapping[str, bytes] | None = None) -> None:
        self._base = base
        self._files = dict(files_in(folder) if folder else _ours())
        self._files |= {name: _File.of(name, content) for name, content in (more or {}).items()}
        self.hash = _checksum(self._files)[:16]
        self._preloads: dict[str, list[str]] = {}
        main = self._files.get("bundle/main.js")
        self._bundled = main is not None and main.content.startswith(bundle_mark(self._files))
        if not self._bundled:
            log.warning("static/bundle is not made from what is in static/js: pages load the modules one by one")

    def has(self, name: str) -> bool:
        return name in self._files

    def content(self, name: str) -> bytes:
        return self._files[name].content

    def url(self, name: str) -> str:
        """The path of a file. Raises KeyError where there is none: no page is sent with a dead link."""
        if name not in self._files:
            raise KeyError(f"no static file {name}")
        return f"{self._base}/static/{self.hash}/{name}"

    def script(self, name: str) -> str:
        """The path of the bundle of js/<name>.js; of the module itself where the bundles are older than the modules."""
        return self.url(f"bundle/{name}.js" if self._bundled else f"js/{name}.js")

    def words(self, language: str, script: str) -> str:
        """The path of what `script` says in this language; empty for that in which it is written. script: also
        "main-later", what the page loads later by itself, and "main-wanted", what it loads with its dialogs."""
        name = f"languages/{language}/{script}.js"
        return self.url(name) if self.has(name) else ""

    def preloads(self, name: str) -> list[str]:
        """The paths of what `script(name)` imports before it runs; none where it is no bundle."""
        if name not in self._preloads:
            found = imported({f"bundle/{name}.js"}, self._script) if self._bundled else []
            self._preloads[name] = [self.url(one) for one in found[1:]]
        return self._preloads[name]

    def _script(self, name: str) -> str:
        return self._files[name].content.decode() if name in self._files else ""

    def stylesheet(self, *names: str) -> str:
        """The path of one style sheet that joins these, in this order."""
        for name in names:
            self.url(f"css/{name}.css")
        return f"{self._base}/static/{self.hash}/css/{'+'.join(names)}.css"

    def inline_style(self, *names: str) -> Markup:
        """Style sheets as an element, for a page that is a file of its own. (Served pages link to theirs.)"""
        css = "\n".join(self._files[f"css/{name}.css"].content.decode() for name in names)
        return Markup(f"<style>\n{css}</style>")  # noqa: S704  our own files

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A file, to be cached for ever under its hash. Under an older hash (a page from before a deploy) the present
        file."""
        version, _, name = request.match_info["path"].partition("/")
        return await self._answer(request, name, FOREVER if version == self.hash else "no-store")

    async def icon(self, request: web.Request) -> web.StreamResponse:
        """/favicon.ico and /apple-touch-icon.png, which browsers request unasked."""
        return await self._answer(request, ICONS[request.path.rpartition("/")[2]], A_DAY)

    async def _answer(self, request: web.Request, name: str, cache_control: str) -> web.StreamResponse:
        """From memory: the files are few and small, and a busy process may have no descriptor left to open one."""
        file = self._files.get(name) or self._joined(name)
        if file is None:
            raise web.HTTPNotFound
        return await answer(request, file.content, file.content_type, file.tag, cache_control)

    def _joined(self, name: str) -> _File | None:
        """For css/a+b.css the contents of a.css and b.css; None where one of them does not exist."""
        names = dict.fromkeys(PurePath(name).stem.split("+"))
        parts = [self._files.get(f"css/{one}.css") for one in names]
        if not name.startswith("css/") or not all(parts):
            return None
        return _File.of(name, b"\n".join(_squeezed(part.content) for part in parts if part))


ASSETS = web.AppKey("assets", Assets)


def _squeezed(css: bytes) -> bytes:
    """Without comments and indentation, which no string of ours looks like (tests/web/test_assets.py)."""
    return _CSS_SPACE.sub(b"\n", _CSS_COMMENT.sub(b"", css)).strip()


async def answer(
    request: web.Request, content: bytes, content_type: str, tag: str, cache_control: str
) -> web.StreamResponse:
    """A file: compressed where the browser takes that, and without its content where it is the one that the browser
    has."""
    headers = {"Cache-Control": cache_control}
    coding = ""
    if compression.is_compressed(content_type, len(content)):
        headers["Vary"] = "Accept-Encoding"
        coding = compression.coding_of(request)
    entity = f"{tag}-{coding}" if coding else tag
    headers["ETag"] = f'"{entity}"'
    if any(one.value in (entity, "*") for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if coding:
        headers["Content-Encoding"] = coding
        content = await compression.compressed(content, coding)
    return web.Response(body=content, headers=headers | {"Content-Type": content_type})


def imported(begin: Collection[str], code: Callable[[str], str], *ways: re.Pattern[str]) -> list[str]:
    """These scripts, then what they import, and what that imports: paths, each once, of those of which there is code.

    code(path): the script; empty where there is none. ways: patterns whose group is what is imported, relative to the
    script; without one, those of `import` and `export` statements."""
    found = [path for path in begin if code(path)]
    for path in found:
        named = [to for way in ways or (IMPORT,) for to in way.findall(code(path))]
        paths = dict.fromkeys(posixpath.normpath(posixpath.join(posixpath.dirname(path), to)) for to in named)
        found += [one for one in paths if one not in found and code(one)]
    return found


def bundle_mark(files: Mapping[str, _File]) -> bytes:
    """The first line of a bundle of these static files: the checksum of all modules in js/."""
    modules = {name: file for name, file in files.items() if name.startswith("js/") and name.endswith(".js")}
    return f"// made from static/js {_checksum(modules)[:32]} by make bundle\n".encode()


def _checksum(files: Mapping[str, _File]) -> str:
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{file.digest}\0".encode())
    return digest.hexdigest()


def templates(assets: Assets, **always: object) -> Environment:
    """Jinja2, escaping everything. Every template has `asset(name)`, `script(name)`, `stylesheet(*names)`, and the
    values in `always`."""
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        enable_async=False,
        extensions=[_Unindented],
    )
    environment.filters["visible"] = visible
    environment.globals.update(asset=assets.url, inline_style=assets.inline_style, **always)
    environment.globals.update(files_hash=assets.hash)
    environment.globals.update(shown_size=shown_size)
    language.add_to(environment)
    environment.globals.update(script=assets.script, preloads=assets.preloads, stylesheet=assets.stylesheet)
    environment.globals.update(words=assets.words)
    return environment


class _Unindented(Extension):
    """Templates are indented for those who write them; pages are not, which saves a twentieth of each."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return _INDENTATION.sub("\n", source)


def shown_size(file: Mapping[str, int]) -> tuple[int, int]:
    """In which a page shows a picture before it is opened, in CSS pixels: as static/js/message-file.js has it."""
    width, height = file["width"], file["height"]
    scale = min(1.0, SHOWN_WIDTH / width, SHOWN_HEIGHT / height)
    return max(SHOWN_LEAST, round(width * scale)), max(SHOWN_LEAST, round(height * scale))


def visible(text: str) -> str:
    """People's text as it is shown: two empty lines in a row at most, controls as Unicode's pictures of them."""
    return str(_EMPTY_LINES.sub("\n\n\n", _LINE_ENDS.sub("\n", text))).translate(_CONTROLS)
