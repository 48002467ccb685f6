"""A picture made anew from its pixels: without metadata, turned as it is to be seen, in the colours of sRGB, with a
thumbnail. Nothing of the uploaded bytes is left in it.

A program of its own, run for each picture: `python pictures.py SOURCE PICTURE THUMBNAIL` writes one line of JSON. A
decoder that crashes, or that eats memory or time, ends with its process, and the server's event loop never waits.
"""

import io
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageFile, ImageOps, ImageSequence

MAX_PIXELS = 50_000_000  # of a picture, before any is decoded
KEPT_PIXELS = 24_000_000  # a larger picture is made smaller
MAX_SIDE = 16_383  # of WebP (its container specification)
MAX_FRAMES, MAX_FRAME_PIXELS = 1_000, 100_000_000  # of an animation; of all its frames together
THUMBNAIL_SIDE = 800
SMALL_BYTES = 150_000  # a picture that is no larger, and no wider than a thumbnail, is its own
READ = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
MEMORY, CPU_S, WRITTEN = 2_000_000_000, 60, 500_000_000

LOSSY = {"quality": 85, "method": 3}
QUALITY: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 88, "progressive": True, "optimize": True},
    "PNG": {"compress_level": 6},
    "GIF": {},
    "WEBP": LOSSY,
}
FORMS = {"AVIF": "WEBP", "MPO": "JPEG"}  # WebP, which more browsers know; of several pictures in a JPEG the first
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}


class Unfit(Exception):
    """Too large to be read: a sentence with places, and what stands in them."""

    def __init__(self, pattern: str, **values: object) -> None:
        super().__init__(pattern)
        self.values = values


def make_anew(source: str, target: str, thumbnail: str) -> dict[str, Any]:
    """What is in `target` then: `{type, width, height, animated, thumbnail}`; whether a thumbnail was made. Raises
    Unfit, and whatever a decoder raises."""
    with Image.open(source, formats=READ) as picture:
        _check_size(picture)
        frames = _frames(picture)
        form = FORMS.get(str(picture.format), str(picture.format))
        how = QUALITY[form] | ({"lossless": True, "quality": 60} if _is_lossless(source, form) else {})
        if frames > 1:
            first = _animated(picture, form, how, target)
        else:
            first = _still(picture, form)
            first.save(target, form, **how)
    told: dict[str, Any] = {"type": TYPES[form], "width": first.width, "height": first.height, "animated": frames > 1}
    is_small = max(first.size) <= THUMBNAIL_SIDE and Path(target).stat().st_size <= SMALL_BYTES
    if frames > 1 or not is_small:
        small = first.convert("RGBA" if first.has_transparency_data else "RGB")
        small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
        small.save(thumbnail, "WEBP", quality=78, method=4)
    return told | {"thumbnail": frames > 1 or not is_small}


