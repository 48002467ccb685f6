"""Events that nobody hurries for, kept until they are done together with their like.

What is said while a commit waits for company would only wait there. Twenty in a row cost less than twenty a millisecond
apart, each of which finds the processor's caches full of other things: a twentieth of all that a message costs.
"""

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.live.engine.packets import Malformed

if TYPE_CHECKING:
    from app.live.engine.session import Session

log = logging.getLogger("parlor.live")

MOST_HELD = 50  # more at once would be a step that others notice

_NAMED = re.compile(r'2\d*\["(\w+)"', re.ASCII)  # the beginning of an event on `/`


class Held:
    """Those of one server, in the order of their coming. `hear` takes each in the end."""

    def __init__(self, hear: "Callable[[Session, str | bytes], None]") -> None:
        self.unhurried: Callable[[], bool] = lambda: False  # asked whether somebody will call `release` soon
        self._hear = hear
        self._kept: list[tuple[Session, str | bytes]] = []
        self._sessions: set[Session] = set()

    def keeps(self, session: "Session", data: str | bytes, names: frozenset[str]) -> bool:
        """Keep `data` if it is an event of such a name; whatever else the session says comes behind it."""
        if names and self.unhurried() and isinstance(data, str) and len(self._kept) < MOST_HELD:
            named = _NAMED.match(data)
            if named and named[1] in names:
                self._kept.append((session, data))
                self._sessions.add(session)
                return True
        if session in self._sessions:
            self.release()
        return False

    def release(self) -> None:
        kept, self._kept = self._kept, []
        self._sessions.clear()
        for session, data in kept:
            try:
                self._hear(session, data)
            except Malformed as error:
                session.server.drop(session, error)
            except Exception:  # in its own time it would have cost the connection, too
                log.exception("what came could not be read")
                session.abort()
