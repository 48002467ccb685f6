"""What is taken from inside redis-py: the pinned release has it, and one without it is refused in a sentence."""

from pathlib import Path

import pytest
from redis.asyncio import Connection, SSLConnection
from redis.asyncio.connection import AbstractConnection, UnixDomainSocketConnection

from app.live.redis import address, replies

REQUIRED = (Path(__file__).parents[3] / "requirements.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [Connection, SSLConnection, UnixDomainSocketConnection])
def test_each_kind_of_connection_of_the_pinned_release_fits(kind: type[AbstractConnection]) -> None:
    assert f"redis[hiredis]=={replies.CHECKED}" in REQUIRED
    replies.check(kind())


def test_a_release_without_the_name_is_refused_at_the_start_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "WRITER", "_is_called_otherwise_now")
    with pytest.raises(
        replies.UnfitLibrary, match=r"Connection has no _is_called_otherwise_now.* made for redis-py 8\.1\.0"
    ):
        address.Address("redis://127.0.0.1", "parlor-test")
