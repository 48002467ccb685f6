"""What `Database` asks of the database it works with: app/store/sqlite.py, app/store/postgres.py."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from app.model import Refused
from app.store.batch import Write

T = TypeVar("T")


class Replaced(Refused):
    """Another history is where ours was, and nobody has opened it yet."""


class Notifications(Protocol):
    """What processes that share a database let each other know by it alone (app/store/notifications.py).

    state: whether those of others are heard. counts: what was sent and heard.
    """

    @property
    def state(self) -> str: ...

    @property
    def counts(self) -> Any: ...

    def start(self, process: str, hear: Callable[[frozenset[str] | None, bool], None]) -> None: ...

    def follow(self, room: str) -> None: ...

    def unfollow(self, room: str) -> None: ...


class Storage(Protocol):
    """Used by threads; the event loop never waits for it.

    place: where it is, for people; without a password. file: None where it is none. readers: threads that may `ask` at
    once. trouble: why nothing could be stored at the last try. notifications: where the database has such.
    """

    place: str
    file: str | None
    readers: int
    trouble: Refused | None

    @property
    def notifications(self) -> Notifications | None: ...

    def start(self, alone: bool = True) -> None:
        """Open it to serve from it, with the schema of today. alone: no other server does so. Raises Refused,
        SQLAlchemyError, CannotUpgrade, OSError."""

    def open_existing(self) -> None:
        """Open it as it is, beside a server that may be running. Raises Refused."""

    def ask(self, question: Callable[[Connection], T]) -> T:
        """The answer as of one moment. Raises Refused."""

    def commit(self, batch: list[Write], busy: float) -> list[Any]:
        """What each of them answers, in one transaction; `busy` is how many seconds it waits for others. Raises Refused
        where all failed, or may have."""

    def set_lock_deadline(self, seconds: float) -> None:
        """From now on nothing takes longer than that because somebody else is slow. 0: what is being asked at this
        moment is broken off."""

    def close(self) -> None: ...
