"""`chat`: a conversation in a terminal. What happens is a line; what is typed is said, or a command."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from app.tools.client import Client, Message, Refused, Room
from app.tools.client.shapes import Event
from app.tools.terminal.screen import Screen
from app.tools.terminal.shown import Fragments, harmless, mentions, styled
from app.tools.terminal.site import OK, REFUSED, Who, client_of

SHOWN_AT_FIRST = 20  # messages of a room that is entered
FLUSH_S = 5.0
KEPT = 500  # messages whose look is remembered, to tell what has changed


@dataclass
class Tab:
    """A room that one has entered. seen: the messages that were shown, as they looked; unread: those that were not."""

    room: Room
    epoch: str = ""
    first: int = 0  # the place before the oldest one that came by
    last: int = 0  # the newest one
    seen: dict[int, Message] = field(default_factory=dict)
    unread: list[Message] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    topic: str = ""
    calls: bool = False  # somebody called one by name in what is unread

    @property
    def name(self) -> str:
        return self.room.name

    def own_last(self, me: str) -> Message | None:
        """The last message of one's own."""
        mine = (one for one in reversed(self.room.messages) if one["author"] == me and not one.get("deleted"))
        return next(mine, None)


class Conversation:
    """bell: rings where somebody calls one by name."""

    screen: Screen

    def __init__(self, client: Client, bell: bool = False) -> None:
        self.client, self.bell = client, bell
        self.tabs: list[Tab] = []
        self.active: Tab | None = None
        self.public: list[tuple[str, str]] = []  # rooms that everybody may see, for completion
        self.typed: set[str] = set()  # ids of messages of this terminal
        self.waits = ""  # why a message has to wait
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- what is shown ---

    def tell(self, text: str, style: str = "class:dim") -> None:
        """A line that nobody said."""
        self.screen.show(*([(style, f"-- {harmless(line)}")] for line in text.split("\n")))

    def status(self) -> Fragments:
        """One line: rooms, who one is, how one is connected, what waits."""
        pieces: Fragments = []
        for number, tab in enumerate(self.tabs, 1):
            count = f" ({len(tab.unread)}{'!' if tab.calls else ''})" if tab.unread else ""
            is_here = tab is self.active
            pieces.append(("bold" if is_here else "", f" {'*' if is_here else ''}{number} #{tab.name}{count} "))
        pieces.append(("", f"| {harmless(self.client.me['nickname'])} | "))
        transport, unsent = self.client.transport, sum(len(tab.room.unsent) for tab in self.tabs)
        pieces.append(
            ("", transport) if transport else ("class:problem", f"not connected: {harmless(self.client.problem)}")
        )
        if unsent:
            pieces.append(
                ("class:problem", f" | {unsent} not sent yet{': ' if self.waits else ''}{harmless(self.waits)}")
            )
        return pieces

    def show_room(self, tab: Tab) -> None:
        self.active = tab
        self.tell(f"#{tab.name}{': ' if tab.topic else ''}{tab.topic}", "bold")
        for message in tab.unread:
            self.screen.show(*styled(message, dict(self.client.me)))
        tab.unread, tab.calls = [], False
        self.screen.refresh()

    def switch(self, number: int) -> None:
        """To the room of that number, as it stands in the status."""
        if 0 < number <= len(self.tabs):
            self.show_room(self.tabs[number - 1])

    # --- what is typed ---

    def say(self, text: str, **more: Any) -> None:
        """It is sent as soon as possible, whatever the connection does meanwhile. Refused, it is put back."""
        if self.active is None:
            self.tell("You are in no room. /join one.")
            self.screen.put_back(text)
            return
        room = self.active.room
        stored = room.say(text, **more)
        for waiting in room.unsent[-1:]:
            self.typed.add(waiting.id)
        if not room.live:
            self.tell(f"not sent yet, there is no connection: {text}")
        stored.add_done_callback(lambda done: self._said(text, done))
        self.screen.refresh()

    def _said(self, text: str, done: "asyncio.Future[Message]") -> None:
        self.waits = ""
        if not done.cancelled() and (error := done.exception()):
            self.tell(f"not sent: {text}\n{error}", "class:problem")
            self.screen.put_back(text)
        self.screen.refresh()

    def begin(self, work: Coroutine[Any, Any, None], text: str) -> None:
        """What may take long, beside the typing. text: what was typed, put back where it is refused."""

        async def run() -> None:
            try:
                await work
            except Refused as refusal:
                self.tell(refusal.text, "class:problem")
                self.screen.put_back(text)
            except (ConnectionError, OSError) as error:
                self.tell(f"that was not done: {error}", "class:problem")
                self.screen.put_back(text)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- rooms ---

    async def enter(self, name: str, **entry: Any) -> None:
        """Into a room, or back to it. Raises Refused."""
        name = name.strip().removeprefix("#").lower()
        for tab in self.tabs:
            if tab.name == name:
                return self.show_room(tab)
        tab = Tab(await self._let_in(name, entry))
        self.tabs.append(tab)
        here = tab.room.messages
        tab.epoch, tab.last = tab.room.info["epoch"], tab.room.copy.last_seq
        tab.seen = {one["seq"]: one for one in here[-KEPT:]}
        tab.first, tab.topic = min(tab.seen, default=tab.last + 1) - 1, tab.room.info.get("topic") or ""
        tab.unread = here[-SHOWN_AT_FIRST:]
        self.show_room(tab)
        if welcome := tab.room.info.get("welcome"):
            self.tell(welcome)
        self.begin(self._look_around(tab), "")
        return None

    async def _let_in(self, name: str, entry: dict[str, Any]) -> Room:
        """Asks for what is missing at the door."""
        while True:
            try:
                return await self.client.enter(name, **entry)
            except Refused as refusal:
                if refusal.code == "nickname_taken" and entry.get("nickname"):
                    self.tell(f"{refusal.text} /nick takes another name; for now you have a guest's.", "class:problem")
                    entry["nickname"] = None
                elif refusal.code == "wrong_passphrase":
                    self.tell(refusal.text)
                    entry["passphrase"] = await self.screen.secret(f"Passphrase of #{name}:")
                    if not entry["passphrase"]:
                        raise
                else:
                    raise

    async def _look_around(self, tab: Tab) -> None:
        people = await tab.room.people()
        tab.people = {one["id"]: one["nickname"] for one in people}
        self.public = [(one["name"], one.get("topic") or "") for one in await self.client.public_rooms()]
        names = ", ".join(one["nickname"] for one in people[:20])
        self.tell(f"{len(people)} here: {names}{', ...' if len(people) > 20 else ''}")

    def left(self, room: str) -> None:
        tab = next((one for one in self.tabs if one.name == room), None)
        if tab is None:
            return
        self.tabs.remove(tab)
        if tab is self.active:
            self.active = None
            if self.tabs:
                self.show_room(self.tabs[0])
        self.screen.refresh()


