"""Makes the pictures in static/ from static/favicon.svg: `make icons`. A browser draws them.

The icons of the installed page, one of them with room around it, for systems that cut icons to a shape of their own
(W3C, Web Application Manifest, "maskable"), and the picture in previews of shared links.
"""

import asyncio
import io
import re
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, async_playwright

STATIC = Path(__file__).parents[1] / "static"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ACCENT, PAPER = "#0f6f67", "#fbf9f6"
COLOURS = 32

# name: (width, height, size of the mark, its colour, the ground's)
PICTURES = {
    "icon-192.png": (192, 192, 176, ACCENT, "transparent"),
    "icon-512.png": (512, 512, 470, ACCENT, "transparent"),
    "icon-maskable.png": (512, 512, 300, "#fff", ACCENT),
    "icon-apple.png": (180, 180, 120, "#fff", ACCENT),
    "preview.png": (1200, 630, 300, ACCENT, PAPER),
}


async def main() -> None:
    """Exit code 1 without a browser."""
    if CHROMIUM is None:
        sys.exit("Chromium draws these pictures; there is none here.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name in PICTURES:
            (STATIC / name).write_bytes(await drawn(browser, *PICTURES[name]))
        await browser.close()


async def drawn(browser: Browser, width: int, height: int, size: int, colour: str, ground: str) -> bytes:
    svg = (STATIC / "favicon.svg").read_text(encoding="utf-8")
    dots = ACCENT if colour == "#fff" else "#fff"
    svg = re.sub(r'<path fill="[^"]*"', f'<path fill="{colour}"', svg).replace('<g fill="#fff"', f'<g fill="{dots}"')
    svg = svg.replace("<svg ", f'<svg width="{size}" height="{size}" ', 1)
    page = await browser.new_page(viewport={"width": width, "height": height})
    style = f"margin:0;height:100vh;display:grid;place-items:center;background:{ground}"
    await page.set_content(f'<body style="{style}">{svg}</body>')
    picture = await page.screenshot(omit_background=ground == "transparent")
    await page.close()
    return smaller(picture)


def smaller(picture: bytes) -> bytes:
    """With few colours, as one mark needs no more."""
    made = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(made, "PNG", optimize=True)
    return made.getvalue()


if __name__ == "__main__":
    asyncio.run(main())
