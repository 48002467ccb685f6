"""The wall clock jumps by a day: nobody is let go for it, nothing changes its order."""

import contextlib
from pathlib import Path

from tests.faults.conversation import Conversation
from tests.faults.fellow import gathering, sit_down
from tests.support.need import require
from tests.support.process import Standing

HEARTBEAT = ("--ping-interval", "0.5", "--ping-timeout", "3")


def faked(file: Path) -> dict[str, str]:
    """The environment of a process whose wall clock, and no other, is as far off as the file says (libfaketime(1))."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    require(found, "libfaketime is not installed: no clock is made to jump")
    file.write_text("+0s\n")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",  # seconds after which the file is read again
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else every wait for Python's global lock ends at once and it spins
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


async def test_a_clock_that_jumps_by_a_day_lets_nobody_go_and_changes_no_order(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    async with (
        Standing(tmp_path / "data", "--rate-limit", "off", *HEARTBEAT, **faked(clock)) as server,
        gathering() as http,
        contextlib.AsyncExitStack() as stack,
        Conversation(server.database, [server.url]) as talk,
    ):
        fellows = await sit_down(stack, http, server.url, 10)
        talk.begins()
        await talk.goes_on(50)
        for jump in ("+1d", "-1d", "+0s"):
            before = day(talk)
            clock.write_text(f"{jump}\n")
            await talk.sees(lambda before=before: day(talk) != before)
            heard = [one.heard for one in fellows]
            await talk.sees(lambda heard=heard: all(o.heard > n + 100 for o, n in zip(fellows, heard, strict=True)))
        assert await talk.violations() == []
        assert not any(one.is_gone for one in fellows)
        assert all(len(one.record.lines) == 1 for one in talk.listeners), "nobody had to come back"


def day(talk: Conversation) -> str:
    """Of the server's clock, as its last message has it."""
    copy = talk.listeners[0].copy
    assert copy
    return str(copy.messages[-1]["at"])[:10]
