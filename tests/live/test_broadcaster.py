"""Listeners that are no sessions of Socket.IO: they hear rooms as sessions do, and end by themselves."""

from typing import Any

from app.live.broadcaster import PLAIN, Broadcaster, Event
from tests.engineio.test_group import company
from tests.support.mounted import Mounted


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.events: list[Event] = []
        self.has_ended = False

    def hear(self, event: Event) -> None:
        self.events.append(event)
        self.heard.append((event.name, event.payload))

    def end(self) -> None:
        self.has_ended = True


async def test_a_plain_listener_hears_what_sessions_hear(mounted: Mounted) -> None:
    async with company(mounted, "w") as people:
        broadcaster, ((person, speech),) = Broadcaster(mounted.server), people.items()
        plain, other = Listener(), Listener()
        broadcaster.register(f"{PLAIN}1", plain)
        broadcaster.register(f"{PLAIN}2", other)
        for one in (person, f"{PLAIN}1", f"{PLAIN}2"):
            broadcaster.subscribe(one, "kitchen")
        told = [("told", {"n": n, "text": '"], {"'}) for n in range(3)]
        for name, payload in told:
            broadcaster.broadcast("kitchen", name, payload)
        broadcaster.broadcast("garden", "told", {})
        assert [tuple(one) for one in await speech.events(3)] == plain.heard == other.heard == told
        assert plain.events[0] is other.events[0], "what one makes of it serves the others"
        assert (broadcaster.events, broadcaster.deliveries) == (3, 9)


async def test_what_is_told_to_one_alone_reaches_a_plain_listener(mounted: Mounted) -> None:
    broadcaster, plain = Broadcaster(mounted.server), Listener()
    broadcaster.register(f"{PLAIN}1", plain)
    broadcaster.send_to(f"{PLAIN}1", "welcome", {"me": {}})
    broadcaster.send_to(f"{PLAIN}2", "welcome", {})
    assert plain.heard == [("welcome", {"me": {}})]


async def test_a_plain_listener_that_has_gone_hears_nothing(mounted: Mounted) -> None:
    broadcaster, plain = Broadcaster(mounted.server), Listener()
    broadcaster.register(f"{PLAIN}1", plain)
    broadcaster.subscribe(f"{PLAIN}1", "kitchen")
    assert broadcaster.has_listeners("kitchen") and not broadcaster.has_gone(f"{PLAIN}1")
    broadcaster.disconnect(f"{PLAIN}1")
    assert plain.has_ended
    broadcaster.unsubscribe(f"{PLAIN}1", "kitchen")
    broadcaster.unregister(f"{PLAIN}1")
    assert not broadcaster.has_listeners("kitchen") and broadcaster.has_gone(f"{PLAIN}1")
    broadcaster.subscribe(f"{PLAIN}1", "kitchen")
    broadcaster.broadcast("kitchen", "told", {})
    assert plain.heard == [] and not broadcaster.has_listeners("kitchen")


async def test_one_that_ends_by_what_it_hears_does_not_keep_the_others_from_it(mounted: Mounted) -> None:
    broadcaster, other = Broadcaster(mounted.server), Listener()

    class Leaving(Listener):
        def hear(self, event: Event) -> None:
            super().hear(event)
            broadcaster.unsubscribe(f"{PLAIN}1", "kitchen")

    leaving = Leaving()
    for id, one in ((f"{PLAIN}1", leaving), (f"{PLAIN}2", other)):
        broadcaster.register(id, one)
        broadcaster.subscribe(id, "kitchen")
    for n in range(2):
        broadcaster.broadcast("kitchen", "told", {"n": n})
    assert len(leaving.heard) == 1 and len(other.heard) == 2
