"""A database with our tables and nothing in them, ready made: the migrations of an empty one, and to import what runs
them, take a third of a start. Tests of a first start, and of the files of the database, do without."""

import os
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy.engine import make_url

from app.store.connections import migrate


def begin_with_tables(data: Path) -> None:
    """Put one into a data folder that is empty, or does not exist."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(data.iterdir()):
        return
    with os.fdopen(os.open(data / "parlor.db", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(_content())


@cache
def _content() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parlor.db"
        migrate(make_url(f"sqlite:///{path}"))
        assert [one.name for one in path.parent.iterdir()] == [path.name], "all of it is in the file"
        return path.read_bytes()
