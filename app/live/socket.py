"""The socket door: Socket.IO in, `perform` out. Decides nothing.

One person's words stay in order because the engine does one connection's events one after the other.
"""

import logging
from typing import Any

from socketio.exceptions import ConnectionRefusedError

from app.chat import Chat, people
from app.chat.verbs import perform
from app.live.engine import Server, attach, create_server
from app.model import COOKIE, Person, Refused

__all__ = ["attach", "create_server", "open_door"]

log = logging.getLogger("parlor.live")


def open_door(server: Server, chat: Chat) -> None:
    """Let the chat hear and answer on namespace `/` of `server`."""
    here: dict[str, Person] = {}

    async def connect(socket: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
        auth = auth or {}
        token = next((one for one in (auth.get("token"), _cookie(environ)) if people.is_token(one)), None)
        minted = None if token else people.new_token()
        try:
            person = await people.arrive(chat, socket, token or minted or "", auth.get("nickname"))
        except Refused as refusal:
            raise ConnectionRefusedError(refusal.text, refusal.answer()) from None
        here[socket] = person
        chat.voice.whisper(socket, "welcome", _welcome(chat, person, minted))

    async def disconnect(socket: str, _reason: str) -> None:
        if person := here.pop(socket, None):
            try:
                await people.depart(chat, person)
            except Refused as refusal:  # at the next start nobody is here anyway
                log.warning("a departure could not be noted: %s", refusal.text)

    async def event(name: str, socket: str, *payload: Any) -> dict[str, Any]:
        return await perform(chat, here[socket], name, payload[0] if len(payload) == 1 else None)

    server.on("connect", connect)
    server.on("disconnect", disconnect)
    server.on("*", event)


def _welcome(chat: Chat, person: Person, minted: str | None) -> dict[str, Any]:
    limits = {name: getattr(chat.limits, name) for name in chat.limits.__slots__}
    server = {"version": chat.version, "transports": list(chat.transports), "limits": limits}
    welcome: dict[str, Any] = {"me": people.me(chat, person), "server": server}
    return welcome | {"token": minted} if minted else welcome


def _cookie(environ: dict[str, Any]) -> str | None:
    """The token that the browser carries, read as the pages read it: one broken cookie must not hide the others."""
    token: str | None = environ["aiohttp.request"].cookies.get(COOKIE)
    return token
