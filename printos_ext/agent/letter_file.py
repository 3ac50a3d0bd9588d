"""The file of an outbox: its layout, who owns it, and the statements that change it. For one thread; no event loop.

Whatever is committed with `durable` survives a power cut; the rest survives the end of the process, however it ends.
"""

import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from .letters import Counts, OutboxError, Row

MARK = 0x50724F42  # in the file's header: this database is an outbox
VERSION = 1
BASE = """
CREATE TABLE letters (number INTEGER PRIMARY KEY, device_id TEXT NOT NULL, body TEXT NOT NULL);
"""
# What makes a file of one version a file of the next.
UPGRADES = (
    """
    ALTER TABLE letters ADD COLUMN reason TEXT;
    ALTER TABLE letters ADD COLUMN refused_at TEXT;
    ALTER TABLE letters ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    UPDATE letters SET checksum = checksum_of(number, device_id, body);
    CREATE INDEX waiting ON letters (device_id, number) WHERE reason IS NULL;
    CREATE INDEX dead ON letters (number) WHERE reason IS NOT NULL;
    CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO totals SELECT 'last_number', COALESCE(MAX(number), 0) FROM letters;
    """,
)
MOST_DEAD = 1000
OVERHEAD = 64  # of a row: numbers, checksum, its place in an index

WhenFull = Literal["refuse", "drop-oldest"]
Connect = Callable[[Path], sqlite3.Connection]
Head = tuple[int, str]


def connect(path: Path) -> sqlite3.Connection:
    """Open a database, for one thread after the other."""
    return sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Be the only one who uses a file: `OutboxError` at once if somebody does."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutboxError(f"{path} cannot be used: {error.strerror}: {error.filename}") from None
    try:
        if not _locked(descriptor):
            owner = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            raise OutboxError(f"{path} is in use by process {owner}: one process owns an outbox; end that one first")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


