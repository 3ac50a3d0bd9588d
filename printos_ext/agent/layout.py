"""The database of an outbox: its tables, its versions, and what tells that it is damaged. No letters of its own."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from .letters import OutboxError, checksum_of

MARK = 0x50724F42  # in the file's header: this database is an outbox
VERSION = 2
PAGE_SIZE = 4096
SETTINGS = (
    f"page_size = {PAGE_SIZE}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",  # who salvages pages must not find letters that were sent
    "temp_store = MEMORY",
)
BASE = "CREATE TABLE letters (number INTEGER PRIMARY KEY, device_id TEXT NOT NULL, body TEXT NOT NULL);"
# What makes a file of each version one of the next.
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
    INSERT INTO totals SELECT 'letters', COUNT(*) FROM letters;
    """,
    """
    CREATE TABLE leases (
        number INTEGER PRIMARY KEY, device_id TEXT NOT NULL, leased_at REAL NOT NULL, checksum INTEGER NOT NULL
    );
    """,
)
TOTALS = ("last_number", "letters", "dropped", "saved", "lost")
DAMAGE = {
    sqlite3.SQLITE_ERROR,  # a table that is not there
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_NOTADB,
}

Connect = Callable[[Path], sqlite3.Connection]


class DamagedError(sqlite3.DatabaseError):
    """Something in the file is not as it was written."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a database, for one thread after the other."""
    return sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Make a database that was just opened an outbox of this version, or say why it is none.

    Raises:
        DamagedError: It was one.
        OutboxError: It is a database of something else, or of a version to come.
    """
    ((version,), (mark,)) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id"))
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    if mark != MARK and tables:
        if "letters" in tables:
            raise DamagedError("the header is not that of an outbox")
        raise OutboxError(f"{path} is a database of something else: name another file")
    if version > VERSION:
        raise OutboxError(f"{path} was written by a newer version of printos: use that one, or another file")
    db.create_function("checksum_of", 3, checksum_of, deterministic=True)
    for setting in SETTINGS:
        db.execute(f"PRAGMA {setting}").fetchall()
    if tables:
        (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise DamagedError(verdict.splitlines()[-1])
    if not tables or version < VERSION:
        steps = "".join([*([] if tables else [BASE]), *UPGRADES[version:]])
        marks = f"PRAGMA application_id = {MARK}; PRAGMA user_version = {VERSION};"
        db.executescript(f"BEGIN IMMEDIATE; {steps} {marks} COMMIT;")


def has_history(db: sqlite3.Connection) -> bool:
    """Tell whether more than one letter of a device waits."""
    numbers = "SELECT COUNT(*), COUNT(DISTINCT device_id) FROM letters WHERE reason IS NULL"
    waiting, devices = db.execute(numbers).fetchone()
    return bool(waiting > devices)


def keep_newest(db: sqlite3.Connection) -> None:
    """Remove all that waits but the newest letter of each device."""
    newest = "SELECT MAX(number) FROM letters WHERE reason IS NULL GROUP BY device_id"
    db.execute(f"DELETE FROM letters WHERE reason IS NULL AND number NOT IN ({newest})")  # noqa: S608 - our own words


def is_damage(error: BaseException) -> bool:
    """Tell whether an error means that the file holds nonsense, and not that the disk is full or gone."""
    if isinstance(error, sqlite3.ProgrammingError) or not isinstance(error, sqlite3.DatabaseError):
        return False
    # Without a code it is Python's: a text that is not UTF-8.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in DAMAGE
