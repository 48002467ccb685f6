"""A peer that leaves before its WebSocket stands leaves no traceback and no session."""

import asyncio
import logging
import socket
import struct

import pytest

from app.server import Running
from tests.support.talker import until

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize("path", ["/socket.io/?EIO=4&transport=websocket", "/ws/echo"])
async def test_a_peer_that_leaves_before_the_101_is_no_error(
    server: Running, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = server.listeners[0].sockets[0].getsockname()
    for _ in range(10):
        with socket.create_connection((host, port)) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leaves with a reset
            line.sendall(HANDSHAKE.format(path=path).encode())
        await asyncio.sleep(0)
    await until(lambda: not server.sockets.engine.sessions)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
