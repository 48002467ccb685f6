"""When a client comes back: later each time, and no crowd at once. (The page: tests/js/backoff.test.mjs.)"""

import pytest

from app.tools.client import pause_after
from tests.faults.test_crowd import ONE_WAVE, busiest

PAUSES = (1.0, 15.0)


@pytest.mark.parametrize(("failures", "ceiling"), [(0, 1.0), (1, 2.0), (3, 8.0), (4, 15.0), (30, 15.0)])
def test_a_pause_is_drawn_from_a_quarter_of_its_ceiling_to_all_of_it(failures: int, ceiling: float) -> None:
    drawn = [pause_after(failures, PAUSES) for _ in range(200)]
    assert all(ceiling / 4 <= pause <= ceiling for pause in drawn)
    assert busiest(drawn) < ONE_WAVE, "nor do 200 come in one wave"
