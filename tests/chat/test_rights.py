"""Every verb, asked by everybody, through every door: who may is let, who may not is told why, and nothing changes.

The right of a verb's row says who may. Where it is finer than that, the row here says so; a verb without a row fails.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.chat.verbs import VERBS, Verb
from app.model import Connection, Member, Moderator, Owner, Person, Speaker, Subscription
from app.server import Running
from tests.conftest import Start
from tests.support.http import Asker
from tests.support.mounted import TRANSPORTS
from tests.support.stored import Watch, watched
from tests.support.talker import Talker, new_id
from tests.support.thorough import first

NOBODY = ("nobody", "banned", "kicked")  # who are not in the room
ROLES = (*NOBODY, "muted", "member", "ignored", "former owner", "moderator", "owner")  # the weakest first
INSIDE = tuple(role for role in ROLES if role not in NOBODY)
STAFF = ("moderator", "owner")

MAY = {
    Person: ROLES,
    Connection: ROLES,
    Subscription: INSIDE,
    Member: INSIDE,
    Speaker: tuple(role for role in INSIDE if role != "muted"),
    Moderator: STAFF,
    Owner: ("owner",),
}


@dataclass
class Scene:
    """A room with somebody of each role, who have said something there, and a bystander."""

    room: str
    people: dict[str, Talker]
    said: dict[str, int] = field(default_factory=dict)  # seq, by role
    keys: dict[str, str] = field(default_factory=dict)

    async def ask(self, role: str, verb: str, /, **payload: Any) -> dict[str, Any]:
        return await self.people[role].ask(verb, {"room": self.room} | payload)

    async def does(self, role: str, verb: str, /, **payload: Any) -> dict[str, Any]:
        answer = await self.ask(role, verb, **payload)
        assert answer["ok"], (self.room, role, verb, answer)
        return answer

    def id(self, role: str) -> str:
        id: str = self.people[role].me["id"]
        return id


Payload = Callable[[Scene, str], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """payload: of whoever has this role, beside the room. may: who is let, where that is not by the verb's right.
    prepare: verbs of the owner before, with their payloads."""

    verb: str
    payload: Payload = lambda _scene, _role: {}
    may: tuple[str, ...] | None = None
    prepare: tuple[tuple[str, Payload], ...] = ()
    in_room: bool = True  # the payload names the room
    note: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.note}".strip()


def own(scene: Scene, role: str) -> dict[str, Any]:
    return {"seq": scene.said.get(role, 1)}


def others(scene: Scene, _role: str) -> dict[str, Any]:
    return {"seq": scene.said["bystander"]}


def bystander(scene: Scene, _role: str) -> dict[str, Any]:
    return {"person": scene.id("bystander")}


ROWS = (
    Row("join", may=("nobody", *INSIDE)),
    Row("join", lambda _, role: {"nickname": f"{role[:9]} anew"}, may=("nobody", *INSIDE), note="by another name"),
    Row("leave"),
    Row("open", bystander, in_room=False),
    Row("open", lambda scene, role: {"person": scene.id(role)}, may=(), in_room=False, note="with oneself"),
    Row("seen", own),
    Row("search", lambda *_: {"query": "by"}, may=INSIDE),
    Row("search", lambda *_: {"query": "by"}, in_room=False, note="in all rooms"),
    Row("send", lambda _, role: {"text": f"said by {role}", "id": new_id()}),
    Row("edit", lambda scene, role: own(scene, role) | {"text": f"changed by {role}"}),
    Row("edit", lambda scene, role: others(scene, role) | {"text": "not mine"}, may=(), note="another's"),
    Row("delete", own),
    Row("delete", others, may=STAFF, note="another's"),
    Row("restore", own),
    Row("restore", others, may=STAFF, prepare=(("delete", others),), note="another's"),
    Row("react", lambda scene, role: others(scene, role) | {"emoji": "👍", "on": True}),
    Row("card", lambda scene, role: own(scene, role) | {"on": False}),
    Row("card", lambda scene, role: others(scene, role) | {"on": False}, may=STAFF, note="another's"),
    Row("preview", may=("nobody", "kicked", *INSIDE)),
    Row("preview", others, may=("nobody", "kicked", *INSIDE), note="of a message"),
    Row("reacted", lambda scene, _: {"seqs": [scene.said["bystander"]]}),
    Row("typing"),
    Row("sync", lambda *_: {"after": 0}),
    Row("history"),
    Row("mentions", in_room=False),
    Row("notify", lambda *_: {"level": "none"}),
    Row("push", in_room=False),
    Row("people"),
    Row("rooms", in_room=False),
    Row("topic", lambda _, role: {"topic": f"of {role}"}),
    Row("topic", lambda *_: {"topic": "x"}, ("owner",), (("settings", lambda *_: {"topic_by": "owner"}),), note="kept"),
    Row("status", lambda _, role: {"text": f"of {role}"}, in_room=False),
    Row("away", lambda *_: {"on": True}, in_room=False),
    Row("person", bystander, in_room=False),
    Row("rename", lambda scene, role: {"nickname": f"{role[:9]} {scene.room}"}, in_room=False),
    Row("settings", lambda _, role: {"topic": f"of {role}"}, note="of the topic"),
    Row("settings", lambda _, role: {"welcome": f"of {role}"}, may=("owner",)),
    Row("settings", lambda *_: {"passphrase": None, "listed": True}, may=("owner",), note="of the door"),
    Row("appoint", lambda scene, role: bystander(scene, role) | {"role": "moderator"}),
    Row("owner_key"),
    Row("claim", lambda scene, _: {"key": scene.keys["owner"]}),
    Row("claim", lambda *_: {"key": "a-key-that-opens-nothing"}, may=(), note="with a wrong key"),
    Row("invite"),
    Row("invite", may=("owner",), prepare=(("settings", lambda *_: {"locked": True}),), note="to a locked room"),
    Row("bot"),
    Row("bot", lambda scene, _: {"nickname": f"bot of {scene.room}"}, note="made"),
    Row("hook"),
    Row("hooks"),
    Row("kick", bystander),
    Row("mute", bystander),
    Row("mute", lambda scene, role: {"person": scene.id(role), "minutes": 0}, may=("owner",), note="lifted by oneself"),
    Row("ban", lambda scene, role: bystander(scene, role) | {"address": False}),
    Row("ban", lambda scene, _: {"person": scene.id("owner"), "address": False}, may=(), note="of the owner"),
    Row("report", others),
    Row("sanctions"),
    Row("audit"),
    Row("reserve", lambda *_: {"passphrase": None}, in_room=False),
    Row("identify", lambda *_: {"nickname": "a stranger", "passphrase": "open sesame"}, may=(), in_room=False),
    Row("echo", in_room=False),
    Row("ignore", lambda scene, role: bystander(scene, role) | {"on": True}, in_room=False),
)


def who_may(row: Row, verb: Verb) -> tuple[str, ...]:
    return MAY[verb.right] if row.may is None else row.may


def who_may_by_http(row: Row, verb: Verb) -> tuple[str, ...]:
    """Whoever is not in the room is let in for what they ask, if the room lets them in; they have said nothing yet."""
    may, is_about_own = who_may(row, verb), row.verb in ("edit", "delete", "restore", "card")
    return ("nobody", *may) if verb.is_for_members and "member" in may and not is_about_own else may


def code(row: Row, verb: Verb, role: str, by_http: bool) -> set[str]:
    """With which one somebody is refused."""
    if row.verb in ("join", "preview"):
        return {"banned", "no_such_room"}
    if by_http and role in NOBODY and verb.is_for_members:
        return {"not_allowed", "locked"} if role == "nobody" else {"banned"}
    if row.verb == "search":
        return {"not_member"}
    if role in NOBODY and verb.is_for_members:
        return {"not_member"}
    return {"muted"} if role == "muted" and issubclass(verb.right, Speaker) else {"not_allowed"}


@pytest.mark.parametrize("verb", VERBS)
def test_it_is_written_down_who_may_use_each_verb(verb: str) -> None:
    rows = [row for row in ROWS if row.verb == verb]
    assert rows, f"{verb} has no row in this file: who may use it, with what, and who may not?"
    assert VERBS[verb].right in MAY


async def scene_of(row: Row, people: dict[str, Talker], room: str) -> Scene:
    """Those who are refused at the door come last."""
    scene = Scene(room, people)
    await scene.does("owner", "join")
    for role in (*ROLES, "bystander"):
        if role not in ("nobody", "owner"):
            await scene.does(role, "join")
        if role != "nobody":
            said = await scene.does(role, "send", text=f"by {role}", id=new_id())
            scene.said[role] = said["message"]["seq"]
    await scene.does("owner", "appoint", person=scene.id("moderator"), role="moderator")
    for appointed in ("owner", None):
        await scene.does("owner", "appoint", person=scene.id("former owner"), role=appointed)
    if "ignore" in VERBS:
        await people["owner"].ask("ignore", {"person": scene.id("ignored"), "on": True})
    if row.verb == "claim":
        scene.keys["owner"] = (await scene.does("owner", "owner_key"))["key"]
    for verb, payload in row.prepare:
        await scene.does("owner", verb, **payload(scene, "owner"))
    for verb, role in (("mute", "muted"), ("ban", "banned"), ("kick", "kicked")):
        more = {"address": False} if verb == "ban" else {}
        await scene.does("owner", verb, person=scene.id(role), reason="so it is", **more)
    return scene


def news(talker: Talker) -> list[Any]:
    """What was heard of rooms; who comes and goes is told a moment later."""
    return [one for one in talker.heard if one[0] not in ("people", "welcome")]


async def trial(
    watch: Watch, row: Row, people: dict[str, Talker], room: str, askers: Mapping[str, Asker] | None = None
) -> list[str]:
    """What was not as it is to be. askers: by whom it is asked, where that is not the one who is connected."""
    scene, verb, wrong = await scene_of(row, people, room), VERBS[row.verb], list[str]()
    may = who_may_by_http(row, verb) if askers else who_may(row, verb)
    for role in sorted(ROLES, key=lambda role: role in may):  # those who change something come last
        payload = row.payload(scene, role) | ({"room": room} if row.in_room else {})
        await people["bystander"].ask("echo")
        watch.changes()
        heard = news(people["bystander"])
        answer = await (askers or people)[role].ask(row.verb, payload)
        if role in may:
            wrong += [] if answer["ok"] else [f"{row} of {role}: {answer}"]
            continue
        if answer["ok"] or answer["error"] not in code(row, verb, role, bool(askers)) or not answer["text"]:
            wrong.append(f"{row} of {role}: {answer}")
        if changed := watch.changes():
            wrong.append(f"{row} of {role} was refused, and changed {changed}")
        await people["bystander"].ask("echo")
        if (told := news(people["bystander"])) != heard:
            wrong.append(f"{row} of {role} was refused, and told {told[len(heard) :]}")
    return wrong


@pytest.mark.usefixtures("long_kicks")
@pytest.mark.parametrize("transport", first(TRANSPORTS, "websocket"))
async def test_who_may_is_let_and_who_may_not_is_told_why_and_changes_nothing(
    start_server: Start, transport: str
) -> None:
    server, wrong = await start_server(), list[str]()
    async with AsyncExitStack() as stack:
        people = {}
        for role in (*ROLES, "bystander"):
            people[role] = await stack.enter_async_context(Talker(server.url, role, transport=transport))
        watch = stack.enter_context(watched(server.settings.data / "parlor.db"))
        for nth, row in enumerate(row for row in ROWS if row.verb in VERBS):
            wrong += await trial(watch, row, people, f"room-{nth}")
    assert wrong == []


@pytest.mark.usefixtures("long_kicks")
async def test_the_same_holds_over_http(start_server: Start) -> None:
    server, wrong = await start_server(), list[str]()
    async with AsyncExitStack() as stack:
        people, askers = {}, {}
        for role in (*ROLES, "bystander"):
            people[role] = await stack.enter_async_context(Talker(server.url, role))
            askers[role] = await stack.enter_async_context(Asker(server.url, people[role].token))
        watch = stack.enter_context(watched(server.settings.data / "parlor.db"))
        for nth, row in enumerate(row for row in ROWS if row.verb in VERBS):
            wrong += await trial(watch, row, people, f"room-{nth}", askers)
    assert wrong == []


async def test_a_change_would_be_seen(server: Running) -> None:
    with watched(server.settings.data / "parlor.db") as watch:
        async with Talker(server.url, "alice") as alice:
            await alice.join("lobby")
            assert {"rooms", "people"} <= watch.changes().keys()
            assert watch.changes() == {}
