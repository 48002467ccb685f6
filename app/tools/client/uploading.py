"""Files, by HTTP: `POST /files`."""

import re
from pathlib import Path

import aiohttp

from app.tools.client.shapes import File, refusal

IDLE_S = 30.0  # without a byte either way


async def upload(url: str, token: str | None, path: Path, name: str | None) -> File:
    """See Client.upload."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=IDLE_S, sock_read=IDLE_S)
    with path.open("rb") as file:
        form = aiohttp.FormData(quote_fields=False)  # else names arrive with percent signs
        form.add_field("file", file, filename=re.sub(r"[\x00-\x1f\x7f]", " ", name or path.name))
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
                http.post(f"{url.rstrip('/')}/files", data=form, headers=headers) as response,
            ):
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ConnectionError(f"the file did not arrive: {error or type(error).__name__}") from error
    if isinstance(answer, dict) and isinstance(answer.get("file"), dict):
        stored: File = answer["file"]
        return stored
    if isinstance(answer, dict) and "error" in answer and "text" in answer:
        raise refusal(answer)
    raise ConnectionError(f"the server takes no files: it answered {response.status}")