class LetterFile:
    """An open file; every change is made inside `transaction`."""

    def __init__(self, path: Path, connect: Connect, *, history: bool, max_bytes: int, when_full: WhenFull) -> None:
        """Open the file, make it of this version, and read how much is in it."""
        self._path, self._history, self._max_bytes, self._when_full = path, history, max_bytes, when_full
        self._totals: dict[str, int] = {}
        self._waiting = self._dead = 0
        self._touched: dict[str, None] = {}
        self._db = connect(path)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """Make changes, all of them or none."""
        before = dict(self._totals), self._waiting, self._dead
        self._touched.clear()
        self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            rows = [(name, value) for name, value in self._totals.items() if before[0].get(name) != value]
            self._db.executemany("INSERT OR REPLACE INTO totals VALUES (?, ?)", rows)
            self._db.execute("COMMIT")
        except BaseException:
            self._totals, self._waiting, self._dead = before
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def put(self, letters: Sequence[tuple[str, str]]) -> None:
        """Add letters: each a device and a body, the newest last."""
        self._make_room(sum(len(device_id) * 2 + len(body) + OVERHEAD for device_id, body in letters))
        first = self._totals["last_number"] + 1
        self._totals["last_number"] += len(letters)
        rows = [Row(number, *letter) for number, letter in enumerate(letters, first)]
        if not self._history:
            rows = list({row.device_id: row for row in rows}.values())
            for row in rows:
                self._remove("device_id = ? AND reason IS NULL", row.device_id)
        for row in rows:
            self._insert(row)

    def ack(self, numbers: Iterable[int]) -> None:
        """Remove letters that are still there."""
        for number in numbers:
            self._remove("number = ? AND reason IS NULL", number)

    def bury(self, row: Row) -> None:
        """Keep a letter as a dead one, whether or not it still waits."""
        self._remove("number = ?", row.number)
        self._insert(row)
        if self._dead > MOST_DEAD:
            self._drop_oldest(1, "reason IS NOT NULL")

    def retry(self, number: int) -> None:
        """Let a dead letter wait again."""
        row = self._dead_row(number)
        waiting = None if self._history else self._head(row.device_id, "DESC")
        if waiting and waiting[0] > number:
            raise OutboxError(
                f"letter {number} stays dead: a newer status of device {row.device_id} waits; drop the dead one"
            )
        self._remove("number = ?", number)
        if not self._history:
            self._remove("device_id = ? AND reason IS NULL", row.device_id)
        self._insert(Row(number, row.device_id, row.body))

    def drop(self, number: int) -> None:
        """Remove a dead letter."""
        self._dead_row(number)
        self._remove("number = ?", number)

    def dead(self) -> list[Row]:
        """Return the dead letters, the oldest first."""
        return list(self._rows("reason IS NOT NULL ORDER BY number"))

    def heads(self) -> dict[str, Head]:
        """Return what each device has to send next: number and body, the lowest number first."""
        which = "MIN" if self._history else "MAX"
        found = self._rows(
            f"number IN (SELECT {which}(number) FROM letters WHERE reason IS NULL GROUP BY device_id) ORDER BY number"  # noqa: S608 - two words
        )
        return {row.device_id: (row.number, row.body) for row in found}

    def touched(self) -> dict[str, Head | None]:
        """Return the same of the devices that the last transaction was about; None for those that have nothing."""
        order = "ASC" if self._history else "DESC"
        return {device_id: self._head(device_id, order) for device_id in self._touched}

    def counts(self) -> Counts:
        """Return how full it is."""
        totals = {name: self._totals.get(name, 0) for name in ("dropped", "saved", "lost")}
        return Counts(waiting=self._waiting, dead=self._dead, size_bytes=self._used(), **totals)

    def _prepare(self) -> None:
        self._db.create_function("checksum_of", 3, lambda *columns: Row(*columns).checksum, deterministic=True)
        for setting in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "wal_autocheckpoint = 256"):
            self._db.execute(f"PRAGMA {setting}").fetchall()
        version = self._number("PRAGMA user_version")
        mark = self._number("PRAGMA application_id")
        is_new = self._number("SELECT COUNT(*) FROM sqlite_master") == 0
        if not is_new and mark != MARK:
            raise OutboxError(f"{self._path} is a database of something else: name another file")
        if version > VERSION:
            raise OutboxError(f"{self._path} was written by a newer version of printos: use that one, or another file")
        if is_new or version < VERSION:
            steps = "".join(([BASE] if is_new else []) + list(UPGRADES[version:]))
            marks = f"PRAGMA application_id = {MARK}; PRAGMA user_version = {VERSION};"
            self._db.executescript(f"BEGIN IMMEDIATE; {marks} {steps} COMMIT;")
        self._page_size = self._number("PRAGMA page_size")
        self._totals = dict(self._db.execute("SELECT name, value FROM totals"))
        if not self._history:
            self._db.execute(
                "DELETE FROM letters WHERE reason IS NULL AND number NOT IN"
                " (SELECT MAX(number) FROM letters WHERE reason IS NULL GROUP BY device_id)"
            )
        self._waiting = self._number("SELECT COUNT(*) FROM letters WHERE reason IS NULL")
        self._dead = self._number("SELECT COUNT(*) FROM letters WHERE reason IS NOT NULL")

    def _make_room(self, needed: int) -> None:
        """Do as the policy says if letters do not fit: dead ones go first."""
        share = 1
        if needed > self._max_bytes:
            raise OutboxError(f"{self._path} takes no {needed:,} bytes at once: max_bytes is {self._max_bytes:,}")
        while self._used() + needed > self._max_bytes:
            if self._dead:
                self._drop_oldest(share, "reason IS NOT NULL")
            elif self._when_full == "drop-oldest" and self._waiting:
                self._drop_oldest(share, "reason IS NULL")
            else:
                raise OutboxError(
                    f"{self._path} is full: {self._waiting:,} letters wait, and max_bytes is {self._max_bytes:,};"
                    " see why they are not sent, or raise max_bytes"
                )
            share *= 2

    def _drop_oldest(self, count: int, which: str) -> None:
        found = self._db.execute(f"SELECT number FROM letters WHERE {which} ORDER BY number LIMIT {count}").fetchall()  # noqa: S608 - our own words
        for (number,) in found:
            self._remove("number = ?", number)
        self._totals["dropped"] = self._totals.get("dropped", 0) + len(found)

    def _insert(self, row: Row) -> None:
        self._db.execute(
            "INSERT INTO letters (number, device_id, body, reason, refused_at, checksum) VALUES (?, ?, ?, ?, ?, ?)",
            (row.number, row.device_id, row.body, row.reason, row.refused_at, row.checksum),
        )
        self._count(row.device_id, row.reason, 1)

    def _remove(self, which: str, *values: object) -> None:
        found = self._db.execute(f"SELECT number, device_id, reason FROM letters WHERE {which}", values).fetchall()  # noqa: S608 - our own words
        for number, device_id, reason in found:
            self._db.execute("DELETE FROM letters WHERE number = ?", (number,))
            self._count(device_id, reason, -1)

    def _count(self, device_id: str, reason: str | None, change: int) -> None:
        if reason is None:
            self._waiting += change
            self._touched[device_id] = None
        else:
            self._dead += change

    def _dead_row(self, number: int) -> Row:
        found = next(self._rows("number = ? AND reason IS NOT NULL", number), None)
        if found is None:
            raise OutboxError(f"{self._path} has no dead letter {number}")
        return found

    def _rows(self, which: str, *values: object) -> Iterator[Row]:
        columns = "number, device_id, body, reason, refused_at"
        for columns_ in self._db.execute(f"SELECT {columns} FROM letters WHERE {which}", values):  # noqa: S608 - our own words
            yield Row(*columns_)

    def _head(self, device_id: str, order: str) -> Head | None:
        found: Head | None = self._db.execute(
            f"SELECT number, body FROM letters WHERE device_id = ? AND reason IS NULL ORDER BY number {order} LIMIT 1",  # noqa: S608 - one of two words
            (device_id,),
        ).fetchone()
        return found

    def _used(self) -> int:
        return (self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")) * self._page_size

    def _number(self, question: str) -> int:
        found: Any = self._db.execute(question).fetchone()
        return int(found[0])


def _locked(descriptor: int) -> bool:
    """Lock an open file until it is closed; False if another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - not everywhere

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - the same

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
