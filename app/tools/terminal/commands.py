"""What can be typed beside words: one table."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.tools.client import Message, Refused
from app.tools.terminal.chat import Conversation, Tab
from app.tools.terminal.shown import styled


@dataclass(frozen=True)
class Command:
    """run: with what stands behind the command's name."""

    usage: str
    help: str
    run: Callable[[Conversation, str], Coroutine[Any, Any, None]]


def typed(chat: Conversation, text: str) -> bool:
    """Say it, or do it; False where somebody wants to leave."""
    if not text.startswith("/") or text.startswith("/me "):
        chat.say(text)
        return True
    if text.startswith("//"):
        chat.say(text[1:])
        return True
    name, _, rest = text[1:].partition(" ")
    if name in ("quit", "exit"):
        return False
    command = COMMANDS.get(name)
    if command is None:
        chat.tell(f"There is no command /{name}. /help lists them; //{name} says it as it stands.", "class:problem")
        chat.screen.put_back(text)
    else:
        chat.begin(command.run(chat, rest.strip()), text)
    return True


def _here(chat: Conversation) -> Tab:
    if chat.active is None:
        raise Refused("not_member", "You are in no room. /join one.")
    return chat.active


def _number(text: str, usage: str) -> int:
    digits = text.strip("[]#")
    if not digits.isdecimal() or not int(digits):
        raise Refused("bad_payload", f"{usage}: the number in brackets before the message.")
    return int(digits)


def _last(chat: Conversation) -> Message:
    message = _here(chat).own_last(chat.client.me["id"])
    if message is None:
        raise Refused("no_such_message", "You have said nothing here that could be changed.")
    return message


async def _help(chat: Conversation, rest: str) -> None:
    name = rest.removeprefix("/")
    if name in COMMANDS:
        chat.tell(f"{COMMANDS[name].usage}: {COMMANDS[name].help}")
        return
    for command in COMMANDS.values():
        chat.tell(f"{command.usage}: {command.help}")
    chat.tell("/quit: leave; so do Ctrl+D, and Ctrl+C twice")


async def _me(chat: Conversation, rest: str) -> None:
    raise Refused("bad_payload", COMMANDS["me"].usage)


async def _nick(chat: Conversation, rest: str) -> None:
    me = await chat.client.rename(rest)
    chat.tell(f"you are called {me['nickname']} now")


async def _topic(chat: Conversation, rest: str) -> None:
    tab = _here(chat)
    if rest:
        await tab.room.set_topic(rest)
    else:
        chat.tell(f"topic: {tab.room.info.get('topic') or 'none'}")


async def _edit(chat: Conversation, rest: str) -> None:
    number, _, text = rest.partition(" ")
    if number.startswith(("#", "[")):
        seq, text = _number(number, COMMANDS["edit"].usage), text.strip()
    else:
        message, text = _last(chat), rest
        seq = message["seq"]
        if not text:
            chat.screen.put_back(f"/edit {message['text']}")
    if text:
        await _here(chat).room.edit(seq, text)


async def _delete(chat: Conversation, rest: str) -> None:
    await _here(chat).room.delete(_number(rest, COMMANDS["delete"].usage) if rest else _last(chat)["seq"])


async def _reply(chat: Conversation, rest: str) -> None:
    number, _, text = rest.partition(" ")
    seq = _number(number, COMMANDS["reply"].usage)
    if not text.strip():
        raise Refused("bad_payload", COMMANDS["reply"].usage)
    chat.say(text.strip(), reply_to=seq)


async def _react(chat: Conversation, rest: str) -> None:
    number, _, emoji = rest.partition(" ")
    seq, emoji = _number(number, COMMANDS["react"].usage), emoji.strip()
    room = _here(chat).room
    mine = (await room.do("reacted", seqs=[seq]))["mine"].get(str(seq), [])
    await room.react(seq, emoji, emoji not in mine)


async def _file(chat: Conversation, rest: str) -> None:
    """The path may have blanks: as much of it as is a file's."""
    words = rest.split(" ")
    for count in range(len(words), 0, -1):
        if path := _existing(" ".join(words[:count])):
            file = await chat.client.upload(path)
            return chat.say(" ".join(words[count:]).strip(), file=file["id"])
    raise Refused("bad_payload", f"There is no file {rest}." if rest else COMMANDS["file"].usage)


