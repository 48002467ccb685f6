"""Runs pictures.py for an uploaded picture, and holds it to its time."""

import asyncio
import json
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.model import Refused, Sentence

log = logging.getLogger("parlor.files")

PROGRAM = Path(__file__).with_name("pictures.py")
TIMEOUT_S = 60.0
AT_ONCE = 2  # pictures; each takes up to some hundred megabytes
# What a program needs of the environment; no password of ours is in it.
PASSED_ON = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
    "TMPDIR",
    "TEMP",
    "LANG",
)

_turn = asyncio.Semaphore(AT_ONCE)


async def made_anew(source: Path) -> tuple[dict[str, Any], Path, Path | None]:
    """What the picture is, `{type, width, height, animated}`, and where it and its thumbnail are now. Raises
    `file_type`, `file_too_large`."""
    target, thumbnail = source.with_suffix(".picture"), source.with_suffix(".thumbnail")
    async with _turn:
        answer = await _run(str(source), str(target), str(thumbnail))
    if "why" in answer:
        log.info("a picture was refused: %s", answer["why"])
        raise Refused("file_type", "This picture is damaged, and cannot be read.")
    if "unfit" in answer:
        raise Refused("file_too_large", Sentence(answer["unfit"], **answer.get("values", {})))
    return answer, target, thumbnail if answer.pop("thumbnail") else None


async def _run(*arguments: str) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(PROGRAM), *arguments),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            said, _ = await process.communicate()
        answer: dict[str, Any] = json.loads(said)
        return answer
    except (TimeoutError, ValueError):  # it took too long, or ended without a word
        log.warning("a picture could not be read within its time and memory")
        return {"unfit": Sentence("This picture takes too long, or too much memory, to be read.")}
    finally:
        with suppress(ProcessLookupError):
            process.kill()
