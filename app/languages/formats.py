"""Dates, numbers and lists as readers of a language write them. English ones are as Parlor has always written them."""

from collections.abc import Sequence
from datetime import date, datetime

from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from app.languages import ENGLISH

UNITS = (
    (1e12, "TB", "digital-terabyte"),
    (1e9, "GB", "digital-gigabyte"),
    (1e6, "MB", "digital-megabyte"),
    (1e3, "KB", "digital-kilobyte"),
)


def day_name(language: str, day: date) -> str:
    """`Friday, 27 November 2026`."""
    return format_date(day, "EEEE, d MMMM y" if language == ENGLISH else "full", locale=language)


def moment(language: str, at: datetime, has_seconds: bool = False) -> str:
    """A day and its time, in the zone that `at` has: `2026-11-27 09:30`."""
    if language == ENGLISH:
        return f"{at:%Y-%m-%d %H:%M:%S}" if has_seconds else f"{at:%Y-%m-%d %H:%M}"
    return format_datetime(at, "medium" if has_seconds else "short", locale=language)


def number(language: str, value: float) -> str:
    """`12,345.6`"""
    return format_decimal(value, locale=language)


def size_of(language: str, bytes: int) -> str:
    """`1.2 MB`, in one line."""
    return _size_of(language, bytes).replace(" ", "\u00a0")


def _size_of(language: str, bytes: int) -> str:
    for unit, name, of_babel in UNITS:
        if bytes >= unit * 0.9995:
            value = bytes / unit
            rounded = float(f"{value:.2g}") if bytes < 9.95 * unit else round(value)
            if language == ENGLISH:
                return f"{value:.2g} {name}" if bytes < 9.95 * unit else f"{value:.0f} {name}"
            return format_unit(rounded, of_babel, length="short", locale=language)
    return f"{bytes} B" if language == ENGLISH else format_unit(bytes, "digital-byte", length="short", locale=language)


def listing(language: str, parts: Sequence[str]) -> str:
    """`one, two and three`"""
    return format_list(parts, locale="en_GB" if language == ENGLISH else language)
