"""The rules without a wire: verbs asked through the gate of a real server, on a real database."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.chat import Chat, doors, moderation, people
from app.chat.verbs import perform
from app.model import Connection
from app.server import Running

Ask = Callable[..., Awaitable[dict[str, Any]]]


async def arrives(chat: Chat, socket: str, nickname: str | None = None, token: str = "", **more: Any) -> Connection:
    """Somebody comes, and does something of which they are stored."""
    connection = await doors.arrive(chat, socket, [token or chat.tokens.new()], nickname, **more)
    await people.record(chat, connection)
    return connection


@pytest.fixture
def chat(server: Running) -> Chat:
    return server.chat


@pytest.fixture
def long_kicks(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what a kick keeps from: on a busy machine its ten seconds may be over before that is tried."""
    monkeypatch.setattr(moderation, "KICK_S", 3_600.0)


@pytest.fixture
async def alice(chat: Chat) -> Connection:
    return await arrives(chat, "socket of alice", "alice")


@pytest.fixture
async def bob(chat: Chat) -> Connection:
    return await arrives(chat, "socket of bob", "bob")


@pytest.fixture
def ask(chat: Chat) -> Ask:
    async def ask(connection: Connection, verb: str, /, **payload: Any) -> dict[str, Any]:
        return await perform(chat, connection, verb, payload)

    return ask
