"""Looking for what was said: what is found by which words, by whom, and that nothing anybody types breaks it."""

import asyncio
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection as Db
from sqlalchemy import text as sql

from app.chat import Chat, Memory
from app.chat.indexing import MANY, MAX_AT_ONCE, MIN_AT_ONCE, Indexing
from app.chat.verbs import perform
from app.model import Connection
from app.store import queries
from app.store.queries import terms
from tests.chat.conftest import Ask, arrives
from tests.chat.test_sent_files import uploaded
from tests.conftest import Start
from tests.support.talker import new_id

SAID = {
    "english": "The quick brown fox isn't here, C++ is: https://example.com/foxes?id=42",
    "accents": "Über den Straßen: café, naïve, Ångström",
    "chinese": "我昨天在東京都看到了一隻貓",
    "japanese": "カタカナとひらがなを検索できますか",
    "korean": "서울에서 만나요",
    "thai": "สวัสดีครับ ยินดีต้อนรับ",
    "arabic": "مَرْحَبًا بِكُم فِي الغُرفَة",
    "hebrew": "שָׁלוֹם עולם",
    "russian": "Ёжик в тумане",
    "hindi": "नमस्ते दुनिया",
    "emoji": "great 👍🏽 family 👨‍👩‍👧 and 🇩🇪",
    "hyphens": "an extra\u00adordinary co\u2060operation \ufeffmarked",
    "persian": "می\u200cخواهم کتاب علی",
    "code": "snake_case and kebab-case, v1.2.3",
}
FOUND = [
    ("fox", "english"),
    ("FOXES", "english"),
    ("bro", "english"),
    ("quick fo", "english"),
    ('"quick brown"', "english"),
    ("isn't", "english"),
    ("isn’t", "english"),
    *((f"{left}quick brown{right}", "english") for left, right in ("“”", "„“", "«»", "＂＂", "「」")),
    ("extraordinary", "hyphens"),
    ("cooperation", "hyphens"),
    ("extra\u00adord", "hyphens"),
    ("marked", "hyphens"),
    ("میخواهم", "persian"),
    ("می\u200cخواهم", "persian"),
    ("example.com", "english"),
    ("C++", "english"),
    ("uber strassen", "accents"),
    ("CAFÉ", "accents"),
    ("angstrom", "accents"),
    ("東京", "chinese"),
    ("貓", "chinese"),
    ("京都看", "chinese"),
    ("検索", "japanese"),
    ("カタカナ", "japanese"),
    ("서울", "korean"),
    ("ยินดี", "thai"),
    ("مرحبا", "arabic"),
    ("الغرفة", "arabic"),
    ("שלום", "hebrew"),
    ("ежик", "russian"),
    ("नमस्ते", "hindi"),
    ("👍", "emoji"),
    ("👩", "emoji"),
    ("🇩🇪", "emoji"),
    ("case snake", "code"),
    ("v1.2.3", "code"),
]
MISSED = ['"brown quick"', "京東", "quick cat", "ox", "🇪🇩", "from:bob fox", '"quick bro"']
TRICKS = (
    '"',
    '""',
    '"""',
    "AND",
    "OR NOT",
    "NEAR(fox, 3)",
    "*",
    "f*x",
    "(",
    ")",
    "fox)",
    "^fox",
    "terms:fox",
    "- fox",
    "{terms} : fox",
    "fox + brown",
    "'",
    "''; DROP TABLE messages; --",
    "fox' & !'x",
    "a:* | b <-> c",
    "\\",
    "%",
    "_",
    "fox:ABCD",
    "=p",
    "=e1f44d",
    "\u0301",
    "\u200d",
    "\ufe0f",
    "from:",
    'from:"',
    "from:@",
    "x" * 200,
    "貓" * 200,
    "a " * 100,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [("کتاب", "كتــاب"), ("علی", "علي"), ("على", "علي"), ("ہے", "هے"), ("extra\u00adordinary", "extraordinary")],
)
def test_what_other_keyboards_write_is_the_same_word(one: str, other: str) -> None:
    assert terms.terms(one) == terms.terms(other) != []


async def says(ask: Ask, who: Connection, room: str, *texts: str) -> list[dict]:
    await ask(who, "join", room=room)
    return [(await ask(who, "send", room=room, text=text, id=new_id()))["message"] for text in texts]


