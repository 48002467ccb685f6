"""Finding whom a text calls: `@Ann`, `@Ann Lee`, `@everyone`.

Where a name ends nobody can tell, for nicknames have blanks: of what follows an @ every beginning may be the name, and
the longest that is one counts. Whose a name is, is compared as names are (names.py): capitals and look-alikes count for
nothing. In code and in addresses nobody is called.
"""

from bisect import bisect_left
from collections.abc import Iterator

import regex

from app.chat import Chat, names
from app.chat.floods import CALL
from app.chat.rules import MODERATOR, RANKS
from app.model import Member
from app.store.queries import EVERYONE, Called, Calls, fold

ALL = (EVERYONE, "here")  # who moderates a room calls all who are in it
MAX_CALLS = 20  # in one message; what is called behind them stays text
MAX_WORDS = 6  # of a nickname that can be called
MAX_LENGTH = 80  # characters of a nickname that can be called, and some of what follows

_NO_WORDS = regex.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+", regex.DOTALL | regex.IGNORECASE)
_WITHOUT_BLANKS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# Between two characters of one word no name ends, where the writing puts blanks between words.
_INNER = regex.compile(rf"(?<=[\w--[{_WITHOUT_BLANKS}]])(?=\w)|(?<=\w)(?=[-.]\w)|(?<=\w[-.])(?=\w)", regex.VERSION1)
_EDGE = regex.compile(r"[\p{P}\p{S}]")


def calls_in(chat: Chat, member: Member, text: str) -> Calls:
    """What may be names in what a member says; the store knows whose they are."""
    if "@" not in text:
        return ()
    plain = _NO_WORDS.sub(lambda found: " " * len(found[0]), text)
    found = []
    for at in CALL.finditer(plain):
        if candidates := list(_candidates(chat, member, plain[at.end() : at.end() + MAX_LENGTH])):
            found.append(candidates)
        if len(found) >= MAX_CALLS:
            break
    return found


def _candidates(chat: Chat, member: Member, text: str) -> Iterator[Called]:
    """The beginnings of the text that may be a name, the longest first, up to the first that is known to be one."""
    moderates = chat.rules[member.room].rank(member.id) >= RANKS[MODERATOR]
    for typed in _beginnings(text):
        folded = fold(typed)
        if folded in ALL:
            if moderates:
                yield Called(typed, EVERYONE, (), True, folded)
                return
            continue
        person = _in_room(chat, member.room, folded)
        exact = bool(_EDGE.match(typed) or _EDGE.match(typed[-1]))
        looks = tuple(look for look in names.skeletons(typed) if look)
        newcomer = chat.newcomers.bearer(looks) if person is None and not exact else None
        if newcomer and folded.count(" ") in (0, fold(newcomer.name[0]).count(" ")):
            person = newcomer.id
        if person or looks:
            yield Called(typed, person, looks, exact, folded)
        if person:
            return


def _beginnings(text: str) -> Iterator[str]:
    line = text.partition("\n")[0]
    ends = [end for end in range(1, len(line) + 1) if not line[end - 1].isspace() and not _INNER.match(line, end)]
    words = 0
    kept = []
    for end in ends:
        words = len(line[:end].split())
        if words > MAX_WORDS:
            break
        kept.append(end)
    for end in reversed(kept):
        yield line[:end]


def _in_room(chat: Chat, room: str, folded: str) -> str | None:
    """Who is in the room under this name."""
    if room not in chat.presence.rooms:
        return None
    order = chat.presence.rooms[room].order
    place = bisect_left(order, (folded,))
    return order[place][1] if place < len(order) and order[place][0] == folded else None
