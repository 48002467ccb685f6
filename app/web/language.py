"""Which language a page is in, and what its template says in it.

The reader's own choice comes first (a part of the cookie that holds how pages look, app/web/look.py), then what the
browser asks for (`Accept-Language`), then the site's.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from aiohttp import hdrs, web
from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app.languages import ENGLISH, LANGUAGES, direction, formats, isolated, ntranslate, pattern, translated
from app.model import Sentence, counted
from app.web.compression import add_vary
from app.web.look import look_of

OF_SITE = web.AppKey("language", str)  # for who asks for none that there is

_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)


def language_of(request: web.Request) -> str:
    """Of the reader of a page."""
    asked = ",".join(request.headers.getall(hdrs.ACCEPT_LANGUAGE, []))
    return look_of(request).language or accepted(asked) or request.config_dict[OF_SITE]


def accepted(asked: str) -> str:
    """The one of ours that is wanted most (RFC 9110, 12.5.4): `de` for `de-AT`; of equals the first. Empty where none
    is wanted."""
    wanted: dict[str, float] = {}
    for part in asked.split(","):
        tag, _, parameter = part.partition(";")
        quality = _QUALITY.fullmatch(parameter) if parameter else None
        language = re.split("[-_]", tag.strip().lower())[0]
        if language in LANGUAGES:
            weight = float(quality[1]) if quality else 0.0 if parameter else 1.0
            wanted[language] = max(weight, wanted.get(language, 0.0))
    best = max(wanted, key=lambda language: wanted[language], default="")
    return best if best and wanted[best] else ""


def say_in(response: web.StreamResponse, language: str) -> None:
    """What the headers of a page say of its language."""
    response.headers[hdrs.CONTENT_LANGUAGE] = language
    add_vary(response, "Accept-Language, Cookie")


def add_to(environment: Environment) -> None:
    """Give templates what they say. They are rendered with `language`; without one they say it in English."""
    environment.globals.update(
        _=_translate, ngettext=_ntranslate, sentence=_sentence, names=_names, day_name=_day_name, number=_number
    )
    environment.globals.update(size_of=_size_of, moment=_moment, direction_of=direction, languages=LANGUAGES)
    environment.filters["ago"] = _ago


def _language(context: Context) -> str:
    return str(context.get("language", ENGLISH))


@pass_context
def _translate(context: Context, text: str, **values: Any) -> Markup:
    """A sentence. Values that are Markup (a link, a name in bold) stay what they are; all else is escaped."""
    language = _language(context)
    return _filled(language, pattern(language, text), values)


@pass_context
def _ntranslate(context: Context, one: str, other: str, n: int, **values: Any) -> Markup:
    """A sentence that counts."""
    language = _language(context)
    return _filled(language, pattern(language, one, other, n), {"n": formats.number(language, n), **values})


@pass_context
def _sentence(context: Context, text: str) -> str:
    """A sentence from elsewhere."""
    return translated(_language(context), text)


def _filled(language: str, text: str, values: dict[str, Any]) -> Markup:
    return escape(isolated(language, text, values)).format(**values) if values else escape(text)


@pass_context
def _names(context: Context, shown: Iterable[str], more: int = 0) -> Markup:
    """People's nicknames in a row: `ann, bob and 3 more`."""
    language = _language(context)
    parts: list[str] = [Markup("<bdi>{}</bdi>").format(one) for one in shown]
    if more:
        parts.append(escape(ntranslate(language, "{n} more", "{n} more", more)))
    return Markup(formats.listing(language, parts))  # noqa: S704  its parts are escaped


@pass_context
def _day_name(context: Context, day: date) -> str:
    return formats.day_name(_language(context), day)


@pass_context
def _moment(context: Context, at: datetime | str, has_seconds: bool = False) -> str:
    """at: also as messages have it."""
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return formats.moment(_language(context), found, has_seconds)


@pass_context
def _number(context: Context, value: float) -> str:
    return formats.number(_language(context), value)


@pass_context
def _size_of(context: Context, bytes: int) -> str:
    return formats.size_of(_language(context), bytes)


@pass_context
def _ago(context: Context, at: str) -> str:
    """How long ago an ISO time was; in no reader's time zone, for the server does not know it."""
    return translated(_language(context), _how_long_ago(at))


def _how_long_ago(at: str) -> str:
    minutes = int((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds() / 60)
    if minutes < 1:
        return Sentence("just now")
    if minutes < 60:
        return counted("{n} min ago", "{n} min ago", minutes)
    if minutes < 24 * 60:
        return counted("{n} h ago", "{n} h ago", minutes // 60)
    days = minutes // (24 * 60)
    return Sentence("yesterday") if days == 1 else counted("{n} day ago", "{n} days ago", days)
