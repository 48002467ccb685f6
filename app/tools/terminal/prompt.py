"""Lines in and out with history, completion and colours: what others say comes above the line that one types."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.renderer import print_formatted_text  # the other one would hide the prompt for each line anew
from prompt_toolkit.styles import Style, default_ui_style, merge_styles

from app.tools.terminal.chat import Conversation
from app.tools.terminal.commands import COMMANDS
from app.tools.terminal.completion import suggestions
from app.tools.terminal.screen import LEAVE_HINT, Leaving
from app.tools.terminal.shown import Fragments, harmless

STYLE = Style.from_dict(
    {"dim": "ansibrightblack", "mention": "bold reverse", "problem": "bold ansired", "bottom-toolbar": "noreverse"}
)
LINE_STYLE = merge_styles([default_ui_style(), STYLE])


class PromptScreen:
    echoes = False

    def __init__(self, chat: Conversation) -> None:
        self._chat = chat
        self._next = ""  # with what the next line begins
        self._pending: asyncio.Queue[tuple[Fragments, ...]] = asyncio.Queue()
        self._showing: asyncio.Task[None] | None = None
        self._leaving = Leaving()
        self._session: PromptSession[str] = PromptSession(
            self._mark,
            history=InMemoryHistory(),
            completer=_Completer(chat),
            complete_while_typing=False,
            key_bindings=_keys(chat),
            bottom_toolbar=lambda: FormattedText(chat.status()),
            style=STYLE,
            erase_when_done=True,
            enable_open_in_editor=False,
        )
        # Also not while something is shown: what is typed then would be echoed beside it.
        setattr(self._session.input, "cooked_mode", contextlib.nullcontext)  # noqa: B010

    def _mark(self) -> FormattedText:
        room = self._chat.active
        return FormattedText([("bold", f"#{room.name}> " if room else "> ")])

    async def lines(self) -> AsyncIterator[str]:
        """Raw all the time: what is typed between two lines is neither taken for a signal nor for an end."""
        with self._session.input.raw_mode():
            async for text in self._lines():
                yield text

    async def _lines(self) -> AsyncIterator[str]:
        while True:
            begun, self._next = self._next, ""
            try:
                text = await self._session.prompt_async(default=begun)
            except KeyboardInterrupt:
                if self._leaving.is_meant():
                    return
                self.show([("class:dim", LEAVE_HINT)])
                continue
            except EOFError:
                return
            self._leaving = Leaving()
            yield text

    def show(self, *lines: Fragments) -> None:
        if self._showing is None:
            self._showing = asyncio.create_task(self._show_all())
        self._pending.put_nowait(lines)

    async def _show_all(self) -> None:
        """All that waits at once: the line that is typed is drawn again after each."""
        while True:
            waiting = [await self._pending.get()]
            while not self._pending.empty():
                waiting.append(self._pending.get_nowait())

            def write(waiting: list[tuple[Fragments, ...]] = waiting) -> None:
                for lines in waiting:
                    for line in lines:
                        print_formatted_text(self._session.output, FormattedText([*line, ("", "\n")]), LINE_STYLE)

            await run_in_terminal(write)
            for _ in waiting:
                self._pending.task_done()

    def ring(self) -> None:
        self._session.output.bell()
        self._session.output.flush()

    def put_back(self, text: str) -> None:
        """Where something else is typed meanwhile, it is one key up."""
        if not text:
            return
        buffer = self._session.default_buffer
        if self._session.app.is_running and not buffer.text:
            buffer.insert_text(text)
        elif self._session.app.is_running:
            self._session.history.append_string(text)
        else:
            self._next = text

    def refresh(self) -> None:
        if self._session.app.is_running:
            self._session.app.invalidate()

    async def secret(self, question: str) -> str | None:
        if self._session.app.is_running:
            self._chat.tell("There is a line open: leave, and come again with --room to be asked for it.")
            return None
        await self.finish()
        try:
            asking: PromptSession[str] = PromptSession()
            return await asking.prompt_async(f"{harmless(question)} ", is_password=True)
        except EOFError:
            return None

    async def finish(self) -> None:
        await self._pending.join()


class _Completer(Completer):
    def __init__(self, chat: Conversation) -> None:
        self._chat, self._paths = chat, PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before, chat = document.text_before_cursor, self._chat
        if before.startswith("/file "):
            path = before.removeprefix("/file ")
            yield from self._paths.get_completions(Document(path, len(path)), complete_event)
            return
        people = chat.active.people.values() if chat.active else ()
        rooms = dict(chat.public) | {tab.name: "" for tab in chat.tabs}
        commands = [(name, command.help) for name, command in COMMANDS.items()]
        for one in suggestions(before, commands, sorted(people), sorted(rooms.items())):
            yield Completion(harmless(one.text), -one.replaces, display_meta=harmless(one.help))


def _keys(chat: Conversation) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    for digit in "123456789":

        @keys.add("escape", digit)
        def switch(event: KeyPressEvent, digit: Any = digit) -> None:
            chat.switch(int(digit))

    return keys
