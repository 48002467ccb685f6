"""Where the files are that come with the program: beside the source, or inside the wheel."""

from pathlib import Path

_WHEEL = Path(__file__).parent / "_pages"
ROOT = _WHEEL if _WHEEL.is_dir() else Path(__file__).parents[1]
