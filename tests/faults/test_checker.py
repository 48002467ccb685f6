"""The judge judged: it finds each kind of violation, in a database without the constraints that would forbid it."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checker
from tests.faults.checker import Record, Said, Speech, Stored

FILE = {"id": "f", "name": "numbers.bin"}

TABLES = """
CREATE TABLE rooms (name, seq, rev);
CREATE TABLE messages (room, seq, rev, id, author, nickname, kind, text, reply_to, at, edited, deleted, file);
CREATE TABLE reactions (room, seq, emoji, person, nickname, at);
"""


def message(seq: int, rev: int | None = None, **other: Any) -> dict[str, Any]:
    text = f"alice {seq}"
    usual = {"id": f"id-of-{seq}", "author": "a", "nickname": "alice", "kind": "said", "text": text, "at": 1_000 * seq}
    return {"room": "lobby", "seq": seq, "rev": rev or seq, **usual, **other}


class Case:
    """Five messages that alice said and bob heard; the third was reacted to, which claimed rev 6; the fourth carries a
    file."""

    def __init__(self) -> None:
        self.rows = [message(1), message(2), message(3, 6), message(4, file=json.dumps(FILE)), message(5)]
        self.seq, self.rev = 5, 6
        told = [message(seq, at=f"1970-01-01T00:00:0{seq}.000Z") for seq in range(1, 6)]
        told.append(told[2] | {"rev": 6, "reactions": {"👍": ["bob"]}})
        told[3]["file"] = FILE
        self.speech = Speech("alice", [Said(one["text"], one) for one in told[:5]])
        self.speech.words[3].file, self.speech.words[3].content = FILE["id"], b"bytes"
        held = deepcopy([told[0], told[1], told[5], told[3], told[4]])
        self.record = Record("bob", [told[:3], told[3:]], [[1, 2, 3, 4, 5, 6]], held)

    def judged(self, folder: Path) -> list[str]:
        file = folder / "case.db"
        with contextlib.closing(sqlite3.connect(file)) as db, db:
            db.executescript(TABLES)
            db.execute("INSERT INTO rooms VALUES ('lobby', ?, ?)", (self.seq, self.rev))
            db.execute("INSERT INTO reactions VALUES ('lobby', 3, '👍', 'b', 'bob', 1)")
            for row in self.rows:
                names = ", ".join(row)
                db.execute(f"INSERT INTO messages ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        return checker.violations(checker.read(file, "lobby"), [self.speech], [self.record])


def test_where_all_is_well_it_says_nothing(tmp_path: Path) -> None:
    assert Case().judged(tmp_path) == []


def lost(case: Case) -> None:
    del case.rows[4]
    case.seq, case.rows[3]["rev"] = 4, 4
    case.record.held.pop()


def unacked(case: Case) -> None:
    case.speech.words[4].ack = None


def doubled_under_another_id(case: Case) -> None:
    case.rows.append(message(6, 7, id="another-id", text="alice 5"))


def doubled_under_another_author(case: Case) -> None:
    case.rows.append(message(6, 7, id="id-of-5", author="z"))


def out_of_order(case: Case) -> None:
    case.speech.words[0], case.speech.words[1] = case.speech.words[1], case.speech.words[0]


def a_hole_in_seq(case: Case) -> None:
    case.rows[4]["seq"] = 6


def a_hole_in_rev(case: Case) -> None:
    case.rows[4]["rev"], case.rev = 7, 7


def one_seq_twice(case: Case) -> None:
    case.rows[4]["seq"] = 4


def one_rev_twice(case: Case) -> None:
    case.rows[4]["rev"] = 4


def a_rev_beyond(case: Case) -> None:
    case.rows[4]["rev"] = 9


def out_of_nowhere(case: Case) -> None:
    case.rows.append(message(6, 7, text="who said this?"))


def acked_elsewhere(case: Case) -> None:
    case.speech.words[1].ack = message(3, id="id-of-2", text="alice 2")


def acked_with_a_rev_to_come(case: Case) -> None:
    case.speech.words[1].ack = message(2, 9)


def acked_with_another_text(case: Case) -> None:
    case.speech.words[1].ack = message(2, text="something else")


def told_twice(case: Case) -> None:
    case.record.lines[1].append(case.record.lines[1][-1])


def told_in_disorder(case: Case) -> None:
    case.record.lines[0].reverse()


def shown_twice(case: Case) -> None:
    case.record.shown[0].append(6)


def heard_early(case: Case) -> None:
    case.record.early.append("seq 5, rev 5")


def not_heard(case: Case) -> None:
    case.record.held.pop()


def held_twice(case: Case) -> None:
    case.record.held.append(case.record.held[-1])


def held_in_disorder(case: Case) -> None:
    case.record.held.reverse()


def held_as_it_was(case: Case) -> None:
    case.record.held[2] |= {"rev": 3}


def held_without_its_reaction(case: Case) -> None:
    del case.record.held[2]["reactions"]


def held_and_not_stored(case: Case) -> None:
    case.record.held.append(message(6))


def stored_without_its_file(case: Case) -> None:
    case.rows[3]["file"] = None


def held_without_its_file(case: Case) -> None:
    del case.record.held[3]["file"]


def told_of_what_others_say_alone(case: Case) -> None:
    case.record.strays.append("@eve")


def forgotten_without_a_reset(case: Case) -> None:
    case.record.floor, case.record.held = 3, case.record.held[2:]


FOUND = {
    lost: "'alice 5' was acked and is not stored",
    doubled_under_another_id: "the text 'alice 5' is stored 2 times",
    doubled_under_another_author: "the id 'id-of-5' is stored 2 times",
    out_of_order: "said seq 1 after seq 2",
    a_hole_in_seq: "seq is not 1 to 5: missing [5]",
    a_hole_in_rev: "rev is not 1 to 7: [3, 5] are nobody's, and there were 1 changes",
    one_seq_twice: "seq is not 1 to 5: missing [5], doubled [4]",
    one_rev_twice: "rev 4 was claimed 2 times",
    a_rev_beyond: "rev 9 is beyond the room's 6",
    out_of_nowhere: "'who said this?' is stored and nobody said it",
    acked_elsewhere: "was acked as seq 3, rev 3, author a and is stored as seq 2",
    acked_with_a_rev_to_come: "was acked as seq 2, rev 9",
    acked_with_another_text: "said 'alice 2' and was acked 'something else'",
    told_twice: "was told rev 6 after rev 6 on one connection",
    told_in_disorder: "was told rev 2 after rev 3 on one connection",
    shown_twice: "was shown rev 6 after rev 6",
    heard_early: "heard seq 5, rev 5 before it was committed",
    not_heard: "bob has not got seq [5]",
    held_twice: "copy is not in order, each message once",
    held_in_disorder: "copy is not in order, each message once",
    held_as_it_was: "bob's seq 3 has another rev than",
    held_without_its_reaction: "bob's seq 3 has another reactions than",
    held_and_not_stored: "bob holds seq [6], which are not stored",
    stored_without_its_file: "'alice 4' was said with the file f and carries None",
    held_without_its_file: "bob's seq 4 has another file than",
    told_of_what_others_say_alone: "bob heard of @eve, in which they are not",
    forgotten_without_a_reset: "bob holds nothing before seq 3, and was never told to start over",
}


@pytest.mark.parametrize("fault", FOUND, ids=lambda fault: fault.__name__)
def test_it_finds(tmp_path: Path, fault: Callable[[Case], None]) -> None:
    case = Case()
    fault(case)
    judged = case.judged(tmp_path)
    assert any(FOUND[fault] in sentence for sentence in judged), judged


def test_what_was_not_acked_may_be_there_or_not(tmp_path: Path) -> None:
    case = Case()
    unacked(case)
    case.speech.words.append(Said("alice 6"))
    assert case.judged(tmp_path) == []


def test_who_started_over_may_hold_the_last_page_alone() -> None:
    record = Record("bob", shown=[[], [3, 4]], held=[message(3), message(4)], floor=3)
    stored = Stored(4, 4, [message(seq) for seq in range(1, 5)])
    assert checker.violations(stored, [Speech("alice", [Said(f"alice {n}") for n in range(1, 5)])], [record]) == []


@pytest.mark.parametrize(
    ("change", "came", "told"),
    [
        ({}, b"bytes", None),
        ({}, None, "the file of 'alice 4' is not there"),
        ({}, b"byte", "the file of 'alice 4' is not what was sent: 4 for 5 bytes"),
        ({"deleted": True}, None, None),
        ({"deleted": True}, b"bytes", "'alice 4' is deleted, and its file still comes"),
    ],
    ids=["whole", "gone", "short", "deleted", "deleted and there"],
)
def test_a_file_comes_as_it_was_sent_until_its_message_is_deleted(
    change: dict[str, Any], came: bytes | None, told: str | None
) -> None:
    stored = Stored(4, 4, [message(4) | change])
    speech = Speech("alice", [Said("alice 4", message(4), "f", b"bytes")])
    assert checker.fetched(stored, [speech], {"f": came}) == ([told] if told else [])


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([4, 2], None),
        ([4], "missing [2], doubled [], beyond []"),
        ([4, 4, 2], "missing [], doubled [4], beyond []"),
        ([5, 4, 2], "missing [], doubled [], beyond [5]"),
        ([2, 4], "is not in order: [2, 4]"),
    ],
    ids=["whole", "missing", "doubled", "not called", "in disorder"],
)
def test_a_list_of_mentions_has_what_calls_somebody_once_and_the_newest_first(
    listed: list[int], told: str | None
) -> None:
    calls = {2: "alice 2 @bob", 3: "bob 3 @bob", 4: "alice 4 @bob", 6: ""}
    stored = Stored(6, 6, [message(seq, text=calls.get(seq, "no")) for seq in range(1, 7)])
    stored.messages[2]["author"] = "b"
    faults = checker.mentioned(stored, checker.Mentioned("bob", "b", [message(seq) for seq in listed]))
    assert (not faults) if told is None else told in faults[0]
