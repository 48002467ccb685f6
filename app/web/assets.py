"""Templates and static files, found beside the source or inside the wheel.

All static files share one hash in their path: `/static/<hash>/js/main.js`. So the `./room.js` that a module imports
is hashed too, without an import map (an inline script), and every file can be cached for ever.

A page loads few files. Style sheets are joined here: `css/base+room.css` is base.css and room.css. Scripts are joined
by `make bundle` into static/bundle, which is part of the repository, so that no host builds anything. A bundle names
the checksum of the modules that it was made from. Where the modules have another checksum (somebody is changing them),
pages load the modules themselves.
"""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path, PurePath

import regex
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_WHEEL = Path(__file__).parents[1] / "_pages"
ROOT = _WHEEL if _WHEEL.is_dir() else Path(__file__).parents[2]

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

log = logging.getLogger(__name__)

_LINE_ENDS = regex.compile("\r\n?|[\x85\u2028\u2029]")
_EMPTY_LINES = regex.compile(r"\n(?:[\t\v\f\p{Zs}\p{Cf}\p{Variation_Selector}\u2800\u3164]*\n){3,}")
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
_CONTROLS |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


class Assets:
    """The static files, in memory. base: the site's path, empty at the root."""

    def __init__(self, base: str = "", folder: Path = ROOT / "static") -> None:
        self._base = base
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        self._files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
        self.hash = _checksum(self._files)[:16]
        self._bundled = self._files.get("bundle/main.js", b"").startswith(bundle_mark(self._files))
        if not self._bundled:
            log.warning("static/bundle is not made from what is in static/js: pages load the modules one by one")

    def url(self, name: str) -> str:
        """The path of a file. Raises KeyError where there is none: no page is sent with a dead link."""
        if name not in self._files:
            raise KeyError(f"no static file {name}")
        return f"{self._base}/static/{self.hash}/{name}"

    def script(self, name: str) -> str:
        """The path of the bundle of js/<name>.js; of the module itself where the bundles are older than the modules."""
        return self.url(f"bundle/{name}.js" if self._bundled else f"js/{name}.js")

    def stylesheet(self, *names: str) -> str:
        """The path of one style sheet that joins these, in this order."""
        for name in names:
            self.url(f"css/{name}.css")
        return f"{self._base}/static/{self.hash}/css/{'+'.join(names)}.css"

    def inline_style(self, *names: str) -> Markup:
        """Style sheets as an element, for a page that is a file of its own. (Served pages link to theirs.)"""
        css = "\n".join(self._files[f"css/{name}.css"].decode() for name in names)
        return Markup(f"<style>\n{css}</style>")  # noqa: S704  our own files

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A file, to be cached for ever under its hash. Under an older hash (a page from before a deploy) the present
        file."""
        version, _, name = request.match_info["path"].partition("/")
        return self._file(name, FOREVER if version == self.hash else "no-store")

    async def icon(self, _: web.Request) -> web.StreamResponse:
        """/favicon.ico, which browsers request unasked."""
        return self._file("favicon.ico", A_DAY)

    def _file(self, name: str, cache_control: str) -> web.StreamResponse:
        """From memory: the files are few and small, and a busy process may have no descriptor left to open one."""
        content = self._files.get(name) or self._joined(name)
        if content is None:
            raise web.HTTPNotFound
        kind = TYPES.get(PurePath(name).suffix, "text/plain; charset=utf-8")
        return web.Response(body=content, headers={"Content-Type": kind, "Cache-Control": cache_control})

    def _joined(self, name: str) -> bytes | None:
        """For css/a+b.css the contents of a.css and b.css; None where one of them does not exist."""
        names = dict.fromkeys(PurePath(name).stem.split("+"))
        parts = [self._files.get(f"css/{one}.css") for one in names]
        return b"\n".join(filter(None, parts)) if name.startswith("css/") and all(parts) else None


def bundle_mark(files: Mapping[str, bytes]) -> bytes:
    """The first line of a bundle of these static files: the checksum of all modules in js/."""
    modules = {name: content for name, content in files.items() if name.startswith("js/") and name.endswith(".js")}
    return f"// made from static/js {_checksum(modules)[:32]} by make bundle\n".encode()


def _checksum(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\0".encode())
    return digest.hexdigest()


def templates(assets: Assets, **always: object) -> Environment:
    """Jinja2, escaping everything. Every template has `asset(name)`, `script(name)`, `stylesheet(*names)`, and the
    values in `always`."""
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined, enable_async=False
    )
    environment.filters["visible"] = visible
    environment.globals.update(asset=assets.url, inline_style=assets.inline_style, **always)
    environment.globals.update(script=assets.script, stylesheet=assets.stylesheet)
    return environment


def visible(text: str) -> str:
    """People's text as it is shown: two empty lines in a row at most, controls as Unicode's pictures of them."""
    return str(_EMPTY_LINES.sub("\n\n\n", _LINE_ENDS.sub("\n", text))).translate(_CONTROLS)
