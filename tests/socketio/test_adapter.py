"""What the repairs lean on: this release fits, and one that does not is named."""

import importlib.metadata

import pytest

from app.socketio.adapter import CHECKED, LEANS_ON, UnfitLibrary, check


def test_the_pinned_release_fits() -> None:
    check()


def test_the_pinned_release_is_the_one_that_docs_speak_of() -> None:
    assert importlib.metadata.version("python-socketio") == CHECKED


@pytest.mark.parametrize("part", list(LEANS_ON), ids=lambda part: part.__qualname__)
def test_a_part_that_has_changed_is_named(part: object) -> None:
    with pytest.raises(UnfitLibrary) as refusal:
        check({part: ("self", "something", "else")})  # type: ignore[dict-item]
    assert part.__qualname__ in str(refusal.value)  # type: ignore[attr-defined]
    assert "python-socketio 5.18.1" in str(refusal.value)
