"""What a damaged file still holds: written to a new one as it is read, so that it is never all in memory."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

from attrs import field, frozen

from . import sqlite_pages, write_ahead
from .layout import PAGE_SIZE, TOTALS, Connect, has_history, keep_newest, prepare
from .leases import Lease, take_down
from .letters import checksum_of
from .ownership import make_private
from .sqlite_pages import Found

BUFFER = 1 << 16
WRITE = (
    "INSERT OR REPLACE INTO letters (number, device_id, body, reason, refused_at, checksum) VALUES (?, ?, ?, ?, ?, ?)"
)


@frozen
class Saved:
    """How many letters could be read, and how many more there had been."""

    letters: int
    lost: int


@frozen
class _Others:
    """What is found among the letters."""

    leases: dict[str, Lease] = field(factory=dict)
    totals: dict[str, int] = field(factory=dict)


def save(damaged: Path, journal: bytes, new: Path, connect: Connect, *, history: bool) -> Saved:
    """Write what can be read of a file and its journal to a new file, which is safe from a power cut then."""
    others = _Others()
    make_private(new)
    with closing(connect(new)) as db:
        prepare(db, new)
        db.execute("PRAGMA journal_mode = OFF").fetchall()  # a file that is not complete is thrown away
        db.execute("BEGIN IMMEDIATE")
        indices = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'letters'")
        statements = dict(indices.fetchall())
        for name in statements:  # they are made faster when all is there
            db.execute(f"DROP INDEX {name}")
        db.executemany(WRITE, _letters(_rows(damaged, journal), others))
        for statement in statements.values():
            db.execute(statement)
        if not history and has_history(db):
            keep_newest(db)
        for lease in others.leases.values():
            take_down(db, lease)
        saved = _counted(db, others.totals)
        db.execute("COMMIT")
    return saved


def _rows(path: Path, journal: bytes) -> Iterator[Found]:
    """Read a file page by page, each from the journal if it is there."""
    _, newer = write_ahead.pages(journal, PAGE_SIZE)
    with path.open("a+b", buffering=BUFFER) as file:  # there may be nothing but a journal
        pages = file.seek(0, 2) // PAGE_SIZE

        def page(number: int) -> bytes:
            if number in newer:
                return newer[number]
            file.seek((number - 1) * PAGE_SIZE)
            return file.read(PAGE_SIZE)

        behind = sorted(number for number in newer if number > pages)
        longest = (pages + len(newer)) * PAGE_SIZE
        yield from sqlite_pages.rows(page, chain(range(1, pages + 1), behind), PAGE_SIZE, longest)


def _letters(rows: Iterator[Found], others: _Others) -> Iterator[tuple[object, ...]]:
    """Yield the letters whose checksums are right, and keep what else there is."""
    for number, columns in rows:
        match columns:
            case [None, device_id, body, reason, at, checksum]:
                if checksum_of(number, device_id, body, reason, at) == checksum:
                    yield number, device_id, body, reason, at, checksum
            case [None, str(device_id), int() | float() as at, int(checksum)]:
                lease = Lease(device_id, float(at))
                if (lease.number, lease.checksum) == (number, checksum):
                    others.leases[device_id] = lease
            case [str(name), int(value)] if name in TOTALS:
                others.totals[name] = max(value, others.totals.get(name, 0))


def _counted(db: sqlite3.Connection, before: dict[str, int]) -> Saved:
    """Write down the totals."""
    letters, last = db.execute("SELECT COUNT(*), COALESCE(MAX(number), 0) FROM letters").fetchone()
    saved = Saved(letters, max(0, before.get("letters", 0) - letters))
    totals = {
        **before,
        "letters": letters,
        "last_number": max(last, before.get("last_number", 0)),
        "saved": before.get("saved", 0) + saved.letters,
        "lost": before.get("lost", 0) + saved.lost,
    }
    db.executemany("INSERT OR REPLACE INTO totals VALUES (?, ?)", totals.items())
    return saved
