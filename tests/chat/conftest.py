"""The rules without a wire: verbs asked through the gate of a real server, on a real database."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.chat import Chat, doors, people
from app.chat.verbs import perform
from app.model import Connection
from app.server import Running

Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def chat(server: Running) -> Chat:
    return server.chat


@pytest.fixture
async def alice(chat: Chat) -> Connection:
    return await doors.arrive(chat, "socket of alice", [people.new_token()], "alice")


@pytest.fixture
async def bob(chat: Chat) -> Connection:
    return await doors.arrive(chat, "socket of bob", [people.new_token()], "bob")


@pytest.fixture
def ask(chat: Chat) -> Ask:
    async def ask(connection: Connection, verb: str, /, **payload: Any) -> dict[str, Any]:
        return await perform(chat, connection, verb, payload)

    return ask