def _existing(name: str) -> Path | None:
    """The file of that name, as one may have written it for a shell."""
    path = Path(name.strip("'\"").replace("\\ ", " ")).expanduser()
    return path if path.is_file() else None


async def _people(chat: Conversation, rest: str) -> None:
    people = await _here(chat).room.people()
    chat.tell(f"{len(people)} here")
    for one in people:
        notes = [one.get("role"), one.get("status"), "reconnecting" if one.get("reconnecting") else None]
        chat.tell(f"{one['nickname']}{''.join(f', {note}' for note in notes if note)}")


async def _rooms(chat: Conversation, rest: str) -> None:
    found = await chat.client.public_rooms()
    chat.public = [(one["name"], one.get("topic") or "") for one in found]
    for one in found or []:
        topic = f": {one['topic']}" if one.get("topic") else ""
        chat.tell(f"#{one['name']}, {one['people']} there{topic}")
    if not found:
        chat.tell("there are no public rooms")


async def _join(chat: Conversation, rest: str) -> None:
    if not rest:
        raise Refused("bad_payload", COMMANDS["join"].usage)
    await chat.enter(rest)


async def _leave(chat: Conversation, rest: str) -> None:
    room = _here(chat).room
    chat.left(room.name)
    await room.leave()


async def _history(chat: Conversation, rest: str) -> None:
    tab = _here(chat)
    before = _number(rest, COMMANDS["history"].usage) if rest else min(tab.seen, default=tab.last + 1)
    found = await tab.room.history(before=before, limit=20) if before > 1 else []
    for message in found:
        chat.screen.show(*styled(message, dict(chat.client.me)))
    tab.seen |= {message["seq"]: message for message in found}
    if not found:
        chat.tell("there is nothing before that")


async def _search(chat: Conversation, rest: str) -> None:
    found, more = await _here(chat).room.search(rest)
    for message in found:
        chat.screen.show(*styled(message, dict(chat.client.me)))
    chat.tell(f"{len(found)} found{', the last ones' if more else ''}")


def _sanction(verb: str) -> Callable[[Conversation, str], Coroutine[Any, Any, None]]:
    async def run(chat: Conversation, rest: str) -> None:
        """The nickname may have blanks."""
        room, rest = _here(chat).room, rest.removeprefix("@")
        people = sorted(await room.people(), key=lambda one: -len(one["nickname"]))
        for one in people:
            if f"{rest} ".casefold().startswith(f"{one['nickname']} ".casefold()):
                reason = rest[len(one["nickname"]) :].strip()
                answer = await chat.client.ask(verb, {"room": room.name, "person": one["id"], "reason": reason})
                if not answer["ok"]:
                    raise Refused(answer["error"], answer["text"])
                return chat.tell(f"{verb}: {one['nickname']}")
        raise Refused("no_such_person", f"Nobody here is called {rest}." if rest else COMMANDS[verb].usage)

    return run


COMMANDS = {
    "help": Command("/help [command]", "what can be typed", _help),
    "me": Command("/me waves", "say what you do", _me),
    "reply": Command("/reply 12 text", "answer the message with that number in brackets", _reply),
    "edit": Command("/edit [#12] text", "give your last message, or the one with that number, another text", _edit),
    "delete": Command("/delete [12]", "take your last message back, or the one with that number", _delete),
    "react": Command("/react 12 👍", "answer a message with an emoji, or take that back", _react),
    "file": Command("/file path [caption]", "send a file", _file),
    "nick": Command("/nick name", "bear another name", _nick),
    "topic": Command("/topic [text]", "what the room is about", _topic),
    "people": Command("/people", "who is here", _people),
    "rooms": Command("/rooms", "the public rooms", _rooms),
    "join": Command("/join room", "enter another room, or go back to it (Alt+1 to Alt+9)", _join),
    "leave": Command("/leave", "leave this room", _leave),
    "history": Command("/history [12]", "what was said before, or before the message with that number", _history),
    "search": Command("/search words", "messages that have these words", _search),
    "kick": Command("/kick name [reason]", "send somebody out", _sanction("kick")),
    "mute": Command("/mute name [reason]", "let somebody read and not speak", _sanction("mute")),
    "ban": Command("/ban name [reason]", "keep somebody out", _sanction("ban")),
}
