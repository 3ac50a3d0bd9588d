"""A look into an outbox that may belong to a running agent: it is only read, never mended, upgraded or owned."""

import sqlite3
from contextlib import closing
from pathlib import Path

from attrs import frozen

from . import queries
from .layout import MARK, VERSION, is_damage
from .letters import Counts, DeadLetter, OutboxError, dead_letter_of

OLDEST = 1  # version that knows dead letters


@frozen
class Contents:
    """What there was to see."""

    counts: Counts
    dead: list[DeadLetter]


def look(path: Path) -> Contents:
    """Return what is in an outbox now; `OutboxError` if there is none that can be read."""
    try:
        return _look(path, is_at_rest=not _has_journal(path))
    except (sqlite3.Error, OSError) as error:
        if is_damage(error):
            told = f"{path} is damaged ({error}): an agent saves what it can when it begins"
        else:
            told = f"{path} cannot be read ({error}): see whether you may, and whether its disk works"
        raise OutboxError(told) from None


def _look(path: Path, *, is_at_rest: bool) -> Contents:
    if not path.exists():
        raise OutboxError(f"there is no outbox {path}: an agent makes it when it begins")
    try:
        with closing(_opened(path, is_at_rest=is_at_rest)) as db:
            return _contents(db, path)
    except sqlite3.Error:
        if is_at_rest and _has_journal(path):  # an agent has just begun
            return _look(path, is_at_rest=False)
        raise


def _has_journal(path: Path) -> bool:
    return path.with_name(f"{path.name}-wal").exists()


def _opened(path: Path, *, is_at_rest: bool) -> sqlite3.Connection:
    """Open a file for reading. One without a journal nobody writes; SQLite would make the journal, and leave it."""
    address = f"{path.absolute().as_uri()}?{'immutable=1' if is_at_rest else 'mode=ro'}"
    return sqlite3.connect(address, uri=True, timeout=5, isolation_level=None)


def _contents(db: sqlite3.Connection, path: Path) -> Contents:
    db.execute("BEGIN")  # all of it as it was at one moment
    mark, version = (queries.number(db, f"PRAGMA {name}") for name in ("application_id", "user_version"))
    if mark != MARK:
        raise OutboxError(f"{path} is no outbox, or is damaged: an agent tells when it begins")
    if not OLDEST <= version <= VERSION:
        raise OutboxError(f"{path} was written by another version of printos: look with that one")
    dead = queries.dead_rows(db)
    waiting = queries.number(db, "SELECT COUNT(*) FROM letters WHERE reason IS NULL")
    dropped, saved, lost = (queries.totals(db).get(name, 0) for name in ("dropped", "saved", "lost"))
    counts = Counts(waiting, len(dead), dropped, queries.size_bytes(db), saved, lost)
    return Contents(counts, [dead_letter_of(row) for row in dead])
