"""A database of an older Parlor, brought up to date with what is in it."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from app.store import queries
from app.store.connections import open_engine
from app.store.engine import MIGRATIONS, NEWEST
from tests.chat.conftest import arrives
from tests.conftest import Start
from tests.support.template import begin_with_tables


def make_database(path: Path, revision: str) -> None:
    engine = open_engine(make_url(f"sqlite:///{path}"), "BEGIN IMMEDIATE")
    with engine.begin() as db:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = db
        command.upgrade(config, revision)
    engine.dispose()


async def test_names_and_topics_of_before_0005_are_kept_and_cleaned(start_server: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "parlor.db"
    make_database(path, "0004")
    with sqlite3.connect(path) as db:
        for nth, name in enumerate(("Ann", "Ann\u2800", "Admi\u0274")):
            db.execute("INSERT INTO people (id, nickname, created_at) VALUES (?, ?, 1)", (f"{nth}", name))
            db.execute("INSERT INTO skeletons (skeleton, person) VALUES (?, ?)", (name.lower(), f"{nth}"))
        db.execute(
            "INSERT INTO rooms (name, topic, seq, rev, created_at, active_at) VALUES ('lobby', ?, 0, 0, 1, 1)",
            ("a\x1b[1m \u202etopic\u202c \u2066x\u2069\u200f",),
        )
    running = await start_server()
    with sqlite3.connect(path) as db:
        looks = db.execute("SELECT person, skeleton, nth FROM skeletons ORDER BY person").fetchall()
        assert looks == [("0", "ann", 0), ("1", "ann", 1), ("2", "adrnln", 0)]
        assert db.execute("SELECT topic FROM rooms").fetchall() == [("a[1m topic x\u200f",)]
        assert [name for (name,) in db.execute("SELECT nickname FROM people ORDER BY id")] == [
            "Ann",
            "Ann\u2800",
            "Admi\u0274",
        ]
    bob = await arrives(running.chat, "socket", "Admin")
    assert bob.person.nickname.startswith("guest-")


async def test_reactions_of_before_0008_are_shown_as_they_were(start_server: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "parlor.db"
    make_database(path, "0007")
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO rooms (name, topic, seq, rev, created_at, active_at) VALUES ('lobby', '', 2, 2, 1, 1)")
        for nth in range(10):
            db.execute("INSERT INTO people (id, nickname, created_at) VALUES (?, ?, 1)", (f"{nth}", f"name {nth}"))
        for seq in (1, 2):
            db.execute(
                "INSERT INTO messages (room, seq, rev, id, author, nickname, kind, text, at)"
                " VALUES ('lobby', ?, ?, ?, '0', 'name 0', 'said', 'x', 1)",
                (seq, seq, f"message-{seq}"),
            )
        for nth in reversed(range(10)):
            row = (f"{nth}", f"name {nth}", 100 - nth)
            db.execute("INSERT INTO reactions VALUES ('lobby', 1, '👍', ?, ?, ?)", row)
        db.execute("INSERT INTO reactions VALUES ('lobby', 1, '☕', '3', 'name 3', 1)")
    running = await start_server()
    one, two = await running.database.read(queries.said_after, room="lobby", after=0, limit=9)
    assert list(one["reactions"].items()) == [
        ("☕", [1, ["name 3"]]),
        ("👍", [10, [f"name {9 - n}" for n in range(8)]]),
    ]
    assert two["reactions"] is None


def test_the_newest_revision_is_known_without_alembic() -> None:
    """By the name of its file; a start that finds it has nothing to migrate."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST


def test_a_start_that_finds_the_newest_schema_imports_nothing_of_migrations_nor_of_postgresql(tmp_path: Path) -> None:
    """A third of its time would go there."""
    begin_with_tables(tmp_path)
    program = (
        "import asyncio, sys, app.__main__\n"
        "from app.config import Settings\n"
        "from app.server import start\n"
        f"settings = Settings(host='127.0.0.1', port=0, data={str(tmp_path)!r})\n"
        "async def main(): await (await start(settings)).stop()\n"
        "asyncio.run(main())\n"
        "print(*{'alembic', 'mako', 'psycopg'} & {*sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=MIGRATIONS.parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "", done.stdout
