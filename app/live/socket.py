"""Socket.IO events in, `perform` out. Decides nothing.

One person's messages keep their order because the engine begins the events of one connection one after the other, and
the store commits in the order of the requests.
"""

import logging
from dataclasses import asdict
from functools import cache
from typing import Any

from socketio.exceptions import ConnectionRefusedError

from app.chat import Chat, people
from app.chat.verbs import VERBS, perform
from app.model import COOKIE, Limits, Person, Refused
from app.socketio import Reason, Server, attach, create_server, listen

__all__ = ["attach", "create_server", "listen", "register_handlers"]

DELIBERATE = (Reason.CLIENT_DISCONNECT, Reason.SERVER_DISCONNECT)
RELOAD_S = 4.0  # in which a page that is reloaded reconnects

log = logging.getLogger("parlor.live")


def register_handlers(server: Server, chat: Chat) -> None:
    """Let `chat` handle the events of namespace `/` of `server`."""

    async def connect(socket: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
        auth = auth or {}
        token = next((one for one in (auth.get("token"), _cookie(environ)) if people.is_token(one)), None)
        minted = None if token else people.new_token()
        keeps_token = minted is None and auth.get("tab") is not True
        try:
            person = await people.arrive(
                chat, socket, token or minted or "", auth.get("nickname"), minted is not None, keeps_token
            )
        except Refused as refusal:
            raise ConnectionRefusedError(refusal.text, refusal.answer()) from None
        chat.broadcaster.send_to(socket, "welcome", _welcome(chat, person, minted))

    async def disconnect(socket: str, reason: str) -> None:
        try:
            person = chat.presence.online.person(socket)
        except KeyError:  # their connect was refused
            return
        try:
            await people.depart(chat, person, awaited=_awaited(chat, reason))
        except Refused as refusal:  # the next start marks everybody as gone
            log.warning("a departure could not be noted: %s", refusal.text)

    async def event(name: str, socket: str, *payload: Any) -> dict[str, Any]:
        person = chat.presence.online.person(socket)
        answer = await perform(chat, person, name, payload[0] if len(payload) == 1 else None)
        if not answer["ok"]:
            server.refused(socket, answer.get("retry_after") if answer["error"] == "too_fast" else None)
        return answer

    server.concurrent = frozenset(name for name, verb in VERBS.items() if verb.concurrent)
    server.on("connect", connect)
    server.on("disconnect", disconnect)
    server.on("*", event)


def _awaited(chat: Chat, reason: str) -> float:
    """Seconds in which they may reconnect before they have left: none after a deliberate disconnect of either side, a
    few after a closed page (a reload looks the same), the operator's grace after a broken connection."""
    if reason in DELIBERATE:
        return 0
    return min(RELOAD_S, chat.grace) if reason == Reason.GOING_AWAY else chat.grace


def _welcome(chat: Chat, person: Person, minted: str | None) -> dict[str, Any]:
    server = _server(chat.version, chat.transports, chat.limits)
    welcome: dict[str, Any] = {"me": people.me(chat, person), "server": server}
    return welcome | {"token": minted} if minted else welcome


@cache
def _server(version: str, transports: tuple[str, ...], limits: Limits) -> dict[str, Any]:
    """The part of `welcome` that is the same for everybody."""
    return {"version": version, "transports": list(transports), "limits": asdict(limits)}


def _cookie(environ: dict[str, Any]) -> str | None:
    """The token in the browser's cookie; one broken cookie does not hide the others."""
    for part in environ.get("HTTP_COOKIE", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return str(value.strip('"'))
    return None
