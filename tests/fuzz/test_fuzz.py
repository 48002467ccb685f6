"""A short run of the fuzzer, the same packets each time. `make fuzz` throws a million."""

import pytest

from tests.fuzz.campaign import campaign


@pytest.mark.parametrize(("which", "packets", "scripts"), [("mounted", 2_000, 8), ("chat", 400, 2)])
def test_a_server_under_fire_stands_and_keeps_nothing(which: str, packets: int, scripts: int) -> None:
    seen = campaign(which, packets, scripts=scripts)
    assert seen["read"] >= packets
    assert {status for status in seen["statuses"] if status >= 500} == set()
