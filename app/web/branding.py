"""The site's own name, logo, colour and links, as its operator has chosen them.

One colour is given: that of links and buttons on a light ground. What belongs to it (pressed, pale, on a dark ground)
is made from it, so that text in it or on it can be read everywhere (WCAG 2.2, 1.4.3: a contrast of 4.5).
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

MIN_CONTRAST = 4.5
DARK_CONTRAST = 7.0  # on the dark ground, where ours has 8
STEP = 0.02  # of a mixture
LIGHT_GROUND, DARK_GROUND = "#f3efe9", "#302d2a"  # the least bright and the brightest that text stands on (base.css)
SHEET, DARK_PAPER, WHITE, BLACK = "#ffffff", "#1b1a18", "#ffffff", "#000000"
LOGO_HEIGHT = 28  # CSS pixels
MAX_LOGO_RATIO = 8.0  # of its width to its height
PNG = b"\x89PNG\r\n\x1a\n"

_SVG_SIZE = re.compile(rb"""<svg[^>]*?\sviewBox\s*=\s*["'][\s\d.eE+-]*?([\d.]+)[\s,]+([\d.]+)\s*["']""", re.DOTALL)

Colour = tuple[float, ...]  # red, green, blue: 0 to 255


@dataclass(frozen=True)
class Branding:
    """logo: name of its static file, empty for ours; logo_width in CSS pixels. welcome: words of the first page. files:
    static files that the choices need."""

    logo: str
    logo_width: int
    has_colour: bool
    welcome: str
    imprint: str
    privacy: str
    files: dict[str, bytes]


def branding(logo: Path | None, colour: str, welcome: str, imprint: str, privacy: str) -> Branding:
    """Raises ValueError with a sentence where a choice cannot be used."""
    files, name, width = {}, "", LOGO_HEIGHT
    if logo:
        content = logo.read_bytes()
        name = f"logo{logo.suffix.lower()}"
        files[name], width = content, _logo_width(content)
    if colour:
        files["css/colour.css"] = style(colour).encode()
    return Branding(name, width, bool(colour), welcome.strip(), imprint, privacy, files)


def _logo_width(content: bytes) -> int:
    """Raises ValueError where it is no such picture. Known before it is loaded, so that nothing moves then."""
    if content.startswith(PNG):
        width, height = struct.unpack(">II", content[16:24])
    elif b"<svg" in content[:2_000]:
        found = _SVG_SIZE.search(content)
        width, height = (float(found[1]), float(found[2])) if found else (1, 1)
    else:
        raise ValueError("PARLOR_LOGO is neither an SVG nor a PNG picture.")
    return round(LOGO_HEIGHT * min(MAX_LOGO_RATIO, width / height if height else 1))


def style(colour: str) -> str:
    """The style sheet of a colour. Raises ValueError where text in it could not be read on a light ground."""
    chosen = _parsed(colour)
    if contrast(chosen, _parsed(LIGHT_GROUND)) < MIN_CONTRAST:
        ratio = contrast(chosen, _parsed(LIGHT_GROUND))
        better = _until(chosen, BLACK, LIGHT_GROUND, MIN_CONTRAST)
        raise ValueError(
            f"PARLOR_COLOUR = {colour!r} cannot be used: on the page's light ground its contrast is {ratio:.1f}, and "
            f"{MIN_CONTRAST} is needed for text to be read. {_written(better)} would do; that on a dark ground is "
            "made from it."
        )
    dark = _until(chosen, WHITE, DARK_GROUND, DARK_CONTRAST)
    light_rules = _rules(chosen, _mixed(chosen, _parsed(BLACK), 0.2), _wash(chosen, SHEET), _on(chosen))
    dark_rules = _rules(dark, _mixed(dark, _parsed(WHITE), 0.2), _wash(dark, DARK_PAPER), _on(dark))
    return (
        f"@media screen {{\n:root {{ {light_rules} }}\n"
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark_rules} }} }}\n'
        f':root[data-theme="dark"] {{ {dark_rules} }}\n}}\n'
    )


def contrast(one: Colour, other: Colour) -> float:
    """1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _until(colour: Colour, towards: str, ground: str, wanted: float) -> Colour:
    """Mixed with black or white until it can be read there."""
    for step in range(round(1 / STEP) + 1):
        mixed = _rounded(_mixed(colour, _parsed(towards), step * STEP))
        if contrast(mixed, _parsed(ground)) >= wanted:
            return mixed
    return _parsed(towards)


def _wash(colour: Colour, ground: str) -> Colour:
    """A pale ground on which text in the colour can be read."""
    for share in (0.14, 0.1, 0.06, 0.03):
        wash = _mixed(_parsed(ground), colour, share)
        if contrast(wash, colour) >= MIN_CONTRAST:
            return wash
    return _parsed(ground)


def _on(colour: Colour) -> Colour:
    """For text on the colour."""
    deep = _mixed(colour, _parsed(BLACK), 0.85)
    return max((_parsed(WHITE), deep), key=lambda one: contrast(one, colour))


def _rules(accent: Colour, strong: Colour, wash: Colour, on: Colour) -> str:
    named = {"accent": accent, "accent-strong": strong, "accent-wash": wash, "on-accent": on}
    return " ".join(f"--{name}: {_written(colour)};" for name, colour in named.items())


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    return tuple(a + (b - a) * share for a, b in zip(one, other, strict=True))


def _rounded(colour: Colour) -> Colour:
    return _parsed(_written(colour))


def _parsed(text: str) -> Colour:
    return tuple(int(text[at : at + 2], 16) for at in (1, 3, 5))


def _written(colour: Colour) -> str:
    return "#" + "".join(f"{round(part):02x}" for part in colour)
