"""Socket.IO events in, `perform` out. Decides nothing.

One person's messages keep their order because the engine begins the events of one connection one after the other, and
the store commits in the order of the requests.
"""

from collections.abc import Callable
from typing import Any

from socketio.exceptions import ConnectionRefusedError

from app.chat import Chat, doors
from app.chat.doors import Ending
from app.chat.floods import SLOWED
from app.chat.verbs import VERBS, perform
from app.engineio.request import Request
from app.languages import ENGLISH, LANGUAGES, answer_in
from app.model import Refused
from app.socketio import REQUEST, Reason, Server, attach, create_server, listen

__all__ = ["attach", "create_server", "listen", "register_handlers"]

ENDINGS: dict[str, Ending] = {
    Reason.CLIENT_DISCONNECT: Ending.DELIBERATE,
    Reason.SERVER_DISCONNECT: Ending.DELIBERATE,
    Reason.GOING_AWAY: Ending.PAGE_CLOSED,
}


def register_handlers(
    server: Server,
    chat: Chat,
    network_of: Callable[[Request], str],
    site_of: Callable[[Request], str],
    cookies_of: Callable[[Request], list[str]],
) -> None:
    """Let `chat` handle the events of namespace `/` of `server`. network_of: from where somebody asks, as limits count
    it; empty where nobody can tell for certain. site_of: the address of the site, as they have it. cookies_of: the
    values of the cookies that may hold their token."""

    async def connect(socket: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
        auth = auth or {}
        request, tab = environ[REQUEST], auth.get("tab") is True
        language = wanted if (wanted := auth.get("language")) in tuple(LANGUAGES) else ENGLISH
        try:
            where = network_of(request), site_of(request), cookies_of(request)
            await doors.arrive(chat, socket, [auth.get("token")], auth.get("nickname"), tab, *where, language)
        except Refused as refusal:
            answer = refusal.answer()
            chat.counts.refused(answer)
            told = answer_in(language, answer)
            raise ConnectionRefusedError(told["text"], told) from None

    async def disconnect(socket: str, reason: str) -> None:
        try:
            connection = chat.presence.online.connection(socket)
        except KeyError:  # their connect was refused
            return
        await doors.depart(chat, connection, ENDINGS.get(reason, Ending.BROKEN))

    async def event(name: str, socket: str, *payload: Any) -> dict[str, Any]:
        connection = chat.presence.online.connection(socket)
        answer = await perform(chat, connection, name, payload[0] if len(payload) == 1 else None)
        if not answer["ok"]:
            is_flood = answer["error"] == "too_fast" and answer.get("limit") not in SLOWED
            server.refused(socket, answer.get("retry_after") if is_flood else None)
        return answer

    server.concurrent = frozenset(name for name, verb in VERBS.items() if verb.concurrent)
    server.on("connect", connect)
    server.on("disconnect", disconnect)
    server.on("*", event)
