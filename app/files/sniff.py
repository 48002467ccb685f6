"""What a file is, by how it begins. What the client says of it counts for nothing.

Only pictures are ever shown by a browser, and those are made anew (pictures.py). Of everything else the type is for
people, and for the program that opens the download.
"""

BEGINNING = 4_096  # bytes that are looked at

PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")
UNKNOWN, TEXT = "application/octet-stream", "text/plain"

_SIGNATURES = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"\xff\xf9", "audio/aac"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
)
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic"}
_BRANDS |= {b"mif1": "image/heif", b"M4A ": "audio/mp4", b"qt  ": "video/quicktime"}
_IN_RIFF = 8  # where the kind of a RIFF container stands


def type_of(beginning: bytes) -> str:
    """The type of a file that begins so; `application/octet-stream` where nothing is known of it."""
    for at, mark, kind in _SIGNATURES:
        if beginning[at : at + len(mark)] == mark and (at != _IN_RIFF or beginning.startswith(b"RIFF")):
            return kind
    if beginning[4:8] == b"ftyp":  # ISO/IEC 14496-12: a box of brands
        return _of_brands(beginning)
    return TEXT if _is_text(beginning) else UNKNOWN


def _of_brands(beginning: bytes) -> str:
    """`mif1` is a brand of pictures of either kind: the compatible brands tell which."""
    brands = [beginning[8:12], *(beginning[at : at + 4] for at in range(16, min(beginning[3], 64), 4))]
    if b"avif" in brands or b"avis" in brands:
        return "image/avif"
    return _BRANDS.get(brands[0], "video/mp4")


def _is_text(beginning: bytes) -> bool:
    """A character may be cut at the end of what is looked at."""
    if not beginning or b"\0" in beginning:
        return False
    for cut in range(4):
        try:
            beginning[: len(beginning) - cut].decode()
        except UnicodeDecodeError:
            continue
        return cut == 0 or len(beginning) == BEGINNING
    return False