async def index(chat: Chat) -> None:
    await chat.indexing.take_new()


def texts(answer: dict) -> list[str]:
    assert answer["ok"], answer
    return [one["text"] for one in answer["messages"]]


class Noted:
    """A store, and how many changes were to be taken into the index at once."""

    def __init__(self, store: Memory) -> None:
        self.read, self._write = store.read, store.write
        self.limits: list[int] = []

    async def write(self, ask: Callable[..., Any], rooms: list[str], limit: int) -> Any:
        self.limits.append(limit)
        return await self._write(ask, rooms, limit)


@pytest.mark.parametrize(("noted", "most"), [(MANY, MIN_AT_ONCE), (4_000, 200), (1_000_000, MAX_AT_ONCE)])
async def test_the_index_takes_little_at_once_so_that_nobody_waits_long_and_more_where_much_waits(
    chat: Chat, ask: Ask, alice: Connection, noted: int, most: int
) -> None:
    said = await says(ask, alice, "lobby", *(f"word {n}" for n in range(MIN_AT_ONCE + 1)))
    store = Noted(chat.store)
    indexing = Indexing(store)
    for _ in range(noted):
        indexing.note("lobby")
    await indexing.take_new()
    assert set(store.limits) == {most}
    assert len(store.limits) <= 1 + len(said) // most, "less where the server's own has just taken what it began with"
    assert await chat.store.read(queries.unindexed_rooms) == []


@pytest.mark.parametrize("is_indexed", [False, True], ids=["not-indexed", "indexed"])
async def test_words_of_any_script_are_found_and_others_are_not(
    chat: Chat, ask: Ask, alice: Connection, is_indexed: bool
) -> None:
    await says(ask, alice, "lobby", *SAID.values())
    if is_indexed:
        await index(chat)
    wrong = []
    for query, which in FOUND:
        answer = await ask(alice, "search", room="lobby", query=query)
        if not answer["ok"] or [one["text"] for one in answer["messages"]] != [SAID[which]]:
            wrong.append((query, answer))
    for query in MISSED:
        answer = await ask(alice, "search", room="lobby", query=query)
        if not answer["ok"] or answer["messages"]:
            wrong.append((query, answer))
    for query in TRICKS:
        answer = await ask(alice, "search", room="lobby", query=query)
        if not answer["ok"] and answer["error"] not in ("bad_payload", "too_long"):
            wrong.append((query, answer))
    assert wrong == []


async def test_marks_say_where_the_words_stand_as_javascript_counts(ask: Ask, alice: Connection) -> None:
    await says(ask, alice, "lobby", "👍👍 the Fox and the foxes, 東京")

    async def marked(query: str) -> list[str]:
        (found,) = (await ask(alice, "search", query=query))["messages"]
        units = found["text"].encode("utf-16-le")
        return [units[2 * first : 2 * last].decode("utf-16-le") for first, last in found["marks"]]

    assert await marked("東京 fox") == ["Fox", "foxes", "東京"]
    assert await marked('"the fox"') == ["the Fox"]
    assert await marked("👍") == ["👍👍"]


