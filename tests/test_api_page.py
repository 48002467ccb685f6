"""docs/api.md does what it says: its lines of shell are run in their order against a server, by a real curl."""

import asyncio
import re
from pathlib import Path

import pytest

from app.server import Running
from tests.support.need import program
from tests.support.receiver import Receiver
from tests.support.talker import Talker
from tests.web.test_hooks import hook_of

PAGE = (Path(__file__).parents[1] / "docs/api.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


async def test_the_lines_of_shell_on_the_page_work_as_they_stand(server: Running) -> None:
    for name in ("curl", "jq"):
        program([name], "the lines of docs/api.md cannot be run")
    script = "\n".join(["set -euo pipefail", f"URL={server.url}", *blocks("sh")])
    ran = await asyncio.create_subprocess_exec(
        "bash", "-x", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await ran.communicate()
    assert ran.returncode == 0, said.decode()[-3000:]
    async with Talker(server.url, "reader") as reader:
        texts = [one["text"] for one in (await reader.join("lobby"))["messages"]]
    assert texts == [
        "Good morning!",
        "1.2.0 is out",
        "The build is green.",
        "Deployed **1.2.0**",
        "plain text is enough",
        "so is a form",
    ]


@pytest.mark.parametrize("source", blocks("python"), ids=["receive"])
async def test_the_receiver_on_the_page_verifies_what_is_delivered(server: Running, source: str) -> None:
    server.chat.hook_private = True
    names: dict[str, object] = {}
    exec(source, names)
    async with Talker(server.url, "robin") as robin, Receiver() as receiver:
        await robin.join("lobby")
        secret = (await hook_of(robin, url=receiver.url))["secret"]
        await robin.say("lobby", "hello")
        await receiver.takes(lambda: receiver.taken)
        headers, body = receiver.got[0]
        assert names["receive"](body, headers, secret) == "robin: hello"  # type: ignore[operator]
