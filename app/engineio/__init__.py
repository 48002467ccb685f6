"""An Engine.IO 4 server on asyncio: sessions over HTTP long-polling and WebSocket.

It knows no chat and no Socket.IO. `server = EngineServer(Settings(...))`, set its three callbacks,
`attach(server, app, "/engine.io/")` in any aiohttp application; `await listen(runner, host, port)` in place of a site
of aiohttp's answers its requests without aiohttp.
"""

from app.engineio.addresses import AddressLimit
from app.engineio.mount import Listener, attach, listen
from app.engineio.packet import Packet, ProtocolError, message
from app.engineio.reason import Reason
from app.engineio.server import EngineServer, Settings
from app.engineio.session import Session, State

__all__ = [
    "AddressLimit",
    "EngineServer",
    "Listener",
    "Packet",
    "ProtocolError",
    "Reason",
    "Session",
    "Settings",
    "State",
    "attach",
    "listen",
    "message",
]
