"""What may happen to the files under a running server, and what is left of what was confirmed."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.model import Refused
from app.store import files, queries
from app.store.database import Database
from app.store.files import COUNTED, HEADER, MAGIC, DatabaseFile
from app.store.sqlite import _count_mark
from tests.support.talker import until


class Served:
    """A database that is open, and what was confirmed to whoever said something."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "parlor.db"
        self.journal, self.index = folder / "parlor.db-wal", folder / "parlor.db-shm"
        self.database = Database(f"sqlite:///{self.path}")
        self.epochs: list[str] = []
        self.said = 0
        self.confirmed: list[str] = []

    async def begin(self) -> None:
        await self.database.start()
        self.database.replaced = self.epochs.append
        await self.database.write(queries.open_room, room="lobby")
        arrival = {"wish": None, "guests": lambda: [("guest-1", ["guest-1"])], "held": 0}
        await self.database.write(queries.arrive, token="t", new_id="alice", **arrival)

    async def say(self, times: int = 1) -> None:
        for _ in range(times):
            self.said += 1
            text = f"word {self.said}"
            more = {"author": "alice", "nickname": "alice", "kind": "said", "reply_to": None}
            await self.database.write(queries.insert_message, room="lobby", id=text, text=text, **more)
            self.confirmed.append(text)

    async def says_again(self) -> None:
        """As soon as it can be stored."""
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(Refused):
                    return await self.say()
                await asyncio.sleep(0.01)

    def after_a_crash(self, folder: Path) -> "Served":
        """The files as SIGKILL would leave them, in a folder of their own; links and times are what they were."""
        folder.mkdir()
        made: dict[int, Path] = {}
        for file in self.folder.iterdir():
            twin, inode = folder / file.name, file.stat().st_ino
            if inode in made:
                os.link(made[inode], twin)
            elif file.is_file():
                made[inode] = Path(shutil.copy2(file, twin))
        base = folder / ".parlor.db-base"
        if base.exists():  # the same file, though a copy cannot have the same inode
            words = base.read_bytes().split()
            if int(words[0]) == self.path.stat().st_ino:
                base.write_bytes(b"%20d %20d %20d\n" % (made_inode(folder), int(words[1]), int(words[2])))
        return Served(folder)


def made_inode(folder: Path) -> int:
    return (folder / "parlor.db").stat().st_ino


def texts(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return [text for (text,) in db.execute("SELECT text FROM messages ORDER BY seq")]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "data").mkdir()
    served = Served(tmp_path / "data")
    await served.begin()
    yield served
    await served.database.close()


def removed(served: Served) -> None:
    served.journal.unlink()


def replaced(served: Served) -> None:
    other = served.folder / "other"
    other.write_bytes(b"somebody's" * 1000)
    other.replace(served.journal)


def a_folder(served: Served) -> None:
    served.journal.unlink()
    served.journal.mkdir()
    (served.journal / "file").touch()


def both_removed(served: Served) -> None:
    served.journal.unlink()
    served.index.unlink()


def only_the_index(served: Served) -> None:
    served.index.unlink()