def _check_size(picture: ImageFile.ImageFile) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        millions = math.ceil(width * height / 1e6)
        places = {"millions": f"{millions:,}", "limit": MAX_PIXELS // 1_000_000}
        raise Unfit("The picture has {millions} megapixels; {limit} at most are read here.", **places)


def _frames(picture: ImageFile.ImageFile) -> int:
    """Counts no further than it has to."""
    count, pixels = 1, picture.width * picture.height
    if picture.format == "MPO" or not getattr(picture, "is_animated", False):
        return 1
    with suppress(EOFError):
        while True:
            picture.seek(count)
            count += 1
            if count > MAX_FRAMES or count * pixels > MAX_FRAME_PIXELS:
                raise Unfit("The animation is longer, or larger, than is read here.")
    picture.seek(0)
    return count


def _is_lossless(source: str, form: str) -> bool:
    if form != "WEBP":
        return False
    with Path(source).open("rb") as file:
        return b"VP8L" in file.read(64)


def _still(picture: ImageFile.ImageFile, form: str) -> Image.Image:
    scale = min(1.0, math.sqrt(KEPT_PIXELS / (picture.width * picture.height)), MAX_SIDE / max(picture.size))
    size = max(1, int(picture.width * scale)), max(1, int(picture.height * scale))
    if form == "JPEG" and scale < 1:
        picture.draft(None, size)  # decoded smaller, with less memory
    picture.load()
    profile = picture.info.get("icc_profile")
    upright = ImageOps.exif_transpose(picture)
    if upright.size != picture.size:
        size = size[::-1]
    shown = _in_srgb(upright, profile, form)
    if scale < 1:
        shown.thumbnail(size, Image.Resampling.LANCZOS)
    return _bare(shown)


def _animated(picture: ImageFile.ImageFile, form: str, how: dict[str, Any], target: str) -> Image.Image:
    """Frame after frame. The first one."""
    profile = picture.info.get("icc_profile")
    times: list[int] = []
    loop = picture.info.get("loop", 1 if form == "GIF" else 0)

    def frames() -> Iterator[Image.Image]:
        for frame in ImageSequence.Iterator(picture):
            frame.load()
            times.append(int(frame.info.get("duration") or 100))
            yield _bare(_in_srgb(frame.convert("RGBA"), profile, form))

    drawn = frames()
    first = next(drawn)
    others = list(drawn)  # all are small together
    how |= {"save_all": True, "append_images": others, "duration": times, "disposal": 2 if form == "GIF" else None}
    how = {name: value for name, value in how.items() if value is not None}
    if form != "GIF" or "loop" in picture.info:
        how["loop"] = loop
    if form == "WEBP":
        how |= {"method": 1, "minimize_size": False}
    first.save(target, form, **how)
    return first


def _in_srgb(picture: Image.Image, profile: bytes | None, form: str) -> Image.Image:
    """In a mode that the format knows, and in the colours that every browser takes for granted."""
    picture = _in_mode(picture, form, profile)
    if not profile or picture.mode not in ("RGB", "RGBA"):
        return picture
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if own.profile.xcolor_space.strip() == "RGB" and "srgb" not in (own.profile.profile_description or "").lower():
            intent = ImageCms.Intent.PERCEPTUAL
            found = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), intent)
            return found or picture
    return picture


def _in_mode(picture: Image.Image, form: str, profile: bytes | None) -> Image.Image:
    if form == "JPEG":
        if picture.mode == "CMYK" and profile:
            with suppress(ImageCms.PyCMSError, OSError, ValueError):
                own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
                found = ImageCms.profileToProfile(picture, own, srgb, outputMode="RGB")
                return found or picture.convert("RGB")
        return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
    if picture.mode.startswith("I;16"):  # of 16 bits the upper eight
        return picture.point(lambda value: value / 256).convert("L")
    kept = ("L", "LA", "RGB", "RGBA", *(() if form == "WEBP" or picture.has_transparency_data else ("1", "P")))
    if picture.mode in kept:
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _bare(picture: Image.Image) -> Image.Image:
    """Its pixels alone."""
    picture = picture.copy() if isinstance(picture, ImageFile.ImageFile) else picture
    picture.info = {}
    with suppress(AttributeError):
        picture.getexif().clear()
    return picture


def _set_limits() -> None:
    """Before anything is read."""
    Image.MAX_IMAGE_PIXELS = None  # we look ourselves, and let nothing pass that is larger
    with suppress(ImportError, OSError, ValueError):
        import resource

        os.nice(10)
        for what, most in (("AS", MEMORY), ("CPU", CPU_S), ("FSIZE", WRITTEN), ("CORE", 0)):
            resource.setrlimit(getattr(resource, f"RLIMIT_{what}"), (most, most))


def main() -> None:
    _set_limits()
    try:
        answer = make_anew(*sys.argv[1:4])
    except Unfit as unfit:
        answer = {"unfit": str(unfit), "values": unfit.values}
    except Exception as error:  # whatever a decoder raises: to people it is one and the same
        answer = {"why": repr(error)[:200]}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