MakeScreen = Callable[[Conversation], Screen]
OnText = Callable[[Conversation, str], bool]


class MessageNews:
    """Shows messages, and how they change."""

    def __init__(self, chat: Conversation) -> None:
        self._chat = chat

    def _tab(self, payload: dict[str, Any]) -> Tab | None:
        return next((tab for tab in self._chat.tabs if tab.name == payload.get("room")), None)

    def _on_message(self, payload: dict[str, Any]) -> None:
        chat, message = self._chat, payload["message"]
        tab = self._tab(payload)
        if tab is None:
            return
        before = tab.seen.get(message["seq"])
        is_new = message["seq"] > tab.last or (before is None and message["seq"] > max(tab.first, tab.last - KEPT))
        tab.seen[message["seq"]] = message
        tab.last = max(tab.last, message["seq"])
        for old in [seq for seq in tab.seen if seq <= tab.last - KEPT]:
            del tab.seen[old]
        if is_new:
            self._new(tab, message)
        elif before and tab is chat.active:
            self._changed(before, message)

    def _new(self, tab: Tab, message: Message) -> None:
        chat, me = self._chat, dict(self._chat.client.me)
        calls = mentions(message, me)
        if calls and chat.bell:
            chat.screen.ring()
        if tab is not chat.active:
            tab.unread.append(message)
            tab.calls = tab.calls or calls
            if calls:
                chat.tell(f"{message['nickname']} calls you in #{tab.name}", "class:mention")
        elif not (chat.screen.echoes and message["id"] in chat.typed):
            chat.screen.show(*styled(message, me))

    def _changed(self, before: Message, now: Message) -> None:
        chat = self._chat
        if now.get("deleted") and not before.get("deleted"):
            chat.tell(f"[{now['seq']}] {now['nickname']} took a message back")
        elif now["text"] != before["text"]:
            note = "put back" if before.get("deleted") else "edited"
            chat.screen.show(*styled(now, dict(chat.client.me), note))
        elif now.get("reaction_counts", {}) != before.get("reaction_counts", {}):
            counts = " ".join(f"{emoji} {count}" for emoji, count in now.get("reaction_counts", {}).items())
            chat.tell(f"[{now['seq']}] {counts or 'no reactions any more'}")

    def _on_reset(self, payload: dict[str, Any]) -> None:
        tab = self._tab(payload)
        if tab is None:
            return
        epoch = tab.room.info.get("epoch", tab.epoch)
        if epoch != tab.epoch:
            tab.epoch, tab.first, tab.last, tab.seen = epoch, 0, 0, {}
            self._chat.tell(f"#{tab.name} begins anew: the site has another history")
        elif tab.room.floor > tab.last + 1:
            self._chat.tell(f"#{tab.name}: {tab.room.floor - tab.last - 1} messages before these; /history shows them")


