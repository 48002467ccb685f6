"""A short run of the fuzzer, the same packets each time. `make fuzz` throws a million."""

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.fuzz.campaign import campaign, stops
from tests.fuzz.peers import Fault


@pytest.mark.parametrize(("which", "packets", "scripts"), [("mounted", 2_000, 8), ("chat", 400, 2)])
def test_a_server_under_fire_stands_and_keeps_nothing(which: str, packets: int, scripts: int) -> None:
    seen = campaign(which, packets, scripts=scripts)
    assert seen["read"] >= packets
    assert {status for status in seen["statuses"] if status >= 500} == set()


@pytest.mark.parametrize("which", ["mounted", "chat"])
def test_a_server_under_fire_stops_when_it_is_told_to(which: str) -> None:
    stops(which, first=0, count=2)


def test_what_is_found_is_told_also_of_a_server_that_does_not_stop_any_more() -> None:
    def find(_: str) -> None:
        for pid in Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split():
            if b"tests.fuzz.served" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(int(pid), signal.SIGSTOP)
        raise Fault("something is left behind")

    with pytest.raises(Fault, match="something is left behind"):
        campaign("mounted", 1_000, scripts=1, tell=find)
