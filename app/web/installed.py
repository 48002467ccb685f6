"""What makes the site one that can be installed: its manifest, and its service worker.

The worker stores nothing: no conversation is ever shown from a cache, and no page is kept from an update. It says so
where the server cannot be reached, and has what `push-worker.js` does, where that is there.
"""

import hashlib

import orjson
from aiohttp import web

from app.languages import direction, translate
from app.web import edge
from app.web.assets import ASSETS, answer
from app.web.language import language_of, say_in

WORKERS = ("js/service-worker.js", "js/push-worker.js")
WORDS = "js/language.js"  # what the worker's parts say
NO_CACHE = "no-cache"  # asked for again each time, and not sent where it is the same

NAME: web.AppKey[str] = web.AppKey("name", str)  # of the site
ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable.png", "512x512", "maskable"),
)


async def manifest(request: web.Request) -> web.StreamResponse:
    """`/manifest.webmanifest` (W3C, Web Application Manifest)."""
    name, assets, language = request.app[NAME], request.app[ASSETS], language_of(request)
    start = edge.at(request, "/")
    told = {
        "id": start,
        "name": name,
        "short_name": name[:12].strip(),
        "description": translate(language, "Rooms to talk in, with nothing but a nickname."),
        "lang": language,
        "dir": direction(language),
        "start_url": start,
        "scope": start,
        "display": "standalone",
        "background_color": "#fbf9f6",
        "theme_color": "#f6f3ee",
        "icons": [
            {"src": assets.url(file), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in ICONS
        ],
    }
    return await _answer(request, orjson.dumps(told), "application/manifest+json", language)


async def service_worker(request: web.Request) -> web.StreamResponse:
    """`/sw.js`, where its scope is the whole site. It has the words of the reader's language with it: another choice
    makes it another script, which the browser takes with the next page."""
    assets, language = request.app[ASSETS], language_of(request)
    page = orjson.dumps({"lang": language, "dir": direction(language)})
    words = filter(assets.has, (f"languages/{language}/worker.js", *WORKERS))
    parts = [b"self.parlorPage = " + page, _as_script(assets.content(WORDS)), *map(assets.content, words)]
    return await _answer(request, b";\n".join(parts), "text/javascript", language)


def _as_script(module: bytes) -> bytes:
    """One that imports nothing: not every browser has workers that are modules."""
    return module.replace(b"\nexport ", b"\n")


async def _answer(request: web.Request, content: bytes, kind: str, language: str) -> web.StreamResponse:
    tag = hashlib.sha256(content).hexdigest()[:20]
    response = await answer(request, content, f"{kind}; charset=utf-8", tag, NO_CACHE)
    say_in(response, language)
    return response