async def test_edited_deleted_and_restored_messages_are_found_as_they_are_now(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    one, two, three = await says(ask, alice, "lobby", "apple pie", "apple cake", "apple tart")
    await says(ask, bob, "lobby", "apple juice")
    for nth in range(3):  # not in the index, in it as it was before, in it as it is now
        if nth == 1:
            await index(chat)
        await ask(alice, "edit", room="lobby", seq=one["seq"], text=f"pear pie {nth}")
        await ask(alice, "delete", room="lobby", seq=4)
        if nth == 2:
            await index(chat)
        assert texts(await ask(alice, "search", room="lobby", query="apple")) == ["apple tart", "apple cake"]
        assert texts(await ask(alice, "search", room="lobby", query="juice")) == []
        assert texts(await ask(alice, "search", room="lobby", query="pear")) == [f"pear pie {nth}"]
        await ask(alice, "restore", room="lobby", seq=4)
        assert texts(await ask(alice, "search", room="lobby", query="juice")) == ["apple juice"]
    assert two["seq"] < three["seq"]


async def test_files_are_found_by_their_names(chat: Chat, ask: Ask, alice: Connection) -> None:
    await says(ask, alice, "lobby", "quarterly")
    for nth, (name, caption) in enumerate(
        {"Quarterly_report-2026.pdf": "", "貓.png": "my cat", "x.zip": "big"}.items()
    ):
        file = await uploaded(chat, alice, f"{nth}" * 32, name=name)
        await ask(alice, "send", room="lobby", text=caption, id=new_id(), file=file)

    async def found(query: str) -> list[int]:
        return [one["seq"] for one in (await ask(alice, "search", room="lobby", query=query))["messages"]]

    for is_indexed in (False, True):
        if is_indexed:
            await index(chat)
        asked = (
            "quarterly",
            '"quarterly report"',
            "2026 pdf",
            "貓 cat",
            '"cat 貓"',
            "zip from:alice",
            "png big",
            "repo",
        )
        assert [await found(query) for query in asked] == [[2, 1], [2], [2], [3], [], [4], [], [2]], is_indexed
    (one,) = (await ask(alice, "search", query="png cat"))["messages"]
    assert (one["marks"], one["file_marks"]) == ([(3, 6)], [(2, 5)])
    await ask(alice, "delete", room="lobby", seq=4)
    assert await found("zip") == []
    await index(chat)
    assert await found("zip") == []


async def test_what_was_indexed_by_another_rule_is_indexed_anew(chat: Chat, ask: Ask, alice: Connection) -> None:
    await says(ask, alice, "one", "hello")
    file = await uploaded(chat, alice, name="report.pdf")
    await ask(alice, "send", room="one", text="", id=new_id(), file=file)
    await index(chat)
    await chat.store.write(_as_an_older_version_left_it)
    assert await chat.store.read(queries.unindexed_rooms) == []
    await chat.indexing._take_what_was_left()
    answer = await ask(alice, "search", room="one", query="report")
    assert [one["seq"] for one in answer["messages"]] == [2]


def _as_an_older_version_left_it(db: Db) -> None:
    """Version 0.17 took texts and names of authors alone into the index."""
    db.execute(sql("UPDATE rules SET version = '1' || substr(version, 2) WHERE name = 'search'"))
    db.execute(sql("DELETE FROM searched"))


async def test_pages_go_on_where_the_one_before_ended(chat: Chat, ask: Ask, alice: Connection) -> None:
    for room in ("one", "two"):
        await says(ask, alice, room, *(f"word {nth}" for nth in range(25)))
    await index(chat)
    await says(ask, alice, "two", *(f"word {nth}" for nth in range(25, 30)))

    async def all_pages(**where: str) -> list[str]:
        found, before = [], {}
        while True:
            answer = await ask(alice, "search", query="word", **where, **before)
            found += texts(answer)
            if not answer["more"]:
                return found
            last = answer["messages"][-1]
            before = {"before": last["seq"] if where else last["at"]}

    assert await all_pages(room="two") == [f"word {nth}" for nth in reversed(range(30))]
    assert sorted(await all_pages()) == sorted([f"word {n}" for n in range(25)] + [f"word {n}" for n in range(30)])


async def test_what_many_said_in_one_millisecond_is_all_found(chat: Chat, ask: Ask, alice: Connection) -> None:
    count = 3 * chat.limits.found
    for room in ("one", "two"):
        await says(ask, alice, room, *(f"word {nth}" for nth in range(count)))
    await chat.store.write(lambda db: db.execute(sql("UPDATE messages SET at = (SELECT max(at) FROM messages)")))
    await index(chat)
    answer = await ask(alice, "search", query="word")
    assert len(answer["messages"]) == 2 * count, "the next page begins before that millisecond"
    assert not answer["more"]


async def test_by_person_under_whatever_name_and_by_day(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    await says(ask, alice, "lobby", "tea for two")
    await index(chat)
    await ask(alice, "rename", nickname="Alice B. Toklas")
    (last,) = await says(ask, alice, "lobby", "tea for three")
    await says(ask, bob, "lobby", "tea, please")
    both = ["tea for three", "tea for two"]
    assert texts(await ask(bob, "search", room="lobby", query='tea from:"alice b. toklas"')) == both
    assert texts(await ask(bob, "search", room="lobby", query="from:@Alice tea")) == ["tea for two"]
    assert texts(await ask(bob, "search", room="lobby", query="from:bob")) == ["tea, please"]
    today, day = last["at"][:10], "2001-01-01"
    for query, found in ((f"on:{today}", 3), (f"after:{today}", 3), (f"before:{today}", 0), (f"on:{day}", 0)):
        assert len(texts(await ask(bob, "search", room="lobby", query=f"tea {query}"))) == found, query
    for query in ("tea on:yesterday", "before:2026-02-30 tea", f"on:{today}"):
        assert (await ask(bob, "search", query=query))["error"] == "bad_payload"


async def test_one_searches_where_one_has_been_and_may_read(
    chat: Chat, ask: Ask, alice: Connection, bob: Connection
) -> None:
    for room in ("public", "unlisted", "closed", "banned", "never"):
        await says(ask, alice, room, f"secret of {room}")
    await ask(alice, "settings", room="unlisted", listed=False)
    for room in ("public", "unlisted", "closed", "banned"):
        await ask(bob, "join", room=room)
        await ask(bob, "leave", room=room)
    await ask(alice, "settings", room="closed", passphrase="open sesame")
    await ask(alice, "ban", room="banned", person=bob.person.id, address=False)
    assert texts(await ask(bob, "search", query="secret")) == ["secret of unlisted", "secret of public"]
    for room in ("closed", "banned", "never", "none-such"):
        assert (await ask(bob, "search", room=room, query="secret"))["error"] == "not_member"
    assert len(texts(await ask(alice, "search", query="secret"))) == 5


async def test_what_is_no_longer_kept_is_not_found(chat: Chat, ask: Ask, alice: Connection) -> None:
    await says(ask, alice, "lobby", *(f"word {nth}" for nth in range(20)))
    await index(chat)
    await chat.store.write(queries.delete_oldest, room="lobby", before_seq=16, before_at=0, limit=100)
    assert texts(await ask(alice, "search", query="word")) == [f"word {nth}" for nth in reversed(range(15, 20))]


async def test_a_search_that_takes_too_long_is_given_up_and_others_go_on(
    chat: Chat, ask: Ask, alice: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await says(ask, alice, "lobby", *(f"word {nth}" for nth in range(20)))
    await index(chat)
    monkeypatch.setattr("app.store.queries.search.TIME_LIMIT_S", -1.0)
    assert (await ask(alice, "search", query="word"))["error"] == "too_slow"
    monkeypatch.undo()
    assert len(texts(await ask(alice, "search", query="word"))) == 20
    assert len((await ask(alice, "history", room="lobby"))["messages"]) == 20


async def test_an_old_history_is_indexed_at_the_next_start(start_server: Start) -> None:
    server = await start_server()
    alice = await arrives(server.chat, "a", "alice")
    await server.chat.store.write(queries.open_room, room="old")
    words = {"author": alice.person.id, "nickname": "alice", "kind": "said", "reply_to": None, "room": "old"}
    for nth in range(0, 3_000, 100):
        await asyncio.gather(
            *(
                server.chat.store.write(queries.insert_message, id=new_id(), text=f"word {n}", **words)
                for n in range(nth, nth + 100)
            )
        )
    await server.chat.indexing._take_what_was_left()
    assert await server.chat.store.read(queries.unindexed_rooms) == []
    join = {"room": "old"}
    await perform(server.chat, alice, "join", join)
    found = await perform(server.chat, alice, "search", join | {"query": '"word 7"'})
    assert texts(found) == ["word 7"]


ANYTHING = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\":*()-^+={}&|!<>'\\ " + string.ascii_letters)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANYTHING, query=ANYTHING)
def test_a_question_is_asked_in_the_words_of_its_terms_alone(text: str, query: str) -> None:
    asked = queries.question(" ".join(part for part in query.split() if ":" not in part))
    for phrase in asked.phrases:
        assert all(term and not set(term) & set(" \"'\\*()") for term in phrase.terms)
    found = terms.terms(text)
    assert [term for term, _ in terms.spans(text)] == found
    assert [one for part in text.split() for one in terms.terms(part)] == found
    for first, last in asked.marks(text):
        assert 0 <= first < last <= len(text.encode("utf-16-le", "surrogatepass")) // 2