TAKEN = {
    "removed": removed,
    "replaced": replaced,
    "a-folder": a_folder,
    "with-its-index": both_removed,
    "only-the-index": only_the_index,
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
async def test_a_journal_that_is_taken_away_takes_no_confirmed_word_along(
    served: Served, tmp_path: Path, take: Callable[[Served], None]
) -> None:
    await served.say(60)
    take(served)
    await served.say(3)
    async with asyncio.timeout(5):
        while not served.index.is_file():
            await served.database.watch()
    assert served.journal.is_file()
    again = served.after_a_crash(tmp_path / "again")
    await again.database.start()
    assert texts(again.path) == served.confirmed
    await again.database.close()
    assert served.epochs == [], "nobody has to come again"


async def test_after_a_crash_a_journal_that_was_removed_just_before_is_found_again(
    served: Served, tmp_path: Path
) -> None:
    await served.say(60)
    served.journal.unlink()
    again = served.after_a_crash(tmp_path / "again")
    await again.database.start()
    assert texts(again.path) == served.confirmed
    await again.database.close()


async def test_in_silence_it_is_noticed_too(served: Served) -> None:
    await served.say(3)
    both_removed(served)
    for spare in served.folder.glob(".parlor.db-*"):
        spare.unlink()
    await served.database.watch()
    assert served.journal.exists()
    await served.say()
    async with asyncio.timeout(5):
        while not {one.name for one in served.folder.glob(".*")} >= {".parlor.db-wal", ".parlor.db-shm"}:
            await served.database.watch()
    assert texts(served.path) == served.confirmed


async def test_where_there_are_no_hard_links_what_is_in_the_journal_goes_into_the_database(
    served: Served, tmp_path: Path
) -> None:
    """And with somebody reading meanwhile it is refused until they are done: nothing is confirmed that may be lost."""
    await served.say(60)
    reading = sqlite3.connect(served.path, isolation_level=None)
    reading.execute("BEGIN")
    reading.execute("SELECT count(*) FROM messages").fetchone()
    await served.say()
    removed(served)
    (served.folder / ".parlor.db-wal").unlink()
    with pytest.raises(Refused) as refusal:
        await served.say()
    assert (refusal.value.code, refusal.value.extra["retry_after"]) == ("storage", 2.0)
    with pytest.raises(Refused):
        await served.database.ready()
    reading.execute("COMMIT")
    await served.says_again()
    await served.database.ready()
    reading.close()
    again = served.after_a_crash(tmp_path / "again")
    await again.database.start()
    assert set(served.confirmed) <= set(texts(again.path))
    await again.database.close()


async def test_a_journal_that_is_cut_costs_what_was_not_copied_yet_and_everybody_starts_over(served: Served) -> None:
    """What is left is whole, and what is confirmed from then on stays."""
    await served.say(5)
    with contextlib.closing(sqlite3.connect(served.path)) as db:
        db.execute("PRAGMA wal_checkpoint")
    await served.say(3)
    os.truncate(served.journal, 3 * 4096)
    with pytest.raises(Refused, match="was cut"):
        await served.say()
    await until(lambda: served.epochs)
    await served.say()
    assert texts(served.path) == [*served.confirmed[:5], served.confirmed[-1]]
    assert served.epochs == [await served.database.read(queries.epoch)]


async def test_a_journal_that_is_cut_when_all_of_it_was_copied_costs_nothing(served: Served) -> None:
    await served.say(5)
    with contextlib.closing(sqlite3.connect(served.path)) as db:
        db.execute("PRAGMA wal_checkpoint")
    os.truncate(served.journal, 0)
    await served.says_again()
    assert set(texts(served.path)) >= set(served.confirmed)
    assert served.epochs == []


async def test_another_process_that_empties_the_journal_properly_is_no_fault(served: Served) -> None:
    await served.say(5)
    with contextlib.closing(sqlite3.connect(served.path)) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    await served.say(5)
    assert (texts(served.path), served.epochs) == (served.confirmed, [])


async def test_another_process_that_writes_and_checkpoints_is_no_fault(served: Served) -> None:
    await served.say(5)
    with contextlib.closing(sqlite3.connect(served.path)) as db:
        db.executescript("UPDATE rooms SET topic = 'tea'; CREATE TABLE more AS SELECT * FROM messages; VACUUM;")
        db.execute("PRAGMA wal_checkpoint")
    await served.say(5)
    assert (texts(served.path), served.epochs) == (served.confirmed, [])


async def test_a_backup_copied_over_the_open_file_is_another_history(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SETTLED_S", 0.05)
    await served.say(5)
    with contextlib.closing(sqlite3.connect(served.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await served.say()
    before = await served.database.read(queries.epoch)
    backup = tmp_path / "backup.db"
    with contextlib.closing(sqlite3.connect(served.path)) as db, contextlib.closing(sqlite3.connect(backup)) as copy:
        db.backup(copy)
    await served.say(3)
    for _ in range(2):  # as the next restarts, or some hours of talk, would
        with contextlib.closing(sqlite3.connect(served.path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await served.database.write(_count_mark)
    with contextlib.closing(sqlite3.connect(served.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await served.say()
    shutil.copy(backup, served.path)
    with pytest.raises(Refused, match="overwritten"):
        await served.say()
    async with asyncio.timeout(5):
        while not served.epochs:
            await served.database.watch()
    restored = texts(backup)
    await served.say()
    assert texts(served.path) == [*restored, served.confirmed[-1]]
    assert served.epochs[0] != before, "what was said before was told under the same numbers"


async def test_a_database_cut_to_nothing_is_refused_until_a_whole_one_is_in_its_place(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SETTLED_S", 0.05)
    await served.say(5)
    with contextlib.closing(sqlite3.connect(served.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(served.path, tmp_path / "backup.db")
    await served.say()
    os.truncate(served.path, 0)
    with pytest.raises(Refused, match="overwritten"):
        await served.say()
    shutil.copy(tmp_path / "backup.db", served.path)
    await served.says_again()
    assert texts(served.path)[:5] == served.confirmed[:5]
    assert texts(served.path)[-1] == served.confirmed[-1]


async def test_a_database_that_is_removed_is_saved_under_another_name(served: Served) -> None:
    await served.say(5)
    served.path.unlink()
    with pytest.raises(Refused, match="was saved as") as refusal:
        await served.say()
    (saved,) = served.folder.glob("parlor.db.aside-*")
    assert str(saved) in refusal.value.text
    assert texts(saved) == served.confirmed
    saved.rename(served.path)
    await served.says_again()
    assert texts(served.path) == served.confirmed


@pytest.mark.parametrize("what", ["a-folder", "nothing"])
async def test_whatever_takes_the_place_of_the_database_it_goes_on_once_that_is_back(served: Served, what: str) -> None:
    await served.say(5)
    served.path.rename(served.folder / "away.db")
    if what == "a-folder":
        served.path.mkdir()
    for _ in range(2):
        with pytest.raises(Refused):
            await served.say()
        with pytest.raises(Refused):
            await served.database.ready()
    if what == "a-folder":
        served.path.rmdir()
    (served.folder / "away.db").rename(served.path)
    await served.says_again()
    assert texts(served.path) == served.confirmed


async def test_a_folder_that_is_removed_and_made_anew_gets_nothing_until_there_is_a_database(
    served: Served, tmp_path: Path
) -> None:
    await served.say(5)
    shutil.rmtree(served.folder)
    served.folder.mkdir()
    with pytest.raises(Refused, match="saved as"):
        await served.say()
    (saved,) = served.folder.glob("parlor.db.aside-*")
    assert texts(saved) == served.confirmed
    saved.rename(served.path)
    await served.says_again()
    assert texts(served.path) == served.confirmed


async def test_a_proper_end_leaves_one_file(served: Served) -> None:
    await served.say(5)
    removed(served)
    await served.database.close()
    assert [one.name for one in served.folder.iterdir()] == ["parlor.db"]
    assert texts(served.path) == served.confirmed


async def test_only_the_owner_can_read_what_is_said(served: Served) -> None:
    await served.say()
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in served.folder.iterdir()}
    assert len(modes) == 6
    assert set(modes.values()) == {0o600}
    await served.database.close()
    served.path.chmod(0o640)
    again = Served(served.folder)
    await again.begin()
    assert {stat.S_IMODE(one.stat().st_mode) for one in (again.path, again.journal, again.index)} == {0o640}
    await again.database.close()


async def test_the_journal_of_another_state_of_the_database_is_not_used(served: Served, tmp_path: Path) -> None:
    """A crash, then a backup is restored as the docs say: the database replaced, journal and index removed."""
    await served.say(5)
    backup = tmp_path / "backup.db"
    with contextlib.closing(sqlite3.connect(served.path)) as db, contextlib.closing(sqlite3.connect(backup)) as copy:
        db.backup(copy)
    await served.say(5)
    again = served.after_a_crash(tmp_path / "again")
    shutil.copy(backup, again.path)
    again.journal.unlink()
    again.index.unlink()
    await again.database.start()
    assert texts(again.path) == served.confirmed[:5]
    await again.database.close()
    assert [one.name.partition("-wal.aside")[1] for one in again.folder.iterdir() if one != again.path] == [
        "-wal.aside"
    ]


def test_while_another_process_makes_a_checkpoint_the_file_is_not_overwritten(tmp_path: Path) -> None:
    """Its header tells of pages that are not there yet."""
    path = tmp_path / "a.db"

    def header(pages: int) -> bytes:
        made = bytearray(MAGIC.ljust(HEADER, b"\x00"))
        made[16:18], made[28:32], made[60:64] = (4096).to_bytes(2), pages.to_bytes(4), (5 * COUNTED).to_bytes(4)
        return bytes(made)

    path.write_bytes(header(1).ljust(4096, b"\x00"))
    file = DatabaseFile(str(path))
    file.hold()
    path.write_bytes(header(2).ljust(4096, b"\x00"))
    growing = threading.Timer(0.05, os.truncate, (path, 8192))
    growing.start()
    assert not file.is_overwritten(path.stat())
    growing.join()
    os.truncate(path, 4096)
    assert file.is_overwritten(path.stat()), "it was cut"
    file.let_go()
