"""The Socket.IO Admin UI (https://socket.io/docs/v4/admin-ui/), where the operator asks for it: numbers only.

The library's other mode shows every event and every header to whoever knows the password, cookies and messages among
them; that one is not offered.
"""

import hmac
from typing import Any

from app.live.engine import Server

NAME = "admin"


def show(server: Server, password: str) -> None:
    """Open namespace `/admin` to who signs in as `admin` with this password."""

    def may(auth: Any) -> bool:
        given = auth if isinstance(auth, dict) else {}
        named = given.get("username") == NAME
        return named and hmac.compare_digest(str(given.get("password", "")).encode(), password.encode())

    server.instrument(auth=may, mode="production", read_only=True)
