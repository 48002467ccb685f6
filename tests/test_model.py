"""The nouns: what is said with them."""

import pytest

from app.model import span


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 s"),
        (0.2, "1 s"),
        (59.1, "60 s"),
        (100, "100 s"),
        (100.1, "2 min"),
        (3_599, "60 min"),
        (6_001, "2 hours"),
        (86_400, "24 hours"),
        (172_801, "3 days"),
        (30 * 86_400, "30 days"),
    ],
)
def test_a_length_of_time_is_said_rounded_up(seconds: float, said: str) -> None:
    assert span(seconds) == said
