"""Why a session ended."""

import enum


class Reason(enum.StrEnum):
    """The first five are python-engineio's words."""

    CLIENT_DISCONNECT = "client disconnect"
    SERVER_DISCONNECT = "server disconnect"
    TRANSPORT_CLOSE = "transport close"
    TRANSPORT_ERROR = "transport error"
    PING_TIMEOUT = "ping timeout"
    GOING_AWAY = "going away"  # the page was closed or reloaded (RFC 6455, 7.4.1: 1001; Engine.IO: CLOSE)