class News(MessageNews):
    """Shows whatever happens."""

    def __init__(self, chat: Conversation) -> None:
        super().__init__(chat)
        self._was_lost = False

    async def run(self, events: AsyncIterator[Event]) -> None:
        async for event, payload in events:
            if tell := getattr(self, f"_on_{event}", None):
                tell(payload)
            self._chat.screen.refresh()

    def _on_connection(self, payload: dict[str, Any]) -> None:
        is_lost = payload["transport"] is None
        if is_lost == self._was_lost:
            return
        self._was_lost = is_lost
        if is_lost:
            self._chat.tell(f"not connected: {payload['problem']}. It is tried again.", "class:problem")
        elif self._chat.tabs:
            self._chat.tell("connected again")

    def _on_removed(self, payload: dict[str, Any]) -> None:
        self._chat.tell(payload["text"], "class:problem")
        self._chat.left(payload["room"])

    def _on_standing(self, payload: dict[str, Any]) -> None:
        role, muted = payload.get("role"), payload.get("muted")
        self._chat.tell(f"#{payload['room']}: you are {role or 'a member'}{', and muted' if muted is not None else ''}")

    def _on_room(self, payload: dict[str, Any]) -> None:
        """Told for every change; said of the topic alone."""
        tab = self._tab({"room": payload["room"]["name"]})
        topic = payload["room"].get("topic") or ""
        if tab and topic != tab.topic:
            tab.topic = topic
            self._of_room(tab, f"topic: {topic}" if topic else "no topic any more")

    def _on_people(self, payload: dict[str, Any]) -> None:
        tab = self._tab(payload)
        if tab is None:
            return
        for person in payload["joined"]:
            self._came(tab, person)
        for person in payload["left"]:
            tab.people.pop(person["id"], None)
            self._of_room(tab, f"{person['nickname']} left")

    def _came(self, tab: Tab, person: dict[str, Any]) -> None:
        before, tab.people[person["id"]] = tab.people.get(person["id"]), person["nickname"]
        if person["id"] == self._chat.client.me["id"] or before == person["nickname"]:
            return
        self._of_room(tab, f"{before} is {person['nickname']} now" if before else f"{person['nickname']} is here")

    def _of_room(self, tab: Tab, text: str) -> None:
        if tab is self._chat.active:
            self._chat.tell(text)

    def _on_me(self, payload: dict[str, Any]) -> None:
        self._chat.tell(f"you are called {payload['me']['nickname']} now")

    def _on_notice(self, payload: dict[str, Any]) -> None:
        self._chat.tell(str(payload.get("text", "")))

    def _on_waiting(self, payload: dict[str, Any]) -> None:
        self._chat.waits = payload["text"]
        if self._chat.screen.echoes:
            self._chat.tell(payload["text"])


async def talk(site: str, room: str, who: Who, make_screen: MakeScreen, on_text: OnText, bell: bool = False) -> int:
    """Until somebody leaves; the exit code. make_screen: given the conversation, for what it shows of it. on_text: does
    what is typed; False to leave."""
    client = client_of(site, who)
    chat = Conversation(client, bell)
    chat.screen = make_screen(chat)
    async with client, asyncio.TaskGroup() as tasks:
        news = tasks.create_task(News(chat).run(client.events()))
        code = await _converse(chat, room, who, on_text)
        await chat.screen.finish()
        news.cancel()
    return code


async def _converse(chat: Conversation, room: str, who: Who, on_text: OnText) -> int:
    try:
        await chat.enter(room, **who.entry())
        async for text in chat.screen.lines():
            if text.strip() and not on_text(chat, text.strip("\r\n")):
                break
    except Refused as refusal:
        chat.tell(refusal.text, "class:problem")
        return REFUSED
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_S):
            await asyncio.gather(*(tab.room.outbox.wait_empty() for tab in chat.tabs))
    for tab in chat.tabs:
        for message in tab.room.unsent:
            chat.tell(f"not sent to #{tab.name}: {message.text}", "class:problem")
        tab.room.close()
    return OK
