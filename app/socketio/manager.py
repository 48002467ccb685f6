"""Who is connected, and in which of the library's rooms.

What a disconnect costs grows with the rooms that one entered; the library's own looks through everybody's.
"""

from collections.abc import Iterator
from typing import Any

from socketio.async_manager import AsyncManager


class Manager(AsyncManager):
    """Who is connected: an emit that names no room does not reach a client still inside its connect handler.

    Everybody is in a room of their own sid; that one is not kept, for it says nothing new.
    """

    def __init__(self) -> None:
        super().__init__()
        self._entered: dict[tuple[str, str], set[Any]] = {}  # namespace, sid -> rooms

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        if room is None:
            everybody = super().get_participants(namespace, None)
            yield from ((sid, eio_sid) for sid, eio_sid in everybody if self.is_connected(sid, namespace))
            return
        found: dict[str, str] = {}
        for one in [room] if isinstance(room, str) or not hasattr(room, "__len__") else room:
            if self.is_sid_room(namespace, one):
                found[one] = self.rooms[namespace][None][one]
            else:
                found.update(super().get_participants(namespace, one))
        yield from found.items()

    def get_rooms(self, sid: str, namespace: str) -> list[Any]:
        own = [sid] if self.is_sid_room(namespace, sid) else []
        return [*own, *self._entered.get((namespace, sid), ())]

    def basic_enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        if sid == room:
            return
        super().basic_enter_room(sid, namespace, room, eio_sid)
        if room is not None:
            self._entered.setdefault((namespace, sid), set()).add(room)

    def basic_leave_room(self, sid: str, namespace: str, room: Any) -> None:
        super().basic_leave_room(sid, namespace, room)
        entered = self._entered.get((namespace, sid))
        if entered is not None:
            entered.discard(room)
            if not entered:
                del self._entered[namespace, sid]

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        for room in (*self._entered.get((namespace, sid), ()), None):
            self.basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]

    async def trigger_callback(self, sid: str, id: int, data: list[Any]) -> None:
        """Under 0 the library keeps the counter of ids: an answer to 0 would take it away."""
        if id:
            await super().trigger_callback(sid, id, data)
