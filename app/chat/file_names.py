"""Names of files, as they are shown and offered for download: no path, nothing that steers a terminal or turns writing
around, nothing that a file system reserves."""

import unicodedata

import regex

from app.chat.visible import is_blank, with_plain_blanks, without_controls

LONGEST, LONGEST_ENDING = 120, 16  # characters
MOST_BYTES = 200  # of the 255 that file systems take

_PATH = regex.compile(r"[/\\]")
_FORBIDDEN = regex.compile(r'[<>:"|?*\x00-\x1f\x7f]')  # by Windows ("Naming Files, Paths, and Namespaces")
# Joiners stay within a word or an emoji, and so does what chooses an emoji's look.
_UNSEEN = regex.compile(
    r"[\p{Cs}\p{Co}\p{Zl}\p{Zp}\u200e\u200f\ufeff\u061c]"
    r"|(?![\u200c\u200d\ufe0e\ufe0f])\p{Default_Ignorable_Code_Point}|(?<![\p{L}\p{M}\p{Emoji}])[\u200c\u200d]|[\u200c\u200d](?![\p{L}\p{Emoji}])"
)
_DEVICE = regex.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)", regex.IGNORECASE)

ENDINGS = {"image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"), "image/png": (".png", ".apng"), "image/gif": (".gif",)}
ENDINGS |= {"image/webp": (".webp",)}
PICTURES = {one for endings in ENDINGS.values() for one in endings} | {".avif"}


def file_name(given: str, kind: str) -> str:
    """As it is stored. kind: the file's type; a picture has an ending that says so, another file keeps its own."""
    name = unicodedata.normalize("NFC", _UNSEEN.sub("", given[-4_096:]))
    name = _PATH.split(without_controls(with_plain_blanks(name)))[-1]
    name = " ".join(_FORBIDDEN.sub("_", name).split()).strip(". ")
    if not name or is_blank(name):
        name = "picture" if kind in ENDINGS else "file"
    return _shortened(_with_ending(name, kind))


def _with_ending(name: str, kind: str) -> str:
    stem, dot, _ = name.rpartition(".")
    device, _, _ = name.partition(".")
    if _DEVICE.fullmatch(device.strip()):
        name, stem = f"_{name}", f"_{stem}"
    if kind not in ENDINGS:
        return name
    ending = name[name.rfind(".") :].lower() if dot else ""
    if ending in ENDINGS[kind]:
        return name
    return (stem if ending in PICTURES and stem else name) + ENDINGS[kind][0]


def _shortened(name: str) -> str:
    """From the end of its stem: the ending says what it is."""
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending) > LONGEST_ENDING:
        stem, ending = name, ""
    else:
        ending = f".{ending}"
    while len(stem + ending) > LONGEST or len((stem + ending).encode()) > MOST_BYTES:
        stem = stem[:-1]
    return stem.rstrip(". ") + ending if ending else stem
