"""What is asked of the database of an outbox; who may only read it can ask, too. Every row is checked."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from .layout import DamagedError
from .letters import Row


def rows(db: sqlite3.Connection, which: str, *values: object) -> Iterator[Row]:
    """Yield the letters of which something is true; `DamagedError` at one that is not as it was written."""
    columns = "number, device_id, body, reason, refused_at, checksum"
    for *texts, checksum in db.execute(f"SELECT {columns} FROM letters WHERE {which}", values):  # noqa: S608 - our own words
        row = Row(*texts)
        if row.checksum != checksum:
            raise DamagedError(f"letter {row.number} is not as it was written")
        yield row


def dead_rows(db: sqlite3.Connection) -> list[Row]:
    """Return the dead letters, the oldest first."""
    return list(rows(db, "reason IS NOT NULL ORDER BY number"))


def totals(db: sqlite3.Connection) -> dict[str, int]:
    """Return what was counted, by its name."""
    return dict(db.execute("SELECT name, value FROM totals"))


def number(db: sqlite3.Connection, question: str) -> int:
    """Return the one number that answers a question."""
    found: Any = db.execute(question).fetchone()
    return int(found[0])


def size_bytes(db: sqlite3.Connection) -> int:
    """Return how much of the file is in use."""
    pages = number(db, "PRAGMA page_count") - number(db, "PRAGMA freelist_count")
    return pages * number(db, "PRAGMA page_size")
